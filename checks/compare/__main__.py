"""`make compare`: dm-dns and clan-core's own dm-dns, with the same faults, in one table."""

import argparse
import json
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from checks.compare import latency, rows
from checks.compare.side import Side
from checks.containers.clan import Clan
from checks.containers.container_errors import ContainerError
from checks.module.evaluator import EvaluationError, Evaluator

# What a machine has of a service, and not of the containers.
_OF_SERVICE: Final = (
    "environment.etc.",
    "services.resolved",
    "services.unbound",
    "systemd.",
    "users.",
)


def main() -> int:
    """Run a command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m checks.compare", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for function, text in (
        (evaluate, "evaluate the machines of both (needs what `make record` does)"),
        (run, "boot the machines of both, and print the table"),
    ):
        command = commands.add_parser(function.__name__, help=text)
        command.add_argument("file", type=Path, help="with what they evaluate to")
        command.set_defaults(run=function)
    args = parser.parse_args()
    try:
        args.run(args.file)
    except (EvaluationError, ContainerError) as error:
        print(f"checks.compare: {error}", file=sys.stderr)
        return 1
    return 0


def evaluate(file: Path) -> None:
    """Write what each of the two configures on each machine."""
    file.parent.mkdir(exist_ok=True)
    nix = Evaluator("checks/compare/sides.nix")
    evaluated = {side: nix.evaluate(side) for side in ("ours", "theirs")}
    # What fails is in a snapshot as that, and the machines would not have it.
    failed = {
        f"{side}: {key} of {name}"
        for side, machines in evaluated.items()
        for name, machine in machines.items()
        for key, value in machine.items()
        if isinstance(value, dict) and "throws" in value
    }
    if failed:
        raise EvaluationError(f"does not evaluate: {', '.join(sorted(failed))}")
    file.write_text(json.dumps(evaluated))


def run(file: Path) -> None:
    """Boot machines with each of the two, and print the table."""
    evaluated = json.loads(file.read_text())
    ours, theirs = evaluated["ours"], _replaced(evaluated["ours"], evaluated["theirs"])
    with TemporaryDirectory() as folder, ExitStack() as stack:
        clans = []
        for name, machines in (("ours", ours), ("theirs", theirs)):
            case = Path(folder) / f"{name}.json"
            case.write_text(json.dumps(machines))
            clans.append(stack.enter_context(Clan(str(case))))
        _table(
            [
                Side("ours", clans[0], ours, "/var/lib/dm-dns", "dm-dns-health.path"),
                Side("theirs", clans[1], theirs, "/var/lib/unbound", "unbound-reload-zones.path"),
            ]
        )


def _replaced(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Return the machines with the other service in place of ours."""
    return {
        name: {key: value for key, value in machine.items() if not key.startswith(_OF_SERVICE)}
        | theirs[name]
        for name, machine in ours.items()
    }


def _table(sides: list[Side]) -> None:
    print("| | " + " | ".join(side.name for side in sides) + " |\n|---|---|---|")
    for side in sides:
        side.machine.wait_for_unit("multi-user.target")
    for row in rows.FIRST:
        _line(row, sides)
    for side in sides:
        side.machine.succeed("systemctl stop data-mesher.service")
    for row in rows.ALL:
        for side in sides:
            side.repair()
        _line(row, sides)
    seconds = latency.measure(sides)
    for side in sides:
        print(f"\nFrom the rename of a changed zone to its answer, {side.name}:", end=" ")
        print(latency.text(seconds[side.name]))
    ours, theirs = (statistics.median(seconds[side.name]) for side in sides)
    print(f"\nRatio of the medians, ours to theirs: {ours / theirs:.2f}")


def _line(row: rows.Row, sides: list[Side]) -> None:
    title = (row.__doc__ or "").rstrip(".")
    print(f"| {title} | " + " | ".join(row(side) for side in sides) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
