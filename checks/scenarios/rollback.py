"""What the mesh has had is remembered, and can be had again; nobody undoes that."""

from checks.scenarios import deployment, zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they were deployed with.
        push: how to send another zone.

    """
    domain = spec["domain"]
    pushers = deployment.pushers(machines)
    for machine in pushers:
        deployment.wait_until_idle(machine)
    pusher = machines[push.machine]
    other = next(machine for name, machine in machines.items() if name != push.machine)
    one, two = zones.with_name(spec, "one"), zones.with_name(zones.with_name(spec, "one"), "two")

    first = deployment.newer_serial(other, domain)
    for serial, sent in ((first, one), (first + 1, two)):
        zones.send(machines, sent, serial, push)
        for machine in machines.values():
            zones.wait_for(machine, domain, f"serial={serial} .*source=mesh")
    for machine in machines.values():
        _check_newest(machine, domain, [(first + 1, {"added": 1}), (first, None)])
    other.reboot()
    zones.wait_for(other, domain, f"serial={first + 1} .*source=mesh")
    _check_newest(other, domain, [(first + 1, {"added": 1}), (first, None)])

    runs = [deployment.runs(machine) for machine in pushers]
    pusher.succeed(f"dm-send-dns --rollback {first} | grep '1 removed$'")
    latest = int(pusher.succeed(f"sed -n 's/^# serial: //p' {zones.MESH}/cnames"))
    for machine in machines.values():
        zones.wait_for(machine, domain, f"serial={latest} .*source=mesh")
        zones.check(machine, one)
        machine.fail(f"getent ahosts two.{domain}")
        _check_newest(machine, domain, [(latest, {"removed": 1}), (first + 1, {"added": 1})])
    for machine, before in zip(pushers, runs, strict=True):
        deployment.wait_for_run(machine, before)
    for machine in machines.values():
        zones.wait_for(machine, domain, f"serial={latest} .*source=mesh")

    status, _ = pusher.execute("dm-send-dns --rollback 1 2> /tmp/refused")
    if status != 1:
        raise AssertionError(f"{pusher.name}: a rollback to what is not kept has status {status}")
    pusher.succeed(f"grep -F 'The serials kept are: {latest}, {first + 1}, {first}' /tmp/refused")
    zones.withdraw(machines, spec, push)


def _check_newest(
    machine: Machine, domain: str, expected: list[tuple[int, dict[str, int] | None]]
) -> None:
    """Check serials and the counts that are not 0; None: whatever they are."""
    (newest, _), *_ = expected
    machine.wait_until_succeeds(f"dm-dns history --domain {domain} | head -1 | grep -w {newest}")
    entries = deployment.history(machine, domain)
    found = [
        (entry["serial"], counts and {kind: n for kind, n in entry["counts"].items() if n})
        for entry, (_, counts) in zip(entries, expected, strict=False)
    ]
    if found != expected:
        raise AssertionError(f"{machine.name}: the history is {entries}, not {expected}")
    lines = machine.succeed(f"dm-dns history --domain {domain}").splitlines()
    if [int(line.split()[0]) for line in lines] != [entry["serial"] for entry in entries]:
        raise AssertionError(f"{machine.name}: the history is {lines}, and {entries} in JSON")
