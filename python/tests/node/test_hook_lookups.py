"""Where the hook asks unbound, with this test in unbound's place."""

import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import cast

import pytest

from dm_dns.node import dns_message, hook_lookups
from dm_dns.node.hook_calls import Key
from dm_dns.node.hook_lookups import Lookup, Lookups
from dm_dns.node.hook_names import FullNames, Names, Reply, ShortNames

QR = 0x80


class Machine:
    """Has two places at which unbound may be asked."""

    def __init__(self, first: socket.socket, second: socket.socket) -> None:
        self.first = first
        self.second = second
        self.asked = first
        self.selector = selectors.DefaultSelector()
        self.lookups = Lookups(self.endpoint, self.selector)
        self.replies: list[Reply] = []

    def endpoint(self) -> tuple[str, int]:
        address, port = self.asked.getsockname()
        return address, port

    def look_up(self, names: Names | None = None) -> None:
        key = Key("irc.pin", dns_message.A, dns_message.IN)
        self.lookups.begin(Lookup(names or FullNames("pin"), [key], self.replies.append))

    def answer(self, server: socket.socket) -> None:
        """Take a query, and answer that there is no such name."""
        query, client = server.recvfrom(4096)
        flags = bytes([query[2] | QR, dns_message.NXDOMAIN])
        server.sendto(query[:2] + flags + query[4:], client)
        for key, events in self.selector.select(20):
            key.data(events)

    def repeat(self) -> None:
        """Wait for the time to repeat queries, and do that."""
        assert self.lookups.repeat_at
        time.sleep(max(0.0, self.lookups.repeat_at - time.monotonic()))
        self.lookups.repeat()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Its lookups wait however long this test takes."""
    monkeypatch.setattr(hook_lookups, "_RESTART_SECONDS", 20.0)
    with ExitStack() as stack:
        servers = []
        for address in ("127.0.0.1", "127.0.0.2"):
            server = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            server.bind((address, 0))
            server.settimeout(20)
            servers.append(server)
        machine = Machine(*servers)
        yield machine
        for key in machine.selector.get_map().values():
            stack.enter_context(cast("socket.socket", key.fileobj))
        machine.selector.close()


def test_it_asks_where_unbound_is_to_be_asked_now(machine: Machine) -> None:
    for server in (machine.first, machine.second, machine.first):
        machine.asked = server
        machine.look_up()
        machine.answer(server)
    assert machine.replies == 3 * [{"rcode": dns_message.NXDOMAIN}]
    assert len(machine.selector.get_map()) == 1


def test_a_query_that_was_sent_where_unbound_is_no_more_is_repeated_elsewhere(
    machine: Machine,
) -> None:
    machine.look_up()
    machine.first.recv(4096)
    machine.asked = machine.second
    machine.repeat()
    machine.answer(machine.second)
    assert machine.replies == [{"rcode": dns_message.NXDOMAIN}]


def test_a_lookup_waits_while_nothing_can_be_sent(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine without IPv6 and with lo down."""
    with monkeypatch.context() as patched:

        def no_socket(*_: object) -> None:
            raise OSError("Network is unreachable")

        patched.setattr("dm_dns.node.hook_lookups.datagrams", no_socket)
        machine.look_up()
        machine.repeat()
    machine.repeat()
    machine.answer(machine.first)
    assert machine.replies == [{"rcode": dns_message.NXDOMAIN}]


class Clock:
    """Is in the place of the module time."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_a_lookup_waits_longer_for_an_unbound_that_may_be_restarting(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    approx = partial(pytest.approx, abs=0.15)
    monkeypatch.setattr(hook_lookups, "time", clock)
    monkeypatch.setattr(hook_lookups, "_RESTART_SECONDS", 5.0)

    def waits(names: Names | None = None) -> float:
        """Return after how long a lookup is given up."""
        machine.replies.clear()
        machine.look_up(names)
        begun = clock.now
        while not machine.replies:
            clock.now += 0.1  # as exact as what is measured
            machine.lookups.repeat()
        return clock.now - begun

    machine.lookups = Lookups(machine.endpoint, machine.selector)
    clock.now += 1
    assert waits() == approx(4.0)  # unbound may start with this process
    assert waits() == approx(0.8)
    machine.asked = machine.second
    machine.look_up()
    machine.answer(machine.second)
    clock.now += 2
    # Others may have it as well, and would have to wait.
    assert waits(ShortNames("pin")) == approx(0.8)
    assert waits() == approx(2.2)
    assert waits() == approx(0.8)


def test_few_lookups_wait_that_long_at_a_time(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(hook_lookups, "time", clock)
    for _ in range(100):
        machine.look_up()
    clock.now += 1
    machine.lookups.repeat()
    assert len(machine.replies) == 100 - 32
    assert len(machine.lookups) == 32
