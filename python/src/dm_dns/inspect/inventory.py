"""All names of a clan: what each is, where it resolves to, and who exports it."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from dm_dns.inspect.clan import Clan
from dm_dns.inspect.editions import Since
from dm_dns.zone import conf, names
from dm_dns.zone.spec import Endpoint

KINDS: Final = ("machine", "service", "shared", "local")
"""What a name can be: a machine's own; a service's that one machine runs, or that several run; or
one that only this machine knows, from its /etc/hosts. A wildcard is a service's."""


class Name(NamedTuple):
    """A name of the clan."""

    name: str
    kind: str
    """One of KINDS."""
    machines: tuple[str, ...]
    """The machines that it resolves to, sorted; empty if they are not known."""
    addresses: tuple[str, ...]
    exports: tuple[Endpoint, ...]
    """Who exports it, as far as that is known; a machine's own name is exported by nobody."""
    since: Since | None
    """Since when it has been as it is; None: not known."""
    is_served: bool = True
    """False: it is exported, but the zone does not have it yet."""

    def json(self) -> dict[str, Any]:
        """Return the name for ``dm-dns show --json`` (documented in `commands.show`)."""
        return {
            "name": self.name,
            "kind": self.kind,
            "machines": list(self.machines),
            "addresses": list(self.addresses),
            "exports": [endpoint._asdict() for endpoint in self.exports],
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
) -> list[Name]:
    """Return all names, sorted.

    Args:
        zone: what is served, or would be.
        clan: what the clan file says; None: nobody knows who exports a name.
        since: since when the names have been as they are (`editions.since`).
        own: addresses that this machine knows itself, which it serves in place of the zone's.

    """
    addresses = {**zone.addresses, **{n: a for n, a in own.items() if n not in zone.cnames}}
    exports = _exports(clan, zone.domain)
    machines = _machines(zone, clan, exports)
    found = []
    for name in {*zone.cnames, *addresses, *machines, *exports}:
        is_served = name in zone.cnames or name in addresses or name in machines
        known = exports.get(name, ())
        if name in machines:
            kind, runs = "machine", {machines[name]}
        elif name in zone.cnames:
            target = _last_target(zone, name)
            kind, runs = "service", {machines.get(target, target)}
        else:
            runs = {endpoint.machine for endpoint in known}
            is_local = name in own and name not in zone.addresses and not runs
            kind = "local" if is_local else "service" if len(runs) == 1 else "shared"
        found.append(
            Name(
                name=name,
                kind=kind,
                machines=tuple(sorted(runs)),
                addresses=addresses.get(_last_target(zone, name), ()),
                exports=tuple(known),
                since=since.get(name),
                is_served=is_served,
            )
        )
    return sorted(found)


def _exports(clan: Clan | None, domain: str) -> dict[str, list[Endpoint]]:
    """Return who exports each name in the domain."""
    found: dict[str, list[Endpoint]] = {}
    for endpoint in clan.spec.endpoints if clan else ():
        try:
            name = names.canonical(endpoint.host)
        except names.InvalidNameError:
            continue
        if names.is_below(name, domain):
            found.setdefault(name, []).append(endpoint)
    return found


def _machines(zone: conf.Zone, clan: Clan | None, exports: Mapping[str, object]) -> dict[str, str]:
    """Return the name of each machine in the clan by its full name."""
    suffix = f".{zone.domain}"
    if clan:
        return {f"{machine.lower()}{suffix}": machine for machine in clan.spec.machines}
    targets = {_last_target(zone, name) for name in zone.cnames}
    return {
        name: name.removesuffix(suffix)
        for name in {*targets, *zone.addresses} - exports.keys()
        if name in targets or _is_one_machine(zone, name)
    }


def _is_one_machine(zone: conf.Zone, name: str) -> bool:
    """Tell whether a name with addresses can be a machine's, and not one that several share."""
    own = set(zone.addresses[name])
    label = name.removesuffix(f".{zone.domain}")
    return "." not in label and not any(
        other != name and known and own > set(known) for other, known in zone.addresses.items()
    )


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
