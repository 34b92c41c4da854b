"""Plan: what a push would change in the mesh, name by name, and what speaks against it."""

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from dm_dns.commands import types
from dm_dns.errors import FileError
from dm_dns.push import checkout, destination
from dm_dns.push.destination import Copy
from dm_dns.zone import conf, diff

MESH_FILE: Final = Path("/var/lib/data-mesher/files/home/dns/cnames")

DAY: Final = 86400
"""Seconds that a serial may be ahead of this machine's clock."""

CHANGES_STATUS: Final = 2
"""Exit status where a push would send something."""

_FEW_NAMES: Final = 10  # of which any part may be removed
_MOST_REMOVED: Final = 30  # percent


class Plan(NamedTuple):
    """A zone compared with the mesh's copy, as far as this machine has one."""

    new: conf.Zone
    old: conf.Zone | None
    """The mesh's; None: there is none to compare with, all names are added."""
    problem: str | None
    """Why the mesh's copy is no zone: a push replaces it."""
    changes: tuple[diff.Change, ...]
    """Sorted by name."""
    is_meshs: bool = True
    """Whether ``old`` is the mesh's (see `destination.Copy`)."""

    @property
    def sends(self) -> bool:
        """Whether a push sends the zone.

        It does for a newer serial with the same names as well: a node that was deployed with a
        zone in between, which has other names, goes on with that one otherwise. What a machine was
        deployed with is not in the mesh, so the same zone is sent then.
        """
        if self.old is None or self.changes:
            return True
        known = self.old.serial if self.is_meshs else self.old.serial - 1
        return self.new.serial > known

    @property
    def unchanged(self) -> int:
        """The number of names that stay as they are."""
        return (
            len(self.new.cnames)
            + len(self.new.addresses)
            - sum(change.after is not None for change in self.changes)
        )

    def lines(self) -> list[str]:
        """Return the plan for people: a line for each name, then the counts and serials."""
        lines = [*map(str, self.changes), self.counts()]
        if self.problem:
            return [f"the mesh's copy is no zone, a push replaces it: {self.problem}", *lines]
        return lines

    def summary(self) -> str:
        """Return the numbers of names that change, for people."""
        return diff.describe(diff.count(self.changes))

    def counts(self) -> str:
        """Return a line with the numbers of names and both serials."""
        before = "none" if self.old is None else self.old.serial
        return (
            f"{self.new.domain}: {self.summary()}, {self.unchanged} unchanged;"
            f" serial {before} -> {self.new.serial}"
        )

    def agreement(self, old: conf.Zone) -> str:
        """Return for people that the mesh's zone ``old`` will do."""
        newer = ", which is newer" if old.serial > self.new.serial else ""
        return f"the mesh has the same names with serial {old.serial}{newer}"

    def json(self) -> dict[str, Any]:
        """Return what `add_arguments` documents."""
        return {
            "domain": self.new.domain,
            "sends": self.sends,
            "serial": {"mesh": self.old.serial if self.old else None, "zone": self.new.serial},
            "problem": self.problem,
            "refusals": refusals(self),
            "counts": diff.count(self.changes) | {"unchanged": self.unchanged},
            "changes": [
                {
                    "name": change.name,
                    "kind": change.kind,
                    "before": diff.as_json(change.before),
                    "after": diff.as_json(change.after),
                }
                for change in self.changes
            ],
        }


def make(new: conf.Zone, copy: Copy) -> Plan:
    """Compare a zone with the mesh's copy."""
    old, problem = None, None
    if copy.content is not None:
        try:
            old = conf.parse(copy.content, new.domain, copy.place)
        except FileError as error:
            problem = str(error)
    return Plan(new, old, problem, diff.differences(old, new), copy.is_meshs)


def refusals(plan: Plan, *, force: bool = False) -> list[str]:
    """Return why a push must not send this, each with its remedy.

    ``force`` overrides an older serial and the removal of many names, and nothing else.
    """
    found = []
    if plan.sends or force:
        found.append(_too_far_ahead(plan.new))
    if plan.sends and plan.old:
        found.append(_same_serial(plan, plan.old))
        if not force:
            found += [_older(plan.new, plan.old), _too_many_removed(plan, plan.old)]
    return [reason for reason in found if reason]


def _too_far_ahead(new: conf.Zone) -> str | None:
    now = int(time.time())
    if new.serial <= now + DAY:
        return None
    return (
        f"its serial {new.serial} is more than a day ahead of this machine's clock ({now}): every"
        " zone generated before that time would be older. Check the clock with `timedatectl`, here"
        " and where the zone was generated, and generate it again; --force does not help."
    )


def _same_serial(plan: Plan, old: conf.Zone) -> str | None:
    if plan.new.serial != old.serial or not plan.changes:
        return None
    return (
        f"the mesh has another zone with the same serial {old.serial}, and which of them is newer"
        " cannot be told. Generate the zone again, which gives it a new serial; --force does not"
        " help."
    )


def _older(new: conf.Zone, old: conf.Zone) -> str | None:
    if new.serial >= old.serial:
        return None
    return (
        f"its serial {new.serial} is older than the mesh's, {old.serial}: this is an outdated"
        " deployment or checkout. Push from the newest, or generate the zone again and deploy this"
        " machine; --force sends the older zone all the same."
    )


def _too_many_removed(plan: Plan, old: conf.Zone) -> str | None:
    names = len(old.cnames) + len(old.addresses)
    removed = sum(change.kind == "removed" for change in plan.changes)
    if names < _FEW_NAMES or 100 * removed <= _MOST_REMOVED * names:
        return None
    return (
        f"it removes {removed} of the mesh's {names} names, more than {_MOST_REMOVED} %. Look at"
        " them with --dry-run; if they are to go, push with --force."
    )


def add_mesh_file(parser: argparse.ArgumentParser) -> None:
    """Declare ``--mesh-file``."""
    parser.add_argument(
        "--mesh-file",
        metavar="PATH",
        type=Path,
        default=MESH_FILE,
        help="the machine's copy of the mesh file (%(default)s)",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns plan``.

    ``--json`` prints one object. Its keys stay:

    - ``domain``, and ``sends``: whether a push sends the zone;
    - ``serial``: ``mesh`` (null where there is nothing to compare with) and ``zone``;
    - ``problem``: why the mesh's copy is no zone, or null;
    - ``refusals``: why a push without --force refuses, a list of texts;
    - ``counts``: the number of names of each of diff.KINDS, and ``unchanged``;
    - ``changes``, sorted by name: ``name``, ``kind`` (one of these), ``before`` and ``after``,
      each ``{"cname": target}``, ``{"addresses": [...]}`` or null.
    """
    parser.add_argument(
        "zone_conf", metavar="ZONE.conf", nargs="?", type=Path, help="the zone to compare"
    )
    parser.add_argument("--domain", type=types.domain, help="the clan's domain")
    checkout.add_arguments(parser)
    destination.add_arguments(parser)
    add_mesh_file(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns plan``; return 0 (nothing to do) or CHANGES_STATUS."""
    if not (args.zone_conf or args.flake):
        args.misuse("ZONE.conf is missing")
    args.zone_conf, args.domain = checkout.zone_of(args)
    new = conf.read(args.zone_conf, args.domain)
    with destination.opened(args) as compared:
        compared.check_domain(args.domain)
        plan = make(new, compared.copy())
    if args.json:
        print(json.dumps(plan.json(), indent=2))
    else:
        refused = [f"a push refuses this: {reason}" for reason in refusals(plan)]
        print("\n".join([*refused, *plan.lines()]))
    return CHANGES_STATUS if plan.sends else 0
