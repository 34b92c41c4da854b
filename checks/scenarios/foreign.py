"""Names outside the clan go where they went before, and none of those queries reaches unbound."""

from typing import Final, NamedTuple

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_GLOBAL: Final = "/run/systemd/resolved.conf.d/scenario.conf"


class World(NamedTuple):
    """What the DNS server of the machines' links knows."""

    server: str
    link: str
    """The interface of every machine that has this server."""
    name: str
    """The only name that exists."""
    address: str


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
        try:
            for settings in (
                (unset_global, set_link),
                (set_global, set_link),
                (set_global, unset_link),
            ):
                machine.succeed(*settings)
                _check(machine, spec, world)
            # Without any other server, too, it is not asked for them.
            machine.succeed(unset_global, unset_link)
            before = zones.queries(machine)
            machine.fail(f"getent ahosts {world.name}")
            _check_queries(machine, before, 0)
        finally:
            machine.succeed(unset_global, f"resolvectl revert {world.link}; {set_link}")


def _check(machine: Machine, spec: Spec, world: World) -> None:
    machine.succeed("resolvectl flush-caches")
    before = zones.queries(machine)
    for name in (world.name, "www.example.net", f"{spec['domain']}.example.org"):
        machine.execute(f"getent ahosts {name}")
        machine.execute(f"resolvectl query {name}")
    machine.succeed(
        f"{zones.STUB} +short A {world.name} | grep -Fx {world.address}",
        f"{zones.STUB} nothing.{world.name} | grep 'status: NXDOMAIN'",
        f"getent ahosts {world.name} | grep -Fw {world.address}",
    )
    machine.fail(f"getent ahosts nothing.{world.name}")
    _check_queries(machine, before, 0)

    known, address = next(
        (name, min(addresses)) for name, addresses in zones.expected(spec).items() if addresses
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
