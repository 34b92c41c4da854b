"""`dm-dns hook`: answer systemd-resolved's lookups of the clan's names."""

import argparse
import signal
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dm_dns.errors import Error
from dm_dns.node.config import DEFAULT_PATH, Config
from dm_dns.node.hook import Hook, passed
from dm_dns.node.hook_names import FullNames, Names, ShortNames
from dm_dns.node.reverse_watcher import Watcher

SUMMARY: Final = "answer systemd-resolved: this is dm-dns-hook.service"
EXAMPLE: Final = "dm-dns hook --config /etc/dm-dns/apply.json"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns hook``."""

    config: Path
    check: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns hook``."""
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_PATH,
        metavar="FILE",
        help="the machine's configuration, which the module writes (default: %(default)s)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="only read the configuration, as dm-dns-hook-retry.service does until that works",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns hook``; return its exit status."""
    options = Options(config=args.config, check=args.check)
    config = Config.read(options.config)
    if options.check:
        return 0
    watcher = None
    if config.reverse:
        watcher = Watcher(config.reverse_names, config.domain, report=_report)
    sockets = passed()
    names = _names(config, watcher, sockets.listeners)
    listeners = {sockets.listeners[path]: found for path, found in names.items()}
    connections = {each: names[path] for path, each in sockets.connections if path in names}
    for path, each in sockets.connections:
        if path not in names:  # there are no short names any more
            each.close()
    hook = Hook(config.unbound, listeners, connections, watcher)
    signal.signal(signal.SIGTERM, lambda *_: hook.end())
    hook.run()
    return 0


def _report(line: str) -> None:
    print(f"dm-dns: {line}", file=sys.stderr, flush=True)


def _names(
    config: Config, reverse: Watcher | None, paths: Collection[Path]
) -> Mapping[Path, Names]:
    """Return the names that are asked for on each of the sockets that systemd has passed.

    Raises:
        Error: it has not passed the one for names in the clan's domain, or others as well.

    """
    others = [path for path in paths if path != config.search]
    if len(others) != 1:
        found = ", ".join(map(str, others)) or "none"
        raise Error(
            "of the sockets that systemd has passed, one must be for names in the clan's domain:"
            f" {found}; run `systemctl restart dm-dns-hook`"
        )
    short = ShortNames(config.domain)
    full = FullNames(config.domain, whole_domain=config.whole_domain, reverse=reverse)
    return {path: short if path == config.search else full for path in paths}
