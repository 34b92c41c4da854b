"""Where temporary folders are made."""

import tempfile
from typing import Final

_LONGEST: Final = 60  # characters; a unix socket's path has less than 108 (unix(7))


def short_folder() -> str:
    """Return the temporary folder; /tmp if sockets could not be in folders of the user's own."""
    folder = tempfile.gettempdir()
    return folder if len(folder) <= _LONGEST else "/tmp"  # noqa: S108 - callers make a folder in it
