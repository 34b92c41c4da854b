"""How apply makes the installed unbound load a zone, whatever its version."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from dm_dns.node import apply
from dm_dns.node.config import Config
from dm_dns.node.unbound import Unbound

from checks.processes import unbound
from checks.processes.control import Control
from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import (
    NEW,
    OLD,
    Asker,
    applied,
    bring,
    failed,
    loading,
    many,
    served,
    source,
    version,
    zone_conf,
)

NAMES = ["a.pin", "host0.pin", "host1999.pin"]
CHANGES = 20


@pytest.fixture(params=[1, 4], ids=["1 thread", "4 threads"])
def threaded(request: pytest.FixtureRequest) -> Iterator[PlainMachine]:
    if unbound.find() is None:
        pytest.skip(unbound.MISSING)
    with PlainMachine(unbound_options=f"  num-threads: {request.param}") as machine:
        machine.unbound.start()
        yield machine


def test_fast_reload_is_used_where_unbound_has_it(machine: PlainMachine, recorded: Control) -> None:
    answers: list[bytes] = []

    def note(_command: str, pass_on: Callable[[], bytes]) -> bytes:
        answers.append(pass_on())
        return answers[-1]

    recorded.answer = note
    bring(machine, zone_conf(5))
    applied(machine)
    assert recorded.commands == loading()
    if version() < (1, 23):
        assert answers == [b"error unknown command 'fast_reload'\n", b"ok\n"]
    else:
        assert answers[0].endswith(b"ok\n")


def test_no_query_is_lost_or_answered_wrong_while_zones_are_loaded(threaded: PlainMachine) -> None:
    bring(threaded, many(1, OLD, 2000))
    applied(threaded)
    with Asker(threaded, NAMES, {OLD, NEW}) as one, Asker(threaded, NAMES, {OLD, NEW}) as other:
        for serial in range(2, 2 + CHANGES):
            bring(threaded, many(serial, (OLD, NEW)[serial % 2], 2000))
            applied(threaded)
    assert one.asked
    assert other.asked
    assert one.wrong + other.wrong == []


def test_when_apply_ends_every_thread_answers_from_the_new_zone(threaded: PlainMachine) -> None:
    for serial in range(1, 1 + CHANGES):
        address = (OLD, NEW)[serial % 2]
        bring(threaded, many(serial, address, 2000))
        applied(threaded)
        # Each query comes from a port of its own, by which the kernel chooses the thread.
        answers = {served(threaded, name)[-1] for name in NAMES for _ in range(20)}
        assert answers == {f"AAAA {address}"}
        assert source(threaded) == ("mesh", str(serial))


def test_a_hundred_thousand_names_are_loaded_and_checked(machine: PlainMachine) -> None:
    bring(machine, many(1, OLD, 100_000))
    assert applied(machine) == "pin: serial 1, 100002 records, source mesh\n"
    assert served(machine, "host99999.pin") == [f"AAAA {OLD}"]


def test_a_loading_that_another_has_begun_is_waited_for(machine: PlainMachine) -> None:
    bring(machine, many(1, OLD, 100_000))
    applied(machine)
    bring(machine, zone_conf(2))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.connect(str(machine.unbound.control))
        other.sendall(f"UBCT1 {loading()[-1]}\n".encode())
        applied(machine)
    assert source(machine) == ("mesh", "2")


def test_an_unbound_that_has_no_time_to_answer_after_loading_keeps_the_zone(
    machine: PlainMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its memory may have to be read from the disk. That is no reason to go back to a zone."""
    bring(machine, zone_conf(5))
    applied(machine)
    bring(machine, zone_conf(6))
    load = Unbound.load
    resume = threading.Timer(1, lambda: machine.unbound.process.send_signal(signal.SIGCONT))

    def load_and_stop(self: Unbound, domain: str) -> str:
        answer = load(self, domain)
        machine.unbound.process.send_signal(signal.SIGSTOP)
        resume.start()
        return answer

    monkeypatch.setattr(Unbound, "load", load_and_stop)
    monkeypatch.setattr("dm_dns.node.unbound._ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(apply, "_LOADED_TRIES", 200, raising=False)
    assert apply.apply(Config.read(machine.config)).served.serial == 6
    resume.join()
    assert source(machine) == ("mesh", "6")


def test_an_unbound_that_is_busy_with_another_loading_is_asked_again(
    machine: PlainMachine, recorded: Control
) -> None:
    # unbound 1.26 closes the connection immediately, without an answer.
    recorded.answer = lambda _command, pass_on: pass_on() if recorded.commands[1:] else b""
    bring(machine, zone_conf(5))
    applied(machine)
    assert source(machine) == ("mesh", "5")


def test_a_broken_unbound_conf_cannot_harm_the_zone_that_is_served(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    conf = machine.directory / "unbound.conf"
    good = conf.read_text()
    conf.write_text(f"{good}nonsense\n")
    bring(machine, zone_conf(6))
    if loading() == ["fast_reload"]:  # which reads it anew; auth_zone_reload does not
        message = failed(machine.apply())
        assert "unbound does not serve" in message
        assert "the previous zone is back" in message
        assert source(machine) == ("mesh", "5")
        conf.write_text(good)
    applied(machine)
    assert source(machine) == ("mesh", "6")
