"""What a machine is deployed with, other zones in its place, and its unit that pushes."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

UNIT: Final = "dm-dns-push.service"
_FOLDER: Final = "/run/dm-dns-scenario"
_HOSTS: Final = "/etc/hosts"
_RESTART: Final = "systemctl restart dm-dns.service"
"""What a switch to other files does."""


def pushers(machines: Machines) -> list[Machine]:
    """Return the machines that push automatically."""
    for machine in machines.values():
        machine.wait_for_unit("data-mesher.service")
    return [
        machine for machine in machines.values() if machine.execute(f"systemctl cat {UNIT}")[0] == 0
    ]


def serial(machine: Machine) -> int:
    """Return the serial of the zone that a machine is deployed with."""
    return int(machine.succeed(f"sed -n 's/^# serial: //p' {_path(machine)}"))


def history(machine: Machine, domain: str) -> list[dict[str, Any]]:
    """Return what `dm-dns history` has, newest first."""
    entries: list[dict[str, Any]] = json.loads(
        machine.succeed(f"dm-dns history --domain {domain} --json")
    )
    return entries


def newer_serial(machine: Machine, domain: str) -> int:
    """Return a serial above that of all zones that a machine knows."""
    known: list[int] = [entry["serial"] for entry in history(machine, domain)]
    return max([serial(machine), *known]) + 1


def switch(machine: Machine, spec: Spec, serial: int) -> None:
    """Deploy a machine with another zone, until it is rebooted or `switch_back`."""
    zone_conf = f"{_FOLDER}/{serial}.conf"
    machine.succeed(f"mkdir -p {_FOLDER}", *zones.render(spec, serial, zone_conf))
    _cover(machine, _path(machine), zone_conf)
    restart(machine)


def switch_back(machine: Machine) -> None:
    """Deploy a machine with the zone that it was booted with."""
    _uncover(machine, _path(machine))
    restart(machine)


def add_hosts(machine: Machine, *lines: str) -> None:
    """Deploy a machine with more lines in /etc/hosts, until it is rebooted or `restore_hosts`."""
    hosts = f"{_FOLDER}/hosts"
    more = " ".join(map(shlex.quote, lines))
    machine.succeed(f"mkdir -p {_FOLDER}; {{ cat {_HOSTS}; printf '%s\\n' {more}; }} > {hosts}")
    _cover(machine, _HOSTS, hosts)
    machine.succeed(_RESTART)


def restore_hosts(machine: Machine) -> None:
    """Deploy a machine with the /etc/hosts that it was booted with."""
    _uncover(machine, _HOSTS)
    machine.succeed(_RESTART)


@contextmanager
def covered(machine: Machine, path: str, text: str) -> Iterator[None]:
    """Deploy a machine with another text in the place of a file."""
    other = f"{_FOLDER}/{path.rpartition('/')[2]}"
    machine.succeed(f"mkdir -p {_FOLDER}; printf %s {shlex.quote(text)} > {other}")
    _cover(machine, path, other)
    yield
    _uncover(machine, path)


def runs(machine: Machine) -> int:
    """Return a number that is another one after each start of the unit that pushes."""
    return int(machine.succeed(f"systemctl show --property=ExecMainPID --value {UNIT}"))


def wait_for_run(machine: Machine, before: int) -> None:
    """Wait until the unit that pushes has run again, and no longer runs.

    Args:
        machine: the push machine.
        before: what `runs` returned before that.

    """
    show = f"systemctl show --property=ExecMainPID --value {UNIT}"
    machine.wait_until_succeeds(
        f"test $({show}) != {before} && test $(systemctl is-active {UNIT}) = inactive"
    )


def wait_until_idle(machine: Machine) -> None:
    """Wait until the unit that pushes has ended well."""
    machine.wait_until_succeeds(f"test $(systemctl is-active {UNIT}) = inactive")


def said(machine: Machine) -> list[str]:
    """Return what the unit that pushes has said since the machine booted, and systemd of it."""
    lines = machine.succeed(
        f"journalctl --sync; journalctl --boot --output=cat _SYSTEMD_UNIT={UNIT}",
        # In a container controllers may be missing, of which systemd complains.
        f"journalctl --boot --output=cat _PID=1 UNIT={UNIT} | grep -v pids.max || true",
    )
    return lines.splitlines()


def _path(machine: Machine) -> str:
    path: str = json.loads(machine.succeed("cat /etc/dm-dns/apply.json"))["deployed"]
    return shlex.quote(path)


def _cover(machine: Machine, path: str, other: str) -> None:
    """Mount another file over one in the store, which is read-only; `path` may be a link to it."""
    machine.succeed(f"mount --bind {other} $(readlink -f {path})")


def _uncover(machine: Machine, path: str) -> None:
    machine.succeed(f"file=$(readlink -f {path}); while mountpoint -q $file; do umount $file; done")


def restart(machine: Machine) -> None:
    """Restart what a switch to another zone restarts."""
    machine.succeed(
        _RESTART,
        f"if systemctl cat {UNIT} > /dev/null 2>&1; then systemctl restart {UNIT}; fi",
    )
