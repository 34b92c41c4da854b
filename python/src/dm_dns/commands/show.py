"""`dm-dns show`: all names of the clan, as a table, JSON or a page; or one of them."""

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
from dm_dns.inspect import clan, facts, inventory, page
from dm_dns.inspect.clan import Clan
from dm_dns.inspect.facts import Facts
from dm_dns.inspect.inventory import Name
from dm_dns.node import state
from dm_dns.node.config import Config
from dm_dns.output import one_line
from dm_dns.zone import conf
from dm_dns.zone.spec import Endpoint

SUMMARY: Final = "show all names of the clan, or one of them"
EXAMPLE: Final = "dm-dns show git"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns show``."""

    name: str | None
    """None: all names."""
    config: Path
    state: Path
    flake: Path | None
    """A checkout; None: this is a machine of the clan."""
    clan: Path | None
    json: bool
    html: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns show``.

    ``--json`` prints one object. Its keys stay:

    - ``domain``; ``serial`` of the zone; ``source`` (``mesh``, ``deployed`` or ``kept``), null in
      a checkout; ``notes``, a list of texts: what is not known, and why, and
      which names programs on this machine resolve to something else;
    - ``names``, a list, sorted by name. Each has ``name``; ``kind``, one of inventory.KINDS;
      ``machines`` and ``addresses``, lists; ``local``, a list of objects with ``address``,
      ``network``, ``given`` (null in a checkout) and ``reason``; ``exports``, a list of objects
      with ``host``, ``machine``, ``service``, ``instance`` and ``role``; ``devices``, a list of
      objects with ``device`` and ``machines``, those whose setting ``devices`` has it, or none if
      it is the role's; ``since``, null if not known, or the first zone in which the name was as it
      is: ``serial``, ``when`` (ISO 8601, UTC) and ``at_least``, whether it may be older;
      ``served``, false if it is exported, but not yet in the zone.

    With NAME the list has that name only; with an address, the names that have it.
    """
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        type=arguments.name_or_address,
        help="show only this name, or those that have this address; the clan's domain can be left"
        " out",
    )
    arguments.add_inspected(parser)
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print a JSON object")
    output.add_argument(
        "--html",
        metavar="FILE",
        type=Path,
        help="write a page with everything in one file, and print nothing",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns show``; return its exit status: 1 if there is no such name."""
    directory = Path(os.environ.get("RUNTIME_DIRECTORY", state.DIRECTORY))
    options = Options(
        name=args.name,
        config=args.config,
        state=directory / state.NAME,
        flake=args.flake,
        clan=args.clan,
        json=args.json,
        html=args.html,
    )
    if options.html and options.name is not None:
        raise UsageError("--html shows all names: leave NAME out")
    found = _facts(options)
    if options.name is not None:
        found = found._replace(names=_find(found, options.name))
    shown = [name.name for name in found.names if name.name in found.overrides]
    found = found._replace(notes=[*found.notes, *map(found.overrides.__getitem__, shown)])
    if options.html:
        files.replace_output(options.html, page.render(found).encode())
    elif options.json:
        print(json.dumps(_json(found), indent=2))
    elif options.name is not None and len(found.names) == 1:
        print("\n".join(_details(found.names[0], found)))
    else:
        print("\n".join(_table(found)))
    if not options.json:
        for note in found.notes:
            print(f"dm-dns: {one_line(note)}", file=sys.stderr)
    return 0


def _facts(options: Options) -> Facts:
    if options.flake is None:
        config = Config.read(options.config)
        return facts.of_machine(config, options.state, options.clan or clan.PATH)
    return facts.of_checkout(Checkout(options.flake), options.clan, _evaluate)


def _evaluate(directory: Path) -> Clan:
    with arguments.progress(f"evaluating {directory}"):
        return clan.evaluate(directory)


def _find(found: Facts, text: str) -> list[Name]:
    """Return the name that was asked for, or all that have an address.

    Raises:
        Error: there is none; the message has similar ones.

    """
    domain = found.zone.domain
    if address := conf.canonical_address(text):
        if several := inventory.with_address(found.names, found.zone, address):
            return several
        raise Error(
            f"none of the {len(found.names)} names of {domain}, serial {found.zone.serial}, has"
            f" {address}; `dm-dns show` lists all names with their addresses"
        )
    if name := inventory.find(found.names, text, domain):
        return [name]
    similar = inventory.similar(found.names, text, domain)
    remedy = (
        f"did you mean {' or '.join(similar)}?"
        if similar
        else "`dm-dns show` lists all names; names that no service exports are set with `names` and"
        " `devices`"
    )
    others = "" if found.whole_domain else ", and resolves as without dm-dns"
    raise Error(
        f"{one_line(text)} is not one of the {len(found.names)} names of {domain}, serial"
        f" {found.zone.serial}{others}; {remedy}"
    )


def _json(found: Facts) -> dict[str, object]:
    return {
        "domain": found.zone.domain,
        "serial": found.zone.serial,
        "source": found.source,
        "notes": found.notes,
        "names": [name.json() for name in found.names],
    }


def _table(found: Facts) -> list[str]:
    """Return all names for people."""
    rows = [("NAME", "KIND", "ON", "ADDRESSES", "EXPORTED BY", "SINCE")]
    rows += [
        (
            name.name,
            name.kind if name.is_served else "not served",
            " ".join(name.owners) or "-",
            " ".join(name.all_addresses) or "-",
            ", ".join(_exporters(name)) or "-",
            _since(name),
        )
        for name in found.names
    ]
    plain = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in plain
    ]


def _no_address(name: Name) -> str:
    return "only on local networks" if name.local else "none is known"


def _exporters(name: Name) -> list[str]:
    found = sorted({_exporter(export) for export in name.exports})
    return [*found, "setting devices"] if name.devices else found


def _exporter(export: Endpoint) -> str:
    if export.service == export.instance:
        return f"{export.service} ({export.role})"
    return f"{export.service} ({export.instance}, {export.role})"


def _since(name: Name) -> str:
    if name.since is None:
        return "-"
    before = " or before" if name.since.at_least else ""
    return f"{name.since.when:%Y-%m-%d %H:%M}{before}"


def _details(name: Name, found: Facts) -> list[str]:
    """Return one name for people."""
    lines = [("name", name.name), ("kind", name.kind)]
    if name.machines or not name.devices:
        lines.append(("machines", ", ".join(name.machines) or "not known"))
    if name.devices:
        lines.append(("devices", ", ".join(each.device for each in name.devices)))
    lines += [("addresses", address) for address in name.addresses or (_no_address(name),)]
    lines += [("local", str(each)) for each in name.local]
    lines += [("elsewhere", address) for address in inventory.elsewhere(name, found.zone)]
    for export in name.exports:
        who = f"service {export.service}, instance {export.instance}, role {export.role}"
        lines.append(("exported by", f"{who}, on {export.machine}"))
    for setting in dict.fromkeys(each.setting for each in name.devices):
        lines.append(("exported by", setting))
    if name.since:
        before = ", or before: older zones are not known" if name.since.at_least else ""
        when = f"{name.since.when:%Y-%m-%d %H:%M:%S} UTC"
        lines.append(("since", f"{when}, serial {name.since.serial}{before}"))
    if not name.is_served:
        lines.append(("not served", f"the zone, serial {found.zone.serial}, does not have it yet"))
    shown = []
    previous = ""
    for label, value in lines:
        shown.append(f"{'' if label == previous else label:12} {one_line(value)}".rstrip())
        previous = label
    return shown
