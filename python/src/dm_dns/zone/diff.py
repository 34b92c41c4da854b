"""The difference between two zones, name by name."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from dm_dns.zone import conf
from dm_dns.zone.networks import Network

_OF_NETWORKS: Final = ("declared", "redeclared", "undeclared")

KINDS: Final = ("added", "removed", "moved", "readdressed", "shared", "unshared", *_OF_NETWORKS)
"""Kinds of changes. A name that moved now belongs to another machine; a readdressed name has other
addresses; a shared name belonged to one machine and now has the addresses of several; an unshared
name the reverse. The last three are of local networks: one is new, different or gone."""

Value = str | tuple[str, ...]
"""What a name has: the target of its CNAME, or its addresses (of a machine, maybe none). One on a
local network is ADDRESS@NETWORK."""


class Change(NamedTuple):
    """What happens to one name, or one local network."""

    name: str
    kind: str
    """One of KINDS."""
    before: Value | Network | None
    """None: it does not exist."""
    after: Value | Network | None

    @property
    def is_of_name(self) -> bool:
        """Whether it happens to a name."""
        return self.kind not in _OF_NETWORKS

    def __str__(self) -> str:
        """Return one line for people."""
        values = [_text(value) for value in (self.before, self.after) if value is not None]
        return f"{self.kind:11}  {self.name}  {' -> '.join(values)}"


def values(zone: conf.Zone) -> dict[str, Value]:
    """Return what each name of a zone has."""
    found: dict[str, Value] = {**zone.cnames, **zone.addresses}
    local = zone.local
    for name in {*local.addresses, *(zone.shared if local.addresses else ())}:
        near = [
            f"{address}@{network}"
            for machine in (name, *zone.shared.get(name, ()))
            for network, address in local.addresses.get(machine, ())
        ]
        found[name] = (*zone.addresses[name], *near)
    return found


def differences(before: conf.Zone | None, after: conf.Zone) -> tuple[Change, ...]:
    """Return what changes from one zone to another: names, then local networks, each sorted."""
    old, new = values(before) if before else {}, values(after)
    names = [
        Change(name, _kind(old.get(name), new.get(name)), old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
    were, are = before.local.networks if before else {}, after.local.networks
    networks = [
        Change(name, _kind_of_network(were.get(name), are.get(name)), were.get(name), are.get(name))
        for name in sorted(were.keys() | are.keys())
        if were.get(name) != are.get(name)
    ]
    return (*names, *networks)


def count(changes: Iterable[Change]) -> dict[str, int]:
    """Return the number of changes of each of KINDS."""
    found = Counter(change.kind for change in changes)
    return {kind: found[kind] for kind in KINDS}


def describe(counts: Mapping[str, int]) -> str:
    """Return what `count` returned as a phrase."""
    parts = [f"{number} {kind}" for kind, number in counts.items() if number]
    return ", ".join(parts) or "no name changes"


def _kind(before: Value | None, after: Value | None) -> str:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    if isinstance(before, str):
        return "moved" if isinstance(after, str) else "shared"
    return "unshared" if isinstance(after, str) else "readdressed"


def _kind_of_network(before: Network | None, after: Network | None) -> str:
    declared, redeclared, undeclared = _OF_NETWORKS
    if before is None:
        return declared
    return undeclared if after is None else redeclared


def _text(value: Value | Network) -> str:
    if isinstance(value, str | Network):
        return str(value)
    return " ".join(value) or "(no address)"


def as_json(value: Value | Network | None) -> dict[str, object] | None:
    """Return a change's ``before`` or ``after`` for JSON."""
    if value is None:
        return None
    if isinstance(value, Network):
        return {"network": value._asdict()}
    return {"cname": value} if isinstance(value, str) else {"addresses": list(value)}
