"""What machines have around dm-dns: settings of systemd-resolved, other links, or no network."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from checks.scenarios.machine import Machine

# More often than systemd allows.
RESTART_RESOLVED: Final = (
    "systemctl reset-failed systemd-resolved; systemctl restart systemd-resolved"
)
ANSWERS: Final = {
    "NXDOMAIN": "always_nxdomain",
    "no addresses": "always_nodata",
    "a wildcard": "redirect",
    "REFUSED": "always_refuse",
    "nothing": "always_deny",
}
"""What another link's server answers for the clan's domain: a local-zone of unbound.conf(5)."""
LINKS_DOWN: Final = "ip link set {link} down"
WITHOUT_ADDRESSES: Final = "ip address flush dev {link} scope global"

_SETTINGS: Final = "/run/systemd/resolved.conf.d/scenario.conf"
_DIRECTORY: Final = "/run/scenario"
_OTHER: Final = "10.53.0.1"
"""Where the DNS server of another link answers, or does not."""
_UNIT: Final = "scenario-resolver"


@contextmanager
def resolved(machine: Machine, settings: str) -> Iterator[None]:
    """Have resolved started with settings: lines of resolved.conf(5), as printf(1) takes them."""
    machine.succeed(
        f"mkdir -p {_SETTINGS.rpartition('/')[0]}",
        f"printf '[Resolve]\\n{settings}\\n' > {_SETTINGS}",
        RESTART_RESOLVED,
    )
    yield
    machine.succeed(f"rm {_SETTINGS}", RESTART_RESOLVED)


@contextmanager
def other_link(machine: Machine, domain: str) -> Iterator[None]:
    """Have another link with the clan's domain, as a VPN or a router's DHCP server gives it."""
    machine.succeed(
        "ip link add other type veth peer name end && ip link set end up",
        f"ip address add {_OTHER}/24 dev other && ip link set other up",
        f"resolvectl dns other {_OTHER}; resolvectl domain other {domain}",
        f"mkdir -p {_DIRECTORY}",
    )
    yield
    machine.succeed(f"systemctl stop {_UNIT}; ip link delete other")


def answer(machine: Machine, domain: str, kind: str) -> None:
    """Have the other link's server answer with one of `ANSWERS`."""
    lines = [f'local-zone: "{domain}." {kind}']
    if kind == "redirect":
        lines.append(f'local-data: "{domain}. A 203.0.113.66"')
    _start(machine, ["server:", *lines])


def answer_servfail(machine: Machine, domain: str) -> None:
    """Have the other link's server fail, as one does that has no zone file."""
    _start(
        machine,
        ["auth-zone:", f'name: "{domain}."', f"zonefile: {_DIRECTORY}/nothing", "for-upstream: no"],
    )


def answer_addresses(machine: Machine, known: Mapping[str, str]) -> None:
    """Have the other link's server know the names of addresses, and nothing else."""
    lines = [f'local-data-ptr: "{address} {name}"' for address, name in known.items()]
    _start(machine, ['local-zone: "." static', *lines])


def answer_zone(machine: Machine, domain: str, path: str) -> None:
    """Have the other link's server answer from a zone file on the machine."""
    zone = ["auth-zone:", f'name: "{domain}."', f"zonefile: {path}", "for-downstream: yes"]
    _start(machine, ["log-queries: yes", *zone])


def asked(machine: Machine) -> str:
    """Return what the other link's server has logged since it was started for the first time."""
    return machine.succeed(f"journalctl --boot --output=cat --unit={_UNIT}")


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
    machine.wait_until_succeeds(f"ss -Hlun | grep -F {_OTHER}:53")
    machine.succeed("resolvectl flush-caches")


@contextmanager
def without_network(machine: Machine, down: str) -> Iterator[None]:
    """Take the machine's links away from it, with `LINKS_DOWN` or `WITHOUT_ADDRESSES`."""
    links = machine.succeed(
        "ip --brief link show up | cut -d ' ' -f 1 | cut -d @ -f 1 | grep -vx lo"
    ).split()
    machine.succeed(*(down.format(link=link) for link in links))
    yield
    machine.succeed(*(f"ip link set {link} up" for link in links))
    machine.succeed("networkctl reconfigure " + " ".join(links))
