"""One run of dm-dns under strace, undisturbed or with a fault."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, NamedTuple, Self

from checks.processes.process import end
from checks.processes.wait import until

KILL: Final = "KILL"
KINDS: Final = (KILL, "ENOSPC", "EIO", "EACCES", "EINTR")
"""What happens at a system call: SIGKILL before it, or an error in its place."""

MISSING: Final = "strace is not installed (Debian: apt-get install strace)"

_CALL: Final = re.compile(r"(\w+)\(", re.ASCII)
# None of these fails like that, and glibc does not expect it: it aborts, tries for ever, or takes
# the error for an address.
_NEVER: Final = {"brk", "exit_group", "futex"}


class Fault(NamedTuple):
    """A fault at one system call."""

    call: str
    """Its name."""
    number: int
    """Which of those with this name, from 1."""
    kind: str
    """Of KINDS."""

    def __str__(self) -> str:
        """Return it for a message."""
        return f"{self.kind} at {self.call} {self.number}"


class Ended(NamedTuple):
    """How a run ended."""

    status: int
    """As of `subprocess`."""
    stdout: str
    stderr: str
    calls: Mapping[str, int]
    """The system calls that it made: name to number."""
    trace: str
    """What strace has seen; empty if the run was not traced."""
    met_fault: bool
    """Whether it came as far as that."""


def faults(calls: Mapping[str, int]) -> list[Fault]:
    """Return all faults that a run with these system calls can meet."""
    return [
        Fault(call, number, kind)
        for call, count in calls.items()
        for number in range(1, count + 1)
        for kind in KINDS
    ]


def why_not() -> str | None:
    """Return why nothing can be traced here; None if it can."""
    if shutil.which("strace") is None:
        return MISSING
    command = ["strace", "-qq", "-o", os.devnull, "-e", "inject=getppid:error=EIO:when=1", "true"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return f"strace cannot trace here: {done.stderr.strip()}" if done.returncode else None


class Subject:
    """Runs dm-dns in children of a process of its own, one at a time; a context manager."""

    def __init__(self, directory: Path, environment: Mapping[str, str], prelude: str = "") -> None:
        """Start the process.

        Args:
            directory: for its files.
            environment: more variables of it.
            prelude: code that it runs first.

        """
        self._directory = directory
        program = f"{prelude}\nfrom checks.faults import subject\nsubject.main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Messages in one language, for which no files have to be looked for.
            env={**os.environ, **environment, "LC_ALL": "C", "PYTHONUNBUFFERED": ""},
        )

    def run(
        self, arguments: list[str], *, is_traced: bool = False, fault: Fault | None = None
    ) -> Ended:
        """Run `dm-dns` with ``arguments`` to its end, with ``fault`` if one is given."""
        return self.start(arguments, is_traced=is_traced, fault=fault).finish()

    def start(
        self, arguments: list[str], *, is_traced: bool = False, fault: Fault | None = None
    ) -> "Run":
        """Start what `run` runs to its end."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError
        job = {
            "arguments": arguments,
            "stdout": str(self._directory / "stdout"),
            "stderr": str(self._directory / "stderr"),
            "is_traced": is_traced or fault is not None,
        }
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        trace = self._directory / "trace"
        trace.write_text("")
        strace = _trace(child, trace, fault) if job["is_traced"] else None
        return Run(child, strace, self._process.stdout, self._directory)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process."""
        with self._process:  # which closes its pipes
            end(self._process)


class Run:
    """A run that has begun."""

    def __init__(
        self,
        child: int,
        strace: subprocess.Popen[str] | None,
        statuses: IO[bytes],
        directory: Path,
    ) -> None:
        """Take its process, what traces it, where its status comes from, and its files."""
        self._child = child
        self._strace = strace
        self._statuses = statuses
        self._directory = directory

    def has_ended(self) -> bool:
        """Tell whether it has ended on its own."""
        return _state(self._child) in {"Z", ""}

    def terminate(self) -> None:
        """Ask it to end."""
        with suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGTERM)

    def finish(self) -> Ended:
        """Wait for its end, and return that."""
        if self._strace:
            self._strace.communicate()
        status = int(self._statuses.readline())
        seen = (self._directory / "trace").read_text(errors="replace")
        calls = Counter(found[1] for line in seen.splitlines() if (found := _CALL.match(line)))
        return Ended(
            status,
            (self._directory / "stdout").read_text(),
            (self._directory / "stderr").read_text(),
            {name: count for name, count in calls.items() if name not in _NEVER},
            seen,
            "(INJECTED)" in seen or "+++ killed by SIGKILL" in seen,
        )


def _trace(child: int, trace: Path, fault: Fault | None) -> subprocess.Popen[str]:
    """Trace a child that stops itself, from there to its end."""
    command = ["strace", "-p", str(child), "-o", str(trace)]
    if fault:
        effect = "signal=KILL" if fault.kind == KILL else f"error={fault.kind}"
        command += ["-e", f"inject={fault.call}:{effect}:when={fault.number}"]
    until(lambda: _state(child) == "T", "the child has stopped")
    strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    if strace.stderr is None:
        raise AssertionError
    if "attached" not in (line := strace.stderr.readline()):
        os.kill(child, signal.SIGKILL)
        raise RuntimeError(f"strace does not trace: {line}")
    os.kill(child, signal.SIGCONT)
    return strace


def _state(process: int) -> str:
    """Return the letter of its state (proc_pid_stat(5)); empty if it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return ""
