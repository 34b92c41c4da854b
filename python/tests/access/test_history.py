# ruff: noqa: E501 - messages stand here as they are printed
import json
import os
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns.access import history
from dm_dns.cli import main
from dm_dns.zone import conf

NOON = 1795435200


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def keep(serial: int, *hosts: str) -> None:
    Path("history").mkdir(exist_ok=True)
    cnames = dict.fromkeys(hosts, "kiwi.pin")
    made = conf.Zone("pin", serial, cnames, {"kiwi.pin": ("fd00::1",)})
    path = Path(f"history/{serial}.conf")
    path.write_text(conf.render(made))
    os.utime(path, (0, NOON + serial))


def run(*more: str) -> int:
    return main(["history", "--domain", "pin", "--directory", "history", *more])


def test_zones_are_listed_newest_first_with_what_they_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    keep(9, "irc.pin")
    keep(10, "irc.pin", "new.pin")
    keep(100, "new.pin")
    keep(101, "new.pin")
    assert run() == 0
    assert tuple(capsys.readouterr()) == snapshot(
        (
            """\
       101  2026-11-23 12:01:41 UTC  2 records: no name changes
       100  2026-11-23 12:01:40 UTC  2 records: 1 removed
        10  2026-11-23 12:00:10 UTC  3 records: 1 added
         9  2026-11-23 12:00:09 UTC  2 records: 2 added
""",
            "",
        )
    )


def test_json_has_the_same_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    keep(9, "irc.pin")
    keep(10, "new.pin")
    assert run("--json") == 0
    assert json.loads(capsys.readouterr().out) == snapshot(
        [
            {
                "serial": 10,
                "seen": "2026-11-23T12:00:10+00:00",
                "records": 2,
                "sha256": "f00821f1a61f51e1194175e9c603425fa25beb7e41767fee73683a6046688e97",
                "counts": {
                    "added": 1,
                    "removed": 1,
                    "moved": 0,
                    "readdressed": 0,
                    "shared": 0,
                    "unshared": 0,
                    "declared": 0,
                    "redeclared": 0,
                    "undeclared": 0,
                },
            },
            {
                "serial": 9,
                "seen": "2026-11-23T12:00:09+00:00",
                "records": 2,
                "sha256": "6e42ba9e661b8b5cb9e35272e18a914ffd2cba10c56eba17949b9407f9ed91c9",
                "counts": {
                    "added": 2,
                    "removed": 0,
                    "moved": 0,
                    "readdressed": 0,
                    "shared": 0,
                    "unshared": 0,
                    "declared": 0,
                    "redeclared": 0,
                    "undeclared": 0,
                },
            },
        ]
    )


def test_where_nothing_is_kept_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert tuple(capsys.readouterr()) == snapshot(
        (
            "",
            "history has no zone. Machines with the role default keep the zones that came over the mesh, and no others.\n",
        )
    )
    assert run("--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_what_is_not_a_zone_is_said_and_the_others_are_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    keep(9, "irc.pin")
    Path("history/10.conf").write_text("nonsense\n")
    keep(11, "irc.pin", "new.pin")
    assert run() == 1
    assert tuple(capsys.readouterr()) == snapshot(
        (
            """\
        11  2026-11-23 12:00:11 UTC  3 records: 1 added
         9  2026-11-23 12:00:09 UTC  2 records: 2 added
""",
            "history/10.conf:1: expected 'local-zone: \"pin.\" transparent', found 'nonsense'\n",
        )
    )


def test_files_with_other_names_are_not_zones() -> None:
    keep(9)
    for name in ("010.conf", "10.conf.new", "x.conf", "10"):
        Path("history", name).write_text("")
    assert history.serials(Path("history")) == [9]


def test_a_directory_that_cannot_be_read_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    Path("history").write_text("")
    assert run() == 1
    assert tuple(capsys.readouterr()) == snapshot(
        ("", "dm-dns: history: Not a directory. Check the path.\n")
    )


def test_a_zone_is_read_by_its_serial() -> None:
    keep(9, "irc.pin")
    assert history.read(Path("history"), 9, "pin").cnames == {"irc.pin": "kiwi.pin"}
