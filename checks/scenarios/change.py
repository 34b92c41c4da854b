"""A change is answered on all machines, whenever it comes, and of many the last one stays."""

import shlex
from typing import Final

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_BURST: Final = 200
_PAUSE: Final = 0.01  # seconds between two changes of the burst
# While one is applied, and after that while systemd still takes the unit for running.
_DELAYS: Final = (0.0, 0.02, 0.04, 0.06, 0.08, 0.09, 0.1, 0.11, 0.12, 0.13, 0.14, 0.16)
_RELOADS: Final = "while systemctl daemon-reload; do :; done"
_SLOW_PAUSES: Final = (0.1, 0.2, 0.3, 0.4)

# Waits until no unit of dm-dns is to run any more.
_IDLE: Final = (
    "! systemctl list-units --no-legend --state=activating,deactivating 'dm-dns*' | grep ."
    " && ! systemctl list-jobs --no-legend 'dm-dns*' | grep ."
)
# $1: the first serial, $2: how many changes, $3: seconds between them. The files are written before
# because what counts is when they come, and with serials of their own because that is quick.
_CHANGES: Final = """\
rm -rf /var/lib/data-mesher/changes && mkdir /var/lib/data-mesher/changes
for serial in $(seq $1 $(($1 + $2 - 1))); do
  sed "s/^# serial: .*/# serial: $serial/" /tmp/zone.conf > /var/lib/data-mesher/changes/$serial
done
chown -R data-mesher:data-mesher /var/lib/data-mesher/changes
for serial in $(seq $1 $(($1 + $2 - 1))); do
  mv /var/lib/data-mesher/changes/$serial {mesh}/cnames
  sleep $3
done
rmdir /var/lib/data-mesher/changes
""".replace("{mesh}", zones.MESH)


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they were deployed with.
        push: how to send another zone.

    """
    serial = max(
        zones.wait_for(machine, spec["domain"], "source=deployed") for machine in machines.values()
    )
    for label in ("one", "two"):
        serial += 1
        zones.send(machines, zones.with_name(spec, label), serial, push)
        for machine in machines.values():
            zones.wait_for(machine, spec["domain"], f"serial={serial} ")
            machine.succeed(f"getent ahosts {label}.{spec['domain']}")

    machine = next(machine for name, machine in machines.items() if name != push.machine)
    machine.succeed("systemctl stop data-mesher.service", "systemctl stop dm-dns-health.timer")
    zones.put(machine, spec, serial)
    for delay in _DELAYS:
        serial = _change(machine, spec, serial, changes=2, pause=delay)
    with zones.slow_health(machine, 0.6):
        for pause in _SLOW_PAUSES:
            serial = _change(machine, spec, serial, changes=4, pause=pause)
    # As in a switch, while systemd looks at nothing else.
    machine.succeed(f"systemd-run --unit=reloads sh -c '{_RELOADS}'")
    for delay in _DELAYS:
        serial = _change(machine, spec, serial, changes=2, pause=delay)
    machine.succeed("systemctl stop reloads.service")
    serial = _change(machine, spec, serial, changes=_BURST, pause=_PAUSE)
    machine.wait_until_fails("systemctl is-failed 'dm-dns*' unbound.service")
    machine.succeed("systemctl is-active dm-dns-health.path")
    _journal(machine, spec, serial)

    machine.succeed("systemctl start dm-dns-health.timer data-mesher.service")
    # The mesh's copy is what was pushed; the serial of the burst is higher, until it is gone.
    zones.withdraw(machines, spec, push)


def _change(machine: Machine, spec: Spec, serial: int, *, changes: int, pause: float) -> int:
    """Change the zone several times; check that the last is served; return its serial."""
    machine.wait_until_succeeds(_IDLE)
    machine.succeed(f"set -- {serial + 1} {changes} {pause}\n{_CHANGES}")
    serial += changes
    zones.wait_for(machine, spec["domain"], f"serial={serial} ")
    return serial


def _journal(machine: Machine, spec: Spec, serial: int) -> None:
    """Check that the journal has a line for each change, and none without one."""
    machine.succeed("sleep 3")  # until the last change has been judged twice
    for changes in (0, 1):
        cursor = machine.succeed(
            "journalctl --sync; journalctl --lines=0 --show-cursor | sed -n 's/^-- cursor: //p'"
        ).strip()
        _change(machine, spec, serial, changes=changes, pause=0)
        machine.succeed("sleep 3", *["systemctl start dm-dns-health.service"] * 3)
        serial += changes
        lines = machine.succeed(
            f"journalctl --after-cursor={shlex.quote(cursor)} --output=cat"
            " --unit='dm-dns*' | grep -v pids.max || true"
        ).splitlines()
        if len(lines) != changes:
            raise AssertionError(f"{machine.name}: {changes} changes, in the journal: {lines}")
