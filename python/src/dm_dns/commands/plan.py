"""`dm-dns plan`: what a push would change, without a key."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dm_dns.access.checkout import Checkout
from dm_dns.commands import arguments
from dm_dns.errors import UsageError
from dm_dns.node.config import DEFAULT_PATH
from dm_dns.push import destination, plan, push

SUMMARY: Final = "show what a push would change: exit status 2 if anything, 0 if nothing"
EXAMPLE: Final = "dm-dns plan --flake . --via kiwi"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns plan``."""

    zone_conf: Path
    domain: str | None
    """None: the one that ``zone_conf`` names."""
    via: str | None
    """The machine, as ssh takes it; None: this one."""
    config: Path | None
    """The configuration that tells the machine's clan; None: it is not asked for."""
    mesh_file: Path
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns plan``.

    ``--json`` prints one object. Its keys stay:

    - ``domain``, and ``sends``: whether a push sends the zone;
    - ``serial``: ``mesh`` (null if there is nothing to compare with) and ``zone``;
    - ``problem``: why the mesh's copy is not a valid zone, or null;
    - ``refusals``: why a push without --force refuses, a list of texts;
    - ``counts``: the number of names of each of diff.KINDS, and ``unchanged``;
    - ``changes``, of names and then of local networks, each sorted: ``name``, ``kind`` (one of
      these), ``before`` and ``after``, each ``{"cname": target}``, ``{"addresses": [...]}``,
      ``{"network": {...}}`` or null. An address on a local network is ``ADDRESS@NETWORK``.
    """
    parser.add_argument(
        "zone_conf", metavar="ZONE.conf", nargs="?", type=Path, help="the zone to compare"
    )
    arguments.add_destination(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns plan``; return 0 (nothing to do) or plan.CHANGES_STATUS."""
    options = _options(args)
    new = push.read_zone_conf(options.zone_conf, options.domain).zone
    with destination.connect(options.via, options.mesh_file, options.config, _report) as machine:
        machine.check_domain(new.domain)
        made = plan.make(new, machine.read_copy())
    if options.json:
        print(json.dumps(made.json(), indent=2))
    else:
        refused = [f"a push refuses this: {reason}" for reason in plan.refusals(made)]
        print("\n".join([*refused, *made.lines()]))
    return plan.CHANGES_STATUS if made.has_changes else 0


def _options(args: argparse.Namespace) -> Options:
    zone_conf = args.zone_conf
    if args.flake and zone_conf is None:
        zone_conf = Checkout(args.flake).zone_conf
    if zone_conf is None:
        raise UsageError("ZONE.conf is missing; name it, or a checkout with --flake")
    if args.domain is None and args.flake is None:
        raise UsageError("without --flake, --domain is required")
    return Options(
        zone_conf=zone_conf,
        domain=args.domain,
        via=args.via,
        config=args.config or (DEFAULT_PATH if args.flake or args.via else None),
        mesh_file=args.mesh_file,
        json=args.json,
    )


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
