"""What the demo prints: for a terminal, or plain lines for a pipe."""

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from checks.demo.ask import MachineAnswer

_UNLIMITED: Final = 10_000  # columns of a pipe or file: no line is broken
_PICTURE_WIDTH: Final = 112
_WEB_FONT: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_FONTS: Final = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


class Screen:
    """Stdout."""

    def __init__(self, picture: Path | None = None) -> None:
        """Find out what stdout is.

        Args:
            picture: where `save_picture` writes an SVG of all that was printed, as on a terminal.

        """
        self._picture = picture
        is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.is_terminal = is_terminal or picture is not None
        width = None if is_terminal else _UNLIMITED
        self._console = Console(
            force_terminal=self.is_terminal,
            width=_PICTURE_WIDTH if picture else width,
            highlight=False,
            record=picture is not None,
        )
        self._start = time.monotonic()
        self._is_below_table = False

    def save_picture(self) -> None:
        """Write the picture, if one is wanted."""
        if self._picture:
            # The same id each time, so that git shows only what has changed.
            svg = self._console.export_svg(title="make demo", unique_id="demo")
            # The fonts of the reader's machine, and none from the network.
            svg = _WEB_FONT.sub("", svg).replace("Fira Code, monospace", _FONTS)
            self._picture.write_text("".join(f"{line.rstrip()}\n" for line in svg.splitlines()))

    def line(self, text: str = "", style: str = "") -> None:
        """Print a paragraph."""
        self._print(Text(text, style))

    @contextmanager
    def step(self, doing: str, done: str) -> Iterator[list[str]]:
        """Show what is being done, and then a line that says what was done.

        Yields:
            For that line, a list to add details to.

        """
        details = [done]
        if self._picture:  # in which a line that is replaced later would stay
            yield details
        else:
            with self._console.status(Text(doing), spinner="line", spinner_style="cyan"):
                yield details
        seconds = time.monotonic() - self._start
        if self._is_below_table:
            self.line()
        row = Table.grid(padding=(0, 2))
        row.add_row(Text(f"{seconds:4.1f} s", "dim"), Text(", ".join(details)))
        self._print(row)

    def table(
        self, title: str, headings: Sequence[str], rows: Iterable[Sequence[Text]], *, numbers: int
    ) -> None:
        """Print a table; its last ``numbers`` columns are aligned to the right."""
        self._titled(title, self._table(headings, rows, numbers))

    def names(
        self, title: str, nodes: Sequence[str], answers: dict[str, list[tuple[MachineAnswer, bool]]]
    ) -> None:
        """Print what each of ``nodes`` answered, by name, and whether that is right."""
        separator = "\n" if self.is_terminal else " "
        has_cnames = any(by_node[0][0].cnames for by_node in answers.values())
        rows = [
            [
                Text(name, "bold"),
                *([Text(separator.join(by_node[0][0].cnames) or "-")] if has_cnames else []),
                Text(separator.join(by_node[0][0].addresses) or "-"),
                *(verdict(*answer) for answer in by_node),
            ]
            for name, by_node in answers.items()
        ]
        columns = ["CNAME", "addresses"] if has_cnames else ["addresses"]
        table = self._table(["name", *columns, *nodes], rows, len(nodes))
        unlimited = self._console.options.update(width=_UNLIMITED)
        if self._console.measure(table, options=unlimited).maximum > self._console.width:
            rows = [
                [_stacked(name, by_node[0][0]), *(verdict(*answer) for answer in by_node)]
                for name, by_node in answers.items()
            ]
            table = self._table([", ".join(["name", *columns]), *nodes], rows, len(nodes))
        self._titled(title, table)

    def _table(
        self, headings: Sequence[str], rows: Iterable[Sequence[Text]], numbers: int
    ) -> Table:
        table = Table(
            box=box.SIMPLE_HEAD if self.is_terminal else None,
            show_edge=False,
            pad_edge=False,
            padding=(0, 1, 0, 0) if self.is_terminal else (0, 2, 0, 0),
            header_style="dim",
        )
        for left, heading in zip(range(len(headings), 0, -1), headings, strict=True):
            table.add_column(
                heading, overflow="fold", justify="right" if left <= numbers else "left"
            )
        for row in rows:
            table.add_row(*row)
        return table

    def _titled(self, title: str, table: Table) -> None:
        self.line()
        self.line(title, style="bold")
        self._print(table)
        self._is_below_table = True

    def _print(self, content: Text | Table) -> None:
        self._is_below_table = False
        self._console.print(content)
        sys.stdout.flush()


def _stacked(name: str, answer: MachineAnswer) -> Text:
    """Return a name and its records one below the other, for a narrow terminal."""
    cnames = [f"CNAME {cname}" for cname in answer.cnames]
    lines = [Text(f"  {record}") for record in (*cnames, *answer.addresses)]
    return Text("\n").join([Text(name, "bold"), *lines])


def verdict(answer: MachineAnswer, is_right: bool) -> Text:  # noqa: FBT001 - a pair, as it is kept
    """Return the time an answer took; or that it is wrong."""
    return Text(milliseconds(answer.seconds, 2)) if is_right else Text("WRONG", "bold red")


def milliseconds(seconds: float, digits: int = 0) -> str:
    """Return a time as it is shown."""
    return f"{seconds * 1000:.{digits}f} ms"
