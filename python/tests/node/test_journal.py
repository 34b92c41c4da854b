"""What is said of problems in a journal, by a program that runs again and again."""

from pathlib import Path

import pytest

from dm_dns.node import journal


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / journal.NAME


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("dm_dns.node.journal.time.time", lambda: now[0])
    return now


def test_a_problem_is_said_once_and_once_that_it_is_over(said: Path, clock: list[float]) -> None:
    assert journal.changes(said, []) == []
    assert journal.changes(said, ["a"]) == ["a"]
    clock[0] += 60
    assert journal.changes(said, ["a", "b"]) == ["b"]
    assert journal.changes(said, ["b", "a"]) == []
    clock[0] += 3600
    assert journal.changes(said, ["b"]) == ["over after 1 h: a"]
    assert journal.changes(said, []) == ["over after 1 h: b"]
    assert journal.changes(said, []) == []
    assert journal.changes(said, ["a"]) == ["a"]


@pytest.mark.parametrize("content", ["nonsense", "[]", '{"a": "b"}', "{}", '{"a": 1.5}'])
def test_what_was_damaged_is_forgotten(content: str, said: Path) -> None:
    said.write_text(content)
    assert journal.changes(said, ["a"]) == ["a"]
    assert journal.changes(said, ["a"]) == []


def test_where_nothing_can_be_remembered_everything_is_said(tmp_path: Path) -> None:
    path = tmp_path / "missing" / journal.NAME
    assert journal.changes(path, ["a"]) == ["a"]
    assert journal.changes(path, ["a"]) == ["a"]


def test_a_healthy_machine_writes_nothing(said: Path) -> None:
    journal.changes(said, [])
    assert not said.exists()
