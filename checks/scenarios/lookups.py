"""Lookups of a name, 100 a second, while something happens to a machine."""

import base64
import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from checks.scenarios.machine import Machine

_PROGRAM: Final = "/tmp/lookups.py"  # noqa: S108 - machines have no users
HELD: Final = 5
"""How many lookups `held` begins."""


class Lookups(NamedTuple):
    """How lookups ended."""

    ends: dict[str, int]
    """How many ended in each way: see _lookups.py, and `found`."""
    late: int
    """How many took more than half a second."""
    longest: float
    """Seconds that the longest took."""


def found(addresses: Iterable[str]) -> str:
    """Return how lookups end that find these addresses, as programs look a name up."""
    return " ".join(sorted(addresses))


def during(machine: Machine, name: str, event: str, seconds: int) -> tuple[Lookups, Lookups]:
    """Look a name up 100 times a second; something happens after the first second.

    Args:
        machine: with python3.
        name: to look up.
        event: a command of bash, which may not fail.
        seconds: how long.

    Returns:
        The lookups of programs, and the queries to unbound itself.

    """
    printed = machine.succeed(
        _bring("_lookups.py"),
        f"python3 {_PROGRAM} {seconds} {name} > {_PROGRAM}.out & sleep 1;"
        f" {{ {event}; }} >&2; wait; cat {_PROGRAM}.out; rm {_PROGRAM}*",
    )
    programs, unbound = (Lookups(**lookups) for lookups in json.loads(printed))
    return programs, unbound


def held(machine: Machine, name: str, event: str) -> int:
    """Begin lookups which resolved reads after something has happened, and before it notices that.

    Args:
        machine: with python3.
        name: to look up.
        event: a command of sh, which may not fail, nor ask resolved.

    Returns:
        How many of them were answered with an address.

    """
    asking = shlex.join(["python3", _PROGRAM, name, event])
    return int(machine.succeed(_bring("_held.py"), f"{asking}; rm {_PROGRAM}"))


def _bring(program: str) -> str:
    """Return the command that writes one of the programs in this folder to a machine."""
    content = base64.b64encode(Path(__file__).with_name(program).read_bytes()).decode()
    return f"echo {content} | base64 --decode > {_PROGRAM}"
