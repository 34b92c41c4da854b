"""Reading and writing files."""

import json
import os
from typing import Any

from dm_dns.errors import FileError

StrPath = str | os.PathLike[str]


def read(path: StrPath) -> bytes:
    """Return the content of the file at ``path``.

    Raises:
        OSError: it cannot be read.

    """
    with open(path, "rb") as file:
        return file.read()


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
