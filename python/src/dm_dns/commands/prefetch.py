"""`dm-dns prefetch`: check, update and show what flake.lock pins."""

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.commands import arguments
from dm_dns.errors import Error
from dm_dns.pins import flake_lock, nix, report, update
from dm_dns.pins.download import Options, download_all
from dm_dns.pins.flake_ref import source_url

SUMMARY: Final = "check, update and show what flake.lock pins"
EXAMPLE: Final = "dm-dns prefetch check clan-core"

_Parser = argparse.ArgumentParser
_MOST_TRIES: Final = 20
_MAX_LOCK: Final = 16 * 2**20  # bytes of flake.lock; a hundred inputs have 60 kB
_INPUT: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_'-]*(/[a-zA-Z_][a-zA-Z0-9_'-]*)*", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns prefetch``."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="what")

    def add(name: str, run: Callable[[argparse.Namespace], int], summary: str) -> _Parser:
        command = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        command.set_defaults(prefetch=run)
        command.add_argument(
            "--flake",
            metavar="DIR",
            type=Path,
            default=Path(),
            help="the folder with flake.nix and flake.lock (%(default)s)",
        )
        return command

    check = add("check", _check, "download every input and compare its hash with flake.lock")
    _add_download(check)
    check.add_argument(
        "--cached",
        action="store_true",
        help="use what is in the Nix store and its caches, and download only the rest; without it"
        " everything is downloaded, into a temporary folder (see TMPDIR)",
    )
    check.add_argument("--json", action="store_true", help="print a JSON object")
    _add_download(add("update", _update, "lock the newest revision of inputs"))
    add("show", _show, "show what flake.lock pins")


def _add_download(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="*",
        type=_input,
        help="only these, such as nixpkgs, or clan-core/disko for an input of an input",
    )
    parser.add_argument(
        "--tries",
        metavar="N",
        type=_tries,
        default=4,
        help="how often to try a download that comes broken or not at all (%(default)s)",
    )
    parser.add_argument(
        "--pause",
        metavar="SECONDS",
        type=arguments.seconds,
        default=2.0,
        help="how long to wait before the second try; it doubles after each (%(default)g)",
    )


def _input(text: str) -> str:
    if not _INPUT.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!a} is not the path of an input, such as clan-core/disko"
        )
    return text


def _tries(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST_TRIES:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number from 1 to {_MOST_TRIES}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns prefetch``; return its exit status."""
    status: int = args.prefetch(args)
    return status


def _check(args: argparse.Namespace) -> int:
    path = args.flake / flake_lock.FILE_NAME
    lock = _read(path)
    found = {name: lock.pin(name) for name in args.inputs}
    if unknown := [name for name, pin in found.items() if pin is None]:
        raise Error(f"no such input: {', '.join(unknown)}. The inputs are: {lock.names()}.")
    pins = [pin for pin in found.values() if pin] or lock.pins()
    options = Options(tries=args.tries, pause=args.pause, cached=args.cached)
    version = nix.version()
    results = download_all(pins, options, _progress)
    bad = [result for result in results if not result.is_good]
    if args.json:
        print(json.dumps(report.as_json(path, version.text, results), indent=2))
    else:
        print(*map(report.problem, bad), f"{path}: {report.counts(results)}", sep="\n")
    return 1 if bad else 0


def _update(args: argparse.Namespace) -> int:
    options = Options(tries=args.tries, pause=args.pause)
    moved = update.update(args.flake, args.inputs, options, _progress)
    print("\n".join(map(str, moved)) or "nothing moved")
    return 0


def _show(args: argparse.Namespace) -> int:
    lock = _read(args.flake / flake_lock.FILE_NAME)
    rows = [(pin.name, pin.revision, pin.type, source_url(pin)) for pin in lock.pins()]
    rows += [(pin.name, f"follows {lock.followed(pin.name)}", "", "") for pin in lock.followers()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())
    return 0


def _read(path: Path) -> flake_lock.FlakeLock:
    try:
        return flake_lock.parse(files.read(path, _MAX_LOCK), str(path))
    except FileNotFoundError:
        raise Error(
            f"{path} does not exist. Give the flake's folder with --flake, or make the file with"
            " `dm-dns prefetch update`."
        ) from None


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
