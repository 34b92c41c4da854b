"""An admin's checkout of the clan's flake, and what its vars hold for a push."""

import os
import shlex
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.push.key_source import KeyCommand

_GENERATOR: Final = "dm-dns-signing-key"
_SECRET: Final = f"{_GENERATOR}/signing.key"
_MAX_RECIPIENTS: Final = 2**20  # bytes; each has 62


class Checkout:
    """A directory with a clan's flake and its vars."""

    def __init__(self, directory: Path) -> None:
        """Name the directory; no file is read yet."""
        # data-mesher would take a path that starts with a - for an option.
        self.directory = directory.absolute()

    @property
    def zone_conf(self) -> Path:
        """The zone of the clan."""
        return self._public("dm-dns/zone.conf")

    @property
    def network_id(self) -> Path:
        """The public key of data-mesher's network."""
        return self._public("data-mesher-network/network.pub")

    @property
    def public_key(self) -> Path:
        """The public key that the machines know."""
        return self._public(f"{_GENERATOR}/signing.pub")

    def _public(self, var: str) -> Path:
        """Return the file of a public var that all machines share.

        Raises:
            Error: the checkout has no such var.

        """
        path = self.directory / "vars/shared" / var / "value"
        try:
            with files.open_regular(path):
                pass
        except (FileNotFoundError, NotADirectoryError):
            raise Error(
                f"--flake {self.directory} has no vars/shared/{var}/value. Check that it is the"
                " directory with the clan's vars and that the clan has a push machine, then run"
                " `clan vars generate`."
            ) from None
        except OSError as error:
            raise files.unreadable(str(path), error) from None
        return path

    def key_command(self, machine: str | None) -> KeyCommand:
        """Return the command that prints the private key, whatever the clan's secret store.

        Args:
            machine: one that has the key; None: one that the secret store names.

        Raises:
            Error: the secret store does not show which machines have the key.

        """
        command = ["clan", "vars", "get", machine or self._push_machine(), _SECRET]
        return KeyCommand(
            command=command,
            label=f"`{shlex.join(command)}`",
            remedy=(
                f"Run it in {self.directory}, in its development shell: it must print the key. You"
                " can name another machine that has the role push with --machine, or another"
                " command that prints the key with --key-command."
            ),
            directory=self.directory,
            # clan takes CLAN_DIR for the flake, and then ignores the directory that it runs in.
            environment={key: value for key, value in os.environ.items() if key != "CLAN_DIR"},
        )

    def _push_machine(self) -> str:
        """Return a machine that has the private key."""
        found = self._machines_in_sops() or self._machines_in_age()
        if not found:
            raise Error(
                f"--flake {self.directory} does not show which machines have the private key, as"
                " the secret stores sops and age do. Name one that has the role push with"
                " --machine NAME."
            )
        return found[0]

    def _machines_in_sops(self) -> list[str]:
        """Return the machines for which sops encrypted the key."""
        folder = self.directory / "vars/shared" / _SECRET / "machines"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def _machines_in_age(self) -> list[str]:
        """Return the machines among those for which the store age encrypted the key."""
        secrets = self.directory / "secrets"
        name = Path(_SECRET).name
        try:
            lines = secrets / "clan-vars/shared" / _SECRET / f"{name}.age.recipients"
            recipients = _text(lines).split()
            keys = {path: _text(path) for path in secrets.glob("age-keys/machines/*/pub")}
        except (OSError, UnicodeDecodeError):
            return []
        return sorted(path.parent.name for path, key in keys.items() if key.strip() in recipients)


def _text(path: Path) -> str:
    return files.read(path, _MAX_RECIPIENTS).decode()
