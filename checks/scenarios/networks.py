"""Machines with addresses in two VPNs, one of which answers its LAN and one of the VPNs."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_RESTART: Final = "systemctl restart dm-dns-zone.service dm-dns-watch.service"


class Way(NamedTuple):
    """From where to where a machine asks another."""

    to: str
    """Where the other listens."""
    start: str
    """How the address starts that is asked from."""
    is_allowed: bool


def run(machines: Machines, spec: Spec, server: str, ways: Iterable[Way]) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they serve; all machines have an address of each VPN.
        server: the machine with the settings `listen` and `allow`.
        ways: how the others ask it.

    """
    for machine in machines.values():
        zones.wait_for(machine, spec["domain"], "serial=")
        zones.check(machine, spec)
        _own_name(machine, spec)
    for name, client in machines.items():
        if name != server:
            for way in ways:
                _ask(client, spec, way)


def _own_name(machine: Machine, spec: Spec) -> None:
    """Check what a machine says about itself where NixOS has its name in /etc/hosts."""
    name = f"{machine.name}.{spec['domain']}"
    addresses = zones.expected(spec)[name]
    machine.succeed(
        "cp /etc/hosts /tmp/hosts",
        f"echo 127.0.0.2 {name} {machine.name} >> /etc/hosts",
        _RESTART,
        f"{{ {zones.UNBOUND} +short A {name}; {zones.UNBOUND} +short AAAA {name}; }}"
        f" | sort > /tmp/own; printf '%s\\n' {' '.join(addresses)} | sort | diff - /tmp/own",
        f"cat /tmp/hosts > /etc/hosts; {_RESTART}",
    )


def _ask(client: Machine, spec: Spec, way: Way) -> None:
    """Ask for all names, with their addresses in the same answer, and for what has none."""
    source = client.succeed(
        f"ip --brief address show scope global | grep -o ' {way.start}[^/]*' | head -n 1"
    ).strip()
    query = f"dig @{way.to} -b {source} +tries=1 +time=5"
    known = next(iter(zones.expected(spec)))
    expected = {"example.com": "REFUSED"}
    if way.is_allowed:
        zones.check_names(client, spec, query)
        expected[f"unknown.{spec['domain']}"] = "NXDOMAIN"
    else:
        expected[known] = "REFUSED"
    for name, status in expected.items():
        client.succeed(zones.status(query, name, status))
