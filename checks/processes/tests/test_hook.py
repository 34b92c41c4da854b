"""`dm-dns hook` with a real unbound; what systemd-resolved makes of it: scenarios/resolver.py."""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import dns.message
import pytest
from dm_dns.node import hook_calls
from dm_dns.zone import conf
from dns.rdatatype import AAAA, MX, TXT, A

from checks.processes.hook import Connection, HookProcess, Reply, listening, readable
from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import NEW, OLD, applied, bring, failed, zone_conf
from checks.processes.wait import SECONDS, until

RESOLVE = b'{"method": "io.systemd.Resolve.Hook.ResolveRecord"'
Connect = Callable[[], Connection]

ALIAS = f"irc.pin. 5 IN AAAA {OLD}"
BOTH = ["www.pin. 5 IN A 192.0.2.1", f"www.pin. 5 IN AAAA {NEW}"]
WWW = "www.pin. 5 IN CNAME both.pin."


@pytest.fixture
def path(machine: PlainMachine) -> Path:
    return machine.directory / "hook"


@pytest.fixture
def listener(path: Path) -> Iterator[socket.socket]:
    with listening(path) as found:
        yield found


def serve_a_zone(machine: PlainMachine) -> None:
    cnames = {"irc.pin": "kiwi.pin", "www.pin": "both.pin"}
    addresses = {"kiwi.pin": (OLD,), "both.pin": ("192.0.2.1", NEW)}
    bring(machine, zone_conf(5, cnames, addresses))
    applied(machine)


@pytest.fixture
def hook(machine: PlainMachine, listener: socket.socket) -> Iterator[HookProcess]:
    """The hook of a machine that serves a zone."""
    serve_a_zone(machine)
    with HookProcess(machine.config, listener) as process:
        yield process


@pytest.fixture
def patient(machine: PlainMachine, listener: socket.socket) -> Iterator[HookProcess]:
    """The same, which waits for unbound for as long as that is away."""
    serve_a_zone(machine)
    with HookProcess(machine.config, listener, is_patient=True) as process:
        yield process


@pytest.fixture
def connect(path: Path) -> Iterator[Connect]:
    """Opens connections, which are closed at the end."""
    with ExitStack() as stack:

        def connect() -> Connection:
            connection = Connection(path)
            stack.callback(connection.stream.close)
            return connection

        yield connect


@pytest.fixture
def connection(hook: HookProcess, connect: Connect) -> Connection:
    assert hook.process.poll() is None
    return connect()


def test_it_wants_the_names_of_the_domain_only(connection: Connection) -> None:
    assert connection.filter() == {"parameters": {"filterDomains": ["pin"]}, "continues": True}


@pytest.mark.parametrize(
    ("name", "kinds", "expected"),
    [
        ("irc.pin", (), {"rcode": 0, "answer": [ALIAS]}),
        ("IRC.Pin.", ("AAAA",), {"rcode": 0, "answer": [ALIAS.replace("irc.pin", "IRC.Pin")]}),
        ("irc.pin", ("A",), {"rcode": 0, "answer": []}),
        ("irc.pin", ("CNAME",), {"rcode": 0, "answer": []}),  # kiwi has no IPv4
        ("www.pin", ("CNAME",), {"rcode": 0, "answer": [WWW]}),
        ("kiwi.pin", ("AAAA",), {"rcode": 0, "answer": [f"kiwi.pin. 5 IN AAAA {OLD}"]}),
        ("irc.pin", ("ANY",), {"rcode": 0, "answer": [ALIAS]}),
        ("www.pin", ("ANY",), {"rcode": 0, "answer": BOTH}),
        ("www.pin", ("ANY", "CNAME", "A"), {"rcode": 0, "answer": [*BOTH, WWW]}),
        ("nothing.pin", ("ANY",), {"rcode": 3}),
        ("kiwi.pin", ("SRV", "TXT"), {"rcode": 0, "answer": []}),
        # unbound refuses the rest, for good.
        ("pin", ("DS",), {"rcode": 0, "answer": []}),
        ("irc.pin", ("DS",), {"rcode": 0, "answer": []}),
        ("pin", ("AXFR",), {"rcode": 5}),
        ("nothing.pin", ("TSIG",), {"rcode": 5}),
        ("example.org", ("AXFR",), {}),
        ("nothing.pin", (), {"rcode": 3}),
        ("b\u00fccher.pin", (), {"rcode": 3}),
        ("a..pin", (), {"rcode": 3}),
        ("a\\\\.pin", (), {"rcode": 3}),
        (f"{'x' * 64}.pin", (), {"rcode": 3}),
        ("example.org", (), {}),
        ("notpin", (), {}),
        ("", (), {}),
    ],
)
def test_a_lookup_is_answered_for_names_of_the_domain_and_passed_on_for_others(
    connection: Connection, name: str, kinds: tuple[str, ...], expected: Reply
) -> None:
    assert connection.look_up(name, *kinds) == expected


EVERY_KIND = [*range(65), 99, 100, 103, *range(249, 260), 32768, 65280, 65535]


def test_all_that_is_at_the_domain_itself_is_answered(connection: Connection) -> None:
    answer = connection.look_up("pin", "ANY")["answer"]
    assert [record.split()[3] for record in answer] == ["NS", "SOA"]


@pytest.mark.parametrize(
    "asked",
    [
        {(kind, 1) for kind in EVERY_KIND},
        {(kind, dns_class) for kind in (1, 43, 255) for dns_class in (0, 2, 3, 4, 254, 255)},
    ],
    ids=["types", "classes"],
)
def test_nothing_is_taken_for_a_zone_that_is_not_loaded(
    connection: Connection, asked: set[tuple[int, int]]
) -> None:
    for name in ("irc.pin", "kiwi.pin", "nothing.pin", "pin"):
        for kind, dns_class in sorted(asked):
            key = {"class": dns_class, "type": kind, "name": name}
            connection.send(hook_calls.INTERFACE + ".ResolveRecord", {"question": [{"key": key}]})
            assert "rcode" in connection.reply()["parameters"], key


APP = {"*.app.pin": "kiwi.pin", "git.app.pin": "kiwi.pin", "a.b.c.pin": "kiwi.pin"}
DEAD_END = "unavailable.dm-dns.internal."
KEYS = [{"key": {"class": 1, "type": 28, "name": name}} for name in ("\u00efrc.pin", "irc.pin")]


@pytest.fixture
def shared(
    machine: PlainMachine, listener: socket.socket, connect: Connect
) -> Iterator[Connection]:
    """A connection to the hook of a clan of which others have names of the domain as well."""
    cnames = {"irc.pin": "kiwi.pin", **APP}
    bring(machine, zone_conf(5, cnames, {"kiwi.pin": (OLD,), "silent.pin": ()}))
    machine.set_up(wholeDomain=False)
    applied(machine)
    with HookProcess(machine.config, listener):
        yield connect()


def test_all_of_a_name_of_the_clan_is_the_clans(shared: Connection) -> None:
    names = ["irc.pin", "kiwi.pin", "silent.pin", "_dm-dns.pin", "a.b.c.pin", "x.app.pin"]
    # The wildcard is of all that is below app.pin.
    for name in (*names, "IRC.Pin.", "_acme-challenge.app.pin"):
        for kinds in (("MX",), ("SOA", "SRV"), ("A",)):
            assert shared.look_up(name, *kinds) == {"rcode": 0, "answer": []}, name


def test_every_other_name_is_passed_on(shared: Connection) -> None:
    names = ["pin", "Pin.", "www.pin", "_acme-challenge.kiwi.pin", "below.irc.pin"]
    # They exist because names below them do.
    names += ["app.pin", "b.c.pin", "c.pin"]
    # It is not below the wildcard, because git.app.pin exists (RFC 4592).
    names += ["x.git.app.pin"]
    names += ["b\u00fccher.pin", "a..pin", f"{'x' * 64}.pin"]
    # The dot is part of a label.
    names += ["irc\\.pin", "a.irc\\\\\\.pin"]
    for name in names:
        for kinds in (("A", "AAAA"), ("A",), ("TXT",), ("SOA",), ("NS", "MX"), ("ANY",)):
            assert shared.look_up(name, *kinds) == {}, name


def test_what_is_the_clans_in_one_of_its_spellings_is_not_passed_on(shared: Connection) -> None:
    shared.send("io.systemd.Resolve.Hook.ResolveRecord", {"question": KEYS})
    assert readable(shared.reply()) == {"rcode": 0, "answer": [ALIAS]}


def test_a_name_is_the_clans_as_soon_as_the_zone_has_it(
    machine: PlainMachine, shared: Connection
) -> None:
    assert shared.look_up("www.pin") == {}
    bring(machine, zone_conf(6, {"www.pin": "kiwi.pin"}))
    applied(machine)
    assert shared.look_up("www.pin")["answer"] == [f"www.pin. 5 IN AAAA {OLD}"]
    bring(machine, zone_conf(7))
    applied(machine)
    assert shared.look_up("www.pin") == {}


def test_who_asks_it_is_told_what_it_passes_on(shared: Connection, path: Path) -> None:
    assert shared.look_up("www.pin") == {}
    names = ["www.pin", "pin", "app.pin", "irc.pin", "silent.pin"]
    assert [hook_calls.passes_on(path, name) for name in names] == [True, True, True, False, False]


@pytest.mark.parametrize("name", ["irc.pin", "www.pin"])
def test_without_unbound_no_name_of_the_domain_is_passed_on(
    machine: PlainMachine, shared: Connection, name: str
) -> None:
    machine.unbound.stop()
    expected = {"rcode": 0, "answer": [f"{name}. 0 IN CNAME {DEAD_END}"]}
    assert shared.look_up(name) == expected
    # Nothing of the clan is at the domain itself.
    assert shared.look_up("pin") == {}
    machine.unbound.start()
    assert shared.look_up("irc.pin") == {"rcode": 0, "answer": [ALIAS]}


def test_while_it_is_found_out_whose_a_name_is_unbound_may_go_away(
    machine: PlainMachine, shared: Connection
) -> None:
    machine.unbound.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unbound:
        unbound.settimeout(SECONDS)
        unbound.bind((machine.unbound.address, machine.unbound.port))
        shared.ask("app.pin", "MX")
        query, client = unbound.recvfrom(65536)
        unbound.sendto(dns.message.make_response(dns.message.from_wire(query)).to_wire(), client)
        kinds = {MX}  # which it may have asked for again meanwhile
        while len(kinds) < 4:
            kinds.add(dns.message.from_wire(unbound.recvfrom(65536)[0]).question[0].rdtype)
    assert kinds == {MX, A, AAAA, TXT}
    assert readable(shared.reply()) == {
        "rcode": 0,
        "answer": [f"app.pin. 0 IN CNAME {DEAD_END}"],
    }


KIWI = {"kiwi.pin": ("10.0.0.1", "fd00::1", "203.0.113.1"), "fig.pin": ("192.168.1.2",)}
POINTER = "1.0.0.10.in-addr.arpa"
POINTERS = [POINTER, "2.1.168.192.in-addr.arpa", f"1.{'0.' * 29}d.f.ip6.arpa"]


@pytest.fixture
def reverse(
    machine: PlainMachine, listener: socket.socket, connect: Connect
) -> Iterator[Connection]:
    """A connection to the hook of a machine that gives reverse names, which has told them."""
    bring(machine, zone_conf(5, {"irc.pin": "kiwi.pin"}, KIWI))
    machine.set_up(reverse=True)
    applied(machine)
    with HookProcess(machine.config, listener):
        found = connect()
        assert found.filter()["parameters"]["filterDomains"] == ["pin", *POINTERS]
        yield found


def test_it_wants_exactly_the_reverse_names_of_the_zone(
    machine: PlainMachine, reverse: Connection
) -> None:
    bring(machine, zone_conf(6, addresses={"fig.pin": ("192.168.1.2", "10.9.9.9")}))
    applied(machine)
    assert reverse.reply() == {
        "parameters": {"filterDomains": ["pin", "9.9.9.10.in-addr.arpa", POINTERS[1]]},
        "continues": True,
    }


def test_a_reverse_name_is_answered_with_the_machines_own(
    machine: PlainMachine, reverse: Connection, connect: Connect
) -> None:
    assert reverse
    other = connect()
    expected = {"rcode": 0, "answer": [f"{POINTER}. 5 IN PTR kiwi.pin."]}
    assert other.look_up(POINTER, "PTR") == other.look_up(f"{POINTER}.", "ANY") == expected
    upper = POINTERS[2].upper()
    assert other.look_up(upper, "PTR")["answer"] == [f"{upper}. 5 IN PTR kiwi.pin."]
    for name in ("2.0.0.10.in-addr.arpa", "0.0.10.in-addr.arpa", "1.113.0.203.in-addr.arpa"):
        assert other.look_up(name, "PTR") == {}, name
    assert other.look_up(POINTER, "SOA") == other.look_up(POINTER, "A") == {}
    machine.unbound.stop()
    assert other.look_up(POINTER, "PTR") == expected


def test_a_reverse_lookup_that_waits_for_the_hook_is_answered(
    machine: PlainMachine, listener: socket.socket, connect: Connect
) -> None:
    """What is sent while it restarts is there before it knows the reverse names."""
    many = {f"m{number}.pin": (f"fd00::1:{number:x}",) for number in range(500)}
    bring(machine, zone_conf(5, {}, {"kiwi.pin": ("10.0.0.1",), **many}))
    machine.set_up(reverse=True)
    applied(machine)
    filtering, asking = connect(), connect()
    filtering.send(hook_calls.INTERFACE + ".QueryFilter", more=True)
    asking.ask(POINTER, "PTR")
    with HookProcess(machine.config, listener):
        assert len(filtering.reply()["parameters"]["filterDomains"]) == 502
        assert readable(asking.reply()) == {
            "rcode": 0,
            "answer": [f"{POINTER}. 5 IN PTR kiwi.pin."],
        }


def test_a_hundred_thousand_letters_of_reverse_names_are_told(
    machine: PlainMachine, reverse: Connection
) -> None:
    many = {f"m{number}.pin": (f"fd00::{number:x}",) for number in range(1, 2001)}
    bring(machine, zone_conf(6, {"irc.pin": "m1.pin"}, many))
    applied(machine)
    told = reverse.reply()["parameters"]["filterDomains"]
    assert len(told) == 2001
    assert sum(map(len, told)) > 100_000


def test_who_has_gone_away_keeps_nobody_from_being_told(
    machine: PlainMachine, reverse: Connection, connect: Connect
) -> None:
    other = connect()
    assert len(other.filter()["parameters"]["filterDomains"]) == 4
    reverse.stream.close()
    bring(machine, zone_conf(6, addresses={"fig.pin": ("10.9.9.9",)}))
    applied(machine)
    assert other.reply()["parameters"] == {"filterDomains": ["pin", "9.9.9.10.in-addr.arpa"]}


@pytest.fixture
def short(machine: PlainMachine, tmp_path: Path, listener: socket.socket) -> Iterator[Connection]:
    """A connection to the hook for short names, of a machine that serves a zone."""
    path = tmp_path / "short"
    config = json.loads(machine.config.read_text())
    machine.config.write_text(json.dumps({**config, "search": str(path)}))
    labels = ("irc", "localhost", "_gateway", "io", "x.app")
    names = {f"{label}.pin": "kiwi.pin" for label in labels}
    addresses = {"kiwi.pin": (OLD,), "both.pin": ("192.0.2.1", NEW)}
    bring(machine, zone_conf(5, {**names, "www.pin": "both.pin"}, addresses))
    applied(machine)
    with listening(path) as other, HookProcess(machine.config, other, listener):
        connection = Connection(path)
        yield connection
        connection.stream.close()


def test_for_short_names_it_wants_those_of_one_label_only(
    short: Connection, connect: Connect
) -> None:
    one_label = {"filterLabelsMin": 1, "filterLabelsMax": 1}
    assert short.filter() == {"parameters": one_label, "continues": True}
    assert connect().filter() == {"parameters": {"filterDomains": ["pin"]}, "continues": True}


SHORT: list[tuple[str, tuple[str, ...], Reply]] = [
    ("irc", (), {"rcode": 0, "answer": [f"irc. 5 IN AAAA {OLD}"]}),
    ("IRC.", ("AAAA",), {"rcode": 0, "answer": [f"IRC. 5 IN AAAA {OLD}"]}),
    ("kiwi", ("AAAA",), {"rcode": 0, "answer": [f"kiwi. 5 IN AAAA {OLD}"]}),
    ("irc", ("ANY",), {"rcode": 0, "answer": [f"irc. 5 IN AAAA {OLD}"]}),
    ("www", ("ANY",), {"rcode": 0, "answer": [each.replace(".pin", "", 1) for each in BOTH]}),
    ("www", ("CNAME",), {"rcode": 0, "answer": [WWW.replace(".pin", "", 1)]}),
    ("app", ("ANY",), {}),
    ("irc", ("A",), {"rcode": 0, "answer": []}),
    ("irc", ("MX",), {"rcode": 0, "answer": []}),
    ("nothing", (), {}),
    # It exists only because of a name below it.
    ("app", (), {}),
    # until resolved knows what this hook wants
    ("irc.pin", (), {}),
    ("www.example.org", (), {}),
    ("", ("A",), {}),
    # resolved's own
    ("localhost", (), {}),
    ("Localhost.", (), {}),
    ("_gateway", (), {}),
    # a top-level domain
    ("io", ("NS",), {}),
    ("io", ("SOA",), {}),
    ("io", ("DS",), {}),
    ("io", ("DNSKEY",), {}),
    ("io", ("AAAA", "NS"), {}),
    # not data
    ("irc", ("AXFR",), {}),
    # not in any zone
    ("b\u00fccher", (), {}),
    ("x" * 64, (), {}),
    ("\\", (), {}),
]


def test_a_short_name_is_looked_up_in_the_domain_and_passed_on_if_it_is_not_there(
    short: Connection,
) -> None:
    answered = [(name, kinds, short.look_up(name, *kinds)) for name, kinds, _reply in SHORT]
    assert answered == SHORT


def test_beside_short_names_the_full_ones_are_answered(short: Connection, connect: Connect) -> None:
    full = connect()
    for _ in range(2):
        assert full.look_up("irc.pin") == {"rcode": 0, "answer": [ALIAS]}
        assert full.look_up("irc") == {}
        assert short.look_up("irc")["answer"] == [f"irc. 5 IN AAAA {OLD}"]
    assert full.look_up("nothing.pin") == {"rcode": 3}


def test_without_unbound_a_short_name_is_passed_on(
    machine: PlainMachine, short: Connection
) -> None:
    machine.unbound.stop()
    assert short.look_up("irc") == {}
    machine.unbound.start()
    assert short.look_up("irc")["answer"] == [f"irc. 5 IN AAAA {OLD}"]


def test_it_does_not_start_with_other_sockets_than_it_knows(
    machine: PlainMachine, tmp_path: Path, listener: socket.socket
) -> None:
    with (
        listening(tmp_path / "other") as other,
        HookProcess(machine.config, listener, other) as hook,
    ):
        assert hook.process.wait(SECONDS) == 1
        assert hook.process.stderr
        assert "one must be for names in the clan's domain: " in hook.process.stderr.read().decode()


def test_a_name_exists_if_it_does_in_one_of_its_spellings(connection: Connection) -> None:
    connection.send("io.systemd.Resolve.Hook.ResolveRecord", {"question": KEYS})
    assert readable(connection.reply()) == {"rcode": 0, "answer": [ALIAS]}


def test_a_change_is_answered_immediately(machine: PlainMachine, connection: Connection) -> None:
    assert connection.look_up("irc.pin") == {"rcode": 0, "answer": [ALIAS]}
    bring(machine, zone_conf(6, addresses={"kiwi.pin": (NEW,)}))
    applied(machine)
    assert connection.look_up("irc.pin")["answer"] == [f"irc.pin. 5 IN AAAA {NEW}"]


def test_an_answer_too_long_for_a_datagram_is_complete(
    machine: PlainMachine, connection: Connection
) -> None:
    addresses = tuple(f"fd00::{number:x}" for number in range(1, 301))
    bring(machine, zone_conf(6, addresses={"kiwi.pin": addresses}))
    applied(machine)
    found = connection.look_up("irc.pin")["answer"]
    assert found == sorted(f"irc.pin. 5 IN AAAA {address}" for address in addresses)


def test_calls_are_answered_in_their_order(connection: Connection) -> None:
    for name in ("irc.pin", "nothing.pin", "example.org", "irc.pin"):
        connection.ask(name)
    replies = [readable(connection.reply()) for _ in range(4)]
    known = {"rcode": 0, "answer": [ALIAS]}
    assert replies == [known, {"rcode": 3}, {}, known]


def test_many_lookups_at_a_time_are_answered(hook: HookProcess, connect: Connect) -> None:
    assert hook.process.poll() is None
    connections = [connect() for _ in range(200)]
    for connection in connections:
        connection.ask("irc.pin")
    assert all(readable(found.reply())["answer"] == [ALIAS] for found in connections)


def test_without_unbound_a_lookup_is_passed_on_and_with_it_answered_again(
    machine: PlainMachine, connection: Connection
) -> None:
    machine.unbound.stop()
    assert connection.look_up("irc.pin") == {}
    machine.unbound.start()
    assert connection.look_up("irc.pin") == {"rcode": 0, "answer": [ALIAS]}


def test_without_a_zone_a_lookup_is_passed_on(
    machine: PlainMachine, listener: socket.socket, connect: Connect
) -> None:
    with HookProcess(machine.config, listener):
        assert connect().look_up("irc.pin") == {}


def test_a_lookup_waits_for_an_unbound_that_is_away_for_a_moment(
    machine: PlainMachine, patient: HookProcess, connect: Connect
) -> None:
    connection = connect()
    connection.filter()
    machine.unbound.stop()
    connection.ask("irc.pin")
    machine.unbound.start()
    assert readable(connection.reply()) == {"rcode": 0, "answer": [ALIAS]}
    assert patient.process.poll() is None


def test_who_asks_and_goes_away_delays_nobody(
    machine: PlainMachine, patient: HookProcess, connect: Connect
) -> None:
    connection = connect()
    machine.unbound.stop()
    for _ in range(20):
        gone = connect()
        gone.ask("irc.pin")
        gone.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.stream.close()
    connection.ask("irc.pin")
    machine.unbound.start()
    assert readable(connection.reply()) == {"rcode": 0, "answer": [ALIAS]}
    assert patient.process.poll() is None


def test_who_goes_away_when_the_answer_comes_ends_nothing_else(
    machine: PlainMachine, hook: HookProcess, connection: Connection, connect: Connect
) -> None:
    machine.unbound.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unbound:
        unbound.settimeout(SECONDS)
        unbound.bind((machine.unbound.address, machine.unbound.port))
        connection.ask("irc.pin", "AAAA")
        query, client = unbound.recvfrom(65536)
        # It then finds both at the same time: first the answer, because it got another one last.
        unbound.sendto(b"nonsense", client)
        time.sleep(0.05)
        hook.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, hook.process.pid, os.WSTOPPED)
        answer = dns.message.make_response(dns.message.from_wire(query))
        unbound.sendto(answer.to_wire(), client)
        connection.stream.close()
        hook.process.send_signal(signal.SIGCONT)
    machine.unbound.start()
    assert connect().look_up("irc.pin") == {"rcode": 0, "answer": [ALIAS]}
    assert hook.process.poll() is None


def test_more_lookups_than_it_may_have_open_files_for_do_not_end_it(
    machine: PlainMachine, listener: socket.socket, connect: Connect
) -> None:
    """Each has a connection, and another two for answers that are too long for UDP."""
    many = [f"{start}{number}" for start in ("192.0.2.", "fd00::") for number in range(1, 101)]
    bring(machine, zone_conf(5, {}, {"web.pin": conf.in_order(many), "kiwi.pin": (OLD,)}))
    applied(machine)
    with HookProcess(machine.config, listener, prefix=("prlimit", "--nofile=120")) as hook:
        waiting = [connect() for _ in range(60)]
        while waiting:  # whoever had to wait too long is passed on, and asks again
            for lookup in waiting:
                lookup.ask("web.pin")
            found = {each: readable(each.reply()).get("answer", ()) for each in waiting}
            assert {len(answer) for answer in found.values()} <= {0, 200}
            waiting = [each for each, answer in found.items() if not answer]
        assert connect().look_up("web.pin")["rcode"] == 0
        assert hook.process.poll() is None


def test_it_sleeps_while_there_are_more_connections_than_it_may_have(
    machine: PlainMachine, listener: socket.socket, connect: Connect
) -> None:
    bring(machine, zone_conf(5, {"irc.pin": "kiwi.pin"}, {"kiwi.pin": (OLD,)}))
    applied(machine)
    with HookProcess(machine.config, listener, prefix=("prlimit", "--nofile=120")) as hook:
        several = [connect() for _ in range(150)]
        for each in several:
            each.ask("irc.pin")
        several[0].reply()
        # proc_pid_stat(5): else it would never sleep, as there are more connections to accept.
        stat = Path(f"/proc/{hook.process.pid}/stat")
        until(lambda: ") S " in stat.read_text(), stat.read_text())
        for each in several:
            each.stream.close()
        assert connect().look_up("irc.pin")["rcode"] == 0
        assert hook.process.poll() is None


@pytest.mark.parametrize(
    "sent",
    [
        b"\0",
        b"nonsense\0",
        b"[]\0",
        b"1\0",
        b"{}\0",
        b'{"method": 1}\0',
        RESOLVE + b"}\0",
        RESOLVE + b', "parameters": {"question": 1}}\0',
        RESOLVE + b', "parameters": {"question": []}}\0',
        RESOLVE + b', "parameters": {"question": [{"key": {"name": 1, "type": 1, "class": 1}}]}}\0',
        RESOLVE
        + b', "parameters": {"question": [{"key": {"name": "", "type": "A", "class": 1}}]}}\0',
        b"\xff\0",
        b"[" * 60000 + b"\0",
        b"x" * 200_000,
    ],
)
def test_what_is_not_a_call_ends_that_connection_only(
    connection: Connection, connect: Connect, sent: bytes
) -> None:
    other = connect()
    with suppress(ConnectionError):  # it may be closed before all is sent
        other.stream.sendall(sent)
    with pytest.raises(ConnectionError):
        other.reply()
    assert connection.look_up("irc.pin") == {"rcode": 0, "answer": [ALIAS]}


def test_a_call_may_arrive_in_pieces(connection: Connection) -> None:
    call = b'{"method": "io.systemd.Resolve.Hook.QueryFilter"}\0'
    for at in range(len(call)):
        connection.stream.sendall(call[at : at + 1])
    assert connection.reply() == {"parameters": {"filterDomains": ["pin"]}, "continues": False}


@pytest.mark.parametrize(
    "method", ["org.varlink.service.GetInfo", "io.systemd.Resolve.Hook.X", "x"]
)
def test_an_unknown_method_is_an_error(connection: Connection, method: str) -> None:
    connection.send(method)
    assert connection.reply() == {
        "error": "org.varlink.service.MethodNotFound",
        "parameters": {"method": method},
    }


def test_lookups_that_wait_are_answered_before_it_ends(
    machine: PlainMachine, patient: HookProcess, connect: Connect
) -> None:
    connection = connect()
    connection.filter()
    machine.unbound.stop()
    connection.ask("irc.pin")
    connection.wait_until_read()
    patient.process.send_signal(signal.SIGTERM)
    machine.unbound.start()
    assert readable(connection.reply()) == {"rcode": 0, "answer": [ALIAS]}
    assert patient.process.wait(SECONDS) == 0


def test_it_ends_when_nobody_asks(hook: HookProcess, connection: Connection) -> None:
    connection.filter()
    hook.process.send_signal(signal.SIGTERM)
    assert hook.process.wait(SECONDS) == 0
    assert hook.process.stderr
    assert hook.process.stderr.read() == b""


def test_it_ends_although_there_is_always_a_lookup_that_waits(
    machine: PlainMachine, hook: HookProcess, connect: Connect
) -> None:
    machine.unbound.stop()
    two = [connect(), connect()]
    for each in two:
        each.ask("irc.pin")
        each.wait_until_read()
        time.sleep(0.4)  # one of them waits whenever the other is told that unbound is silent
    hook.process.send_signal(signal.SIGTERM)

    def keep_asking() -> None:
        for each in two * 10:
            each.reply()
            each.ask("irc.pin")

    with pytest.raises(ConnectionError):
        keep_asking()
    assert hook.process.wait(SECONDS) == 0


def test_who_comes_while_it_ends_is_answered_by_the_next(
    machine: PlainMachine, hook: HookProcess, listener: socket.socket, connect: Connect
) -> None:
    connect().filter()
    hook.process.send_signal(signal.SIGSTOP)
    waiting = connect()
    waiting.ask("irc.pin")
    hook.process.send_signal(signal.SIGTERM)
    hook.process.send_signal(signal.SIGCONT)
    hook.process.wait(SECONDS)
    with HookProcess(machine.config, listener):
        assert readable(waiting.reply()) == {"rcode": 0, "answer": [ALIAS]}


@pytest.fixture
def systemd(path: Path) -> Iterator[socket.socket]:
    """What services tell systemd arrives here."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(str(path.with_name("systemd")))
        found.settimeout(SECONDS)
        yield found


def told(systemd: socket.socket) -> tuple[str, list[int]]:
    """Return the next message to systemd, and the files that came with it."""
    message, descriptors, *_ = socket.recv_fds(systemd, 1000, 253)
    return message.decode(), descriptors


def test_a_call_that_is_sent_while_it_restarts_is_answered_by_the_next(
    machine: PlainMachine, listener: socket.socket, systemd: socket.socket, connect: Connect
) -> None:
    """resolved uses its connections again, and one that is closed just then loses a lookup."""
    bring(machine, zone_conf(5, {"irc.pin": "kiwi.pin"}, {"kiwi.pin": (OLD,)}))
    applied(machine)
    used, busy, new, filtered, partial = (connect() for _ in range(5))
    prefix = ("env", f"NOTIFY_SOCKET={systemd.getsockname()}")
    cleared = "FDSTOREREMOVE=1\nFDNAME=connection"
    with HookProcess(machine.config, listener, prefix=prefix, is_patient=True) as hook:
        assert told(systemd) == (cleared, [])
        filtered.filter()
        partial.stream.sendall(b"{")
        assert used.look_up("irc.pin")["rcode"] == 0
        machine.unbound.stop()
        busy.ask("irc.pin")
        busy.wait_until_read()
        hook.process.send_signal(signal.SIGTERM)
        machine.unbound.start()
        assert readable(busy.reply())["rcode"] == 0
        message, kept = told(systemd)
        assert (message, len(kept)) == ("FDSTORE=1\nFDNAME=connection", 3)
        message, barrier = told(systemd)
        assert message == "BARRIER=1"
        assert hook.process.poll() is None
        used.ask("irc.pin")
        os.close(*barrier)
        assert hook.process.wait(SECONDS) == 0
    with pytest.raises(ConnectionError):
        filtered.reply()
    with pytest.raises(ConnectionError):
        partial.reply()
    busy.ask("kiwi.pin")
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(fileno=each)) for each in kept]
        stack.enter_context(HookProcess(machine.config, listener, *sockets, prefix=prefix))
        assert told(systemd) == (cleared, [])
        for each in sockets:
            each.close()
        assert readable(used.reply()) == {"rcode": 0, "answer": [ALIAS]}
        assert readable(busy.reply())["rcode"] == 0
        assert new.look_up("irc.pin")["rcode"] == 0


def test_a_long_answer_is_sent_whole_before_it_ends(
    machine: PlainMachine, listener: socket.socket, connect: Connect
) -> None:
    """It is longer than what the connection takes until somebody reads it."""
    name, many = f"{'x' * 63}.pin", [f"fd00::{number:x}" for number in range(1, 2001)]
    bring(machine, zone_conf(5, {name: "kiwi.pin"}, {"kiwi.pin": conf.in_order(many)}))
    applied(machine)
    with HookProcess(machine.config, listener, is_patient=True) as hook:
        connection = connect()
        connection.ask(name)
        connection.wait_until_read()
        # It is readable as soon as the first part of the answer is there.
        select.select([connection.stream], [], [], 20)
        hook.process.send_signal(signal.SIGTERM)
        assert len(readable(connection.reply())["answer"]) == len(many)
        assert hook.process.wait(SECONDS) == 0


def test_who_reads_no_answer_does_not_keep_it_from_ending(
    machine: PlainMachine, listener: socket.socket, connect: Connect
) -> None:
    many = [f"fd00::{number:x}" for number in range(1, 2001)]
    bring(machine, zone_conf(5, {}, {f"{'x' * 63}.pin": conf.in_order(many)}))
    applied(machine)
    with HookProcess(machine.config, listener) as hook:
        connection = connect()
        connection.ask(f"{'x' * 63}.pin")
        select.select([connection.stream], [], [], 20)
        hook.process.send_signal(signal.SIGTERM)
        assert hook.process.wait(20) == 0


def test_connections_for_short_names_end_with_their_socket(
    machine: PlainMachine, listener: socket.socket, path: Path, connect: Connect
) -> None:
    """A switch may take the setting ``search`` away."""
    bring(machine, zone_conf(5, {"irc.pin": "kiwi.pin"}, {"kiwi.pin": (OLD,)}))
    applied(machine)
    waiting = connect()
    waiting.ask("irc.pin")
    search = path.with_name("short")
    with listening(search) as short, ExitStack() as stack:
        asking = stack.enter_context(socket.socket(socket.AF_UNIX))
        asking.settimeout(SECONDS)
        asking.connect(str(search))
        accepted, _ = short.accept()
        stack.enter_context(HookProcess(machine.config, listener, accepted))
        accepted.close()
        assert readable(waiting.reply())["rcode"] == 0
        assert asking.recv(1) == b""


def test_whether_it_can_start_is_known_without_a_socket(machine: PlainMachine) -> None:
    command = [sys.executable, "-m", "dm_dns", "hook", "--check", "--config", str(machine.config)]
    subprocess.run(command, check=True)
    machine.config.write_text("{")
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert found.returncode == 1
    assert str(machine.config) in found.stderr


def test_a_hook_that_does_not_answer_is_told(
    machine: PlainMachine, listener: socket.socket, path: Path
) -> None:
    config = json.loads(machine.config.read_text())
    machine.config.write_text(json.dumps({**config, "hook": str(path)}))
    bring(machine, zone_conf(5))
    machine.watch()
    with HookProcess(machine.config, listener):
        until(lambda: machine.apply("--check").returncode == 0, "all is well")
    message = failed(machine.apply("--check"))
    assert message.startswith(f"dm-dns: systemd-resolved's hook {path} does not answer: ")
    assert message.endswith("; `dm-dns doctor` says what to type\n")
    listener.close()
    assert "Connection refused" in failed(machine.apply("--check"))


def test_a_hook_for_short_names_that_does_not_answer_is_told(
    machine: PlainMachine, short: Connection, path: Path
) -> None:
    config = json.loads(machine.config.read_text())
    machine.config.write_text(json.dumps({**config, "hook": str(path)}))
    machine.watch()
    until(lambda: machine.apply("--check").returncode == 0, "all is well")
    Path(config["search"]).unlink()
    message = failed(machine.apply("--check"))
    assert message.startswith(f"dm-dns: systemd-resolved's hook {config['search']} does not exist")
    assert short.look_up("irc")["rcode"] == 0
