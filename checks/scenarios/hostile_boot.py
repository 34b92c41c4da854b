"""After a boot the last zone is served, whatever was received and is wrong with the disk."""

from typing import Final

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_COPY: Final = f"{zones.MESH}/cnames"
_SECONDS: Final = 30
"""Within which names resolve, after a machine has been told to boot, on a busy computer."""
# Where even NixOS has no links to its store, and systemd looks first.
_DROP_INS: Final = "/etc/systemd/system.control"

_CHAIN: Final = (
    "{{ echo 'local-zone: \"{domain}.\" transparent'; for n in $(seq 20000); do"
    ' echo "local-data: \\"n$n.{domain}. CNAME n$((n + 1)).{domain}.\\""; done; }} > {copy}'
)
_ADDRESSES: Final = (
    "{{ echo 'local-zone: \"{domain}.\" transparent'; for n in $(seq 60000); do"
    " printf 'local-data: \"a.{domain}. AAAA fd00::%x\"\\n' $n; done; }} > {copy}"
)
_RECEIVED: Final = (
    "mkfifo {copy}",
    "mkdir {copy}",
    "ln -s /dev/zero {copy}",
    "truncate --size=1T {copy}",
    "head --bytes=30000000 /dev/zero > {copy}",
    _CHAIN,
    _ADDRESSES,
)
"""What stands in the place of the mesh copy."""

_LIMITED: Final = (
    "ReadOnlyPaths=/var/lib/dm-dns",  # a file system that was mounted again because of an error
    "LimitFSIZE=0",  # as on a full disk, every write fails (setrlimit(2): EFBIG)
)
"""What dm-dns.service cannot do."""


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario, on one machine.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they were deployed with.
        push: where the key is on the machine that pushes.

    """
    machine = next(machine for name, machine in machines.items() if name != push.machine)
    domain = spec["domain"]
    serial = zones.wait_for(machine, domain, "source=deployed") + 1
    zones.send(machines, spec, serial, push)
    zones.wait_for(machine, domain, f"serial={serial} .*source=mesh")
    hold = f"{_DROP_INS}/data-mesher.service.d"
    machine.succeed(
        f"mkdir -p {hold}",
        f"printf '[Unit]\\nConditionPathExists=/nowhere\\n' > {hold}/scenario.conf",
        "systemctl daemon-reload; systemctl stop data-mesher.service",
        f"cp {_COPY} /var/tmp/cnames",
    )

    for make in _RECEIVED:
        # While nobody looks: a part of it could be valid, and no copy is a withdrawn one.
        machine.succeed(
            "systemctl stop dm-dns.service",
            f"rm -rf {_COPY}; {make.format(copy=_COPY, domain=domain)}",
        )
        _boot(machine, spec, serial)
        machine.fail("systemctl start dm-dns-health.service")
    restore = f"rm -rf {_COPY}; cp /var/tmp/cnames {_COPY}; chmod 644 {_COPY}"
    machine.succeed("systemctl stop dm-dns.service", restore, "systemctl start dm-dns.service")
    zones.wait_for(machine, domain, f"serial={serial} .*source=mesh")

    for setting in _LIMITED:
        limit = f"{_DROP_INS}/dm-dns.service.d"
        machine.succeed(
            "systemctl stop dm-dns.service",
            f"mkdir -p {limit}; printf '[Service]\\n{setting}\\n' > {limit}/scenario.conf",
            f"sed 's/^# serial: .*/# serial: {serial + 1}/' /var/tmp/cnames > {_COPY}",
        )
        _boot(machine, spec, serial)
        machine.succeed(f"rm -r {limit}; systemctl daemon-reload; systemctl restart dm-dns.service")
        zones.wait_for(machine, domain, f"serial={serial + 1} .*source=mesh")
        machine.succeed(f"cp /var/tmp/cnames {_COPY}")
        zones.wait_for(machine, domain, f"serial={serial} .*source=mesh")

    # An unbound that hangs: the unit starts, and goes on when unbound does.
    machine.succeed(
        "systemctl kill --kill-whom=main --signal=STOP unbound.service",
        f"timeout {_SECONDS} systemctl restart dm-dns.service",
    )
    machine.fail("systemctl start dm-dns-health.service")
    machine.succeed("systemctl kill --kill-whom=main --signal=CONT unbound.service")
    zones.wait_for(machine, domain, f"serial={serial} .*source=mesh")
    machine.wait_until_succeeds("systemctl start dm-dns-health.service")
    machine.succeed(f"rm -r {hold} /var/tmp/cnames; systemctl daemon-reload")
    machine.succeed("systemctl start data-mesher.service")
    zones.withdraw(machines, spec, push)


def _boot(machine: Machine, spec: Spec, serial: int) -> None:
    """Boot the machine, and check that names resolve to what they were."""
    machine.reboot()
    status = f"{zones.UNBOUND} +short TXT _dm-dns.{spec['domain']} | grep 'serial={serial} '"
    machine.wait_until_succeeds(status, timeout=_SECONDS)
    zones.check(machine, spec)
