"""Reverse names: which addresses have one, and whose.

Only addresses that mean nothing outside of a clan's networks have one: those are nobody else's to
name. The name is the own one of the machine or device that has the address, and of no other.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final

from dm_dns.zone import conf, limits

# How addresses of these networks begin, as inet_ntop(3) writes them: private ones (RFC 1918), those
# of a carrier's NAT (100.64.0.0/10, RFC 6598), unique local ones (fc00::/7, RFC 4193), and those of
# yggdrasil (200::/7) and of mycelium (400::/7).
_NETWORKS: Final = re.compile(
    r"10\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|192\.168\.|100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\."
    r"|f[cd][0-9a-f]{2}:|[2-5][0-9a-f]{2}:"
)


def name(address: str) -> str | None:
    """Return the reverse name of an IP address in the text form of inet_ntop(3).

    None if it is in none of the networks whose addresses may have one.
    """
    if not _NETWORKS.match(address):
        return None
    if ":" in address:
        packed = inet_pton(AF_INET6, address)
        return ".".join([*reversed(packed.hex()), "ip6.arpa"])  # RFC 3596, section 2.5
    packed = inet_pton(AF_INET, address)
    return ".".join([*map(str, reversed(packed)), "in-addr.arpa"])  # RFC 1035, section 3.5


def owners(served: conf.Zone, addresses: Mapping[str, tuple[str, ...]]) -> dict[str, str] | None:
    """Return the machine or device of each address that has a reverse name, by the address.

    An address that several have has none: in different networks it may be of different ones. None
    is returned if more than `limits.MAX_REVERSE` addresses may have one, those that several have
    included: so the work has a limit.

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
                if len(found) > limits.MAX_REVERSE:
                    return None
    return {address: owner for address, owner in found.items() if owner}


def _own_names(served: conf.Zone) -> Iterator[str]:
    """Yield the names that machines and devices have of their own."""
    labels = served.domain.count(".") + 2
    others = set(served.cnames.values()) - served.addresses.keys()
    for owner in chain(served.addresses, others):
        is_one_label = owner.count(".") + 1 == labels and not owner.startswith("*")
        if is_one_label and owner not in served.cnames and owner not in served.shared:
            yield owner
