"""Files that the user names: whether they can be read, before anything is done with them."""

import stat
from pathlib import Path
from typing import Final

from dm_dns.errors import Error
from dm_dns.push import file_access

# The start of each Ed25519 private key in base64, with or without its PEM lines (RFC 8410).
_KEY_TEXT: Final = "MC4CAQAwBQYDK2Vw"


class DeniedError(Error):
    """A file that the user who runs this may not read."""


def check(path: Path, argument: str) -> None:
    """Check the file that the user named with ``argument``.

    Raises:
        Error: it cannot be read, or is a pipe or a directory, or is a key and no path at all.

    """
    if has_key(str(path)):
        raise Error(f"{argument} {key_in_arguments('the path of a file')}")
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
        if is_file:
            path.open("rb").close()
    except OSError as error:
        raise unreadable(f"{argument} {path}", error) from None
    if not is_file:  # data-mesher opens it again: a pipe, as of <(...), would be empty by then
        raise Error(f"{argument} {path}: not a regular file. Give the path of one.")


def has_key(text: str) -> bool:
    """Tell whether an argument of the command line has a private key in it."""
    return _KEY_TEXT in text


def key_in_arguments(expected: str) -> str:
    """Return what is wrong with an argument that `has_key`."""
    return (
        f"takes {expected}, and got a private key. Every user of this machine could read it in the"
        " process list: make a new key with `dm-dns keygen`."
    )


def unreadable(file: str, error: OSError, as_root: str = file_access.LOCAL.as_root) -> Error:
    """Return the error for a file that the user named, or that is on a machine the user named.

    ``file`` names it, and ``as_root`` says how to read what only root may read.
    """
    denied = isinstance(error, PermissionError)
    kind = DeniedError if denied else Error
    return kind(f"{file}: {error.strerror}. {as_root if denied else 'Check the path.'}")
