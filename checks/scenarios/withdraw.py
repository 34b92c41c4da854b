"""A zone that is taken out of the mesh stays out, and names resolve as they were deployed."""

from typing import Final

from checks.scenarios import deployment, zones
from checks.scenarios.deployment import UNIT
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_MESH_FILE: Final = f"{zones.MESH}/cnames"
_STILL: Final = 3
"""Seconds in which nothing may happen."""


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up. Some push automatically.
        spec: the zone spec that they were deployed with.
        push: how to send another zone.

    """
    domain = spec["domain"]
    pushers = deployment.pushers(machines)
    pusher = machines[push.machine]
    if pusher not in pushers:
        raise AssertionError(f"{pusher.name} does not push automatically")
    serial = deployment.serial(pusher)
    newer, newest = zones.with_name(spec, "newer"), deployment.newer_serial(pusher, domain)

    deployment.switch(pusher, newer, newest)
    for machine in machines.values():
        zones.wait_for(machine, domain, f"serial={newest} .*source=mesh")
        machine.succeed(f"getent ahosts newer.{domain}")
    for machine in pushers:
        deployment.wait_until_idle(machine)

    runs = [deployment.runs(machine) for machine in pushers]
    pusher.succeed(f"dm-send-dns --delete | grep '^deleted dns/cnames (serial {newest}, '")
    for machine in machines.values():
        deployed = newest if machine is pusher else serial
        zones.wait_for(machine, domain, f"serial={deployed} .*source=deployed")
        machine.fail(f"test -e {_MESH_FILE}")
        zones.check(machine, newer if machine is pusher else spec)

    # The machines that push automatically have seen it, and have left it at that.
    for machine, before in zip(pushers, runs, strict=True):
        deployment.wait_for_run(machine, before)
    # Not by a switch either that has not changed the zone, nor when the timer looks.
    for machine in pushers:
        machine.succeed(f"systemctl restart {UNIT}")
        deployment.wait_until_idle(machine)
    pusher.succeed(f"sleep {_STILL}", "dm-send-dns --delete | grep '^nothing to do '")
    for machine in machines.values():
        machine.fail(f"test -e {_MESH_FILE}")

    _boot(machines, spec, pusher, serial)
    zones.withdraw(machines, spec, push)


def _boot(machines: Machines, spec: Spec, pusher: Machine, serial: int) -> None:
    """Check that the next boot of a machine that pushes ends it, if that is not outdated."""
    pusher.reboot()  # with what it was deployed with before: see `deployment.switch`
    pusher.wait_until_succeeds("test -e /run/dm-dns-push/handled")
    deployment.wait_until_idle(pusher)
    for machine in machines.values():
        machine.fail(f"test -e {_MESH_FILE}")
    # The zone that was withdrawn was newer. Without it, as everywhere where nobody had pushed one:
    pusher.succeed("rm -r /var/lib/dm-dns/history")
    pusher.reboot()
    for machine in machines.values():
        zones.wait_for(machine, spec["domain"], f"serial={serial} .*source=mesh")
    deployment.wait_until_idle(pusher)
