import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checks.demo import commands, machines, signals


@pytest.fixture(autouse=True)
def _handled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Handle the signals as the demo does, and then as before."""
    before = {each: signal.getsignal(each) for each in signals.SIGNALS}
    monkeypatch.setattr(signals, "received", [])
    signals.handle()
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


def test_a_signal_as_its_folder_is_made_leaves_no_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mkdtemp = tempfile.mkdtemp

    def made_then_signalled(suffix: str | None, prefix: str | None, dir: str) -> str:  # noqa: A002 - its name there
        made = mkdtemp(suffix, prefix, dir)
        os.kill(os.getpid(), signal.SIGHUP)
        return made

    monkeypatch.setattr(machines, "short_folder", lambda: str(tmp_path))
    monkeypatch.setattr(tempfile, "mkdtemp", made_then_signalled)
    with pytest.raises(SystemExit) as ended, machines.folder():
        pytest.fail("it goes on")
    assert ended.value.code == 128 + signal.SIGHUP
    assert list(tmp_path.iterdir()) == []


def test_a_signal_as_a_program_is_started_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    popen: Callable[..., subprocess.Popen[str]] = subprocess.Popen
    started: list[subprocess.Popen[str]] = []

    def started_then_signalled(*args: object, **options: object) -> subprocess.Popen[str]:
        started.append(popen(*args, **options))
        os.kill(os.getpid(), signal.SIGTERM)
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", started_then_signalled)
    with pytest.raises(SystemExit) as ended:
        commands.run("sleep", "600")
    assert ended.value.code == 128 + signal.SIGTERM
    assert started[0].returncode == -signal.SIGKILL


def test_only_the_first_signal_counts() -> None:
    def signal_twice() -> None:
        with signals.held():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit) as ended:
        signal_twice()
    assert ended.value.code == 128 + signal.SIGINT
    assert signals.received == [signal.SIGINT]
