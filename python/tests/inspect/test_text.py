import pytest

from dm_dns.inspect import text


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-1, "0 s"), (0.5, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (90000, "1 d")],
)
def test_a_time_is_told_in_its_largest_unit(seconds: float, expected: str) -> None:
    assert text.ago(seconds) == expected


def test_a_serial_may_be_any_number() -> None:
    assert text.instant(0) == "1970-01-01 00:00:00 UTC"
    assert text.instant(2**32 - 1) == "2106-02-07 06:28:15 UTC"
    assert text.instant(10**30) == "9999-12-31 23:59:59 UTC"
