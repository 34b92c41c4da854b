"""Files that the user names: whether they can be read, before anything is done with them."""

import stat
from pathlib import Path
from typing import Final

from dm_dns.errors import Error

# The start of each Ed25519 private key in base64, with or without its PEM lines (RFC 8410).
_KEY_TEXT: Final = "MC4CAQAwBQYDK2Vw"


def check(path: Path, argument: str) -> None:
    """Check the file that the user named with ``argument``.

    Raises:
        Error: it cannot be read, or is a pipe or a directory, or is a key and no path at all.

    """
    if _KEY_TEXT in str(path):
        raise Error(
            f"{argument} takes the path of a file, and got a private key. Every user of this"
            " machine could read it in the process list: make a new key with `dm-dns keygen`."
        )
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
        if is_file:
            path.open("rb").close()
    except OSError as error:
        raise unreadable(path, argument, error) from None
    if not is_file:  # data-mesher opens it again: a pipe, as of <(...), would be empty by then
        raise Error(f"{argument} {path}: not a regular file. Give the path of one.")


def unreadable(path: Path, argument: str, error: OSError) -> Error:
    """Return the error for the file that the user named with ``argument``."""
    remedy = "Check the path."
    if isinstance(error, PermissionError):
        remedy = "Are you root? Run this with sudo, or as a user who may read the file."
    return Error(f"{argument} {path}: {error.strerror}. {remedy}")
