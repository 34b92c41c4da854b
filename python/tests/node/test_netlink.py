import errno
import json
import os
import socket
import struct
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dm_dns.node import netlink, rtnetlink
from dm_dns.node.netlink import Address, Link, Neighbour, Route

DETERMINISTIC = settings(derandomize=True, database=None, deadline=None)
NEW_LINK, NEW_ADDRESS, NEW_ROUTE, NEW_NEIGHBOUR = 16, 20, 24, 28
DONE, ERROR, NO_OPERATION = 3, 2, 1
MULTI, INTERRUPTED = 0x02, 0x10
ADDRESS, LOCAL, LABEL, CACHE, FLAGS = 1, 2, 3, 6, 8
DST, LINK_ADDRESS, TIMES = 1, 2, 3
OIF, GATEWAY, VIA = 4, 5, 18


def message(kind: int, body: bytes, flags: int = MULTI) -> bytes:
    """Return a message of netlink(7)."""
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + padded(body)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + padded(value)


def number(value: int) -> bytes:
    return struct.pack("=I", value)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def body(*attributes: bytes, family: int = socket.AF_INET, flags: int = 0) -> bytes:
    return struct.pack("=BBBBI", family, 24, flags, 0, 1) + b"".join(attributes)


def family_of(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def packed(address: str) -> bytes:
    return socket.inet_pton(family_of(address), address)


def assigned(address: str, flags: int = 0) -> bytes:
    wide = attribute(FLAGS, number(flags))
    known = body(attribute(ADDRESS, packed(address)), wide, family=family_of(address), flags=0xFF)
    return message(NEW_ADDRESS, known)


def link(*attributes: bytes, flags: int = 0) -> bytes:
    return message(NEW_LINK, struct.pack("=BxHiII", 0, 1, 7, flags, 0) + b"".join(attributes))


def neighbour(address: str, *attributes: bytes, state: int = 2, index: int = 7) -> bytes:
    known = struct.pack("=BxxxiHBB", family_of(address), index, state, 0, 0)
    return message(
        NEW_NEIGHBOUR, known + attribute(DST, packed(address)) + b"".join(attributes), flags=0
    )


def route(*attributes: bytes, kind: int = 1) -> bytes:
    known = struct.pack("=BBBBBBBBI", socket.AF_INET, 32, 0, 0, 254, 2, 0, kind, 0)
    return message(NEW_ROUTE, known + b"".join(attributes), flags=0)


def parsed(datagram: bytes) -> list[rtnetlink.Message]:
    return rtnetlink.parse(datagram)[0]


def found(datagram: bytes) -> set[str]:
    return {address.text for address in netlink.usable(parsed(datagram))}


# -- messages


def test_the_messages_of_a_datagram_are_found_and_whether_more_follow() -> None:
    messages, is_last, is_interrupted = rtnetlink.parse(assigned("10.9.0.1") + assigned("::1"))
    assert [kind for kind, _body in messages] == [NEW_ADDRESS, NEW_ADDRESS]
    assert (is_last, is_interrupted) == (False, False)
    assert rtnetlink.parse(message(DONE, bytes(4))) == ([], True, False)
    assert rtnetlink.parse(message(DONE, bytes(4), MULTI | INTERRUPTED)) == ([], True, True)
    assert rtnetlink.parse(route())[1:] == (True, False)


def test_an_error_of_the_kernel_is_raised() -> None:
    with pytest.raises(PermissionError):
        rtnetlink.parse(message(ERROR, struct.pack("=i", -errno.EPERM)))


# -- addresses


def test_the_addresses_of_all_messages_are_found() -> None:
    datagram = assigned("10.9.0.1") + assigned("fd09::1") + assigned("::1")
    assert found(datagram) == {"10.9.0.1", "fd09::1", "::1"}


def test_an_address_has_its_link_and_when_it_was_assigned() -> None:
    times = attribute(CACHE, struct.pack("=IIII", 1, 2, 1234, 4))
    datagram = message(NEW_ADDRESS, body(attribute(LOCAL, packed("10.9.0.1")), times))
    assert list(netlink.usable(parsed(datagram))) == [Address("10.9.0.1", 1, 1234)]


def test_an_address_is_deprecated_or_not() -> None:
    datagram = assigned("fd09::1", 0x20) + assigned("fd09::2", 0x80)
    found = {each.text: each.is_deprecated for each in netlink.usable(parsed(datagram))}
    assert found == {"fd09::1": True, "fd09::2": False}


def test_of_a_tunnel_the_own_end_is_found() -> None:
    ends = attribute(ADDRESS, packed("10.9.0.2")) + attribute(LOCAL, packed("10.9.0.1"))
    assert found(message(NEW_ADDRESS, body(ends))) == {"10.9.0.1"}


@pytest.mark.parametrize(
    ("flags", "is_usable"),
    [
        (0x80, True),
        (0x40, False),
        (0x40 | 0x04, True),
        (0x20, True),
        (0x40 | 0x20, False),
        (0x08, False),
        (0x100 | 0x01, True),
    ],
    ids=[
        "permanent",
        "tentative",
        "optimistic",
        "deprecated",
        "tentative and deprecated",
        "dadfailed",
        "managed and temporary",
    ],
)
def test_an_address_counts_if_it_is_usable(flags: int, is_usable: bool) -> None:  # noqa: FBT001
    assert found(assigned("fd09::1", flags)) == ({"fd09::1"} if is_usable else set())


def test_an_old_kernel_has_the_flags_in_the_header_only() -> None:
    old = attribute(LOCAL, packed("10.9.0.1"))
    assert found(message(NEW_ADDRESS, body(old, flags=0x80))) == {"10.9.0.1"}
    assert found(message(NEW_ADDRESS, body(old, flags=0x40))) == set()


@pytest.mark.parametrize("address", ["fe80::1", "febf::1"])
def test_an_address_that_is_valid_on_one_link_only_does_not_count(address: str) -> None:
    assert found(assigned(address) + assigned("fec0::1") + assigned("169.254.0.1")) == {
        "fec0::1",
        "169.254.0.1",
    }


def test_what_else_there_is_does_not_matter() -> None:
    label = attribute(LABEL, b"lo\0") + attribute(99, b"x")
    unknown = message(NEW_ADDRESS, body(label, family=99)) + message(NEW_ADDRESS, body(label))
    other = message(NEW_ADDRESS, body(attribute(LOCAL, b"xx"), family=99))
    datagram = message(NO_OPERATION, b"x") + unknown + other + link() + assigned("10.9.0.1")
    assert found(datagram) == {"10.9.0.1"}


# -- links, neighbours and routes


def test_a_link_has_a_name_a_link_address_and_a_carrier() -> None:
    known = [
        attribute(3, b"wlan0\0"),
        attribute(1, bytes.fromhex("525400123456")),
        attribute(35, number(5)),
    ]
    assert list(netlink.links(parsed(link(*known, flags=0x41)))) == [
        Link("wlan0", "52:54:00:12:34:56", is_running=True, carrier_changes=5)
    ]
    tunnel = link(attribute(3, b"wg0\0"), attribute(1, b"1234"), flags=0x01)
    assert list(netlink.links(parsed(tunnel + assigned("10.9.0.1")))) == [
        Link("wg0", None, is_running=False, carrier_changes=0)
    ]


def test_a_neighbour_has_a_link_address_if_the_kernel_knows_it() -> None:
    times = attribute(TIMES, struct.pack("=IIII", 150, 0, 20, 1))
    answers = neighbour(
        "192.168.1.1", attribute(LINK_ADDRESS, bytes.fromhex("525400123456")), times, state=4
    )
    silent = neighbour("fd00::1", state=0x20)
    elsewhere = neighbour("192.168.1.2", index=8)
    of_bridge = message(NEW_NEIGHBOUR, struct.pack("=BxxxiHBB", socket.AF_INET, 7, 2, 0, 0))
    of_another_kind = message(
        NEW_NEIGHBOUR, struct.pack("=BxxxiHBB", 7, 7, 2, 0, 0) + attribute(DST, b"x")
    )
    told = parsed(answers + silent + elsewhere + of_bridge + of_another_kind + assigned("::1"))
    assert dict(netlink.hosts(told, 7)) == {
        "192.168.1.1": Neighbour("52:54:00:12:34:56", netlink.STALE, 1.5, 0.2),
        "fd00::1": Neighbour(None, netlink.FAILED, 0.0, 0.0),
    }


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (route(attribute(OIF, number(7))), Route(7, is_direct=True, is_own=False)),
        (
            route(attribute(OIF, number(7)), attribute(GATEWAY, packed("10.0.0.1"))),
            Route(7, is_direct=False, is_own=False),
        ),
        (
            route(attribute(OIF, number(7)), attribute(VIA, b"\x0a\0" + packed("fd00::1"))),
            Route(7, is_direct=False, is_own=False),
        ),
        (route(attribute(OIF, number(1)), kind=2), Route(1, is_direct=False, is_own=True)),
        (route(attribute(OIF, number(1)), kind=6), None),
        (route(), None),
        (assigned("10.9.0.1"), None),
    ],
    ids=["direct", "router", "router of another family", "own", "blackhole", "empty", "other"],
)
def test_a_route_says_which_way_packets_leave(datagram: bytes, expected: Route | None) -> None:
    assert next(iter(netlink.routes(parsed(datagram))), None) == expected


def test_what_is_told_of_neighbours_is_told_apart_from_the_rest() -> None:
    gone = neighbour("fd00::1").replace(struct.pack("=H", NEW_NEIGHBOUR), struct.pack("=H", 29), 1)
    assert netlink.told(neighbour("192.168.1.2", state=4) + gone) == [
        (7, "192.168.1.2", False, netlink.STALE),
        (7, "fd00::1", True, netlink.REACHABLE),
    ]
    assert netlink.told(assigned("10.9.0.1") + neighbour("192.168.1.2") + link()) == [
        None,
        (7, "192.168.1.2", False, netlink.REACHABLE),
        None,
    ]
    with pytest.raises(OSError, match="Bad message"):
        netlink.told(b"nonsense")


def changed_route(prefix: str, length: int, kind: int = NEW_ROUTE) -> bytes:
    known = struct.pack("=BBBBBBBBI", family_of(prefix), length, 0, 0, 254, 2, 0, 1, 0)
    destination = attribute(DST, packed(prefix)) if length else b""
    return message(kind, known + attribute(15, number(254)) + destination, flags=0)


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (changed_route("192.168.1.0", 24), True),
        (changed_route("192.168.1.1", 32), True),
        (changed_route("0.0.0.0", 0), True),  # noqa: S104 - all addresses, and nothing is bound
        (changed_route("128.0.0.0", 1, kind=25), True),
        (changed_route("fd00::", 8), True),
        (changed_route("::", 0), True),
        (changed_route("192.168.1.0", 32), False),
        (changed_route("192.168.2.0", 24), False),
        (changed_route("fd01::", 16), False),
        (changed_route("192.168.2.0", 24) + changed_route("192.168.0.0", 16), True),
        (message(32, bytes(12), flags=0), True),
        (message(33, bytes(12), flags=0), True),
        (message(NEW_ROUTE, struct.pack("=BBBBBBBBI", 28, 20, 0, 0, 0, 0, 0, 0, 0)), False),
    ],
)
def test_a_route_of_another_prefix_leads_elsewhere(datagram: bytes, expected: bool) -> None:  # noqa: FBT001
    of = netlink.prefixes("192.168.1.1") | netlink.prefixes("fd00::1")
    assert len(of) == 33 + 129
    assert netlink.may_change_route(datagram, of) == expected


def test_what_is_told_of_routes_must_be_valid() -> None:
    for datagram in (b"nonsense", message(NEW_ROUTE, bytes(11)), changed_route("::", 1)[:-4]):
        with pytest.raises(OSError, match="Bad message"):
            netlink.may_change_route(datagram, ())


# -- what is not valid


WHOLE = assigned("10.9.0.1")


@pytest.mark.parametrize(
    "datagram",
    [
        WHOLE[:15],
        WHOLE[:-4],
        struct.pack("=I", 15) + WHOLE[4:],
        struct.pack("=I", 0) + WHOLE[4:],
        message(NEW_ADDRESS, bytes(7)),
        message(NEW_ADDRESS, body(b"\x03\0\1\0")),
        message(NEW_ADDRESS, body(b"\0\0\1\0")),
        message(NEW_ADDRESS, body(b"\x09\0\1\0" + bytes(4))),
        message(NEW_ADDRESS, body(b"\1\0")),
        message(NEW_ADDRESS, body(attribute(ADDRESS, bytes(16)))),
        message(NEW_ADDRESS, body(attribute(ADDRESS, bytes(4)), family=socket.AF_INET6)),
        message(NEW_ADDRESS, body(attribute(ADDRESS, bytes(4)), attribute(FLAGS, b"1"))),
        message(NEW_ADDRESS, body(attribute(ADDRESS, bytes(4)), attribute(CACHE, bytes(15)))),
        message(NEW_LINK, bytes(15)),
        link(attribute(35, b"1")),
        message(NEW_NEIGHBOUR, bytes(11)),
        neighbour("10.9.0.1", attribute(TIMES, bytes(15))),
        message(NEW_NEIGHBOUR, struct.pack("=BxxxiHBB", 2, 7, 2, 0, 0) + attribute(DST, b"1")),
        message(NEW_ROUTE, bytes(11)),
        route(attribute(OIF, b"1")),
        message(ERROR, b""),
        message(ERROR, bytes(4)),
        message(ERROR, struct.pack("=i", 5)),
    ],
)
def test_what_is_not_valid_is_refused(datagram: bytes) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is what tells
        everything(datagram)
    assert caught.value.errno == errno.EBADMSG


def everything(datagram: bytes) -> set[str]:
    """Read a datagram in every way, and return its addresses."""
    told = parsed(datagram)
    texts = {address.text for address in netlink.usable(told)}
    assert len(list(netlink.links(told))) + len(list(netlink.routes(told))) <= len(told)
    return texts | {address for address, _found in netlink.hosts(told, 7)}


MIXED = WHOLE + link(attribute(3, b"a")) + neighbour("fd00::1") + route(attribute(OIF, number(7)))


@DETERMINISTIC
@given(
    datagram=st.binary(max_size=200)
    | st.tuples(st.just(MIXED), st.integers(0, len(MIXED) - 1), st.binary(max_size=6)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + len(parts[2]) :]
    )
)
def test_any_datagram_yields_addresses_or_an_error(datagram: bytes) -> None:
    try:
        addresses = everything(datagram)
    except OSError:
        return
    assert all(packed(text) for text in addresses)


# -- the kernel


@pytest.mark.usefixtures("not_root")
def test_every_user_may_ask_the_kernel() -> None:
    assert "127.0.0.1" in netlink.addresses()


def in_network(program: str) -> str:
    """Run a program in a network of its own, where this test leaves nothing behind."""
    if os.geteuid() != 0:
        pytest.skip("only root may make a network")
    command = ["unshare", "--net", sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip("making a network is not allowed here")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


IP = """
import json, subprocess, time
from dm_dns.node import netlink
def ip(*words):
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout
"""


def test_the_kernel_tells_what_ip_prints() -> None:
    output = in_network(
        IP
        + """
empty = netlink.addresses()
ip("link", "set", "lo", "up")
ip("link", "add", "one", "type", "veth", "peer", "name", "two")
ip("link", "set", "one", "up")
for number in range(1, 255):
    ip("address", "add", f"10.9.{number}.1/24", "dev", "one")
ip("address", "add", "10.8.0.1", "peer", "10.8.0.2", "dev", "one")
ip("address", "add", "169.254.7.7/16", "dev", "one", "scope", "link")
ip("address", "add", "fd09::1/64", "dev", "one", "nodad")
ip("address", "add", "fd09::2", "peer", "fd09::3", "dev", "one", "nodad")
ip("address", "add", "fd09::4/64", "dev", "one")  # tentative: the link has no carrier
ip("address", "add", "fd09::5/64", "dev", "one", "nodad", "preferred_lft", "0")
deprecated = [each.text for each in netlink.assigned() if each.is_deprecated]
print(json.dumps([empty, netlink.addresses(), deprecated, json.loads(ip("-json", "address"))]))
"""
    )
    empty, addresses, deprecated, links = json.loads(output)
    unusable = {"tentative", "dadfailed"}
    expected = {
        info["local"]
        for link in links
        for info in link["addr_info"]
        if not unusable & info.keys() and not info["local"].startswith("fe80:")
    }
    assert empty == []
    assert addresses == sorted(expected)
    assert {"127.0.0.1", "::1", "10.8.0.1", "169.254.7.7", "fd09::1", "fd09::2"} <= expected
    assert not {"10.8.0.2", "fd09::3", "fd09::4"} & expected
    assert len(expected) == 254 + 7
    assert deprecated == ["fd09::5"]


def test_who_waits_for_what_is_told_knows_each_change() -> None:
    output = in_network(
        IP
        + """
import select
told = netlink.subscribe()
def follows(address, is_there):
    while (address in netlink.addresses()) != is_there:
        if not select.select([told], [], [], 20)[0]:
            return False
        try:
            while told.recv(65536):
                pass
        except BlockingIOError:
            pass
    return True
ip("link", "set", "lo", "up")
print(follows("127.0.0.1", True), follows("::1", True))
for address in ("10.9.0.1/32", "fd09::1/128"):
    for verb in ("add", "delete"):
        ip("address", verb, address, "dev", "lo")
        print(follows(address.partition("/")[0], verb == "add"))
"""
    )
    assert output.split() == ["True"] * 6


def test_without_a_change_nothing_is_told() -> None:
    output = in_network(
        IP
        + """
import select
told = netlink.subscribe()
ip("link", "add", "one", "type", "veth", "peer", "name", "two")
netlink.addresses()
print(select.select([told], [], [], 0.2)[0])
"""
    )
    assert output == "[]\n"


def test_an_answer_that_is_not_of_one_moment_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([(f"10.9.0.{count}", count == 2) for count in (1, 2, 3)])

    def answer(*_: object) -> tuple[list[rtnetlink.Message], bool]:
        address, is_whole = next(answers)
        return parsed(assigned(address)), is_whole

    monkeypatch.setattr(rtnetlink, "_ask", answer)
    assert netlink.addresses() == ("10.9.0.2",)


def test_addresses_that_keep_changing_do_not_keep_it_forever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []

    def answer(*arguments: object) -> tuple[list[rtnetlink.Message], bool]:
        asked.append(arguments)
        return parsed(assigned("10.9.0.1")), len(asked) > 100

    monkeypatch.setattr(rtnetlink, "_ask", answer)
    assert netlink.addresses() == ("10.9.0.1",)
    assert 1 < len(asked) < 10


def test_the_kernel_tells_of_links_neighbours_and_routes() -> None:
    output = in_network(
        IP
        + """
ip("link", "set", "lo", "up")
ip("link", "add", "one", "type", "veth", "peer", "name", "two")
ip("link", "set", "one", "address", "02:00:00:00:00:01")
index = [each["ifindex"] for each in json.loads(ip("-json", "link")) if each["ifname"] == "one"][0]
print(netlink.link(index))
ip("link", "set", "one", "up")
ip("link", "set", "two", "up")
for address in ("192.168.1.5/24", "fd00::5/64"):
    ip("address", "add", address, "dev", "one", *(["nodad"] if ":" in address else []))
ip("neigh", "add", "192.168.1.1", "lladdr", "02:00:00:00:00:02", "dev", "one", "nud", "stale")
ip("neigh", "add", "192.168.1.2", "lladdr", "02:00:00:00:00:03", "dev", "one")
ip("neigh", "add", "fd00::1", "lladdr", "02:00:00:00:00:04", "dev", "one", "nud", "reachable")
ip("route", "add", "10.0.0.0/8", "via", "192.168.1.1")
ip("route", "add", "unreachable", "172.16.0.0/12")
ip("route", "add", "prohibit", "172.32.0.0/12")
for _ in range(2000):  # the kernel looks at a carrier a bit later
    if netlink.link(index).is_running:
        break
    time.sleep(0.01)
print(netlink.link(index)._replace(carrier_changes=0))
known = netlink.neighbours(index)
for host in ("192.168.1.1", "192.168.1.2", "fd00::1"):
    print(host, *known[host][:2])
print(all(found.confirmed < 200 and found.updated < 50 for found in known.values()))
for address in ("192.168.1.1", "fd00::1", "10.1.1.1", "192.168.1.5"):
    found = netlink.route(address)
    print(address, found.link == index, found.is_direct, found.is_own)
for address in ("8.8.8.8", "172.16.1.1", "172.33.1.1", "2001:db8::1"):
    print(netlink.route(address))
print(netlink.link(99), netlink.neighbours(99))
"""
    )
    assert output.splitlines() == [
        "Link(name='one', link_address='02:00:00:00:00:01', is_running=False, carrier_changes=1)",
        "Link(name='one', link_address='02:00:00:00:00:01', is_running=True, carrier_changes=0)",
        "192.168.1.1 02:00:00:00:00:02 4",
        "192.168.1.2 02:00:00:00:00:03 128",
        "fd00::1 02:00:00:00:00:04 2",
        "True",
        "192.168.1.1 True True False",
        "fd00::1 True True False",
        "10.1.1.1 True False False",
        "192.168.1.5 False False True",
        *["None"] * 4,
        "None {}",
    ]


def test_neighbours_on_other_links_are_not_asked_for() -> None:
    output = in_network(
        IP
        + """
from dm_dns.node import rtnetlink
indexes = []
for name in ("one", "two"):
    ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-peer")
    ip("link", "set", name, "up")
    ip("link", "set", f"{name}-peer", "up")
    links = json.loads(ip("-json", "link", "show", name))
    indexes.append(links[0]["ifindex"])
for number in range(200):
    ip("neigh", "add", f"10.9.0.{number}", "lladdr", "02:00:00:00:00:02", "dev", "one")
ip("neigh", "add", "fd00::1", "lladdr", "02:00:00:00:00:02", "dev", "two", "nud", "permanent")
ask, answers = rtnetlink.ask_for_all, []
def asked(*words):
    answers.append(ask(*words))
    return answers[-1]
rtnetlink.ask_for_all = asked
one, two = map(netlink.neighbours, indexes)
print(len([each for each in one if each.startswith("10.9.")]), len(answers[0]) - len(one))
print([each for each in two if not each.startswith("ff02:")], len(answers[1]) - len(two))
"""
    )
    assert output.splitlines() == ["200 0", "['fd00::1'] 0"]


def test_routes_and_rules_are_told_of_to_who_asks() -> None:
    output = in_network(
        IP
        + """
import select
told = netlink.subscribe_to_routes()
of = netlink.prefixes("192.168.1.1") | netlink.prefixes("fd00::1")
def matters():
    found = []
    while select.select([told], [], [], 0.05)[0]:
        found.append(netlink.may_change_route(told.recv(65536), of))
    return found
ip("link", "add", "one", "type", "veth", "peer", "name", "two")
ip("link", "set", "one", "up")
ip("link", "set", "two", "up")
matters()
for verb in ("add", "delete"):
    for prefix in ("192.168.0.0/16", "fd00::/16", "default", "10.0.0.0/8", "fd01::/16"):
        ip("route", verb, prefix, "dev", "one")
        print(prefix, any(matters()))
    ip("rule", verb, "to", "192.168.0.0/16", "lookup", "100")
    print("rule", any(matters()))
    ip("-6", "rule", verb, "to", "fd00::/16", "lookup", "100")
    print("rule", any(matters()))
"""
    )
    routes = [
        "192.168.0.0/16 True",
        "fd00::/16 True",
        "default True",
        "10.0.0.0/8 False",
        "fd01::/16 False",
    ]
    assert output.splitlines() == 2 * [*routes, "rule True", "rule True"]


def test_links_and_neighbours_are_told_of_to_who_asks() -> None:
    output = in_network(
        IP
        + """
import select
told = netlink.subscribe()
netlink.subscribe_to_neighbours(told)
def found():
    known = []
    while select.select([told], [], [], 0.3)[0]:
        known += netlink.told(told.recv(65536))
    hosts = {each[1:3] for each in known if each and each.address == "192.168.1.1"}
    return None in known, sorted(hosts)
ip("link", "add", "one", "type", "veth", "peer", "name", "two")
print(found()[0])
ip("link", "set", "one", "up")
ip("link", "set", "two", "up")
print(found()[0])
ip("neigh", "add", "192.168.1.1", "lladdr", "02:00:00:00:00:02", "dev", "one", "nud", "stale")
print(found()[1])
ip("neigh", "change", "192.168.1.1", "lladdr", "02:00:00:00:00:03", "dev", "one", "nud", "stale")
print(found()[1])
ip("neigh", "delete", "192.168.1.1", "dev", "one")
print(found()[1])
ip("link", "set", "two", "down")
print(found()[0])
"""
    )
    changed, gone = ("('192.168.1.1', False)", "('192.168.1.1', True)")
    expected = [f"[{changed}]", f"[{changed}]", f"[{changed}, {gone}]", "True"]
    assert output.splitlines() == ["True", "True", *expected]
