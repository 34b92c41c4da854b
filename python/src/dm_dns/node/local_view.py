"""The local view: what a machine knows of its own addresses."""

from typing import NamedTuple

from dm_dns.node import netlink
from dm_dns.node.config import Config


class LocalView(NamedTuple):
    """The addresses on which this machine can be reached from itself."""

    addresses: tuple[str, ...] | None
    """Those of its links now, sorted, with those of loopback; None: they do not matter, or are not
    known."""
    problem: str | None
    """Why they are not known."""

    @classmethod
    def read(cls, config: Config) -> "LocalView":
        """Return the local view of now, if the machine is to serve one."""
        return NOTHING if config.machine is None else cls.of_links()

    @classmethod
    def of_links(cls) -> "LocalView":
        """Return the local view of now."""
        try:
            return cls(netlink.addresses(), None)
        except OSError as error:
            return cls(
                None,
                "the kernel does not tell this machine's addresses (netlink:"
                f" {error.strerror or error}): its own services resolve to those in the zone, even"
                " while they are not assigned",
            )

    def digest(self) -> bytes:
        """Return what differs for each view from which another zone may be compiled."""
        return b"" if self.addresses is None else f"{self.addresses}".encode()


NOTHING = LocalView(None, None)
