from dm_dns.inspect import text


def test_a_serial_may_be_any_number() -> None:
    assert text.instant(0) == "1970-01-01 00:00:00 UTC"
    assert text.instant(2**32 - 1) == "2106-02-07 06:28:15 UTC"
    assert text.instant(10**30) == "9999-12-31 23:59:59 UTC"
