"""The history: the zones that the mesh has had, as far as a machine has served them.

`node.history` keeps them, each as the ``<serial>.conf`` that came. Of several with one serial, the
first one counts.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.access.file_access import LOCAL, Machine
from dm_dns.errors import Error
from dm_dns.zone import conf, diff, limits

DIRECTORY: Final = Path("/var/lib/dm-dns/history")

_NAME: Final = re.compile(r"(0|[1-9][0-9]{0,9})\.conf")
ONLY_MESH: Final = (
    "Machines with the role default keep the zones that came over the mesh, and no others."
)
"""What people should know where a zone is missing."""


class Entry(NamedTuple):
    """A zone that the mesh had."""

    zone: conf.Zone
    seen: datetime
    """When this machine got it."""
    counts: dict[str, int]
    """The number of names of each of diff.KINDS, compared with the entry before."""


def serials(directory: Path, machine: Machine = LOCAL) -> list[int]:
    """Return the serials of the zones that are kept, newest first.

    Raises:
        Error: the directory cannot be read.

    """
    try:
        found = [_NAME.fullmatch(name) for name in machine.list_directory(directory)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise files.unreadable(machine.display(directory), error, machine.host) from None
    return sorted((int(match[1]) for match in found if match), reverse=True)


def read(directory: Path, serial: int, domain: str, machine: Machine = LOCAL) -> conf.Zone:
    """Return the zone that the mesh had with ``serial``.

    Raises:
        FileError: what is kept is not a valid zone of ``domain``.
        Error: no such zone is kept, or it cannot be read.

    """
    path = directory / f"{serial}.conf"
    place = machine.display(path)
    try:
        return conf.parse(machine.read_bytes(path, limits.MAX_SIZE), domain, place)
    except FileNotFoundError:
        kept = ", ".join(map(str, serials(directory, machine))) or "none"
        raise Error(
            f"{place}: no zone with this serial is kept. The serials kept are: {kept}. {ONLY_MESH}"
        ) from None
    except OSError as error:
        raise files.unreadable(place, error, machine.host) from None


def entries(directory: Path, domain: str) -> tuple[list[Entry], list[str]]:
    """Return the valid zones that are kept, newest first, and what is wrong with the others.

    Raises:
        Error: the directory cannot be read.

    """
    found: list[Entry] = []
    problems = []
    before = None
    for serial in reversed(serials(directory)):
        try:
            read_zone = read(directory, serial, domain)
        except Error as error:
            problems.append(str(error))
            continue
        seconds = (directory / f"{serial}.conf").stat().st_mtime
        seen = datetime.fromtimestamp(int(seconds), UTC)
        counts = diff.count(diff.differences(before, read_zone))
        found.insert(0, Entry(read_zone, seen, counts))
        before = read_zone
    return found, problems
