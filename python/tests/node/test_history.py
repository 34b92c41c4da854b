import os
from pathlib import Path

import pytest

from dm_dns.node import history

DAY = 86400
DIRECTORY = Path("history")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def come(serial: int, content: str, at: int) -> None:
    """Have a zone come at a time, in seconds since 1970."""
    source = Path(f"kept-{at}")
    source.write_text(content)
    os.utime(source, (at, at))
    history.add(DIRECTORY, serial, source, content.encode())


def kept() -> set[str]:
    return {path.name for path in DIRECTORY.iterdir()}


def test_nothing_takes_the_place_of_what_was_there() -> None:
    for at, content in enumerate(["honest", "forged", "forged again"], start=1):
        come(7, content, at)
    assert {path.name: path.read_text() for path in DIRECTORY.iterdir()} == {
        "7.conf": "honest",
        "7-2.conf": "forged",
        "7-3.conf": "forged again",
    }


def test_the_same_zone_is_kept_once() -> None:
    for at in (1, 2):
        come(7, "zone", at)
    assert kept() == {"7.conf"}
    assert (DIRECTORY / "7.conf").stat().st_mtime == 1


def test_many_zones_with_high_serials_leave_the_first_of_each_day() -> None:
    come(5, "honest", 10 * DAY)
    come(6, "honest too", 11 * DAY + 1)
    for number in range(100):
        come(2**32 - 1 - number, f"forged {number}", 11 * DAY + 100 + number)
    assert {"5.conf", "6.conf"} <= kept()
    assert len(kept()) == 22
    assert sorted(history.serials(DIRECTORY))[:2] == [5, 6]


def test_days_are_forgotten_too() -> None:
    for day in range(60):
        for part in (1, 2):
            come(100 * day + part, f"{day} {part}", day * DAY + part)
    serials = history.serials(DIRECTORY)
    assert sorted(serials) == [
        *(100 * day + 1 for day in range(40, 50)),
        *(100 * day + part for day in range(50, 60) for part in (1, 2)),
    ]


def test_other_files_are_left_alone() -> None:
    DIRECTORY.mkdir()
    for name in ("notes.conf", "07.conf", "7-0.conf", "7.txt"):
        (DIRECTORY / name).touch()
    for number in range(30):
        come(number, str(number), number)
    assert {"notes.conf", "07.conf", "7-0.conf", "7.txt"} <= kept()
    assert len(history.serials(DIRECTORY)) == 21


def test_there_may_be_no_history() -> None:
    assert history.serials(DIRECTORY) == []
