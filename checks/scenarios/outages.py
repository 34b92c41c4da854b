"""No lookup fails while unbound, or all that is dm-dns's, is away for a moment."""

import base64
import json
from pathlib import Path
from typing import Any, Final

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_PROGRAM: Final = "/tmp/lookups.py"  # noqa: S108 - machines have no users
_OURS: Final = "dm-dns.service dm-dns-hook.service unbound.service"
_WATCHERS: Final = "dm-dns-health.path dm-dns-health.timer"
_SECONDS: Final = 4
"""How long names are looked up; each outage is after one of them."""
_HANGS: Final = 4.0
"""Seconds of a lookup that waited for a lost query to be repeated. `make compare` measures them."""

OUTAGES: Final = (
    "systemctl restart unbound",
    "systemctl kill --signal=KILL unbound",
    "systemctl stop unbound; sleep 0.2; systemctl start unbound",
    "systemctl reload unbound",
    "systemctl restart dm-dns-hook",
    f"systemctl daemon-reload; systemctl restart {_OURS} {_WATCHERS}",
    "systemctl restart systemd-resolved",
)
"""The last but one is what a switch does that changes all of dm-dns's units."""


def run(machines: Machines, spec: Spec) -> None:
    """Run the scenario, on one machine.

    Args:
        machines: all of the clan, by name, with python3; they are booting or up.
        spec: the zone spec that they serve.

    """
    machine = next(iter(machines.values()))
    zones.wait_for(machine, spec["domain"], "serial=")
    name = _name(machine, spec)
    program = base64.b64encode(Path(__file__).with_name("_lookups.py").read_bytes()).decode()
    machine.succeed(f"echo {program} | base64 --decode > {_PROGRAM}")

    for outage in OUTAGES:
        for who, lookups in _look_up(machine, name, outage).items():
            if lookups["ends"] != {"found": 100 * _SECONDS} or lookups["longest"] > _HANGS:
                raise AssertionError(f"{machine.name}: {outage}: {who}: {lookups}")
    machine.fail("systemctl is-failed 'dm-dns*.service' unbound.service")

    # unbound is away for good, and resolved's own socket on its port would swallow queries.
    machine.succeed("systemctl stop unbound.socket unbound.service")
    lookups = _look_up(machine, name, "true")["program"]
    if lookups["ends"] != {"EAI_AGAIN": 100 * _SECONDS} or lookups["longest"] > _HANGS:
        raise AssertionError(f"{machine.name}: without unbound: {lookups}")
    machine.fail("systemctl start dm-dns-health.service")
    machine.succeed("systemctl start unbound.socket unbound.service")
    zones.wait_for(machine, spec["domain"], "serial=")
    zones.check(machine, spec)
    machine.succeed("systemctl start dm-dns-health.service", f"rm {_PROGRAM}")


def _name(machine: Machine, spec: Spec) -> str:
    """Return a name that has addresses and is not the machine's own."""
    own = f"{machine.name}.{spec['domain']}"
    expected = zones.expected(spec).items()
    return next(name for name, addresses in expected if addresses and name != own)


def _look_up(machine: Machine, name: str, outage: str) -> dict[str, Any]:
    """Look a name up 100 times a second while something happens; see _lookups.py."""
    printed = machine.succeed(
        f"python3 {_PROGRAM} {_SECONDS} {name} > /tmp/lookups & sleep 1; {{ {outage}; }} 2>&1;"
        " wait; cat /tmp/lookups"
    )
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found
