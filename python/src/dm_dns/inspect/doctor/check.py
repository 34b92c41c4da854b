"""Checks: what one is, and how a list of them is run."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple

from dm_dns.errors import DOCTOR

VERDICTS: Final = ("ok", "fault", "not asked")

_SUDO: Final = re.compile(r"(^|(?<=&& )|(?<=; ))sudo ")
"""At the beginning of a command."""


class Found(NamedTuple):
    """What a check has found."""

    verdict: str
    """One of VERDICTS."""
    text: str
    remedy: str | None = None
    """Of a fault: a command to paste, or what to change."""


def well(text: str) -> Found:
    """Return that a check has found what should be."""
    return Found("ok", text)


def fault(text: str, remedy: str) -> Found:
    """Return that a check has found something else.

    Args:
        text: what was found.
        remedy: what to type or to change. Its sudo is removed where the reader has a shell of root.

    """
    # The reader has run doctor already.
    return Found(
        "fault", text.removesuffix(DOCTOR), _SUDO.sub("", remedy) if _is_roots_shell() else remedy
    )


def _is_roots_shell() -> bool:
    """Tell whether the reader has a shell of root: not if sudo, run0 or doas started this."""
    return os.geteuid() == 0 and not os.environ.keys() & {"SUDO_USER", "DOAS_USER"}


def not_asked(text: str) -> Found:
    """Return that a check could not be made, and why."""
    return Found("not asked", text)


class Check(NamedTuple):
    """A check. It takes at most about a second."""

    key: str
    """Its name, which stays."""
    ask: Callable[[], Found]
    needs: tuple[str, ...] = ()
    """The checks that tell nothing of this one if they find a fault."""


class Result(NamedTuple):
    """A check, and what it has found."""

    check: str
    found: Found

    def json(self) -> dict[str, Any]:
        """Return the result for ``dm-dns doctor --json`` (documented in `commands.doctor`)."""
        return {"check": self.check, **self.found._asdict()}


def run(checks: Sequence[Check]) -> list[Result]:
    """Make the checks at the same time, each after those it needs; return all results in order.

    A check that needs one with a fault is not made.
    """
    done: dict[str, Found] = {}
    blocked: dict[str, str] = {}
    waiting = list(checks)
    made: SimpleQueue[tuple[str, Found | Exception]] = SimpleQueue()
    running = 0
    while waiting or running:
        for check in list(waiting):
            if not done.keys() >= set(check.needs):
                continue
            waiting.remove(check)
            if cause := _cause(check.needs, done, blocked):
                blocked[check.key] = cause
                done[check.key] = not_asked(f"it depends on {cause}")
            else:
                # Threads themselves: what would manage them takes longer to import than all checks.
                Thread(target=_make, args=(check, made)).start()
                running += 1
        # Otherwise a check that was not made has let others be made.
        if running:
            key, found = made.get()
            if isinstance(found, Exception):
                raise found
            done[key] = found
            running -= 1
    return [Result(check.key, done[check.key]) for check in checks]


def _make(check: Check, made: "SimpleQueue[tuple[str, Found | Exception]]") -> None:
    try:
        made.put((check.key, check.ask()))
    except Exception as error:  # noqa: BLE001 - it is raised where somebody waits for the check
        made.put((check.key, error))


def _cause(needs: Iterable[str], done: dict[str, Found], blocked: dict[str, str]) -> str | None:
    """Return the check whose fault keeps one that needs these from being made."""
    for need in needs:
        if done[need].verdict == "fault":
            return need
        if need in blocked:
            return blocked[need]
    return None
