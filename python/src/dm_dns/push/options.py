"""What a push is told on its command line."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from dm_dns.commands import types
from dm_dns.push import checkout, data_mesher, destination, history, plan
from dm_dns.push.destination import Target


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where things are, and how to push."""

    domain: str
    """Canonical (see `names`)."""
    key: data_mesher.Key
    public_key: Path | None
    """The file with the public key that nodes know; None: it is not compared with ``key``."""
    network_id: Path
    """The file with the mesh network's public key."""
    url: str
    """The HTTP address, here, of the data-mesher that is pushed to."""
    name: str
    """The mesh file's name."""
    target: Target
    """The machine that is pushed to."""
    wait: float
    """Seconds to wait for data-mesher to answer, and again for the change to arrive."""
    force: bool
    """Send an older zone, one that removes many names, or one that the mesh has already."""
    dry_run: bool
    """Say what would be done, and do nothing."""
    automatic: bool
    """Nobody watches: say nothing but what was done."""

    @classmethod
    @contextmanager
    def opened(cls, args: argparse.Namespace) -> Iterator["Options"]:
        """Return the options among the parsed arguments, while the connection and the key are open.

        Raises:
            Error: the checkout lacks something, the machine cannot be reached or is of another
                clan, or there is no key.

        """
        _check_usage(args)
        args.zone_conf, args.domain = checkout.zone_of(args)
        if args.flake:
            found = checkout.Checkout(args.flake)
            args.network_id = args.network_id or found.network_id
            args.public_key = args.public_key or found.public_key
        with destination.opened(args) as args.target:
            args.target.check_domain(args.domain)
            with checkout.key_of(args, args.public_key) as args.key:
                args.url = args.target.url(args.url, dry_run=args.dry_run)
                yield cls(**{field.name: getattr(args, field.name) for field in fields(cls)})

    def report(self, line: str) -> None:
        """Tell who watches how it goes on."""
        if not self.automatic:
            print(line, file=sys.stderr, flush=True)

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments of ``dm-dns push``."""
        parser.add_argument(
            "zone_conf", metavar="ZONE.conf", nargs="?", type=Path, help="the zone to push"
        )
        parser.add_argument("--domain", type=types.domain, help="the clan's domain")
        checkout.add_arguments(parser)
        destination.add_arguments(parser)
        checkout.add_key_arguments(parser)
        parser.add_argument(
            "--public-key",
            metavar="PATH",
            type=Path,
            help="file with the public key that nodes know; the private one must belong to it",
        )
        parser.add_argument(
            "--network-id",
            metavar="PATH",
            type=Path,
            help="file with the mesh network's public key",
        )
        parser.add_argument(
            "--url", default="http://localhost:7331", help="address of data-mesher (%(default)s)"
        )
        parser.add_argument(
            "--name", default="dns/cnames", help="the mesh file's name (%(default)s)"
        )
        plan.add_mesh_file(parser)
        parser.add_argument(
            "--wait",
            metavar="SECONDS",
            type=types.seconds,
            default=60.0,
            help="how long to wait for data-mesher, and again for the zone to arrive (%(default)g)",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="send even if the mesh has a newer zone, or the same, or would lose many names",
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
            help="take the zone out of the mesh; ZONE.conf is not read then, and may be left out",
        )
        instead.add_argument(
            "--rollback",
            metavar="SERIAL",
            type=int,
            help="send what the mesh had with this serial (see `dm-dns history`) under a new one;"
            " ZONE.conf is not read then",
        )
        history.add_directory(parser, "--history")


def _check_usage(args: argparse.Namespace) -> None:
    """Stop where the arguments are not enough, or contradict each other."""
    if args.flake:
        return
    if args.machine:
        args.misuse("--machine is for --flake")
    needed = {
        "--domain": args.domain,
        "--key or --key-command": args.key or args.key_command,
        "--network-id": args.network_id,
    }
    if missing := [name for name, value in needed.items() if value is None]:
        args.misuse(f"without --flake, these are required: {', '.join(missing)}")
