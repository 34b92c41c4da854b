"""An admin's checkout of the clan's flake, and what its vars have that is not secret."""

from pathlib import Path

from dm_dns import files
from dm_dns.errors import Error

_KEY_GENERATOR = "dm-dns-signing-key"


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
        return self._public(f"{_KEY_GENERATOR}/signing.pub")

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
