"""What is monitored fails while something is wrong, and is well seconds after it is repaired."""

from typing import Final

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_CHECK: Final = "systemctl start dm-dns-health.service"
_STATE: Final = "/run/dm-dns/state.json"
_SOON: Final = 20  # seconds
_IDLE: Final = 4  # seconds, after which dm-dns.service waits for nothing but an event
_ELSEWHERE: Final = "/tmp/mesh"  # noqa: S108 - machines have no users


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they were deployed with.
        push: how to send another zone.

    """
    domain = spec["domain"]
    machine = next(machine for name, machine in machines.items() if name != push.machine)
    serial = zones.wait_for(machine, domain, "source=deployed") + 1
    zones.send(machines, spec, serial, push)
    zones.wait_for(machine, domain, f"serial={serial} ")
    machine.succeed("systemctl stop data-mesher.service")

    # With its socket, which would start it.
    _fails(machine, "systemctl stop unbound.socket unbound.service", "unbound does not answer")
    _heals(machine, "systemctl start unbound.socket unbound.service")
    _fails(machine, "systemctl stop dm-dns.service", "dm-dns.service no longer runs")
    _heals(machine, "systemctl start dm-dns.service")

    # resolved, which does not ask the hook.
    off = "/run/systemd/system/systemd-resolved.service.d/scenario.conf"
    machine.succeed(
        f"mkdir -p {off.rpartition('/')[0]}",
        f"printf '[Service]\\nEnvironment=SYSTEMD_RESOLVED_HOOK=0\\n' > {off}",
    )
    restart = "systemctl daemon-reload; systemctl restart systemd-resolved.service"
    _fails(machine, restart, "systemd-resolved has no TXT record")
    machine.succeed(f"rm {off}; {restart}", _CHECK)

    # A server that hangs, with a change that it should serve.
    machine.succeed("systemctl kill --kill-whom=main --signal=STOP dm-dns.service")
    serial += 1
    zones.put(machine, spec, serial)
    _fails(machine, "true", "does not serve a file that has changed")
    _heals(machine, "systemctl kill --kill-whom=main --signal=CONT dm-dns.service")
    zones.wait_for(machine, domain, f"serial={serial} ")

    for damage in (f"rm {_STATE}", f"echo '{{}}' > {_STATE}", f"chmod 000 {_STATE}"):
        machine.succeed(damage, _CHECK)

    # What only systemd can make again.
    for folder in ("/run/dm-dns", "/var/lib/dm-dns"):
        machine.succeed(f"mv {folder} {folder}.old && rm -r {folder}.old")
        machine.wait_until_succeeds(
            f"test -e {_STATE} -a -e /var/lib/dm-dns/{domain}.zone && {_CHECK}", timeout=_SOON
        )

    serial = _mounted_over(machine, spec, serial)
    serial = _by_hand(machine, spec, serial)
    machine.succeed("systemctl start data-mesher.service")
    # The mesh's copy is what was pushed; the serial of this one is higher, until it is gone.
    zones.withdraw(machines, spec, push)


def _fails(machine: Machine, fault: str, reason: str) -> None:
    machine.succeed(fault)
    machine.fail(_CHECK)
    machine.succeed("systemctl is-failed dm-dns-health.service")
    # The journal may get to it later.
    machine.wait_until_succeeds(
        f"journalctl --unit=dm-dns-health.service --lines=10 --output=cat | grep '{reason}'"
    )


def _heals(machine: Machine, repair: str) -> None:
    """Repair; nobody starts the check."""
    machine.succeed(repair)
    machine.wait_until_succeeds(
        "test $(systemctl is-active dm-dns-health.service) = inactive", timeout=_SOON
    )


def _mounted_over(machine: Machine, spec: Spec, serial: int) -> int:
    """Mount another folder over the mesh's, which the kernel's inotify does not tell."""
    machine.succeed(
        f"mkdir -p {_ELSEWHERE}",
        f"sed 's/^# serial: .*/# serial: {serial + 1}/' {zones.MESH}/cnames > {_ELSEWHERE}/cnames",
        f"chmod 755 {_ELSEWHERE}; chmod 644 {_ELSEWHERE}/cnames",
        f"sleep {_IDLE}",
        f"mount --bind {_ELSEWHERE} {zones.MESH}",
    )
    # Sooner than by the check of once a minute.
    status = f"{zones.UNBOUND} +short TXT _dm-dns.{spec['domain']}"
    machine.wait_until_succeeds(f"{status} | grep serial={serial + 1}", timeout=_SOON)
    machine.succeed(f"sleep {_IDLE}", f"umount {zones.MESH}")
    machine.wait_until_succeeds(f"{status} | grep serial={serial}", timeout=_SOON)
    return serial + 1


def _by_hand(machine: Machine, spec: Spec, serial: int) -> int:
    """Serve a zone by hand, as root, while dm-dns.service is stopped; then let it go on."""
    machine.succeed("systemctl stop dm-dns.service")
    zones.put(machine, spec, serial + 1)
    printed = machine.succeed("dm-dns apply")
    if f": serial {serial + 1}, " not in printed:
        raise AssertionError(f"{machine.name}: dm-dns apply printed {printed!r}")
    machine.fail("find /var/lib/dm-dns ! -user dm-dns | grep .")
    _heals(machine, "systemctl start dm-dns.service")
    zones.put(machine, spec, serial + 2)
    zones.wait_for(machine, spec["domain"], f"serial={serial + 2} .*source=mesh")
    machine.succeed(_CHECK)
    return serial + 2
