"""Turns a container's clock as far as its programs can tell: it shares that of its host.

What does see another time is whatever starts after `turn`, data-mesher and unbound among it;
systemd, the journal and the time of files are not changed.
"""

from typing import Final

from checks.scenarios.machine import Machine

_LIBRARY: Final = "/usr/lib/*/faketime/libfaketime.so.1"
# libfaketime reads the offset from this file; ld.so loads what the other names into all programs.
_OFFSET: Final = "/etc/faketimerc"
_PRELOAD: Final = "/etc/ld.so.preload"
# Running programs see the clock jump, within a second.
_ENVIRONMENT: Final = "FAKETIME_CACHE_DURATION=1 FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1"
_SERVICES: Final = "data-mesher.service unbound.service"


def turn(machine: Machine, days: int) -> None:
    """Turn the clock by so many days, or, where that makes it right again, stop faking it."""
    turned = int(machine.execute(f"grep -o '[-+0-9]*' {_OFFSET}")[1] or 0)
    if not turned:
        machine.succeed(
            f"echo +0d > {_OFFSET}; ls {_LIBRARY} > {_PRELOAD}",
            f"systemctl set-environment {_ENVIRONMENT}",
            f"systemctl restart {_SERVICES}",
        )
    turned += days
    machine.succeed(f"echo {turned:+}d > {_OFFSET}.new && mv {_OFFSET}.new {_OFFSET}; sleep 2")
    if not turned:
        names = " ".join(setting.partition("=")[0] for setting in _ENVIRONMENT.split())
        machine.succeed(
            f"rm {_PRELOAD} {_OFFSET}",
            f"systemctl unset-environment {names}",
            f"systemctl restart {_SERVICES}",
        )
