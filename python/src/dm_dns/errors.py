"""The package's errors: what a user can be told and can act on."""

import sys
from collections.abc import Callable


class Error(Exception):
    """A failure; its message says what is wrong, where, by which rule, and the remedy."""


class TransientError(Error):
    """A failure that may not happen again when the command is retried."""


class FileError(Error):
    """A failure at one place of one file, shown as ``FILE:LINE: reason``."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        """Locate ``reason`` at ``line`` (counted from 1) of the file at ``path``."""
        super().__init__(f"{path}:{line}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason


def exit_status(command: Callable[[], int]) -> int:
    """Return the exit status of a command: what it returns, or 1 where it fails and says why."""
    try:
        return command()
    except FileError as error:
        print(error, file=sys.stderr)
    except Error as error:
        print(f"dm-dns: {error}", file=sys.stderr)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"dm-dns: {where}{error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130  # as a shell has it for SIGINT
    return 1
