"""Reading and writing files."""

import json
import os
from pathlib import Path
from typing import Any

from dm_dns.errors import FileError


def read_json(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    """Return what the JSON file at ``path`` holds.

    Raises:
        OSError: the file cannot be read.
        FileError: it is not JSON.

    """
    try:
        return json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise FileError(str(path), error.lineno, f"not JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise FileError(str(path), 1, "not UTF-8, which JSON is") from None
    except (ValueError, RecursionError):
        raise FileError(str(path), 1, "JSON with a number too long or nesting too deep") from None


def replace(path: Path, content: bytes) -> None:
    """Write a file so that at any time it is there in whole, with the old content or the new.

    It is left alone if it has that content. It is readable by all: no secret is written this way.

    Raises:
        OSError: it cannot be written; the old file is as it was.

    """
    if path.is_file() and path.read_bytes() == content:
        return
    temporary = Path(f"{path}.new")
    try:
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
