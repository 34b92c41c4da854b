"""Waiting for what other processes do."""

import time
from collections.abc import Callable
from typing import Final

SECONDS: Final = 30.0
"""After these a condition counts as never met; far more than any takes on a busy machine."""

_POLL: Final = 0.005  # seconds


def until(condition: Callable[[], object], what: str, *, seconds: float = SECONDS) -> None:
    """Return as soon as ``condition`` is true.

    Raises:
        TimeoutError: it is not within ``seconds``; the message is ``what``.

    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(_POLL)
