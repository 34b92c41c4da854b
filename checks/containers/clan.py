"""The machines of an evaluated clan, booted."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from checks.containers import cgroups, debian_root
from checks.containers.container import Container
from checks.containers.container_errors import ContainerError
from checks.containers.host import WITHOUT_VPNS, Booted

_UNSHARE: Final = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child")
_HOST: Final = (sys.executable, "-m", "checks.containers.host")
_PROJECT: Final = Path(__file__).parents[2]


class Clan:
    """A context manager: at its end nothing is left of the machines.

    with Clan("three") as clan:
        clan.machines["server"].succeed("dig @127.0.0.1 -p 5353 chat.test")
    """

    def __init__(self, case: str, *, has_vpns: bool = True) -> None:
        """Name the case whose machines these are (see `host`); nothing runs yet.

        Args:
            case: see `host`.
            has_vpns: whether machines boot with the addresses that the zone has.

        """
        self._case = case
        self._flags = [] if has_vpns else [WITHOUT_VPNS]
        self._root = debian_root.root()
        self._cgroups: list[str] = []
        self.machines: dict[str, Container] = {}

    def __enter__(self) -> Self:
        """Boot the machines, and return while they do.

        Raises:
            UnavailableError: this machine cannot run containers.
            ContainerError: they do not boot.

        """
        debian_root.check()
        debian = self._root.__enter__()
        self._process = subprocess.Popen(
            [*_UNSHARE, *_HOST, self._case, str(debian), *self._flags],
            cwd=_PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for this process, which then stops the other
            env={**os.environ, "PATH": debian_root.path()},
        )
        try:
            self.booted = self._booted()
        except BaseException:
            self._stop()
            raise
        self._cgroups = self.booted.cgroups
        self.machines = {
            name: Container(name, self.booted.pid, supervisor)
            for name, supervisor in self.booted.supervisors.items()
        }
        return self

    def _booted(self) -> Booted:
        assert self._process.stdout  # noqa: S101 - a pipe, see above
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr  # noqa: S101
            raise ContainerError(
                f"the containers do not boot: {self._process.stderr.read().strip()}"
            )
        return Booted(**json.loads(line))

    def wait(self) -> None:
        """Return when the machines' process has ended, whatever ended it."""
        self._process.wait()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop them."""
        self._stop()

    def _stop(self) -> None:
        try:
            # Closes its stdin, which ends it, and waits.
            self._process.__exit__(None, None, None)
        finally:
            self._process.kill()
            for cgroup in self._cgroups:  # if it could not do that itself
                cgroups.remove(Path(cgroup))
            self._root.__exit__(None, None, None)
