"""`dm-dns apply --watch` with a real unbound: what it notices, and what the judge says of it."""

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dm_dns.files import version
from dm_dns.node import state

from checks.processes.plain_machine import PlainMachine, replace
from checks.processes.tests.helpers import (
    NEW,
    OLD,
    applied,
    bring,
    many,
    problems,
    served,
    source,
    status,
    wait_for_serial,
    zone_conf,
)
from checks.processes.wait import SECONDS, until

STILL = 1.6
CONFIRMED = 3.0
"""Seconds after which the state of a change has been written twice."""


def said(machine: PlainMachine) -> str:
    return machine.log.read_text()


def wait_for(machine: PlainMachine, text: str) -> None:
    until(lambda: any(text in line for line in problems(machine)), f"the server finds {text!r}")


def _empty(directory: Path) -> None:
    """Remove what a directory has, and not the directory: only systemd could make it again."""
    for path in directory.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


# -- what it notices


def test_what_is_there_when_it_starts_is_served(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    machine.watch()
    wait_for_serial(machine, 5)


def test_each_change_is_served(machine: PlainMachine) -> None:
    machine.watch()
    for serial in range(5, 25):
        bring(machine, zone_conf(serial))
        wait_for_serial(machine, serial)


def test_of_many_changes_the_last_is_served(machine: PlainMachine) -> None:
    machine.watch()
    for serial in range(5, 205):
        bring(machine, zone_conf(serial))
    wait_for_serial(machine, 204)


def test_changes_while_it_applies_a_large_zone_are_not_missed(machine: PlainMachine) -> None:
    machine.watch()
    for serial in range(5, 45, 2):
        bring(machine, many(serial, OLD, names=20_000))
        time.sleep(0.01 * (serial - 5))
        bring(machine, many(serial + 1, NEW, names=10))
        wait_for_serial(machine, serial + 1)


def test_a_file_that_is_written_to_is_served_when_it_is_closed(machine: PlainMachine) -> None:
    machine.watch()
    bring(machine, zone_conf(5))
    wait_for_serial(machine, 5)
    content = zone_conf(6)
    with machine.mesh_file.open("w") as file:
        file.write(content[:50])
        file.flush()
        time.sleep(0.2)
        file.write(content[50:])
    wait_for_serial(machine, 6)
    assert machine.complaints() == []


def test_a_withdrawn_zone_gives_way_to_the_deployed_one(machine: PlainMachine) -> None:
    machine.deployed.write_text(zone_conf(4))
    bring(machine, zone_conf(5))
    machine.watch()
    wait_for_serial(machine, 5)
    machine.mesh_file.unlink()
    until(lambda: source(machine) == ("deployed", "4"), "the deployed zone is served")


def test_a_zone_that_becomes_readable_is_served(machine: PlainMachine) -> None:
    machine.watch()
    bring(machine, "bad\n")
    wait_for(machine, f"{machine.mesh_file}:1:")
    machine.mesh_file.unlink()
    machine.mesh_file.symlink_to(machine.mesh_file.name)
    wait_for(machine, "symbolic links")
    machine.mesh_file.unlink()
    bring(machine, zone_conf(5))
    wait_for_serial(machine, 5)


def mesh(machine: PlainMachine) -> Path:
    return machine.directory / "mesh"


def folder_comes_later(machine: PlainMachine) -> None:
    machine.mesh_file.parent.mkdir(parents=True)


def network_is_another_one(machine: PlainMachine) -> None:
    (mesh(machine) / "files/other/dns").mkdir(parents=True)
    (mesh(machine) / "files/other/dns/cnames").write_text(zone_conf(5))
    link = mesh(machine) / "files/new"
    link.symlink_to("other")
    link.replace(mesh(machine) / "files/home")


def all_is_moved_in(machine: PlainMachine) -> None:
    made = machine.directory / "made"
    (made / "files/home/dns").mkdir(parents=True)
    (made / "files/home/dns/cnames").write_text(zone_conf(5))
    made.rename(mesh(machine))


@pytest.mark.parametrize(
    ("remove", "make"),
    [
        ("mesh", folder_comes_later),
        ("mesh/files", folder_comes_later),
        ("mesh/files/home/dns", folder_comes_later),
        (None, network_is_another_one),
        ("mesh", all_is_moved_in),
    ],
)
@pytest.mark.parametrize("when", ["before", "while"])
def test_folders_may_come_and_go(
    machine: PlainMachine, remove: str | None, make: Callable[[PlainMachine], None], when: str
) -> None:
    machine.deployed.write_text(zone_conf(4))

    def take_away() -> None:
        if remove:
            shutil.rmtree(machine.directory / remove)

    if when == "before":
        take_away()
    machine.watch()
    until(lambda: served(machine, "irc.pin"), "the deployed zone is served")
    if when == "while":
        take_away()
    make(machine)
    if not machine.mesh_file.exists():
        bring(machine, zone_conf(5))
    wait_for_serial(machine, 5)


def test_changed_hosts_are_served(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    machine.watch()
    wait_for_serial(machine, 5)
    machine.hosts.write_text("fd00::7 kiwi.pin\n")
    until(lambda: served(machine, "kiwi.pin") == ["AAAA fd00::7"], "the new address is served")


def test_changed_hosts_behind_a_link_are_served(idle: PlainMachine) -> None:
    target = idle.directory / "persist/etc/hosts"
    target.parent.mkdir(parents=True)
    target.write_text("")
    idle.hosts.unlink()
    idle.hosts.symlink_to(target)
    bring(idle, zone_conf(5))
    idle.boot()
    wait_for_serial(idle, 5)
    time.sleep(CONFIRMED)  # after that it looks once more, whatever happens
    replace(target, "fd00::7 kiwi.pin\n")
    until(lambda: served(idle, "kiwi.pin") == ["AAAA fd00::7"], "the new address is served")


def test_a_folder_that_is_replaced_behind_a_link_is_followed(idle: PlainMachine) -> None:
    networks = idle.directory / "networks"
    (networks / "a/dns").mkdir(parents=True)
    home = mesh(idle) / "files/home"
    shutil.rmtree(home) if not home.is_symlink() else home.unlink()
    home.symlink_to(networks / "a")
    bring(idle, zone_conf(5))
    idle.boot()
    wait_for_serial(idle, 5)
    time.sleep(CONFIRMED)
    (networks / "a").rename(networks / "old")
    (networks / "a/dns").mkdir(parents=True)
    bring(idle, zone_conf(6))
    wait_for_serial(idle, 6)


def test_the_zone_is_back_when_unbound_has_lost_it(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    machine.watch()
    wait_for_serial(machine, 5)
    machine.unbound.stop(signal.SIGKILL)
    machine.unbound.control.unlink(missing_ok=True)  # as systemd removes its folder
    _empty(machine.state)
    machine.unbound.start()
    wait_for_serial(machine, 5)
    assert machine.complaints() == []


def test_without_unbound_it_waits(idle: PlainMachine) -> None:
    idle.watch()
    bring(idle, zone_conf(5))
    line = r"pin: serial 5, 3 records, source mesh, in [0-9]+ ms\n"
    until(lambda: re.fullmatch(line, said(idle)) is not None, "the zone is told")
    assert (idle.state / "pin.zone").exists()
    idle.unbound.start()
    wait_for_serial(idle, 5)
    assert idle.complaints() == []


def test_killed_and_started_again_it_goes_on(machine: PlainMachine) -> None:
    for serial in range(5, 25):
        watcher = machine.watch()
        bring(machine, zone_conf(serial))
        time.sleep(0.005 * (serial - 5))
        watcher.kill()
        watcher.wait()
    machine.watch()
    wait_for_serial(machine, 24)


def test_what_it_wakes_up_for_is_only_what_changed(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    machine.watch()
    wait_for_serial(machine, 5)
    for number in range(20):
        (machine.mesh_file.parent / f"other{number}").write_text("")
        (machine.directory / "unrelated").write_text(str(number))
    time.sleep(0.5)
    assert said(machine).count("\n") == 1


# -- what it leaves for others


def judged(machine: PlainMachine) -> str:
    """Return what the judge says: nothing if all is well."""
    run = machine.apply("--check")
    assert run.returncode == (1 if run.stderr else 0)
    assert run.stdout == ""
    return run.stderr


@pytest.fixture
def serving(machine: PlainMachine) -> PlainMachine:
    """A machine that serves serial 5, from the mesh."""
    bring(machine, zone_conf(5))
    machine.watch()
    wait_until_found(machine, 5)
    return machine


def wait_until_found(machine: PlainMachine, serial: int) -> None:
    """Wait until the server has written that this zone is served."""

    def serials() -> bool:
        found = state.read(machine.state_file).served
        return found is not None and found.serial == serial

    until(lambda: machine.state_file.exists() and serials(), f"serial {serial} is found")


def is_left_alone(machine: PlainMachine) -> bool:
    """Tell whether the state is not written for a while that its second writing is in."""
    before = version(machine.state_file)
    time.sleep(CONFIRMED)
    return version(machine.state_file) == before


def test_the_judge_says_what_the_server_has_found(serving: PlainMachine) -> None:
    assert judged(serving) == ""
    bring(serving, "bad\n")
    message = judged(serving)
    assert message.startswith(f"dm-dns: {serving.mesh_file}:1: ")
    assert message.endswith("\nmeanwhile pin is served: serial 5, 3 records, source kept\n")
    bring(serving, zone_conf(7))
    assert judged(serving) == ""
    assert source(serving) == ("mesh", "7")
    # What is wrong is said once, by the judge.
    assert serving.complaints() == []


def test_the_state_says_what_is_served_and_since_when(serving: PlainMachine) -> None:
    before = state.read(serving.state_file)
    assert before.served
    assert (before.served.serial, before.served.records, before.served.source) == (5, 3, "mesh")
    assert before.served.sha256 == status(serving)["sha256"]
    assert before.since
    assert 0 <= time.time() - before.since < 60
    assert before.problems == []
    assert before.inputs.keys() == {
        str(serving.mesh_file),
        str(serving.hosts),
        str(serving.deployed),
    }
    bring(serving, "bad\n")
    until(lambda: state.read(serving.state_file).problems, "the server has read the file")
    after = state.read(serving.state_file)
    assert after.served
    assert after.served.source == "kept"
    assert serving.state_file.stat().st_mode & 0o777 == 0o644


def test_a_restart_with_the_same_zone_changes_nothing_and_is_not_logged(
    machine: PlainMachine,
) -> None:
    bring(machine, zone_conf(5))
    server = machine.watch()
    wait_for_serial(machine, 5)
    until(lambda: judged(machine) == "", "all is well")
    before = state.read(machine.state_file)
    lines = said(machine)
    server.terminate()
    server.wait()
    server = machine.watch()
    until(lambda: judged(machine) == "", "all is well")
    after = state.read(machine.state_file)
    assert after.since == before.since
    assert after.pid == server.pid
    assert said(machine) == lines


def test_a_changed_state_is_left_alone_in_the_end(serving: PlainMachine) -> None:
    until(lambda: is_left_alone(serving), "the state is left alone")
    bring(serving, zone_conf(6))
    wait_until_found(serving, 6)
    until(lambda: is_left_alone(serving), "the state is left alone again")


@pytest.mark.parametrize("content", [None, "", "{}", "[1]"])
def test_a_state_that_somebody_changes_is_written_again(
    serving: PlainMachine, content: str | None
) -> None:
    before = state.read(serving.state_file)
    if content is None:
        serving.state_file.unlink()
    else:
        serving.state_file.write_text(content)
    assert judged(serving) == ""
    after = state.read(serving.state_file)
    assert after._replace(written=before.written) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_any_user_may_ask_the_judge(serving: PlainMachine) -> None:
    serving.mesh_file.parents[1].chmod(0o700)  # as data-mesher's folder is
    until(lambda: state.read(serving.state_file).served, "the state is written")
    other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    environment = {**os.environ, "RUNTIME_DIRECTORY": str(serving.runtime)}
    judge = subprocess.run(
        [*other, *serving.apply_command("--check")],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (judge.returncode, judge.stderr) == (0, "")


def test_a_server_that_hangs_is_found(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    server = machine.watch()
    wait_for_serial(machine, 5)
    server.send_signal(signal.SIGSTOP)
    bring(machine, zone_conf(6))
    assert judged(machine) == (
        "dm-dns: dm-dns.service does not serve a file that has changed; `dm-dns doctor` says"
        " what to type\n"
    )
    server.send_signal(signal.SIGCONT)
    assert judged(machine) == ""
    assert source(machine) == ("mesh", "6")


def test_a_server_that_was_stopped_is_found(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    server = machine.watch()
    wait_for_serial(machine, 5)
    assert judged(machine) == ""
    server.terminate()
    server.wait()
    assert judged(machine) == (
        "dm-dns: dm-dns.service no longer runs; `dm-dns doctor` says what to type\n"
    )
    machine.watch()
    assert judged(machine) == ""


def test_without_a_server_that_is_the_problem(machine: PlainMachine) -> None:
    assert judged(machine) == (
        f"dm-dns: {machine.state_file} does not exist: dm-dns.service does not run;"
        " `dm-dns doctor` says what to type\n"
    )


def test_an_unbound_that_is_down_is_found_and_is_not_the_servers_problem(
    serving: PlainMachine,
) -> None:
    serving.unbound.stop()
    serving.unbound.control.unlink(missing_ok=True)
    message = judged(serving)
    assert message.startswith("dm-dns: unbound does not answer queries on ")
    assert "`dm-dns doctor` says what to type" in message
    assert problems(serving) == []
    serving.unbound.start()
    assert judged(serving) == ""


def test_when_unbound_has_started_the_state_is_written_again_so_that_it_is_judged_again(
    serving: PlainMachine,
) -> None:
    time.sleep(CONFIRMED)
    found, lines = state.read(serving.state_file), said(serving)
    serving.unbound.stop()
    serving.unbound.control.unlink(missing_ok=True)
    time.sleep(STILL)
    before = version(serving.state_file)
    serving.unbound.start()
    until(lambda: version(serving.state_file) != before, "the state is written")
    after = state.read(serving.state_file)
    assert after._replace(written=found.written) == found
    assert said(serving) == lines


def test_an_unbound_that_starts_soon_is_waited_for(serving: PlainMachine) -> None:
    serving.unbound.stop()
    serving.unbound.control.unlink(missing_ok=True)
    judge = subprocess.Popen(
        serving.apply_command("--check"),
        env={"RUNTIME_DIRECTORY": str(serving.runtime)},
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(1)
    serving.unbound.start()
    assert (judge.communicate()[1], judge.returncode) == ("", 0)


# -- what the journal is told by a check that runs again and again


@pytest.fixture
def told(
    serving: PlainMachine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], tuple[int, str, str]]]:
    """Run the check as systemd does; return its status, what it says, and what it tells systemd."""
    path = serving.directory / "systemd"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        systemd.settimeout(SECONDS)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))

        def check() -> tuple[int, str, str]:
            run = serving.apply("--check")
            assert run.stdout == ""
            return run.returncode, run.stderr, systemd.recv(1000).decode()

        yield check


def test_a_problem_that_lasts_is_told_once_and_once_that_it_is_over(
    serving: PlainMachine, told: Callable[[], tuple[int, str, str]]
) -> None:
    assert told() == (0, "", "STATUS=all is well")
    bring(serving, "nonsense\n")
    until(lambda: state.read(serving.state_file).problems, "the server has found it")
    (problem,) = state.read(serving.state_file).problems
    said = f"dm-dns: {problem}; meanwhile {serving.domain} is served: serial 5, "
    status, first, shown = told()
    assert (status, first.startswith(said), first.count("\n")) == (1, True, 1)
    assert shown == f"STATUS={problem}"
    assert told() == (1, "", f"STATUS={problem}")
    bring(serving, zone_conf(6))
    wait_for_serial(serving, 6)
    until(lambda: not state.read(serving.state_file).problems, "the server has forgotten it")
    status, last, shown = told()
    assert re.fullmatch(rf"dm-dns: over after [0-9]+ s: {re.escape(problem)}\n", last)
    assert (status, shown) == (0, "STATUS=all is well")
    assert told() == (0, "", "STATUS=all is well")


def test_that_the_state_cannot_be_written_is_said_once_and_once_that_it_can(
    serving: PlainMachine,
) -> None:
    block = serving.state_file.with_name("state.json.new")
    block.mkdir()
    serving.state_file.unlink()
    problem = f"{serving.state_file} cannot be written: Is a directory"
    until(lambda: problem in said(serving), "it is said")
    for serial in (6, 7):  # after the last but one it has tried again
        bring(serving, zone_conf(serial))
        until(lambda: f"pin: serial {serial}, " in said(serving), "it goes on")  # noqa: B023
    assert serving.complaints() == [f"dm-dns: {problem}"]
    block.rmdir()
    until(lambda: f"over: {problem}" in said(serving), "it is over")


# -- the certificate of data-mesher


def certificate(ends: float) -> bytes:
    begins = int(ends) - 90 * 86400
    return struct.pack(">32sQQ64s64s", b"", begins, int(ends), b"", b"")


@pytest.fixture
def unit(serving: PlainMachine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the certificate, for a check that runs as its unit."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(serving.directory))
    return serving.directory / "certificate"


def test_monitoring_is_told_when_the_certificate_ends(unit: Path, serving: PlainMachine) -> None:
    ends = int(time.time()) + 86400
    unit.write_bytes(certificate(ends))
    assert judged(serving) == ""
    metrics = serving.runtime / "certificate.prom"
    assert f'{{domain="{serving.domain}"}} {ends}\n' in metrics.read_text()
    unit.write_text("missing")
    assert judged(serving) == ""
    assert not metrics.exists()


def test_a_certificate_that_has_ended_is_a_problem(unit: Path, serving: PlainMachine) -> None:
    unit.write_bytes(certificate(time.time() - 60))
    assert judged(serving).startswith("dm-dns: data-mesher's certificate ended at ")


def test_a_check_by_hand_changes_nothing_and_judges_the_certificate_as_far_as_it_may(
    serving: PlainMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    path = serving.directory / "identity.cert"
    config = json.loads(serving.config.read_text())
    serving.config.write_text(json.dumps({**config, "certificate": str(path)}))
    assert judged(serving) == ""
    path.write_bytes(certificate(time.time() - 60))
    assert "certificate ended" in judged(serving)
    assert not (serving.runtime / "certificate.prom").exists()


# The server, which looks every 7 s for what the kernel does not tell, and not every 60.
OFTEN = (
    "import sys; from dm_dns import cli; from dm_dns.node import server\n"
    "server._CHECK_SECONDS = 7.0; sys.exit(cli.main(sys.argv[1:]))"
)


@pytest.fixture
def checking(machine: PlainMachine, monkeypatch: pytest.MonkeyPatch) -> subprocess.Popen[bytes]:
    """A server that looks often, and serves serial 5."""
    bring(machine, zone_conf(5))
    python, _module, _dm_dns, *options = machine.apply_command()
    with monkeypatch.context() as patch:
        patch.setattr(
            machine, "apply_command", lambda *more: [python, "-c", OFTEN, *options, *more]
        )
        server = machine.watch()
    wait_until_found(machine, 5)
    return server


@pytest.mark.usefixtures("checking")
def test_without_any_event_the_state_is_written_regularly_so_that_a_failed_check_is_repeated(
    machine: PlainMachine,
) -> None:
    until(lambda: is_left_alone(machine), "the state is left alone")
    before, first = state.read(machine.state_file), version(machine.state_file)
    until(lambda: version(machine.state_file) != first, "the state is written")
    after = state.read(machine.state_file)
    assert after.written > before.written
    assert after._replace(written=before.written) == before


def test_a_server_that_hangs_is_told(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    server = machine.watch()
    assert judged(machine) == ""
    server.send_signal(signal.SIGSTOP)
    found = state.read(machine.state_file)
    found._replace(written=found.written - 300).write(machine.state_file)
    message = judged(machine)
    assert message.startswith(
        "dm-dns: dm-dns.service hangs: for 240 s it has not written what it found"
    )
    server.send_signal(signal.SIGCONT)
    assert judged(machine) == ""


def test_an_unbound_that_serves_something_else_is_told_again(
    machine: PlainMachine, checking: subprocess.Popen[bytes]
) -> None:
    assert judged(machine) == ""
    zone = machine.state / "pin.zone"
    older = zone.read_bytes()
    bring(machine, zone_conf(6))
    wait_until_found(machine, 6)
    checking.send_signal(signal.SIGSTOP)  # which looks again before the judge has judged
    zone.write_bytes(older)
    machine.unbound.command("auth_zone_reload pin.")
    message = judged(machine)
    assert "unbound does not serve the zone that dm-dns.service loaded" in message
    checking.send_signal(signal.SIGCONT)
    wait_for_serial(machine, 6)
    assert judged(machine) == ""


def test_a_state_directory_that_is_removed_is_made_again(serving: PlainMachine) -> None:
    _empty(serving.state)
    until((serving.state / "pin.zone").exists, "the zone file is written")
    until((serving.state / "kept.conf").exists, "the kept copy is written")
    assert judged(serving) == ""


def test_a_runtime_directory_that_is_removed_ends_the_server_so_that_systemd_makes_it_again(
    machine: PlainMachine,
) -> None:
    bring(machine, zone_conf(5))
    server = machine.watch()
    wait_for_serial(machine, 5)
    machine.runtime.rename(machine.directory / "old")
    assert server.wait(SECONDS) == 1
    assert machine.complaints() == [
        f"dm-dns: {machine.runtime} was removed; `systemctl restart dm-dns` makes it again"
    ]


def test_a_killed_run_is_a_problem_and_is_repeated(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    server = machine.watch()
    wait_for_serial(machine, 5)
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    bring(machine, many(6, NEW, names=100_000))
    until(lambda: children.read_text() != "", "a run has begun")
    os.kill(int(children.read_text()), signal.SIGKILL)
    until(lambda: problems(machine), "the problem is found")
    assert problems(machine) == ["serving the zone was ended by signal 9; it is retried"]
    wait_for_serial(machine, 6)
    assert judged(machine) == ""
