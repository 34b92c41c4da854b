"""`dm-dns apply`, the node's step: from the copies of zone.conf on this machine to answers.

It may be killed at any point and run at any time: each run looks at what there is, asks unbound
what it serves, and does what is missing.
"""

from __future__ import annotations

import fcntl
import os
import sys
from typing import IO, TYPE_CHECKING, Final, NoReturn

from dm_dns import files
from dm_dns.errors import Error, exit_status
from dm_dns.node import hosts
from dm_dns.node.config import Config
from dm_dns.node.copies import Choice, Inputs, choose
from dm_dns.node.unit_status import Verdict
from dm_dns.zone import zonefile

if TYPE_CHECKING:
    import argparse

_REMEMBERED: Final = 20  # zones


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns apply``."""
    parser.add_argument(
        "--config",
        default="/etc/dm-dns/apply.json",
        metavar="FILE",
        help="the node's configuration, which the module writes (default: %(default)s)",
    )
    when = parser.add_mutually_exclusive_group()
    when.add_argument(
        "--watch",
        action="store_true",
        help="go on, and do it again whenever something changes",
    )
    when.add_argument(
        "--write-only",
        action="store_true",
        help="write the zone file and stop there: for the time before unbound starts",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns apply``; return its exit status."""
    if args.watch:
        _watch(args.config)
    return _run(args.config, write_only=args.write_only)


def start(config: str, *options: str) -> NoReturn:
    """Run ``dm-dns apply`` for a unit, and end the process with its exit status.

    Without argparse, and without taking the interpreter down in order: each would be a tenth of the
    time that it takes.
    """
    status = exit_status(lambda: _start(config, options))
    sys.stdout.flush()
    os._exit(status)


def _start(config: str, options: tuple[str, ...]) -> int:
    if "--watch" in options:
        _watch(config)
    if "--write-only" in options:
        return _run(config, write_only=True)
    status = exit_status(lambda: _run(config))
    if verdict := Verdict.of_unit():
        verdict.record(failed=status != 0)
    return status


def _watch(config: str) -> NoReturn:
    from dm_dns.node.watch import watch  # noqa: PLC0415 - takes time that others do not have

    read = Config.read(config)
    watch(read, lambda: _apply(read))


def _run(config: str, *, write_only: bool = False) -> int:
    return _apply(Config.read(config), write_only=write_only)


def _apply(config: Config, *, write_only: bool = False) -> int:
    print(apply(config, write_only=write_only))
    return 0


def apply(config: Config, *, write_only: bool = False) -> str:
    """Serve the best zone that this machine has, and return a line that says which.

    Raises:
        Error: something is wrong; what can be served all the same is served by then.
        OSError: a file in the state directory cannot be written; what was served still is.

    """
    with _lock(config.state):
        while True:
            inputs = Inputs.read(config)
            try:
                outcome = _serve(config, inputs, write_only=write_only)
            except Error:
                # A file may have been caught half written.
                if inputs.are_current():
                    raise
            else:
                # Whoever changes a file while this runs may rely on this run to see it: a path
                # unit does not notice what happens while its service is active.
                if inputs.are_current():
                    return outcome


def _make_directory(path: str) -> None:
    try:
        os.mkdir(path, mode=0o755)
    except FileExistsError:
        pass


def _lock(state: str) -> IO[str]:
    """Let one run at a time into the state directory, until what is returned is closed."""
    _make_directory(state)
    lock = open(f"{state}/lock", "w", encoding="ascii")  # noqa: SIM115 - the caller closes it
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _serve(config: Config, inputs: Inputs, *, write_only: bool) -> str:
    fingerprint = inputs.fingerprint()
    if not write_only and (status := _served(config, fingerprint)):
        return f"{config.domain}: nothing has changed, {status}"
    choice = choose(config, inputs)
    # With a problem there is no fingerprint: each run must find it again, and fail.
    compiled = zonefile.compile_zone(
        choice.zone,
        hosts.addresses((inputs.hosts.content or b"").decode("utf-8", "replace"), config.domain),
        source=choice.source,
        inputs="unknown" if choice.problems else fingerprint,
    )
    # First what the zone file is made from: the copy to fall back on is then never an older one.
    files.replace(config.kept, choice.content)
    _write_zonefile(config, compiled.text.encode("ascii"))
    if not write_only:
        _load(config, compiled.status)
        if choice.source == "mesh":
            _remember(config, choice)
    outcome = (
        f"{config.domain}: serial {choice.zone.serial}, {choice.zone.records} records,"
        f" source {choice.source}"
    )
    if choice.problems:
        raise Error("\n".join([*choice.problems, f"served meanwhile: {outcome}"]))
    return outcome


def _remember(config: Config, choice: Choice) -> None:
    """Keep the newest zones that the mesh brought, for `dm-dns history` and a rollback."""
    _make_directory(config.history)
    path = f"{config.history}/{choice.zone.serial}.conf"
    if not files.has_content(path, choice.content):
        files.remove(path)
        os.link(config.kept, path)  # which is only ever replaced, never written to
    stems = [name.removesuffix(".conf") for name in os.listdir(config.history) if ".conf" in name]
    for serial in sorted(filter(str.isdecimal, stems), key=int)[:-_REMEMBERED]:
        files.remove(f"{config.history}/{serial}.conf")


def _served(config: Config, fingerprint: str) -> str | None:
    """Return the status of the zone file, if unbound serves it and these inputs made it."""
    try:
        with open(config.zonefile, encoding="ascii") as file:
            made_from, status = zonefile.first_line(file.readline())
    except (OSError, ValueError):
        return None
    return status if made_from == fingerprint and _serves(config, status) else None


def _serves(config: Config, status: str) -> bool:
    """Tell whether unbound serves the zone file with that ``status``."""
    try:
        is_served = config.unbound.txt(zonefile.status_name(config.domain)) == status
    except Error:
        return False
    if is_served:
        files.remove(config.previous)
    return is_served


def _write_zonefile(config: Config, content: bytes) -> None:
    """Replace the zone file, and keep the last one that unbound served until this one is."""
    path = config.zonefile
    if files.has_content(path, content):
        return
    if os.path.exists(path) and not os.path.exists(config.previous):
        os.link(path, config.previous)
    files.write(path, content)


def _load(config: Config, status: str) -> None:
    """Make unbound serve the zone file with that ``status``, or go back to the previous one."""
    if _serves(config, status):  # it has started with this zone file
        return
    said = config.unbound.load(config.domain)
    if _serves(config, status):
        return
    outcome = "there is no previous zone to go back to"
    if os.path.exists(config.previous):
        os.replace(config.previous, config.zonefile)
        config.unbound.load(config.domain)
        outcome = "the previous zone is back"
    name = zonefile.status_name(config.domain)
    raise Error(
        f"unbound does not serve {config.zonefile} after loading it (it said {said!a}):"
        f" the TXT record {name} is {config.unbound.txt(name)!a} now, expected was {status!a};"
        f" {outcome}; see `journalctl -u unbound` and check its auth-zone for {config.domain}"
    )
