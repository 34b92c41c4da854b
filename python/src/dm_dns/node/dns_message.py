"""DNS messages (RFC 1035, section 4), as far as a client of unbound needs them."""

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

NOERROR: Final = 0
NXDOMAIN: Final = 3
REFUSED: Final = 5

IN: Final = 1
A: Final = 1
NS: Final = 2
CNAME: Final = 5
SOA: Final = 6
PTR: Final = 12
TXT: Final = 16
AAAA: Final = 28
ANY: Final = 255
_OPT: Final = 41

_TRUNCATED: Final = 0x0200
_RCODE: Final = 0x000F
_POINTER: Final = 0xC0
_MAX_NAME: Final = 255
_MAX_LABEL: Final = 63
_MAX_BYTE: Final = 255
_RECURSION_DESIRED: Final = 0x0100
_UDP_SIZE: Final = 1232
"""The size of an answer over UDP: what unbound sends at most by default."""


class MessageError(Exception):
    """A message is not a valid one, or a name cannot be in any."""


class Record(NamedTuple):
    """A DNS record."""

    owner: bytes
    """Its name in wire format, not compressed."""
    kind: int
    """Its type."""
    dns_class: int
    ttl: int
    """In seconds."""
    data: bytes
    """In wire format, not compressed."""

    def wire(self) -> bytes:
        """Return the record in wire format (RFC 1035, section 4.1.3)."""
        fields = struct.pack(">HHIH", self.kind, self.dns_class, self.ttl, len(self.data))
        return self.owner + fields + self.data


class Response(NamedTuple):
    """What a server has answered."""

    message_id: int
    rcode: int
    is_truncated: bool
    answer: list[Record]
    """The answer section."""

    def resolved(self, name: str, kind: int) -> list[Record]:
        """Return the records of a type that aliases lead to, as records of the name asked for."""
        owner = _wire_name(name)
        ttl = min((record.ttl for record in self.answer), default=0)
        return [
            record._replace(owner=owner, ttl=ttl) for record in self.answer if record.kind == kind
        ]


def alias(name: str, kind: int, target: str, ttl: int = 0) -> Record:
    """Return a record that leads from a name to another one: a CNAME, or a PTR.

    Raises:
        MessageError: no message can have one of these names.

    """
    return Record(_wire_name(name), kind, IN, ttl, _wire_name(target))


def query(
    message_id: int, name: str, kind: int, dns_class: int = IN, *, is_recursive: bool = False
) -> bytes:
    """Return a query.

    Args:
        message_id: from 0 to 65535.
        name: in presentation format: a backslash escapes (RFC 1035, section 5.1).
        kind: the type of the records to ask for.
        dns_class: their class.
        is_recursive: whether to ask who answers to ask others; systemd-resolved refuses the rest.

    Raises:
        MessageError: no message can have this name.

    """
    flags = _RECURSION_DESIRED if is_recursive else 0
    header = struct.pack(">HHHHHH", message_id, flags, 1, 0, 0, 1)
    question = _wire_name(name) + struct.pack(">HH", kind, dns_class)
    # RFC 6891, section 6.1.2
    options = b"\0" + struct.pack(">HHIH", _OPT, _UDP_SIZE, 0, 0)
    return header + question + options


def parse(message: bytes) -> Response:
    """Return what a message says.

    Raises:
        MessageError: it is not a valid one.

    """
    try:
        message_id, flags, questions, answers = struct.unpack_from(">HHHH", message)
        at = 12
        for _ in range(questions):
            at = _name(message, at)[1] + 4
        answer = []
        for _ in range(answers):
            record, at = _record(message, at)
            answer.append(record)
    except (struct.error, IndexError):
        raise MessageError("the message ends too early") from None
    return Response(message_id, flags & _RCODE, bool(flags & _TRUNCATED), answer)


def parse_record(wire: bytes) -> Record:
    """Return the record in a text in wire format.

    Raises:
        MessageError: it is not a valid one.

    """
    try:
        return _record(wire, 0)[0]
    except (struct.error, IndexError):
        raise MessageError("the record ends too early") from None


def first_txt(records: Iterable[Record]) -> str | None:
    """Return the first TXT record's strings, joined by spaces; None if there is no TXT record."""
    for record in records:
        if record.kind == TXT:
            return " ".join(string.decode("ascii", "replace") for string in _strings(record.data))
    return None


def _strings(data: bytes) -> Iterator[bytes]:
    """Yield the character strings of a TXT record (RFC 1035, section 3.3.14)."""
    while data:
        length = data[0]
        yield data[1 : 1 + length]
        data = data[1 + length :]


def _record(message: bytes, at: int) -> tuple[Record, int]:
    """Return a record, and where the next one is."""
    owner, at = _name(message, at)
    kind, dns_class, ttl, length = struct.unpack_from(">HHIH", message, at)
    at += 10
    end = at + length
    if end > len(message):
        raise IndexError
    data = message[at:end]
    # Types that may have compressed names, of those in a zone file.
    if kind in (NS, CNAME):
        data = _name(message, at)[0]
    elif kind == SOA:
        server, at = _name(message, at)
        mailbox, at = _name(message, at)
        data = server + mailbox + message[at:end]
    return Record(owner, kind, dns_class, ttl, data), end


def _name(message: bytes, at: int) -> tuple[bytes, int]:
    """Return a name without compression (RFC 1035, section 4.1.4), and where it ends."""
    name = b""
    end = None
    while length := message[at]:
        if length >= _POINTER:
            if end is None:
                end = at + 2
            target = (length - _POINTER) << 8 | message[at + 1]
            # Backwards only: otherwise pointers could lead in a circle.
            if target >= at:
                raise MessageError("a compressed name points forward")
            at = target
            continue
        if length > _MAX_LABEL:
            raise MessageError("a label has a reserved type")
        name += message[at : at + 1 + length]
        if len(name) >= _MAX_NAME:
            raise MessageError("a name is too long")
        at += 1 + length
    return name + b"\0", at + 1 if end is None else end


def _wire_name(name: str) -> bytes:
    """Return a name in wire format."""
    wire = b"".join(bytes([len(label)]) + label for label in _labels(name)) + b"\0"
    if len(wire) > _MAX_NAME:
        raise MessageError("a name is too long")
    return wire


def _labels(name: str) -> Iterator[bytes]:
    """Yield the labels of a name, their escapes replaced."""
    label = bytearray()
    rest = iter(name.removesuffix(".").encode())
    for byte in rest:
        if byte == ord("."):
            yield _checked(label)
            label.clear()
        elif byte == ord("\\"):
            label.append(_escaped(rest))
        else:
            label.append(byte)
    if name not in ("", "."):
        yield _checked(label)


def _escaped(rest: Iterator[int]) -> int:
    r"""Return what follows a backslash: three decimal digits, or any other character."""
    first = next(rest, None)
    if first is None:
        raise MessageError("a name ends within an escape")
    if not chr(first).isdecimal():
        return first
    digits = bytes([first, next(rest, 0), next(rest, 0)])
    if not digits.isdigit() or int(digits) > _MAX_BYTE:
        raise MessageError("a name has an escape that is not a byte")
    return int(digits)


def _checked(label: bytearray) -> bytes:
    if not 0 < len(label) <= _MAX_LABEL:
        raise MessageError("a label is empty or longer than 63 bytes")
    return bytes(label)
