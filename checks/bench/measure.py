"""What is measured, and against what."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from checks.bench import doctor, inputs, refused, units, usage, worst
from checks.bench.measured_machine import MeasuredMachine, serving
from checks.bench.queries import PER_SECOND, Client
from checks.bench.report import Row

_T = TypeVar("_T")

_MS = 1e3  # in a second
_MB = 1e6  # bytes
_IDLE_SECONDS = 1.0


class Sizes(NamedTuple):
    """How much is measured."""

    endpoints: int
    """Of the zone spec that is rendered."""
    large: int
    """Records of the zone that is checked and applied."""
    asked: int
    """Records of the zone that is loaded while a client asks."""
    small: int
    """Records of the zone of which one is changed again and again."""
    changes: int
    """How often that is done."""
    rounds: int
    """How often everything else is done."""
    worst: float
    """The size of the worst zones, as a part of what the limits allow."""


def everything(sizes: Sizes, directory: Path) -> Iterator[Row]:
    """Measure all there is.

    Raises:
        RuntimeError: a program failed.
        OSError: a program or file is not to be had.
        ContainerError: machines boot, and a command on one fails.

    """
    yield from _render(sizes, directory)
    yield from _check(sizes, directory)
    with serving(sizes.small) as one:
        yield from _small(sizes, one)
    with serving(sizes.small) as one:
        yield from _large(sizes, one)
    with serving(sizes.asked) as one:
        yield from _asked(sizes, one)
    yield from worst.rows(sizes.worst)
    yield from refused.rows(sizes.worst, directory)
    yield from units.rows(sizes.worst, directory)
    yield from doctor.rows(sizes.rounds)


def _render(sizes: Sizes, directory: Path) -> Iterator[Row]:
    what = f"render {sizes.endpoints:,} endpoints"
    spec = directory / "spec.json"
    inputs.write_spec(spec, sizes.endpoints)
    command = _dm_dns("render", str(spec), "-o", str(directory / "rendered.conf"))
    used = _repeat(what, sizes.rounds, lambda: usage.run(command))
    yield Row(what, "s", [each.wall for each in used], target=3)
    yield from _cpu_and_memory(what, used)


def _check(sizes: Sizes, directory: Path) -> Iterator[Row]:
    what = f"check {sizes.large:,} records"
    zone = directory / "zone.conf"
    inputs.write_zone(zone, sizes.large, serial=1)
    command = _dm_dns("check", str(zone), "--domain", inputs.DOMAIN)
    used = _repeat(what, sizes.rounds, lambda: usage.run(command))
    yield Row(what, "s", [each.wall for each in used])
    yield from _cpu_and_memory(what, used)


def _small(sizes: Sizes, one: MeasuredMachine) -> Iterator[Row]:
    what = f"apply {sizes.small:,} records"

    def change() -> tuple[float, ...]:
        # In turns, so that all meet the same load of the machine.
        one.bring(sizes.small)
        used = one.run_apply()
        applied = used.wall
        reloaded = one.reload()
        started = one.run_python("pass").wall
        imported = one.run_imports().wall - started
        beyond = applied - reloaded
        rest = beyond - started - imported
        return applied, used.cpu, reloaded, beyond, started, imported, rest

    runs = _repeat(what, sizes.changes, change)
    whole, cpu, own, beyond, start, imports, rest = (
        [_MS * value for value in values] for values in zip(*runs, strict=True)
    )
    reload = Row(f"unbound's own reload of {sizes.small:,} records", "ms", own)
    applied = Row(what, "ms", whole, reference=reload)
    yield reload
    yield applied
    yield Row(f"{what}: processor", "ms", cpu)
    yield Row(f"{what}: beyond unbound's own reload", "ms", beyond, target=60)
    yield Row(f"{what}: start of the interpreter", "ms", start, reference=applied)
    yield Row(f"{what}: imports", "ms", imports, reference=applied)
    yield Row(f"{what}: the rest", "ms", rest, reference=applied)
    what = f"apply {sizes.small:,} records, nothing changed"
    used = _repeat(what, sizes.changes, one.run_apply)
    yield Row(what, "ms", [_MS * each.wall for each in used], reference=applied)


def _large(sizes: Sizes, one: MeasuredMachine) -> Iterator[Row]:
    what = f"apply {sizes.large:,} records"
    before = one.unbound.resident_set() / _MB

    def change() -> tuple[usage.Usage, float, float]:
        one.bring(sizes.large)
        used = one.run_apply()
        resident = one.unbound.resident_set() / _MB
        return used, one.reload(), resident

    runs = _repeat(what, sizes.rounds, change)
    used = [run[0] for run in runs]
    reload = Row(f"unbound's own reload of {sizes.large:,} records", "s", [run[1] for run in runs])
    applied = Row(what, "s", [each.wall for each in used], target=5)
    yield reload
    yield applied
    yield from _cpu_and_memory(what, used, target=500)
    small = Row(f"unbound's memory with {sizes.small:,} records", "MB", [before])
    yield small
    after = [run[2] for run in runs]
    yield Row(f"unbound's memory with {sizes.large:,} records", "MB", after, reference=small)
    what = f"apply {sizes.large:,} records, nothing changed"
    used = _repeat(what, sizes.rounds, one.run_apply)
    yield Row(what, "s", [each.wall for each in used], reference=applied)


def _asked(sizes: Sizes, one: MeasuredMachine) -> Iterator[Row]:
    def ask(meanwhile: Callable[[], object]) -> tuple[float, float]:
        name = f"{inputs.machine(0)}.{inputs.DOMAIN}"
        with Client(one.unbound.address, one.unbound.port, name) as client:
            meanwhile()
        answers = client.answers()
        return _MS * answers.slowest, answers.lost

    def change() -> tuple[float, ...]:
        one.bring(sizes.asked)
        return (
            *ask(lambda: time.sleep(_IDLE_SECONDS)),
            *ask(one.run_apply),
            *ask(one.reload),
        )

    runs = _repeat(f"{PER_SECOND} queries a second", sizes.rounds, change)
    idle, idle_lost, apply, apply_lost, reload, reload_lost = map(list, zip(*runs, strict=True))
    loading = f"while {sizes.asked:,} records are loaded"
    own = Row(f"slowest query {loading} by unbound alone", "ms", reload)
    own_lost = Row(f"lost queries {loading} by unbound alone", "", reload_lost)
    yield Row("slowest query while nothing happens", "ms", idle)
    yield own
    yield Row(f"slowest query {loading} by apply", "ms", apply, reference=own)
    yield Row("lost queries while nothing happens", "", idle_lost)
    yield own_lost
    yield Row(f"lost queries {loading} by apply", "", apply_lost, reference=own_lost)


def _cpu_and_memory(
    what: str, used: list[usage.Usage], target: float | None = None
) -> Iterator[Row]:
    yield Row(f"{what}: processor", "s", [each.cpu for each in used])
    if peaks := [each.peak / _MB for each in used if each.peak]:
        yield Row(f"{what}: peak memory", "MB", peaks, target=target)


def _dm_dns(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dm_dns", *arguments]


def _repeat(what: str, times: int, run: Callable[[], _T]) -> list[_T]:
    print(f"bench: {what}, {times} times", file=sys.stderr)
    return [run() for _ in range(times)]
