"""Push: sign a zone.conf and give it to the mesh, or take the mesh's copy away."""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns.errors import Error, FileError, TransientError
from dm_dns.push import automatic, data_mesher, history, keys, plan, user_files
from dm_dns.push.file_access import LOCAL
from dm_dns.push.options import Options
from dm_dns.zone import conf

_MOST_LINES: Final = 100  # of a plan: the first push of a large zone is no reason to fill a journal


class Outcome(NamedTuple):
    """What became of a command."""

    summary: str
    """One line."""
    is_pending: bool = False
    """Whether there is something to do that a dry run has not done."""


def push(zone_conf: Path, options: Options) -> Outcome:
    """Plan, show the plan, and sign and send the zone if there is something to do.

    Raises:
        FileError: the zone.conf is not one of the domain, or a key is none; nothing was sent.
        Error: the zone is refused, could not be sent, or did not arrive.

    """
    user_files.check(zone_conf, "ZONE.conf")
    content = zone_conf.read_bytes()
    new = conf.parse(content, options.domain, str(zone_conf))
    _prepare(options)
    return _send(zone_conf, content, new, options)


def rollback(serial: int, directory: Path, options: Options) -> Outcome:
    """Send the zone that the mesh once had with ``serial`` again, under a new serial.

    Raises:
        FileError: a key is none; nothing was sent.
        Error: the history in ``directory`` has no such zone; or as `push`.

    """
    old = history.read(directory, serial, options.domain, options.target.machine)
    _prepare(options)
    found = plan.make(old, options.target.copy()).old
    now = int(time.time())
    # Above the mesh's, but never so far ahead that it would be refused for that.
    newest = max(now, min(found.serial + 1, now + plan.DAY)) if found else now
    content = conf.render(old._replace(serial=newest)).encode("ascii")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "zone.conf"
        path.write_bytes(content)
        return _send(path, content, conf.parse(content, options.domain, str(path)), options)


def delete(options: Options) -> Outcome:
    """Take the mesh's copy away from all nodes, which go on with what they were deployed with.

    Raises:
        FileError: a key is none; nothing was sent.
        Error: it could not be sent, or the file did not go away.

    """
    _prepare(options)
    copy = options.target.copy()
    if copy.content is None:
        return Outcome(f"nothing to do for {options.domain}: there is no {copy.place}")
    what = f"{options.name} ({_describe(copy.content, options)})"
    if options.dry_run:
        return Outcome(f"would delete {what}", is_pending=True)
    data_mesher.delete(
        options.name,
        key=options.key,
        network_id=options.network_id,
        url=options.url,
    )
    _wait_for(None, copy.meshs, options)
    return Outcome(f"deleted {what}: nodes serve the zone they were deployed with")


def _prepare(options: Options) -> None:
    _check_keys(options)
    if not options.dry_run:
        # Before the comparison: while data-mesher starts, a newer zone may arrive.
        data_mesher.wait_until_answering(
            options.url,
            seconds=options.wait,
            report=options.report,
            machine=options.target.machine,
        )


def _send(path: Path, content: bytes, new: conf.Zone, options: Options) -> Outcome:
    """Send the zone ``new``, whose ``content`` the file at ``path`` has, if that is to be done."""
    copy = options.target.copy()
    made = plan.make(new, copy)
    _show(made, options)
    if reasons := plan.refusals(made, force=options.force):
        raise Error("\n".join(["the zone is refused, nothing was sent:", *reasons]))
    if made.old and not made.sends and not options.force:
        return Outcome(f"nothing to do for {options.domain}: {made.agreement(made.old)}")
    what = f"{options.domain}: serial {new.serial}, {new.records} records, {made.summary()}"
    if options.dry_run:
        return Outcome(f"would push {what}", is_pending=True)
    data_mesher.update(
        path,
        name=options.name,
        key=options.key,
        network_id=options.network_id,
        url=options.url,
    )
    _wait_for(content, copy.meshs, options)
    where = "" if options.target.machine is LOCAL else f", in {copy.place}"
    return Outcome(f"pushed {what}{where}")


def _wait_for(content: bytes | None, before: bytes | None, options: Options) -> None:
    """Wait until the mesh file is ``content``; it was ``before`` when nothing was sent yet.

    None stands for a file that is not there.
    """
    what = "the deletion" if content is None else "the zone"
    place = options.target.place
    state = ""
    for pause in data_mesher.pauses(options.wait):
        found = options.target.copy().meshs
        if found == content:
            return
        if found is None:
            state = "it is missing"
        elif found == before:
            state = f"it is unchanged: {_describe(found, options)}"
        else:
            state = f"another push replaced it: {_describe(found, options)}"
            if options.automatic:  # which then looks again
                raise TransientError(f"{what} did not stay in {place}: {state}")
        if pause:
            options.report(f"waiting for {what} in {place}: {state}")
            time.sleep(pause)
    raise TransientError(
        f"{what} did not arrive in {place} within {options.wait:g} s: {state}.\n"
        "The newest signature wins: if the wrong zone is there, check the clocks (`timedatectl`)"
        " and push again. If there is none, check that --mesh-file belongs to --name; data-mesher's"
        " log is `journalctl -u data-mesher`."
    )


def _show(made: plan.Plan, options: Options) -> None:
    *names, counts = made.lines()
    for line in names[:_MOST_LINES]:
        options.report(line)
    if len(names) > _MOST_LINES:
        options.report(f"... and {len(names) - _MOST_LINES} more: `dm-dns plan` shows all")
    options.report(counts)


def _check_keys(options: Options) -> None:
    """Check the files of the keys, and that nodes know the key that signs."""
    user_files.check(options.key.path, "--key")
    user_files.check(options.network_id, "--network-id")
    if options.public_key is None:
        return
    user_files.check(options.public_key, "--public-key")
    if keys.public_half(options.key.path) != keys.read_public(options.public_key):
        raise Error(
            f"--key {options.key.path} does not belong to --public-key {options.public_key}: no"
            " node would take what it signs. Run `clan vars generate`, then deploy all machines, so"
            " that all have the key pair of one generation."
        )


def _describe(content: bytes, options: Options) -> str:
    try:
        return _summary(conf.parse(content, options.domain, options.target.place))
    except FileError as error:
        return f"no zone of {options.domain} ({error})"


def _summary(parsed: conf.Zone) -> str:
    return f"serial {parsed.serial}, {parsed.records} records, sha256 {parsed.sha256[:12]}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns push``."""
    Options.add_arguments(parser)
    automatic.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns push``; return its exit status."""
    if not (args.zone_conf or args.flake or args.delete or args.rollback is not None):
        args.misuse("ZONE.conf is missing")
    automatic.check_usage(args)
    with Options.opened(args) as given:
        if args.automatic:
            automatic.run(
                args.zone_conf,
                automatic.Settings.of(args),
                lambda: push(args.zone_conf, given).summary,
            )
            return 0
        if args.delete:
            outcome = delete(given)
        elif args.rollback is not None:
            outcome = rollback(args.rollback, args.history, given)
        else:
            outcome = push(args.zone_conf, given)
    print(outcome.summary)
    return plan.CHANGES_STATUS if outcome.is_pending else 0
