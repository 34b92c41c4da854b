"""The options of the module as its README lists them, from `record/options.json`."""

import re
import textwrap
from typing import Final, TypedDict

from checks.eval.sources import ROOT

README: Final = ROOT / "modules/dm-dns/README.md"

HEADINGS: Final = {
    "default": "### Role `default`",
    "push": "### Role `push`",
    "machine": "### NixOS options",
}
"""The heading in the README whose section is the list of these options."""

_CODE = re.compile("`[^`]*`")
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"


class Literal(TypedDict):
    """A value as the documentation shows it: Nix, or for `literalMD` Markdown."""

    _type: str
    text: str


class Option(TypedDict):
    """One option: see options.nix."""

    name: str
    type: str
    default: Literal | None
    example: Literal | None
    description: str


def section(readme: str, group: str) -> str:
    """Return the list below the heading of a group, without blank lines around it.

    Raises:
        ValueError: the README does not have the heading exactly once.

    """
    start, end = _span(readme, HEADINGS[group])
    return readme[start:end].strip("\n")


def with_lists(readme: str, groups: dict[str, list[Option]]) -> str:
    """Return the README with the list of each group of options below its heading.

    Raises:
        ValueError: the README does not have each heading exactly once.

    """
    for group, options in groups.items():
        start, end = _span(readme, HEADINGS[group])
        readme = f"{readme[:start]}\n{markdown(options)}\n\n{readme[end:]}"
    return readme


def markdown(options: list[Option]) -> str:
    """Return a Markdown list of options, sorted as they are given."""
    return "\n".join(_item(option) for option in options)


def _item(option: Option) -> str:
    text = f"`{option['name']}` ({option['type']}): {option['description'].strip()}"
    if option["default"] is not None:
        text += f" Default: {_value(option['default'])}."
    if option["example"] is not None:
        text += f" Example: {_value(option['example'])}."
    # textwrap breaks lines at spaces but not at this character, so code stays on one line.
    unbroken = _CODE.sub(lambda code: code[0].replace(" ", _NO_BREAK), text)
    return textwrap.fill(
        unbroken,
        width=100,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    ).replace(_NO_BREAK, " ")


def _value(literal: Literal) -> str:
    text = " ".join(literal["text"].split())
    return text if literal["_type"] == "literalMD" else f"`{text}`"


def _span(readme: str, heading: str) -> tuple[int, int]:
    """Return where the text below a heading starts, and where the next heading does."""
    if readme.count(f"\n{heading}\n") != 1:
        raise ValueError(f"{README.name} must have the heading {heading!r} once")
    start = readme.index(f"\n{heading}\n") + len(heading) + 2
    following = re.compile(r"^#{1,3} ", re.MULTILINE).search(readme, start)
    return start, following.start() if following else len(readme)
