"""Reading and writing files."""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns.errors import Error, FileError

Version = tuple[int, ...]
"""A value that changes whenever a file does."""

# The start of every Ed25519 private key in base64, with or without its PEM lines (RFC 8410).
_KEY_TEXT: Final = "MC4CAQAwBQYDK2Vw"

_MAX_NAMED: Final = 2**16
"""Bytes of a key's file: data-mesher's are PEM files of less than 200."""

FIRST_LINE: Final = 4096
"""Bytes that `first_line` reads."""

STORE: Final = Path("/nix/store")
"""In which nothing changes that is there, and new things come all the time."""
_STORE_TIME: Final = 1_000_000_000
"""When each file there was changed, by its time, in nanoseconds since 1970."""

_PIECE: Final = 2**16  # bytes to read at once of a file that has grown

_KINDS: Final = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class DeniedError(Error):
    """A file that the user who runs this may not read."""


class IrregularError(OSError):
    """Something else than a regular file, whose content cannot be read."""


class TooLargeError(OSError):
    """A regular file that is larger than its reader allows."""

    def __init__(self, path: str, found: str, limit: int) -> None:
        """Tell what was ``found`` of the file, and the ``limit`` in bytes."""
        super().__init__(errno.EFBIG, f"{found}, and the limit is {limit} bytes", path)


def version(path: Path) -> Version:
    """Return the version of the file at ``path``, or of its absence."""
    try:
        status = path.stat()
        if status.st_mtime_ns == _STORE_TIME and (real := path.resolve()).is_relative_to(STORE):
            # Nix puts a link to a file with the same content in its place, and removes such links.
            return (int.from_bytes(hashlib.sha256(os.fsencode(real)).digest()[:8], "big"),)
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
    is_too_large: bool = False
    """Whether that is the problem."""
    may_be_read_later: bool = False
    """Whether it has a content that could not be read this time."""

    @classmethod
    def read(cls, path: Path, limit: int) -> "ReadFile":
        """Read a file that may be absent, and must be one as `read` takes it."""
        before = version(path)  # so that a change during the read is noticed later
        try:
            return cls(path, read(path, limit), None, before)
        except (FileNotFoundError, NotADirectoryError):
            return cls(path, None, None, before)
        except (IrregularError, TooLargeError) as error:
            problem = f"{path}: cannot be read: {error.strerror}"
            return cls(path, None, problem, before, isinstance(error, TooLargeError))
        except OSError as error:
            problem = f"{path}: cannot be read: {error.strerror}"
        except MemoryError:
            problem = f"{path}: cannot be read: memory is not enough"
        return cls(path, None, problem, before, may_be_read_later=True)

    def is_current(self) -> bool:
        """Tell whether the file is still the one that was read."""
        return version(self.path) == self.version

    def digest(self) -> bytes:
        """Return a hash of the content, or the problem; empty if the file does not exist."""
        if self.content is None:
            return (self.problem or "").encode()
        return hashlib.sha256(self.content).digest()


def read(path: Path, limit: int) -> bytes:
    """Return the content of the regular file at ``path``, which has at most ``limit`` bytes.

    Nothing is read of what is larger or not a regular file, and nothing is waited for.

    Raises:
        TooLargeError: it is larger.
        OSError: it cannot be read, or is not a regular file.

    """
    with open_regular(path) as descriptor:
        size = os.fstat(descriptor).st_size
        if size > limit:
            raise TooLargeError(str(path), f"it has {size} bytes", limit)
        pieces, found = [], 0
        while piece := os.read(descriptor, max(size + 1 - found, _PIECE)):
            pieces.append(piece)
            found += len(piece)
            if found > limit:
                raise TooLargeError(str(path), "it grows, and has more bytes", limit)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Have an error name the file at ``path``, which a call with a descriptor does not know.

    Raises:
        OSError: as it was raised, with the name of a file.

    """
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None


def first_line(path: Path) -> bytes:
    """Return the first line of the regular file at ``path``, or as much as fits in 4 kB of it.

    Raises:
        OSError: it cannot be read, or is not a regular file.

    """
    with open_regular(path) as descriptor:
        return os.read(descriptor, FIRST_LINE).partition(b"\n")[0]


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """Open a file that exists, as open(2) does, and yield its descriptor.

    Raises:
        OSError: it cannot be opened or closed.

    """
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def open_regular(path: Path) -> Iterator[int]:
    """Open the regular file at ``path`` for reading, and yield its descriptor.

    Raises:
        OSError: it cannot be opened, or is not a regular file; or an error of a call with the
            descriptor, which then names the file.

    """
    # Before it is opened, which can have effects on a device and wait for the writer of a pipe. And
    # again afterwards: something else may have been put there meanwhile.
    _check_regular(path, path.stat())
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with named(path), opened(path, flags) as descriptor:
        _check_regular(path, os.fstat(descriptor))
        yield descriptor


def _check_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IrregularError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise IrregularError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))


def read_named(path: Path, argument: str, limit: int = _MAX_NAMED) -> bytes:
    """Return the content of the regular file that the user named with ``argument``.

    Raises:
        DeniedError: this user may not read it.
        Error: it cannot be read, is not a regular file, has more than ``limit`` bytes, or the text
            is a key and not a path.

    """
    if has_key(str(path)):
        raise Error(f"{argument} {key_in_arguments('the path of a file')}")
    try:
        # data-mesher opens the file again: a pipe, such as <(...), would be empty by then.
        return read(path, limit)
    except OSError as error:
        if isinstance(error, IrregularError):
            raise Error(f"{argument} {path} is not a regular file. Give the path of one.") from None
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
        return path.stat().st_size == len(content) and read(path, len(content)) == content
    except OSError:
        return False


def remove(path: Path) -> None:
    """Remove the file at ``path`` if it exists.

    Raises:
        OSError: it cannot be removed.

    """
    path.unlink(missing_ok=True)


def read_json(path: Path, limit: int) -> object:
    """Return the value in the JSON file at ``path``, which has at most ``limit`` bytes.

    Raises:
        OSError: the file cannot be read, as `read` raises it.
        FileError: it is not JSON.

    """
    return parse_json(read(path, limit), str(path))


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


def replace_output(path: Path, content: bytes) -> None:
    """Write a file that a user has named, as `replace` does: a link stays one, a device too.

    Raises:
        OSError: it cannot be written, or is not a regular file; it is unchanged.

    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    replace(target, content)


def write(path: Path, content: bytes) -> None:
    """Write a file atomically: at any time it has the old content or the new.

    Every user may read it, so it must not be a secret.

    Raises:
        OSError: it cannot be written; the old file is unchanged, or the new one may not survive a
            crash of the machine.

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
        with suppress(OSError):  # what was wrong first matters; the next write replaces it
            remove(temporary)
        raise OSError(error.errno, error.strerror, str(path)) from None
    with named(path.parent), opened(path.parent, os.O_RDONLY | os.O_DIRECTORY) as directory:
        os.fsync(directory)
