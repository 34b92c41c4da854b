import errno
import json
import os
import socket
import struct
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dm_dns.node import netlink

DETERMINISTIC = settings(derandomize=True, database=None, deadline=None)
NEW_ADDRESS, DONE, ERROR, NO_OPERATION = 20, 3, 2, 1
INTERRUPTED = 0x10
ADDRESS, LOCAL, LABEL, FLAGS = 1, 2, 3, 8


def message(kind: int, body: bytes, flags: int = 0) -> bytes:
    """Return a message of netlink(7)."""
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + padded(body)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + padded(value)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def body(*attributes: bytes, family: int = socket.AF_INET, flags: int = 0) -> bytes:
    return struct.pack("=BBBBI", family, 24, flags, 0, 1) + b"".join(attributes)


def packed(address: str) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_pton(family, address)


def assigned(address: str, flags: int = 0) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    wide = attribute(FLAGS, struct.pack("=I", flags))
    return message(
        NEW_ADDRESS, body(attribute(ADDRESS, packed(address)), wide, family=family, flags=0xFF)
    )


def found(datagram: bytes) -> set[str]:
    return netlink.parse(datagram)[0]


def test_the_addresses_of_all_messages_are_found() -> None:
    datagram = assigned("10.9.0.1") + assigned("fd09::1") + assigned("::1")
    assert netlink.parse(datagram) == ({"10.9.0.1", "fd09::1", "::1"}, False, False)


def test_of_a_tunnel_the_own_end_is_found() -> None:
    ends = attribute(ADDRESS, packed("10.9.0.2")) + attribute(LOCAL, packed("10.9.0.1"))
    assert found(message(NEW_ADDRESS, body(ends))) == {"10.9.0.1"}


@pytest.mark.parametrize(
    ("flags", "is_usable"),
    [(0x80, True), (0x40, False), (0x20, False), (0x08, False), (0x100 | 0x01, True)],
    ids=["permanent", "tentative", "deprecated", "dadfailed", "managed and temporary"],
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
    datagram = message(NO_OPERATION, b"x") + unknown + assigned("10.9.0.1")
    assert found(datagram) == {"10.9.0.1"}


def test_the_last_datagram_is_recognized() -> None:
    assert netlink.parse(message(DONE, bytes(4))) == (set(), True, False)
    assert netlink.parse(message(DONE, bytes(4), INTERRUPTED)) == (set(), True, True)


def test_an_error_of_the_kernel_is_raised() -> None:
    with pytest.raises(PermissionError):
        netlink.parse(message(ERROR, struct.pack("=i", -errno.EPERM)))


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
        message(ERROR, b""),
        message(ERROR, bytes(4)),
        message(ERROR, struct.pack("=i", 5)),
    ],
)
def test_what_is_not_valid_is_refused(datagram: bytes) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is what tells
        netlink.parse(datagram)
    assert caught.value.errno == errno.EBADMSG


@DETERMINISTIC
@given(
    datagram=st.binary(max_size=200)
    | st.tuples(st.just(WHOLE * 2), st.integers(0, 2 * len(WHOLE) - 1), st.binary(max_size=6)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + len(parts[2]) :]
    )
)
def test_any_datagram_yields_addresses_or_an_error(datagram: bytes) -> None:
    try:
        addresses = found(datagram)
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
print(json.dumps([empty, netlink.addresses(), json.loads(ip("-json", "address"))]))
"""
    )
    empty, addresses, links = json.loads(output)
    unusable = {"tentative", "deprecated", "dadfailed"}
    expected = {
        info["local"]
        for link in links
        for info in link["addr_info"]
        if not unusable & info.keys() and not info["local"].startswith("fe80:")
    }
    assert empty == []
    assert addresses == sorted(expected)
    assert {"127.0.0.1", "::1", "10.8.0.1", "169.254.7.7", "fd09::1", "fd09::2"} <= expected
    assert not {"10.8.0.2", "fd09::3", "fd09::4", "fd09::5"} & expected
    assert len(expected) == 254 + 6


def test_who_waits_for_what_is_told_knows_each_change() -> None:
    output = in_network(
        IP
        + """
import select
told = netlink.subscribe()
def follows(address, is_there):
    while (address in netlink.addresses()) != is_there:
        if not select.select([told], [], [], 5)[0]:
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
    answers = iter([({"10.9.0.1"}, False), ({"10.9.0.2"}, True), ({"10.9.0.3"}, True)])
    monkeypatch.setattr(netlink, "_dump", lambda: next(answers))
    assert netlink.addresses() == ("10.9.0.2",)


def test_addresses_that_keep_changing_do_not_keep_it_forever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(netlink, "_dump", lambda: ({"10.9.0.1"}, False))
    start = time.monotonic()
    assert netlink.addresses() == ("10.9.0.1",)
    assert time.monotonic() - start < 1
