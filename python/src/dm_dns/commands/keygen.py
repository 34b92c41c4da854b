"""`dm-dns keygen`: a new key pair to sign zones with."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dm_dns.push import keys

SUMMARY: Final = "make the key pair that signs zones"
EXAMPLE: Final = "dm-dns keygen ./keys"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns keygen``."""

    directory: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns keygen``."""
    parser.add_argument(
        "directory",
        metavar="DIR",
        type=Path,
        help=f"where to write {keys.PRIVATE_NAME} and {keys.PUBLIC_NAME}; made if it is missing",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns keygen``; return its exit status."""
    options = Options(directory=args.directory)
    keys.generate(options.directory)
    return 0
