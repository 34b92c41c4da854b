"""A real unbound that also answers other devices, with the settings `listen` and `allow`."""

import os
from collections.abc import Callable, Iterator
from typing import Final

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
from dm_dns.zone import zonefile

from checks.module import snapshot
from checks.processes import unbound
from checks.processes.network import assign, ip, own_network, take
from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import bring, served, wait_for_serial, zone_conf
from checks.processes.wait import until

SERVER: Final = snapshot.load("listen")["server"]["services.unbound"]["settings"]["server"]
ADDRESS: Final = "192.0.2.1"
"""An address in the setting `listen` of that machine; the other one it never has here."""
DEVICE: Final = "192.0.2.2"
"""A device in the network in `allow`."""
STRANGER: Final = "198.51.100.1"
MANY: Final = tuple(f"fd00::1:{number:x}" for number in range(1, 301))

Send = Callable[..., dns.message.Message]


def settings() -> str:
    """Return what the module writes for other devices, as lines of unbound.conf(5)."""
    lines = [
        f"  {key}: {entry}"
        for key in ("interface", "access-control", "local-zone")
        for entry in SERVER[key]
        # What it has anyway, for its own domain.
        if not entry.startswith(("127.", '"test."', '"."'))
    ]
    lines += [f"  {key}: yes" for key, value in SERVER.items() if value is True]
    return "\n".join(lines)


@pytest.fixture
def machine() -> Iterator[PlainMachine]:
    """A machine in a network of its own, which boots without the addresses in `listen`."""
    if unbound.find() is None:
        pytest.skip(unbound.MISSING)
    if os.geteuid() != 0:
        pytest.skip("only root may make a network")
    zone = zone_conf(
        5,
        {"irc.pin": "kiwi.pin", "old.pin": "four.pin", "www.pin": "both.pin"},
        {
            "both.pin": ("10.0.0.1", "fd00::3"),
            "four.pin": ("10.0.0.4",),
            "kiwi.pin": ("fd00::1",),
            "large.pin": MANY,
            "none.pin": (),
        },
    )
    with own_network(), PlainMachine("kiwi", unbound_options=settings()) as machine:
        bring(machine, zone)
        machine.boot()
        wait_for_serial(machine, 5)
        yield machine


def ask(name: str, kind: str = "AAAA", *, send: Send = dns.query.udp) -> dns.message.Message:
    """Ask as a device does: most send no EDNS, so an answer over UDP has at most 512 bytes."""
    query = dns.message.make_query(name, kind)
    return send(query, ADDRESS, timeout=5.0, source=DEVICE)


def test_an_address_that_the_machine_does_not_have_yet_takes_no_name_away(
    machine: PlainMachine,
) -> None:
    for _ in range(2):
        assert served(machine, "irc.pin") == ["AAAA fd00::1"]
        assign(ADDRESS, DEVICE)
        until(lambda: bool(ask("irc.pin").answer), "a device gets answers")
        take(ADDRESS, DEVICE)


def test_a_link_may_go_and_come_again(machine: PlainMachine) -> None:
    for _ in range(2):
        ip("link", "add", "vpn", "type", "veth", "peer", "name", "other")
        ip("link", "set", "vpn", "up")
        assign(ADDRESS, DEVICE, link="vpn")
        assert ask("irc.pin").answer
        assert ask("irc.pin", send=dns.query.tcp).answer
        ip("link", "delete", "vpn")
        assert served(machine, "irc.pin") == ["AAAA fd00::1"]


@pytest.fixture
def up(machine: PlainMachine) -> PlainMachine:
    """The machine with its address in `listen`."""
    assign(ADDRESS, DEVICE, STRANGER)
    return machine


@pytest.mark.parametrize("send", [dns.query.udp, dns.query.tcp])
@pytest.mark.parametrize(
    ("name", "kind", "rcode"),
    [
        ("unknown.pin", "A", dns.rcode.NXDOMAIN),
        ("a.b.unknown.pin", "AAAA", dns.rcode.NXDOMAIN),
        ("kiwi.pin", "A", dns.rcode.NOERROR),  # has IPv6 only
        ("irc.pin", "A", dns.rcode.NOERROR),  # an alias of it
        ("irc.pin", "HTTPS", dns.rcode.NOERROR),  # what phones ask for first
        ("old.pin", "AAAA", dns.rcode.NOERROR),  # an alias of a machine with IPv4 only
        ("none.pin", "A", dns.rcode.NOERROR),
        ("pin", "A", dns.rcode.NOERROR),
        ("_443._https.irc.pin", "HTTPS", dns.rcode.NXDOMAIN),
    ],
)
@pytest.mark.usefixtures("up")
def test_a_device_knows_for_how_long_there_is_nothing(
    name: str, kind: str, rcode: dns.rcode.Rcode, send: Send
) -> None:
    answer = ask(name, kind, send=send)
    assert answer.rcode() == rcode
    assert answer.answer == []
    # RFC 2308, section 5: the lower one of its TTL and its last field.
    (soa,) = answer.authority
    assert soa.rdtype == dns.rdatatype.SOA
    assert (str(soa.name), soa.ttl, soa[0].minimum) == ("pin.", zonefile.TTL, zonefile.TTL)


@pytest.mark.usefixtures("up")
def test_an_answer_that_is_too_large_is_repeated_over_tcp() -> None:
    cut = ask("large.pin")
    assert cut.flags & dns.flags.TC
    assert cut.answer == []
    (whole,) = ask("large.pin", send=dns.query.tcp).answer
    assert {record.address for record in whole} == {*MANY}


@pytest.mark.parametrize("send", [dns.query.udp, dns.query.tcp])
@pytest.mark.usefixtures("up")
def test_a_device_is_refused_what_is_not_the_clans(send: Send) -> None:
    theirs = ("www.example.org", "org", ".", "localhost", "nas.home.arpa", "x.onion")
    addresses = ("1.1.168.192.in-addr.arpa", "1.0.0.127.in-addr.arpa", "1.0.0.10.in-addr.arpa")
    for name in (*theirs, *addresses):
        assert ask(name, send=send).rcode() == dns.rcode.REFUSED, name
    for name in ("version.bind", "hostname.bind"):
        query = dns.message.make_query(name, "TXT", "CH")
        answer = send(query, ADDRESS, timeout=5.0, source=DEVICE)
        assert (answer.rcode(), answer.answer) == (dns.rcode.REFUSED, []), name
    query = dns.message.make_query("irc.pin", "AAAA")
    answer = send(query, ADDRESS, timeout=5.0, source=STRANGER)
    assert answer.rcode() == dns.rcode.REFUSED
