"""Names resolve however systemd-resolved is set up, and whatever other links say of the domain.

So do short ones: the machines have the setting search on.
"""

from typing import Final

from checks.scenarios import short_names, surroundings, zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_STUB: Final = "127.0.0.53"
"""Where resolved answers."""
_EXTRA: Final = "127.0.53.1"
"""Where it answers as well in one of the tests, as it may for containers."""
_SECONDS: Final = 4
"""A lookup that takes longer waits for something: systemd-resolved repeats a lost query after 5."""

RESOLVED: Final = (
    "DNSSEC=no",
    "DNSSEC=allow-downgrade",
    "DNSSEC=yes",
    "DNSOverTLS=no",
    "DNSOverTLS=opportunistic",
    "DNSOverTLS=yes",
    "DNSSEC=yes\\nDNSOverTLS=yes\\nDomains=~.",
    "Domains=~.",
    "ReadEtcHosts=no",
    "Cache=no",
    "LLMNR=no\\nMulticastDNS=no",
    "LLMNR=yes\\nMulticastDNS=yes",
)
"""What people set, in resolved.conf(5)."""


def run(machines: Machines, spec: Spec) -> None:
    """Run the scenario, on one machine.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they serve.

    """
    machine = next(iter(machines.values()))
    domain = spec["domain"]
    zones.wait_for(machine, domain, "serial=")
    before = machine.succeed("cat /etc/resolv.conf")

    for settings in RESOLVED:
        with surroundings.resolved(machine, settings):
            _check(machine, spec, f"with {settings}")
    with surroundings.resolved(machine, f"DNSStubListenerExtra={_EXTRA}"):
        _check(machine, spec, f"at {_EXTRA}", server=_EXTRA)
    for command in (
        "systemctl reload systemd-resolved",
        surroundings.RESTART_RESOLVED,
        "systemctl restart systemd-networkd || true",
        "resolvectl flush-caches",
    ):
        machine.succeed(command)
        _check(machine, spec, f"after {command}")
    with surroundings.other_link(machine, domain):
        for says, kind in surroundings.ANSWERS.items():
            surroundings.answer(machine, domain, kind)
            # The second query is the one that finds the other answer in the cache.
            for _ in range(2):
                _check(machine, spec, f"with a link whose server says {says}")
        surroundings.answer_servfail(machine, domain)
        _check(machine, spec, "with a link whose server fails")
    for down in (surroundings.LINKS_DOWN, surroundings.WITHOUT_ADDRESSES):
        with surroundings.without_network(machine, down):
            local = _with_loopback(machine, spec)
            _wait_for_own_names(machine, local)
            _check(machine, local, f"after {down}")
    after = machine.succeed("cat /etc/resolv.conf")
    if after != before:
        raise AssertionError(f"{machine.name}: resolv.conf was {before!r} and is {after!r}")


def _with_loopback(machine: Machine, spec: Spec) -> Spec:
    """Return the spec in which a machine has the addresses at which it reaches itself."""
    own = {machine.name: {"addresses": ["127.0.0.1", "::1"]}}
    return {**spec, "machines": {**spec["machines"], **own}}


def _wait_for_own_names(machine: Machine, spec: Spec) -> None:
    """Wait until a machine has followed a change of its addresses."""
    for endpoint in spec["endpoints"]:
        if endpoint["machine"] == machine.name and "*" not in endpoint["host"]:
            machine.wait_until_succeeds(
                f"{zones.UNBOUND} +short {endpoint['host']} AAAA | grep -Fx ::1"
            )


def _check(machine: Machine, spec: Spec, when: str, *, server: str = _STUB) -> None:
    """Check names as programs resolve them, and as resolved answers, none of which may hang."""
    own = f"{machine.name}.{spec['domain']}"
    for name, addresses in zones.expected(spec).items():
        if name == own or not addresses:
            continue
        printed = machine.succeed(
            f"timeout {_SECONDS} getent ahosts {name} | cut -d ' ' -f 1 | sort -u || true",
            f"dig @{server} +tries=1 +time={_SECONDS} +short {name} A {name} AAAA"
            r" | grep -v '\.$' || true",  # not the target of an alias
        )
        found = set(printed.split())
        if found != addresses:
            raise AssertionError(f"{machine.name}: {name} {when}: {found}, not {addresses}")
    unknown = f"unknown.{spec['domain']}"
    status, _ = machine.execute(f"timeout {_SECONDS} getent ahosts {unknown}")
    if status != 2:  # noqa: PLR2004 - getent(1): not found
        raise AssertionError(f"{machine.name}: {unknown} {when}: getent's exit status is {status}")
    query = f"dig @{server} +tries=1 +time={_SECONDS}"
    machine.succeed(zones.status(query, unknown, "NXDOMAIN"))
    short_names.check(machine, spec, when)
