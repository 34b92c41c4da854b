"""`dm-dns prefetch`: keep flake.lock, and tell what it pins, with Nix's own tools."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from dm_dns import expression, fetch, files, lock, nix, reference, report, update
from dm_dns.commands import arguments
from dm_dns.errors import Error

_MOST_TRIES: Final = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns prefetch``.

    ``check --json`` prints one object. Its keys stay:

    - ``lock``, the path of the file, and ``nix``, what `nix --version` prints;
    - ``ok``: whether all inputs are as locked;
    - ``counts``: the number of inputs of each of fetch.OUTCOMES;
    - ``inputs``, a list of objects: ``input`` (its path), ``type``, ``url``, ``outcome`` (one of
      fetch.OUTCOMES), ``locked`` (its hash in the lock) and ``attempts``, each with ``outcome``,
      ``hash`` (of what came), ``received``, ``announced`` and ``unpacked`` (bytes: see
      fetch.Attempt) and ``reason``. What is not known is null.
    """
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="what")
    for name, run_it, declare, summary in (
        ("check", _check, _add_check, "fetch every input and compare its hash with flake.lock"),
        ("update", _update, _add_update, "lock the newest revision of inputs"),
        ("show", _show, _add_show, "show what flake.lock pins"),
    ):
        command = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        command.add_argument(
            "--flake",
            metavar="DIR",
            type=Path,
            default=Path(),
            help="the folder with flake.nix and flake.lock (%(default)s)",
        )
        declare(command)
        command.set_defaults(prefetch=run_it)


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs", metavar="INPUT", nargs="*", type=_input, help="only these (default: all)"
    )
    parser.add_argument(
        "--cached",
        action="store_true",
        help="take what the Nix store and its caches have, and download only the rest; without it"
        " everything is downloaded, into a temporary folder (see TMPDIR)",
    )
    _add_tries(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def _add_update(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="*",
        type=_input,
        help="such as nixpkgs, or clan-core/disko for an input of an input (default: all)",
    )
    parser.add_argument(
        "--no-verify",
        action="store_true",
        help="do not download what has moved a second time, to compare it",
    )
    _add_tries(parser)


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fetchurl", action="store_true", help="as an expression for Nix without flakes"
    )


def _add_tries(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tries",
        metavar="N",
        type=_tries,
        default=4,
        help="how often to download what comes broken or not at all (%(default)s)",
    )
    parser.add_argument(
        "--pause",
        metavar="SECONDS",
        type=arguments.seconds,
        default=2.0,
        help="how long to wait before the second try; it doubles after each (%(default)g)",
    )


def _input(text: str) -> str:
    if not update.is_path(text):
        raise argparse.ArgumentTypeError(
            f"{text!a} is no path of an input, such as clan-core/disko"
        )
    return text


def _tries(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MOST_TRIES:
        raise argparse.ArgumentTypeError(f"{text!a} is no number from 1 to {_MOST_TRIES}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns prefetch``; return its exit status."""
    status: int = args.prefetch(args)
    return status


def _check(args: argparse.Namespace) -> int:
    path = args.flake / lock.FILE_NAME
    pins = _selected(_read(path), args.inputs)
    version = nix.version()
    results = _fetch(pins, fetch.Options(args.tries, args.pause, args.cached))
    good = all(result.is_good for result in results)
    if args.json:
        print(json.dumps(report.as_json(path, version, results), indent=2))
    else:
        for result in results:
            if not result.is_good:
                print("\n".join(report.problem(result)))
        print(f"{path}: {report.counts(results)}")
    return 0 if good else 1


def _update(args: argparse.Namespace) -> int:
    if not (args.flake / "flake.nix").is_file():
        raise Error(f"{args.flake} has no flake.nix. Give the flake's folder with --flake.")
    path = (args.flake / lock.FILE_NAME).resolve()
    old = path.read_bytes() if path.exists() else None
    before = None if old is None else lock.parse(old, str(path))
    options = fetch.Options(args.tries, args.pause)
    new = update.compute(args.flake, args.inputs, options, _reporter("nix flake update"))
    after = lock.parse(new, "what Nix wrote")
    update.check_inputs(args.inputs, after)
    moves = update.moves(before, after)
    if not args.no_verify:
        _verify([move.after for move in moves if move.after], options, path)
    if (path.read_bytes() if path.exists() else None) != old:
        raise Error(f"{path} has changed meanwhile, and was left alone. Try again.")
    files.replace(path, new)
    for move in moves:
        print(move)
    if not moves:
        print("nothing has moved" + ("" if new == old else f"; {path} is written anew"))
    return 0


def _verify(pins: Sequence[lock.Pin], options: fetch.Options, path: Path) -> None:
    """Fetch what Nix has just locked once more, from an empty cache: it may have got half of it."""
    bad = [result for result in _fetch(pins, options) if not result.is_good]
    if bad:
        for result in bad:
            print("\n".join(report.problem(result)))
        raise Error(
            f"{path} is as it was: what was to be locked does not come again as it was. Try again"
            " later; if that stays so, Nix keeps the broken one: remove ~/.cache/nix first."
        )


def _show(args: argparse.Namespace) -> int:
    made = _read(args.flake / lock.FILE_NAME)
    if args.fetchurl:
        for pin in made.pins():
            if reason := expression.unsupported(pin):
                print(f"dm-dns: warning: {pin.name}: {reason}", file=sys.stderr)
        print(expression.render(made), end="")
        return 0
    rows = [(pin.name, pin.revision, pin.type, _url(pin)) for pin in made.pins()]
    rows += [(name, f"follows {pin}", "", "") for name, pin in made.names().items() if name != pin]
    widths = [max(len(row[column]) for row in rows) for column in range(3)] if rows else []
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[-1]]).rstrip())
    return 0


def _url(pin: lock.Pin) -> str:
    try:
        return reference.url(pin)
    except Error as error:
        return str(error)


def _read(path: Path) -> lock.Lock:
    try:
        return lock.read(path)
    except FileNotFoundError:
        raise Error(
            f"{path}: there is none. Give the flake's folder with --flake, or make it with"
            " `dm-dns prefetch update`."
        ) from None


def _selected(made: lock.Lock, names: Sequence[str]) -> list[lock.Pin]:
    if not names:
        return made.pins()
    found = [(name, made.pin(name)) for name in names]
    unknown = [name for name, pin in found if pin is None]
    if unknown:
        known = ", ".join(pin.name for pin in made.pins()) or "none"
        raise Error(f"no such input: {', '.join(unknown)}. There are: {known}.")
    return [pin for _, pin in found if pin]


def _fetch(pins: Sequence[lock.Pin], options: fetch.Options) -> list[fetch.Result]:
    results = []
    for number, pin in enumerate(pins, start=1):
        say = _reporter(f"[{number}/{len(pins)}] {pin.name}")
        say(f"fetching {_url(pin)}")
        result = fetch.fetch(pin, options, say)
        say(f"{result.outcome}: {fetch.describe(result.attempts[-1])}")
        results.append(result)
    return results


def _reporter(what: str) -> Callable[[str], None]:
    return lambda line: print(f"{what}: {line}", file=sys.stderr, flush=True)
