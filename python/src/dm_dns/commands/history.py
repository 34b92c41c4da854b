"""`dm-dns history`: the zones that the mesh has had, as far as this machine has served them."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dm_dns.access import history
from dm_dns.commands import arguments
from dm_dns.zone import diff

SUMMARY: Final = "list the zones that the mesh has had"
EXAMPLE: Final = "dm-dns history --domain clan.lol"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns history``."""

    domain: str
    directory: Path
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns history``.

    ``--json`` prints a list of objects, newest first. Their keys stay: ``serial``; ``seen``, when
    this machine got the zone (ISO 8601, UTC); ``records``; ``sha256`` of the lines below the
    header; ``counts``, the number of names of each of diff.KINDS since the entry before.
    """
    parser.add_argument("--domain", required=True, type=arguments.domain, help="the clan's domain")
    parser.add_argument(
        "--directory",
        metavar="DIR",
        type=Path,
        default=history.DIRECTORY,
        help="where the zones are kept (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns history``; return its exit status: 1 if an entry is not a valid zone."""
    options = Options(domain=args.domain, directory=args.directory, json=args.json)
    entries, problems = history.entries(options.directory, options.domain)
    if options.json:
        print(json.dumps([_json(entry) for entry in entries], indent=2))
    else:
        if not entries and not problems:
            print(f"{options.directory} has no zone. {history.ONLY_MESH}", file=sys.stderr)
        for entry in entries:
            print(_line(entry))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _json(entry: history.Entry) -> dict[str, object]:
    return {
        "serial": entry.zone.serial,
        "seen": entry.seen.isoformat(),
        "records": entry.zone.records,
        "sha256": entry.zone.sha256,
        "counts": entry.counts,
    }


def _line(entry: history.Entry) -> str:
    return (
        f"{entry.zone.serial:10}  {entry.seen:%Y-%m-%d %H:%M:%S} UTC"
        f"  {entry.zone.records} records: {diff.describe(entry.counts)}"
    )
