"""`dm-dns doctor`: which link between the mesh and programs is broken, and what to type."""

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dm_dns.commands import arguments
from dm_dns.inspect import clan
from dm_dns.inspect.doctor import checks
from dm_dns.inspect.doctor.checks import Report
from dm_dns.node import state
from dm_dns.node.config import DEFAULT_PATH
from dm_dns.output import one_line

SUMMARY: Final = "find out why this machine does not resolve names, or one of them"
EXAMPLE: Final = "dm-dns doctor git"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns doctor``."""

    name: str | None
    """Or an address; None: the machine is examined, and no name."""
    config: Path
    state: Path
    clan: Path
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns doctor``.

    ``--json`` prints one object. Its keys stay:

    - ``machine``; ``domain``, null if the configuration cannot be read; ``name``, null or the name
      or address that was asked about; ``root``, whether root has asked;
    - ``fault``, null or the check that has found the first fault;
    - ``checks``, a list in the order of the way of the data. Each has ``check``, one of checks.KEYS
      or a check of a name or an address; ``verdict``, one of check.VERDICTS; ``text``, what was
      found; and ``remedy``, null or what to type about a fault.
    """
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        type=arguments.name_or_address,
        help="follow this name as well, or this address: the clan's domain can be left out",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=DEFAULT_PATH,
        help="this machine's configuration, which the module writes (default: %(default)s)",
    )
    parser.add_argument(
        "--clan",
        metavar="FILE",
        type=Path,
        default=clan.PATH,
        help="the clan's exports and machines (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns doctor``; return its exit status: 1 if there is a fault."""
    directory = Path(os.environ.get("RUNTIME_DIRECTORY", state.DIRECTORY))
    options = Options(
        name=args.name,
        config=args.config,
        state=directory / state.NAME,
        clan=args.clan,
        json=args.json,
    )
    found = checks.examine(options.config, options.state, options.clan, options.name)
    print(json.dumps(found.json(), indent=2) if options.json else "\n".join(_lines(found)))
    return 1 if found.first else 0


def _lines(found: Report) -> list[str]:
    """Return the report for people."""
    width = max(len(each.check) for each in found.results)
    lines = []
    for each in found.results:
        verdict = (
            each.found.verdict.upper() if each.found.verdict == "fault" else each.found.verdict
        )
        lines.append(one_line(f"{verdict:9}  {each.check:{width}}  {each.found.text}"))
        if each.found.remedy:
            lines.append(one_line(f"{'':9}  {'':{width}}  type: {each.found.remedy}"))
    lines.append("")
    if found.first is None:
        got = [found.answer] if found.answer else []
        lines.append(one_line(": ".join([f"{found.machine}: no fault was found", *got])))
    else:
        first = found.first
        lines.append(
            one_line(f"{found.machine}: {first.check} is the first fault: {first.found.text}")
        )
        lines.append(one_line(f"type: {first.found.remedy}"))
    if not found.is_root:
        lines.append("Only root may ask everything: `sudo dm-dns doctor` shows more.")
    return lines
