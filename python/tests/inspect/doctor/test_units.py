"""What systemd says of units, by a fake systemctl."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dm_dns.inspect.doctor import answers, units
from dm_dns.inspect.doctor.check import well
from dm_dns.inspect.doctor.files import Written
from dm_dns.inspect.doctor.units import Systemd, Unit
from dm_dns.node.config import Config
from dm_dns.node.unbound import Unbound

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


@pytest.mark.parametrize("script", ["exit 1", "exec yes", "exec sleep 60"])
def test_a_systemd_that_does_not_answer_is_a_fault(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "_SECONDS", 0.3)
    fake_systemctl(tmp_path, monkeypatch, script)
    assert units.ask(["a.service"]).look(["a.service"]).verdict == "fault"


def test_an_older_systemd_is_the_cause_where_the_hook_is_not_asked(tmp_path: Path) -> None:
    script = (
        "import socket, sys\n"
        "server = socket.socket(socket.AF_UNIX)\n"
        "server.bind(sys.argv[1])\n"
        "server.listen()\n"
        "print(flush=True)\n"
        "stream, _ = server.accept()\n"
        "stream.recv(4096)\n"
        """stream.sendall(b'{"error": "io.systemd.Resolve.NoNameServers"}\\0')\n"""
    )
    path = tmp_path / "resolved"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        server.stdout.readline()
        config = Config(
            "pin",
            tmp_path,
            None,
            tmp_path,
            tmp_path,
            [],
            Unbound(tmp_path, "127.0.0.1", 53),
            None,
            path,
        )
        written = Written(None, well(""))
        found = answers.resolved_answers(config, Systemd("257.9", {}), written)
    assert found.verdict == "fault"
    assert found.text == (
        "systemd-resolved does not ask the hook: it answers NoNameServers, because it has hooks"
        " since systemd 259, and this is 257.9"
    )
