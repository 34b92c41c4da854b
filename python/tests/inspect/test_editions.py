"""Since when a name is as it is, and what changed: on a machine, and in a checkout."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dm_dns.inspect import editions
from dm_dns.inspect.editions import Edition
from dm_dns.node.config import Config
from dm_dns.node.unbound import Unbound
from dm_dns.zone import conf

from .clans import DAY, SERIAL, SPEC, edition, with_endpoints, zone

GIT = SPEC["endpoints"][0]
MOVED = with_endpoints([{**GIT, "machine": "pear"}])
BEFORE = with_endpoints([])


def days_ago(known: list[Edition], name: str) -> tuple[float, bool]:
    since = editions.since(known)[name]
    return (SERIAL - since.serial) / DAY, since.at_least


def test_a_name_is_as_it_is_since_the_oldest_zone_that_has_it_so_without_a_gap() -> None:
    now = with_endpoints([GIT])
    known = [
        edition(now),
        edition(now, days_ago=1),
        edition(MOVED, days_ago=2),
        edition(now, days_ago=3),
        edition(BEFORE, days_ago=4),
    ]
    assert days_ago(known, "git.pin") == (1, False)
    assert days_ago(known[2:], "git.pin") == (0 + 2, False)
    assert days_ago(known, "kiwi.pin") == (4, True)


def test_of_one_zone_nothing_is_known_but_that_it_is_no_younger() -> None:
    assert days_ago([edition()], "git.pin") == (0, True)
    assert editions.since([]) == {}


def test_changes_are_those_between_two_zones_and_the_same_zone_again_is_none() -> None:
    known = [
        edition(MOVED),
        edition(MOVED, days_ago=1),
        edition(with_endpoints([GIT]), days_ago=2),
        edition(BEFORE, days_ago=3),
    ]
    found = [
        (
            (SERIAL - changed.serial) / DAY,
            [(change.kind, change.name) for change in changed.changes],
        )
        for changed in editions.changes(known)
    ]
    assert found == [(1, [("moved", "git.pin")]), (2, [("added", "git.pin")])]


def machine(folder: Path) -> Config:
    (folder / "history").mkdir()
    unbound = Unbound(folder / "control", "127.0.0.1", 1)
    return Config("pin", folder / "mesh", None, folder / "hosts", folder, [], unbound, None)


def keep(config: Config, serial: int, content: bytes | None = None) -> None:
    made = conf.render(zone(serial=serial)).encode()
    path = config.history / f"{serial}.conf"
    path.write_bytes(made if content is None else content)
    os.utime(path, (serial + 5, serial + 5))


def test_a_machine_has_what_it_serves_and_older_zones_that_the_mesh_brought(
    tmp_path: Path,
) -> None:
    config = machine(tmp_path)
    for serial in (SERIAL - 2, SERIAL, SERIAL + 1):  # the last was withdrawn
        keep(config, serial)
    keep(config, SERIAL - 1, b"damaged")
    found = list(editions.of_machine(config, edition()))
    assert [each.zone.serial for each in found] == [SERIAL, SERIAL - 2]
    assert found[1].when.timestamp() == SERIAL + 3


def test_a_machine_without_a_history_has_what_it_serves(tmp_path: Path) -> None:
    config = machine(tmp_path)
    config.history.rmdir()
    assert list(editions.of_machine(config, edition())) == [edition()]


def git(folder: Path, *arguments: str, when: int = SERIAL) -> None:
    who = [f"GIT_{role}_{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
    env = {**os.environ, **dict.fromkeys(who, "admin")}
    env |= {"GIT_AUTHOR_DATE": f"{when} +0000", "GIT_COMMITTER_DATE": f"{when} +0000"}
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, env=env)


def test_a_checkout_has_the_zones_that_were_committed_and_the_one_that_was_not(
    tmp_path: Path,
) -> None:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    path = tmp_path / "vars/shared/dm-dns/zone.conf/value"
    path.parent.mkdir(parents=True)
    git(tmp_path, "init")
    for days, values in ((3, BEFORE), (2, with_endpoints([GIT]))):
        serial = SERIAL - days * DAY
        path.write_text(conf.render(zone(values, serial)))
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-m", "zone", when=serial)
    current = zone(MOVED)
    path.write_text(conf.render(current))
    found = editions.of_checkout(path, current)
    assert [(SERIAL - each.zone.serial) / DAY for each in found] == [0, 2, 3]
    assert [each.when.timestamp() for each in found[1:]] == [SERIAL - 2 * DAY, SERIAL - 3 * DAY]
    # Committed, it has the time of the commit.
    git(tmp_path, "commit", "-a", "-m", "zone", when=SERIAL + 7)
    found = editions.of_checkout(path, current)
    assert [each.when.timestamp() for each in found][:2] == [SERIAL + 7, SERIAL - 2 * DAY]


def test_a_checkout_without_git_has_its_zone(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_text(conf.render(zone()))
    assert [each.zone for each in editions.of_checkout(path, zone())] == [zone()]
