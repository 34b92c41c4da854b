"""Addresses on local networks: whether this machine gives them, and why."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from dm_dns.node.presence import Presence
from dm_dns.zone import conf


class LocalAddress(NamedTuple):
    """An address that a name has on a local network."""

    address: str
    network: str
    is_given: bool | None
    """Whether this machine gives it; None: this is a checkout, or nobody knows."""
    reason: str | None
    """Why it is given, or not."""
    remedy: str = ""
    """What to type if this machine is not on the network and should be."""

    def __str__(self) -> str:
        """Return it for people."""
        where = f"{self.address} on network {self.network!a}"
        if self.is_given is None:
            return where
        return f"{where} is {'' if self.is_given else 'not '}given: {self.reason}"

    def json(self) -> dict[str, Any]:
        """Return it for ``dm-dns show --json`` (documented in `commands.show`)."""
        return {
            "address": self.address,
            "network": self.network,
            "given": self.is_given,
            "reason": self.reason,
        }


def addresses_of(
    zone: conf.Zone,
    name: str,
    presences: Sequence[Presence] | None,
    hosts: Collection[str],
) -> tuple[LocalAddress, ...]:
    """Return the addresses that a name, which is not an alias, has on local networks.

    Args:
        zone: what is served.
        name: its full name.
        presences: where this machine is; None: it is not known.
        hosts: the names for which /etc/hosts has addresses.

    """
    here = {presence.name: presence for presence in presences or ()}
    found = []
    for machine in (name, *zone.shared.get(name, ())):
        in_hosts = {name, machine} & set(hosts)
        for network, address in zone.local.addresses.get(machine, ()):
            given, reason, remedy = None, None, ""
            if presence := here.get(network):
                remedy = presence.remedy
                is_only = zone.local.networks[network].only or not zone.addresses[machine]
                given, reason = _why(presence, address, in_hosts, is_only=is_only)
            found.append(LocalAddress(address, network, given, reason, remedy))
    return tuple(found)


def _why(
    presence: Presence, address: str, in_hosts: Collection[str], *, is_only: bool
) -> tuple[bool, str]:
    """Return whether an address is given, and why."""
    if presence.link is None:
        return False, presence.reason
    if in_hosts:
        return False, f"/etc/hosts has another address of {' and '.join(sorted(in_hosts))}"
    if address in presence.silent and not is_only:
        return False, f"it does not answer on {presence.link} (`ip neigh show {address}`)"
    return True, presence.reason


def text(presence: Presence) -> str:
    """Return for people whether this machine is on a local network."""
    state = "on it" if presence.link else "not on it"
    return f"{presence.name}: {state}: {presence.reason}"
