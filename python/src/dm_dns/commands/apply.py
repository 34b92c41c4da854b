"""`dm-dns apply`: serve the best zone that this machine has, once or from now on."""

import argparse
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.node import certificate, journal, judge, metrics, notify, server, state
from dm_dns.node.apply import apply
from dm_dns.node.config import DEFAULT_PATH, Config
from dm_dns.node.privileges import drop_root
from dm_dns.output import one_line

SUMMARY: Final = "serve the best zone that this machine has"
EXAMPLE: Final = "dm-dns apply --check"


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``dm-dns apply``."""

    config: Path
    state: Path
    certificate: Path | None
    """A copy of data-mesher's certificate, which systemd has made for the unit."""
    is_unit: bool
    """Whether systemd runs this again and again."""
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
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    options = Options(
        config=args.config,
        state=directory / state.NAME,
        certificate=Path(credentials, "certificate") if credentials else None,
        is_unit=notify.VARIABLE in os.environ,
        watch=args.watch,
        check=args.check,
    )
    config = Config.read(options.config)
    if options.watch:
        server.Server(
            config,
            options.state,
            ready=lambda: notify.notify(notify.READY),
            tell=lambda line: print(line, flush=True),
            complain=lambda line: print(f"dm-dns: {line}", file=sys.stderr, flush=True),
        ).run()
    if options.check:
        return _check(config, options)
    drop_root(config)
    outcome = apply(config)
    if outcome.problems:
        served = f"meanwhile {config.domain} is served: {outcome.served}"
        raise Error("\n".join([*outcome.problems, served]))
    unchanged = "" if outcome.is_new else ", unchanged"
    print(f"{config.domain}: {outcome.served}{unchanged}")
    return 0


def _check(config: Config, options: Options) -> int:
    """Judge what is served, and return the exit status: 1 if something is wrong.

    Raises:
        Error: something is wrong, and nobody has been told.

    """
    found = judge.judge(config, options.state, _certificate_end(config, options))
    problems = found.problems
    if not options.is_unit:
        if problems:
            raise Error("\n".join([*problems, *([found.meanwhile] if found.meanwhile else [])]))
        return 0
    # `systemctl status` shows this, also where the journal has it from long ago.
    notify.notify(f"STATUS={one_line('; '.join(problems)) or 'all is well'}")
    for line in journal.changes(options.state.with_name(journal.NAME), problems):
        meanwhile = f"; {found.meanwhile}" if found.meanwhile and line in problems else ""
        print(f"dm-dns: {one_line(line)}{meanwhile}", file=sys.stderr)
    return 1 if problems else 0


def _certificate_end(config: Config, options: Options) -> int | None:
    """Return when data-mesher's certificate ends, if that is known; the unit tells monitoring."""
    path = options.certificate or config.certificate
    try:
        end = certificate.read_end(path) if path else None
    except OSError:
        return None
    if options.certificate:
        file = options.state.with_name(metrics.CERTIFICATE)
        with suppress(OSError):  # dm-dns.service cannot write there either, and says so
            if end is None:
                files.remove(file)
            else:
                files.replace(file, metrics.render_certificate(config.domain, end).encode())
    return end
