"""`python -m checks.faults`, which is `make faults`: disturb `dm-dns apply` at each system call.

Each fault is met by a run of its own, on a machine with a real unbound. Afterwards the old zone
must be served or the new one, whole; an error must have been told; and one more run must serve the
new zone and leave nothing over. What does not hold is printed, and the exit status is 1.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from checks.faults import server, tracing
from checks.faults.server import DisturbedServer
from checks.faults.situations import SITUATIONS
from checks.faults.tracing import KILL, KINDS, Ended, Fault
from checks.processes import unbound

COLUMNS: Final = ("faults", "killed", "as usual", "told", "not met", "wrong")


def main(argv: list[str] | None = None) -> int:
    """Disturb as the command line ``argv`` says; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m checks.faults", description="Disturb `dm-dns apply`."
    )
    parser.add_argument("--situation", metavar="WHAT", help="only that one")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="only N faults in each situation, always the same"
    )
    arguments = parser.parse_args(argv)
    missing = tracing.why_not() or (unbound.MISSING if unbound.find() is None else None)
    if missing:
        print(f"faults: {missing}", file=sys.stderr)
        return 1
    totals = {kind: Counter[str]() for kind in KINDS}
    calls = 0
    with DisturbedServer() as machine:
        for what, undisturbed, disturb in _situations(machine):
            if arguments.situation not in {None, what}:
                continue
            usual = undisturbed()
            calls += sum(usual.calls.values())
            print(f"{what}: {sum(usual.calls.values())} system calls", flush=True)
            faults = tracing.faults(usual.calls)
            if arguments.sample is not None:
                faults = sample(faults, arguments.sample)
            for fault in faults:
                ended, wrong = disturb(fault)
                totals[fault.kind][_outcome(usual, ended, fault)] += 1
                totals[fault.kind]["wrong"] += bool(wrong)
                for each in wrong:
                    print(f"{what}: {fault}: WRONG: {each}", flush=True)
    print_table(totals)
    print(f"{calls} system calls in {len(SITUATIONS) + 1} situations")
    return 1 if any(counts["wrong"] for counts in totals.values()) else 0


def _situations(
    machine: DisturbedServer,
) -> Iterator[tuple[str, Callable[[], Ended], Callable[[Fault], tuple[Ended, list[str]]]]]:
    """Yield what is disturbed: its name, how it ends undisturbed, and how it is disturbed."""
    for situation in SITUATIONS:
        yield (
            situation.what,
            partial(machine.undisturbed, situation),
            partial(machine.disturb, situation),
        )
    yield server.WHAT, machine.undisturbed_server, machine.disturb_server


def sample(faults: list[Fault], count: int) -> list[Fault]:
    """Return some of the faults, always the same."""
    return random.Random(1).sample(faults, min(count, len(faults)))  # noqa: S311 - no secret


def _outcome(usual: Ended, ended: Ended, fault: Fault) -> str:
    """Return what came of a fault, as one of COLUMNS."""
    if not ended.met_fault:
        return "not met"
    if fault.kind == KILL:
        return "killed"
    is_usual = (ended.status, ended.stderr) == (usual.status, usual.stderr)
    return "as usual" if is_usual else "told"


def print_table(totals: dict[str, Counter[str]]) -> None:
    """Print what came of the faults, by their kind."""
    rows = list(totals.items())
    rows.append(("all", sum(totals.values(), Counter())))
    print(f"{'':8}" + "".join(f"{column:>10}" for column in COLUMNS))
    for name, counts in rows:
        counts["faults"] = sum(counts[outcome] for outcome in COLUMNS[1:-1])
        print(f"{name:8}" + "".join(f"{counts[column]:>10}" for column in COLUMNS))


if __name__ == "__main__":
    sys.exit(main())
