"""`dm-dns check`: the strict parser on its own."""

import argparse
from pathlib import Path

from dm_dns.commands import types
from dm_dns.zone import conf


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns check``."""
    parser.add_argument("zone_conf", metavar="ZONE.conf", type=Path, help="the file to check")
    parser.add_argument("--domain", required=True, type=types.domain, help="the clan's domain")


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns check``; return its exit status."""
    conf.read(args.zone_conf, args.domain)
    return 0
