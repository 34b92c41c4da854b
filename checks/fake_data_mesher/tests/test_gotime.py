import pytest

from checks.fake_data_mesher.gotime import marshal_time, parse_duration, unmarshal_time

# Go: time.Unix(1257894000, 5).UTC().MarshalBinary(); 0xec28be770 = 1257894000 + 62135596800
MARSHALLED = bytes.fromhex("010000000ec28be77000000005ffff")


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("30s", 30 * 10**9),
        ("500ms", 5 * 10**8),
        ("1h30m", 5400 * 10**9),
        ("2160h", 2160 * 3600 * 10**9),
        ("1.5s", 15 * 10**8),
        (".5s", 5 * 10**8),
        ("1.s", 10**9),
        ("2us3ns", 2003),
        ("2\u00b5s", 2000),
    ],
)
def test_go_durations_are_read(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "30", "s", "-1s", "0s", "1d", "1 s", "1s ", "99999999999h", "\u0663s"]
)
def test_what_is_no_positive_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a positive duration"):
        parse_duration(text)


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
