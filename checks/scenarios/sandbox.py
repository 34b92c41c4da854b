"""The units that read what came over the network can do little else."""

from typing import Final

from checks.scenarios import zones
from checks.scenarios.zones import Machines, Spec

_APPLY_EXPOSURE: Final = 20  # tenths, of systemd-analyze(1)
_EXPOSURE: Final = 25
_ROOT: Final[frozenset[str]] = frozenset()
"""Units that run as root, because the module says why they must."""


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
        machine.succeed(
            "test $(stat -c %U /var/lib/dm-dns) = dm-dns",
            # Neither writes what the other reads, nor the configuration.
            "! find /var/lib/dm-dns /etc/unbound/ -user unbound -writable | grep .",
        )
