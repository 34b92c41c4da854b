"""Names resolve however systemd-resolved is set up, and whatever other links say of the domain."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_SETTINGS: Final = "/run/systemd/resolved.conf.d/scenario.conf"
_DIRECTORY: Final = "/run/scenario"
# More often than systemd allows.
_RESTART: Final = "systemctl reset-failed systemd-resolved; systemctl restart systemd-resolved"
_OTHER: Final = "10.53.0.1"
"""Where the DNS server of another link answers, or does not."""
_UNIT: Final = "scenario-resolver"
_SECONDS: Final = 2
"""Within which a lookup must end that nothing has to wait for."""

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

ANSWERS: Final = {
    "NXDOMAIN": "always_nxdomain",
    "no addresses": "always_nodata",
    "a wildcard": "redirect",
    "REFUSED": "always_refuse",
    "nothing": "always_deny",
}
"""What another link's server answers for the clan's domain: a local-zone of unbound.conf(5)."""


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
        with _resolved(machine, settings):
            _check(machine, spec, f"with {settings}")
    for command in (
        "systemctl reload systemd-resolved",
        _RESTART,
        "systemctl restart systemd-networkd || true",
        "resolvectl flush-caches",
    ):
        machine.succeed(command)
        _check(machine, spec, f"after {command}")
    with _other_link(machine, domain):
        for says, kind in ANSWERS.items():
            _answer(machine, domain, kind)
            # The second query is the one that finds the other answer in the cache.
            for _ in range(2):
                _check(machine, spec, f"with a link whose server says {says}")
        _answer_servfail(machine, domain)
        _check(machine, spec, "with a link whose server fails")
    for down in ("ip link set {link} down", "ip address flush dev {link} scope global"):
        with _without_network(machine, down):
            _check(machine, spec, f"after {down}")
    after = machine.succeed("cat /etc/resolv.conf")
    if after != before:
        raise AssertionError(f"{machine.name}: resolv.conf was {before!r} and is {after!r}")


def _check(machine: Machine, spec: Spec, when: str) -> None:
    """Check names as programs resolve them, and at resolved's stub, none of which may hang."""
    own = f"{machine.name}.{spec['domain']}"
    for name, addresses in zones.expected(spec).items():
        if name == own or not addresses:
            continue
        printed = machine.succeed(
            f"timeout {_SECONDS} getent ahosts {name} | cut -d ' ' -f 1 | sort -u || true",
            f"dig @127.0.0.53 +tries=1 +time={_SECONDS} +short {name} A {name} AAAA"
            r" | grep -v '\.$' || true",  # not the target of an alias
        )
        found = set(printed.split())
        if found != addresses:
            raise AssertionError(f"{machine.name}: {name} {when}: {found}, not {addresses}")
    unknown = f"unknown.{spec['domain']}"
    status, _ = machine.execute(f"timeout {_SECONDS} getent ahosts {unknown}")
    if status != 2:  # noqa: PLR2004 - getent(1): not found
        raise AssertionError(f"{machine.name}: {unknown} {when}: getent's exit status is {status}")
    query = f"dig @127.0.0.53 +tries=1 +time={_SECONDS}"
    machine.succeed(zones.status(query, unknown, "NXDOMAIN"))


@contextmanager
def _resolved(machine: Machine, settings: str) -> Iterator[None]:
    """Have resolved started with settings."""
    machine.succeed(
        f"mkdir -p {_SETTINGS.rpartition('/')[0]}",
        f"printf '[Resolve]\\n{settings}\\n' > {_SETTINGS}",
        _RESTART,
    )
    yield
    machine.succeed(f"rm {_SETTINGS}", _RESTART)


@contextmanager
def _other_link(machine: Machine, domain: str) -> Iterator[None]:
    """Have another link with the clan's domain, as a VPN or a router's DHCP server gives it."""
    machine.succeed(
        "ip link add other type veth peer name end && ip link set end up",
        f"ip address add {_OTHER}/24 dev other && ip link set other up",
        f"resolvectl dns other {_OTHER}; resolvectl domain other {domain}",
        f"mkdir -p {_DIRECTORY}",
    )
    yield
    machine.succeed(f"systemctl stop {_UNIT}; ip link delete other")


def _answer(machine: Machine, domain: str, kind: str) -> None:
    lines = [f'local-zone: "{domain}." {kind}']
    if kind == "redirect":
        lines.append(f'local-data: "{domain}. A 203.0.113.66"')
    _start(machine, ["server:", *lines])


def _answer_servfail(machine: Machine, domain: str) -> None:
    """Have the server fail, as one does that has no zone file."""
    _start(
        machine,
        ["auth-zone:", f'name: "{domain}."', f"zonefile: {_DIRECTORY}/nothing", "for-upstream: no"],
    )


def _start(machine: Machine, lines: list[str]) -> None:
    """Start the other link's server anew."""
    settings = [
        "server:",
        f"interface: {_OTHER}",
        "access-control: 0.0.0.0/0 allow",
        'chroot: ""',
        'username: ""',
        'pidfile: ""',
        'module-config: "iterator"',
        *lines,
    ]
    text = "\\n".join(line.replace('"', '\\"') for line in settings)
    show = "systemctl show --property=ExecStart --value unbound.service"
    unbound = f"$({show} | grep -o '/[^ ;]*/unbound ' | head -n 1)"
    file = f"{_DIRECTORY}/unbound.conf"
    machine.succeed(
        f"{{ systemctl stop {_UNIT} || true; }} 2>&1",
        f'printf "{text}\\n" > {file}',
        f"systemd-run --quiet --collect --unit={_UNIT} {unbound} -d -c {file}",
    )
    machine.wait_until_succeeds(f"ss -Hlun | grep -F {_OTHER}:53", timeout=10)
    machine.succeed("resolvectl flush-caches")


@contextmanager
def _without_network(machine: Machine, down: str) -> Iterator[None]:
    """Take the machine's links away from it."""
    links = machine.succeed(
        "ip --brief link show up | cut -d ' ' -f 1 | cut -d @ -f 1 | grep -vx lo"
    ).split()
    machine.succeed(*(down.format(link=link) for link in links))
    yield
    machine.succeed(*(f"ip link set {link} up" for link in links))
    machine.succeed("networkctl reconfigure " + " ".join(links))
