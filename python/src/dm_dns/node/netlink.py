"""The addresses of this machine's links, as the kernel tells them by rtnetlink(7)."""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

_RTMGRP_IPV4_IFADDR: Final = 0x10
_RTMGRP_IPV6_IFADDR: Final = 0x100

_NLM_F_REQUEST: Final = 0x1
_NLM_F_DUMP_INTR: Final = 0x10
_NLM_F_DUMP: Final = 0x300
_NLMSG_ERROR: Final = 2
_NLMSG_DONE: Final = 3
_RTM_NEWADDR: Final = 20
_RTM_GETADDR: Final = 22

_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
_IFA_FLAGS: Final = 8

# Flags of an address on which nothing is to answer, or not yet: a duplicate, one that is no longer
# preferred (RFC 4862, section 5.5.4), one that may be a duplicate.
_IFA_F_DADFAILED: Final = 0x8
_IFA_F_DEPRECATED: Final = 0x20
_IFA_F_TENTATIVE: Final = 0x40
_UNUSABLE: Final = _IFA_F_DADFAILED | _IFA_F_DEPRECATED | _IFA_F_TENTATIVE

# fe80::/10: such an address is none without the name of a link.
_LINK_LOCAL: Final = ("fe8", "fe9", "fea", "feb")

# netlink(7): struct nlmsghdr; rtnetlink(7): struct ifaddrmsg, struct rtattr.
_HEADER: Final = struct.Struct("=IHHII")
_IFADDRMSG: Final = struct.Struct("=BBBBI")
_ATTRIBUTE: Final = struct.Struct("=HH")
_ERROR: Final = struct.Struct("=i")
_NUMBER: Final = struct.Struct("=I")
_LENGTHS: Final[dict[int, int]] = {socket.AF_INET: 4, socket.AF_INET6: 16}

_READ_BYTES: Final = 1 << 16  # more than the kernel puts into one datagram of a dump
_TRIES: Final = 5
_SECONDS: Final = 5.0
"""The kernel answers within microseconds; what only looks like one may not."""


class _Message(NamedTuple):
    kind: int
    flags: int
    body: memoryview


def addresses() -> tuple[str, ...]:
    """Return the usable addresses of all links, loopback's too, sorted.

    They are in the text form of inet_ntop(3). Those of IPv6 that are valid on one link only are
    left out.

    Raises:
        OSError: the kernel does not tell.

    """
    found: set[str] = set()
    for _ in range(_TRIES):
        found, is_whole = _dump()
        if is_whole:
            break
    return tuple(sorted(found))


def subscribe() -> socket.socket:
    """Return a socket that can be read from when an address came, went or changed.

    Raises:
        OSError: the kernel does not tell.

    """
    opened = _open()
    try:
        opened.settimeout(0)
        opened.bind((0, _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV6_IFADDR))
    except OSError:
        opened.close()
        raise
    return opened


def _open() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)


def _dump() -> tuple[set[str], bool]:
    """Return the usable addresses, and whether they are those of one moment."""
    found: set[str] = set()
    is_whole = True
    with _open() as opened:
        opened.settimeout(_SECONDS)
        size = _HEADER.size + _IFADDRMSG.size
        header = _HEADER.pack(size, _RTM_GETADDR, _NLM_F_REQUEST | _NLM_F_DUMP, 1, 0)
        opened.sendto(header + _IFADDRMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0), (0, 0))
        while True:
            known, is_last, is_interrupted = parse(opened.recv(_READ_BYTES))
            found |= known
            is_whole = is_whole and not is_interrupted
            if is_last:
                return found, is_whole


def parse(datagram: bytes) -> tuple[set[str], bool, bool]:
    """Read one datagram of the answer to a request for all addresses.

    Return its usable addresses, whether it is the last one, and whether addresses changed since the
    first one.

    Raises:
        OSError: it is not valid, or says that the kernel refuses.

    """
    found: set[str] = set()
    is_last = is_interrupted = False
    for message in _messages(memoryview(datagram)):
        is_interrupted = is_interrupted or bool(message.flags & _NLM_F_DUMP_INTR)
        if message.kind == _RTM_NEWADDR:
            found.update(_usable(message.body))
        elif message.kind == _NLMSG_DONE:
            is_last = True
        elif message.kind == _NLMSG_ERROR:
            number = -int(_unpack(_ERROR, message.body)[0])
            raise OSError(number, os.strerror(number)) if number > 0 else _invalid()
    return found, is_last, is_interrupted


def _messages(data: memoryview) -> Iterator[_Message]:
    while data:
        size, kind, flags, _sequence, _port = _unpack(_HEADER, data)
        if not _HEADER.size <= size <= len(data):
            raise _invalid()
        yield _Message(kind, flags, data[_HEADER.size : size])
        data = data[_aligned(size) :]


def _usable(body: memoryview) -> Iterator[str]:
    """Yield the address in the body of a message, if it is a usable one."""
    family, _length, flags, _scope, _link = _unpack(_IFADDRMSG, body)
    attributes = dict(_attributes(body[_IFADDRMSG.size :]))
    # Between the two ends of a tunnel, IFA_ADDRESS is that of the other one.
    raw = attributes.get(_IFA_LOCAL, attributes.get(_IFA_ADDRESS))
    if _IFA_FLAGS in attributes:  # of which the header has only the first eight
        flags = _unpack(_NUMBER, attributes[_IFA_FLAGS])[0]
    if family not in _LENGTHS or raw is None or flags & _UNUSABLE:
        return
    if len(raw) != _LENGTHS[family]:
        raise _invalid()
    text = socket.inet_ntop(family, bytes(raw))
    if not text.startswith(_LINK_LOCAL):
        yield text


def _attributes(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    while data:
        size, kind = _unpack(_ATTRIBUTE, data)
        if not _ATTRIBUTE.size <= size <= len(data):
            raise _invalid()
        yield kind, data[_ATTRIBUTE.size : size]
        data = data[_aligned(size) :]


def _aligned(size: int) -> int:
    return size + 3 & ~3


def _unpack(fields: struct.Struct, data: memoryview) -> tuple[int, ...]:
    try:
        return fields.unpack_from(data)
    except struct.error:
        raise _invalid() from None


def _invalid() -> OSError:
    return OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))
