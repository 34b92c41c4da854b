"""What ends the demo early: Ctrl-C, a closed terminal, or whoever kills it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

received: list[int] = []
"""The numbers of the signals that came: an exception that is raised while an object is destroyed
goes no further, so whoever ends the program looks here as well."""

_held: list[int] = []
"""Not empty while no signal may interrupt."""


def handle() -> None:
    """Let each of these signals raise SystemExit in the main thread, with 128 + its number."""
    for each in SIGNALS:
        signal.signal(each, _stop)


@contextmanager
def held() -> Iterator[None]:
    """Let a signal wait until the end of this block, for what is made and noted in two steps.

    Not with `pthread_sigmask`: programs that are started here would inherit the mask.
    """
    before = len(received)
    _held.append(before)
    try:
        yield
    finally:
        _held.pop()
    if len(received) > before:
        raise SystemExit(128 + received[before])


def _stop(number: int, _frame: FrameType | None) -> None:
    # Once: what is stopped and removed now must not be interrupted. (With SIG_IGN, programs that
    # are just being started would ignore the signals too.)
    for each in SIGNALS:
        signal.signal(each, lambda *_: None)
    received.append(number)
    if not _held:
        raise SystemExit(128 + number)
