"""No lookup fails while unbound, or all that is dm-dns's, is away for a moment."""

from typing import Final

from checks.scenarios import lookups, zones
from checks.scenarios.lookups import Lookups
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_OURS: Final = "dm-dns.service dm-dns-hook.service unbound.service"
_WATCHERS: Final = "dm-dns-health.path dm-dns-health.timer"
_NEW_SOCKET: Final = (
    "systemctl stop dm-dns-hook.socket dm-dns-hook.service; sleep 0.5;"
    " systemctl start dm-dns-hook.service"
)
"""What a switch from a configuration without the hook does."""
_SECONDS: Final = 4
"""How long names are looked up; each outage is after one of them."""
_HANGS: Final = 4.0
"""Seconds of a lookup that waited for a lost query to be repeated. `make compare` measures them."""
_LONG: Final = 4.0
"""A query to unbound that takes longer shows that unbound was away for longer, on a busy machine:
then lookups of programs, for which the hook waits 5 s, may fail."""
_GIVES_UP: Final = 8.0
"""Seconds in which a lookup fails while unbound is away."""

_KILL: Final = "systemctl kill --signal=KILL unbound"
_RESTART_ALL: Final = f"systemctl daemon-reload; systemctl restart {_OURS} {_WATCHERS}"
"""What a switch does that changes all of dm-dns's units."""
OUTAGES: Final = (
    "systemctl restart unbound",
    _KILL,
    "systemctl stop unbound; sleep 0.2; systemctl start unbound",
    "systemctl reload unbound",
    "systemctl restart dm-dns-hook",
    _RESTART_ALL,
)


def run(machines: Machines, spec: Spec) -> None:
    """Run the scenario, on one machine.

    Args:
        machines: all of the clan, by name, with python3; they are booting or up.
        spec: the zone spec that they serve.

    """
    machine = next(iter(machines.values()))
    zones.wait_for(machine, spec["domain"], "serial=")
    name, addresses = zones.of_another(machine, spec)
    found = lookups.found(addresses)

    for outage in OUTAGES:
        program, unbound = lookups.during(machine, name, outage, _SECONDS)
        # The query that it was answering when it was killed is lost. Who asks it repeats that.
        lost = 1 if outage == _KILL else 0
        _check(machine, f"{outage}: unbound", unbound, "answered", lost=lost)
        failed = program.ends.get("EAI_AGAIN", 0) if unbound.longest > _LONG else 0
        _check(machine, f"{outage}: programs", program, found, lost=failed)
    for outage in ("systemctl restart dm-dns-hook", _RESTART_ALL):
        answered = lookups.held(machine, name, outage)
        if answered != lookups.HELD:
            raise AssertionError(
                f"{machine.name}: {outage}, while resolved asks the hook: {answered} of"
                f" {lookups.HELD} lookups are answered"
            )
    # A check may have failed meanwhile, and dm-dns.service starts another one.
    machine.wait_until_fails("systemctl is-failed 'dm-dns*.service' unbound.service")

    # resolved may find the socket before it may connect to it.
    lookups.during(machine, name, _NEW_SOCKET, _SECONDS)
    zones.check(machine, spec)

    # unbound is away for good, and resolved's own socket on its port would swallow queries.
    machine.succeed("systemctl stop unbound.socket unbound.service")
    program, _ = lookups.during(machine, name, "true", _SECONDS)
    _check(machine, "without unbound: programs", program, "EAI_AGAIN", hangs=_GIVES_UP)
    machine.fail("systemctl start dm-dns-health.service")
    machine.succeed("systemctl start unbound.socket unbound.service")
    zones.wait_for(machine, spec["domain"], "serial=")
    zones.check(machine, spec)
    machine.succeed("systemctl start dm-dns-health.service")


def _check(  # noqa: PLR0913 - each is named in the call
    machine: Machine,
    when: str,
    looked_up: Lookups,
    end: str,
    *,
    lost: int = 0,
    hangs: float = _HANGS,
) -> None:
    """Check that lookups ended like this, but for as many as may be lost, and none took long."""
    number = 100 * _SECONDS
    fine = looked_up.ends.get(end, 0)
    if fine < number - lost or (fine == number and looked_up.longest > hangs):
        raise AssertionError(f"{machine.name}: {when}: {looked_up}, not {end}")
