"""Whatever breaks, names still resolve, and the next change is served automatically."""

from collections.abc import Callable
from typing import Final

from checks.scenarios import deployment, zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

TurnClock = Callable[[Machine, int], None]
"""Turns the clock of a machine forward by so many days, or back."""

_DIAGNOSIS: Final = (
    "set +e; systemctl status --no-pager --lines=0 'dm-dns*' data-mesher.service unbound.service;"
    f" ls -l --time-style=full-iso {zones.MESH}/; head -4 {zones.MESH}/cnames;"
    " journalctl --no-pager --boot --output=short-precise --lines=80"
    " --unit='dm-dns*' --unit=data-mesher.service --unit=unbound.service"
)
_STATE: Final = "/var/lib/dm-dns"
_KILLS: Final = 20
_KILL_STEP: Final = 0.008  # seconds by which each is killed later than the one before
_YEAR: Final = 366  # days


def run(machines: Machines, spec: Spec, push: Push, turn_clock: TurnClock) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they were deployed with.
        push: how to send another zone.
        turn_clock: how to set a machine's clock.

    """
    _Faults(machines, spec, push, turn_clock).run()


class _Faults:
    """Each method but the first two breaks something, and repairs nothing that repairs itself."""

    def __init__(self, machines: Machines, spec: Spec, push: Push, turn_clock: TurnClock) -> None:
        self.machines = machines
        self.turn_clock = turn_clock
        self.machine = next(machine for name, machine in machines.items() if name != push.machine)
        self.spec = spec
        self.push = push
        self.serial = zones.wait_for(self.machine, spec["domain"], "source=deployed")

    def change(self) -> None:
        """Push another zone."""
        self.serial += 1
        spec = zones.with_name(self.spec, f"n{self.serial}")
        zones.send(self.machines, spec, self.serial, self.push)

    def run(self) -> None:
        """Run one after the other, and check that the next change is served each time."""
        for fault in (
            self.unbound_killed,
            self.data_mesher_killed,
            self.apply_killed,
            self.rebooted,
            self.disk_full,
            self.clock_set_back,
            self.state_deleted,
            self.hosts_changed,
        ):
            try:
                fault()
                self.change()
                zones.wait_for(self.machine, self.spec["domain"], f"serial={self.serial} ")
                self.machine.wait_until_fails("systemctl is-failed 'dm-dns*' unbound.service")
            except Exception as error:
                error.add_note(f"The fault was: {fault.__name__}")
                error.add_note(self.machine.execute(_DIAGNOSIS)[1])
                raise
        zones.withdraw(self.machines, self.spec, self.push)

    def unbound_killed(self) -> None:
        self.machine.succeed("systemctl kill --signal=KILL unbound.service")
        query = f"{zones.UNBOUND} SOA {self.spec['domain']}"
        self.machine.wait_until_succeeds(f"{query} | grep 'status: NOERROR'")
        zones.check(self.machine, self.spec)

    def data_mesher_killed(self) -> None:
        self.machine.succeed("systemctl kill --signal=KILL data-mesher.service")
        zones.check(self.machine, self.spec)

    def apply_killed(self) -> None:
        self.change()
        for number in range(_KILLS):
            self.machine.succeed(
                "systemctl start dm-dns.service",  # not later and later
                f"touch {zones.MESH}/cnames; sleep {number * _KILL_STEP:.3f}",
            )
            self.machine.execute("systemctl kill --signal=KILL dm-dns.service")
            zones.check_at_unbound(self.machine, self.spec)
        killed = "journalctl --boot --unit=dm-dns.service | grep -c status=9/KILL"
        self.machine.succeed(f"test $({killed}) -ge {_KILLS}")

    def rebooted(self) -> None:
        self.change()
        self.machine.reboot()

    def disk_full(self) -> None:
        self.machine.succeed(
            f"cp -a {_STATE} /tmp/state && mount -t tmpfs -o size=512k,mode=755 tmpfs {_STATE}",
            f"cp -a /tmp/state/. {_STATE} && chown dm-dns:dm-dns {_STATE}",
            "rm -rf /tmp/state",
        )
        self.machine.fail(f"dd if=/dev/zero of={_STATE}/full bs=4k")
        self.change()
        self.machine.wait_until_succeeds(
            "journalctl --unit=dm-dns-health.service --lines=20 | grep 'No space left'"
        )
        zones.check(self.machine, self.spec)
        self.machine.succeed("systemctl restart unbound.service")
        zones.check(self.machine, self.spec)
        self.machine.succeed(f"rm {_STATE}/full", f"umount {_STATE}")

    def clock_set_back(self) -> None:
        pusher = self.machines[self.push.machine]
        for machine in (self.machine, pusher):
            self.turn_clock(machine, -_YEAR)
            zones.check(machine, self.spec)
        # What is signed now would be older than what the mesh has.
        self.serial += 1
        refusal = pusher.fail(zones.command(self.spec, self.serial, self.push) + " 2>&1")
        if "ahead of this machine's clock" not in refusal:
            raise AssertionError(f"the refusal does not blame the clock: {refusal}")
        # From a machine whose clock is right.
        self.serial += 1
        zones.put(self.machine, self.spec, self.serial)
        zones.wait_for(self.machine, self.spec["domain"], f"serial={self.serial} ")
        self.machine.succeed("systemctl restart unbound.service")
        zones.check(self.machine, self.spec)
        for machine in (self.machine, pusher):
            self.turn_clock(machine, _YEAR)

    def state_deleted(self) -> None:
        self.machine.succeed(f"rm -rf {_STATE}/*")
        zones.check(self.machine, self.spec)

    def hosts_changed(self) -> None:
        name = f"{max(self.spec['machines'])}.{self.spec['domain']}"
        query = f"{zones.UNBOUND} +short {name} | grep -Fx 203.0.113.7"
        deployment.add_hosts(self.machine, f"203.0.113.7 {name}")
        self.machine.wait_until_succeeds(query)
        deployment.restore_hosts(self.machine)
        self.machine.wait_until_fails(query)
