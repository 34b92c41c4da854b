"""Units within their limits, and the server beyond them: what is too much fails, and heals."""

from collections.abc import Iterator

import pytest
from dm_dns.node import state
from dm_dns.node.hook_lookups import MAX_LOOKUPS

from checks.bench import inputs, others, worst
from checks.processes import cgroup
from checks.processes.cgroup import Cgroup
from checks.processes.hook import HookProcess, listening
from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import (
    NEW,
    OLD,
    applied,
    bring,
    many,
    problems,
    served,
    source,
)
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


def test_the_hook_takes_a_quarter_of_its_memory_and_two_tasks(
    machine: PlainMachine, group: Cgroup
) -> None:
    """With the worst zone, and lookups whose answers are as long as may be."""
    group.limit(memory=cgroup.of_unit("dm-dns-hook", "MemoryMax") // 4, tasks=2)
    machine.set_up(reverse=True)
    inputs.write_body(machine.mesh_file, others.most_reverse_names, serial=1)
    applied(machine)
    path = machine.directory / "hook"
    with (
        listening(path) as listener,
        HookProcess(machine.config, listener, prefix=group.command()) as process,
    ):
        others.wait_for_reverse_names(path)
        assert others.look_up(path, 100) > 0
        assert process.process.poll() is None
        assert group.tasks() == 2
    assert group.peak() > 10e6  # or nothing would be shown
    assert cgroup.of_unit("dm-dns-hook", "TasksMax") > 2


def test_the_hook_may_open_the_files_of_all_lookups() -> None:
    """A connection, and one to unbound for each of A and AAAA."""
    assert cgroup.of_unit("dm-dns-hook", "LimitNOFILE") > 3 * MAX_LOOKUPS


def test_systemd_keeps_the_connections_of_all_lookups() -> None:
    assert cgroup.of_unit("dm-dns-hook", "FileDescriptorStoreMax") >= MAX_LOOKUPS


def test_the_check_takes_a_quarter_of_its_memory_and_one_task(
    machine: PlainMachine, group: Cgroup
) -> None:
    group.limit(memory=cgroup.of_unit("dm-dns-health", "MemoryMax") // 4, tasks=1)
    bring(machine, many(1, OLD))
    machine.watch()
    until(lambda: source(machine) == ("mesh", "1"), "the zone is served")
    until(lambda: problems(machine) == [], "the state is written")
    checked = machine.apply("--check", prefix=group.command())
    assert (checked.returncode, checked.stderr) == (0, "")
    assert cgroup.of_unit("dm-dns-health", "TasksMax") > 1


def test_the_check_reads_the_largest_state_in_a_quarter_of_its_memory(
    machine: PlainMachine, group: Cgroup
) -> None:
    group.limit(memory=cgroup.of_unit("dm-dns-health", "MemoryMax") // 4, tasks=1)
    others.largest_state().write(machine.state_file)
    checked = machine.apply("--check", prefix=group.command())
    assert checked.returncode == 1
    assert len(checked.stderr) > 900_000
    assert group.peak() > 10e6  # or nothing would be shown
