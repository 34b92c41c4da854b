"""`dm-dns apply --watch` with a real unbound: what it notices, and what the judge says of it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dm_dns.files import version
from dm_dns.node import state

from checks.processes.plain_machine import PlainMachine
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
from checks.processes.wait import until

STILL = 1.6
CONFIRMED = 3.0
"""Seconds after which the state of a change has been written twice."""


def said(node: PlainMachine) -> str:
    return node.log.read_text()


def wait_for(node: PlainMachine, text: str) -> None:
    until(lambda: any(text in line for line in problems(node)), f"the server finds {text!r}")


# -- what it notices


def test_what_is_there_when_it_starts_is_served(node: PlainMachine) -> None:
    bring(node, zone_conf(5))
    node.watch()
    wait_for_serial(node, 5)


def test_each_change_is_served(node: PlainMachine) -> None:
    node.watch()
    for serial in range(5, 25):
        bring(node, zone_conf(serial))
        wait_for_serial(node, serial)


def test_of_many_changes_the_last_is_served(node: PlainMachine) -> None:
    node.watch()
    for serial in range(5, 205):
        bring(node, zone_conf(serial))
    wait_for_serial(node, 204)


def test_changes_while_it_applies_a_large_zone_are_not_missed(node: PlainMachine) -> None:
    node.watch()
    for serial in range(5, 45, 2):
        bring(node, many(serial, OLD, names=20_000))
        time.sleep(0.01 * (serial - 5))
        bring(node, many(serial + 1, NEW, names=10))
        wait_for_serial(node, serial + 1)


def test_a_file_that_is_written_to_is_served_when_it_is_closed(node: PlainMachine) -> None:
    node.watch()
    bring(node, zone_conf(5))
    wait_for_serial(node, 5)
    content = zone_conf(6)
    with node.mesh_file.open("w") as file:
        file.write(content[:50])
        file.flush()
        time.sleep(0.2)
        file.write(content[50:])
    wait_for_serial(node, 6)
    assert node.complaints() == []


def test_a_withdrawn_zone_gives_way_to_the_deployed_one(node: PlainMachine) -> None:
    node.deployed.write_text(zone_conf(4))
    bring(node, zone_conf(5))
    node.watch()
    wait_for_serial(node, 5)
    node.mesh_file.unlink()
    until(lambda: source(node) == ("deployed", "4"), "the deployed zone is served")


def test_a_zone_that_becomes_readable_is_served(node: PlainMachine) -> None:
    node.watch()
    bring(node, "bad\n")
    wait_for(node, f"{node.mesh_file}:1:")
    node.mesh_file.unlink()
    node.mesh_file.symlink_to(node.mesh_file.name)
    wait_for(node, "symbolic links")
    node.mesh_file.unlink()
    bring(node, zone_conf(5))
    wait_for_serial(node, 5)


def mesh(node: PlainMachine) -> Path:
    return node.directory / "mesh"


def folder_comes_later(node: PlainMachine) -> None:
    node.mesh_file.parent.mkdir(parents=True)


def network_is_another_one(node: PlainMachine) -> None:
    (mesh(node) / "files/other/dns").mkdir(parents=True)
    (mesh(node) / "files/other/dns/cnames").write_text(zone_conf(5))
    link = mesh(node) / "files/new"
    link.symlink_to("other")
    link.replace(mesh(node) / "files/home")


def all_is_moved_in(node: PlainMachine) -> None:
    made = node.directory / "made"
    (made / "files/home/dns").mkdir(parents=True)
    (made / "files/home/dns/cnames").write_text(zone_conf(5))
    made.rename(mesh(node))


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
    node: PlainMachine, remove: str | None, make: Callable[[PlainMachine], None], when: str
) -> None:
    node.deployed.write_text(zone_conf(4))

    def take_away() -> None:
        if remove:
            shutil.rmtree(node.directory / remove)

    if when == "before":
        take_away()
    node.watch()
    until(lambda: served(node, "irc.pin"), "the deployed zone is served")
    if when == "while":
        take_away()
    make(node)
    if not node.mesh_file.exists():
        bring(node, zone_conf(5))
    wait_for_serial(node, 5)


def test_changed_hosts_are_served(node: PlainMachine) -> None:
    bring(node, zone_conf(5))
    node.watch()
    wait_for_serial(node, 5)
    node.hosts.write_text("fd00::7 kiwi.pin\n")
    until(lambda: served(node, "kiwi.pin") == ["AAAA fd00::7"], "the new address is served")


def test_the_zone_is_back_when_unbound_has_lost_it(node: PlainMachine) -> None:
    bring(node, zone_conf(5))
    node.watch()
    wait_for_serial(node, 5)
    node.unbound.stop(signal.SIGKILL)
    node.unbound.control.unlink(missing_ok=True)  # as systemd removes its folder
    shutil.rmtree(node.state, ignore_errors=True)  # the server makes it again meanwhile
    node.unbound.start()
    wait_for_serial(node, 5)
    assert node.complaints() == []


def test_without_unbound_it_waits(idle: PlainMachine) -> None:
    idle.watch()
    bring(idle, zone_conf(5))
    until((idle.state / "pin.zone").exists, "the zone file is written")
    assert said(idle) == "pin: serial 5, 3 records, source mesh\n"
    idle.unbound.start()
    wait_for_serial(idle, 5)
    assert idle.complaints() == []


def test_killed_and_started_again_it_goes_on(node: PlainMachine) -> None:
    for serial in range(5, 25):
        watcher = node.watch()
        bring(node, zone_conf(serial))
        time.sleep(0.005 * (serial - 5))
        watcher.kill()
        watcher.wait()
    node.watch()
    wait_for_serial(node, 24)


def test_what_it_wakes_up_for_is_only_what_changed(node: PlainMachine) -> None:
    bring(node, zone_conf(5))
    applied(node)
    node.watch()
    wait_for_serial(node, 5)
    for number in range(20):
        (node.mesh_file.parent / f"other{number}").write_text("")
        (node.directory / "unrelated").write_text(str(number))
    time.sleep(0.5)
    assert said(node).count("\n") == 1


# -- what it leaves for others


def judged(node: PlainMachine) -> str:
    """Return what the judge says: nothing if all is well."""
    run = node.apply("--check")
    assert run.returncode == (1 if run.stderr else 0)
    assert run.stdout == ""
    return run.stderr


@pytest.fixture
def serving(node: PlainMachine) -> PlainMachine:
    """A machine that serves serial 5, from the mesh."""
    bring(node, zone_conf(5))
    node.watch()
    wait_for_serial(node, 5)
    return node


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
    serving: PlainMachine,
) -> None:
    before = state.read(serving.state_file)
    lines = said(serving)
    watcher = serving.watch()
    until(lambda: judged(serving) == "", "all is well")
    assert state.read(serving.state_file).since == before.since
    assert said(serving) == lines
    watcher.terminate()


def test_a_changed_state_is_written_a_second_time_and_then_left_alone(
    serving: PlainMachine,
) -> None:
    time.sleep(CONFIRMED)
    before = version(serving.state_file)
    time.sleep(STILL)
    assert version(serving.state_file) == before
    bring(serving, zone_conf(6))
    until(lambda: version(serving.state_file) != before, "the state is written")
    first = version(serving.state_file)
    until(lambda: version(serving.state_file) != first, "the state is written again")
    second = version(serving.state_file)
    time.sleep(CONFIRMED)
    assert version(serving.state_file) == second


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
    assert state.read(serving.state_file) == before


def test_a_server_that_hangs_is_found(node: PlainMachine) -> None:
    bring(node, zone_conf(5))
    server = node.watch()
    wait_for_serial(node, 5)
    server.send_signal(signal.SIGSTOP)
    bring(node, zone_conf(6))
    assert judged(node) == (
        "dm-dns: dm-dns.service does not serve a file that has changed; see `systemctl status"
        " dm-dns`\n"
    )
    server.send_signal(signal.SIGCONT)
    assert judged(node) == ""
    assert source(node) == ("mesh", "6")


def test_without_a_server_that_is_the_problem(node: PlainMachine) -> None:
    assert judged(node) == (
        f"dm-dns: {node.state_file} does not exist: dm-dns.service does not run; see `systemctl"
        " status dm-dns`\n"
    )


def test_an_unbound_that_is_down_is_found_and_is_not_the_servers_problem(
    serving: PlainMachine,
) -> None:
    serving.unbound.stop()
    serving.unbound.control.unlink(missing_ok=True)
    message = judged(serving)
    assert message.startswith("dm-dns: unbound does not answer queries on ")
    assert "see `systemctl status unbound`" in message
    assert problems(serving) == []
    serving.unbound.start()
    assert judged(serving) == ""


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


# The server, which looks every 7 s for what the kernel does not tell, and not every 60.
OFTEN = (
    "import sys; from dm_dns import cli; from dm_dns.node import server\n"
    "server._CHECK_SECONDS = 7.0; sys.exit(cli.main(sys.argv[1:]))"
)


def test_an_unbound_that_serves_something_else_is_told_again(
    node: PlainMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = node
    bring(serving, zone_conf(5))
    python, _module, _dm_dns, *options = serving.apply_command()
    with monkeypatch.context() as patch:
        patch.setattr(
            serving, "apply_command", lambda *more: [python, "-c", OFTEN, *options, *more]
        )
        serving.watch()
    assert judged(serving) == ""
    zone = serving.state / "pin.zone"
    older = zone.read_bytes()
    bring(serving, zone_conf(6))
    wait_for_serial(serving, 6)
    zone.write_bytes(older)
    serving.unbound.command("auth_zone_reload pin.")
    message = judged(serving)
    assert "unbound does not serve the zone that dm-dns.service loaded" in message
    wait_for_serial(serving, 6)
    assert judged(serving) == ""


def test_a_state_directory_that_is_removed_is_made_again(serving: PlainMachine) -> None:
    for path in serving.state.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    until((serving.state / "pin.zone").exists, "the zone file is written")
    until((serving.state / "kept.conf").exists, "the kept copy is written")
    assert judged(serving) == ""


def test_a_killed_run_is_a_problem_and_is_repeated(node: PlainMachine) -> None:
    bring(node, zone_conf(5))
    server = node.watch()
    wait_for_serial(node, 5)
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    bring(node, many(6, NEW, names=100_000))
    until(lambda: children.read_text() != "", "a run has begun")
    os.kill(int(children.read_text()), signal.SIGKILL)
    until(lambda: problems(node), "the problem is found")
    assert problems(node) == ["serving the zone was ended by signal 9; it is retried"]
    wait_for_serial(node, 6)
    assert judged(node) == ""
