"""The zone spec: what a clan's exports say, and the zone that follows from it.

The module checked the same rules when it evaluated the clan. They are checked again here, because
every machine trusts what is signed later.
"""

import re
from pathlib import Path
from typing import NamedTuple

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.json_fields import JsonFields
from dm_dns.zone import conf, limits, names


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


class Spec(NamedTuple):
    """A zone spec as it was read: only its form has been checked."""

    domain: str
    machines: dict[str, list[str]]
    """Name to IP addresses."""
    endpoints: list[Endpoint]


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
    fields.check_keys({"domain", "machines", "endpoints"})
    return Spec(
        domain=fields.text("domain"),
        machines=fields.object("machines").members(_addresses),
        endpoints=[_endpoint(endpoint) for endpoint in fields.objects("endpoints")],
    )


def _addresses(machines: JsonFields, name: str) -> list[str]:
    machine = machines.object(name)
    machine.check_keys({"addresses"})
    return machine.texts("addresses")


def _endpoint(fields: JsonFields) -> Endpoint:
    fields.check_keys(Endpoint._fields)
    return Endpoint(*map(fields.text, Endpoint._fields))


def to_zone(spec: Spec, serial: int) -> tuple[conf.Zone, list[str]]:
    """Return the zone of ``spec`` with ``serial``, and warnings.

    Raises:
        Error: rules are broken; the message has a line for each case.

    """
    return _Builder(spec).build(serial)


class _Builder:
    """Checks all of a spec and collects what is wrong with it."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def build(self, serial: int) -> tuple[conf.Zone, list[str]]:
        try:
            self.domain = names.canonical_domain(self.spec.domain)
        except names.InvalidNameError as error:
            raise Error(f"the domain {self.spec.domain!a} is not a valid name: {error}") from None
        self.machines = self.machine_names()
        self.own_names = set(self.machines.values())
        addresses = {
            self.machines[machine]: self.machine_addresses(machine) for machine in self.machines
        }
        cnames = {}
        for name, endpoints in self.endpoints_by_name().items():
            machines = sorted({self.machines[endpoint.machine] for endpoint in endpoints})
            if machines == [name]:
                continue  # a machine's own name has its addresses already
            if len(machines) == 1:
                cnames[name] = machines[0]
            else:
                addresses[name] = self.shared_name(name, endpoints, machines, addresses)
        if self.problems:
            raise Error("\n".join(self.problems))
        return conf.Zone(self.domain, serial, cnames, addresses), self.warnings

    def machine_names(self) -> dict[str, str]:
        """Return the full name of each machine."""
        full: dict[str, str] = {}
        for machine in self.spec.machines:
            try:
                label = names.canonical_label(machine)
                names.check(f"{label}.{self.domain}")
                if label == names.STATUS_LABEL:
                    raise names.InvalidNameError("it is reserved for the status of dm-dns")  # noqa: TRY301
            except names.InvalidNameError as error:
                self.problems.append(
                    f"machine {machine!a} has no valid name: {error}; rename the machine"
                )
                continue
            name = f"{label}.{self.domain}"
            if name in full.values():
                self.problems.append(
                    f"machine {machine!a} has the name {name}, as another machine has that differs"
                    " only in upper and lower case; rename one of them"
                )
            full[machine] = name
        return full

    def machine_addresses(self, machine: str) -> tuple[str, ...]:
        known = []
        for text in self.spec.machines[machine]:
            address = conf.canonical_address(text)
            if address is None:
                self.problems.append(
                    f"machine '{machine}': {text!a} is not an IP address; correct `addresses`"
                )
            else:
                known.append(address)
        addresses = conf.in_order(known)
        if len(addresses) > limits.MAX_ADDRESSES:
            self.problems.append(
                f"machine '{machine}' has {len(addresses)} addresses, and the limit is"
                f" {limits.MAX_ADDRESSES}; remove some from `addresses`"
            )
        return addresses

    def endpoints_by_name(self) -> dict[str, list[Endpoint]]:
        """Return the endpoints in the domain by their canonical name."""
        by_name: dict[str, list[Endpoint]] = {}
        for endpoint in sorted(set(self.spec.endpoints)):
            try:
                name = self.canonical_name(endpoint)
            except Error as error:
                self.problems.append(f"{endpoint}: {error}")
            else:
                if name and endpoint.machine in self.machines:
                    by_name.setdefault(name, []).append(endpoint)
        return by_name

    def canonical_name(self, endpoint: Endpoint) -> str | None:
        """Return the canonical name of an endpoint; None if it lies outside the domain.

        Raises:
            Error: it breaks a rule.

        """
        try:
            name = names.canonical(endpoint.host)
        except names.InvalidNameError as error:
            host = endpoint.host.lower()
            domains = (self.domain, self.spec.domain.lower().rstrip("."))
            if any(
                name == domain or names.is_below(name, domain)
                for name in (host.rstrip("."), _name_in(host))
                for domain in domains
            ):
                raise Error(
                    f"it is not a valid name: {error}; correct the service's host"
                ) from None
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
        if endpoint.machine not in self.spec.machines:
            raise Error("the clan has no such machine; add it to the inventory")
        if name in self.own_names and self.machines.get(endpoint.machine) != name:
            raise Error(
                "it is the name of another machine, and must resolve to that machine; use another"
                " name"
            )
        return name

    def shared_name(
        self,
        name: str,
        endpoints: list[Endpoint],
        machines: list[str],
        addresses: dict[str, tuple[str, ...]],
    ) -> tuple[str, ...]:
        """Return the addresses of a name that several machines answer on."""
        unknown = [machine for machine in machines if not addresses[machine]]
        if unknown == machines:
            self.problems.append(
                f"{name} is exported by several machines, none of which has a known address; set"
                " `addresses` for them in the role default of dm-dns:\n"
                + "\n".join(f"  {endpoint}" for endpoint in endpoints)
            )
        elif unknown:
            self.warnings.append(
                f"{name} does not resolve to {', '.join(unknown)}, which has no known address; set"
                " `addresses` in the role default of dm-dns"
            )
        known = conf.in_order(address for machine in machines for address in addresses[machine])
        if len(known) > limits.MAX_ADDRESSES:
            self.problems.append(
                f"{name} is exported by {len(machines)} machines, which have {len(known)}"
                f" addresses, and the limit is {limits.MAX_ADDRESSES}; export it on fewer machines"
            )
        return known


def _name_in(host: str) -> str:
    """Return the name in a host that is not a name itself: a URL, with a port, or with blanks."""
    authority = re.split(r"[/?#:\s]", host.strip().rpartition("://")[2], maxsplit=1)[0]
    return authority.rstrip(".")
