"""The difference between two zones, name by name."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from dm_dns.zone import conf

KINDS: Final = ("added", "removed", "moved", "readdressed", "shared", "unshared")
"""Kinds of changes. A name that moved now belongs to another machine; a readdressed name has other
addresses; a shared name belonged to one machine and now has the addresses of several; an unshared
name the reverse."""

Value = str | tuple[str, ...]
"""What a name has: the target of its CNAME, or its addresses (of a machine, maybe none)."""


class Change(NamedTuple):
    """What happens to one name."""

    name: str
    kind: str
    """One of KINDS."""
    before: Value | None
    """None: the name does not exist."""
    after: Value | None

    def __str__(self) -> str:
        """Return one line for people."""
        values = [_text(value) for value in (self.before, self.after) if value is not None]
        return f"{self.kind:11}  {self.name}  {' -> '.join(values)}"


def differences(before: conf.Zone | None, after: conf.Zone) -> tuple[Change, ...]:
    """Return what changes from one zone to another, sorted by name."""
    old: dict[str, Value] = {**before.cnames, **before.addresses} if before else {}
    new: dict[str, Value] = {**after.cnames, **after.addresses}
    return tuple(
        Change(name, _kind(old.get(name), new.get(name)), old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )


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


def _text(value: Value) -> str:
    return value if isinstance(value, str) else " ".join(value) or "(no address)"


def as_json(value: Value | None) -> dict[str, object] | None:
    """Return a change's ``before`` or ``after`` for JSON."""
    if value is None:
        return None
    return {"cname": value} if isinstance(value, str) else {"addresses": list(value)}
