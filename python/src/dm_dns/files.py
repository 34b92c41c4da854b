"""Reading and writing files."""

import json
import os
import stat
from typing import Any, Final

from dm_dns.errors import Error, FileError

StrPath = str | os.PathLike[str]

# The start of every Ed25519 private key in base64, with or without its PEM lines (RFC 8410).
_KEY_TEXT: Final = "MC4CAQAwBQYDK2Vw"


class DeniedError(Error):
    """A file that the user who runs this may not read."""


def read(path: StrPath) -> bytes:
    """Return the content of the file at ``path``.

    Raises:
        OSError: it cannot be read.

    """
    with open(path, "rb") as file:
        return file.read()


def read_named(path: StrPath, argument: str) -> bytes:
    """Return the content of the regular file that the user named with ``argument``.

    Raises:
        DeniedError: this user may not read it.
        Error: it cannot be read, is not a regular file, or the text is a key and not a path.

    """
    if has_key(os.fspath(path)):
        raise Error(f"{argument} {key_in_arguments('the path of a file')}")
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            # data-mesher opens the file again: a pipe, such as <(...), would be empty by then.
            raise Error(f"{argument} {path} is not a regular file. Give the path of one.")
        return read(path)
    except OSError as error:
        raise unreadable(f"{argument} {path}", error) from None


def has_key(text: str) -> bool:
    """Tell whether an argument of the command line contains a private key."""
    return _KEY_TEXT in text


def key_in_arguments(expected: str) -> str:
    """Return what is wrong with an argument that `has_key`."""
    return (
        f"takes {expected}, but got a private key. Every user of this machine could read it in the"
        " process list: make a new key with `dm-dns keygen`."
    )


def unreadable(file: str, error: OSError, host: str | None = None) -> Error:
    """Return the error for a file that the user named, or that is on a machine the user named.

    Args:
        file: how the message names the file.
        error: why it cannot be read.
        host: the machine it is on, as ssh takes it; None for this one.

    """
    if not isinstance(error, PermissionError):
        return Error(f"{file}: {error.strerror}. Check the path.")
    remedy = "Run this with sudo, or as a user who may read the file."
    if host is not None:
        remedy = f"Log in there as root: --via root@{host.rpartition('@')[2]}."
    return DeniedError(f"{file}: {error.strerror}. {remedy}")


def has_content(path: StrPath, content: bytes) -> bool:
    """Tell whether there is a file at ``path`` that holds ``content``."""
    try:
        return os.path.getsize(path) == len(content) and read(path) == content
    except OSError:
        return False


def remove(path: StrPath) -> None:
    """Remove the file at ``path`` if it is there.

    Raises:
        OSError: it cannot be removed.

    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def read_json(path: StrPath) -> Any:  # noqa: ANN401 - any JSON value
    """Return what the JSON file at ``path`` holds.

    Raises:
        OSError: the file cannot be read.
        FileError: it is not JSON.

    """
    return parse_json(read(path), str(path))


def parse_json(content: bytes, path: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what ``content`` of a JSON file holds; ``path`` is for messages.

    Raises:
        FileError: it is not JSON.

    """
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise FileError(path, error.lineno, f"not JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise FileError(path, 1, "not UTF-8, which JSON is") from None
    except (ValueError, RecursionError):
        raise FileError(path, 1, "JSON with a number too long or nesting too deep") from None


def replace(path: StrPath, content: bytes) -> None:
    """Write a file as `write` does, unless it has that content.

    Raises:
        OSError: it cannot be written; the old file is as it was.

    """
    if not has_content(path, content):
        write(path, content)


def write(path: StrPath, content: bytes) -> None:
    """Write a file so that at any time it is there in whole, with the old content or the new.

    It is readable by all: no secret is written this way.

    Raises:
        OSError: it cannot be written; the old file is as it was.

    """
    temporary = f"{os.fspath(path)}.new"
    try:
        with open(temporary, "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        remove(temporary)
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    directory = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
