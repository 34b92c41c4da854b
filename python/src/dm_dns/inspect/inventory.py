"""All names of a clan: what each is, where it resolves to, and who exports it."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from dm_dns.inspect import local
from dm_dns.inspect.clan import Clan
from dm_dns.inspect.editions import Since
from dm_dns.inspect.local import LocalAddress
from dm_dns.node.presence import Presence
from dm_dns.zone import conf, names, nearby
from dm_dns.zone.spec import Endpoint

KINDS: Final = ("machine", "device", "service", "shared", "local")
"""What a name can be: a machine's own; a device's own, or another one of it; a service's that one
machine runs; one of several machines or devices; or one that only this machine knows, from its
/etc/hosts. A wildcard is a service's or a device's."""


class Device(NamedTuple):
    """A device that has a name, as the setting ``devices`` says."""

    device: str
    machines: tuple[str, ...]
    """Those whose settings have it; empty: it is set for the whole role."""

    @property
    def setting(self) -> str:
        """Return the setting that has it, for people."""
        several = "s" if len(self.machines) > 1 else ""
        of = (
            f"of machine{several} {', '.join(self.machines)}"
            if self.machines
            else "of the role default"
        )
        return f"setting devices {of}"


class Name(NamedTuple):
    """A name of the clan."""

    name: str
    kind: str
    """One of KINDS."""
    machines: tuple[str, ...]
    """The machines that it resolves to, sorted; empty if they are not known."""
    addresses: tuple[str, ...]
    """Those that this machine gives, as far as it does not run the service itself."""
    local: tuple[LocalAddress, ...]
    """Those on local networks, whether they are given or not."""
    exports: tuple[Endpoint, ...]
    """Who exports it, as far as that is known; a machine's own name is exported by nobody."""
    devices: tuple[Device, ...]
    """The devices that it resolves to, sorted."""
    since: Since | None
    """Since when it has been as it is; None: not known."""
    is_served: bool = True
    """False: it is exported, but the zone does not have it yet."""

    @property
    def owners(self) -> list[str]:
        """The machines and devices that it resolves to."""
        return [*self.machines, *(each.device for each in self.devices)]

    @property
    def all_addresses(self) -> list[str]:
        """Those that are given, and the others as ADDRESS@NETWORK."""
        others = [each for each in self.local if each.address not in self.addresses]
        return [*self.addresses, *(f"{each.address}@{each.network}" for each in others)]

    def json(self) -> dict[str, Any]:
        """Return the name for ``dm-dns show --json`` (documented in `commands.show`)."""
        return {
            "name": self.name,
            "kind": self.kind,
            "machines": list(self.machines),
            "addresses": list(self.addresses),
            "local": [each.json() for each in self.local],
            "exports": [endpoint._asdict() for endpoint in self.exports],
            "devices": [each._asdict() for each in self.devices],
            "since": {
                "serial": self.since.serial,
                "when": self.since.when.isoformat(),
                "at_least": self.since.at_least,
            }
            if self.since
            else None,
            "served": self.is_served,
        }


def make(
    zone: conf.Zone,
    clan: Clan | None,
    since: Mapping[str, Since],
    own: Mapping[str, tuple[str, ...]],
    presences: Sequence[Presence] | None = None,
) -> list[Name]:
    """Return all names, sorted.

    Args:
        zone: what is served, or would be.
        clan: what the clan file says; None: nobody knows who exports a name.
        since: since when the names have been as they are (`editions.since`).
        own: addresses that this machine knows itself, which it serves in place of the zone's.
        presences: on which local networks this machine is; None: it is not known.

    """
    addresses = {**zone.addresses, **{n: a for n, a in own.items() if n not in zone.cnames}}
    on = {presence.name: presence.silent for presence in presences or () if presence.link}
    addresses |= nearby.given(zone, on, own)
    exports, devices = _exports(clan, zone.domain), _devices(clan, zone.domain)
    machines = _machines(zone, clan, exports)
    found = []
    for name in {*zone.cnames, *addresses, *machines, *exports, *devices}:
        is_served = name in zone.cnames or name in addresses or name in machines
        known, leads_to = exports.get(name, ()), devices.get(name, ())
        if name in machines:
            kind, runs = "machine", {machines[name]}
        elif name in zone.cnames:
            target = _last_target(zone, name)
            leads_to = devices.get(target, ())
            runs = set() if leads_to else {machines.get(target, target)}
            kind = "device" if leads_to else "service"
        else:
            runs = {endpoint.machine for endpoint in known}
            is_local = name in own and name not in zone.addresses and not (runs or leads_to)
            kind = "local" if is_local else _kind(len(runs), len(leads_to))
        found.append(
            Name(
                name=name,
                kind=kind,
                machines=tuple(sorted(runs)),
                addresses=addresses.get(_last_target(zone, name), ()),
                local=local.addresses_of(zone, _last_target(zone, name), presences, own),
                exports=tuple(known),
                devices=tuple(leads_to),
                since=since.get(name),
                is_served=is_served,
            )
        )
    return sorted(found)


def _kind(machines: int, devices: int) -> str:
    """Return the kind of a name that resolves to these numbers of machines and devices."""
    return {(1, 0): "service", (0, 1): "device"}.get((machines, devices), "shared")


def _devices(clan: Clan | None, domain: str) -> dict[str, list[Device]]:
    """Return the devices that each name in the domain resolves to: their own names, and others."""
    found: dict[str, list[Device]] = {}
    for name, values in sorted(clan.spec.devices.items()) if clan else ():
        device = Device(name, clan.devices.get(name, ()) if clan else ())
        for host in (f"{name}.{domain}", *values.names):
            canonical = _canonical(host, domain)
            if canonical and device not in found.setdefault(canonical, []):
                found[canonical].append(device)
    return found


def _exports(clan: Clan | None, domain: str) -> dict[str, list[Endpoint]]:
    """Return who exports each name in the domain."""
    found: dict[str, list[Endpoint]] = {}
    for endpoint in clan.spec.endpoints if clan else ():
        if name := _canonical(endpoint.host, domain):
            found.setdefault(name, []).append(endpoint)
    return found


def _canonical(host: str, domain: str) -> str | None:
    """Return the canonical form of a host; None if it is not a name in the domain."""
    try:
        name = names.canonical(host)
    except names.InvalidNameError:
        return None
    return name if names.is_below(name, domain) else None


def _machines(zone: conf.Zone, clan: Clan | None, exports: Mapping[str, object]) -> dict[str, str]:
    """Return the name of each machine in the clan by its full name."""
    suffix = f".{zone.domain}"
    if clan:
        return {f"{machine.lower()}{suffix}": machine for machine in clan.spec.machines}
    targets = {_last_target(zone, name) for name in zone.cnames}
    return {
        name: name.removesuffix(suffix)
        for name in {*targets, *zone.addresses} - exports.keys()
        if name not in zone.shared and "." not in name.removesuffix(suffix)
    }


def _last_target(zone: conf.Zone, name: str) -> str:
    while name in zone.cnames:  # without a loop, which the parser refuses
        name = zone.cnames[name]
    return name


def find(known: Iterable[Name], text: str, domain: str) -> Name | None:
    """Return the name that ``text`` means: in full, without the domain, or below a wildcard."""
    by_name = {name.name: name for name in known}
    for candidate in candidates(text, domain):
        if found := by_name.get(candidate):
            return found
    for candidate in candidates(text, domain):
        # RFC 4592: the wildcard of the closest name above that exists.
        parent = candidate
        while names.is_below(parent, domain):
            parent = parent.partition(".")[2]
            if found := by_name.get(f"*.{parent}"):
                return found
            if any(names.is_below(name, parent) or name == parent for name in by_name):
                break
    return None


def with_address(known: Iterable[Name], zone: conf.Zone, address: str) -> list[Name]:
    """Return the names that have an address, also those that this machine does not give it for.

    Args:
        known: the names to look through.
        zone: what is served.
        address: in the text form of inet_ntop(3).

    """
    found = []
    for name in known:
        last = _last_target(zone, name.name)
        near = (each.address for each in name.local)
        if address in {*name.addresses, *near, *zone.addresses.get(last, ())}:
            found.append(name)
    return found


def elsewhere(name: Name, zone: conf.Zone) -> tuple[str, ...]:
    """Return the addresses that machines elsewhere are given for a name, and this one is not."""
    if not any(each.is_given for each in name.local):
        return ()
    known = zone.addresses.get(_last_target(zone, name.name), ())
    return tuple(address for address in known if address not in name.addresses)


def candidates(text: str, domain: str) -> list[str]:
    """Return the names of the domain that ``text`` may mean: itself, and with the domain."""
    found = []
    for name in (text, f"{text.removesuffix('.')}.{domain}"):
        try:
            canonical = names.canonical(name)
        except names.InvalidNameError:
            continue
        if names.is_below(canonical, domain):
            found.append(canonical)
    return found


def similar(known: Iterable[Name], text: str, domain: str) -> list[str]:
    """Return the names that ``text`` may be a mistyped form of, the most similar one first."""
    short = text.lower().removesuffix(".").removesuffix(f".{domain}")
    labels = {name.name.removesuffix(f".{domain}"): name.name for name in known}
    return [labels[label] for label in difflib.get_close_matches(short, labels, n=3)]
