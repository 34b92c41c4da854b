"""Machines with addresses in two VPNs, one of which answers its LAN and one of the VPNs."""

import json
from typing import Final, NamedTuple

from checks.scenarios import deployment, zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

SERVER: Final = "zoltraak"
"""The machine with the settings `listen` and `allow`."""
LAN: Final = "192.168.1.4"
"""An address where it listens."""
VPN: Final = "fd35:f254:ab26:d7ec:8d99:931b:b832:28fb"
"""The other one, in zerotier."""


class Way(NamedTuple):
    """From where to where a machine asks another."""

    to: str
    """Where the other listens."""
    start: str
    """How the address starts that is asked from."""
    is_allowed: bool


WAYS: Final = (
    Way(LAN, "192.168.1.", is_allowed=True),
    Way(VPN, "fd35:", is_allowed=True),
    Way(VPN, "20", is_allowed=False),
)
"""How the others ask it: in the LAN, in one VPN, and from their address in the other."""


def run(machines: Machines, spec: Spec) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan of checks/module/cases/lan.nix, by name; they are booting or up.
        spec: the zone spec that they serve; all machines have an address of each VPN.

    """
    for machine in machines.values():
        zones.wait_for(machine, spec["domain"], "serial=")
        zones.check(machine, spec)
        _own_name(machine, spec)
    for name, client in machines.items():
        if name != SERVER:
            for way in WAYS:
                _ask(client, spec, way)
            _status(client)


def _status(client: Machine) -> None:
    """Check that another machine learns what the server serves without logging in there."""
    found = json.loads(client.succeed("{ dm-dns status --all --json || true; }"))
    (row,) = [row for row in found["machines"] if row["machine"] == SERVER]
    if (row["verdict"], row["via"]) != ("newest", "dns"):
        raise AssertionError(f"{client.name} has found of {SERVER}: {row}")


def _own_name(machine: Machine, spec: Spec) -> None:
    """Check what a machine says about itself where NixOS has its name in /etc/hosts."""
    domain = spec["domain"]
    name = f"{machine.name}.{domain}"
    addresses = zones.expected(spec)[name]
    # By an address for another machine it can be told that /etc/hosts was read again.
    other = next(label for label in spec["machines"] if label != machine.name)
    deployment.add_hosts(
        machine, f"127.0.0.2 {name} {machine.name}", f"203.0.113.7 {other}.{domain}"
    )
    read = f"{zones.UNBOUND} +short A {other}.{domain} | grep -Fx 203.0.113.7"
    machine.wait_until_succeeds(read)
    machine.succeed(
        f"{{ {zones.UNBOUND} +short A {name}; {zones.UNBOUND} +short AAAA {name}; }}"
        f" | sort > /tmp/own; printf '%s\\n' {' '.join(addresses)} | sort | diff - /tmp/own"
    )
    deployment.restore_hosts(machine)
    machine.wait_until_fails(read)


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
