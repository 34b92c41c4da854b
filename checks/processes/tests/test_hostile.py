"""`dm-dns apply` with what it must not be stopped by: the names that resolved still do."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from dm_dns.errors import Error
from dm_dns.files import ReadFile
from dm_dns.node import apply as applying
from dm_dns.node.config import Config
from dm_dns.zone import conf, limits

from checks.processes import unbound
from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import (
    NEW,
    OLD,
    applied,
    bring,
    failed,
    problems,
    served,
    source,
    zone_conf,
)
from checks.processes.wait import until


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)  # without using any of the disk


def long_chain(path: Path) -> None:
    chain = {f"n{number}.pin": f"n{number + 1}.pin" for number in range(20_000)}
    path.write_text(conf.render(conf.Zone("pin", 9, chain, {})))


def many_addresses(path: Path) -> None:
    addresses = tuple(f"fd00::{number:x}" for number in range(1, 60_000))
    path.write_text(conf.render(conf.Zone("pin", 9, {}, {"kiwi.pin": addresses})))


def long_line(path: Path) -> None:
    path.write_bytes(b'local-zone: "pin." transparent\n' + b"x" * 30_000_000)


@pytest.mark.parametrize("place", ["mesh", "deployed", "hosts"])
@pytest.mark.parametrize("make", [Path.mkdir, pipe, device, large])
def test_what_is_not_a_file_is_a_problem_until_it_is_gone(
    machine: PlainMachine, make: Callable[[Path], None], place: str
) -> None:
    paths = {"mesh": machine.mesh_file, "deployed": machine.deployed, "hosts": machine.hosts}
    machine.deployed.write_text(zone_conf(4))
    bring(machine, zone_conf(5))
    applied(machine)
    path = paths[place]
    moved = path.rename(path.with_name("moved"))
    make(path)
    message = failed(machine.apply())
    assert message.startswith(f"dm-dns: {path}: cannot be read: ")
    assert source(machine) == ("kept" if place == "mesh" else "mesh", "5")
    assert served(machine, "irc.pin") == [f"AAAA {OLD}"]
    path.rmdir() if path.is_dir() else path.unlink()
    moved.rename(path)
    applied(machine)


@pytest.mark.parametrize("make", [long_chain, many_addresses, long_line])
def test_what_is_beyond_a_limit_is_a_problem_soon(
    machine: PlainMachine, make: Callable[[Path], None]
) -> None:
    machine.hosts.write_text("127.0.0.2 kiwi.pin kiwi\n")
    bring(machine, zone_conf(5, {"irc.pin": "apfel.pin"}))
    machine.watch()
    until(lambda: source(machine) == ("mesh", "5"), "the first zone is served")
    make(machine.mesh_file)
    until(lambda: problems(machine) != [], "the problem is found")
    assert "limit" in problems(machine)[0]
    assert source(machine) == ("kept", "5")
    bring(machine, zone_conf(6))
    until(lambda: source(machine) == ("mesh", "6"), "the next zone is served")
    until(lambda: problems(machine) == [], "nothing is wrong any more")


def test_a_file_that_keeps_growing_is_a_problem_and_not_waited_for(
    machine: PlainMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "_BUSY_SECONDS", 0.1)
    monkeypatch.setattr(applying, "_PAUSE", 0.1)
    monkeypatch.setattr(applying, "_RESTLESS_SECONDS", 0.5)
    config = Config.read(machine.config)
    bring(machine, zone_conf(5))
    assert applying.apply(config).problems == []
    is_current = ReadFile.is_current

    def grow_and_tell(file: ReadFile) -> bool:
        if file.path == machine.hosts:
            with machine.hosts.open("a") as hosts:
                hosts.write("#\n")
        return is_current(file)

    with monkeypatch.context() as patched:
        patched.setattr(ReadFile, "is_current", grow_and_tell)
        outcome = applying.apply(config)
    assert len(outcome.problems) == 1
    assert outcome.problems[0].startswith(f"{machine.hosts} keeps changing: ")
    assert outcome.served.serial == 5
    machine.hosts.write_text("")
    # Where nothing can be served either, it may be between two changes just when it looks.
    with monkeypatch.context() as patched:
        patched.setattr(ReadFile, "is_current", lambda file: file.path != machine.mesh_file)
        machine.mesh_file.write_text("half")
        with pytest.raises(Error) as caught:
            applying.apply(config._replace(state=machine.directory / "other"))
    told = str(caught.value).splitlines()
    assert told[0].startswith(f"{machine.mesh_file}:1: the last line has no newline")
    assert told[1].startswith(f"{machine.mesh_file} keeps changing: ")
    bring(machine, zone_conf(6))
    assert applying.apply(config).problems == []
    assert source(machine) == ("mesh", "6")


def test_a_hosts_file_that_would_make_the_zone_too_large_is_not_used(
    machine: PlainMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_SERVED", 6)
    bring(machine, zone_conf(5, addresses={"kiwi.pin": ("10.0.0.9", OLD)}))
    machine.hosts.write_text(f"127.0.0.2 kiwi.pin\n{NEW} kiwi.pin\n")
    assert applying.apply(Config.read(machine.config)).problems == []
    assert served(machine, "irc.pin") == [f"AAAA {NEW}"]
    machine.hosts.write_text(f"{NEW} kiwi.pin\n10.0.0.1 kiwi.pin\n10.0.0.2 kiwi.pin\n")
    [problem] = applying.apply(Config.read(machine.config)).problems
    assert problem.startswith(f"{machine.hosts} is not used: with it the zone has 9 records")
    assert served(machine, "irc.pin") == ["CNAME kiwi.pin.", f"AAAA {OLD}"]


def test_a_name_in_etc_hosts_that_no_zone_can_have_is_a_problem_and_all_else_is_served() -> None:
    if unbound.find() is None:
        pytest.skip(unbound.MISSING)
    domain = ".".join(["a" * 63, "a" * 63, "a" * 63, "b" * 48])  # as long as a domain can be
    with PlainMachine(domain=domain) as machine:
        machine.unbound.start()
        own, name = f"kiwi.{domain}", f"irc.{domain}"
        bring(machine, conf.render(conf.Zone(domain, 5, {name: own}, {})))
        machine.hosts.write_text(f"{NEW} {own} {'c' * 13}.{domain}\n")
        message = failed(machine.apply())
        assert "has 254 characters, and a name has at most 253; the name is left out" in message
        assert served(machine, name) == [f"AAAA {NEW}"]
        machine.hosts.write_text(f"{NEW} {own} {'c' * 12}.{domain}\n")
        applied(machine)
