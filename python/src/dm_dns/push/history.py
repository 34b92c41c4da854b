"""History: the zones that the mesh has had, as far as this machine saw them.

`dm-dns apply` keeps the newest ones, each as the ``<serial>.conf`` that came.
"""

import argparse
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns.commands import types
from dm_dns.errors import Error
from dm_dns.push import user_files
from dm_dns.push.file_access import LOCAL, Machine
from dm_dns.zone import conf, diff

DIRECTORY: Final = Path("/var/lib/dm-dns/history")

_NAME: Final = re.compile(r"(0|[1-9][0-9]{0,9})\.conf")
_NONE: Final = "Only a zone that came over the mesh is kept, on machines with the role default."


class Entry(NamedTuple):
    """A zone that the mesh had."""

    zone: conf.Zone
    seen: datetime
    """When this machine got it."""
    counts: dict[str, int]
    """The number of names of each of diff.KINDS, compared with the entry before."""


def serials(directory: Path, machine: Machine = LOCAL) -> list[int]:
    """Return the serials of the zones that are kept, newest first.

    Raises:
        Error: the directory cannot be read.

    """
    try:
        found = [_NAME.fullmatch(name) for name in machine.names(directory)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise user_files.unreadable(machine.place(directory), error, machine.as_root) from None
    return sorted((int(match[1]) for match in found if match), reverse=True)


def read(directory: Path, serial: int, domain: str, machine: Machine = LOCAL) -> conf.Zone:
    """Return the zone that the mesh had with ``serial``.

    Raises:
        FileError: what is kept is no zone of ``domain``.
        Error: there is none, or it cannot be read.

    """
    path = directory / f"{serial}.conf"
    place = machine.place(path)
    try:
        return conf.parse(machine.read_bytes(path), domain, place)
    except FileNotFoundError:
        kept = ", ".join(map(str, serials(directory, machine))) or "none"
        raise Error(
            f"{place}: no zone with this serial is kept. Serials that are: {kept}. {_NONE}"
        ) from None
    except OSError as error:
        raise user_files.unreadable(place, error, machine.as_root) from None


def entries(directory: Path, domain: str) -> tuple[list[Entry], list[str]]:
    """Return all zones that are kept, newest first, and what is wrong with the others.

    Raises:
        Error: the directory cannot be read.

    """
    found: list[Entry] = []
    problems = []
    before = None
    for serial in reversed(serials(directory)):
        try:
            read_zone = read(directory, serial, domain)
        except Error as error:
            problems.append(str(error))
            continue
        seconds = (directory / f"{serial}.conf").stat().st_mtime
        seen = datetime.fromtimestamp(int(seconds), UTC)
        counts = diff.count(diff.differences(before, read_zone))
        found.insert(0, Entry(read_zone, seen, counts))
        before = read_zone
    return found, problems


def add_directory(parser: argparse.ArgumentParser, option: str) -> None:
    """Declare the argument with the directory of the history."""
    parser.add_argument(
        option,
        metavar="DIR",
        type=Path,
        default=DIRECTORY,
        help="where the zones are kept that the mesh has had (%(default)s)",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns history``.

    ``--json`` prints a list, newest first, of objects. Their keys stay: ``serial``; ``seen``, when
    this machine got the zone (ISO 8601, UTC); ``records``; ``sha256`` of the lines below the
    header; ``counts``, the number of names of each of diff.KINDS since the entry before.
    """
    parser.add_argument("--domain", required=True, type=types.domain, help="the clan's domain")
    add_directory(parser, "--directory")
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns history``; return its exit status: 1 where an entry is no zone."""
    found, problems = entries(args.directory, args.domain)
    if args.json:
        print(json.dumps([_json(entry) for entry in found], indent=2))
    else:
        if not found and not problems:
            print(f"{args.directory} has no zone. {_NONE}", file=sys.stderr)
        for entry in found:
            print(_line(entry))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _json(entry: Entry) -> dict[str, object]:
    return {
        "serial": entry.zone.serial,
        "seen": entry.seen.isoformat(),
        "records": entry.zone.records,
        "sha256": entry.zone.sha256,
        "counts": entry.counts,
    }


def _line(entry: Entry) -> str:
    return (
        f"{entry.zone.serial:10}  {entry.seen:%Y-%m-%d %H:%M:%S} UTC"
        f"  {entry.zone.records} records: {diff.describe(entry.counts)}"
    )
