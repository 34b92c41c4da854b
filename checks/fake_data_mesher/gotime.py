"""Go's text form of a duration (settings) and binary form of a time (signatures).

Times are integers: nanoseconds since 1970-01-01 UTC.
"""

import re
import struct
from fractions import Fraction

SIGNED_AT_SIZE = 15
MAX_DURATION = 2**63 - 1

_VERSION = 1
_UTC = -1  # MarshalBinary's offset for UTC proper; any other value is minutes east
_YEAR_1 = 62_135_596_800  # seconds from 0001-01-01, Go's zero time, to 1970-01-01
_SECOND = 1_000_000_000
_LAYOUT = struct.Struct(">BqIh")

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")


def parse_duration(text: str) -> int:
    """Return a positive duration in nanoseconds (Go's time.ParseDuration, without a sign).

    Raises ValueError.
    """
    total = Fraction(0)
    end = 0
    while part := _PART.match(text, end):
        total += Fraction(f"0{part[1].rstrip('.')}") * _UNITS[part[2]]
        end = part.end()
    if end != len(text) or not 1 <= int(total) <= MAX_DURATION:
        raise ValueError(f'{text!r} is not a positive duration: write for example "30s" or "1h30m"')
    return int(total)


def marshal_time(instant: int) -> bytes:
    """Return the 15 bytes of Go's time.Time.MarshalBinary, version 1, in UTC."""
    seconds, nanoseconds = divmod(instant, _SECOND)
    return _LAYOUT.pack(_VERSION, seconds + _YEAR_1, nanoseconds, _UTC)


def unmarshal_time(data: bytes) -> int:
    """Return the instant of a `marshal_time`; the offset does not change it. Raises ValueError."""
    if len(data) != SIGNED_AT_SIZE:
        raise ValueError(f"a time has {SIGNED_AT_SIZE} bytes, not {len(data)}")
    version, seconds, nanoseconds, _offset = _LAYOUT.unpack(data)
    if version != _VERSION or nanoseconds >= _SECOND:
        raise ValueError("not a time of MarshalBinary version 1")
    return int((seconds - _YEAR_1) * _SECOND + nanoseconds)
