"""Machines: where the files are that a push compares with and confirms itself by."""

from pathlib import Path
from typing import Final, Protocol


class Machine(Protocol):
    """A machine whose files can be read."""

    @property
    def here(self) -> str:
        """Where it is, for messages: ``here``, or ``on`` and its name."""

    @property
    def if_forwarded(self) -> str:
        """What else may be why a server does not answer there: the end of a sentence, or empty."""

    @property
    def as_root(self) -> str:
        """What to do, for messages, to read what only root may read."""

    def place(self, path: Path) -> str:
        """Return how messages name a file of this machine."""

    def read_bytes(self, path: Path) -> bytes:
        """Return what the file at ``path`` holds.

        Raises:
            OSError: it cannot be read.
            Error: the machine cannot be reached.

        """

    def names(self, directory: Path) -> list[str]:
        """Return the names of a directory's entries, in any order.

        Raises:
            OSError: it cannot be read.
            Error: the machine cannot be reached.

        """


class Local:
    """The machine that this runs on."""

    here = "here"
    if_forwarded = ""
    as_root = "Are you root? Run this with sudo, or as a user who may read the file."

    def place(self, path: Path) -> str:
        """Return how messages name a file of this machine."""
        return str(path)

    def read_bytes(self, path: Path) -> bytes:
        """Return what the file at ``path`` holds; raise OSError where it cannot be read."""
        return path.read_bytes()

    def names(self, directory: Path) -> list[str]:
        """Return the names of a directory's entries; raise OSError where it cannot be read."""
        return [path.name for path in directory.iterdir()]


LOCAL: Final[Machine] = Local()
