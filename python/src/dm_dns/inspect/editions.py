"""Editions: the zones that a clan has had, and since when a name is as it is.

A machine keeps those that the mesh brought (`access.history`), a checkout has those that were
committed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns.access import history, ssh
from dm_dns.errors import Error
from dm_dns.inspect import text
from dm_dns.node.config import Config
from dm_dns.zone import conf, diff, limits

_MAX_COMMITS: Final = 20

_GIT_SECONDS: Final = 10.0


class Edition(NamedTuple):
    """A zone that the clan has had."""

    zone: conf.Zone
    when: datetime
    """When the machine got it, or when it was committed."""


class Since(NamedTuple):
    """The edition in which a name became what it is."""

    serial: int
    when: datetime
    at_least: bool
    """Whether it was so already in the oldest edition that is known."""


class Changed(NamedTuple):
    """An edition that changed names."""

    when: datetime
    serial: int
    changes: tuple[diff.Change, ...]


def of_machine(config: Config, current: Edition) -> Iterator[Edition]:
    """Yield the editions that this machine has had, newest first.

    Args:
        config: the machine's.
        current: the one that it serves; the history has only what the mesh brought.

    """
    yield current
    try:
        serials = history.serials(config.history)
    except Error:
        serials = []
    for serial in serials:
        if serial >= current.zone.serial:
            continue  # the current one, or a newer one that was withdrawn
        try:
            zone = history.read(config.history, serial, config.domain)
            seconds = (config.history / f"{serial}.conf").stat().st_mtime
        except (Error, OSError):
            continue
        yield Edition(zone, text.moment(seconds))


def of_checkout(zone_conf: Path, current: conf.Zone) -> list[Edition]:
    """Return the editions that a checkout has had, newest first, as far as git knows them.

    Args:
        zone_conf: the file of the zone.
        current: the zone in it, which may not be committed yet.

    """
    found = [Edition(current, text.moment(zone_conf.stat().st_mtime))]
    for content, when in _committed(zone_conf):
        try:
            zone = conf.parse(content, current.domain, str(zone_conf))
        except Error:
            continue
        if zone.sha256 == found[-1].zone.sha256:
            found[-1] = Edition(found[-1].zone, when)
        else:
            found.append(Edition(zone, when))
    return found


def _committed(path: Path) -> Iterator[tuple[bytes, datetime]]:
    """Yield the contents of a file in the newest commits, with their times; newest first."""
    log = _git(path.parent, "log", f"-{_MAX_COMMITS}", "--format=%H %ct", "--", path.name)
    for line in log.decode("ascii", "replace").splitlines():
        commit, _, seconds = line.partition(" ")
        content = _git(path.parent, "show", f"{commit}:./{path.name}")
        if content and seconds.isdecimal():
            yield content, text.moment(int(seconds))


def _git(directory: Path, *arguments: str) -> bytes:
    """Return what a git command prints; nothing if it fails, or if there is no git."""
    # It locks and writes nothing (git(1), --no-optional-locks).
    command = ["git", "--no-optional-locks", "-C", str(directory), *arguments]
    try:
        status, printed = ssh.output(command, limit=limits.MAX_SIZE, seconds=_GIT_SECONDS)
    except OSError:
        return b""
    return printed if status == 0 else b""


def since(editions: Sequence[Edition]) -> Mapping[str, Since]:
    """Return, for each name of the first edition, since when it has been as it is there."""
    if not editions:
        return {}
    newest = editions[0].zone
    is_now = diff.values(newest)
    found: dict[str, Since] = {}
    remaining = set(is_now)
    for edition, before in zip(editions, [*editions[1:], None], strict=True):
        known = before and diff.values(before.zone)
        ends = {name for name in remaining if known is None or known.get(name) != is_now[name]}
        at_least = before is None
        found |= dict.fromkeys(ends, Since(edition.zone.serial, edition.when, at_least))
        remaining -= ends
    return found


def changes(editions: Iterable[Edition]) -> Iterator[Changed]:
    """Yield the editions that changed names, newest first.

    What the oldest one changed is not known.
    """
    for after, before in pairwise(editions):
        if changed := diff.differences(before.zone, after.zone):
            yield Changed(after.when, after.zone.serial, changed)
