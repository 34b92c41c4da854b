"""The package's errors: everything a user can be told and can act on."""


class Error(Exception):
    """A failure the user is told of: what is wrong, where, by which rule, and the remedy."""


class FileError(Error):
    """A failure at one place of one file, shown as ``FILE:LINE: reason``."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        """Locate ``reason`` at ``line`` (counted from 1) of the file at ``path``."""
        super().__init__(f"{path}:{line}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason
