"""A hook that cannot start takes no other name away, and is back when it can start again."""

from typing import Final

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_DROP_INS: Final = "/run/systemd/system"
_SERVICES: Final = ("dm-dns-hook", "dm-dns-hook-retry")
_RETRY: Final = "dm-dns-hook-retry"
_CRASHES: Final = 5
_SECONDS: Final = 40
"""For a lookup that waits until systemd gives up, on a busy computer too."""


def run(machines: Machines, spec: Spec) -> None:
    """Run the scenario, on one machine.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they serve.

    """
    machine = next(iter(machines.values()))
    zones.wait_for(machine, spec["domain"], "serial=")
    name, _ = zones.of_another(machine, spec)

    # What it survives.
    crash = "systemctl kill --signal=KILL dm-dns-hook.service; sleep 0.2"
    machine.succeed(f"for crash in $(seq {_CRASHES}); do {crash}; done")
    zones.check(machine, spec)

    for service in _SERVICES:
        _drop_in(machine, f"{service}.service", "[Service]\\nExecStartPre=/bin/sh -c false\\n")
    _drop_in(machine, f"{_RETRY}.timer", "[Timer]\\nOnActiveSec=\\nOnActiveSec=2s\\n")
    machine.succeed(
        "systemctl daemon-reload",
        "systemctl restart --no-block dm-dns-hook.service",
        f"timeout {_SECONDS} getent hosts localhost",
    )
    machine.wait_until_succeeds("systemctl is-failed dm-dns-hook.socket")
    # Somebody tries again and again, and nobody waits for that.
    tried = ""
    for _ in range(2):
        tried = machine.wait_until_succeeds(
            f"now=$(systemctl show --property=InvocationID --value {_RETRY}.service)\n"
            f'test -n "$now" -a "$now" != "{tried}"; echo $now'
        ).strip()
        machine.succeed(f"timeout {_SECONDS} getent hosts localhost")
        machine.fail(f"getent hosts {name}", "test -e /run/systemd/resolve.hook/dm-dns")
    machine.fail("systemctl start dm-dns-health.service")
    for says in (
        "systemctl show --property=StatusText dm-dns-health.service",
        "dm-dns doctor || test $? = 1",
    ):
        printed = machine.succeed(says)
        if "systemd-resolved does without" not in printed:
            raise AssertionError(f"{machine.name}: {says}: {printed}")

    for service in _SERVICES:
        machine.succeed(f"rm -r {_DROP_INS}/{service}.service.d")
    # Only so that this does not take the minute that it takes otherwise.
    machine.succeed("systemctl daemon-reload; systemctl reset-failed dm-dns-hook.service")
    machine.wait_until_succeeds(f"getent hosts {name}")
    zones.check(machine, spec)
    machine.wait_until_succeeds("systemctl start dm-dns-health.service")
    machine.wait_until_fails("systemctl is-failed 'dm-dns*'")
    machine.succeed(f"rm -r {_DROP_INS}/{_RETRY}.timer.d; systemctl daemon-reload")


def _drop_in(machine: Machine, unit: str, text: str) -> None:
    folder = f"{_DROP_INS}/{unit}.d"
    machine.succeed(f"mkdir -p {folder}; printf '{text}' > {folder}/scenario.conf")
