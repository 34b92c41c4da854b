"""Times for people."""

from datetime import UTC, datetime
from typing import Final

_UNITS: Final = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def instant(seconds: float) -> str:
    """Return a time, in seconds since 1970, for people."""
    return f"{moment(seconds):%Y-%m-%d %H:%M:%S} UTC"


def moment(seconds: float) -> datetime:
    """Return a time, in seconds since 1970; one that a calendar does not have is its last."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(microsecond=0, tzinfo=UTC)


def ago(seconds: float) -> str:
    """Return how long something lasted, in its largest unit, such as ``3 h``; at least 0 s."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"
