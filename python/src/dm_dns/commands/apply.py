"""`dm-dns apply`: serve the best zone that this machine has, once or from now on."""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dm_dns.errors import Error
from dm_dns.node import judge, server, state
from dm_dns.node.apply import apply
from dm_dns.node.config import DEFAULT_PATH, Config
from dm_dns.node.privileges import drop_root

SUMMARY: Final = "serve the best zone that this machine has"
EXAMPLE: Final = "dm-dns apply --check"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns apply``."""

    config: Path
    state: Path
    watch: bool
    check: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns apply``."""
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_PATH,
        metavar="FILE",
        help="the machine's configuration, which the module writes (default: %(default)s)",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--watch",
        action="store_true",
        help="keep running, and serve every change: this is dm-dns.service",
    )
    instead.add_argument(
        "--check",
        action="store_true",
        help="change nothing; exit with status 1 and say why if the machine does not serve what it"
        " should: this is dm-dns-health.service",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns apply``; return its exit status."""
    # systemd.exec(5): the folder that the units share.
    directory = Path(os.environ.get("RUNTIME_DIRECTORY", state.DIRECTORY))
    options = Options(
        config=args.config,
        state=directory / state.NAME,
        watch=args.watch,
        check=args.check,
    )
    config = Config.read(options.config)
    if options.watch:
        server.Server(
            config,
            options.state,
            ready=server.notify_ready,
            tell=lambda line: print(line, flush=True),
            complain=lambda line: print(f"dm-dns: {line}", file=sys.stderr, flush=True),
        ).run()
    if options.check:
        if problems := judge.judge(config, options.state):
            raise Error("\n".join(problems))
        return 0
    drop_root(config)
    outcome = apply(config)
    if outcome.problems:
        served = f"meanwhile {config.domain} is served: {outcome.served}"
        raise Error("\n".join([*outcome.problems, served]))
    unchanged = "" if outcome.is_new else ", unchanged"
    print(f"{config.domain}: {outcome.served}{unchanged}")
    return 0
