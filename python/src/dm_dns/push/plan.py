"""A plan: what a push would change in the mesh, name by name, and why it must not be sent."""

import time
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from dm_dns.errors import FileError
from dm_dns.push.destination import MeshCopy
from dm_dns.zone import conf, diff

CHANGES_STATUS: Final = 2
"""Exit status if a push would send something."""

_REGENERATE: Final = "`clan vars generate MACHINE --generator dm-dns --regenerate`"
VAR: Final = "vars/shared/dm-dns/zone.conf"
"""The zone in a checkout. The next one that is generated is newer than this, if it is there."""

_FEW_NAMES: Final = 10  # of fewer names, any number may be removed
_MAX_REMOVED: Final = 30  # percent


class Plan(NamedTuple):
    """A zone compared with the mesh's copy, as far as a machine shows one."""

    new: conf.Zone
    old: conf.Zone | None
    """The mesh's; None: there is nothing to compare with, so all names are added."""
    problem: str | None
    """Why the mesh's copy is not a valid zone; a push replaces it."""
    changes: tuple[diff.Change, ...]
    """Sorted by name."""
    from_mesh: bool
    """Whether ``old`` is the mesh's (see `destination.MeshCopy`)."""

    @property
    def has_changes(self) -> bool:
        """Whether a push sends the zone.

        It also sends a newer serial with the same names: otherwise a machine that was deployed with
        a zone in between, which has other names, would keep that one. What a machine was deployed
        with is not in the mesh, so in that case the same zone is sent too.
        """
        if self.old is None or self.changes:
            return True
        known = self.old.serial if self.from_mesh else self.old.serial - 1
        return self.new.serial > known

    @property
    def unchanged(self) -> int:
        """The number of names that stay as they are."""
        return (
            len(self.new.cnames)
            + len(self.new.addresses)
            - sum(change.is_of_name and change.after is not None for change in self.changes)
        )

    def lines(self) -> list[str]:
        """Return the plan for people: a line for each name, then the counts and serials."""
        lines = [*map(str, self.changes), self.counts()]
        if self.problem:
            return [
                f"the mesh's copy is not a valid zone and will be replaced: {self.problem}",
                *lines,
            ]
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

    def up_to_date_reason(self, old: conf.Zone) -> str:
        """Explain why the zone ``old`` needs no update."""
        newer = ", which is newer" if old.serial > self.new.serial else ""
        return f"{self.holder} has the same names with serial {old.serial}{newer}"

    @property
    def holder(self) -> str:
        """What has ``old``, for people."""
        return "the mesh" if self.from_mesh else "the machine"

    def json(self) -> dict[str, Any]:
        """Return what ``dm-dns plan --json`` prints (documented in `commands.plan`)."""
        return {
            "domain": self.new.domain,
            "sends": self.has_changes,
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


def make(new: conf.Zone, copy: MeshCopy) -> Plan:
    """Compare a zone with the mesh's copy."""
    old, problem = None, copy.problem
    if copy.content is not None and not problem:
        try:
            old = conf.parse(copy.content, new.domain, copy.place)
        except FileError as error:
            problem = str(error)
    if old and old.is_from_the_future(time.time(), new.serial):
        problem = (
            f"the serial {old.serial} of {copy.place} is more than a day ahead of this machine's"
            " clock, so machines take it for the lowest"
        )
        old = None
    return Plan(new, old, problem, diff.differences(old, new), copy.from_mesh)


def refusals(plan: Plan, *, force: bool = False) -> list[str]:
    """Return the reasons why a push must not send this, each with its remedy.

    ``force`` overrides an older serial and the removal of many names, and nothing else.
    """
    found = []
    if plan.has_changes or force:
        found.append(_too_far_ahead(plan.new))
    if plan.has_changes and plan.old:
        found.append(_same_serial(plan, plan.old))
        if not force:
            found += [_older(plan, plan.old), _too_many_removed(plan, plan.old)]
    return [reason for reason in found if reason]


def _too_far_ahead(new: conf.Zone) -> str | None:
    now = int(time.time())
    if not new.is_from_the_future(now):
        return None
    return (
        f"its serial {new.serial} is more than a day ahead of this machine's clock ({now}): every"
        " zone generated before that time would count as older. Check the clock with `timedatectl`."
        " If it is wrong, set it and push again. If it is right, the zone was generated with a"
        f" wrong one: remove {VAR} from the checkout, as the next zone would be newer still,"
        " generate it with `clan vars generate MACHINE --generator dm-dns`, and deploy all machines"
        " that have this one; --force does not override this."
    )


def _same_serial(plan: Plan, old: conf.Zone) -> str | None:
    if plan.new.serial != old.serial or not plan.changes:
        return None
    return (
        f"{plan.holder} has another zone with the same serial {old.serial}, so neither is newer:"
        " they were generated from two checkouts, of which neither has the other's. Merge them,"
        f" and generate the zone again, which gives it a higher serial, with {_REGENERATE}; --force"
        " does not override this."
    )


def _older(plan: Plan, old: conf.Zone) -> str | None:
    if plan.new.serial >= old.serial:
        return None
    when = ""
    # It was generated, or rolled back, by a clock that was ahead, or within this second.
    if old.serial >= int(time.time()):
        when = datetime.fromtimestamp(old.serial, UTC).strftime(" after %Y-%m-%d %H:%M:%S UTC")
    return (
        f"its serial {plan.new.serial} is older than {plan.holder}'s, {old.serial}: this is an"
        " outdated deployment or checkout, or a checkout that lacks that zone. Push from the"
        " checkout that has it, or merge that one into this and generate the zone again with"
        f" {_REGENERATE}. If no checkout has it, as after a rollback, generate the zone again"
        f"{when}, with a clock that is right. --force sends the older zone anyway; machines that"
        " were deployed with a newer one keep that."
    )


def _too_many_removed(plan: Plan, old: conf.Zone) -> str | None:
    names = len(old.cnames) + len(old.addresses)
    removed = sum(change.kind == "removed" for change in plan.changes)
    if names < _FEW_NAMES or 100 * removed <= _MAX_REMOVED * names:
        return None
    return (
        f"it removes {removed} of {plan.holder}'s {names} names, more than {_MAX_REMOVED} %. Review"
        " them with --dry-run; if they should go, push with --force."
    )
