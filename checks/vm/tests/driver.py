"""What scripts have of the NixOS test driver, with the signatures of nixos/lib/test-driver.

As a program it runs scripts without Nix, and with scenarios that only note how they are run:

    python -I -S driver.py FOLDER < SCRIPTS > CALLS

FOLDER has `checks.scenarios`. SCRIPTS has, for each test, its script and the names of its machines;
CALLS what was called; both in JSON. `-I -S` leaves out all packages but Python's own, as the driver
has no others that scenarios could use.
"""

import importlib
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


class DriverMachine:
    """A machine that only notes that it was started."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reboots = False
        """Whether it boots again after a reboot, and does not end."""

    def start(self, allow_reboot: bool = False) -> None:  # noqa: FBT001, FBT002
        self.reboots = allow_reboot

    def execute(
        self,
        command: str,
        check_return: bool = True,  # noqa: FBT001, FBT002
        check_output: bool = True,  # noqa: FBT001, FBT002
        timeout: int | None = 900,
    ) -> tuple[int, str]:
        raise NotImplementedError

    def succeed(self, *commands: str, timeout: int | None = None) -> str:
        raise NotImplementedError

    def fail(self, *commands: str, timeout: int | None = None) -> str:
        raise NotImplementedError

    def wait_for_unit(self, unit: str, user: str | None = None, timeout: int = 900) -> None:
        raise NotImplementedError

    def wait_until_succeeds(self, command: str, timeout: int = 900) -> str:
        raise NotImplementedError

    def wait_until_fails(self, command: str, timeout: int = 900) -> str:
        raise NotImplementedError

    def reboot(self) -> None:
        raise NotImplementedError


def main() -> None:
    """Run the scripts."""
    folder = sys.argv[1]
    sys.path.insert(0, folder)
    names = [path.stem for path in Path(folder, "checks/scenarios").glob("[!_]*.py")]
    modules = {name: importlib.import_module(f"checks.scenarios.{name}") for name in names}
    calls: list[dict[str, Any]] = []
    for name, module in modules.items():
        if hasattr(module, "run"):
            vars(module)["run"] = _noting(name, inspect.signature(module.run), calls)
    found = {}
    for test, (script, machines) in json.load(sys.stdin).items():
        calls.clear()
        symbols = {machine: DriverMachine(machine) for machine in machines}
        exec(compile(script, test, "exec"), dict(symbols))  # noqa: S102 - as the driver does
        found[test] = list(calls)
    json.dump(found, sys.stdout, default=lambda function: function.__module__)


def _noting(
    scenario: str, signature: inspect.Signature, calls: list[dict[str, Any]]
) -> Callable[..., None]:
    def run(*arguments: object) -> None:
        bound = signature.bind(*arguments).arguments
        reboots = {name: machine.reboots for name, machine in bound["machines"].items()}
        calls.append({**bound, "machines": reboots, "scenario": scenario})

    return run


if __name__ == "__main__":
    main()
