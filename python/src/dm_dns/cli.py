"""The command `dm-dns`."""

import argparse
import difflib
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib import import_module
from pathlib import Path
from typing import Final, NoReturn, Protocol, cast

from dm_dns import files
from dm_dns.errors import Error, FileError, UsageError, describe
from dm_dns.output import Printable, printable


class Command(Protocol):
    """What a module of `commands` has."""

    @property
    def SUMMARY(self) -> str:  # noqa: N802 - a constant of the module
        """What the command does, in a few words."""

    @property
    def EXAMPLE(self) -> str:  # noqa: N802 - as above
        """A real command line."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Run the command, and return its exit status."""


COMMANDS: Final = (
    "doctor",
    "status",
    "show",
    "plan",
    "push",
    "history",
    "check",
    "render",
    "keygen",
    "apply",
    "hook",
    "prefetch",
)
"""Each is a module of `commands`."""

_STDOUT: Final = "standard output"
_EPILOG: Final = """\
Example, from an admin's checkout of the clan's flake:
  dm-dns plan --flake . --via kiwi
`dm-dns COMMAND --help` explains a command."""


class _Parser(argparse.ArgumentParser):
    """Escapes what it says of arguments, which may be the names of somebody else's files."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


class _Version(argparse.Action):
    """Prints the version, which is looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import importlib.metadata

        try:
            version = importlib.metadata.version("dm-dns")
        except importlib.metadata.PackageNotFoundError:
            version = "of a source tree that is not installed"
        print(f"dm-dns {version}")
        parser.exit()


def load(name: str) -> Command:
    """Return a command."""
    return cast("Command", import_module(f"dm_dns.commands.{name}"))


def build_parser(names: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of the whole command line, or of one with these commands only."""
    parser = _Parser(
        prog="dm-dns",
        description="DNS for a clan: every name that a service exports resolves on every machine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", title="commands")
    for name in names:
        command = load(name)
        subparser = commands.add_parser(
            name,
            help=command.SUMMARY,
            description=f"{command.SUMMARY[0].upper()}{command.SUMMARY[1:]}.",
            epilog=f"Example:\n  {command.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(subparser=subparser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` and return its exit status.

    0; 1 if the command failed; 2 for misuse, or if a plan or a dry run found something to do; 130
    if it was interrupted.
    """
    argv = sys.argv[1:] if argv is None else argv
    # At boot unbound waits for `dm-dns apply`, which does not need the other commands.
    is_command = bool(argv) and argv[0] in COMMANDS
    parser = build_parser(argv[:1] if is_command else COMMANDS)
    if not argv:
        parser.print_help(sys.stderr)
        return 2
    if not is_command and not argv[0].startswith("-"):
        parser.error(_unknown(argv[0]))
    args = parser.parse_args(argv)
    if args.command is None:
        parser.error(f"name a command: {', '.join(COMMANDS)}")
    # Much of what commands print was written by others: names in a zone spec, the configuration of
    # another machine, what it or data-mesher said, the names of files.
    with (
        redirect_stdout(Printable(sys.stdout, _STDOUT)),
        redirect_stderr(Printable(sys.stderr, "standard error")),
    ):
        status = _run(load(args.command), args)
    return _flushed(status)


def _unknown(word: str) -> str:
    """Return what to say about a word that is not a command."""
    similar = difflib.get_close_matches(word, COMMANDS, n=1)
    suggestion = f"did you mean {similar[0]}?" if similar else "`dm-dns --help` lists the commands"
    return f"{word!a} is not a command; {suggestion}"


def _run(command: Command, args: argparse.Namespace) -> int:
    try:
        return command.run(args)
    except UsageError as error:
        args.subparser.error(str(error))
    except FileError as error:
        _tell(str(error))
    except BrokenPipeError as error:
        if error.filename != _STDOUT:  # whoever read it has seen enough
            _tell(f"dm-dns: {describe(error)}")
    except (Error, OSError) as error:
        _tell(f"dm-dns: {describe(error)}")
    except MemoryError:
        _tell("dm-dns: memory is not enough")
    except KeyboardInterrupt:
        return 130  # what a shell returns for SIGINT
    return 1


def _tell(message: str) -> None:
    """Print a message; if that fails, nothing can be told."""
    with suppress(OSError):
        print(message, file=sys.stderr)


def _flushed(status: int) -> int:
    """Return ``status``, or 1 if something that was printed cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            if not status and not isinstance(error, BrokenPipeError):
                _tell(f"dm-dns: {_STDOUT}: {error.strerror}")
            status = status or 1
            # Python writes what is left when it ends, and would tell that in its own way.
            with files.opened(Path(os.devnull), os.O_WRONLY) as nowhere:
                os.dup2(nowhere, stream.fileno())
    return status
