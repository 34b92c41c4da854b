"""The package's errors: what a user can be told and can act on."""

from typing import Final

DOCTOR: Final = "; `dm-dns doctor` says what to type"
"""The end of a message about this machine, where the remedy depends on the cause."""


class Error(Exception):
    """A failure; its message says what is wrong, where, by which rule, and the remedy."""


class TransientError(Error):
    """A failure that may not happen again when the command is retried."""


class RefusedError(Error):
    """A refusal to do what would be regretted; an administrator may know better."""


class FileError(Error):
    """A failure at one place of one file, shown as ``FILE:LINE: reason``."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        """Locate ``reason`` at ``line`` (counted from 1) of the file at ``path``."""
        super().__init__(f"{path}:{line}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason


class UsageError(Exception):
    """Arguments that contradict each other, or are not enough: misuse of the command line."""


def describe(error: Error | OSError) -> str:
    """Return what to tell a user about an error."""
    if isinstance(error, Error):
        return str(error)
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"
