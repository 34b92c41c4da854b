"""Local networks: those on which a machine has an address that means nothing elsewhere.

Two networks may have the same addresses, so each is known by the link address of a host that is
always there, such as its router. What `problem`, `host_problem` and `is_useless` refuse, the module
refuses when it evaluates the clan.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final, NamedTuple

MAX_NAME: Final = 63
"""Characters of a network's name."""

_NAME: Final = re.compile(rf"[a-z0-9](?:[a-z0-9_-]{{0,{MAX_NAME - 1}}})")
_PREFIX: Final = re.compile(r"([0-9a-f.:]+)/([0-9]{1,3})")
_LINK_ADDRESS: Final = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_MULTICAST: Final = 0x01  # the lowest bit of the first byte (IEEE 802, group address)

_LENGTHS: Final[dict[int, tuple[int, int]]] = {AF_INET: (8, 30), AF_INET6: (48, 126)}
"""The shortest and the longest prefix: no link has more hosts, or has room for two of them."""
_BITS: Final[dict[int, int]] = {AF_INET: 32, AF_INET6: 128}

# What is of no use to other machines: "this host", loopback, link-local, multicast, reserved (RFC
# 6890); unspecified, loopback and IPv4 in IPv6, link-local, multicast (RFC 4291).
_USELESS: Final = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/3",
    "::/127",
    "::ffff:0:0/96",
    "fe80::/10",
    "ff00::/8",
)
# What no local network has beside that: the rest of ::/8, and site-local (RFC 4291).
_NOT_LOCAL: Final = ("::/8", "fec0::/10")


class Network(NamedTuple):
    """A local network."""

    prefix: str
    """Its addresses, such as 192.168.1.0/24."""
    router: str
    """The address of a host that is always there."""
    link_address: str
    """That host's, such as 52:54:00:12:34:56."""
    only: bool = False
    """Whether machines have no other addresses on it, even while they do not answer there."""

    def __str__(self) -> str:
        """Return it as a zone.conf has it."""
        words = [self.prefix, self.router, self.link_address, *(["only"] if self.only else [])]
        return " ".join(words)

    @classmethod
    def parse(cls, text: str) -> "Network":
        """Read what a zone.conf has.

        Raises:
            ValueError: it is not valid; the message has the rule.

        """
        prefix, router, link_address, *rest = [*text.split(" "), "", ""][: max(3, _words(text))]
        if not link_address or rest not in ([], ["only"]):
            raise ValueError("expected PREFIX ROUTER LINK-ADDRESS, and maybe 'only'")
        network = cls(prefix, router, link_address, bool(rest))
        if reason := network.problem():
            raise ValueError(reason)
        return network

    def problem(self) -> str | None:
        """Return the rule that it breaks, or None."""
        if reason := prefix_problem(self.prefix):
            return reason
        if reason := host_problem(self.prefix, self.router):
            return reason
        return link_address_problem(self.link_address)

    def contains(self, address: str) -> bool:
        """Tell whether an address, as inet_ntop(3) writes it, is one of the network's."""
        return contains(self.prefix, address)


def _words(text: str) -> int:
    return text.count(" ") + 1


def name_problem(name: str) -> str | None:
    """Return the rule that the name of a network breaks, or None."""
    if _NAME.fullmatch(name):
        return None
    return (
        f"{name!a} is not a network's name: 1 to {MAX_NAME} of the characters a-z, 0-9, '-' and"
        " '_', the first a letter or a digit"
    )


def prefix_problem(prefix: str) -> str | None:
    """Return the rule that a prefix breaks, or None."""
    match = _PREFIX.fullmatch(prefix)
    number = _number(match[1]) if match else None
    if match is None or number is None:
        return f"{prefix!a} is not an address with a prefix length"
    family, value = number
    length = int(match[2])
    shortest, longest = _LENGTHS[family]
    if not shortest <= length <= longest:
        kind = "IPv4" if family == AF_INET else "IPv6"
        return (
            f"the prefix length of {prefix!a} is not one of {shortest} to {longest}, which networks"
            f" with {kind} have"
        )
    size = 1 << _BITS[family] - length
    if value % size:
        return f"{prefix!a} has bits beyond its prefix length"
    if prefix != f"{_text(family, value)}/{length}":
        return f"{prefix!a} is not written as {_text(family, value)}/{length}"
    if is_useless(match[1]) or any(contains(special, match[1]) for special in _NOT_LOCAL):
        return (
            f"{prefix!a} is not one that a local network can have: use private, unique local or"
            " global addresses"
        )
    return None


def host_problem(prefix: str, address: str) -> str | None:
    """Return why a host on the network with this prefix, which is valid, cannot have an address."""
    number = _number(address)
    if number is None or address != _text(*number):
        return f"{address!a} is not an IP address as inet_ntop(3) writes it"
    if not contains(prefix, address):
        return f"{address!a} is not in {prefix}"
    family, value = number
    size = 1 << _BITS[family] - int(prefix.partition("/")[2])
    if value % size == 0:
        return f"{address!a} is the address of the network {prefix} itself"
    if family == AF_INET and value % size == size - 1:
        return f"{address!a} is the broadcast address of {prefix}"
    return None


def is_useless(address: str) -> bool:
    """Tell whether no other machine can reach one by a valid IP address, wherever it is."""
    number = _number(address)
    return number is not None and any(
        family == number[0] and number[1] >> shift == start
        for family, start, shift in _useless_starts()
    )


@cache
def _useless_starts() -> tuple[tuple[int, int, int], ...]:
    """Return, for each prefix of `_USELESS`, its family, its bits, and how many more there are."""
    found = []
    for prefix in _USELESS:
        start, _, length = prefix.partition("/")
        if number := _number(start):
            shift = _BITS[number[0]] - int(length)
            found.append((number[0], number[1] >> shift, shift))
    return tuple(found)


def link_address_problem(text: str) -> str | None:
    """Return the rule that a host's link address breaks, or None."""
    if not _LINK_ADDRESS.fullmatch(text):
        return f"{text!a} is not a link address, such as 52:54:00:12:34:56"
    if int(text[:2], 16) & _MULTICAST:
        return f"{text!a} is a link address of a group, and not of a host"
    if text == "00:00:00:00:00:00":
        return f"{text!a} is the link address of no host"
    return None


def contains(prefix: str, address: str) -> bool:
    """Tell whether an address is one of a prefix; both are valid."""
    start, _, length = prefix.partition("/")
    one, other = _number(start), _number(address)
    if one is None or other is None or one[0] != other[0]:
        return False
    return (one[1] ^ other[1]) >> _BITS[one[0]] - int(length) == 0


def with_length(text: str) -> str | None:
    """Return an address, or a prefix, with its prefix length; None if it is neither."""
    address, _, length = text.partition("/")
    number = _number(address)
    if number is None:
        return None
    most = _BITS[number[0]]
    length = length if "/" in text else str(most)
    is_length = length.isascii() and length.isdigit() and len(length) <= len("128")
    return f"{address}/{length}" if is_length and int(length) <= most else None


def is_within(prefix: str, other: str) -> bool:
    """Tell whether all addresses of a prefix are addresses of an ``other``; both are valid."""
    return int(prefix.partition("/")[2]) >= int(other.partition("/")[2]) and contains(
        other, prefix.partition("/")[0]
    )


def prefixes_of_place(network: Network, local: Iterable[Network]) -> list[str]:
    """Return the prefixes of the local networks that have the router of this one.

    They are one place, such as those for IPv4 and IPv6.
    """
    return [each.prefix for each in local if each.link_address == network.link_address]


def outside_of(prefixes: Sequence[str], allow: Iterable[str]) -> list[str]:
    """Return the networks, of those in the setting ``allow``, that have other addresses as well."""
    return [each for each in allow if not any(is_within(each, prefix) for prefix in prefixes)]


def _number(address: str) -> tuple[int, int] | None:
    """Return the family of an address and its value; None if it is not one."""
    family = AF_INET6 if ":" in address else AF_INET
    try:
        return family, int.from_bytes(inet_pton(family, address), "big")
    except (OSError, ValueError):
        return None


def _text(family: int, value: int) -> str:
    return inet_ntop(family, value.to_bytes(_BITS[family] // 8, "big"))
