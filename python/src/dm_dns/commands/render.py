"""`dm-dns render`: from zone spec to zone.conf."""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.commands import arguments
from dm_dns.errors import Error, FileError
from dm_dns.push import plan
from dm_dns.zone import conf, limits, spec

SUMMARY: Final = "make zone.conf from a zone spec"
EXAMPLE: Final = "dm-dns render spec.json --output zone.conf"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns render``."""

    spec: Path
    output: Path
    serial: int | None
    """None: the time, or above that of ``previous``."""
    previous: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns render``."""
    parser.add_argument("spec", metavar="SPEC.json", type=Path, help="the zone spec")
    parser.add_argument(
        "-o", "--output", metavar="ZONE.conf", type=Path, required=True, help="the file to write"
    )
    parser.add_argument(
        "--serial",
        metavar="N",
        type=arguments.serial,
        help="the zone's serial; the zone with the highest serial is served"
        " (default: seconds since 1970)",
    )
    parser.add_argument(
        "--previous",
        metavar="ZONE.conf",
        type=Path,
        help="the zone that this one replaces, if there is one: the serial is above its serial,"
        " whatever the clock says",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns render``; return its exit status."""
    options = Options(
        spec=args.spec,
        output=args.output,
        serial=args.serial,
        previous=args.previous,
    )
    read = spec.read(options.spec)
    try:
        made, warnings = spec.to_zone(read, _serial(options))
    except Error as error:
        raise Error(f"{options.spec} breaks these rules:\n{error}") from None
    content = conf.render(made).encode("ascii")
    try:
        conf.parse(content, made.domain, str(options.output))
    except FileError as error:
        raise Error(
            f"{options.spec} makes a zone that machines would refuse: {error.reason}. Export fewer"
            " hosts."
        ) from None
    for warning in warnings:
        print(f"dm-dns: warning: {options.spec}: {warning}", file=sys.stderr)
    files.replace_output(options.output, content)
    return 0


def _serial(options: Options) -> int:
    """Return the serial of the new zone.

    Raises:
        Error: the previous zone has the highest serial that there is.

    """
    if options.serial is not None:
        return options.serial
    now = int(time.time())
    if options.previous is None:
        return now
    try:
        previous = conf.parse(
            files.read(options.previous, limits.MAX_SIZE), None, str(options.previous)
        ).serial
    except FileNotFoundError:
        return now
    except FileError as error:
        print(f"dm-dns: warning: the previous zone has no serial: {error}", file=sys.stderr)
        return now
    if previous == conf.MAX_SERIAL:
        raise Error(
            f"{options.previous} has the highest serial that there is, {previous}, so no zone can"
            f" be newer. Remove it ({plan.VAR} in a clan's checkout), and run `clan vars generate`"
            " again."
        )
    if conf.is_from_the_future(previous, now):
        print(
            f"dm-dns: warning: the serial of the previous zone, {previous}, is more than a day"
            f" ahead of this machine's clock ({now}), and so is that of this zone: a push refuses"
            f" it. If the clock is right, remove the previous zone ({plan.VAR} in a clan's"
            " checkout) and generate the zone again.",
            file=sys.stderr,
        )
    return max(now, previous + 1)
