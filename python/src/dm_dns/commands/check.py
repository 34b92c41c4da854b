"""`dm-dns check`: whether a zone.conf is valid."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dm_dns.commands import arguments
from dm_dns.zone import conf

SUMMARY: Final = "check a zone.conf"
EXAMPLE: Final = "dm-dns check vars/shared/dm-dns/zone.conf/value --domain clan.lol"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns check``."""

    zone_conf: Path
    domain: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns check``."""
    parser.add_argument("zone_conf", metavar="ZONE.conf", type=Path, help="the file to check")
    parser.add_argument("--domain", required=True, type=arguments.domain, help="the clan's domain")


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns check``; return its exit status."""
    options = Options(zone_conf=args.zone_conf, domain=args.domain)
    conf.read(options.zone_conf, options.domain)
    return 0
