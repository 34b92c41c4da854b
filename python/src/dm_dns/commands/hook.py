"""`dm-dns hook`: answer systemd-resolved's lookups of the clan's names."""

import argparse
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dm_dns.node.config import DEFAULT_PATH, Config
from dm_dns.node.hook import Hook, listener
from dm_dns.node.reverse_names import Watcher

SUMMARY: Final = "answer systemd-resolved: this is dm-dns-hook.service"
EXAMPLE: Final = "dm-dns hook --config /etc/dm-dns/apply.json"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns hook``."""

    config: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns hook``."""
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_PATH,
        metavar="FILE",
        help="the machine's configuration, which the module writes (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns hook``; return its exit status."""
    options = Options(config=args.config)
    config = Config.read(options.config)
    watcher = None
    if config.reverse:
        watcher = Watcher(config.reverse_names, config.domain, report=_report)
    hook = Hook(
        config.domain,
        config.unbound,
        listener(),
        whole_domain=config.whole_domain,
        reverse=watcher,
    )
    signal.signal(signal.SIGTERM, lambda *_: hook.end())
    hook.run()
    return 0


def _report(line: str) -> None:
    print(f"dm-dns: {line}", file=sys.stderr, flush=True)
