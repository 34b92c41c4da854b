"""The local view: what a machine knows of its own addresses, and of the networks that it is on."""

from typing import NamedTuple

from dm_dns.node import netlink
from dm_dns.node.config import Config
from dm_dns.node.presence import Presence, Presences
from dm_dns.zone.nearby import On


class LocalView(NamedTuple):
    """Where this machine is: a zone file is made from it as well."""

    addresses: tuple[str, ...] | None
    """Those of its links now, sorted, with those of loopback, on which it can be reached from
    itself; None: they do not matter, or are not known."""
    problem: str | None
    """Why that is not known."""
    networks: tuple[Presence, ...] = ()
    """Of each local network of the zone, whether it is there."""
    deprecated: tuple[str, ...] = ()
    """Those of ``addresses`` to which others are to be preferred (RFC 4862, section 5.5.4)."""

    @classmethod
    def read(
        cls, config: Config, presences: Presences | None = None, *, ask: bool = False
    ) -> "LocalView":
        """Return the local view of now, as far as the machine is to serve one.

        Args:
            config: the machine's.
            presences: the local networks of the zone; None: there are none.
            ask: see `Presences.look`.

        """
        try:
            networks = presences.look(ask=ask) if presences else ()
            if config.machine is None:
                return cls(None, None, networks)
            assigned = netlink.assigned()
            addresses = netlink.texts(assigned)
            preferred = {each.text for each in assigned if not each.is_deprecated}
            deprecated = tuple(each for each in addresses if each not in preferred)
            return cls(addresses, None, networks, deprecated)
        except OSError as error:
            if presences:
                presences.retry_later()
            return cls(
                None,
                "the kernel does not tell this machine's addresses (netlink:"
                f" {error.strerror or error}): its own services resolve to those in the zone, even"
                " while they are not assigned, and no address of a local network is given",
            )

    @property
    def on(self) -> On:
        """The local networks that it is on, with the addresses there that do not answer."""
        return {presence.name: presence.silent for presence in self.networks if presence.link}

    def digest(self) -> bytes:
        """Return what differs for each view from which another zone may be compiled."""
        if self.addresses is None and not self.on:
            return b""
        return f"{self.addresses} {self.deprecated} {sorted(self.on.items())}".encode()


NOTHING = LocalView(None, None)
"""That of a machine that serves others too, and of one that is on no local network."""
