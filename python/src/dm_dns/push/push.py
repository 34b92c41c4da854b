"""Push: sign a zone.conf and hand it to the mesh, or delete the mesh's copy."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.access import history
from dm_dns.errors import FileError, RefusedError, TransientError
from dm_dns.push import data_mesher, plan
from dm_dns.push.destination import Destination, MeshCopy
from dm_dns.push.key_source import KeyFile
from dm_dns.zone import conf, limits

_MAX_LINES: Final = 100  # of a plan: the first push of a large zone must not fill a journal


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where things are, and how to push."""

    domain: str
    """Canonical (see `names`)."""
    destination: Destination
    """The machine that is pushed to."""
    url: str
    """The HTTP address, on this machine, of the data-mesher that is pushed to."""
    key: KeyFile
    """Signs the zone; it has been compared with the public key that the machines know."""
    network_id: Path
    """The file with the public key of data-mesher's network."""
    name: str
    """The mesh file's name."""
    wait: float
    """Seconds to wait for data-mesher to answer, and again for the change to arrive."""
    force: bool
    """Send an older zone, one that removes many names, or one that the mesh has already."""
    dry_run: bool
    """Report what would be done, and do nothing."""
    automatic: bool
    """Whether a push that another one replaces is retried, instead of being waited for."""
    report: Callable[[str], None]
    """Takes a line about the progress."""


class ZoneConf(NamedTuple):
    """A zone.conf as it was read."""

    path: Path
    content: bytes
    zone: conf.Zone


def read_zone_conf(path: Path, domain: str | None) -> ZoneConf:
    """Read the zone.conf that the user named.

    Args:
        path: the file.
        domain: the domain (canonical) that it must have; None: the one that the file names.

    Raises:
        FileError: it is not a valid zone.conf of the domain.
        Error: it cannot be read.

    """
    content = files.read_named(path, "ZONE.conf", limits.MAX_SIZE)
    return ZoneConf(path, content, conf.parse(content, domain, str(path)))


class Outcome(NamedTuple):
    """How a push ended."""

    summary: str
    """One line."""
    is_pending: bool = False
    """Whether a dry run found something to do."""


def push(new: ZoneConf, options: Options) -> Outcome:
    """Report the plan, then sign and send the zone if there is something to do.

    Raises:
        Error: the zone is refused, could not be sent, or did not arrive.

    """
    _prepare(options)
    return _send(new, options)


def rollback(serial: int, directory: Path, options: Options) -> Outcome:
    """Send the zone that the mesh once had with ``serial`` again, under a new serial.

    Raises:
        Error: the history in ``directory`` has no such zone; or as `push`.

    """
    old = history.read(directory, serial, options.domain, options.destination.machine)
    _prepare(options)
    current = plan.make(old, options.destination.read_copy()).old
    now = int(time.time())
    # Above the mesh's serial, but never so far ahead of the clock that it would be refused.
    newest = max(now, min(current.serial + 1, now + conf.DAY)) if current else now
    text = conf.render(old._replace(serial=newest))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "zone.conf"
        path.write_text(text)
        return _send(read_zone_conf(path, options.domain), options)


def delete(options: Options) -> Outcome:
    """Delete the mesh file; machines fall back to the zone they were deployed with.

    Where only root may read the mesh's copy, and the machine does not serve it, the deletion is not
    waited for.

    Raises:
        Error: the deletion could not be sent, or did not arrive.

    """
    _prepare(options)
    copy = options.destination.read_copy()
    if copy.content is None:
        return Outcome(f"nothing to do for {options.domain}: {copy.place} does not exist")
    # What the machine was deployed with says nothing about the mesh's copy.
    what = f"{options.name} ({_describe(copy, options)})" if copy.from_mesh else options.name
    if options.dry_run:
        unsure = "" if copy.from_mesh else f", if it is there: {_unseen(options)}"
        return Outcome(f"would delete {what}{unsure}", is_pending=True)
    data_mesher.delete(
        options.name,
        key=options.key,
        network_id=options.network_id,
        url=options.url,
    )
    if not copy.from_mesh:
        return Outcome(
            f"asked the mesh to delete {what}; not confirmed: {_unseen(options)}. See what machines"
            " serve with `dm-dns status --all`"
        )
    _wait_for(None, copy.mesh_content, options)
    return Outcome(f"deleted {what}: machines serve the zone they were deployed with")


def _prepare(options: Options) -> None:
    files.read_named(options.network_id, "--network-id")
    if not options.dry_run:
        # Before the comparison: a newer zone may arrive while data-mesher starts.
        data_mesher.wait_until_answering(
            options.url,
            seconds=options.wait,
            report=options.report,
            host=options.destination.machine.host,
        )


def _send(new: ZoneConf, options: Options) -> Outcome:
    """Send the zone ``new`` if there is something to do."""
    copy = options.destination.read_copy()
    made = plan.make(new.zone, copy)
    _report(made, options)
    if reasons := plan.refusals(made, force=options.force):
        raise RefusedError("\n".join(["the zone is refused, nothing was sent:", *reasons]))
    if made.old and not made.has_changes and not options.force:
        reason = made.up_to_date_reason(made.old)
        return Outcome(f"nothing to do for {options.domain}: {reason}")
    zone = new.zone
    what = f"{options.domain}: serial {zone.serial}, {zone.records} records, {made.summary()}"
    if options.dry_run:
        return Outcome(f"would push {what}", is_pending=True)
    data_mesher.update(
        new.path,
        name=options.name,
        key=options.key,
        network_id=options.network_id,
        url=options.url,
    )
    _wait_for(new.content, copy.mesh_content, options)
    where = "" if options.destination.machine.host is None else f", in {copy.place}"
    is_older = made.old is not None and made.old.serial > zone.serial
    but = "; machines that were deployed with a newer zone keep that" if is_older else ""
    return Outcome(f"pushed {what}{where}{but}")


def _wait_for(content: bytes | None, before: bytes | None, options: Options) -> None:
    """Wait until the mesh file has ``content``; it had ``before`` when nothing was sent yet.

    None stands for a missing file.
    """
    what = "the deletion" if content is None else "the zone"
    place = options.destination.place
    state = ""
    for pause in data_mesher.pauses(options.wait):
        copy = options.destination.read_copy()
        found = copy.mesh_content
        if found == content:
            return
        if found is None:
            unseen = f"the machine serves another one, and {_unseen(options)}"
            state = "it is missing" if copy.from_mesh else unseen
        elif found == before:
            state = f"it is unchanged: {_describe(copy, options)}"
        else:
            state = f"another push replaced it: {_describe(copy, options)}"
            if options.automatic:
                raise TransientError(f"{what} did not stay in {place}: {state}")
        if pause:
            options.report(f"waiting for {what} in {place}: {state}")
            time.sleep(pause)
    raise TransientError(
        f"{what} did not arrive in {place} within {options.wait:g} s: {state}.\n"
        "The newest signature wins: if the wrong zone is there, check the clocks (`timedatectl`)"
        " and push again. If the file is missing, check that --mesh-file belongs to --name, and see"
        " `journalctl -u data-mesher`."
    )


def _unseen(options: Options) -> str:
    return f"only root may read {options.destination.place}"


def _report(made: plan.Plan, options: Options) -> None:
    *names, counts = made.lines()
    for line in names[:_MAX_LINES]:
        options.report(line)
    if len(names) > _MAX_LINES:
        options.report(f"... and {len(names) - _MAX_LINES} more: `dm-dns plan` shows all")
    options.report(counts)


def _describe(copy: MeshCopy, options: Options) -> str:
    found = f"not a valid zone of {options.domain}"
    if copy.problem:
        return f"{found}: {copy.problem}"
    try:
        return _summary(conf.parse(copy.content or b"", options.domain, copy.place))
    except FileError as error:
        return f"{found}: {error}"


def _summary(parsed: conf.Zone) -> str:
    return f"serial {parsed.serial}, {parsed.records} records, sha256 {parsed.sha256[:12]}"
