"""Names resolve before sysinit.target, and until whatever needs names has ended at shutdown.

So does what is not the clan's: no lookup of it waits for units that start later.
"""

from typing import Final

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

# Where even NixOS has no links to its store, and systemd looks first.
_UNITS: Final = "/etc/systemd/system.control"
_FOUND: Final = "/var/tmp/scenario-found"  # noqa: S108 - on a machine under test
_SCRIPT: Final = "/var/tmp/scenario-find"  # noqa: S108
_SECONDS: Final = 20
"""What waits for other units would wait much longer."""
_TIMED_OUT: Final = 124
_TRIES: Final = 3

_FIND: Final = f"""\
for try in $(seq {_TRIES}); do
  for name in localhost "$2"; do
    if found=$(timeout {_SECONDS} getent hosts $name); then status=0; else status=$?; fi
    echo "$1" "$name" "$status" $(echo "$found" | cut -d " " -f 1) >> {_FOUND}
  done
  sleep 0.1
done
"""
"""Appends, for each lookup: when, the name, what getent(1) ended with, and the addresses."""

_AT_BOOT: Final = {
    "sysinit.target": "After=systemd-resolved.service",
    "basic.target": "After=systemd-resolved.service sockets.target",
}
"""Targets that wait for a unit, and where that stands."""
_AT_SHUTDOWN: Final = ("network-online.target", "nss-lookup.target")
"""After which units are that need names; remote file systems are after the first one."""


def run(machines: Machines, spec: Spec) -> None:
    """Run the scenario, on one machine.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they serve.

    """
    machine = next(iter(machines.values()))
    zones.wait_for(machine, spec["domain"], "serial=")
    name, expected = zones.of_another(machine, spec)
    machine.succeed(f"mkdir -p {_UNITS}; cat > {_SCRIPT} <<'END'\n{_FIND}END")
    for target, place in _AT_BOOT.items():
        _write(
            machine,
            f"scenario-{target}",
            f"[Unit]\nDefaultDependencies=no\n{place}\nBefore={target} shutdown.target\n"
            f"Conflicts=shutdown.target\n[Service]\nType=oneshot\nExecStart={_find(target, name)}",
        )
        link = f"{_UNITS}/{target}.wants/scenario-{target}.service"
        machine.succeed(f"mkdir -p {_UNITS}/{target}.wants")
        machine.succeed(f"ln -s ../scenario-{target}.service {link}")
    for target in _AT_SHUTDOWN:
        _write(
            machine,
            f"scenario-{target}",
            f"[Unit]\nWants={target}\nAfter={target}\n[Service]\nType=oneshot\n"
            f"RemainAfterExit=true\nExecStart=/bin/sh -c true\nExecStop={_find(target, name)}",
        )
        machine.succeed(f"systemctl daemon-reload; systemctl start scenario-{target}.service")

    machine.reboot()
    zones.wait_for(machine, spec["domain"], "serial=")
    # Those of shutdown are there already.
    for target in _AT_BOOT:
        machine.wait_until_succeeds(f"test $(grep -c '^{target} ' {_FOUND}) = {2 * _TRIES}")
    found = machine.succeed(f"cat {_FOUND}")
    machine.succeed(f"rm -r {_FOUND} {_SCRIPT} {_UNITS}/*scenario-* {_UNITS}/*/scenario-*")
    machine.succeed("systemctl daemon-reload")
    for target in (*_AT_SHUTDOWN, *_AT_BOOT):
        lookups = [line.split()[1:] for line in found.splitlines() if line.startswith(target)]
        of_clan = [addresses for label, _, *addresses in lookups if label == name]
        if not of_clan or not all(each and expected.issuperset(each) for each in of_clan):
            raise AssertionError(f"{machine.name}: {name} at {target}: {lookups}, not {expected}")
        if any(status == str(_TIMED_OUT) for _, status, *_ in lookups):
            raise AssertionError(f"{machine.name}: lookups hang at {target}: {lookups}")
    zones.check(machine, spec)


def _find(when: str, name: str) -> str:
    return f"/bin/sh {_SCRIPT} {when} {name}"


def _write(machine: Machine, unit: str, text: str) -> None:
    # On NixOS systemd has no such programs on the PATH of units.
    lines = f"{text}\nEnvironment=PATH=$PATH\n"
    machine.succeed(f"cat > {_UNITS}/{unit}.service <<END\n{lines}END")
