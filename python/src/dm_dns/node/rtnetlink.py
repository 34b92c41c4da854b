"""Asking the kernel by rtnetlink(7), and being told of changes: messages and their attributes."""

import errno
import os
import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

_REQUEST: Final = 0x1
_MULTI: Final = 0x2
_DUMP_INTERRUPTED: Final = 0x10
_DUMP: Final = 0x300
_NLMSG_ERROR: Final = 2
_NLMSG_DONE: Final = 3

# netlink(7); Python's socket module has neither.
_SOL_NETLINK: Final = 270
_ADD_MEMBERSHIP: Final = 1

# netlink(7): struct nlmsghdr; rtnetlink(7): struct rtattr.
_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_ERROR: Final = struct.Struct("=i")

READ_BYTES: Final = 1 << 16
"""More than the kernel puts into one datagram."""
_TRIES: Final = 5
_SECONDS: Final = 5.0
"""The kernel answers within microseconds; what only looks like one may not."""


class Message(NamedTuple):
    """A message of the kernel."""

    kind: int
    body: memoryview


def ask(kind: int, body: bytes) -> list[Message]:
    """Return the kernel's answer to a question about one thing.

    Raises:
        OSError: the kernel does not tell.

    """
    return _ask(kind, body, _REQUEST)[0]


def ask_for_all(kind: int, body: bytes) -> list[Message]:
    """Return what the kernel has of a kind: if possible, what it had at one moment.

    Raises:
        OSError: the kernel does not tell.

    """
    found: list[Message] = []
    for _ in range(_TRIES):
        found, is_whole = _ask(kind, body, _REQUEST | _DUMP)
        if is_whole:
            break
    return found


def _ask(kind: int, body: bytes, flags: int) -> tuple[list[Message], bool]:
    """Return the answer, and whether it is that of one moment."""
    found: list[Message] = []
    is_whole = True
    with open_socket() as opened:
        opened.settimeout(_SECONDS)
        header = _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0)
        opened.sendto(header + body, (0, 0))
        while True:
            messages, is_last, is_interrupted = parse(opened.recv(READ_BYTES))
            found += messages
            is_whole = is_whole and not is_interrupted
            if is_last:
                return found, is_whole


def open_socket(groups: Iterable[int] = ()) -> socket.socket:
    """Return a socket that can be read from when the kernel tells something to these groups.

    Raises:
        OSError: the kernel does not tell.

    """
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    try:
        opened.bind((0, 0))
        join(opened, groups)
    except OSError:
        opened.close()
        raise
    return opened


def join(opened: socket.socket, groups: Iterable[int]) -> None:
    """Have the kernel tell a socket what it tells these groups as well.

    Raises:
        OSError: the kernel does not tell.

    """
    for group in groups:
        opened.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)


def parse(datagram: bytes) -> tuple[list[Message], bool, bool]:
    """Read one datagram of an answer.

    Return its messages, whether it is the last one, and whether there were changes since the first
    one.

    Raises:
        OSError: it is not valid, or says that the kernel refuses.

    """
    found: list[Message] = []
    is_last = is_interrupted = False
    data = memoryview(datagram)
    while data:
        size, kind, flags, _sequence, _port = unpack(_HEADER, data)
        if not _HEADER.size <= size <= len(data):
            raise invalid()
        message = Message(kind, data[_HEADER.size : size])
        data = data[_aligned(size) :]
        is_interrupted = is_interrupted or bool(flags & _DUMP_INTERRUPTED)
        if kind == _NLMSG_ERROR:
            number = -unpack(_ERROR, message.body)[0]
            raise OSError(number, os.strerror(number)) if number > 0 else invalid()
        is_last = is_last or kind == _NLMSG_DONE or not flags & _MULTI
        if kind > _NLMSG_DONE:
            found.append(message)
    return found, is_last, is_interrupted


def of_kind(
    messages: Iterable[Message], kinds: Collection[int], header: struct.Struct
) -> Iterator[tuple[tuple[int, ...], dict[int, memoryview]]]:
    """Yield the header and the attributes of each message that is of one of these kinds.

    Raises:
        OSError: such a message is not valid.

    """
    for message in messages:
        if message.kind in kinds:
            yield unpack(header, message.body), attributes(message.body[header.size :])


def attributes(data: memoryview) -> dict[int, memoryview]:
    """Return the attributes in a message, which follow its own structure, by their type.

    Raises:
        OSError: they are not valid.

    """
    found = {}
    while data:
        size, kind = unpack(_ATTRIBUTE, data)
        if not _ATTRIBUTE.size <= size <= len(data):
            raise invalid()
        found[kind] = data[_ATTRIBUTE.size : size]
        data = data[_aligned(size) :]
    return found


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute for a question."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def unpack(fields: struct.Struct, data: memoryview) -> tuple[int, ...]:
    """Return the numbers that ``data`` begins with.

    Raises:
        OSError: it is too short.

    """
    try:
        return fields.unpack_from(data)
    except struct.error:
        raise invalid() from None


def invalid() -> OSError:
    """Return the error of a message that is not valid."""
    return OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))


def _aligned(size: int) -> int:
    return size + 3 & ~3
