"""`dm-dns status`: what this machine serves, or with ``--all`` every machine of the clan."""

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.access.checkout import Checkout
from dm_dns.commands import arguments
from dm_dns.errors import Error, UsageError
from dm_dns.inspect import asking, clan, fleet, local, status
from dm_dns.inspect.asking import Machine, Query
from dm_dns.inspect.clan import Clan
from dm_dns.inspect.fleet import Fleet
from dm_dns.inspect.status import Status
from dm_dns.inspect.text import instant
from dm_dns.node import state
from dm_dns.node.config import Config
from dm_dns.output import lasting, one_line
from dm_dns.zone import conf, diff, limits

SUMMARY: Final = "show what this machine serves, or with --all every machine of the clan"
EXAMPLE: Final = "dm-dns status --all"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns status``."""

    config: Path
    state: Path
    all: bool
    flake: Path | None
    """A checkout; None: this is a machine of the clan."""
    clan: Path | None
    user: str | None
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns status``.

    ``--json`` prints one object. Its keys stay:

    - ``machine``, ``domain``; ``whole_domain``, false if names of the domain that the clan does not
      have resolve as without dm-dns;
    - ``serial``, ``source`` (``mesh``, ``deployed`` or ``kept``), ``sha256`` of the lines of
      zone.conf below its header, and ``records``: what the machine serves; null if nothing;
    - ``age``: how long ago the zone was rendered, in seconds; ``since``: when the machine first
      served it (ISO 8601, UTC); ``names``: how many it has; each null if not known;
    - ``change``: the last change that this machine knows of, or null: ``when``, ``serial``, and
      ``counts``, the number of names of each of diff.KINDS;
    - ``networks``, a list, an object for each local network of the zone: ``name``; ``on``, whether
      the machine is on it; ``link``, null or the link through which it is; ``reason``, why it is,
      or is not; ``silent``, the addresses of machines there that do not answer;
    - ``problems``: a list of texts, empty if unbound serves what it should.

    ``--all --json`` prints ``domain``; ``newest``, the highest serial that a machine serves or the
    checkout has, or null; and ``machines``, a list, sorted by name, of ``machine``; ``verdict``,
    one of fleet.VERDICTS; ``via`` (``here``, ``dns``, ``ssh`` or null); ``serial``, ``source`` and
    ``sha256`` as above; and ``reason``, why it does not serve the newest zone or was not reached,
    or null.
    """
    parser.add_argument(
        "--all",
        action="store_true",
        help="ask every machine of the clan: its unbound where it answers other devices, and"
        f" otherwise `dm-dns status` there, through ssh; each has {asking.SECONDS:g} s",
    )
    arguments.add_inspected(parser)
    parser.add_argument(
        "--user",
        metavar="NAME",
        type=arguments.machine,
        help="with --all: whom ssh logs in as (default: what ssh's configuration says)",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns status``; return its exit status: 1 if anything is not as it should be."""
    directory = Path(os.environ.get("RUNTIME_DIRECTORY", state.DIRECTORY))
    options = Options(
        config=args.config,
        state=directory / state.NAME,
        all=args.all,
        flake=args.flake,
        clan=args.clan,
        user=args.user,
        json=args.json,
    )
    if not options.all:
        if options.flake or options.user or options.clan:
            raise UsageError("--flake, --clan and --user need --all")
        return _one(options)
    found = _from_checkout(options, options.flake) if options.flake else _from_machine(options)
    if options.json:
        print(json.dumps(found.json(), indent=2))
    else:
        print("\n".join(_table(found)))
    return 0 if found.is_well else 1


def _one(options: Options) -> int:
    found = status.read(Config.read(options.config), options.state)
    if options.json:
        print(json.dumps(found.json(), indent=2))
    else:
        print("\n".join(_lines(found)))
    return 1 if found.problems else 0


def _from_machine(options: Options) -> Fleet:
    config = Config.read(options.config)
    here = status.read(config, options.state)
    edition = status.served_edition(config, here.served, here.since)
    if edition is None:
        raise Error(
            f"this machine does not serve {config.domain}, so it does not know the other machines:"
            f" {'; '.join(here.problems) or 'run `dm-dns status`'}"
        )
    try:
        known = clan.read(options.clan or clan.PATH)
    except OSError as error:
        raise Error(
            f"{options.clan or clan.PATH}: {error.strerror}; deploy this machine again, or name"
            " another file with --clan"
        ) from None
    query = Query(config.domain, here=here, user=options.user)
    return _ask(fleet.machines(edition.zone, known), query)


def _from_checkout(options: Options, directory: Path) -> Fleet:
    checkout = Checkout(directory)
    content = files.read(checkout.zone_conf, limits.MAX_SIZE)
    zone = conf.parse(content, None, str(checkout.zone_conf))
    known: Clan | None
    try:
        known = _clan_of(options, checkout)
    except Error as error:
        print(f"dm-dns: {error}", file=sys.stderr)
        print("dm-dns: asking the machines that a name of the zone points to", file=sys.stderr)
        known = None
    query = Query(zone.domain, wanted=zone, user=options.user)
    return _ask(fleet.machines(zone, known), query)


def _clan_of(options: Options, checkout: Checkout) -> Clan:
    if options.clan:
        return clan.read(options.clan)
    with arguments.progress(f"evaluating {checkout.directory}"):
        return clan.evaluate(checkout.directory)


def _ask(asked: list[Machine], query: Query) -> Fleet:
    with arguments.progress(f"asking {len(asked)} machines") as tell:
        return fleet.ask_all(
            asked, query, lambda done: tell(f"{done} of {len(asked)} machines are done")
        )


def _lines(found: Status) -> list[str]:
    """Return what a machine serves, for people."""
    others = "" if found.whole_domain else ", of which others have names as well"
    lines = [("machine", found.machine), ("domain", f"{found.domain}{others}")]
    if served := found.served:
        lines += [
            ("serial", f"{served.serial} (rendered {instant(served.serial)}, {_age(found)})"),
            ("source", served.source),
            ("names", f"{found.names} ({served.records} records)"),
        ]
        if found.since is not None:
            lines.append(("served since", instant(found.since)))
    else:
        lines.append(("serial", "none: nothing is served"))
    if change := found.change:
        counts = diff.describe(diff.count(change.changes))
        when = f"{change.when:%Y-%m-%d %H:%M:%S} UTC"
        lines.append(("last change", f"{when}, serial {change.serial}: {counts}"))
    for number, presence in enumerate(found.networks):
        lines.append(("" if number else "networks", local.text(presence)))
    for number, problem in enumerate(found.problems or ["none"]):
        lines.append(("" if number else "problems", problem))
    return [f"{label:13} {one_line(value)}" for label, value in lines]


def _age(found: Status) -> str:
    age = found.age or 0
    return f"{lasting(age)} ago" if age >= 0 else f"{lasting(-age)} ahead of this machine's clock"


def _table(found: Fleet) -> list[str]:
    """Return what all machines serve, for people."""
    newest = "none" if found.newest is None else f"{found.newest} ({instant(found.newest)})"
    lines = [f"{found.domain}: the newest serial is {newest}"]
    width = max((len(row.machine) for row in found.rows), default=0)
    for row in found.rows:
        answer = row.answer
        cells = [
            f"{row.machine:{width}}",
            f"{row.verdict:11}",
            f"{(answer.serial if answer else None) or '-':>10}",
            f"{(answer.source if answer else None) or '-':8}",
            f"{answer.via if answer else '-':4}",
            row.reason or "",
        ]
        lines.append(one_line("  ".join(cells)).rstrip())
    reached = sum(row.answer is not None for row in found.rows)
    newest_ones = sum(row.verdict == "newest" for row in found.rows)
    lines.append(
        f"{reached} of {len(found.rows)} machines were reached; the newest zone is served by"
        f" {newest_ones}"
    )
    return lines
