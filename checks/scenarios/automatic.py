"""The newest zone gets to all machines automatically, whoever pushes when."""

from typing import Final

from checks.scenarios import deployment, zones
from checks.scenarios.deployment import UNIT
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_STILL: Final = 3
"""Seconds in which nothing may happen."""
_LATE: Final = 1
"""Seconds until the mesh brings a zone: fewer than the unit waits for one."""
_FREEZE: Final = "systemctl kill --signal=STOP data-mesher.service"
"""Until _THAW it is active, and does not answer."""
_THAW: Final = "systemctl kill --signal=CONT data-mesher.service"
_MESH_FILE: Final = f"{zones.MESH}/cnames"


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up. Two of them push automatically,
            and another one does not.
        spec: the zone spec that they were deployed with.
        push: where keys are.

    """
    _Automatic(machines, spec, push).run()


class _Automatic:
    """Each method but the first three is a step; it begins where the one before ends."""

    def __init__(self, machines: Machines, spec: Spec, push: Push) -> None:
        self.machines = machines
        self.spec = spec
        self.push = push
        self.newest, self.outdated = deployment.pushers(machines)
        """The one will be deployed with newer zones, the other stays as it is."""
        pushers = {self.newest.name, self.outdated.name}
        self.other = next(machine for name, machine in machines.items() if name not in pushers)
        self.first = self.serial = deployment.serial(self.newest)

    def everywhere(self) -> None:
        """Wait until all machines serve the newest zone, from the mesh."""
        for machine in self.machines.values():
            zones.wait_for(machine, self.spec["domain"], f"serial={self.serial} .*source=mesh")

    def signature(self) -> str:
        """Return what is another one after each push, also of the same zone."""
        return self.other.succeed(f"stat --format='%i %y' {_MESH_FILE}")

    def run(self) -> None:
        """Run all steps."""
        for step in (
            self.booted,
            self.booted_again,
            self.data_mesher_does_not_answer,
            self.outdated_machine_runs_its_unit,
            self.outdated_machine_has_lost_all,
            self.outdated_machine_was_cut_off,
            self.mesh_has_no_zone,
            self.data_meshers_restart,
            self.push_is_refused,
        ):
            try:
                step()
            except Exception as error:
                error.add_note(f"The step was: {step.__name__}")
                for machine in (self.newest, self.outdated):
                    lines = "\n".join(deployment.said(machine))
                    error.add_note(f"{UNIT} of {machine.name} said:\n{lines}")
                raise
        deployment.switch_back(self.newest)
        zones.withdraw(self.machines, self.spec, self.push)

    def booted(self) -> None:
        self.everywhere()
        for machine in (self.newest, self.outdated):
            deployment.wait_until_idle(machine)
            # It may have found data-mesher starting, and says when that is over.
            *waiting, last = deployment.said(machine)
            most = 2
            if len(waiting) > most or not all("does not answer" in line for line in waiting):
                raise AssertionError(f"{machine.name}: {UNIT} says {waiting}")
            if not last.startswith((f"pushed {self.spec['domain']}: ", "nothing to do ")):
                raise AssertionError(f"{machine.name}: {UNIT} says {last!r}")

    def booted_again(self) -> None:
        before = self.signature()
        for machine in (self.newest, self.outdated):
            machine.reboot()
        done = f"nothing to do for {self.spec['domain']}: the mesh has the same names with serial"
        expected = [f"{done} {self.serial}"]
        for machine in (self.newest, self.outdated):
            machine.wait_for_unit("multi-user.target")
            machine.wait_until_succeeds("test -e /run/dm-dns-push/handled")
            deployment.wait_until_idle(machine)
            if deployment.said(machine) != expected:
                raise AssertionError(f"{machine.name}: {deployment.said(machine)}, not {expected}")
        self._check_signature(before)

    def data_mesher_does_not_answer(self) -> None:
        # A zone that is deployed then comes as soon as it can.
        said = len(deployment.said(self.newest))
        before = self.signature()
        self.newest.succeed(_FREEZE)
        self.serial += 1
        spec = zones.with_name(self.spec, f"n{self.serial}")
        deployment.switch(self.newest, spec, self.serial)
        # It waits, and what has started it does not: neither a switch nor a boot.
        unit = f"journalctl --boot --output=cat _SYSTEMD_UNIT={UNIT}"
        self.newest.wait_until_succeeds(
            f"{unit} | tail --lines=+{said + 1} | grep 'does not answer'"
        )
        self.newest.succeed(f"sleep {_STILL}", f"systemctl is-active {UNIT}")
        self.newest.fail(f"systemctl list-jobs --no-legend | grep {UNIT}")
        lines = deployment.said(self.newest)[said:]
        if len(lines) != 1 or "does not answer" not in lines[0]:
            raise AssertionError(f"{self.newest.name}: {UNIT} says {lines}")
        self._check_signature(before)
        self.newest.succeed(_THAW)
        self.everywhere()
        self.other.succeed(f"getent ahosts n{self.serial}.{self.spec['domain']}")
        deployment.wait_until_idle(self.newest)
        over, *lines = deployment.said(self.newest)[said + 1 :]
        pushed = f"pushed {self.spec['domain']}: serial "
        if not over.startswith("over: ") or [line.startswith(pushed) for line in lines] != [True]:
            raise AssertionError(f"{self.newest.name}: {UNIT} says {lines}")

    def outdated_machine_runs_its_unit(self) -> None:
        self._changes_nothing(self.outdated, f"systemctl restart {UNIT}")

    def outdated_machine_has_lost_all(self) -> None:
        before = self.signature()
        self.outdated.succeed(
            "systemctl stop dm-dns-health.path dm-dns-push.path dm-dns-push.service",
            "systemctl stop data-mesher.service dm-dns.service",
            "rm -rf /var/lib/data-mesher/* /var/lib/dm-dns/*",
        )
        peers = [machine for machine in self.machines.values() if machine is not self.outdated]
        for machine in peers:
            machine.succeed(_FREEZE)
        self.outdated.reboot()
        self.outdated.wait_until_succeeds(
            f": < /dev/tcp/127.0.0.1/7331 && systemctl is-active {UNIT}"
        )
        self.outdated.succeed(f"sleep {_LATE}; test ! -e {_MESH_FILE}")
        for machine in peers:
            machine.succeed(_THAW)
        self.everywhere()
        deployment.wait_until_idle(self.outdated)
        (line,) = deployment.said(self.outdated)[-1:]
        if not line.startswith(f"nothing to do for {self.spec['domain']}: the mesh has serial "):
            raise AssertionError(f"{self.outdated.name}: {line!r}")
        self._check_signature(before)

    def outdated_machine_was_cut_off(self) -> None:
        # It has pushed what it has, as it could not know of the newer zone. Nobody repairs that
        # before it has found its own zone in the mesh.
        runs = deployment.runs(self.newest), deployment.runs(self.outdated)
        peers = [machine for machine in self.machines.values() if machine is not self.outdated]
        for machine in peers:
            machine.succeed(_FREEZE)
        self.outdated.succeed("dm-send-dns --force")
        for machine in peers:
            machine.succeed(_THAW)
        self._is_repaired(runs)

    def mesh_has_no_zone(self) -> None:
        runs = deployment.runs(self.newest), deployment.runs(self.outdated)
        self.outdated.succeed(
            "echo nonsense > /tmp/nonsense",
            f"data-mesher file update /tmp/nonsense --name dns/cnames --key {self.push.key}"
            f" --network-id {self.push.network_id}",
        )
        self.other.wait_until_succeeds(f"grep nonsense {_MESH_FILE}")
        self._is_repaired(runs)

    def data_meshers_restart(self) -> None:
        for machine in (self.newest, self.outdated):
            self._changes_nothing(machine, "systemctl restart data-mesher.service")

    def push_is_refused(self) -> None:
        # What needs a person is a failure of the unit, which says why, once.
        few = {**self.spec, "endpoints": []}
        full = self.spec
        for number in range(10):
            full = zones.with_name(full, f"n{number}")
        self.serial += 1
        deployment.switch(self.newest, full, self.serial)
        self.everywhere()
        deployment.wait_until_idle(self.newest)

        before = self.signature()
        deployment.switch(self.newest, few, self.serial + 1)
        self.newest.wait_until_succeeds(f"systemctl is-failed {UNIT}")
        self.newest.succeed(f"sleep {_STILL}", f"systemctl is-failed {UNIT}")
        refusals = [line for line in deployment.said(self.newest) if "more than 30 %" in line]
        if len(refusals) != 1:
            raise AssertionError(f"{self.newest.name}: {deployment.said(self.newest)}")
        self._check_signature(before)

        deployment.switch(self.newest, self.spec, self.serial + 2)
        self.newest.wait_until_succeeds(f"systemctl is-failed {UNIT}")
        self.newest.succeed("dm-send-dns --force")
        self.serial += 2
        self.everywhere()
        # The change in the mesh has made it look again.
        deployment.wait_until_idle(self.newest)

    def _changes_nothing(self, machine: Machine, command: str) -> None:
        before = self.signature()
        machine.succeed(command, f"sleep {_STILL}")
        deployment.wait_until_idle(machine)
        self.everywhere()
        self._check_signature(before)

    def _is_repaired(self, runs: tuple[int, int]) -> None:
        """Check that the newest zone comes back, and then stays."""
        self.other.wait_until_succeeds(f"grep -Fx '# serial: {self.serial}' {_MESH_FILE}")
        deployment.wait_for_run(self.newest, runs[0])
        deployment.wait_for_run(self.outdated, runs[1])
        before = self.signature()
        self.everywhere()
        self.other.succeed(f"sleep {_STILL}")
        self._check_signature(before)

    def _check_signature(self, before: str) -> None:
        after = self.signature()
        if after != before:
            raise AssertionError(f"something was pushed: {after} after {before}")
