"""The licences of the locked packages, as docs/licences.md lists them."""

import re
from collections.abc import Iterable
from importlib.metadata import Distribution
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from checks.lock.requirements import FOLDER

PAGE: Final = FOLDER.parent.parent / "docs/licences.md"
HEADINGS: Final = {
    "run time": "### Packages of Python that dm-dns imports",
    "development": "### Packages of Python that `make` installs",
}
"""The heading on the page whose section is the list of these packages."""
# Metadata without a word about it: as in the file that comes with the package.
_FROM_FILES: Final = {"atheris": "Apache-2.0"}

_CLASSIFIER: Final = "License :: "


def licence(distribution: Distribution) -> str:
    """Return the licence of a package as its metadata has it.

    That is the SPDX expression, or else the text of the field, or else the classifiers (core
    metadata specifications, License-Expression).

    Raises:
        ValueError: the metadata has none.

    """
    metadata = distribution.metadata
    (expression,) = metadata.get_all("License-Expression") or [""]
    (field,) = metadata.get_all("License") or [""]
    if "\n" in field:
        field = ""  # some packages have the whole text of the licence there
    classifiers = [
        value.removeprefix(_CLASSIFIER).removeprefix("OSI Approved :: ")
        for value in metadata.get_all("Classifier") or []
        if value.startswith(_CLASSIFIER)
    ]
    found: str = expression or field or ", ".join(classifiers)
    found = found or _FROM_FILES.get(canonicalize_name(distribution.name), "")
    if not found:
        message = f"{metadata['Name']} does not say what its licence is"
        raise ValueError(message)
    return found


def closure(names: Iterable[str], packages: dict[str, Distribution]) -> set[str]:
    """Return these packages and all that they need, by their names in ``packages``."""
    found: set[str] = set()
    pending = [canonicalize_name(name) for name in names]
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        for text in packages[name].requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                pending.append(canonicalize_name(requirement.name))
    return found


def table(packages: Iterable[Distribution]) -> str:
    """Return a table in Markdown: the names of packages and their licences."""
    rows = {canonicalize_name(package.name): licence(package) for package in packages}
    lines = [f"| {name} | {rows[name]} |" for name in sorted(rows)]
    return "\n".join(["| package | licence |", "|---|---|", *lines])


def with_table(page: str, group: str, packages: Iterable[Distribution]) -> str:
    """Return the page with the table of a group of packages below its heading.

    Raises:
        ValueError: the page does not have the heading exactly once.

    """
    heading = HEADINGS[group]
    parts = re.split(rf"(?m)^{re.escape(heading)}$", page)
    if len(parts) != 2:  # noqa: PLR2004 - before and after it
        message = f"{PAGE.name} does not have the heading {heading!r} exactly once"
        raise ValueError(message)
    _, mark, rest = parts[1].partition("\n#")
    return f"{parts[0]}{heading}\n\n{table(packages)}\n{mark}{rest}"


def listed(page: str) -> dict[str, str]:
    """Return the licences on the page, by the names of packages."""
    rows = re.findall(r"(?m)^\| ([a-z0-9-]+) \| (.*) \|$", page)
    return {name: text for name, text in rows if (name, text) != ("package", "licence")}
