"""Names outside the clan go where they went before, and none of those queries reaches unbound."""

import re
from typing import Final, NamedTuple

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_GLOBAL: Final = "/run/systemd/resolved.conf.d/scenario.conf"

NAME: Final = "www.example.org"
ADDRESS: Final = "192.0.2.80"
"""What exists in the world (checks/world.py). Every other name is NXDOMAIN."""


class World(NamedTuple):
    """Where the DNS server for the rest of the world is."""

    server: str
    """Its address."""
    link: str
    """The interface of every machine that leads there."""


def run(machines: Machines, spec: Spec, world: World) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they serve.
        world: what is outside.

    """
    set_link = f"resolvectl dns {world.link} {world.server}"
    unset_link = f"resolvectl dns {world.link} ''"
    set_global = (
        f"mkdir -p {_GLOBAL.rpartition('/')[0]}; printf '[Resolve]\\nDNS={world.server}\\n'"
        f" > {_GLOBAL}; systemctl reload systemd-resolved"
    )
    unset_global = f"rm -f {_GLOBAL}; systemctl reload systemd-resolved"
    for machine in machines.values():
        zones.wait_for(machine, spec["domain"], "serial=")
        # Whose queries would be counted.
        machine.succeed(f"systemctl stop {zones.ASKING}")
        machine.wait_until_succeeds(
            f"dig @{world.server} +tries=1 +time=5 +short A {NAME} | grep -Fx {ADDRESS}"
        )
        # Such as QEMU's network, whose server knows another world or none.
        others = {link: servers for link, servers in _servers(machine) if link != world.link}
        machine.succeed(*(f"resolvectl dns {link} ''" for link in others))
        try:
            for settings in (
                (unset_global, set_link),
                (set_global, set_link),
                (set_global, unset_link),
            ):
                machine.succeed(*settings)
                _check(machine, spec)
            # Without any other server, too, it is not asked for them.
            machine.succeed(unset_global, unset_link)
            before = zones.queries(machine)
            machine.fail(f"getent ahosts {NAME}")
            _check_queries(machine, before, 0)
        finally:
            machine.succeed(unset_global, f"resolvectl revert {world.link}; {set_link}")
            for link, servers in others.items():
                machine.succeed(f"resolvectl revert {link}; resolvectl dns {link} {servers}")
            machine.succeed(f"systemctl start {zones.ASKING}")


def _servers(machine: Machine) -> list[tuple[str, str]]:
    """Return the links that have DNS servers, and these."""
    printed = machine.succeed("resolvectl dns")
    return re.findall(r"^Link \d+ \((\S+)\): *(\S.*)$", printed, re.MULTILINE)


def _check(machine: Machine, spec: Spec) -> None:
    machine.succeed("resolvectl flush-caches")
    before = zones.queries(machine)
    for name in (NAME, "www.example.net", f"{spec['domain']}.example.org"):
        machine.execute(f"getent ahosts {name}")
        machine.execute(f"resolvectl query {name}")
    machine.succeed(
        f"{zones.STUB} +short A {NAME} | grep -Fx {ADDRESS}",
        f"{zones.STUB} nothing.{NAME} | grep 'status: NXDOMAIN'",
        f"getent ahosts {NAME} | grep -Fw {ADDRESS}",
    )
    machine.fail(f"getent ahosts nothing.{NAME}")
    _check_queries(machine, before, 0)

    # Not the machine's own name, which /etc/hosts has.
    known, address = next(
        (name, min(addresses))
        for name, addresses in zones.expected(spec).items()
        if addresses and name != f"{machine.name}.{spec['domain']}"
    )
    before = zones.queries(machine)
    machine.succeed(
        f"{zones.STUB} A {known} | grep -Fw {address}",
        f"{zones.STUB} unknown.{spec['domain']} | grep 'status: NXDOMAIN'",
    )
    _check_queries(machine, before, 2)


def _check_queries(machine: Machine, before: int, expected: int) -> None:
    """Check how many queries unbound got; a repeated one may count twice."""
    got = zones.queries(machine) - before
    if not expected <= got <= 2 * expected:
        raise AssertionError(f"{machine.name}: unbound got {got} queries, not {expected}")
