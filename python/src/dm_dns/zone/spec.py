"""The zone spec: what a clan's exports say, and the zone that follows from it.

The module checked the same rules when it evaluated the clan. They are checked again here, because
every machine trusts what is signed later.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.json_fields import JsonFields
from dm_dns.zone import conf, limits, names, networks
from dm_dns.zone.local_lines import Local
from dm_dns.zone.networks import Network


class Endpoint(NamedTuple):
    """A host name that a service of a machine answers on."""

    host: str
    machine: str
    service: str
    instance: str
    role: str

    def __str__(self) -> str:
        """Return it as messages name it."""
        return (
            f"host {self.host!a} of service '{self.service}', instance '{self.instance}',"
            f" role '{self.role}' on machine '{self.machine}'"
        )


class Device(NamedTuple):
    """What has names and is not a machine of the clan: a printer, a NAS, a phone."""

    addresses: list[str]
    names: list[str]
    """Names in the domain that resolve to it, without its own."""


class Spec(NamedTuple):
    """A zone spec as it was read: only its form has been checked.

    An address on a local network is ADDRESS@NETWORK.
    """

    domain: str
    machines: dict[str, list[str]]
    """Name to IP addresses."""
    endpoints: list[Endpoint]
    devices: Mapping[str, Device] = MappingProxyType({})
    """By their names."""
    networks: Mapping[str, Network] = MappingProxyType({})
    """The local networks, by their names."""


def read(path: Path) -> Spec:
    """Read the zone spec at ``path``.

    Raises:
        OSError: the file cannot be read.
        Error: it is not the JSON of a zone spec.

    """
    return from_json(files.read_json(path, limits.MAX_SPEC), str(path))


def from_json(value: object, where: str = "the zone spec") -> Spec:
    """Return the zone spec that JSON contained; messages begin with ``where``.

    Raises:
        Error: ``value`` does not have the form of a zone spec.

    """
    fields = JsonFields(where, value)
    fields.check_keys({"domain", "machines", "endpoints"}, optional={"devices", "localNetworks"})
    has_networks = fields.has("localNetworks")
    return Spec(
        domain=fields.text("domain"),
        machines=fields.object("machines").members(_addresses),
        endpoints=[_endpoint(endpoint) for endpoint in fields.objects("endpoints")],
        devices=fields.object("devices").members(_device) if fields.has("devices") else {},
        networks=fields.object("localNetworks").members(_network) if has_networks else {},
    )


def _addresses(machines: JsonFields, name: str) -> list[str]:
    machine = machines.object(name)
    machine.check_keys({"addresses"})
    return machine.texts("addresses")


def _device(devices: JsonFields, name: str) -> Device:
    device = devices.object(name)
    device.check_keys(Device._fields)
    return Device(device.texts("addresses"), device.texts("names"))


def _network(networks: JsonFields, name: str) -> Network:
    network = networks.object(name)
    network.check_keys({"only", "prefix", "router"})
    router = network.object("router")
    router.check_keys({"address", "linkAddress"})
    return Network(
        prefix=network.text("prefix"),
        router=router.text("address"),
        link_address=router.text("linkAddress"),
        only=network.boolean("only"),
    )


def _endpoint(fields: JsonFields) -> Endpoint:
    fields.check_keys(Endpoint._fields)
    return Endpoint(*map(fields.text, Endpoint._fields))


def to_zone(spec: Spec, serial: int) -> tuple[conf.Zone, list[str]]:
    """Return the zone of ``spec`` with ``serial``, and warnings.

    Raises:
        Error: rules are broken; the message has a line for each case.

    """
    return _Builder(spec).build(serial)


class _Claim(NamedTuple):
    """A name in the domain, and whose addresses it is to have."""

    owner: str
    """The full name of a machine or a device."""
    text: str
    """Who says so, as messages name it."""


class _Builder:
    """Checks all of a spec and collects what is wrong with it."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.own_names: dict[str, str] = {}
        """The full name of each machine and each device, and whose it is, for messages."""
        self.networks: dict[str, Network] = {}
        self.local: dict[str, tuple[tuple[str, str], ...]] = {}

    def build(self, serial: int) -> tuple[conf.Zone, list[str]]:
        try:
            self.domain = names.canonical_domain(self.spec.domain)
        except names.InvalidNameError as error:
            raise Error(f"the domain {self.spec.domain!a} is not a valid name: {error}") from None
        self.machines = self.full_names(self.spec.machines, "machine")
        self.devices = self.full_names(self.spec.devices, "device")
        self.check_networks()
        addresses = {
            name: self.addresses(self.spec.machines[machine], f"machine {machine!a}", name)
            for machine, name in self.machines.items()
        }
        for device, name in self.devices.items():
            addresses[name] = self.device_addresses(device, name)
        cnames = {}
        shared = {}
        for name, claims in self.claims_by_name().items():
            owners = sorted({claim.owner for claim in claims})
            if owners == [name]:
                continue  # its own name has its addresses already
            if len(owners) == 1:
                cnames[name] = owners[0]
            else:
                addresses[name] = self.shared_name(name, claims, owners, addresses)
                shared[name] = tuple(owners)
        if self.problems:
            raise Error("\n".join(self.problems))
        made = conf.Zone(self.domain, serial, cnames, addresses, shared=shared)
        if self.networks:
            made = made._replace(local=Local(self.networks, self.local))
        return made, self.warnings

    def check_networks(self) -> None:
        for name, read in self.spec.networks.items():
            network = _canonical_network(read)
            problem = networks.name_problem(name) or network.problem()
            if problem:
                text = f"local network {name!a}: {problem}; correct `localNetworks`"
                self.problems.append(text)
            twins = [
                other
                for other, known in self.networks.items()
                if (known.router, known.link_address) == (network.router, network.link_address)
            ]
            if twins:
                self.problems.append(
                    f"local networks {twins[0]!a} and {name!a} have the same router, so they"
                    " cannot be told apart; correct it, or remove one of them"
                )
            self.networks[name] = network

    def full_names(self, owners: Iterable[str], kind: str) -> dict[str, str]:
        """Return the full names of all machines or all devices, by their own."""
        full: dict[str, str] = {}
        for owner in owners:
            try:
                label = names.canonical_label(owner)
                names.check(f"{label}.{self.domain}")
                if label == names.STATUS_LABEL:
                    raise names.InvalidNameError("it is reserved for the status of dm-dns")  # noqa: TRY301
            except names.InvalidNameError as error:
                self.problems.append(
                    f"{kind} {owner!a} has no valid name: {error}; rename the {kind}"
                )
                continue
            name = f"{label}.{self.domain}"
            if name in full.values():
                self.problems.append(
                    f"{kind} {owner!a} has the name {name}, as another {kind} has that differs"
                    " only in upper and lower case; rename one of them"
                )
            elif name in self.own_names:
                self.problems.append(
                    f"{kind} {owner!a} has the name {name}, which is that of"
                    f" {self.own_names[name]}; rename the {kind}"
                )
            full[owner] = name
            self.own_names.setdefault(name, f"{kind} {owner!a}")
        return full

    def addresses(self, texts: list[str], whose: str, name: str) -> tuple[str, ...]:
        """Return the addresses of a machine or a device, and note those on local networks.

        Args:
            texts: as the zone spec has them.
            whose: says whose they are, for messages.
            name: the full name of that.

        """
        known, local = [], set()
        for text in texts:
            plain, at, network = text.partition("@")
            address = conf.canonical_address(plain)
            if address is None:
                self.problems.append(f"{whose}: {text!a} is not an IP address; correct `addresses`")
            elif not at and networks.is_useless(address):
                self.problems.append(
                    f"{whose}: {text!a} is an address that no other machine reaches, such as"
                    " loopback, link-local and multicast ones; correct `addresses`"
                )
            elif not at:
                known.append(address)
            elif problem := self.why_not_there(address, network):
                self.problems.append(f"{whose}: {text!a}: {problem}; correct `addresses`")
            else:
                local.add((network, address))
        addresses = conf.in_order(known)
        if local:
            self.local[name] = tuple(sorted(local))
        count = len(addresses) + len(local)
        if count > limits.MAX_ADDRESSES:
            self.problems.append(
                f"{whose} has {count} addresses, and the limit is"
                f" {limits.MAX_ADDRESSES}; remove some from `addresses`"
            )
        return addresses

    def why_not_there(self, address: str, network: str) -> str | None:
        """Return why nobody can have an address on a local network."""
        if network not in self.networks:
            return f"there is no local network {network!a}"
        prefix = self.networks[network].prefix
        if networks.prefix_problem(prefix):
            return None  # told already
        return networks.host_problem(prefix, address)

    def device_addresses(self, device: str, name: str) -> tuple[str, ...]:
        texts = self.spec.devices[device].addresses
        if not texts:
            self.problems.append(f"device {device!a} has no address; set its `addresses`")
        return self.addresses(texts, f"device {device!a}", name)

    def claims_by_name(self) -> dict[str, list[_Claim]]:
        """Return who is to have each name in the domain, by its canonical form."""
        by_name: dict[str, list[_Claim]] = {}
        for name, claim in (*self.endpoints(), *self.names_of_devices()):
            by_name.setdefault(name, []).append(claim)
        return by_name

    def endpoints(self) -> Iterator[tuple[str, _Claim]]:
        for endpoint in sorted(set(self.spec.endpoints)):
            try:
                name = self.canonical_name(endpoint.host, "correct the service's host")
                if name is None:
                    continue
                if endpoint.machine not in self.spec.machines:
                    raise Error("the clan has no such machine; add it to the inventory")  # noqa: TRY301
                owner = self.machines.get(endpoint.machine)
                self.check_is_free(name, owner)
            except Error as error:
                self.problems.append(f"{endpoint}: {error}")
            else:
                if owner:
                    yield name, _Claim(owner, str(endpoint))

    def names_of_devices(self) -> Iterator[tuple[str, _Claim]]:
        for device, values in sorted(self.spec.devices.items()):
            owner = self.devices.get(device)
            for host in sorted(set(values.names)):
                text = f"name {host!a} of device {device!a}"
                try:
                    name = self.canonical_name(host, "correct `names`")
                    if name is None:
                        raise Error(  # noqa: TRY301
                            f"it is not below {self.domain}; write a whole name below it, such as"
                            f" print.{self.domain}, or remove this one"
                        )
                    self.check_is_free(name, owner)
                except Error as error:
                    self.problems.append(f"{text}: {error}")
                else:
                    if owner:
                        yield name, _Claim(owner, text)

    def canonical_name(self, host: str, remedy: str) -> str | None:
        """Return the canonical form of a name; None if it lies outside the domain.

        Args:
            host: the name.
            remedy: what to do if it is not valid.

        Raises:
            Error: it breaks a rule.

        """
        try:
            name = names.canonical(host)
        except names.InvalidNameError as error:
            host = host.lower()
            domains = (self.domain, self.spec.domain.lower().rstrip("."))
            if any(
                name == domain or names.is_below(name, domain)
                for name in (host.rstrip("."), _name_in(host))
                for domain in domains
            ):
                raise Error(f"it is not a valid name: {error}; {remedy}") from None
            return None
        if name == self.domain:
            raise Error(
                "it is the domain itself, which cannot be an alias (RFC 1034, section 3.6.2);"
                f" use a name below it, such as www.{self.domain}"
            )
        if not names.is_below(name, self.domain):
            return None
        if name == f"{names.STATUS_LABEL}.{self.domain}":
            raise Error("it is reserved for the status of dm-dns; use another name")
        return name

    def check_is_free(self, name: str, owner: str | None) -> None:
        """Check that a name is not that of another machine or device than ``owner``.

        Raises:
            Error: it is.

        """
        if name in self.own_names and name != owner:
            raise Error(
                f"it is the name of {self.own_names[name]}, and must resolve to that; use another"
                " name"
            )

    def shared_name(
        self,
        name: str,
        claims: list[_Claim],
        owners: list[str],
        addresses: dict[str, tuple[str, ...]],
    ) -> tuple[str, ...]:
        """Return the addresses of a name that several machines or devices have."""
        near = [owner for owner in owners if owner in self.local]
        unknown = [owner for owner in owners if not addresses[owner] and owner not in near]
        if unknown == owners:
            self.problems.append(
                f"{name} is exported by several machines, none of which has a known address; set"
                " `addresses` for them in the role default of dm-dns:\n"
                + "\n".join(f"  {claim.text}" for claim in claims)
            )
        elif unknown:
            self.warnings.append(
                f"{name} does not resolve to {', '.join(unknown)}, which has no known address; set"
                " `addresses` in the role default of dm-dns"
            )
        known = conf.in_order(address for owner in owners for address in addresses[owner])
        count = len(known) + sum(len(self.local[owner]) for owner in near)
        if count > limits.MAX_ADDRESSES:
            self.problems.append(
                f"{name} is a name of {len(owners)} machines or devices, which have {count}"
                f" addresses, and the limit is {limits.MAX_ADDRESSES}; give it to fewer"
            )
        return known


def _canonical_network(network: Network) -> Network:
    """Return a network in the form that a zone has, as far as it is valid."""
    address, slash, length = network.prefix.partition("/")
    return Network(
        f"{conf.canonical_address(address) or address}{slash}{length}",
        conf.canonical_address(network.router) or network.router,
        network.link_address.lower(),
        network.only,
    )


def _name_in(host: str) -> str:
    """Return the name in a host that is not a name itself: a URL, with a port, or with blanks."""
    authority = re.split(r"[/?#:\s]", host.strip().rpartition("://")[2], maxsplit=1)[0]
    return authority.rstrip(".")
