"""The API of a machine under test: what scenarios use of the NixOS test driver's `Machine`."""

from typing import Protocol


class Machine(Protocol):
    """A running machine; commands run on it as root, in a shell with `pipefail`.

    All methods raise if what they say does not come true.
    """

    def wait_for_unit(self, unit: str) -> None:
        """Wait until a systemd unit is active."""

    def succeed(self, *commands: str) -> str:
        """Run commands, none of which may fail; return what they printed on stdout."""

    def fail(self, *commands: str) -> str:
        """Run commands, each of which must fail; return what they printed on stdout."""

    def wait_until_succeeds(self, command: str) -> str:
        """Run a command until it does not fail; return what it printed on stdout."""
