"""Where the hook asks unbound, with this test in unbound's place."""

import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import cast

import pytest

from dm_dns.node import dns_message, hook_lookups
from dm_dns.node.hook_calls import Key
from dm_dns.node.hook_lookups import Lookup, Lookups
from dm_dns.node.hook_names import FullNames, Reply

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

    def look_up(self) -> None:
        key = Key("irc.pin", dns_message.A, dns_message.IN)
        self.lookups.begin(Lookup(FullNames("pin"), [key], self.replies.append))

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
    monkeypatch.setattr(hook_lookups, "_GIVE_UP_SECONDS", 20.0)
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
