"""Every name of the clan resolves on every machine: as it was deployed, and after a push."""

from typing import Final

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_SILENT: Final = "silent"
"""A machine of which no address is known."""


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

    serial += 1
    silent = _with_silent_machine(moved)
    zones.send(machines, silent, serial, push)
    for machine in machines.values():
        zones.wait_for(machine, spec["domain"], f"serial={serial} .*source=mesh")
        zones.check_names(machine, silent, zones.UNBOUND)
        zones.check_names(machine, silent, zones.STUB, own_is_local=True)
        for query in (zones.UNBOUND, zones.STUB):
            machine.succeed(zones.status(query, f"{_SILENT}.{spec['domain']}", "NOERROR"))
        machine.fail(f"getent ahosts {_SILENT}.{spec['domain']}")
        _check_empty_answers(machine, silent)

    _check_short_names(next(iter(machines.values())), spec)
    for name, machine in machines.items():
        if name != push.machine:
            machine.fail(f"test -e {push.key}")
    zones.withdraw(machines, spec, push)


def _check_short_names(machine: Machine, spec: Spec) -> None:
    """Check that without the setting search programs need the full names, and are told so."""
    host = next(each["host"] for each in spec["endpoints"] if "*" not in each["host"])
    short = host.removesuffix(f".{spec['domain']}")
    machine.fail(f"getent ahosts {short}")
    machine.succeed(f"{{ dm-dns doctor {short} || true; }} | grep -F 'the full name, {host}: its'")


def _with_silent_machine(spec: Spec) -> Spec:
    """Return a spec with a machine without address, and a wildcard that must not answer for it."""
    wildcard = {**spec["endpoints"][0], "host": f"*.{spec['domain']}"}
    alias = {**wildcard, "host": f"chat.{_SILENT}.{spec['domain']}", "machine": _SILENT}
    return {
        **spec,
        "machines": {**spec["machines"], _SILENT: {"addresses": []}},
        "endpoints": [*spec["endpoints"], wildcard, alias],
    }


def _check_empty_answers(machine: Machine, spec: Spec) -> None:
    """Check that unbound's empty answers have a SOA, which says for how long they are valid."""
    empty = [
        f"{name} {kind}"
        for name, addresses in zones.expected(spec).items()
        for kind, mark in (("A", "."), ("AAAA", ":"))
        if not any(mark in address for address in addresses)
    ]
    for question in empty:
        machine.succeed(f"{zones.UNBOUND} +noall +answer +authority {question} | grep SOA")
