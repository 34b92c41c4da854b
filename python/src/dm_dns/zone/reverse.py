"""Reverse names: which addresses have one, and whose.

Only addresses that mean nothing outside of a clan's networks have one: those are nobody else's to
name. The name is the own one of the machine or device that has the address, and of no other.
"""

from collections.abc import Iterator, Mapping
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final

from dm_dns.zone import conf

# The first bits of each network, and how many these are. Private addresses (RFC 1918), and those of
# a carrier's NAT (RFC 6598):
_IPV4: Final = ((b"\x0a", 8), (b"\xac\x10", 12), (b"\xc0\xa8", 16), (b"\x64\x40", 10))
# Unique local addresses (RFC 4193), and those of yggdrasil and of mycelium:
_IPV6: Final = ((b"\xfc", 7), (b"\x02", 7), (b"\x04", 7))


def name(address: str) -> str | None:
    """Return the reverse name of an IP address in the text form of inet_ntop(3).

    None if it is in none of the networks whose addresses may have one.
    """
    if ":" in address:
        packed = inet_pton(AF_INET6, address)
        if not any(_is_in(packed, *network) for network in _IPV6):
            return None
        return ".".join([*reversed(packed.hex()), "ip6.arpa"])  # RFC 3596, section 2.5
    packed = inet_pton(AF_INET, address)
    if not any(_is_in(packed, *network) for network in _IPV4):
        return None
    return ".".join([*map(str, reversed(packed)), "in-addr.arpa"])  # RFC 1035, section 3.5


def _is_in(packed: bytes, prefix: bytes, bits: int) -> bool:
    rest = 8 * len(prefix) - bits
    start = int.from_bytes(packed[: len(prefix)], "big")
    return start >> rest == int.from_bytes(prefix, "big") >> rest


def owners(served: conf.Zone, addresses: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the machine or device of each address that has a reverse name, by the address.

    An address that several have has none: in different networks it may be of different ones.

    Args:
        served: the zone.
        addresses: what its names have on this machine.

    """
    found: dict[str, str | None] = {}
    for owner in _own_names(served):
        known = set(addresses.get(owner, ()))
        # At home, a machine may still come through the VPN.
        if known and known <= set(served.local.of(owner)):
            known |= set(served.addresses[owner])
        for address in known:
            if name(address):
                found[address] = None if address in found else owner
    return {address: owner for address, owner in found.items() if owner}


def _own_names(served: conf.Zone) -> Iterator[str]:
    """Yield the names that machines and devices have of their own."""
    labels = served.domain.count(".") + 2
    for owner in {*served.addresses, *served.cnames.values()}:
        is_one_label = owner.count(".") + 1 == labels and not owner.startswith("*")
        if is_one_label and owner not in served.cnames and owner not in served.shared:
            yield owner
