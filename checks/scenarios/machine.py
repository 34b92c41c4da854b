"""The API of a machine under test: what scenarios use of the NixOS test driver's `Machine`."""

from typing import Protocol


class Machine(Protocol):
    """A running machine; commands run on it as root, in bash with `set -euo pipefail`.

    All methods but `execute` raise if what they say does not come true. Timeouts are in seconds.
    """

    name: str

    def execute(self, command: str) -> tuple[int, str]:
        """Run a command; return its exit status and what it printed on stdout."""

    def succeed(self, *commands: str) -> str:
        """Run commands, none of which may fail; return what they printed on stdout."""

    def fail(self, *commands: str) -> str:
        """Run commands, each of which must fail; return what they printed on stdout."""

    def wait_for_unit(self, unit: str) -> None:
        """Wait until a systemd unit is active; it must be, or be about to start."""

    def wait_until_succeeds(self, command: str, timeout: int = 60) -> str:
        """Run a command until it does not fail; return what it printed on stdout."""

    def wait_until_fails(self, command: str, timeout: int = 60) -> str:
        """Run a command until it fails; return what it printed on stdout."""

    def reboot(self) -> None:
        """Shut it down and boot it again; return before it has booted."""
