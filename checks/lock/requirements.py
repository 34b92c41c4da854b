"""The lock files: requirements of pip, each of one version, with the hashes of all of its files.

`checks/setup/venv` installs `build` and then `dev`; `make fuzz` installs `fuzz`, and `make lock`
what it needs itself, which is in `lock`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

FOLDER: Final = Path(__file__).parent
# In this order: a later file may have packages of an earlier one, of the same versions.
LOCKS: Final = ("build", "dev", "fuzz", "lock")
# Without a wheel: built by what is in `build`, from the files that were locked.
SOURCES: Final = ("argparse-manpage",)

_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Locked:
    """One package of a lock file."""

    name: str
    """As in PEP 503: lower case, words separated by hyphens."""
    version: str
    requirement: Requirement
    """With the environment marker, if it has one."""
    hashes: tuple[str, ...]


def path(lock: str) -> Path:
    """Return the file of a lock."""
    return FOLDER / f"{lock}.txt"


def read(lock: str) -> list[Locked]:
    """Return the packages of a lock.

    Raises:
        ValueError: the file has something else than packages of one version with hashes, such as
            an option of pip, a URL or a package without hashes.

    """
    return list(parse(path(lock).read_text()))


def parse(text: str) -> Iterator[Locked]:
    """Yield the packages of the text of a lock file.

    Raises:
        ValueError: as for `read`.

    """
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in filter(None, "\n".join(lines).replace("\\\n", " ").splitlines()):
        head, *hashes = re.split(r"\s+(?=--hash=)", line.strip())
        try:
            requirement = Requirement(head)
        except InvalidRequirement as error:
            message = f"{head!r} is not a package of one version"
            raise ValueError(message) from error
        versions = list(requirement.specifier)
        if requirement.url or [version.operator for version in versions] != ["=="]:
            message = f"{head!r} is not a package of one version"
            raise ValueError(message)
        if not hashes or not all(map(_HASH.fullmatch, hashes)):
            message = f"{requirement.name} has no hashes, or one that is not SHA-256"
            raise ValueError(message)
        yield Locked(
            canonicalize_name(requirement.name), versions[0].version, requirement, tuple(hashes)
        )
