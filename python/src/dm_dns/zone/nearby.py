"""The addresses that names have on the local networks where a machine is.

There a machine has its address on that network, and no other: programs try several addresses in an
order of their own (RFC 6724, section 6; getaddrinfo(3)), in which nearly every other address comes
first. It has its other addresses while it does not answer there, as when it is elsewhere; unless
the network is to give no others.
"""

from collections.abc import Collection, Mapping
from typing import Final

from dm_dns.zone import conf

On = Mapping[str, Collection[str]]
"""The local networks that a machine is on, by their names, with the addresses there that do not
answer."""

NOWHERE: Final[On] = {}


def given(zone: conf.Zone, on: On, but: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
    """Return the names that have other addresses than in the records of ``zone``, and these.

    Args:
        zone: with its local networks.
        on: where the machine is that asks.
        but: names that the machine has addresses for itself (`Hosts.addresses`).

    """
    if not on:
        return {}
    here: dict[str, tuple[str, ...]] = {}
    for machine, known in zone.local.addresses.items():
        if machine not in but and (found := _of_machine(zone, machine, known, on)):
            here[machine] = found
    shared: dict[str, tuple[str, ...]] = {}
    for name, machines in zone.shared.items() if here else ():
        near = [machine for machine in machines if machine in here]
        if near and name not in but:
            # Another machine may have the same address as one of these.
            far = {a for m in machines if m not in here for a in zone.addresses.get(m, ())}
            kept = far.intersection(zone.addresses[name])
            shared[name] = conf.in_order([*kept, *(a for m in near for a in here[m])])
    return here | shared


def _of_machine(
    zone: conf.Zone, machine: str, known: Collection[tuple[str, str]], on: On
) -> tuple[str, ...]:
    near = [(network, address) for network, address in known if network in on]
    networks = zone.local.networks
    answering = [
        address for network, address in near if networks[network].only or address not in on[network]
    ]
    if not answering and not zone.addresses[machine]:
        answering = [address for _network, address in near]
    return conf.in_order(answering)
