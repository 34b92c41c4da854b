"""What dm-dns-hook.service and dm-dns-health.service have to cope with at most."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from dm_dns.node.state import State
from dm_dns.zone import limits, names

from checks.bench import inputs
from checks.bench.worst import ZONE_LINE, line
from checks.processes.hook import Connection

MACHINES: Final = limits.MAX_REVERSE // limits.MAX_ADDRESSES
"""Each with as many addresses as may be, which fill its answers; all of them have reverse names."""

LOOKUPS: Final = 2048
"""resolved begins at most so many at a time."""


def machine(number: int) -> str:
    """Return the name of a machine: its label is as long as may be, and so in the order of them."""
    return f"{number:0{names.MAX_LABEL}}.{inputs.DOMAIN}"


def most_reverse_names() -> Iterator[bytes]:
    """Yield the lines of the worst zone for the hook."""
    yield ZONE_LINE
    for number in range(MACHINES):
        for address in range(limits.MAX_ADDRESSES):
            # A digit first: in the order of the text.
            yield line(f"{machine(number)}. AAAA fd00:0:1:0:2:0:{number + 1:x}:1{address:03x}")


def wait_for_reverse_names(path: Path) -> None:
    """Return when the hook at ``path`` wants to be asked for as many names as it may."""
    hook = Connection(path)
    with hook.stream:
        wanted = hook.filter()
        while len(wanted["parameters"]["filterDomains"]) <= limits.MAX_REVERSE:
            wanted = hook.reply()


def look_up(path: Path, lookups: int) -> int:
    """Have the hook at ``path`` answer lookups at a time; return how many have all addresses.

    It passes on those that unbound does not answer in time.
    """
    with ExitStack() as stack:
        found = [Connection(path) for _ in range(lookups)]
        for each in found:
            stack.enter_context(each.stream)
        for number, each in enumerate(found):
            each.ask(machine(number % MACHINES), "AAAA")
        answers = [len(each.reply()["parameters"].get("answer", ())) for each in found]
    return answers.count(limits.MAX_ADDRESSES)


def largest_state() -> State:
    """Return a state of nearly as many bytes as one may have."""
    problem = "x" * 1000
    return State(
        domain=inputs.DOMAIN,
        pid=os.getpid(),
        served=None,
        since=None,
        problems=[problem] * (limits.MAX_SETTINGS // len(problem) - 50),
        inputs={},
        written=int(time.monotonic()),
    )
