"""Names resolve from the first boot on, before the mesh has brought anything, or without it."""

from checks.scenarios import zones
from checks.scenarios.zones import Machines, Push, Spec


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario, on machines where nobody has pushed yet.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they were deployed with.
        push: how to send another zone.

    """
    for machine in machines.values():
        zones.wait_for(machine, spec["domain"], "source=deployed")
        machine.fail(f"test -e {zones.MESH}/cnames")
        zones.check(machine, spec)

    # The first boot of a machine whose data-mesher never starts, or has not even a folder.
    for prepare in (f"mkdir -p {zones.MESH}", "rm -rf /var/lib/data-mesher"):
        for machine in machines.values():
            machine.succeed(
                "systemctl disable --now data-mesher.service",
                "systemctl stop dm-dns-apply.path dm-dns-apply.timer",
                "systemctl stop dm-dns-watch.service dm-dns-apply.service",
                f"rm -rf /var/lib/data-mesher /var/lib/dm-dns; {prepare}",
            )
            machine.reboot()
        for machine in machines.values():
            machine.wait_for_unit("unbound.service")
            serial = zones.wait_for(machine, spec["domain"], "source=deployed")
            zones.check(machine, spec)
            machine.fail(f"ls {zones.MESH} | grep .", "systemctl is-failed 'dm-dns-*'")
            machine.fail("systemctl is-active data-mesher.service")

    # The mesh's folder appears long after the path unit began to look for it.
    for machine in machines.values():
        machine.fail("test -e /var/lib/data-mesher")
        machine.succeed("systemctl enable --now data-mesher.service")
    zones.send(machines, zones.changed(spec), serial + 1, push)
    for machine in machines.values():
        zones.wait_for(machine, spec["domain"], f"serial={serial + 1} .*source=mesh")
    zones.withdraw(machines, spec, push)
