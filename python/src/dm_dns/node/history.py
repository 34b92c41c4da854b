"""The history: the zones that the mesh has brought to this machine, for a rollback.

A file is named by its serial. Another zone with the same serial gets a number, so that nothing that
is pushed later takes the place of what was there. What is kept depends on when it came and not on
its serial: whoever has the signing key can push any number of zones, with any serials.
"""

import itertools
import re
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.files import ReadFile
from dm_dns.zone import limits

_NAME: Final = re.compile(r"(0|[1-9][0-9]{0,9})(?:-[1-9][0-9]*)?\.conf")
_NEWEST: Final = 20
"""Zones that are kept because they came last."""
_DAYS: Final = 20
"""Days, of those on which zones came, whose first zone is kept."""
_DAY_SECONDS: Final = 86400


def serials(directory: Path) -> list[int]:
    """Return the serials of the zones that are kept, in no order, some perhaps more than once."""
    if not directory.is_dir():
        return []
    found = [_NAME.fullmatch(path.name) for path in directory.iterdir()]
    return [int(match[1]) for match in found if match]


def digests(directory: Path) -> list[str]:
    """Return the SHA-256, in hexadecimal, of each zone that is kept and can be read."""
    if not directory.is_dir():
        return []
    paths = [path for path in directory.iterdir() if _NAME.fullmatch(path.name)]
    found = (ReadFile.read(path, limits.MAX_SIZE) for path in sorted(paths))
    return [file.digest().hex() for file in found if file.content is not None]


def add(directory: Path, serial: int, source: Path, content: bytes) -> None:
    """Keep a zone that the mesh has brought, and forget others.

    Args:
        directory: of the history; it is made.
        serial: of the zone.
        source: a file with the zone, on the same file system, that is never written to.
        content: of that file.

    Raises:
        OSError: a file cannot be written or removed.

    """
    directory.mkdir(mode=0o755, exist_ok=True)
    for number in itertools.count(1):
        path = directory / (f"{serial}.conf" if number == 1 else f"{serial}-{number}.conf")
        if files.has_content(path, content):
            return
        if not path.exists():
            path.hardlink_to(source)
            break
    _forget(directory)


def _forget(directory: Path) -> None:
    zones = [path for path in directory.iterdir() if _NAME.fullmatch(path.name)]
    came = {path: path.stat().st_mtime for path in zones}
    zones.sort(key=lambda path: (came[path], path.name))
    first_of_days: dict[int, Path] = {}
    for path in zones:
        first_of_days.setdefault(int(came[path] // _DAY_SECONDS), path)
    kept = {*zones[-_NEWEST:], *list(first_of_days.values())[-_DAYS:]}
    for path in zones:
        if path not in kept:
            files.remove(path)
