"""What is printed in the end."""

import os
import platform
import statistics
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from checks.processes import unbound

NOTE = (
    "Whole processes, from start to end; ratios are of medians. The mesh is not involved: each"
    " apply finds the new zone in place. No zone is deployed."
)
_WIDTH = 130  # where there is no terminal to ask


class Row(NamedTuple):
    """One thing that was measured, once or several times."""

    what: str
    unit: str
    values: list[float]
    target: float | None = None
    """The median should be below; same unit."""
    reference: "Row | None" = None
    """Something else measured in the same run, in the same unit; for rows without target."""

    @property
    def median(self) -> float:
        """The value in the middle."""
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        """The median by the target, or by the reference's median."""
        against = self.reference.median if self.reference else self.target
        return self.median / against if against else None

    def as_json(self) -> dict[str, Any]:
        """Return it as an object for JSON."""
        return {
            "what": self.what,
            "unit": self.unit,
            "n": len(self.values),
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "target": self.target,
            "reference": self.reference.what if self.reference else None,
            "ratio": self.ratio,
        }


def environment(directory: Path) -> dict[str, Any]:
    """Return what the figures depend on; ``directory`` is where everything is written.

    Raises:
        RuntimeError: unbound is not installed.

    """
    program = unbound.find()
    if program is None:
        raise RuntimeError(unbound.MISSING)
    return {
        "python": platform.python_version(),
        "unbound": _first_line([program, "-V"]).removeprefix("Version "),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "filesystem": _first_line(["stat", "--file-system", "--format=%T", str(directory)]),
        "load": round(os.getloadavg()[0], 2),
    }


def _first_line(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split(
        "\n", 1
    )[0]


def print_table(rows: list[Row], environment: dict[str, Any]) -> None:
    """Print all for a reader."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what")
    for title in ("n", "median", "min", "max", "", "target", "ratio"):
        table.add_column(title, justify="left" if title == "" else "right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.what,
            str(len(row.values)),
            *(_number(value) for value in (row.median, min(row.values), max(row.values))),
            row.unit,
            "" if row.target is None else f"< {row.target:g}",
            "" if row.ratio is None else f"{row.ratio:.2f}",
        )
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    console.print(table)
    notes = [f"{row.what}: ratio to {row.reference.what}" for row in rows if row.reference]
    console.print("\n".join(notes))
    console.print()
    console.print(", ".join(f"{key} {value}" for key, value in environment.items()))
    console.print(NOTE)


def _number(value: float) -> str:
    """Return three digits of it, or all that are in front of the point."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"  # noqa: PLR2004 - see above
