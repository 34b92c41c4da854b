"""avahi has port 5353 too, for multicast; whichever is there first, unbound gets its queries."""

from typing import Final

from checks.scenarios import zones
from checks.scenarios.zones import Machines, Spec

_AVAHI: Final = "avahi-daemon.service"
_UNBOUND: Final = "unbound.service"
_QUERIES: Final = 200


def run(machines: Machines, spec: Spec) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name, with avahi installed; they are booting or up.
        spec: the zone spec that they serve.

    """
    machine = next(iter(machines.values()))
    zones.wait_for(machine, spec["domain"], "serial=")
    names = " ".join(zones.expected(spec))
    for first, second in ((_AVAHI, _UNBOUND), (_UNBOUND, _AVAHI)):
        machine.succeed(f"systemctl stop avahi-daemon.socket {_AVAHI} unbound.socket {_UNBOUND}")
        for unit in (first, second):
            machine.succeed(f"systemctl start {unit}")
            machine.wait_for_unit(unit)
        for program in ("avahi-daemon", "unbound"):
            machine.succeed(f"ss -Hlunp 'sport = :5353' | grep -F '\"{program}\"'")
        zones.wait_for(machine, spec["domain"], "serial=")
        zones.check(machine, spec)

        # Whose queries would be counted.
        machine.succeed(f"systemctl stop {zones.ASKING}")
        before = zones.queries(machine)
        machine.succeed(
            f"yes {names} | tr ' ' '\\n' | head -n {_QUERIES} > /tmp/queries || true",
            f"{zones.UNBOUND} -f /tmp/queries > /tmp/answers",
            f"test $(grep -c 'status: NOERROR' /tmp/answers) = {_QUERIES}",
        )
        got = zones.queries(machine) - before
        if got != _QUERIES:
            raise AssertionError(f"{machine.name}: unbound got {got} of {_QUERIES} queries")
        machine.succeed(f"systemctl start {zones.ASKING}")
    machine.succeed(f"systemctl stop avahi-daemon.socket {_AVAHI}")
