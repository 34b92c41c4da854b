"""A booted container, with the API of the NixOS test driver's `Machine`."""

import os
import subprocess
import time
from pathlib import Path
from typing import Final

from checks.containers import debian_root
from checks.containers.container_errors import ContainerError

_POLL: Final = 0.05  # seconds
_SECONDS: Final = 60.0
_ENVIRONMENT: Final = (
    "env",
    "--chdir=/",
    "--ignore-environment",
    "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LC_ALL=C.UTF-8",
    "SYSTEMD_COLORS=0",
    "SYSTEMD_PAGER=cat",
)


class CommandError(ContainerError):
    """A command on a container did not do what it should."""


class Container:
    """See checks/scenarios/machine.py for the methods without a word of their own."""

    def __init__(self, name: str, host: int, supervisor: int) -> None:
        """Name a machine that may still be booting.

        Args:
            name: of the machine.
            host: the process that the containers live in (see `host`).
            supervisor: the process that runs systemd-nspawn, in the host's PID namespace.

        """
        self.name = name
        self._host = host
        self._supervisor = str(supervisor)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs a program on the container, as root.

        Raises:
            ContainerError: the machine is down.

        """
        leader = self._leader()
        if leader is None:
            raise ContainerError(f"{self.name} is down")
        # First to where the PID of the machine's process 1 means something, then to the machine.
        host = ["nsenter", f"--target={self._host}", "--mount", "--pid"]
        machine = ["nsenter", f"--target={leader}", "--mount", "--uts", "--ipc", "--net", "--pid"]
        return [*host, *machine, "--cgroup", *_ENVIRONMENT, *arguments]

    def _leader(self) -> str | None:
        """Return the PID of the machine's process 1, in the host's PID namespace, if it is up."""
        for nspawn in self._children(self._supervisor):
            for child in self._children(nspawn):
                # Not a process of systemd-nspawn that is still setting up the machine.
                if self._read(f"{child}/comm") == "systemd\n":
                    return child
        return None

    def _children(self, process: str) -> list[str]:
        return self._read(f"{process}/task/{process}/children").split()

    def _read(self, path: str) -> str:
        """Read from the host's /proc; nothing if the process has ended."""
        try:
            return Path(f"/proc/{self._host}/root/proc/{path}").read_text()
        except OSError:
            return ""

    def execute(self, command: str, timeout: float = 900) -> tuple[int, str]:  # noqa: D102
        run = self._run(command, timeout)
        return run.returncode, run.stdout

    def succeed(self, *commands: str) -> str:  # noqa: D102
        printed = ""
        for command in commands:
            run = self._run(command)
            if run.returncode:
                raise CommandError(
                    f"{self.name}: `{command}` failed with exit status {run.returncode}\n"
                    f"{run.stdout}{run.stderr}"
                )
            printed += run.stdout
        return printed

    def fail(self, *commands: str) -> str:  # noqa: D102
        printed = ""
        for command in commands:
            run = self._run(command)
            if not run.returncode:
                raise CommandError(f"{self.name}: `{command}` did not fail\n{run.stdout}")
            printed += run.stdout
        return printed

    def wait_until_succeeds(self, command: str, timeout: float = _SECONDS) -> str:  # noqa: D102
        return self._wait_until(command, timeout, succeeds=True)

    def wait_until_fails(self, command: str, timeout: float = _SECONDS) -> str:  # noqa: D102
        return self._wait_until(command, timeout, succeeds=False)

    def wait_for_unit(self, unit: str, timeout: float = _SECONDS) -> None:  # noqa: D102
        state = ""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            state = self._state(unit)
            if state == "active":
                return
            if state == "failed" or (state == "inactive" and self._is_left(unit)):
                break
            time.sleep(_POLL)
        log = self._run(f"journalctl --no-pager --lines=20 --unit={unit}").stdout
        raise CommandError(f"{self.name}: {unit} is {state or 'not there'}\n{log}")

    def reboot(self) -> None:  # noqa: D102
        before = self._leader()
        self.execute("systemctl reboot")
        deadline = time.monotonic() + _SECONDS
        while self._leader() in {before, None}:
            if time.monotonic() > deadline:
                raise CommandError(f"{self.name} does not reboot")
            time.sleep(_POLL)

    def _is_left(self, unit: str) -> bool:
        """Tell whether a unit is inactive and nothing is about to change that."""
        jobs = self.execute("systemctl list-jobs --full 2>&1")[1]
        return "No jobs" in jobs and self._state(unit) == "inactive"

    def _state(self, unit: str) -> str:
        try:
            return self._run(f"systemctl is-active {unit}").stdout.strip()
        except ContainerError:  # between two boots
            return ""

    def _wait_until(self, command: str, timeout: float, *, succeeds: bool) -> str:
        run: subprocess.CompletedProcess[str] | None = None
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                run = self._run(command)
            except ContainerError:
                run = None
            if run and (run.returncode == 0) == succeeds:
                return run.stdout
            time.sleep(_POLL)
        raise CommandError(
            f"{self.name}: `{command}` did not {'succeed' if succeeds else 'fail'} within"
            f" {timeout:g} s\n{run.stdout + run.stderr if run else 'the machine is down'}"
        )

    def _run(self, command: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command("bash", "-c", f"set -euo pipefail; {command}"),
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env={**os.environ, "PATH": debian_root.path()},
        )
