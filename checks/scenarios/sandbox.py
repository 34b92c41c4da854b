"""The units that read what came over the network can do little else."""

from pathlib import PurePath
from typing import Final

from checks.scenarios import zones
from checks.scenarios.zones import Machines, Spec

_APPLY_EXPOSURE: Final = 20  # tenths, of systemd-analyze(1)
_EXPOSURE: Final = 25
_ROOT: Final[frozenset[str]] = frozenset()
"""Units that run as root, because the module says why they must."""

_FILES: Final = {
    "/run/dm-dns": "dm-dns dm-dns 755",
    "/run/dm-dns/*.prom": "dm-dns dm-dns 644",
    "/run/dm-dns/said.json": "dm-dns dm-dns 644",
    "/run/dm-dns/state.json": "dm-dns dm-dns 644",
    "/run/dm-dns-push": "dm-dns-push dm-dns-push 755",
    "/run/dm-dns-push/*": "dm-dns-push dm-dns-push 644",
    "/run/systemd/resolve.hook/dm-dns": "systemd-resolve dm-dns 660",
    "/run/unbound/unbound.ctl": "unbound unbound 660",
    "/var/lib/dm-dns": "dm-dns dm-dns 755",
    "/var/lib/dm-dns/history": "dm-dns dm-dns 755",
    "/var/lib/dm-dns/history/*": "dm-dns dm-dns 644",
    "/var/lib/dm-dns/keys.json": "dm-dns dm-dns 644",
    "/var/lib/dm-dns/kept.conf": "dm-dns dm-dns 644",
    "/var/lib/dm-dns/lock": "dm-dns dm-dns 600",  # whoever can open it can hold it
    "/var/lib/dm-dns/*.zone": "dm-dns dm-dns 644",
}
"""Who may do what with the files of dm-dns: owner, group, mode; of what is there."""
_MEMBERS: Final = {"dm-dns": "dm-dns data-mesher unbound", "dm-dns-push": "dm-dns-push data-mesher"}
"""The groups of the units' users; the signing key's unit has none in common with what parses."""


def run(machines: Machines, spec: Spec) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they serve.

    """
    for machine in machines.values():
        zones.wait_for(machine, spec["domain"], "serial=")
        units = machine.succeed(
            "systemctl list-unit-files --no-legend 'dm-dns*.service' | cut -d ' ' -f 1"
        ).split()
        if "dm-dns.service" not in units:
            raise AssertionError(f"{machine.name}: there is no dm-dns.service: {units}")
        for unit in (*units, "unbound.service"):
            limit = (
                _APPLY_EXPOSURE
                if unit in {"dm-dns.service", "dm-dns-health.service"}
                else _EXPOSURE
            )
            machine.succeed(f"systemd-analyze security --threshold={limit} {unit}")
            user = machine.succeed(f"systemctl show --property=User --value {unit}").strip()
            if user in {"", "0", "root"} and unit not in _ROOT:
                raise AssertionError(f"{machine.name}: {unit} runs as root")
        for unit, groups in _MEMBERS.items():
            if f"{unit}.service" not in units:
                continue
            of_unit = machine.succeed(
                f"systemctl show --property=User,Group,SupplementaryGroups --value {unit}"
            )
            if set(of_unit.split()) != set(groups.split()):
                raise AssertionError(f"{machine.name}: {unit} has {of_unit!r}, not {groups!r}")
        found = machine.succeed(
            # Without those that are being written, and renamed meanwhile.
            "folders='/run/dm-dns /run/dm-dns-push /var/lib/dm-dns';"
            " for file in $(find $folders ! -name '*.new' || true)"
            " /run/systemd/resolve.hook/dm-dns /run/unbound/unbound.ctl; do"
            " stat -L -c '%n %U %G %a' $file; done"
        )
        for line in found.splitlines():
            file, _, rights = line.partition(" ")
            expected = next((_FILES[each] for each in _FILES if PurePath(file).match(each)), None)
            if rights != expected:
                raise AssertionError(f"{machine.name}: {file} is {rights}, not {expected}")
        # unbound does not write what dm-dns reads, nor the configuration.
        machine.succeed("! find /var/lib/dm-dns /etc/unbound/ -user unbound -writable | grep .")
