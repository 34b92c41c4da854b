"""What a push is told on its command line."""

import argparse
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from dm_dns import arguments, history, plan

_LONGEST_WAIT: Final = 86400.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where things are, and how to push."""

    domain: str
    """Canonical (see `names`)."""
    key: Path
    """The private key's file."""
    public_key: Path | None
    """The file with the public key that nodes know; None: it is not compared with ``key``."""
    network_id: Path
    """The file with the mesh network's public key."""
    url: str
    """The HTTP address of this machine's data-mesher."""
    name: str
    """The mesh file's name."""
    mesh_file: Path
    """This machine's copy of the mesh file."""
    wait: float
    """Seconds to wait for data-mesher to answer, and again for the change to arrive."""
    force: bool
    """Send an older zone, one that removes many names, or one that the mesh has already."""
    dry_run: bool
    """Say what would be done, and do nothing."""

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Options":
        """Return the options among the parsed arguments."""
        return cls(**{field.name: getattr(args, field.name) for field in fields(cls)})

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments of ``dm-dns push``."""
        parser.set_defaults(misuse=parser.error)
        parser.add_argument(
            "zone_conf", metavar="ZONE.conf", nargs="?", type=Path, help="the zone to push"
        )
        parser.add_argument(
            "--domain", required=True, type=arguments.domain, help="the clan's domain"
        )
        parser.add_argument(
            "--key",
            required=True,
            metavar="PATH",
            type=Path,
            help="file with the private signing key",
        )
        parser.add_argument(
            "--public-key",
            metavar="PATH",
            type=Path,
            help="file with the public key that nodes know; the private one must belong to it",
        )
        parser.add_argument(
            "--network-id",
            required=True,
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
            type=_seconds,
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


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= _LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"{text!a} is no number from 0 to {_LONGEST_WAIT:g}")
    return seconds
