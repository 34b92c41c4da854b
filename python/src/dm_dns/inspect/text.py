"""Times for people."""

from datetime import UTC, datetime


def instant(seconds: float) -> str:
    """Return a time, in seconds since 1970, for people."""
    return f"{moment(seconds):%Y-%m-%d %H:%M:%S} UTC"


def moment(seconds: float) -> datetime:
    """Return a time, in seconds since 1970; one that a calendar does not have is its last."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(microsecond=0, tzinfo=UTC)
