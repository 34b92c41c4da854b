"""Two admins, each with a checkout and a clock of their own, and three machines of a clan."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dm_dns.zone import conf

from checks.processes import unbound
from checks.processes.fake_mesh import FakeMesh
from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import failed, rcode, served, source
from checks.processes.wait import until

HOUR = 3600

# Python imports this module when it starts: the programs of an admin see their clock.
_CLOCK = """\
import os
import time

OFFSET = int(os.environ.get("CLOCK_OFFSET", "0"))
SECONDS, NANOSECONDS = time.time, time.time_ns
time.time = lambda: SECONDS() + OFFSET
time.time_ns = lambda: NANOSECONDS() + OFFSET * 10**9
"""


class Admin:
    """An admin's checkout, as far as it has the zone, and their clock."""

    def __init__(self, directory: Path, clock: int) -> None:
        directory.mkdir()
        self.zone = directory / "zone.conf"
        self.clock = {"PYTHONPATH": str(directory), "CLOCK_OFFSET": str(clock)}
        (directory / "sitecustomize.py").write_text(_CLOCK)
        self._spec = directory / "spec.json"
        self._new = directory / "new.conf"

    def generate(self, *names: str) -> int:
        """Run the generator for these names; return the new serial."""
        service = {"service": "web", "instance": "web", "role": "server"}
        endpoints = [{"host": f"{name}.pin", "machine": "kiwi", **service} for name in names]
        spec = {
            "domain": "pin",
            "machines": {"kiwi": {"addresses": ["fd00::1"]}},
            "endpoints": endpoints,
        }
        self._spec.write_text(json.dumps(spec))
        command = [sys.executable, "-m", "dm_dns", "render", str(self._spec)]
        command += ["--output", str(self._new), "--previous", str(self.zone)]
        env = {**os.environ, **self.clock}
        run = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
        assert (run.returncode, run.stderr) == (0, "")
        self._new.replace(self.zone)
        return self.serial

    @property
    def serial(self) -> int:
        return conf.read(self.zone, "pin").serial

    def pull(self, other: "Admin") -> None:
        shutil.copy(other.zone, self.zone)


class Machines:
    """Three machines of which the first two push what they are deployed with."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._directory = directory
        (directory / "network").mkdir()
        network = FakeMesh(directory / "network")
        names = ("one", "two", "three")
        self.all = [stack.enter_context(PlainMachine(name, network=network)) for name in names]
        self.one, self.two, self.three = self.all

    def boot(self, zone: Path) -> None:
        for machine in self.all:
            shutil.copy(zone, machine.deployed)
            machine.boot()

    def deploy(self, machine: PlainMachine, zone: Path) -> subprocess.CompletedProcess[str]:
        """Deploy a machine; return how its unit that pushes ended."""
        shutil.copy(zone, machine.deployed)
        machine.apply()
        assert machine.daemon
        state = self._directory / f"push-{machine.name}"
        state.mkdir(exist_ok=True)
        options = ["--automatic", "--state", str(state), "--interval", "0.1s"]
        options += ["--history", str(machine.state / "history")]
        return machine.daemon.push(machine.deployed, "pin", *options)

    def wait(self, serial: int, names: Sequence[str], missing: Sequence[str] = ()) -> None:
        """Wait until all machines serve this zone and check the names."""
        for machine in self.all:
            until(lambda: source(machine)[1] == str(serial), f"{machine.name} serves {serial}")  # noqa: B023
            for name in names:
                assert served(machine, f"{name}.pin") == ["AAAA fd00::1"]
            assert {rcode(machine, f"{name}.pin") for name in missing} <= {"NXDOMAIN"}

    def check(self) -> list[str]:
        """Return the names of the machines of which what is monitored says that all is well."""
        return [machine.name for machine in self.all if machine.apply("--check").returncode == 0]


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    if unbound.find() is None:
        pytest.skip(unbound.MISSING)
    with ExitStack() as stack:
        yield Machines(tmp_path, stack)


CLOCKS = pytest.mark.parametrize(
    ("clock_of_a", "clock_of_b"),
    [(HOUR, 0), (-HOUR, 0), (0, HOUR), (0, -HOUR), (HOUR, -HOUR)],
)


@CLOCKS
def test_what_was_generated_last_from_the_newer_checkout_ends_everywhere(
    machines: Machines, tmp_path: Path, clock_of_a: int, clock_of_b: int
) -> None:
    a, b = Admin(tmp_path / "a", clock_of_a), Admin(tmp_path / "b", clock_of_b)
    first = a.generate("old")
    machines.boot(a.zone)
    second = a.generate("old", "a")
    pushed = machines.deploy(machines.one, a.zone)
    assert (pushed.returncode, pushed.stdout[:9]) == (0, "pushed pi")
    machines.wait(second, ["old", "a"])

    b.pull(a)
    third = b.generate("old", "a", "b")
    pushed = machines.deploy(machines.two, b.zone)
    assert (pushed.returncode, pushed.stdout[:9]) == (0, "pushed pi")
    machines.wait(third, ["old", "a", "b"])
    assert machines.check() == ["one", "two", "three"]
    deployed = {machines.one: f", newer than serial {second}, with which this machine was deployed"}
    deployed |= {
        machines.three: f", newer than serial {first}, with which this machine was deployed"
    }
    for machine in machines.all:
        line = (
            f"pin: serial {third}, 4 records, source mesh{deployed.get(machine, '')}, unchanged\n"
        )
        assert machine.apply().stdout == line

    # A checkout that was not pulled is outdated, wherever it is deployed.
    pushed = machines.deploy(machines.two, a.zone)
    assert (pushed.returncode, pushed.stderr) == (0, "")
    assert f"the mesh has serial {third}, and this machine was deployed with {second}" in (
        pushed.stdout
    )
    machines.wait(third, ["old", "a", "b"])


@CLOCKS
def test_of_checkouts_that_diverged_one_ends_everywhere_and_the_other_is_told_what_to_do(
    machines: Machines, tmp_path: Path, clock_of_a: int, clock_of_b: int
) -> None:
    a, b = Admin(tmp_path / "a", clock_of_a), Admin(tmp_path / "b", clock_of_b)
    a.generate("old")
    b.pull(a)
    machines.boot(a.zone)
    a.generate("old", "a")
    b.generate("old", "b")
    if a.serial == b.serial:  # generated within a second of each other
        b.generate("old", "b")
    machines.deploy(machines.one, a.zone)
    machines.deploy(machines.two, b.zone)
    winner, loser = (a, b) if a.serial > b.serial else (b, a)
    names = ("a", "b") if winner is a else ("b", "a")
    machines.wait(winner.serial, ["old", names[0]], [names[1]])
    # The zone of the one is newer, and the other's machine says so.
    machine = machines.two if loser is b else machines.one
    assert f"newer than serial {loser.serial}, with which this" in machine.apply().stdout

    assert machine.daemon
    refusal = failed(machine.daemon.push(loser.zone, "pin"))
    expected = f"its serial {loser.serial} is older than the mesh's, {winner.serial}: "
    assert expected in refusal
    assert "merge that one into this and generate the zone again" in refusal
    # What it says of a zone that is generated without the other's is true.
    after = re.search(r"generate the zone again(?: after (.*?) UTC)?, with a clock", refusal)
    assert after
    wait = 0
    if after[1]:
        until_then = datetime.strptime(after[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        wait = int((until_then - datetime.now(UTC)).total_seconds()) + 2
    right = Admin(tmp_path / "right", wait)
    right.pull(loser)
    assert right.generate("old", names[1]) > winner.serial
    # And so is the other remedy.
    loser.pull(winner)
    merged = loser.generate("old", "a", "b")
    machines.deploy(machine, loser.zone)
    machines.wait(merged, ["old", "a", "b"])
    assert machines.check() == ["one", "two", "three"]


def test_zones_with_one_serial_are_an_error_on_the_machine_and_in_its_push(
    machines: Machines, tmp_path: Path
) -> None:
    # The zone that both have is from a clock that was ahead: both make the next serial of it.
    ahead, a, b = (
        Admin(tmp_path / name, clock) for name, clock in (("c", HOUR), ("a", 0), ("b", 0))
    )
    ahead.generate("old")
    machines.boot(ahead.zone)
    a.pull(ahead)
    b.pull(ahead)
    assert a.generate("old", "a") == b.generate("old", "b")
    machines.deploy(machines.one, a.zone)
    machines.wait(a.serial, ["old", "a"])

    refused = failed(machines.deploy(machines.two, b.zone))
    assert f"the mesh has another zone with the same serial {a.serial}" in refused
    machines.wait(a.serial, ["old", "a"], ["b"])
    assert machines.check() == ["one", "three"]
    problem = failed(machines.two.apply("--check"))
    assert f"have the same serial {a.serial} and other names, so neither is newer" in problem
    assert f"meanwhile pin is served: serial {a.serial}, 3 records, source mesh\n" in problem
    assert "neither is newer" in failed(machines.two.apply())

    b.pull(a)
    merged = b.generate("old", "a", "b")
    assert merged == a.serial + 1
    pushed = machines.deploy(machines.two, b.zone)
    assert (pushed.returncode, pushed.stdout[:9]) == (0, "pushed pi")
    machines.wait(merged, ["old", "a", "b"])
    assert machines.check() == ["one", "two", "three"]


@pytest.mark.parametrize("clock", [HOUR, -HOUR])
def test_a_push_by_hand_with_a_wrong_clock_fails_and_says_so(
    machines: Machines, tmp_path: Path, clock: int
) -> None:
    a, b = Admin(tmp_path / "a", 0), Admin(tmp_path / "b", clock)
    a.generate("old")
    machines.boot(a.zone)
    assert machines.one.daemon
    assert machines.one.daemon.push(a.zone, "pin").returncode == 0
    machines.wait(a.serial, ["old"])
    b.pull(a)
    b.generate("old", "b")
    # data-mesher signs it with this clock too.
    message = failed(machines.one.daemon.push(b.zone, "pin", env=b.clock))
    assert "that the clocks are right (`timedatectl`)" in message.splitlines()[-1]
    machines.wait(a.serial, ["old"], ["b"])
    assert machines.one.daemon.push(b.zone, "pin").returncode == 0
    machines.wait(b.serial, ["old", "b"])
