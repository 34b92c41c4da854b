"""A machine's own name leads to its address, and devices outside the clan may ask if allowed."""

import shlex
from typing import Final, NamedTuple

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_CONFIG: Final = "/etc/unbound/unbound.conf"


class Listener(NamedTuple):
    """A machine with the settings `listen` and `allow`."""

    config: str
    """Its unbound.conf."""
    link: str
    """The interface that all machines have."""
    address: str
    """Where it listens, with the length of the prefix; the network is allowed to ask."""
    client: str
    """Another address of that network."""


def run(machines: Machines, spec: Spec, listener: Listener) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they serve.
        listener: the settings to give to one of them.

    """
    machine, client, *_ = machines.values()
    zones.wait_for(machine, spec["domain"], "serial=")
    _own_name(machine, spec)
    machine.succeed(
        f"cp -p {_CONFIG} /tmp/unbound.conf",
        f"printf %s {shlex.quote(listener.config)} > {_CONFIG}",
        f"ip address add {listener.address} dev {listener.link}",
        "systemctl restart unbound.service",
    )
    client.succeed(f"ip address add {listener.client} dev {listener.link}")
    try:
        _ask(client, spec, listener)
    finally:
        client.succeed(f"ip address del {listener.client} dev {listener.link}")
        machine.succeed(
            f"ip address del {listener.address} dev {listener.link}",
            f"cat /tmp/unbound.conf > {_CONFIG}",
            "systemctl restart unbound.service",
        )
    zones.check(machine, spec)


def _own_name(machine: Machine, spec: Spec) -> None:
    """Check what a machine says about itself where NixOS has its name in /etc/hosts."""
    name = f"{machine.name}.{spec['domain']}"
    address = spec["machines"][machine.name]["addresses"][0]
    machine.succeed(
        "cp /etc/hosts /tmp/hosts",
        f"echo 127.0.0.2 {name} {machine.name} >> /etc/hosts",
        "systemctl restart dm-dns-zone.service",
        "systemctl start dm-dns-apply.service",
        f"{zones.UNBOUND} +short {name} > /tmp/own; echo {address} | diff - /tmp/own",
        "cat /tmp/hosts > /etc/hosts; systemctl restart dm-dns-zone.service",
    )


def _ask(client: Machine, spec: Spec, listener: Listener) -> None:
    server = listener.address.partition("/")[0]
    allowed = listener.client.partition("/")[0]
    query = f"dig @{server} -b {allowed} +tries=1 +time=5"
    for name, addresses in zones.expected(spec).items():
        for address in addresses:
            client.succeed(f"{query} A {name} | grep -Fw {address}")
    for name, status in ((f"unknown.{spec['domain']}", "NXDOMAIN"), ("example.com", "REFUSED")):
        client.succeed(f"{query} {name} | grep 'status: {status}'")
    # From its other address, which is of no allowed network.
    other = spec["machines"][client.name]["addresses"][0]
    client.succeed(
        f"dig @{server} -b {other} +tries=1 +time=5 {client.name}.{spec['domain']}"
        " | grep 'status: REFUSED'"
    )
