"""Every name of the clan resolves on every machine: as it was deployed, and after a push."""

import json
import shlex
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from checks.scenarios.machine import Machine

_QUERY: Final = "dig @127.0.0.1 -p 5353 +tries=1 +time=5"


class Push(NamedTuple):
    """Where files are on the machine that sends the zone."""

    machine: str
    key: str
    network_id: str


def run(machines: Mapping[str, Machine], spec: dict[str, Any], push: Push) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they were deployed with.
        push: how to send another zone.

    """
    serial = 0
    for machine in machines.values():
        machine.wait_for_unit("unbound.service")
        serial = _wait_for_zone(machine, spec["domain"], "source=deployed")
        _check(machine, spec)

    moved = _changed(spec)
    serial += 1
    _send(machines[push.machine], moved, serial, push)
    for machine in machines.values():
        _wait_for_zone(machine, spec["domain"], f"serial={serial} .*source=mesh")
        _check(machine, moved)

    for name, machine in machines.items():
        if name != push.machine:
            machine.fail(f"test -e {push.key}")


def _changed(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a spec in which each name of one machine is another's, and there is a new name."""
    names = sorted(spec["machines"])
    following = dict(zip(names, [*names[1:], names[0]], strict=True))
    endpoints = [
        {**endpoint, "machine": following[endpoint["machine"]]} for endpoint in spec["endpoints"]
    ]
    new = {**endpoints[0], "host": f"new.{spec['domain']}"}
    return {**spec, "endpoints": [*endpoints, new]}


def _send(machine: Machine, spec: dict[str, Any], serial: int, push: Push) -> None:
    machine.wait_for_unit("data-mesher.service")
    machine.succeed(
        f"printf %s {shlex.quote(json.dumps(spec))} > /tmp/spec.json",
        f"dm-dns render /tmp/spec.json -o /tmp/zone.conf --serial {serial}",
        f"dm-dns push /tmp/zone.conf --domain {spec['domain']}"
        f" --key {push.key} --network-id {push.network_id}",
    )


def _wait_for_zone(machine: Machine, domain: str, expected: str) -> int:
    """Wait until the machine serves a zone with this in its TXT record; return the serial."""
    status = machine.wait_until_succeeds(
        f"{_QUERY} +short TXT _dm-dns.{domain} | tr -d '\"' | grep {shlex.quote(expected)}"
    )
    fields = dict(field.split("=", 1) for field in status.split())
    return int(fields["serial"])


def _check(machine: Machine, spec: dict[str, Any]) -> None:
    """Check that all names resolve, and that others do not."""
    for name, addresses in _expected(spec).items():
        printed = machine.succeed(f"{_QUERY} +short A '{name}'", f"{_QUERY} +short AAAA '{name}'")
        found = {line for line in printed.splitlines() if not line.endswith(".")}
        if found != addresses:
            raise AssertionError(f"{name}: {sorted(found)}, not {sorted(addresses)}")
    for name, status in ((f"unknown.{spec['domain']}", "NXDOMAIN"), ("example.com", "REFUSED")):
        machine.succeed(f"{_QUERY} +noall +comments A {name} | grep 'status: {status}'")


def _expected(spec: dict[str, Any]) -> dict[str, set[str]]:
    """Return each name's addresses, as dig writes them; of a wildcard, one of the names."""
    machines = {
        name: {str(ip_address(address)) for address in machine["addresses"]}
        for name, machine in spec["machines"].items()
    }
    expected = {f"{name}.{spec['domain']}": set(found) for name, found in machines.items()}
    for endpoint in spec["endpoints"]:
        name = endpoint["host"].replace("*", "any")
        expected.setdefault(name, set()).update(machines[endpoint["machine"]])
    return expected
