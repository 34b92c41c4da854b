"""Checks depend on one another, and are made at the same time."""

import threading

import pytest

from dm_dns.errors import DOCTOR
from dm_dns.inspect.doctor.check import Check, Found, fault, not_asked, run, well


def verdicts(checks: list[Check]) -> dict[str, tuple[str, str]]:
    return {each.check: (each.found.verdict, each.found.text) for each in run(checks)}


def test_what_depends_on_a_fault_is_not_asked_and_says_on_which() -> None:
    asked: list[str] = []

    def note(key: str, found: Found) -> Found:
        asked.append(key)
        return found

    checks = [
        Check("c", lambda: note("c", well("c")), ("b",)),
        Check("a", lambda: note("a", fault("broken", "repair"))),
        Check("b", lambda: note("b", well("b")), ("a",)),
        Check("d", lambda: note("d", well("d"))),
    ]
    assert verdicts(checks) == {
        "c": ("not asked", "it depends on a"),
        "a": ("fault", "broken"),
        "b": ("not asked", "it depends on a"),
        "d": ("ok", "d"),
    }
    assert sorted(asked) == ["a", "d"]
    assert [each.check for each in run(checks)] == ["c", "a", "b", "d"]


@pytest.mark.parametrize(
    ("user", "through", "typed"),
    [
        (0, {}, "systemctl stop a; systemctl start a && rm b"),
        (0, {"SUDO_USER": "kim"}, "sudo systemctl stop a; sudo systemctl start a && sudo rm b"),
        (0, {"DOAS_USER": "kim"}, "sudo systemctl stop a; sudo systemctl start a && sudo rm b"),
        (1000, {}, "sudo systemctl stop a; sudo systemctl start a && sudo rm b"),
    ],
)
def test_only_the_shell_of_root_gets_remedies_without_sudo(
    monkeypatch: pytest.MonkeyPatch, user: int, through: dict[str, str], typed: str
) -> None:
    monkeypatch.delenv("SUDO_USER")
    for name, value in through.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("os.geteuid", lambda: user)
    remedy = "sudo systemctl stop a; sudo systemctl start a && sudo rm b"
    assert fault("broken", remedy).remedy == typed


def test_nobody_who_asks_doctor_is_sent_to_it() -> None:
    assert fault(f"unbound does not answer{DOCTOR}", "repair").text == "unbound does not answer"


def test_what_depends_on_what_only_root_may_ask_is_asked() -> None:
    checks = [
        Check("a", lambda: not_asked("only root may")),
        Check("b", lambda: well("b"), ("a",)),
    ]
    assert verdicts(checks)["b"] == ("ok", "b")


def test_checks_that_are_independent_are_made_at_the_same_time() -> None:
    barrier = threading.Barrier(5, timeout=20)  # which one after the other would never pass

    def ask() -> Found:
        barrier.wait()
        return well("")

    assert len(run([Check(str(number), ask) for number in range(5)])) == 5


def test_an_error_of_a_check_is_not_lost() -> None:
    def fail() -> Found:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        run([Check("a", fail), Check("b", lambda: well("b"), ("a",))])
