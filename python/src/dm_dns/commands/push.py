"""`dm-dns push`: sign a zone and send it to all machines, or delete the mesh's copy."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dm_dns.access import history
from dm_dns.access.checkout import Checkout
from dm_dns.commands import arguments
from dm_dns.errors import UsageError
from dm_dns.node.config import DEFAULT_PATH
from dm_dns.push import automatic, destination, key_source, plan, push
from dm_dns.push.key_source import KeyCommand, KeyFile

SUMMARY: Final = "sign a zone and send it to all machines"
EXAMPLE: Final = "dm-dns push --flake . --via kiwi"

_KEY_COMMAND_REMEDY: Final = "It must print the clan's signing.key, and nothing else."


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns push``."""

    zone_conf: Path | None
    """None: no zone is read, because none is sent."""
    domain: str | None
    """None: the one that ``zone_conf`` names."""
    via: str | None
    """The machine, as ssh takes it; None: this one."""
    config: Path | None
    """The configuration that tells the machine's clan; None: it is not asked for."""
    mesh_file: Path
    url: str
    name: str
    key: Path | KeyCommand
    public_key: Path | None
    network_id: Path
    wait: float
    force: bool
    dry_run: bool
    delete: bool
    rollback: int | None
    history: Path
    automatic: bool
    state: Path
    interval: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns push``."""
    parser.add_argument(
        "zone_conf", metavar="ZONE.conf", nargs="?", type=Path, help="the zone to push"
    )
    arguments.add_destination(parser)
    _add_key_arguments(parser)
    parser.add_argument(
        "--public-key",
        metavar="PATH",
        type=Path,
        help="the file with the public key that the machines know; the key must belong to it",
    )
    parser.add_argument(
        "--network-id",
        metavar="PATH",
        type=Path,
        help="the file with the public key of data-mesher's network",
    )
    parser.add_argument(
        "--url",
        default="http://localhost:7331",
        help="data-mesher's address (default: %(default)s)",
    )
    parser.add_argument(
        "--name", default="dns/cnames", help="the mesh file's name (default: %(default)s)"
    )
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=arguments.seconds,
        default=60.0,
        help="how long to wait for data-mesher, and again for the zone to arrive"
        " (default: %(default)g)",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="send even if the mesh has the same zone or a newer one, or would lose many names",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="send nothing; exit status 2 if there is something to send, 0 if not",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--delete",
        action="store_true",
        help="delete the mesh's copy: machines fall back to the zone they were deployed with;"
        " ZONE.conf is not read and can be left out",
    )
    instead.add_argument(
        "--rollback",
        metavar="SERIAL",
        type=int,
        help="send the zone that the mesh had with this serial (see `dm-dns history`) under a new"
        " one; ZONE.conf is not read",
    )
    parser.add_argument(
        "--history",
        metavar="DIR",
        type=Path,
        default=history.DIRECTORY,
        help="where the zones are kept that the mesh has had (default: %(default)s)",
    )
    _add_automatic_arguments(parser)


def _add_key_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "the private key", "With --flake and none of these, `clan vars get` prints it."
    )
    source = group.add_mutually_exclusive_group()
    source.add_argument("--key", metavar="PATH", type=Path, help="the key's file")
    source.add_argument(
        "--key-command",
        metavar="COMMAND",
        type=arguments.key_command,
        help="a shell command that prints the key, such as 'pass show signing.key'",
    )
    source.add_argument(
        "--machine",
        metavar="NAME",
        type=arguments.machine,
        help="a machine with the role push, for `clan vars get`",
    )


def _add_automatic_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("for the unit dm-dns-push")
    group.add_argument(
        "--automatic",
        action="store_true",
        help="push only if needed; skip an outdated zone, and wait for data-mesher indefinitely",
    )
    group.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        default=Path("/run/dm-dns-push"),
        help="what was done since the machine booted (default: %(default)s)",
    )
    group.add_argument(
        "--interval",
        metavar="DURATION",
        type=arguments.duration,
        default="30s",
        help="data-mesher's push_pull_interval (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns push``; return its exit status."""
    _check_usage(args)
    options = _options(args)
    new = push.read_zone_conf(options.zone_conf, options.domain) if options.zone_conf else None
    domain = new.zone.domain if new else options.domain
    assert domain is not None  # noqa: S101 - for mypy: `_check_usage` has seen to it
    report: Callable[[str], None] = _ignore if options.automatic else _report
    with destination.connect(
        options.via, options.mesh_file, options.config, _report, options.history.parent
    ) as machine:
        machine.check_domain(domain)
        with _key(options) as key:
            pushed = push.Options(
                domain=domain,
                destination=machine,
                url=options.url if options.dry_run else machine.machine.forward(options.url),
                key=key,
                network_id=options.network_id,
                name=options.name,
                wait=options.wait,
                force=options.force,
                dry_run=options.dry_run,
                automatic=options.automatic,
                report=report,
            )
            if options.rollback is not None:
                outcome = push.rollback(options.rollback, options.history, pushed)
            elif options.delete or new is None:
                outcome = push.delete(pushed)
            elif options.automatic:
                return 0 if _push_automatically(new, options, pushed) else 1
            else:
                outcome = push.push(new, pushed)
    print(outcome.summary)
    return plan.CHANGES_STATUS if outcome.is_pending else 0


def _push_automatically(new: push.ZoneConf, options: Options, pushed: push.Options) -> bool:
    settings = automatic.Settings(
        url=options.url,
        mesh_file=options.mesh_file,
        state=options.state,
        interval=options.interval,
        history=options.history,
        tell=lambda line: print(line, flush=True),
        complain=_report,
    )
    return automatic.run(new, settings, lambda: push.push(new, pushed).summary)


def _check_usage(args: argparse.Namespace) -> None:
    """Refuse arguments that are not enough, or contradict each other.

    Raises:
        UsageError: they are or do.

    """
    sends_zone = not args.delete and args.rollback is None
    if sends_zone and not (args.zone_conf or args.flake):
        raise UsageError("ZONE.conf is missing; name it, or a checkout with --flake")
    if args.automatic:
        excluded = {
            "--flake": args.flake,
            "--via": args.via,
            "--force": args.force,
            "--dry-run": args.dry_run,
            "--delete": args.delete,
            "--rollback": args.rollback is not None,
        }
        if given := [option for option, value in excluded.items() if value]:
            raise UsageError(f"--automatic cannot be used with {given[0]}")
    if args.flake:
        return
    if args.machine:
        raise UsageError("--machine needs --flake")
    needed = {
        "--domain": args.domain,
        "--key or --key-command": args.key or args.key_command,
        "--network-id": args.network_id,
    }
    if missing := [name for name, value in needed.items() if value is None]:
        raise UsageError(f"without --flake, these are required: {', '.join(missing)}")


def _options(args: argparse.Namespace) -> Options:
    """Return what the arguments say; what they leave out comes from the checkout.

    Raises:
        Error: the checkout lacks something.

    """
    checkout = Checkout(args.flake) if args.flake else None
    zone_conf, key = args.zone_conf, args.key
    if (args.delete or args.rollback is not None) and args.domain:
        zone_conf = None
    elif checkout and zone_conf is None:
        zone_conf = checkout.zone_conf
    if args.key_command:
        key = KeyCommand(
            command=["sh", "-c", args.key_command],
            label="--key-command",
            remedy=_KEY_COMMAND_REMEDY,
        )
    elif checkout and key is None:
        key = key_source.key_command(checkout, args.machine)
    public_key, network_id = args.public_key, args.network_id
    if checkout:
        public_key = public_key or checkout.public_key
        network_id = network_id or checkout.network_id
    return Options(
        zone_conf=zone_conf,
        domain=args.domain,
        via=args.via,
        config=args.config or (DEFAULT_PATH if args.flake or args.via else None),
        mesh_file=args.mesh_file,
        url=args.url,
        name=args.name,
        key=key,
        public_key=public_key,
        network_id=network_id,
        wait=args.wait,
        force=args.force,
        dry_run=args.dry_run,
        delete=args.delete,
        rollback=args.rollback,
        history=args.history,
        automatic=args.automatic,
        state=args.state,
        interval=args.interval,
    )


@contextmanager
def _key(options: Options) -> Iterator[KeyFile]:
    """Yield the private key as long as its file can be read."""
    if isinstance(options.key, Path):
        yield key_source.key_from_file(options.key, options.public_key)
    else:
        with key_source.key_from_command(options.key, options.public_key) as key:
            yield key


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _ignore(_line: str) -> None:
    """Pass over progress: nobody watches an automatic push."""
