"""Names resolve from the first boot on, before the mesh has brought anything, or without it."""

from typing import Final

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_FOLDER: Final = "/var/lib/data-mesher"
# Where even NixOS has no links to its store, and systemd looks first.
_DROP_IN: Final = "/etc/systemd/system.control/data-mesher.service.d"

_HOLD: Final = (
    f"mkdir -p {_DROP_IN}",
    f"printf '%s\\n' '[Unit]' ConditionPathExists=/nowhere > {_DROP_IN}/scenario.conf",
    "systemctl daemon-reload",
    "systemctl stop data-mesher.service",
)
"""Keeps data-mesher from starting, also after a boot, until `_release`."""


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
    for prepare in (f"mkdir -p {zones.MESH}", f"rm -rf {_FOLDER}"):
        for machine in machines.values():
            machine.succeed(
                *_HOLD,
                "systemctl stop dm-dns-health.path dm-dns-health.timer dm-dns.service",
                f"rm -rf {_FOLDER} /var/lib/dm-dns; {prepare}",
            )
            machine.reboot()
        for machine in machines.values():
            machine.wait_for_unit("unbound.service")
            serial = zones.wait_for(machine, spec["domain"], "source=deployed")
            zones.check(machine, spec)
            machine.fail(f"ls {zones.MESH} | grep .")
            machine.wait_until_fails("systemctl is-failed 'dm-dns*'")
            machine.fail("systemctl is-active data-mesher.service")

    # NixOS may have made the folder at boot, also without data-mesher.
    for machine in machines.values():
        machine.succeed(f"rm -rf {_FOLDER}", "systemctl restart dm-dns.service unbound.service")
        zones.wait_for(machine, spec["domain"], f"serial={serial} .*source=deployed")
        zones.check(machine, spec)
        machine.wait_until_fails("systemctl is-failed 'dm-dns*'")

    # The mesh's folder appears long after dm-dns.service began to watch for it.
    for machine in machines.values():
        machine.fail(f"test -e {_FOLDER}")
        _release(machine)
    zones.send(machines, zones.changed(spec), serial + 1, push)
    for machine in machines.values():
        zones.wait_for(machine, spec["domain"], f"serial={serial + 1} .*source=mesh")
    zones.withdraw(machines, spec, push)


def _release(machine: Machine) -> None:
    machine.succeed(
        f"rm -r {_DROP_IN}",
        "systemctl daemon-reload",
        # What NixOS makes for data-mesher at boot.
        f"systemd-tmpfiles --create --prefix={_FOLDER}",
        "systemctl start data-mesher.service",
    )
