"""What systemd says of units, by a fake systemctl."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dm_dns.inspect.doctor import units
from dm_dns.inspect.doctor.units import Systemd, Unit

LOADED = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running"}


def systemd(version: str = "262", **properties: str) -> Systemd:
    return Systemd(version, {"a.service": Unit("a.service", {**LOADED, **properties})})


@pytest.mark.parametrize(
    ("properties", "text", "remedy"),
    [
        ({"LoadState": "not-found"}, "there is no a.service", "switch-to-configuration"),
        ({"LoadState": "masked"}, "is masked", "grep -rn a ."),
        ({"LoadState": "masked", "FragmentPath": "/run/a"}, "is masked", "sudo rm /run/a"),
        ({"LoadState": "bad-setting"}, "cannot be loaded: bad-setting", "switch-to"),
        ({"ActiveState": "failed", "Result": "exit-code"}, "(exit-code)", "restart a.service"),
        (
            {"ActiveState": "failed", "Result": "start-limit-hit"},
            "(start-limit-hit)",
            "sudo systemctl reset-failed a.service; sudo systemctl restart a.service",
        ),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, "auto-restart", "journalctl"),
        ({"ActiveState": "inactive"}, "does not run", "sudo systemctl start a.service"),
    ],
)
def test_a_unit_that_is_not_up_is_a_fault(
    properties: dict[str, str], text: str, remedy: str
) -> None:
    found = systemd(**properties).look(["a.service"])
    assert found.verdict == "fault"
    assert text in found.text
    assert remedy in (found.remedy or "")


def test_a_process_that_was_stopped_is_a_fault() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            assert systemd(MainPID=str(process.pid)).look(["a.service"]).verdict == "ok"
            process.send_signal(signal.SIGSTOP)
            os.waitpid(process.pid, os.WUNTRACED)
            found = systemd(MainPID=str(process.pid)).look(["a.service"])
        finally:
            process.kill()
    assert found.verdict == "fault"
    assert "SIGSTOP" in found.text


def fake_systemctl(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = folder / "systemctl"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_units_and_the_version_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_systemctl(
        tmp_path,
        monkeypatch,
        'case "$2" in --property=Version) echo "257.9 (257.9-1)";; *) printf '
        "'Id=a.service\\nLoadState=loaded\\nEnvironment=A=1 B=x=y\\n\\nId=b.socket\\n';; esac",
    )
    found = units.ask(["a.service", "b.socket"])
    assert found.version == "257.9"
    assert sorted(found.units) == ["a.service", "b.socket"]
    assert found.unit("a.service").environment("B") == "x=y"
    assert not found.unit("c.service").is_loaded


def calls(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *looks: dict[str, str]
) -> Callable[[], int]:
    """Have each look at a.service find the next of these; return how many there were."""
    properties = ({"Id": "a.service", **LOADED, **look} for look in looks)
    for number, each in enumerate(properties):
        text = "".join(f"{key}={value}\n" for key, value in each.items())
        (folder / f"look-{number}").write_text(text)
    fake_systemctl(
        folder,
        monkeypatch,
        f"cd {folder}; test $2 != --property=Version || {{ echo 259; exit; }}\n"
        "number=$(ls asked* 2>/dev/null | wc -l); touch asked-$number\n"
        f"cat look-$number 2>/dev/null || cat look-{len(looks) - 1}",
    )
    return lambda: len(list(folder.glob("asked-*")))


JUST_NOW = {"ActiveEnterTimestampMonotonic": str(10**18)}
LONG_AGO = {"ActiveEnterTimestampMonotonic": "1"}


def test_a_unit_that_has_run_for_long_is_looked_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = calls(tmp_path, monkeypatch, LONG_AGO)
    assert units.ask(["a.service"]).look(["a.service"]).verdict == "ok"
    assert asked() == 1


@pytest.mark.parametrize(
    "at_first",
    [
        {"ActiveState": "deactivating", "InvocationID": "1"},
        {"ActiveState": "failed", "InvocationID": "1", **JUST_NOW},
        {"ActiveState": "activating", "SubState": "auto-restart", "InvocationID": "2"},
    ],
)
def test_a_unit_that_is_just_restarting_is_not_a_fault(
    at_first: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = calls(tmp_path, monkeypatch, at_first, {"InvocationID": "2", **LONG_AGO})
    assert units.ask(["a.service"]).look(["a.service"]).verdict == "ok"
    assert asked() == 2


@pytest.mark.parametrize("state", ["active", "failed", "inactive", "activating"])
def test_a_unit_that_is_started_again_and_again_is_a_fault_whatever_its_state(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = [{"ActiveState": state, "InvocationID": str(number), **JUST_NOW} for number in range(3)]
    asked = calls(tmp_path, monkeypatch, *looks)
    found = units.ask(["a.service"]).look(["a.service"])
    assert (found.verdict, found.text) == (
        "fault",
        "a.service ends whenever systemd starts it: again and again",
    )
    assert asked() == 3


@pytest.mark.parametrize(("times", "verdict"), [("1", "ok"), ("2", "fault")])
def test_a_unit_that_systemd_has_just_restarted_is_a_fault_where_that_was_not_the_first_time(
    times: str, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "_PATIENCE", 3.0)
    calls(tmp_path, monkeypatch, {"NRestarts": times, **JUST_NOW})
    assert units.ask(["a.service"]).look(["a.service"]).verdict == verdict
    calls(tmp_path, monkeypatch, {"NRestarts": times, **LONG_AGO})
    assert units.ask(["a.service"]).look(["a.service"]).verdict == "ok"


def test_a_unit_that_does_not_come_up_is_waited_for_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "_PATIENCE", 3.0)
    asked = calls(tmp_path, monkeypatch, {"ActiveState": "activating", "SubState": "start"})
    found = units.ask(["a.service"]).look(["a.service"])
    assert found.text == "a.service is activating (start)"
    assert asked() > 1


@pytest.mark.parametrize("script", ["exit 1", "exec yes", "exec sleep 60"])
def test_a_systemd_that_does_not_answer_is_a_fault(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "_SECONDS", 0.3)
    fake_systemctl(tmp_path, monkeypatch, script)
    assert units.ask(["a.service"]).look(["a.service"]).verdict == "fault"
