"""A push shows what it does, does nothing twice, and refuses what would be regretted."""

import json
import re
from typing import Any, Final

from checks.scenarios import deployment, zones
from checks.scenarios.zones import Machines, Push, Spec

_MESH_FILE: Final = f"{zones.MESH}/cnames"
_ZONE: Final = "/tmp/pushed.conf"  # noqa: S108 - machines have no users
_STDERR: Final = "/tmp/pushed.stderr"  # noqa: S108
_MANY: Final = 10
_STILL: Final = 3
"""Seconds in which nothing may happen."""


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up. None pushes automatically.
        spec: the zone spec that they were deployed with.
        push: how to send another zone.

    """
    machines[push.machine].wait_for_unit("data-mesher.service")
    scenario = _Push(machines, spec, push)
    scenario.nobody_else_pushes()
    scenario.deployed_zone_is_pushed_once()
    scenario.changes_are_shown()
    scenario.regrets_are_refused()
    scenario.nothing_overrides_other_refusals()
    zones.withdraw(machines, spec, push)


class _Push:
    def __init__(self, machines: Machines, spec: Spec, push: Push) -> None:
        self.machines = machines
        self.machine = machines[push.machine]
        self.spec = spec
        self.domain = spec["domain"]
        self.files = f"--network-id {push.network_id} --key {push.key}"
        self.serial = deployment.serial(self.machine)
        """Of the newest zone."""

    def nobody_else_pushes(self) -> None:
        # Also not when a machine is deployed with a newer zone than the mesh has.
        if deployment.pushers(self.machines):
            raise AssertionError("a machine pushes automatically")
        deployment.switch(self.machine, self.spec, self.serial + 1)
        self.machine.succeed(f"sleep {_STILL}")
        deployment.switch_back(self.machine)
        for machine in self.machines.values():
            zones.wait_for(machine, self.domain, f"serial={self.serial} .*source=deployed")
            machine.fail(f"test -e {_MESH_FILE}")

    def deployed_zone_is_pushed_once(self) -> None:
        would, has = f"would push {self.domain}: serial", f"pushed {self.domain}: serial"
        shown = self.check("dm-send-dns --dry-run", 2, f"{would} {self.serial}, .* added")
        if shown.count("added ") != len(zones.expected(self.spec)):
            raise AssertionError(f"the plan is {shown}")
        self.machine.fail(f"test -e {_MESH_FILE}")

        same = self.check("dm-send-dns", 0, f"{has} {self.serial}, .* added")
        if same != shown:
            raise AssertionError(f"the plan is {same}, and was {shown}")
        self.everywhere()
        before = self.signature()
        for options in ("", " --dry-run"):
            self.check(f"dm-send-dns{options}", 0, f"nothing to do for {self.domain}: .*")
        self.check_unchanged(before)

    def changes_are_shown(self) -> None:
        self.serial += 1
        self.make(zones.changed(self.spec))
        plan = f"dm-dns plan {_ZONE} --domain {self.domain}"
        self.check(plan, 2, "(?s).*moved .* -> .*")
        status, printed = self.machine.execute(f"{plan} --json")
        found: dict[str, Any] = json.loads(printed)
        kinds = {change["kind"] for change in found["changes"]}
        if (status, found["sends"]) != (2, True) or not {"added", "moved"} <= kinds:
            raise AssertionError(f"the plan has status {status} and is {found}")
        self.check(self.command(), 0, f"pushed {self.domain}: .* 1 added, .* moved.*")
        self.everywhere()
        self.check(plan, 0, ".* no name changes, .*")
        for machine in self.machines.values():
            zones.check(machine, zones.changed(self.spec))

    def regrets_are_refused(self) -> None:
        # An older zone: that of an outdated deployment.
        newest = self.serial
        self.refuses("dm-send-dns", f"is older than the mesh's, {newest}")
        self.refuses("dm-send-dns --dry-run", f"is older than the mesh's, {newest}")
        self.serial = deployment.serial(self.machine)
        self.check("dm-send-dns --force", 0, f"pushed {self.domain}: serial {self.serial}, .*")
        self.everywhere()

        # One that removes many names.
        full = self.spec
        for number in range(_MANY):
            full = zones.with_name(full, f"n{number}")
        self.serial = newest + 1
        self.make(full)
        self.check(self.command(), 0, f"pushed {self.domain}: .*")
        self.everywhere()
        self.serial += 1
        self.make(self.spec)
        self.refuses(self.command(), f"removes {_MANY} of the mesh's")
        self.check(self.command("--force"), 0, f"pushed {self.domain}: .* {_MANY} removed")
        self.everywhere()

    def nothing_overrides_other_refusals(self) -> None:
        other = "/tmp/other-key"  # noqa: S108 - machines have no users
        self.machine.succeed(f"rm -rf {other} && dm-dns keygen {other}")
        another = zones.with_name(self.spec, "another")
        self.make(another)
        self.refuses(self.command("--force"), f"another zone with the same serial {self.serial}")
        self.make(another, 2**32 - 1)
        self.refuses(self.command("--force"), "more than a day ahead")
        self.make(another, self.serial + 1)
        self.refuses(f"{self.command('--force')} --domain other", f"{_ZONE}:")
        public = f"--public-key {other}/signing.pub"
        self.refuses(self.command(f"--force {public}"), "does not belong to --public-key")
        # Nothing here says that nodes do not know this key, but the mesh.
        stranger = f"--key {other}/signing.key"
        self.refuses(self.command(f"--force {stranger}"), "data-mesher did not take")
        self.machine.succeed(f"sed -i '$d' {_ZONE}")
        self.refuses(self.command("--force"), f"{_ZONE}:")

    def command(self, options: str = "") -> str:
        """Return the command that pushes what `make` made."""
        return f"dm-dns push {_ZONE} --domain {self.domain} {self.files} {options}"

    def make(self, spec: Spec, serial: int | None = None) -> None:
        self.machine.succeed(*zones.render(spec, serial or self.serial, _ZONE))

    def check(self, command: str, status: int, line: str) -> str:
        """Check how a command ends and all that it prints; return what it says on stderr.

        Args:
            command: the command.
            status: its exit status.
            line: a regular expression.

        """
        found, printed = self.machine.execute(f"{command} 2> {_STDERR}")
        said = self.machine.succeed(f"cat {_STDERR}")
        if found != status or not re.fullmatch(line, printed.rstrip("\n")):
            raise AssertionError(f"`{command}` ends with {found} and prints {printed}{said}")
        return said

    def refuses(self, command: str, reason: str) -> None:
        """Check that a push is refused, and changes nothing."""
        before = self.signature()
        said = self.check(command, 1, "")
        if reason not in said or "Traceback" in said:
            raise AssertionError(f"`{command}` says {said}")
        self.check_unchanged(before)

    def everywhere(self) -> None:
        """Wait until the mesh has the newest zone on all machines."""
        for machine in self.machines.values():
            machine.wait_until_succeeds(f"grep -Fx '# serial: {self.serial}' {_MESH_FILE}")

    def signature(self) -> str:
        """Return what is another one after each push, also of the same zone."""
        return self.machine.succeed(f"stat --format='%i %y' {_MESH_FILE}")

    def check_unchanged(self, before: str) -> None:
        after = self.signature()
        if after != before:
            raise AssertionError(f"something was pushed: {after} after {before}")
