# ruff: noqa: E501 - messages stand here as they are printed
"""What `dm-dns doctor` prints where the machine is not one of a clan."""

import json

import pytest
from inline_snapshot import snapshot

from dm_dns import cli
from dm_dns.inspect.doctor import checks
from dm_dns.inspect.doctor.check import Found, Result, not_asked, well
from dm_dns.inspect.doctor.checks import Report


def test_without_a_configuration_nothing_else_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--json", "--config", "missing.json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["fault"] == "configuration"
    assert found["domain"] is None
    assert [each["check"] for each in found["checks"]] == list(checks.KEYS)
    assert {each["verdict"] for each in found["checks"][1:]} == {"not asked"}


def test_the_first_fault_is_last_with_what_to_type(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "kiwi")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert cli.main(["doctor", "--config", "a\x1b[31m.json"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == snapshot(
        r"FAULT      configuration     a\x1b[31m.json: cannot be read: No such file or directory; name another file with --config"
    )
    assert lines[-3:] == snapshot(
        [
            r"kiwi: configuration is the first fault: a\x1b[31m.json: cannot be read: No such file or directory; name another file with --config",
            "type: sudo /run/current-system/bin/switch-to-configuration test",
            "Only root may ask everything: `sudo dm-dns doctor` shows more.",
        ]
    )


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"name-programs": well("it is fd00::1")}, ": it is fd00::1"),
        (
            {"name-programs": well("it is fd00::1"), "name-browsers": well("not in Chromium")},
            ": it is fd00::1; but not in Chromium",
        ),
        (
            {"address-reverse": well("kiwi has it"), "address-programs": well("it is kiwi.pin")},
            ": it is kiwi.pin",
        ),
        (
            {"address-reverse": not_asked("two have it"), "address-programs": not_asked("none")},
            ": two have it",
        ),
        ({}, ""),
    ],
)
def test_without_a_fault_the_last_line_says_what_programs_get(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    found: dict[str, Found],
    told: str,
) -> None:
    results = [Result("clock", well("noon")), *(Result(*each) for each in found.items())]
    monkeypatch.setattr(
        checks, "examine", lambda *_: Report("kiwi", "pin", "git", is_root=True, results=results)
    )
    assert cli.main(["doctor", "git"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"kiwi: no fault was found{told}"


def test_misuse_has_another_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["doctor", "a", "b"])
    assert caught.value.code == 2
    assert "unrecognized arguments: b" in capsys.readouterr().err
