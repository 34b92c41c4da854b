import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.demo import machines
from checks.demo.commands import DemoError

ROOT = Path(__file__).parents[3]
ADDRESSES = [machines.address(index) for index in range(3)]
SECONDS = 60


class Demo:
    """Runs of the demo, whose processes and files can be told from all others."""

    def __init__(self, tmpdir: str) -> None:
        self.tmpdir = tmpdir
        self.python = sys.executable
        self.environment = {
            name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "TERM"}
        }
        self.environment["TMPDIR"] = tmpdir
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *options: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [self.python, "-m", "checks.demo", *options],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*options)
        stdout, stderr = process.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def run_on_terminal(self, columns: int) -> str:
        """Return what it prints on a terminal, once it has ended well."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (50, columns))
        self.environment["TERM"] = "xterm-256color"
        process = self.start(stdout=theirs)
        os.close(theirs)
        output = b""
        try:
            while chunk := os.read(ours, 4096):
                output += chunk
        except OSError:
            pass  # EIO: the last process that had it open has ended
        os.close(ours)
        _, stderr = process.communicate(timeout=SECONDS)
        assert (process.returncode, stderr) == (0, "")
        return output.decode()

    def start_until(self, said: str) -> subprocess.Popen[str]:
        """Start it, and return when it has printed a line with ``said``."""
        process = self.start()
        assert process.stdout
        for line in process.stdout:
            if said in line:
                return process
        raise AssertionError(f"it ended without {said!r}: {process.communicate()}")

    def replace(self, program: str, script: str) -> None:
        """Let another program take the place of one that is found on PATH."""
        folder = Path(self.tmpdir) / "bin"
        folder.mkdir(exist_ok=True)
        (folder / program).write_text(f"#!/bin/sh\n{script}\n")
        (folder / program).chmod(0o755)
        self.environment["PATH"] = f"{folder}{os.pathsep}{self.environment['PATH']}"

    def replace_dm_dns(self, script: str) -> None:
        """Let another program take the place of the environment's dm-dns."""
        venv, bin_folder = Path(self.tmpdir) / "venv", Path(sys.executable).parent
        (venv / "bin").mkdir(parents=True)
        shutil.copy(bin_folder.parent / "pyvenv.cfg", venv)
        (venv / "lib").symlink_to(bin_folder.parent / "lib")
        for name in ("python", "data-mesher"):
            (venv / "bin" / name).symlink_to(bin_folder / name)
        self.python = str(venv / "bin/python")
        (venv / "bin/dm-dns").write_text(f'#!/bin/sh\nreal="{bin_folder}/dm-dns"\n{script}\n')
        (venv / "bin/dm-dns").chmod(0o755)

    def processes(self) -> list[str]:
        """Return the command lines of all processes that a demo has started and left."""
        found = []
        mark = f"TMPDIR={self.tmpdir}\0".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes() + b"\0":
                    found.append((process / "cmdline").read_text())
            except OSError:
                pass  # another user's, or it has ended
        return found

    def files(self) -> list[str]:
        found = {path.name for path in Path(self.tmpdir).iterdir()}
        return sorted(found - {"bin", "venv"})

    def has_left_nothing(self) -> bool:
        assert self.processes() == []
        assert self.files() == []
        return True


@pytest.fixture
def demo() -> Iterator[Demo]:
    """Wait until no other demo runs on this machine, then yield one to run."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            with machines.reserved(ADDRESSES):
                break
        except DemoError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    # Not pytest's: a unix socket's path is short.
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as tmpdir:
        demo = Demo(tmpdir)
        yield demo
        for process in demo.started:  # those of a test that failed
            if process.poll() is None:
                stop(process, signal.SIGTERM)


def stop(process: subprocess.Popen[str], with_signal: signal.Signals) -> int:
    """Send the signal and return the exit status."""
    process.send_signal(with_signal)
    process.communicate(timeout=SECONDS)
    return process.returncode
