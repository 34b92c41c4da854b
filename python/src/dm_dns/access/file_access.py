"""Access to a machine's files and its data-mesher: this machine's, or through `ssh` another's."""

from pathlib import Path
from typing import Final, Protocol

from dm_dns import files


class Machine(Protocol):
    """A machine whose files can be read, and whose data-mesher can be reached."""

    @property
    def host(self) -> str | None:
        """How ssh reaches the machine; None for the machine that this runs on."""

    def display(self, path: Path) -> str:
        """Return how messages name a file of this machine."""

    def read_bytes(self, path: Path, limit: int) -> bytes:
        """Return the content of the regular file at ``path``, which has at most ``limit`` bytes.

        Raises:
            OSError: it cannot be read, is not a regular file, or is larger.
            Error: the machine cannot be reached.

        """

    def first_line(self, path: Path) -> bytes:
        """Return the first line of the regular file at ``path``, or the start of a long one.

        Raises:
            OSError: it cannot be read, or is not a regular file.
            Error: the machine cannot be reached.

        """

    def list_directory(self, directory: Path) -> list[str]:
        """Return the names of a directory's entries, in any order.

        Raises:
            OSError: it cannot be read.
            Error: the machine cannot be reached.

        """

    def forward(self, url: str) -> str:
        """Return the address, on the machine that this runs on, of the server at ``url`` there.

        Raises:
            Error: the server cannot be reached from here.

        """


class LocalMachine:
    """The machine that this runs on."""

    host = None

    def display(self, path: Path) -> str:
        """Return how messages name a file of this machine."""
        return str(path)

    def read_bytes(self, path: Path, limit: int) -> bytes:
        """Return the content of the file at ``path`` as `files.read` does."""
        return files.read(path, limit)

    def first_line(self, path: Path) -> bytes:
        """Return the first line of the file at ``path`` as `files.first_line` does."""
        return files.first_line(path)

    def list_directory(self, directory: Path) -> list[str]:
        """Return the names of a directory's entries; raise OSError if it cannot be read."""
        return [path.name for path in directory.iterdir()]

    def forward(self, url: str) -> str:
        """Return ``url``."""
        return url


LOCAL: Final[Machine] = LocalMachine()
