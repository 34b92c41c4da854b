"""The comments of a zone.conf about local networks, and the addresses that machines have there.

    # local-address: NETWORK MACHINE. ADDRESS
    # local-network: NETWORK PREFIX ROUTER LINK-ADDRESS [only]
    # local-name: NAME. MACHINE.

A name that several machines share has no record for each of them; the last kind of comment tells
which of them have local addresses.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Final, NamedTuple

from dm_dns.zone import limits, networks
from dm_dns.zone.networks import Network
from dm_dns.zone.reasons import why_not_a_machine, why_not_a_name, why_reserved

START: Final = "local-"
"""What their keys begin with."""

_ADDRESS: Final = "local-address"
_NETWORK: Final = "local-network"
_NAME: Final = "local-name"

IN_CONTENT: Final = f"\n# {_NETWORK}: ".encode()
"""What every zone.conf with a local network has in it."""


class Local(NamedTuple):
    """What a zone has of local networks."""

    networks: Mapping[str, Network]
    """Name to network."""
    addresses: Mapping[str, tuple[tuple[str, str], ...]]
    """The full name of a machine to networks and its addresses there, sorted."""
    names: Mapping[str, tuple[str, ...]]
    """A name that several machines share to those of them that have local addresses, sorted."""

    def of(self, name: str) -> list[str]:
        """Return all addresses that a name has on local networks."""
        machines = (name, *self.names.get(name, ()))
        return [found for machine in machines for _at, found in self.addresses.get(machine, ())]

    def lines(self) -> Iterator[str]:
        """Yield the comments, in no order."""
        for name, network in self.networks.items():
            yield f"# {_NETWORK}: {name} {network}"
        for machine, known in self.addresses.items():
            for network_name, address in known:
                yield f"# {_ADDRESS}: {network_name} {machine}. {address}"
        for name, machines in self.names.items():
            for machine in machines:
                yield f"# {_NAME}: {name}. {machine}."


NO_LOCAL: Final = Local({}, {}, {})
"""That of most zones."""


class LocalLines:
    """Checks these comments, which may come in any order."""

    def __init__(self, domain: str) -> None:
        """Take the domain of the zone."""
        self._domain = domain
        self._networks: dict[str, Network] = {}
        self._addresses: dict[str, dict[tuple[str, str], str]] = {}
        self._names: dict[str, dict[str, str]] = {}
        self._count = 0  # of addresses and shared names

    def check(self, line: str) -> str | None:
        """Return the rule that a comment breaks; if it breaks none, remember what it says."""
        key, _, value = line.removeprefix("# ").partition(": ")
        words = value.split(" ")
        if key == _NETWORK:
            return self._check_network(*value.partition(" ")[::2])
        if key == _ADDRESS:
            return self._check_address(line, words)
        if key == _NAME:
            return self._check_name(line, words)
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

    def _check_name(self, line: str, words: list[str]) -> str | None:
        if len(words) != len(("name", "machine")):
            return "expected NAME MACHINE after local-name"
        name, machine = words
        reason = (
            why_not_a_machine(machine, self._domain)
            or why_not_a_name(name, self._domain)
            or why_reserved(name, self._domain)
            or self._why_too_many()
        )
        if reason:
            return reason
        self._names.setdefault(name[:-1], {})[machine[:-1]] = line
        return None

    def _why_too_many(self) -> str | None:
        self._count += 1
        if self._count <= limits.MAX_LOCAL:
            return None
        return f"there are more local addresses and names than the limit, {limits.MAX_LOCAL}"

    @property
    def owners(self) -> Iterator[str]:
        """The names that exist because of these comments."""
        yield from self._addresses
        yield from self._names

    def problem(
        self,
        addresses: Mapping[str, Collection[str]],
        aliases: Collection[str],
        shared: Collection[str],
    ) -> tuple[str, str] | None:
        """Return a comment that does not fit the others or the records, and why; None if all do.

        Args:
            addresses: those of the records, by the names that have them.
            aliases: the names that are CNAMEs.
            shared: the names that several machines have.

        """
        found = chain(
            self._of_addresses(addresses, aliases), self._of_names(addresses, aliases, shared)
        )
        return next(found, None)

    def _of_addresses(
        self, addresses: Mapping[str, Collection[str]], aliases: Collection[str]
    ) -> Iterator[tuple[str, str]]:
        for machine, known in self._addresses.items():
            count = len(known) + len(addresses.get(machine, ()))
            for (name, address), line in known.items():
                if reason := self._why_not(machine, name, address, aliases):
                    yield line, reason
                if count > limits.MAX_ADDRESSES:
                    yield line, _too_many(machine, count)

    def _of_names(
        self,
        addresses: Mapping[str, Collection[str]],
        aliases: Collection[str],
        shared: Collection[str],
    ) -> Iterator[tuple[str, str]]:
        total = 0
        for name, machines in self._names.items():
            count = len(addresses.get(name, ()))
            for machine, line in machines.items():
                more = len(self._addresses.get(machine, ()))
                count, total = count + more, total + more
                if not more or machine == name:
                    yield line, f"{machine} has no local address to share as {name}"
                if name not in shared or name in aliases or name in self._addresses:
                    yield line, f"{name} is not a name of several machines"
                if count > limits.MAX_ADDRESSES:
                    yield line, _too_many(name, count)
                if total > limits.MAX_RECORDS:
                    limit = f"the limit is {limits.MAX_RECORDS}"
                    yield line, f"shared names have {total} local addresses or more, and {limit}"

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
            {name: tuple(sorted(machines)) for name, machines in self._names.items()},
        )


def _too_many(name: str, count: int) -> str:
    limit = f"the limit is {limits.MAX_ADDRESSES}"
    return f"{name} has {count} addresses or more, with those on local networks, and {limit}"
