"""How much memory and how many tasks the units take of what they may have."""

import resource
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from dm_dns.errors import Error
from dm_dns.node import state

from checks.bench import inputs, others, usage, worst
from checks.bench.measured_machine import MeasuredMachine
from checks.bench.report import Row
from checks.bench.worst import MACHINE, Body
from checks.processes import cgroup
from checks.processes.cgroup import Cgroup
from checks.processes.hook import HookProcess, listening
from checks.processes.wait import until

_MB: Final = 1e6  # bytes
_SERIAL: Final = 2
_SECONDS: Final = 300  # for two runs, on a busy machine

# As dm-dns-push.service compares them.
_COMPARE: Final = """
import sys
from pathlib import Path
from dm_dns.push import plan
from dm_dns.push.destination import MeshCopy
from dm_dns.zone import conf
new, old = map(Path, sys.argv[1:3])
compared = plan.make(conf.read(new, sys.argv[3]), MeshCopy(old.read_bytes(), str(old)))
sys.exit(0 if compared.has_changes and plan.refusals(compared) else "the zones are the same")
"""


def rows(part: float, directory: Path) -> Iterator[Row]:
    """Measure units with the worst zones, of ``part`` of the size that the limits allow.

    Raises:
        RuntimeError: a program failed.
        TimeoutError: a zone is not served.

    """
    zones = worst.zones(part)
    if reason := cgroup.why_not():
        print(f"bench: memory and tasks of units: {reason}", file=sys.stderr)
    else:
        for what, body in zones.items():
            yield _server(what, body, "")
        most, hosts = "the most records", f"127.0.0.2 {MACHINE}\n"
        yield _server(f"{most} of this machine", zones[most], hosts)
        yield from _hook()
        yield from _health()
    new, old = directory / "new.conf", directory / "old.conf"
    inputs.write_body(new, zones["the longest chains"], serial=2)
    inputs.write_body(old, zones["the most names with an address"], serial=1)
    used = usage.run([sys.executable, "-c", _COMPARE, str(new), str(old), inputs.DOMAIN])
    if used.peak is not None:
        what = "memory of dm-dns-push.service with two zones that have no name in common"
        limit = cgroup.of_unit("dm-dns-push", "MemoryMax")
        yield Row(what, "MB", [used.peak / _MB], target=limit / _MB)


def _server(what: str, body: Body, hosts: str) -> Row:
    """Measure dm-dns.service with a mesh copy and a deployed copy that are equally large."""
    with Cgroup() as group, MeasuredMachine() as one:
        one.unbound.start()
        one.watch(*group.command())
        one.hosts.write_text(hosts)
        inputs.write_body(one.deployed, body, serial=1)
        inputs.write_body(one.mesh_file, body, serial=_SERIAL)
        until(lambda: _serial(one) == _SERIAL, f"{what} is served", seconds=_SECONDS)
        return _row("dm-dns", f"two copies of {what}", group)


def _hook() -> Iterator[Row]:
    """Measure dm-dns-hook.service with the worst zone for it, and as many lookups as there may be.

    Raises:
        RuntimeError: it answers none of them.

    """
    unit = "dm-dns-hook"
    allowed = cgroup.of_unit(unit, "LimitNOFILE")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Cgroup() as group, MeasuredMachine() as one, ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, max(allowed, before[1])))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        one.set_up(reverse=True)
        inputs.write_body(one.mesh_file, others.most_reverse_names, serial=1)
        one.unbound.start()
        one.run_apply()
        path = one.directory / "hook"
        listener = stack.enter_context(listening(path))
        stack.enter_context(HookProcess(one.config, listener, prefix=group.command()))
        others.wait_for_reverse_names(path)
        yield _row(unit, "the most reverse names", group)
        if not others.look_up(path, others.LOOKUPS):
            raise RuntimeError("the hook has answered no lookup")
        yield _row(unit, f"{others.LOOKUPS} lookups at a time of 2000 addresses", group)
        yield Row(f"tasks of {unit}.service", "", [group.tasks()], target=_tasks(unit))


def _health() -> Iterator[Row]:
    """Measure dm-dns-health.service, which reads what dm-dns.service has found."""
    unit = "dm-dns-health"
    with Cgroup() as group, MeasuredMachine() as one:
        others.largest_state().write(one.state_file)
        group.limit(tasks=1)  # it needs no more, or it would fail
        checked = one.apply("--check", prefix=group.command())
        if "xxx" not in checked.stderr:
            raise RuntimeError(checked.stderr)
        yield _row(unit, "the largest state", group)


def _row(unit: str, what: str, group: Cgroup) -> Row:
    limit = cgroup.of_unit(unit, "MemoryMax")
    return Row(
        f"memory of {unit}.service with {what}", "MB", [group.peak() / _MB], target=limit / _MB
    )


def _tasks(unit: str) -> int:
    return cgroup.of_unit(unit, "TasksMax")


def _serial(machine: MeasuredMachine) -> int:
    """Return the serial that the server has found to be served; 0 if there is none."""
    try:
        served = state.read(machine.state_file).served
    except (OSError, Error):
        return 0
    return served.serial if served else 0
