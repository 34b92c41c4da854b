"""nginx and caddy on the clan's addresses only: before the VPN is up, with it, and after it.

On its own machine, each site answers by its names all the time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Final, NamedTuple

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_UNITS: Final = ("nginx.service", "caddy.service")
_PORTS: Final = {"nginx": 80, "caddy": 8080}
_PUBLIC: Final = "www.example.org"
_MIXED: Final = "www.example.net"
"""The names of public sites; the second one has a name of the clan too."""
_CURL: Final = "curl --silent --show-error --fail --max-time 5"


class Site(NamedTuple):
    """A name of a site, and what it answers."""

    name: str
    port: int
    text: str

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{self.name}:{self.port}/"


def run(machines: Machines, spec: Spec, link: str) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan of checks/vm/web.nix, by name; they are booting or up, and no
            machine has the addresses that are in the zone.
        spec: the zone spec that they serve.
        link: the interface of every machine that leads to the others.

    """
    for machine in machines.values():
        zones.wait_for(machine, spec["domain"], "serial=")
        _check_without_vpn(machine, spec, link)
    started = {name: _processes(machine) for name, machine in machines.items()}
    for machine in machines.values():
        _connect(machine, spec, link)
    for machine in machines.values():
        _check(machine, machines, spec, link)

    for machine in machines.values():
        _disconnect(machine, spec, link)
        _check_without_vpn(machine, spec, link)
    for name, machine in machines.items():
        _connect(machine, spec, link)
        _check_own(machine, spec)
        if _processes(machine) != started[name]:
            raise AssertionError(f"{name}: a web server was restarted")

    for machine in machines.values():
        _disconnect(machine, spec, link)
        machine.succeed(f"systemctl restart {' '.join(_UNITS)}")
        _check_without_vpn(machine, spec, link)
        machine.succeed("systemctl start dm-dns-health")
    _check_that_the_addresses_are_judged(machines["both"])


def _check_that_the_addresses_are_judged(machine: Machine) -> None:
    """Check that a dm-dns.service which has not followed a change of addresses is found."""
    start = machine.succeed("date '+%F %T'").strip()
    machine.succeed(
        "systemctl kill --signal=STOP dm-dns.service",
        "ip address add 10.9.9.9/32 dev lo",
    )
    machine.fail("systemctl start dm-dns-health")
    machine.wait_until_succeeds(  # the journal may get to it later
        f"journalctl --unit dm-dns-health --since '{start}'"
        ' | grep "has not followed a change of this machine"'
    )
    machine.succeed(
        "systemctl kill --signal=CONT dm-dns.service",
        "systemctl start dm-dns-health",
        "ip address delete 10.9.9.9/32 dev lo",
        "systemctl start dm-dns-health",
    )


def _sites(machine: Machine, spec: Spec) -> list[Site]:
    """Return the sites of a machine that are for the clan only, except that on its own name."""
    domain = spec["domain"]
    return [Site(f"{text}-{machine.name}.{domain}", port, text) for text, port in _PORTS.items()]


def _mixed_sites(machine: Machine, spec: Spec) -> list[Site]:
    """Return the sites of a machine that are for all, by their names in the clan."""
    return [
        Site(f"mixed-{site.name}", site.port, f"mixed-{site.text}")
        for site in _sites(machine, spec)
    ]


def _own_site(machine: Machine, spec: Spec) -> Site:
    return Site(f"{machine.name}.{spec['domain']}", _PORTS["nginx"], "own")


def _connect(machine: Machine, spec: Spec, link: str) -> None:
    """Give a machine its addresses in the VPN."""
    for address in spec["machines"][machine.name]["addresses"]:
        length = ip_address(address).max_prefixlen // 2 if ":" in address else 24
        option = "nodad" if ":" in address else ""
        machine.succeed(f"ip address add {address}/{length} dev {link} {option}")


def _disconnect(machine: Machine, spec: Spec, link: str) -> None:
    for address in spec["machines"][machine.name]["addresses"]:
        length = ip_address(address).max_prefixlen // 2 if ":" in address else 24
        machine.succeed(f"ip address delete {address}/{length} dev {link}")


def _processes(machine: Machine) -> list[str]:
    """Return the process of each web server."""
    return machine.succeed(f"systemctl show --property MainPID {' '.join(_UNITS)}").split()


def _answers(machine: Machine, site: Site, address: str) -> None:
    """Check what a site answers on an address."""
    machine.succeed(_answer(site, address))


def _answer(site: Site, address: str) -> str:
    """Return a command that fails unless a site answers on an address."""
    to = f"[{address}]" if ":" in address else address
    return f"{_CURL} --connect-to ::{to}:{site.port} {site.url} | grep -Fx {site.text}"


def _public_address(machine: Machine, link: str) -> str:
    printed = machine.succeed(
        f"ip -4 --brief address show dev {link} | grep -o '192[.]168[.]1[.][0-9]*'"
    )
    return printed.strip()


def _check_without_vpn(machine: Machine, spec: Spec, link: str) -> None:
    """Check that web servers run, public sites answer, and the clan's do so on their machine."""
    for unit in _UNITS:
        machine.wait_for_unit(unit)
    for port in _PORTS.values():  # nginx does not tell systemd when it listens
        machine.wait_until_succeeds(f"ss -Hltn 'sport = :{port}' | grep .")
    public = _public_address(machine, link)
    for name, port in _PORTS.items():
        _answers(machine, Site(_PUBLIC, port, "public"), public)
        _answers(machine, Site(_MIXED, port, f"mixed-{name}"), public)
    loopback = {"127.0.0.1"} if machine.name == "four" else {"127.0.0.1", "::1"}
    for site in [*_sites(machine, spec), *_mixed_sites(machine, spec)]:
        for address in loopback:
            _answers(machine, site, address)
        _wait_for(machine, site, loopback)
        machine.succeed(f"{_CURL} {site.url} | grep -Fx {site.text}")
        # getaddrinfo(3) leaves out ::1 without an IPv6 address on a link (AI_ADDRCONFIG).
        found = _addresses(machine, site, "ahosts")
        if not {"127.0.0.1"} <= found <= loopback:
            raise AssertionError(f"{machine.name}: ahosts of {site.name} are {found}, not loopback")
        own = f"{machine.name}.{spec['domain']}"
        if _at_unbound(machine, own) != set(spec["machines"][machine.name]["addresses"]):
            raise AssertionError(f"{machine.name}: {own} has changed")
    _check_on_its_own_name(machine, spec)


def _wait_for(machine: Machine, site: Site, expected: set[str]) -> None:
    """Wait until unbound has these addresses, and no others, for a site of the machine's own."""
    kinds = f"{site.name} A {site.name} AAAA"
    addresses = " ".join(sorted(expected))
    machine.wait_until_succeeds(
        f'test "$(echo $({zones.UNBOUND} +short {kinds} | LC_ALL=C sort))" = "{addresses}"',
    )


def _at_unbound(machine: Machine, name: str) -> set[str]:
    return set(machine.succeed(f"{zones.UNBOUND} +short {name} A {name} AAAA").split())


def _check(machine: Machine, machines: Machines, spec: Spec, link: str) -> None:
    """Check what a machine's sites answer to itself, to others, and on its public address."""
    _check_own(machine, spec)
    with _without_ipv4(machine, link):
        _check_own(machine, spec)
    public = _public_address(machine, link)
    for other in machines.values():
        ours, theirs = (
            {":" in address for address in spec["machines"][name]["addresses"]}
            for name in (machine.name, other.name)
        )
        for_all = _mixed_sites(machine, spec)
        if ours & theirs:
            _check_short_name(other, machine)
        for site in [*_sites(machine, spec), _own_site(machine, spec), *for_all]:
            if other is not machine and ours & theirs:
                other.succeed(f"{_CURL} {site.url} | grep -Fx {site.text}")
            if site in for_all:
                _answers(other, site, public)
            else:
                other.fail(_answer(site, public))


def _check_short_name(asking: Machine, machine: Machine) -> None:
    """Check that a site's short name leads to its full one, for the clan only."""
    asking.succeed(f"{_CURL} --location http://nginx-{machine.name}/ | grep -Fx nginx")


@contextmanager
def _without_ipv4(machine: Machine, link: str) -> Iterator[None]:
    """Leave a machine nothing but IPv6, if it has addresses of that in the zone only."""
    if machine.name != "six":
        yield
        return
    address = machine.succeed(f"ip -4 --brief address show dev {link} | grep -o '192[^ ]*'").strip()
    machine.succeed(f"ip address delete {address} dev {link}")
    yield
    machine.succeed(f"ip address add {address} dev {link}")


def _check_own(machine: Machine, spec: Spec) -> None:
    """Check that a machine's own sites answer on each address that their names have there."""
    addresses = zones.expected(spec)
    for site in [*_sites(machine, spec), *_mixed_sites(machine, spec)]:
        _wait_for(machine, site, addresses[site.name])
        families = {
            version: {
                address
                for address in addresses[site.name]
                if ip_address(address).version == version
            }
            for version in (4, 6)
        }
        # In the place of IPv6 addresses glibc may have IPv4 ones, mapped: getent(1), ahostsv6.
        mapped = {f"::ffff:{address}" for address in families[4] if not families[6]}
        for database, expected in (
            ("ahosts", addresses[site.name]),
            ("ahostsv4", families[4]),
            ("ahostsv6", families[6]),
        ):
            found = _addresses(machine, site, database)
            if found - mapped != expected:
                raise AssertionError(
                    f"{machine.name}: {database} of {site.name} are {found}, not {expected}"
                )
        machine.succeed(f"{_CURL} {site.url} | grep -Fx {site.text}")
        for version, known in families.items():
            if known:
                machine.succeed(f"{_CURL} -{version} {site.url} | grep -Fx {site.text}")
            else:
                machine.fail(f"{_CURL} -{version} {site.url}")
    _check_on_its_own_name(machine, spec)


def _check_on_its_own_name(machine: Machine, spec: Spec) -> None:
    """Check the site on a machine's own full name, which NixOS has in /etc/hosts.

    systemd-resolved gives those of localhost to both if they share one there, and getaddrinfo(3)
    leaves out ::1 without an IPv6 address on a link (AI_ADDRCONFIG).
    """
    site = _own_site(machine, spec)
    found = _addresses(machine, site, "ahosts")
    if not found or not all(ip_address(address).is_loopback for address in found):
        raise AssertionError(f"{machine.name}: ahosts of {site.name} are {found}, not loopback")


def _addresses(machine: Machine, site: Site, database: str) -> set[str]:
    """Return which addresses getent(1) has for a site; check that it answers on each."""
    printed = machine.execute(f"getent {database} {site.name}")[1]
    found = {line.split()[0] for line in printed.splitlines()}
    for address in found:
        _answers(machine, site, address)
    return found
