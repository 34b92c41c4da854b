"""The server within the limits of its unit, and beyond them: what is too much fails, and heals."""

from collections.abc import Iterator

import pytest
from dm_dns.node import state

from checks.bench import inputs, worst
from checks.processes import cgroup
from checks.processes.cgroup import Cgroup
from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import NEW, OLD, bring, many, problems, served, source
from checks.processes.wait import until

MEMORY = cgroup.of_unit("dm-dns", "MemoryMax")
TASKS = cgroup.of_unit("dm-dns", "TasksMax")
PART = 0.1
"""Of the worst zones, and of the memory; `make bench` measures all of both."""

KILLED = "serving the zone was ended by signal 9; it is retried"
NO_PROCESS = (
    "a process to serve the zone in cannot be run: Resource temporarily unavailable; it is retried"
)


@pytest.fixture
def group() -> Iterator[Cgroup]:
    if reason := cgroup.why_not():
        pytest.skip(reason)
    with Cgroup() as group:
        yield group


@pytest.fixture
def limited(group: Cgroup, machine: PlainMachine) -> PlainMachine:
    """A machine whose server is in the group."""
    group.limit(memory=MEMORY, tasks=TASKS)
    machine.watch(*group.command())
    return machine


def serial(machine: PlainMachine) -> int:
    found = state.read(machine.state_file).served
    return found.serial if found else 0


@pytest.mark.parametrize("what", ["the longest chains", "the most names with an address"])
def test_two_copies_of_a_worst_zone_are_served_within_the_limits(
    limited: PlainMachine, group: Cgroup, what: str
) -> None:
    group.limit(memory=int(PART * MEMORY))
    body = worst.zones(PART)[what]
    inputs.write_body(limited.deployed, body, serial=1)
    inputs.write_body(limited.mesh_file, body, serial=2)
    until(lambda: serial(limited) == 2, "the zone is served")
    assert problems(limited) == []
    assert source(limited) == ("mesh", "2")
    assert group.peak() > PART * MEMORY / 10  # or nothing would be shown


def test_a_run_that_takes_more_memory_is_killed_and_the_server_goes_on(
    limited: PlainMachine, group: Cgroup
) -> None:
    bring(limited, many(1, OLD))
    until(lambda: source(limited) == ("mesh", "1"), "the first zone is served")
    group.limit(memory=60 * 10**6)
    bring(limited, many(2, NEW, names=300_000))
    until(lambda: problems(limited) == [KILLED], "the run is killed")
    assert served(limited, "host0.pin")[-1] == f"AAAA {OLD}"
    group.limit(memory=MEMORY)
    until(lambda: source(limited) == ("mesh", "2"), "the zone is served")
    until(lambda: problems(limited) == [], "nothing is wrong any more")
    assert served(limited, "host0.pin")[-1] == f"AAAA {NEW}"


def test_a_run_for_which_there_is_no_process_left_is_retried(
    limited: PlainMachine, group: Cgroup
) -> None:
    bring(limited, many(1, OLD))
    until(lambda: source(limited) == ("mesh", "1"), "the first zone is served")
    until(lambda: group.tasks() == 1, "the run has ended")
    group.limit(tasks=1)
    bring(limited, many(2, NEW))
    until(lambda: problems(limited) == [NO_PROCESS], "the problem is found")
    assert served(limited, "host0.pin")[-1] == f"AAAA {OLD}"
    group.limit(tasks=TASKS)
    until(lambda: source(limited) == ("mesh", "2"), "the zone is served")
    until(lambda: problems(limited) == [], "nothing is wrong any more")
