"""The links of this machine: their addresses, their neighbours, and which way packets leave."""

import errno
import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

from dm_dns.node import rtnetlink
from dm_dns.node.rtnetlink import Message

# rtnetlink(7): RTNLGRP_*.
_LINKS: Final = 1
_NEIGHBOURS: Final = 3
_ADDRESSES: Final = (5, 9)  # IPv4, IPv6
_ROUTES: Final = (7, 8, 11, 19)  # and rules: IPv4, IPv6

_NEW_LINK: Final = 16
_GET_LINK: Final = 18
_NEW_ADDRESS: Final = 20
_GET_ADDRESS: Final = 22
_NEW_ROUTE: Final = 24
_DELETE_ROUTE: Final = 25
_GET_ROUTE: Final = 26
_NEW_NEIGHBOUR: Final = 28
_DELETE_NEIGHBOUR: Final = 29
_GET_NEIGHBOUR: Final = 30

_IFF_RUNNING: Final = 0x40
_IFLA_ADDRESS: Final = 1
_IFLA_IFNAME: Final = 3
_IFLA_CARRIER_CHANGES: Final = 35

_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
_IFA_CACHEINFO: Final = 6
_IFA_FLAGS: Final = 8

# Flags of an address: one that may be a duplicate, but is used anyway (RFC 4429); a duplicate; one
# that is not preferred; one that may be a duplicate, on which nothing answers yet.
_IFA_F_OPTIMISTIC: Final = 0x4
_IFA_F_DADFAILED: Final = 0x8
_IFA_F_DEPRECATED: Final = 0x20
_IFA_F_TENTATIVE: Final = 0x40

_NDA_DST: Final = 1
_NDA_LLADDR: Final = 2
_NDA_CACHEINFO: Final = 3
_NDA_IFINDEX: Final = 8

_RTA_DST: Final = 1
_RTA_OIF: Final = 4
_RTA_GATEWAY: Final = 5
_RTA_VIA: Final = 18
_RTN_UNICAST: Final = 1
_RTN_LOCAL: Final = 2

# States of a neighbour: the kernel has asked it and it has answered; this was a while ago; the
# kernel waits for a sign of it, and asks it again; it has not answered; nobody asks it.
REACHABLE: Final = 0x02
STALE: Final = 0x04
DELAY: Final = 0x08
PROBE: Final = 0x10
FAILED: Final = 0x20
PERMANENT: Final = 0x80
KNOWN: Final = REACHABLE | STALE | DELAY | PROBE
"""Of these states, the kernel has a link address that it has learned, and uses it."""

_LINK_LOCAL: Final = ("fe8", "fe9", "fea", "feb")  # fe80::/10
_ETHERNET: Final = 6  # bytes of a link address

# rtnetlink(7): struct ifaddrmsg, struct ifinfomsg, struct rtmsg; linux/neighbour.h: struct ndmsg.
_IFADDRMSG: Final = struct.Struct("=BBBBI")
_IFINFOMSG: Final = struct.Struct("=BxHiII")
_NDMSG: Final = struct.Struct("=BxxxiHBB")
_RTMSG: Final = struct.Struct("=BBBBBBBBI")
_NUMBER: Final = struct.Struct("=I")
_CACHEINFO: Final = struct.Struct("=IIII")
_TICKS: Final = 100  # of the kernel's clock for users, in a second (time(7))
_LENGTHS: Final[dict[int, int]] = {socket.AF_INET: 4, socket.AF_INET6: 16}

_NO_LINK: Final = (errno.ENODEV, errno.ENXIO)
# What connect(2) would fail with: nowhere to send it, or a route that forbids it (ip-route(8)).
_NO_ROUTE: Final = (
    errno.EACCES,
    errno.EAGAIN,
    errno.EHOSTUNREACH,
    errno.EINVAL,
    errno.ENETUNREACH,
    errno.ENODEV,
)


Prefix = tuple[int, int, bytes]
"""A prefix: its family, its length in bits, and its first address."""


class Address(NamedTuple):
    """An address that a link has, and that is usable."""

    text: str
    """As inet_ntop(3) writes it."""
    link: int
    created: int
    """When, in a unit that only the kernel knows: another address has another time."""
    is_deprecated: bool = False
    """Whether another one is to be preferred; this one still receives (RFC 4862, section 5.5.4)."""


class Link(NamedTuple):
    """A link."""

    name: str
    link_address: str | None
    """As in 52:54:00:12:34:56; None: it has none of that kind."""
    is_running: bool
    """Whether something is at its other end."""
    carrier_changes: int
    """How often that changed."""


class Neighbour(NamedTuple):
    """What the kernel knows of a host on a link."""

    link_address: str | None
    state: int
    """One of those above."""
    confirmed: float
    """How long ago it was heard of, in seconds."""
    updated: float
    """How long ago ``state`` changed, in seconds."""


class Told(NamedTuple):
    """A change of a neighbour."""

    link: int
    address: str
    is_gone: bool
    """Whether the kernel has forgotten it."""
    state: int
    """What it is or was, as in `Neighbour`."""


class Route(NamedTuple):
    """Which way packets to an address leave this machine."""

    link: int
    is_direct: bool
    """Whether they go to the host itself, and not to a router."""
    is_own: bool
    """Whether the address is this machine's."""


def addresses() -> tuple[str, ...]:
    """Return the usable addresses of all links, loopback's too, sorted.

    Those of IPv6 that are valid on one link only are left out.

    Raises:
        OSError: the kernel does not tell.

    """
    return texts(assigned())


def texts(addresses: Iterable[Address]) -> tuple[str, ...]:
    """Return addresses as texts, sorted, each once."""
    return tuple(sorted({address.text for address in addresses}))


def assigned() -> list[Address]:
    """Return the usable addresses of all links, as `addresses` does.

    Raises:
        OSError: the kernel does not tell.

    """
    question = _IFADDRMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    return list(usable(rtnetlink.ask_for_all(_GET_ADDRESS, question)))


def link(index: int) -> Link | None:
    """Return a link; None if there is none with this number.

    Raises:
        OSError: the kernel does not tell.

    """
    try:
        answer = rtnetlink.ask(_GET_LINK, _IFINFOMSG.pack(socket.AF_UNSPEC, 0, index, 0, 0))
    except OSError as error:
        if error.errno in _NO_LINK:
            return None
        raise
    return next(iter(links(answer)), None)


def neighbours(index: int) -> dict[str, Neighbour]:
    """Return what the kernel knows of the hosts on a link, by their addresses.

    Raises:
        OSError: the kernel does not tell.

    """
    # The kernel reads the link in the header only if a socket asks for that (netlink(7),
    # NETLINK_GET_STRICT_CHK).
    question = _NDMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    question += rtnetlink.attribute(_NDA_IFINDEX, _NUMBER.pack(index))
    return dict(hosts(rtnetlink.ask_for_all(_GET_NEIGHBOUR, question), index))


def route(address: str) -> Route | None:
    """Return which way packets to an address leave; None if they do not.

    Raises:
        OSError: the kernel does not tell.

    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    raw = socket.inet_pton(family, address)
    question = _RTMSG.pack(family, 8 * len(raw), 0, 0, 0, 0, 0, 0, 0)
    try:
        answer = rtnetlink.ask(_GET_ROUTE, question + rtnetlink.attribute(_RTA_DST, raw))
    except OSError as error:
        if error.errno in _NO_ROUTE:
            return None
        raise
    return next(iter(routes(answer)), None)


def subscribe() -> socket.socket:
    """Return a socket that can be read from when an address came, went or changed.

    Raises:
        OSError: the kernel does not tell.

    """
    opened = rtnetlink.open_socket(_ADDRESSES)
    opened.settimeout(0)
    return opened


def subscribe_to_neighbours(opened: socket.socket) -> None:
    """Have the socket be told of links and neighbours as well.

    Raises:
        OSError: the kernel does not tell.

    """
    rtnetlink.join(opened, (_LINKS, _NEIGHBOURS))


def told(datagram: bytes) -> list[Told | None]:
    """Return what the kernel tells of neighbours; None for each thing else that it tells.

    Raises:
        OSError: it is not valid.

    """
    messages = rtnetlink.parse(datagram)[0]
    found: list[Told | None] = []
    for message in messages:
        if message.kind in (_NEW_NEIGHBOUR, _DELETE_NEIGHBOUR):
            is_gone = message.kind == _DELETE_NEIGHBOUR
            found += [
                Told(index, address, is_gone, each.state)
                for index, address, each in _neighbours([message])
            ]
        else:
            found.append(None)
    return found


def subscribe_to_routes() -> socket.socket:
    """Return a socket that can be read from when a route, or a rule of ip-rule(8), has changed.

    Raises:
        OSError: the kernel does not tell.

    """
    opened = rtnetlink.open_socket(_ROUTES)
    opened.settimeout(0)
    return opened


def prefixes(address: str) -> frozenset[Prefix]:
    """Return all prefixes that an address has, which are those of its routes."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    raw = socket.inet_pton(family, address)
    bits, number = 8 * len(raw), int.from_bytes(raw, "big")
    return frozenset(
        (family, length, (number >> bits - length << bits - length).to_bytes(len(raw), "big"))
        for length in range(bits + 1)
    )


def may_change_route(datagram: bytes, of: Collection[Prefix]) -> bool:
    """Tell whether the kernel tells of a route that has one of these prefixes, or of a rule.

    A machine may have a million routes, so of the others no more than the prefix is read.

    Raises:
        OSError: what it tells is not valid.

    """
    for message in rtnetlink.parse(datagram)[0]:
        if message.kind not in (_NEW_ROUTE, _DELETE_ROUTE):
            return True
        family, length = rtnetlink.unpack(_RTMSG, message.body)[:2]
        found = rtnetlink.attributes(message.body[_RTMSG.size :])
        raw = bytes(found.get(_RTA_DST, bytes(_LENGTHS.get(family, 0))))
        if (family, length, raw) in of:
            return True
    return False


def usable(messages: Iterable[Message]) -> Iterator[Address]:
    """Yield the usable addresses in messages.

    Raises:
        OSError: a message is not valid.

    """
    for header, found in rtnetlink.of_kind(messages, (_NEW_ADDRESS,), _IFADDRMSG):
        family, _length, flags, _scope, index = header
        # Between the two ends of a tunnel, IFA_ADDRESS is that of the other one.
        raw = found.get(_IFA_LOCAL, found.get(_IFA_ADDRESS))
        if _IFA_FLAGS in found:  # of which the header has only the first eight
            flags = rtnetlink.unpack(_NUMBER, found[_IFA_FLAGS])[0]
        is_tentative = flags & _IFA_F_TENTATIVE and not flags & _IFA_F_OPTIMISTIC
        if is_tentative or flags & _IFA_F_DADFAILED or raw is None:
            continue
        text = _text(family, raw)
        if text is None or text.startswith(_LINK_LOCAL):
            continue
        times = found.get(_IFA_CACHEINFO, memoryview(bytes(_CACHEINFO.size)))
        created = rtnetlink.unpack(_CACHEINFO, times)[2]
        yield Address(text, index, created, bool(flags & _IFA_F_DEPRECATED))


def links(messages: Iterable[Message]) -> Iterator[Link]:
    """Yield the links in messages.

    Raises:
        OSError: a message is not valid.

    """
    for header, found in rtnetlink.of_kind(messages, (_NEW_LINK,), _IFINFOMSG):
        _family, _kind, _index, flags, _change = header
        changes = found.get(_IFLA_CARRIER_CHANGES, memoryview(bytes(_NUMBER.size)))
        yield Link(
            bytes(found.get(_IFLA_IFNAME, b"")).rstrip(b"\0").decode("utf-8", "replace"),
            _ethernet(found.get(_IFLA_ADDRESS)),
            bool(flags & _IFF_RUNNING),
            rtnetlink.unpack(_NUMBER, changes)[0],
        )


def hosts(messages: Iterable[Message], index: int) -> Iterator[tuple[str, Neighbour]]:
    """Yield the neighbours on a link in messages, with their addresses.

    Raises:
        OSError: a message is not valid.

    """
    for at, address, found in _neighbours(messages):
        if at == index:
            yield address, found


def _neighbours(messages: Iterable[Message]) -> Iterator[tuple[int, str, Neighbour]]:
    kinds = (_NEW_NEIGHBOUR, _DELETE_NEIGHBOUR)
    for header, found in rtnetlink.of_kind(messages, kinds, _NDMSG):
        family, index, state, _flags, _type = header
        text = _text(family, found[_NDA_DST]) if _NDA_DST in found else None
        if text is None:
            continue  # of a bridge, which has neighbours without an address
        times = found.get(_NDA_CACHEINFO, memoryview(bytes(_CACHEINFO.size)))
        confirmed, _used, updated, _users = rtnetlink.unpack(_CACHEINFO, times)
        yield (
            index,
            text,
            Neighbour(
                _ethernet(found.get(_NDA_LLADDR)), state, confirmed / _TICKS, updated / _TICKS
            ),
        )


def routes(messages: Iterable[Message]) -> Iterator[Route]:
    """Yield the routes in messages.

    Raises:
        OSError: a message is not valid.

    """
    for header, found in rtnetlink.of_kind(messages, (_NEW_ROUTE,), _RTMSG):
        kind = header[7]
        if _RTA_OIF not in found or kind not in (_RTN_UNICAST, _RTN_LOCAL):
            continue
        index = rtnetlink.unpack(_NUMBER, found[_RTA_OIF])[0]
        is_direct = kind == _RTN_UNICAST and not found.keys() & {_RTA_GATEWAY, _RTA_VIA}
        yield Route(index, is_direct, kind == _RTN_LOCAL)


def _text(family: int, raw: memoryview) -> str | None:
    """Return an address as text; None if it is of another family than IPv4 and IPv6."""
    if family not in _LENGTHS:
        return None
    if len(raw) != _LENGTHS[family]:
        raise rtnetlink.invalid()
    return socket.inet_ntop(family, bytes(raw))


def _ethernet(raw: memoryview | None) -> str | None:
    return bytes(raw).hex(":") if raw is not None and len(raw) == _ETHERNET else None
