"""`dm-dns render`: from zone spec to zone.conf."""

import argparse
import sys
import time
from pathlib import Path

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.zone import conf, spec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns render``."""
    parser.add_argument("spec", metavar="SPEC.json", type=Path, help="the zone spec")
    parser.add_argument(
        "-o", "--output", metavar="ZONE.conf", type=Path, required=True, help="where to write"
    )
    parser.add_argument(
        "--serial",
        metavar="N",
        type=_serial,
        help="the zone's serial; of two zones the higher is served (default: seconds since 1970)",
    )


def _serial(text: str) -> int:
    try:
        serial = int(text)
    except ValueError:
        serial = -1
    if not 0 <= serial <= conf.MAX_SERIAL:
        raise argparse.ArgumentTypeError(f"{text!a} is no number from 0 to {conf.MAX_SERIAL}")
    return serial


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns render``; return its exit status."""
    serial = int(time.time()) if args.serial is None else args.serial
    read = spec.read(args.spec)
    try:
        made, warnings = spec.to_zone(read, serial)
    except Error as error:
        raise Error(f"{args.spec} breaks rules:\n{error}") from None
    for warning in warnings:
        print(f"dm-dns: warning: {args.spec}: {warning}", file=sys.stderr)
    files.replace(args.output, conf.render(made).encode("ascii"))
    return 0
