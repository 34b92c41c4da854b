"""Where the setting search is on, names resolve without the clan's domain; others do not change."""

import json
from typing import Final

from checks.scenarios import deployment, surroundings, zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_SEARCH: Final = "example.org"
"""A search domain that another link has."""
_THEIRS: Final = "203.0.113.66"
"""The address of all names in it."""
_SOCKET: Final = "dm-dns-hook-search.socket"
_PATH: Final = "/run/systemd/resolve.hook/dm-dns-search"
_NOBODY: Final = "setpriv --reuid=65534 --regid=65534 --clear-groups"
_SECONDS: Final = 4
"""As in resolver.py."""
_PATIENCE: Final = 15
"""Seconds in which systemd-resolved has asked for a name in all other ways as well."""
_TRIES: Final = 3
_NOT_FOUND: Final = 2  # getent(1)


def run(machines: Machines, spec: Spec) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up, and have the setting on.
        spec: the zone spec that they serve.

    """
    for machine in machines.values():
        zones.wait_for(machine, spec["domain"], "serial=")
        check(machine, spec)
        own = machine.succeed(f"getent ahosts {machine.name} | cut -d ' ' -f 1 | sort -u").split()
        if own not in (["127.0.0.1", "::1"], ["127.0.0.2", "::1"]):
            raise AssertionError(f"{machine.name}: its own short name is {own}")
    machine = next(iter(machines.values()))
    machine.succeed(f"test -w {_PATH}")
    machine.fail(f"{_NOBODY} test -w {_PATH}")
    _check_types(machine, spec)
    _check_unknown(machine)
    _check_other_search_domain(machine, spec)
    _check_hosts(machine, spec)
    _check_restarts(machine, spec)
    _check_doctor(machine, spec)


def of(machine: Machine, spec: Spec) -> dict[str, set[str]]:
    """Return the short names of other machines, services and devices, with their addresses."""
    suffix = f".{spec['domain']}"
    short = {
        name.removesuffix(suffix): addresses for name, addresses in zones.expected(spec).items()
    }
    return {
        name: addresses
        for name, addresses in short.items()
        if addresses and "." not in name and name != machine.name
    }


def check(machine: Machine, spec: Spec, when: str = "") -> None:
    """Check that all short names are what the full ones are, immediately, for all programs."""
    expected = of(machine, spec)
    found: dict[str, set[str]] = {}
    for query in (
        f"timeout {_SECONDS} getent ahosts $name | cut -d ' ' -f 1",
        f"dig @127.0.0.53 +tries=1 +time={_SECONDS} +short $name A $name AAAA",
    ):
        printed = machine.succeed(
            f"for name in {' '.join(expected)}; do echo $name $({query} || true); done"
        )
        found = {name: set(addresses) for name, *addresses in map(str.split, printed.splitlines())}
        if found != expected:
            raise AssertionError(f"{machine.name}: {query} {when}: {found}, not {expected}")


def _check_types(machine: Machine, spec: Spec) -> None:
    """Check what resolved makes of answers to ANY, and that DS of the domain is answered."""
    domain = spec["domain"]
    expected = of(machine, spec)
    for name in [*expected, *(f"{name}.{domain}" for name in expected)]:
        query = f"timeout {_SECONDS} resolvectl query --legend=no --type=ANY {name}"
        printed = machine.succeed(f"{query} | grep -E ' IN A{{1,4}} '")
        records = [line.split() for line in printed.splitlines()]
        found = {address for owner, *_, address in records if owner == name}
        if found != expected[name.removesuffix(f".{domain}")]:
            raise AssertionError(f"{machine.name}: ANY of {name} is {printed}")
    query = f"dig @127.0.0.53 +tries=1 +time={_SECONDS} {domain} DS"
    machine.succeed(f"{query} | grep -F 'status: NOERROR'")


def _check_unknown(machine: Machine) -> None:
    """Check that a name that nobody has is not found, and what reaches unbound."""
    machine.succeed(f"systemctl stop {zones.ASKING}")
    try:
        # A and AAAA, each of which may be repeated: on a busy machine now and then several times.
        tries = (_queries_for(machine, f"nobody-has-this-{number}") for number in range(_TRIES))
        got = next((got for got in tries if 1 <= got <= 4), None)  # noqa: PLR2004
        if got is None:
            raise AssertionError(f"{machine.name}: unbound gets too many queries for a short name")
        before = zones.queries(machine)
        for command in (
            "getent ahosts www.example.org",
            "getent ahosts localhost",
            "getent ahosts _localdnsstub",
            f"dig @127.0.0.53 +tries=1 +time={_SECONDS} org NS",
        ):
            machine.execute(f"timeout {_PATIENCE} {command}")
        if (got := zones.queries(machine) - before) != 0:
            raise AssertionError(f"{machine.name}: unbound got {got} queries for other names")
    finally:
        machine.succeed(f"systemctl start {zones.ASKING}")
    machine.succeed("getent ahosts localhost | grep -Ew '127.0.0.1|::1'")


def _queries_for(machine: Machine, name: str) -> int:
    """Return how many queries unbound gets for a short name, which must not be found."""
    before = zones.queries(machine)
    status, _ = machine.execute(f"timeout {_PATIENCE} getent ahosts {name}")
    if status != _NOT_FOUND:
        raise AssertionError(f"{machine.name}: getent's exit status is {status}")
    return zones.queries(machine) - before


def _check_other_search_domain(machine: Machine, spec: Spec) -> None:
    """Check that another search domain has its turn after the clan's, whether unbound is up."""
    ask = f"timeout {_SECONDS} getent ahosts box | grep -Fw {_THEIRS}"
    with surroundings.other_link(machine, _SEARCH):
        surroundings.answer(machine, _SEARCH, "redirect")
        machine.wait_until_succeeds(ask)
        check(machine, spec, f"beside the search domain {_SEARCH}")
        machine.succeed("systemctl stop unbound.socket unbound.service", ask)
        machine.succeed("systemctl start unbound.socket unbound.service")
        machine.wait_until_succeeds("dm-dns status")
        check(machine, spec, "after unbound was away")


def _check_hosts(machine: Machine, spec: Spec) -> None:
    """Check that /etc/hosts comes first, as for all names, and that doctor tells of it."""
    name = min(of(machine, spec))
    deployment.add_hosts(machine, f"192.0.2.66 box {name}")
    # resolved reads the file every two seconds.
    for each in ("box", name):
        machine.wait_until_succeeds(f"getent ahosts {each} | grep -Fw 192.0.2.66")
    machine.wait_until_succeeds(
        f"{{ dm-dns doctor {name} || true; }} | grep -F '/etc/hosts has {name}, which'"
    )
    deployment.restore_hosts(machine)
    machine.wait_until_fails(f"getent ahosts {name} | grep -Fw 192.0.2.66")
    machine.wait_until_succeeds("dm-dns status")
    check(machine, spec, "after /etc/hosts had another address")


def _check_restarts(machine: Machine, spec: Spec) -> None:
    """Check that short names resolve whatever is started again, and are gone without the socket."""
    for command in (
        "systemctl restart dm-dns-hook.service",
        "systemctl reload systemd-resolved",
        surroundings.RESTART_RESOLVED,
        # As in a switch that brings the setting: the service runs, and the socket is new.
        f"systemctl stop {_SOCKET} && systemctl restart dm-dns-hook.service",
    ):
        machine.succeed(command)
        check(machine, spec, f"after {command}")


def _check_doctor(machine: Machine, spec: Spec) -> None:
    """Check what doctor finds with and without the hook for short names."""
    off = zones.of_devices(spec)
    name = next(name for name in of(machine, spec) if f"{name}.{spec['domain']}" not in off)
    verdicts = _doctor(machine, name)
    if verdicts["name-short"] != "ok" or "fault" in verdicts.values():
        raise AssertionError(f"{machine.name}: {verdicts}")
    # As in a switch that takes the setting away: the service runs on.
    machine.succeed(f"systemctl stop {_SOCKET}")
    machine.succeed(
        f"test $(systemctl is-active {_SOCKET} dm-dns-hook.service | tail -n 1) = active"
    )
    verdicts = _doctor(machine, name)
    faults = [check for check, verdict in verdicts.items() if verdict == "fault"]
    if faults != ["search"] or verdicts["name-short"] != "not asked":
        raise AssertionError(f"{machine.name}: with {_SOCKET} stopped: {verdicts}")
    status, _ = machine.execute(f"timeout {_PATIENCE} getent ahosts {_service(machine, spec)}")
    if status != _NOT_FOUND:
        raise AssertionError(f"{machine.name}: getent's exit status is {status}")
    remedy = "systemctl restart dm-dns-hook.service"
    machine.succeed(f"{{ dm-dns doctor || true; }} | grep -Fx 'type: {remedy}'", remedy)
    machine.wait_until_succeeds("dm-dns doctor")
    check(machine, spec, "after what doctor says to type")


def _service(machine: Machine, spec: Spec) -> str:
    """Return a short name that no machine answers for in the LAN: by LLMNR, it does for its own."""
    return next(name for name in of(machine, spec) if name not in spec["machines"])


def _doctor(machine: Machine, name: str) -> dict[str, str]:
    printed = machine.succeed(f"dm-dns doctor --json {name} || test $? = 1")
    return {each["check"]: each["verdict"] for each in json.loads(printed)["checks"]}
