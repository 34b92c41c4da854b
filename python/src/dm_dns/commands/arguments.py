"""Arguments that several commands take, and the types of arguments.

Each type returns a value, or raises what argparse reports: what the argument must be.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.inspect import clan
from dm_dns.node.config import DEFAULT_PATH
from dm_dns.output import Printable
from dm_dns.push import destination
from dm_dns.zone import conf, names

_MAX_SECONDS: Final = 86400.0
# As Go's time.ParseDuration takes it, which reads the same setting of data-mesher.
_UNITS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "\u00b5s": 1e-6,  # the micro sign
    "\u03bcs": 1e-6,  # the Greek letter
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART: Final = re.compile(rf"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)({'|'.join(_UNITS)})")


def domain(text: str) -> str:
    """Return a clan's domain in canonical form."""
    try:
        return names.canonical_domain(text)
    except names.InvalidNameError as error:
        raise argparse.ArgumentTypeError(f"{text!a} is not a valid domain: {error}") from None


def seconds(text: str) -> float:
    """Return a number of seconds of up to a day."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= _MAX_SECONDS:
        raise argparse.ArgumentTypeError(
            f"must be a number from 0 to {_MAX_SECONDS:g}, not {text!a}"
        )
    return number


def duration(text: str) -> float:
    """Return the seconds of a duration in Go's notation, such as ``1m30s``."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"{text!a} is not a duration such as 30s or 1m30s")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def serial(text: str) -> int:
    """Return a zone's serial."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= conf.MAX_SERIAL:
        raise argparse.ArgumentTypeError(
            f"must be a number from 0 to {conf.MAX_SERIAL}, not {text!a}"
        )
    return number


def ssh_host(text: str) -> str:
    """Return the destination of ``--via``, as ssh takes it."""
    # ssh would take a leading - for an option, with which it can run any command.
    if not text or text.startswith("-") or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError(f"{text!a} is not a host: give HOST or USER@HOST")
    return text


def machine(text: str) -> str:
    """Return the name of a machine, for another command's argument list."""
    if not text or text.startswith("-"):
        raise argparse.ArgumentTypeError(f"{text!a} is not the name of a machine")
    return text


def key_command(text: str) -> str:
    """Return a shell command that prints a key; the key itself must not be an argument."""
    if files.has_key(text):
        raise argparse.ArgumentTypeError(files.key_in_arguments("a command"))
    return text


def add_destination(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that say which zone is compared, and with which machine's copy."""
    parser.add_argument("--domain", type=domain, help="the clan's domain")
    parser.add_argument(
        "--flake",
        metavar="DIR",
        type=Path,
        help="a checkout of the clan's flake: the zone, the domain and the keys that are not given"
        " are read from its vars",
    )
    group = parser.add_argument_group(
        "the machine that is pushed to",
        "This machine, unless --via names another. Paths and addresses are those of that machine.",
    )
    group.add_argument(
        "--via",
        metavar="HOST",
        type=ssh_host,
        help="a machine of the clan, as ssh takes it: HOST or USER@HOST",
    )
    group.add_argument(
        "--config",
        metavar="PATH",
        type=Path,
        help=f"with --flake or --via: dm-dns's configuration there (default: {DEFAULT_PATH})",
    )
    group.add_argument(
        "--mesh-file",
        metavar="PATH",
        type=Path,
        default=destination.MESH_FILE,
        help="the mesh's copy of the zone there (default: %(default)s)",
    )


def name_or_address(text: str) -> str:
    """Return ``text``, if it may be a name or is an IP address: a type of argparse.

    Raises:
        argparse.ArgumentTypeError: it is neither; the message has the rule.

    """
    if conf.canonical_address(text) is None:
        try:
            names.canonical(text)
        except names.InvalidNameError as error:
            raise argparse.ArgumentTypeError(
                f"{text!a} is not a name: {error}; give a host name without scheme, port and path"
            ) from None
    return text


def add_inspected(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that say whether a machine or a checkout is read."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=DEFAULT_PATH,
        help="this machine's configuration, which the module writes (default: %(default)s)",
    )
    parser.add_argument(
        "--flake",
        metavar="DIR",
        type=Path,
        help="read a checkout of the clan's flake, and not this machine",
    )
    parser.add_argument(
        "--clan",
        metavar="FILE",
        type=Path,
        help=f"the clan's exports and machines, as a machine has them in {clan.PATH} (default: that"
        " file; with --flake, Nix evaluates it)",
    )


@contextmanager
def progress(line: str) -> Iterator[Callable[[str], None]]:
    """Show a line on a terminal as long as this lasts; yield what replaces it with another.

    Nothing is shown if the standard error is not a terminal.
    """

    def tell(text: str) -> None:
        if isinstance(sys.stderr, Printable):
            sys.stderr.replace_line(text)

    tell(line)
    try:
        yield tell
    finally:
        tell("")
