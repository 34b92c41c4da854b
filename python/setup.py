"""Builds the manual page and the completions for shells with the package, from its one parser.

pyproject.toml has everything else. The files are data of the wheel, so pip and Nix install them
below share/, where `man` and the shells look.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Final

import shtab
from argparse_manpage.manpage import Manpage
from setuptools import setup
from setuptools.command.build_py import build_py

COMPLETIONS: Final = {
    "bash": "share/bash-completion/completions/dm-dns",
    "zsh": "share/zsh/site-functions/_dm-dns",
    "fish": "share/fish/vendor_completions.d/dm-dns.fish",
}
MANUAL: Final = "share/man/man1/dm-dns.1"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, of the sources beside this file."""
    sys.path.insert(0, str(Path(__file__).parent / "src"))
    try:
        made: argparse.ArgumentParser = import_module("dm_dns.cli").build_parser()
    finally:
        del sys.path[0]
    return made


def manual(version: str) -> str:
    """Return the manual page, in the language of man(7)."""
    made = parser()
    for command in (made, *commands(made)):
        # With the description the example keeps its lines, and stands beside what it shows.
        command.description = f"{command.description}\n\n{command.epilog}"
        command.epilog = None
    # Reproducible builds set this variable (reproducible-builds.org, SOURCE_DATE_EPOCH). Without
    # hyphens, because argparse-manpage escapes them, and mandoc then knows no date.
    built = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())), UTC)
    data = {
        "date": f"{built:%B} {built.day}, {built.year}",
        "project_name": "dm-dns",
        "version": version,
        "manual_title": "dm-dns manual",
        "description": "DNS for a clan",
    }
    return str(Manpage(made, data))


def completion(shell: str) -> str:
    """Return the completions for a shell."""
    made = parser()
    for command in (made, *commands(made)):
        for action in command._actions:  # noqa: SLF001 - argparse has no other way to them
            if action.type is Path:
                hint = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE
                action.complete = hint  # type: ignore[attr-defined]
    return shtab.complete(made, shell=shell)


def commands(made: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parser of each command."""
    for action in made._actions:  # noqa: SLF001 - argparse has no other way to them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            yield from action.choices.values()


class Build(build_py):
    """Builds the package, and what is made from its parser."""

    def run(self) -> None:
        """Run the command."""
        super().run()
        made = Path(self.get_finalized_command("build").build_base)
        version = str(self.distribution.get_version())
        texts = {MANUAL: manual(version)}
        texts |= {
            path: completion(shell)
            for shell, path in COMPLETIONS.items()
            if shell in shtab.SUPPORTED_SHELLS  # fish since shtab 1.9
        }
        for place, text in texts.items():
            path = made / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.distribution.data_files = [
            (str(Path(place).parent), [str(made / place)]) for place in texts
        ]


setup(cmdclass={"build_py": Build})
