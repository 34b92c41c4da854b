"""`dm-dns apply` when something goes wrong: names that resolved still do."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from checks.processes import ports
from checks.processes.control import Control, configure
from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import (
    NEW,
    OLD,
    Asker,
    applied,
    bring,
    failed,
    files,
    foreign_unbound,
    loading,
    many,
    problems,
    rcode,
    served,
    source,
    unchanged,
    wait_for_serial,
    written,
    zone_conf,
)
from checks.processes.wait import until

NAMES = ["a.pin", "host0.pin", "host199.pin", "kiwi.pin"]
SETTLED = {"pin.zone", "kept.conf", "lock"}
KILLS = 100


def run(machine: PlainMachine, *prefix: str) -> subprocess.CompletedProcess[str]:
    """Run apply by another program."""
    return subprocess.run(
        [*prefix, *machine.apply_command()], check=False, capture_output=True, text=True
    )


# -- files


def test_a_file_that_may_not_be_read_is_named_and_the_names_stay(machine: PlainMachine) -> None:
    machine.deployed.write_text(zone_conf(1, {"irc.pin": "kiwi.pin"}))
    bring(machine, zone_conf(5))
    applied(machine)
    bring(machine, zone_conf(6))
    machine.mesh_file.chmod(0)
    message = failed(run(machine, *without_capabilities()))
    assert message.startswith(f"dm-dns: {machine.mesh_file}: cannot be read: Permission denied\n")
    assert source(machine) == ("kept", "5")
    assert served(machine, "mail.pin") == [f"AAAA {OLD}"]


def without_capabilities() -> list[str]:
    """Return what makes a command obey file modes, as the unit's user does; root need not."""
    if os.geteuid() != 0:
        return []
    setpriv = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    if (
        shutil.which("setpriv") is None
        or subprocess.run([*setpriv, "true"], check=False).returncode
    ):
        pytest.skip("root cannot give up its capabilities here (needs setpriv of util-linux)")
    return setpriv


def test_a_full_disk_leaves_the_old_zone_and_no_temporary_file(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    before = (machine.state / "pin.zone").read_bytes()
    bring(machine, many(6, NEW))
    # A limit to the size of files (setrlimit(2)) looks to it like a full disk, and needs no root.
    message = failed(run(machine, "prlimit", "--fsize=4096"))
    assert message == f"dm-dns: {machine.state}/kept.conf: File too large\n"
    assert source(machine) == ("mesh", "5")
    assert served(machine, "irc.pin") == [f"AAAA {OLD}"]
    assert (machine.state / "pin.zone").read_bytes() == before
    assert not [name for name in files(machine) if name.endswith(".new")]
    applied(machine)
    assert source(machine) == ("mesh", "6")
    assert files(machine) == SETTLED


def test_a_history_that_cannot_be_written_is_a_problem_and_the_new_zone_is_served(
    machine: PlainMachine,
) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    history = machine.state / "history"
    shutil.rmtree(history)
    history.touch()
    bring(machine, zone_conf(6))
    message = failed(machine.apply())
    assert message.startswith(f"dm-dns: {history}: File exists; the history lacks a zone\n")
    assert source(machine) == ("mesh", "6")
    history.unlink()
    applied(machine)
    assert (history / "6.conf").exists()


def test_a_state_directory_that_vanished_is_made_again(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    shutil.rmtree(machine.state)
    applied(machine)
    assert source(machine) == ("mesh", "5")
    assert files(machine) == SETTLED


# -- changes while it runs


def test_a_change_during_a_run_is_served_by_that_run(
    machine: PlainMachine, recorded: Control
) -> None:
    bring(machine, zone_conf(5))

    def change_first(command: str, pass_on: Callable[[], bytes]) -> bytes:
        if command == loading()[-1] and recorded.commands.count(command) == 1:
            bring(machine, zone_conf(6))
        return pass_on()

    recorded.answer = change_first
    assert applied(machine) == "pin: serial 6, 3 records, source mesh\n"
    assert source(machine) == ("mesh", "6")
    assert recorded.commands == loading() * 2


def test_a_bad_zone_that_is_repaired_during_a_run_is_not_an_error(
    machine: PlainMachine, recorded: Control
) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    bring(machine, "bad\n")

    def repair_first(command: str, pass_on: Callable[[], bytes]) -> bytes:
        if command == loading()[0]:
            bring(machine, zone_conf(6))
        return pass_on()

    recorded.answer = repair_first
    applied(machine)
    assert source(machine) == ("mesh", "6")


def test_a_file_written_piece_by_piece_is_served_in_whole_or_not_at_all(
    machine: PlainMachine,
) -> None:
    bring(machine, many(1, OLD))
    applied(machine)
    machine.watch()
    with Asker(machine, NAMES, {OLD, NEW}) as asker:
        for serial in range(2, 8):
            content = many(serial, (OLD, NEW)[serial % 2]).encode()
            for part, mode in ((content[:5500], "wb"), (content[5500:], "ab")):
                with machine.mesh_file.open(mode) as file:
                    file.write(part)
                is_half = mode == "wb"
                until(lambda: bool(problems(machine)) == is_half, "the server has read the file")  # noqa: B023
                # Half of each file was read, and nothing else was wrong.
                assert all(line.startswith(f"{machine.mesh_file}:") for line in problems(machine))
            wait_for_serial(machine, serial)
    assert asker.asked
    assert asker.wrong == []
    assert machine.complaints() == []


def test_killed_at_any_point_it_leaves_only_old_or_new_values(machine: PlainMachine) -> None:
    bring(machine, many(1, OLD))
    started = time.monotonic()
    applied(machine)
    longest = time.monotonic() - started
    statuses = []
    with Asker(machine, NAMES, {OLD, NEW}) as asker:
        for count in range(KILLS):
            bring(machine, many(2 + count, (NEW, OLD)[count % 2]))
            process = subprocess.Popen(
                machine.apply_command(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            # Every hundredth of a run once, in an order that goes back and forth.
            seconds = longest * (count * 37 % KILLS) / KILLS
            time.sleep(seconds)
            process.kill()
            _, stderr = process.communicate()
            assert stderr == b""
            statuses.append(process.returncode)
            if process.returncode == 0:  # the machine is less busy than it was before
                longest = seconds
        assert not asker.wrong
        bring(machine, many(999, NEW))
        applied(machine)
    assert asker.asked > KILLS
    assert asker.wrong == []
    assert statuses.count(-signal.SIGKILL) > KILLS / 4
    assert source(machine) == ("mesh", "999")
    assert {served(machine, name)[-1] for name in NAMES} == {f"AAAA {NEW}"}
    assert files(machine) == SETTLED


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_the_loading_it_keeps_no_older_zone_than_was_served(
    machine: PlainMachine, recorded: Control, when: str
) -> None:
    machine.deployed.write_text(zone_conf(1, {"irc.pin": "kiwi.pin"}))
    bring(machine, zone_conf(5))
    applied(machine)
    bring(machine, zone_conf(6))
    recorded.answer = lambda _command, pass_on: kill(pass_on)
    processes: list[subprocess.Popen[bytes]] = []
    started = threading.Event()

    def kill(pass_on: Callable[[], bytes]) -> bytes:
        assert started.wait(30)
        answer = pass_on() if when == "after" else b""
        if b"unknown command" not in answer:
            processes[0].kill()
        return answer

    processes.append(subprocess.Popen(machine.apply_command()))
    started.set()
    assert processes[0].wait() == -signal.SIGKILL
    recorded.answer = lambda _command, pass_on: pass_on()
    before = source(machine)
    assert before == ("mesh", "6" if when == "after" else "5")
    assert (machine.state / "history/6.conf").exists()
    bring(machine, "bad\n")
    failed(machine.apply())
    kept, serial = source(machine)
    assert kept == "kept"
    # Never an older one; 6 in both cases is right too: it is valid and was on its way.
    assert int(serial) >= int(before[1])


def test_runs_at_once_take_turns(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    for serial in range(6, 11):
        bring(machine, zone_conf(serial))
        runs = [
            subprocess.Popen(
                machine.apply_command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(3)
        ]
        said = sorted(process.communicate() for process in runs)
        assert said == [
            (f"pin: serial {serial}, 3 records, source mesh\n", ""),
            (unchanged(machine), ""),
            (unchanged(machine), ""),
        ]
        assert source(machine) == ("mesh", str(serial))
    assert files(machine) == SETTLED


# -- unbound


def test_without_unbound_the_zone_is_written_and_served_when_it_starts(idle: PlainMachine) -> None:
    bring(idle, zone_conf(5))
    message = failed(idle.apply())
    assert message.startswith(
        f"dm-dns: unbound does not answer on its control socket {idle.unbound.control}: "
    )
    assert "`dm-dns doctor` says what to type" in message
    idle.unbound.start()
    assert source(idle) == ("mesh", "5")
    applied(idle)
    assert files(idle) == SETTLED


def test_a_restarted_unbound_serves_the_last_zone(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    machine.unbound.stop(signal.SIGKILL)
    machine.unbound.start()
    assert source(machine) == ("mesh", "5")
    assert applied(machine) == unchanged(machine)


def test_an_unbound_that_started_with_an_older_zone_is_brought_up_to_date(
    machine: PlainMachine,
) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    bring(machine, zone_conf(6))
    written(machine)  # unbound does not know
    assert source(machine) == ("mesh", "5")
    applied(machine)
    assert source(machine) == ("mesh", "6")
    assert files(machine) == SETTLED


def test_a_zone_that_unbound_does_not_take_gives_way_to_the_one_before(
    machine: PlainMachine, recorded: Control
) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    before = (machine.state / "pin.zone").read_bytes()
    bring(machine, zone_conf(6))
    recorded.answer = lambda _command, _pass_on: b"ok\n"
    message = failed(machine.apply())
    assert "it answered 'ok'" in message
    assert "the previous zone is back. See `journalctl -u unbound`" in message
    assert (machine.state / "pin.zone").read_bytes() == before
    assert files(machine) == SETTLED
    assert source(machine) == ("mesh", "5")
    recorded.answer = lambda _command, pass_on: pass_on()
    applied(machine)
    assert source(machine) == ("mesh", "6")


def test_an_unbound_that_loads_another_file_is_an_error(idle: PlainMachine) -> None:
    bring(idle, zone_conf(5))
    written(idle)
    other = idle.directory / "other.zone"
    shutil.copy(idle.state / "pin.zone", other)
    bring(idle, zone_conf(6))
    with running(idle, domain="pin", zonefile_name="other.zone"):
        message = failed(idle.apply())
        assert f"unbound does not serve {idle.state}/pin.zone after loading it" in message
        assert "is 'serial=5 " in message
        assert "the previous zone is back" in message
        assert source(idle) == ("mesh", "5")
    assert "serial=5 " in (idle.state / "pin.zone").read_text()


def test_an_unbound_of_another_domain_is_an_error(idle: PlainMachine) -> None:
    bring(idle, zone_conf(5))
    (idle.directory / "other.zone").write_text(
        "other. SOA localhost. nobody.invalid. 1 1 1 1 1\nother. NS localhost.\n"
    )
    with running(idle, domain="other", zonefile_name="other.zone"):
        message = failed(idle.apply())
        assert "the TXT record _dm-dns.pin is None" in message
        assert "there is no previous zone to go back to" in message
        assert rcode(idle, "irc.pin") == "REFUSED"


@contextmanager
def running(machine: PlainMachine, *, domain: str, zonefile_name: str) -> Iterator[None]:
    unbound = foreign_unbound(machine, domain=domain, zonefile=machine.directory / zonefile_name)
    unbound.start()
    try:
        yield
    finally:
        unbound.stop()


def test_a_control_socket_that_is_not_there_is_named(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    configure(machine, control="/nonexistent/unbound.ctl")
    message = failed(machine.apply())
    assert message == (
        "dm-dns: unbound does not answer on its control socket /nonexistent/unbound.ctl:"
        " No such file or directory; `dm-dns doctor` says what to type\n"
    )
    assert "serial=5" in (machine.state / "pin.zone").read_text()


@pytest.mark.parametrize("said", [b"\xff\0\xfe", b"error unknown", b"ok\n" * 9999])
def test_a_control_socket_that_talks_nonsense_is_an_error(
    machine: PlainMachine, recorded: Control, said: bytes
) -> None:
    bring(machine, zone_conf(5))
    recorded.answer = lambda _command, _pass_on: said
    assert "unbound does not serve" in failed(machine.apply())


ANSWERS: dict[str, Callable[[bytes], bytes]] = {
    "nothing but the id": lambda query: query[:2],
    "the query itself": lambda query: query,
    "noise": lambda query: query[:2] + b"\xff" * 500,
    "a name without end": lambda query: query[:4] + b"\0\1\0\1\0\0\0\0" + b"\1a" * 200,
    "a pointer to itself": lambda query: query[:4] + b"\0\0\0\1\0\0\0\0\xc0\x0c\0\x10\0\1\0\0\0\0",
    "a record cut short": lambda query: (
        query[:4] + b"\0\0\0\1\0\0\0\0\0\0\x10\0\1\0\0\0\0\xff\xff\xffserial=5"
    ),
    "another's id": lambda query: bytes(byte ^ 255 for byte in query),
}


# apply with less patience for an answer: three times five queries wait for it.
IMPATIENT = """\
import sys
from dm_dns import cli
from dm_dns.node import unbound
unbound._ANSWER_SECONDS = 0.1
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_something_else_at_unbounds_port_is_an_error(
    machine: PlainMachine, answer: Callable[[bytes], bytes]
) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    before = (machine.state / "pin.zone").read_bytes()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((machine.unbound.address, ports.free_port(machine.unbound.address)))
        configure(machine, port=server.getsockname()[1])
        thread = threading.Thread(target=reply, args=(server, answer), daemon=True)
        thread.start()
        bring(machine, zone_conf(6))
        python, _, _, *arguments = machine.apply_command()
        command = [python, "-c", IMPATIENT, *arguments]
        message = failed(
            subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        )
        server.sendto(b"", server.getsockname())  # an empty one ends the thread
        thread.join()
    is_silent = "does not answer" in message
    assert ("`dm-dns doctor` says what to type" if is_silent else "see `") in message.lower()
    assert "unbound does not " in message
    configure(machine, port=machine.unbound.port)
    if "previous zone is back" in message:
        assert (machine.state / "pin.zone").read_bytes() == before
        assert source(machine) == ("mesh", "5")
    applied(machine)
    assert source(machine) == ("mesh", "6")
    assert files(machine) == SETTLED


def reply(server: socket.socket, answer: Callable[[bytes], bytes]) -> None:
    while True:
        query, sender = server.recvfrom(4096)
        if not query:
            return
        server.sendto(answer(query), sender)
