"""Every name of the clan resolves on every machine: as it was deployed, and after a push."""

from checks.scenarios import zones
from checks.scenarios.zones import Machines, Push, Spec


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they were deployed with.
        push: how to send another zone.

    """
    serial = 0
    for machine in machines.values():
        machine.wait_for_unit("unbound.service")
        serial = zones.wait_for(machine, spec["domain"], "source=deployed")
        zones.check(machine, spec)

    moved = zones.changed(spec)
    serial += 1
    zones.send(machines, moved, serial, push)
    for machine in machines.values():
        zones.wait_for(machine, spec["domain"], f"serial={serial} .*source=mesh")
        zones.check(machine, moved)

    for name, machine in machines.items():
        if name != push.machine:
            machine.fail(f"test -e {push.key}")
    zones.withdraw(machines, spec, push)
