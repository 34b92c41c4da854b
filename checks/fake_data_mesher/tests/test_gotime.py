import json
from pathlib import Path

import pytest

from checks.fake_data_mesher.gotime import marshal_time, parse_duration, unmarshal_time

# Go: time.Unix(1257894000, 5).UTC().MarshalBinary(); 0xec28be770 = 1257894000 + 62135596800
MARSHALLED = bytes.fromhex("010000000ec28be77000000005ffff")


# dm-dns, which reads the same setting, is tested with the same cases.
DURATIONS: list[tuple[str, float | None]] = json.loads(
    (Path(__file__).parents[3] / "python/tests/commands/go-durations.json").read_bytes()
)


@pytest.mark.parametrize(("text", "seconds"), [*DURATIONS, ("0s", None), ("99999999999h", None)])
def test_a_duration_is_written_as_in_go(text: str, seconds: float | None) -> None:
    if seconds is None:
        with pytest.raises(ValueError, match="not a positive duration"):
            parse_duration(text)
    else:
        assert parse_duration(text) == round(seconds * 10**9)


def test_time_has_the_bytes_of_go() -> None:
    instant = 1257894000 * 10**9 + 5
    assert marshal_time(instant) == MARSHALLED
    assert unmarshal_time(MARSHALLED) == instant


def test_the_offset_does_not_change_the_instant() -> None:
    east = MARSHALLED[:-2] + (60).to_bytes(2, "big")
    assert unmarshal_time(east) == unmarshal_time(MARSHALLED)


@pytest.mark.parametrize(
    "data",
    [
        MARSHALLED[:-1],
        MARSHALLED + b"\0",
        b"\x02" + MARSHALLED[1:],
        MARSHALLED[:9] + (10**9).to_bytes(4, "big") + MARSHALLED[13:],
    ],
    ids=["short", "long", "version 2", "1e9 nanoseconds"],
)
def test_other_bytes_are_no_time(data: bytes) -> None:
    with pytest.raises(ValueError, match="time"):
        unmarshal_time(data)
