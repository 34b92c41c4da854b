"""Files that others read while they are written."""

import os
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Write a file so that at any time it is there in whole, with the old content or the new.

    It is readable by all: nothing secret is written this way.

    Raises:
        OSError: it cannot be written; the old file is as it was.

    """
    temporary = path.with_name(f"{path.name}.new")
    try:
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
