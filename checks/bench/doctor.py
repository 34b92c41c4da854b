"""How long `dm-dns doctor NAME` takes on a booted machine, well and broken."""

import sys
from collections.abc import Iterator
from typing import Final, NamedTuple

from checks.bench.report import Row
from checks.containers.clan import Clan
from checks.containers.container import Container
from checks.containers.container_errors import UnavailableError

_TARGET: Final = 2.0  # seconds
_CLAN: Final = "spell"
_MACHINE, _OTHER, _NAME = "judradjim", "zoltraak", "zoltraak.spell"


class _Case(NamedTuple):
    what: str
    check: str
    """The check that finds the fault; none if this is empty."""
    breaks: str = "true"
    repairs: str = "true"
    on: str = _MACHINE


_UNBOUND: Final = "unbound.socket unbound.service"
_CASES: Final = (
    _Case("a machine that is well", ""),
    _Case(
        "unbound stopped",
        "unbound",
        f"systemctl stop {_UNBOUND}",
        f"systemctl start {_UNBOUND}",
    ),
    *(
        _Case(f"{unit} frozen", check, f"systemctl freeze {unit}", f"systemctl thaw {unit}")
        for unit, check in (("unbound.service", "unbound"), ("dm-dns.service", "server"))
    ),
    _Case(
        "systemd-resolved stopped",
        "resolved",
        "systemctl mask --runtime --now systemd-resolved.service",
        "systemctl unmask --runtime systemd-resolved.service"
        " && systemctl start systemd-resolved.service",
    ),
    _Case(
        "a machine that is off",
        "name-reached",
        "networkctl down host0",
        "networkctl up host0",
        on=_OTHER,
    ),
)


def rows(rounds: int) -> Iterator[Row]:
    """Measure ``rounds`` runs of each case, with the fake data-mesher.

    Raises:
        ContainerError: the machines do not boot, or a command on them fails.
        RuntimeError: doctor does not find what is broken.

    """
    try:
        with Clan(_CLAN) as clan:
            for each in clan.machines.values():
                each.wait_until_succeeds(f"getent ahosts {_NAME}")
            clan.machines[_MACHINE].wait_until_succeeds(f"dm-dns doctor {_NAME}")
            for case in _CASES:
                yield _row(clan, case, rounds)
    except UnavailableError as error:
        print(f"bench: dm-dns doctor: {error}", file=sys.stderr)


def _row(clan: Clan, case: _Case, rounds: int) -> Row:
    machine = clan.machines[_MACHINE]
    clan.machines[case.on].succeed(case.breaks)
    fault = f'"{case.check}"' if case.check else "null"
    # Not before the fault is seen: a unit takes a moment to stop or to be ready.
    found = f"(dm-dns doctor --json {_NAME} || test $? = 1) | grep -F '\"fault\": {fault}'"
    machine.wait_until_succeeds(found)
    try:
        seconds = [_seconds(machine, case) for _ in range(rounds)]
    finally:
        clan.machines[case.on].succeed(case.repairs)
    machine.wait_until_succeeds(f"dm-dns doctor {_NAME}")
    return Row(f"dm-dns doctor NAME: {case.what}", "s", seconds, target=_TARGET)


def _seconds(machine: Container, case: _Case) -> float:
    # As microseconds: 1764435575.123456 without its point.
    before, after, status = machine.succeed(
        f"before=$EPOCHREALTIME; dm-dns doctor {_NAME} > /dev/null && status=0 || status=$?;"
        ' echo "${before/[.,]/} ${EPOCHREALTIME/[.,]/} $status"'
    ).split()
    if int(status) != bool(case.check):
        raise RuntimeError(f"dm-dns doctor with {case.what} ended with {status}")
    return (int(after) - int(before)) / 1e6
