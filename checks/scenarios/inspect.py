"""`dm-dns status` and `dm-dns show` tell what is served, who exports it, and what is wrong."""

import json
from typing import Any, Final

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_NOBODY: Final = "setpriv --reuid=65534 --regid=65534 --clear-groups"


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they were deployed with.
        push: how to send another zone.

    """
    domain = spec["domain"]
    for machine in machines.values():
        deployed = zones.wait_for(machine, domain, "source=deployed")
        machine.wait_until_succeeds("dm-dns status")
        _check(machine, spec, deployed, "deployed")
        _exports(machine, spec)

    machine = next(machine for name, machine in machines.items() if name != push.machine)
    host = next(each["host"] for each in spec["endpoints"] if "*" not in each["host"])
    short = host.removesuffix(f".{domain}")
    machine.succeed(f"dm-dns show {short} | grep -F {host}")
    machine.succeed(f"{{ ! dm-dns show {short}x 2>&1; }} | grep -F 'did you mean {host}'")

    # A name that the machine's deployment has, and the zone of the mesh no longer has.
    gone = {**spec, "endpoints": [each for each in spec["endpoints"] if each["host"] != host]}
    zones.send(machines, gone, deployed + 1, push)
    for each in machines.values():
        zones.wait_for(each, domain, f"serial={deployed + 1} .*source=mesh")
        each.wait_until_succeeds("dm-dns status")
    _check(machine, spec, deployed + 1, "mesh")
    (name,) = _json(machine, f"dm-dns show {host} --json")["names"]
    _equal(name["served"], False)  # noqa: FBT003 - what JSON has

    machine.succeed("systemctl stop unbound.socket unbound.service")
    machine.fail("dm-dns status")
    machine.succeed("{ dm-dns status || true; } | grep -F 'unbound does not answer'")
    machine.succeed("systemctl start unbound.socket unbound.service")
    machine.wait_until_succeeds("dm-dns status")
    zones.withdraw(machines, spec, push)


def _check(machine: Machine, spec: Spec, serial: int, source: str) -> None:
    """Check what a machine says of itself, to root and to others, and knows of the others."""
    for user in ("", _NOBODY):
        found = _json(machine, f"{user} dm-dns status --json")
        shown = {key: found[key] for key in ("machine", "domain", "serial", "source", "problems")}
        _equal(
            shown,
            {
                "machine": machine.name,
                "domain": spec["domain"],
                "serial": serial,
                "source": source,
                "problems": [],
            },
        )
    # The others let nobody log in.
    found = _json(machine, "{ dm-dns status --all --json || true; }")
    _equal([row["machine"] for row in found["machines"]], sorted(spec["machines"]))
    (own,) = [row for row in found["machines"] if row["machine"] == machine.name]
    _equal(
        (found["newest"], own["verdict"], own["via"], own["serial"]),
        (serial, "newest", "here", serial),
    )


def _exports(machine: Machine, spec: Spec) -> None:
    """Check that a machine knows who exports each name, and writes the page."""
    names = {name["name"]: name for name in _json(machine, "dm-dns show --json")["names"]}
    for endpoint in spec["endpoints"]:
        if endpoint not in names[endpoint["host"]]["exports"]:
            raise AssertionError(f"{machine.name} does not know of {endpoint}")
    for kind, owners in (("machine", spec["machines"]), ("device", spec.get("devices", {}))):
        for name in owners:
            _equal(names[f"{name}.{spec['domain']}"]["kind"], kind)
    cards = len(spec["machines"]) + len(spec.get("devices", {}))
    page = "/tmp/page.html"  # noqa: S108 - machines have no users
    machine.succeed(
        f"dm-dns show --html {page}",
        f"grep -c '<article' {page} | grep -x {cards}",
        f"rm {page}",
    )


def _json(machine: Machine, command: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(machine.succeed(command))


def _equal(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"{found!r} is not {expected!r}")
