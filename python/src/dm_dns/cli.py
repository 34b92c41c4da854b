"""The command `dm-dns`."""

import argparse
import difflib
import sys
from collections.abc import Sequence
from typing import Final, Protocol

from dm_dns.commands import apply, check, history, keygen, plan, prefetch, push, render
from dm_dns.commands.arguments import UsageError
from dm_dns.errors import Error, FileError, describe


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


COMMANDS: Final[dict[str, Command]] = {
    "plan": plan,
    "push": push,
    "history": history,
    "check": check,
    "render": render,
    "keygen": keygen,
    "apply": apply,
    "prefetch": prefetch,
}

_EPILOG: Final = """\
Example, from an admin's checkout of the clan's flake:
  dm-dns plan --flake . --via kiwi
`dm-dns COMMAND --help` explains a command."""


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


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line, with all commands."""
    parser = argparse.ArgumentParser(
        prog="dm-dns",
        description="DNS for a clan: every name that a service exports resolves on every machine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", title="commands")
    for name, command in COMMANDS.items():
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
    parser = build_parser()
    if not argv:
        parser.print_help(sys.stderr)
        return 2
    if not argv[0].startswith("-") and argv[0] not in COMMANDS:
        parser.error(_unknown(argv[0]))
    args = parser.parse_args(argv)
    if args.command is None:
        parser.error(f"name a command: {', '.join(COMMANDS)}")
    return _run(COMMANDS[args.command], args)


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
        print(error, file=sys.stderr)
    except (Error, OSError) as error:
        print(f"dm-dns: {describe(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130  # what a shell returns for SIGINT
    return 1
