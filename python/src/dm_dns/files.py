"""Reading and writing files."""

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns.errors import Error, FileError

Version = tuple[int, ...]
"""A value that changes whenever a file does."""

# The start of every Ed25519 private key in base64, with or without its PEM lines (RFC 8410).
_KEY_TEXT: Final = "MC4CAQAwBQYDK2Vw"


class DeniedError(Error):
    """A file that the user who runs this may not read."""


def version(path: Path) -> Version:
    """Return the version of the file at ``path``, or of its absence."""
    try:
        status = path.stat()
    except OSError as error:
        return (error.errno or 0,)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class ReadFile(NamedTuple):
    """A file as it was when it was read."""

    path: Path
    content: bytes | None
    """None: the file does not exist, or cannot be read."""
    problem: str | None
    """Why it cannot be read."""
    version: Version

    @classmethod
    def read(cls, path: Path) -> "ReadFile":
        """Read a file that may be absent."""
        before = version(path)  # so that a change during the read is noticed later
        try:
            return cls(path, read(path), None, before)
        except (FileNotFoundError, NotADirectoryError):
            return cls(path, None, None, before)
        except OSError as error:
            return cls(path, None, f"{path}: cannot be read: {error.strerror}", before)

    def is_current(self) -> bool:
        """Tell whether the file is still the one that was read."""
        return version(self.path) == self.version

    def digest(self) -> bytes:
        """Return a hash of the content, or the problem; empty if the file does not exist."""
        if self.content is None:
            return (self.problem or "").encode()
        return hashlib.sha256(self.content).digest()


def read(path: Path) -> bytes:
    """Return the content of the file at ``path``.

    Raises:
        OSError: it cannot be read.

    """
    return path.read_bytes()


def read_named(path: Path, argument: str) -> bytes:
    """Return the content of the regular file that the user named with ``argument``.

    Raises:
        DeniedError: this user may not read it.
        Error: it cannot be read, is not a regular file, or the text is a key and not a path.

    """
    if has_key(str(path)):
        raise Error(f"{argument} {key_in_arguments('the path of a file')}")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
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


def has_content(path: Path, content: bytes) -> bool:
    """Tell whether the file at ``path`` exists and has ``content``."""
    try:
        return path.stat().st_size == len(content) and read(path) == content
    except OSError:
        return False


def remove(path: Path) -> None:
    """Remove the file at ``path`` if it exists.

    Raises:
        OSError: it cannot be removed.

    """
    path.unlink(missing_ok=True)


def read_json(path: Path) -> object:
    """Return the value in the JSON file at ``path``.

    Raises:
        OSError: the file cannot be read.
        FileError: it is not JSON.

    """
    return parse_json(read(path), str(path))


def parse_json(content: bytes, path: str) -> object:
    """Return the value in the ``content`` of a JSON file; ``path`` names it in messages.

    Raises:
        FileError: it is not JSON.

    """
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise FileError(path, error.lineno, f"not JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise FileError(path, 1, "not JSON: it is not UTF-8") from None
    except (ValueError, RecursionError):
        raise FileError(
            path, 1, "not JSON that dm-dns reads: a number is too long, or the nesting too deep"
        ) from None


def replace(path: Path, content: bytes) -> None:
    """Write a file as `write` does, unless it already has that content.

    Raises:
        OSError: it cannot be written; the old file is unchanged.

    """
    if not has_content(path, content):
        write(path, content)


def write(path: Path, content: bytes) -> None:
    """Write a file atomically: at any time it has the old content or the new.

    Every user may read it, so it must not be a secret.

    Raises:
        OSError: it cannot be written; the old file is unchanged.

    """
    temporary = path.parent / f"{path.name}.new"
    try:
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        remove(temporary)
        raise OSError(error.errno, error.strerror, str(path)) from None
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
