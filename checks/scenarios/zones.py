"""What scenarios do with zones: send one, wait for it, and ask for all of its names."""

import json
import shlex
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from checks.scenarios.machine import Machine

UNBOUND: Final = "dig @127.0.0.1 -p 5353 +tries=1 +time=5"
STUB: Final = "dig @127.0.0.53 +tries=1 +time=5"
"""systemd-resolved, which programs ask."""
MESH: Final = "/var/lib/data-mesher/files/home/dns"
"""The mesh's folder on every machine, and in it the zone, `cnames`."""

Spec = dict[str, Any]
Machines = Mapping[str, Machine]


class Push(NamedTuple):
    """Where files are on the machine that sends the zone."""

    machine: str
    key: str
    network_id: str


def send(machines: Machines, spec: Spec, serial: int, push: Push) -> None:
    """Make a zone and push it, on the machine that may."""
    machine = machines[push.machine]
    machine.wait_for_unit("data-mesher.service")
    machine.succeed(
        *_render(spec, serial),
        f"dm-dns push /tmp/zone.conf --domain {spec['domain']}"
        f" --key {push.key} --network-id {push.network_id}",
    )


def put(machine: Machine, spec: Spec, serial: int) -> None:
    """Put a zone into the mesh's folder of one machine, as data-mesher would."""
    machine.succeed(
        *_render(spec, serial),
        f"install -o data-mesher -g data-mesher -m 640 /tmp/zone.conf {MESH}/../.new",
        f"mv {MESH}/../.new {MESH}/cnames",
    )


def _render(spec: Spec, serial: int) -> tuple[str, str]:
    return (
        f"printf %s {shlex.quote(json.dumps(spec))} > /tmp/spec.json",
        f"dm-dns render /tmp/spec.json -o /tmp/zone.conf --serial {serial}",
    )


def withdraw(machines: Machines, spec: Spec, push: Push) -> None:
    """Take the zone out of the mesh, and wait until machines serve what they were deployed with."""
    machines[push.machine].succeed(
        f"data-mesher file delete dns/cnames --key {push.key} --network-id {push.network_id}"
    )
    for machine in machines.values():
        wait_for(machine, spec["domain"], "source=deployed")


def wait_for(machine: Machine, domain: str, expected: str) -> int:
    """Wait until the machine serves a zone with this in its TXT record; return the serial.

    Args:
        machine: which is to serve it.
        domain: of the zone.
        expected: a regular expression of grep.

    """
    status = machine.wait_until_succeeds(
        f"{UNBOUND} +short TXT _dm-dns.{domain} | tr -d '\"' | grep {shlex.quote(expected)}"
    )
    fields = dict(field.split("=", 1) for field in status.split())
    return int(fields["serial"])


def changed(spec: Spec) -> Spec:
    """Return a spec in which each name of one machine is another's, and there is a new name."""
    names = sorted(spec["machines"])
    following = dict(zip(names, [*names[1:], names[0]], strict=True))
    endpoints = [
        {**endpoint, "machine": following[endpoint["machine"]]} for endpoint in spec["endpoints"]
    ]
    new = {**endpoints[0], "host": f"new.{spec['domain']}"}
    return {**spec, "endpoints": [*endpoints, new]}


def with_name(spec: Spec, label: str) -> Spec:
    """Return a spec with one more name, of the first machine."""
    first = min(spec["machines"])
    new = {**spec["endpoints"][0], "host": f"{label}.{spec['domain']}", "machine": first}
    return {**spec, "endpoints": [*spec["endpoints"], new]}


def check_at_unbound(machine: Machine, spec: Spec) -> None:
    """Check that unbound has all names, each with its addresses in the same answer."""
    _check(machine, spec, UNBOUND)
    _check_status(machine, UNBOUND, f"unknown.{spec['domain']}", "NXDOMAIN")
    _check_status(machine, UNBOUND, "example.com", "REFUSED")


def check(machine: Machine, spec: Spec) -> None:
    """Check all names at unbound, at systemd-resolved, and as programs resolve them."""
    check_at_unbound(machine, spec)
    _check(machine, spec, STUB)
    _check_status(machine, STUB, f"unknown.{spec['domain']}", "NXDOMAIN")
    for name, addresses in expected(spec).items():
        printed = machine.succeed(f"getent ahosts {name} | cut -d ' ' -f 1")
        _compare(machine, "getent", name, printed.split(), addresses)
    machine.fail(f"getent ahosts unknown.{spec['domain']}")


def _check(machine: Machine, spec: Spec, query: str) -> None:
    for name, addresses in expected(spec).items():
        printed = machine.succeed(f"{query} +short A '{name}'", f"{query} +short AAAA '{name}'")
        found = (line for line in printed.splitlines() if not line.endswith("."))
        _compare(machine, query, name, found, addresses)


def _check_status(machine: Machine, query: str, name: str, status: str) -> None:
    machine.succeed(f"{query} +noall +comments A {name} | grep 'status: {status}'")


def _compare(
    machine: Machine, query: str, name: str, found: Iterable[str], addresses: set[str]
) -> None:
    if set(found) != addresses:
        raise AssertionError(
            f"{machine.name}: {query}: {name} is {sorted(found)}, not {sorted(addresses)}"
        )


def expected(spec: Spec) -> dict[str, set[str]]:
    """Return each name's addresses, as dig writes them; of a wildcard, one of the names."""
    machines = {
        name: {str(ip_address(address)) for address in machine["addresses"]}
        for name, machine in spec["machines"].items()
    }
    found = {f"{name}.{spec['domain']}": set(addresses) for name, addresses in machines.items()}
    for endpoint in spec["endpoints"]:
        name = endpoint["host"].replace("*", "any")
        found.setdefault(name, set()).update(machines[endpoint["machine"]])
    return found
