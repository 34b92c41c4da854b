"""The comments of a zone.conf about local networks, and the addresses that machines have there.

    # local-address: NETWORK MACHINE. ADDRESS
    # local-network: NETWORK PREFIX ROUTER LINK-ADDRESS [only]

A name that several machines share has the local addresses of each (`conf.Zone.shared`).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from dm_dns.zone import limits, networks
from dm_dns.zone.networks import Network
from dm_dns.zone.reasons import why_not_a_machine

START: Final = "local-"
"""What their keys begin with."""

_ADDRESS: Final = "local-address"
_NETWORK: Final = "local-network"

IN_CONTENT: Final = f"\n# {_NETWORK}: ".encode()
"""What every zone.conf with a local network has in it."""


class Local(NamedTuple):
    """What a zone has of local networks."""

    networks: Mapping[str, Network]
    """Name to network."""
    addresses: Mapping[str, tuple[tuple[str, str], ...]]
    """The full name of a machine to networks and its addresses there, sorted."""

    def of(self, *machines: str) -> list[str]:
        """Return all addresses that machines have on local networks."""
        return [found for machine in machines for _at, found in self.addresses.get(machine, ())]

    def lines(self) -> Iterator[str]:
        """Yield the comments, in no order."""
        for name, network in self.networks.items():
            yield f"# {_NETWORK}: {name} {network}"
        for machine, known in self.addresses.items():
            for network_name, address in known:
                yield f"# {_ADDRESS}: {network_name} {machine}. {address}"


NO_LOCAL: Final = Local({}, {})
"""That of most zones."""


class LocalLines:
    """Checks these comments, which may come in any order."""

    def __init__(self, domain: str) -> None:
        """Take the domain of the zone."""
        self._domain = domain
        self._networks: dict[str, Network] = {}
        self._addresses: dict[str, dict[tuple[str, str], str]] = {}
        self._count = 0  # of addresses

    def check(self, line: str) -> str | None:
        """Return the rule that a comment breaks; if it breaks none, remember what it says."""
        key, _, value = line.removeprefix("# ").partition(": ")
        words = value.split(" ")
        if key == _NETWORK:
            return self._check_network(*value.partition(" ")[::2])
        if key == _ADDRESS:
            return self._check_address(line, words)
        return None

    def _check_network(self, name: str, value: str) -> str | None:
        if reason := networks.name_problem(name):
            return reason
        if name in self._networks:
            return f"a second local network {name!a}"
        if len(self._networks) == limits.MAX_NETWORKS:
            return f"there are more local networks than the limit, {limits.MAX_NETWORKS}"
        try:
            self._networks[name] = Network.parse(value)
        except ValueError as error:
            return f"local network {name!a}: {error}"
        return None

    def _check_address(self, line: str, words: list[str]) -> str | None:
        if len(words) != len(("network", "machine", "address")):
            return "expected NETWORK MACHINE ADDRESS after local-address"
        network, machine, address = words
        if reason := why_not_a_machine(machine, self._domain) or self._why_too_many():
            return reason
        self._addresses.setdefault(machine[:-1], {})[network, address] = line
        return None

    def _why_too_many(self) -> str | None:
        self._count += 1
        if self._count <= limits.MAX_LOCAL:
            return None
        return f"there are more local addresses than the limit, {limits.MAX_LOCAL}"

    @property
    def owners(self) -> Iterator[str]:
        """The names that exist because of these comments."""
        yield from self._addresses

    def problem(
        self, addresses: Mapping[str, Collection[str]], aliases: Collection[str]
    ) -> tuple[str, str] | None:
        """Return a comment that does not fit the others or the records, and why; None if all do.

        Args:
            addresses: those of the records, by the names that have them.
            aliases: the names that are CNAMEs.

        """
        for machine, known in self._addresses.items():
            count = len(known) + len(addresses.get(machine, ()))
            for (name, address), line in known.items():
                if reason := self._why_not(machine, name, address, aliases):
                    return line, reason
                if count > limits.MAX_ADDRESSES:
                    return line, too_many(machine, count)
        return None

    def _why_not(
        self, machine: str, name: str, address: str, aliases: Collection[str]
    ) -> str | None:
        network = self._networks.get(name)
        if network is None:
            return f"no comment declares a local network {name[:80]!a}"
        if machine in aliases:
            return f"a CNAME and an address for one name: {machine}"
        return networks.host_problem(network.prefix, address)

    def local(self) -> Local:
        """Return what the comments say."""
        if not self._networks:
            return NO_LOCAL
        return Local(
            self._networks,
            {machine: tuple(sorted(known)) for machine, known in self._addresses.items()},
        )


def too_many(name: str, count: int) -> str:
    """Return why a name cannot have so many addresses."""
    limit = f"the limit is {limits.MAX_ADDRESSES}"
    return f"{name} has {count} addresses or more, with those on local networks, and {limit}"
