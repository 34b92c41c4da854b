"""A machine answers other devices in a VPN that is not up when it boots, and comes and goes.

Its own names resolve all the time; so do those of devices that ask it in its LAN.
"""

from typing import Final

from checks.scenarios import lookups, zones
from checks.scenarios.machine import Machine
from checks.scenarios.networks import LAN, SERVER, VPN
from checks.scenarios.zones import Machines, Spec

_LENGTH: Final = 64  # of the VPN's network
_SECONDS: Final = 6
"""How long names are looked up while the address comes and goes."""
_UNBOUND: Final = "systemctl show --property=MainPID,NRestarts --value unbound"


def run(machines: Machines, spec: Spec, link: str) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan of checks/module/cases/lan.nix, by name, with python3; they are
            booting or up, and none has the addresses of its VPNs.
        spec: the zone spec that they serve.
        link: the interface of every machine that leads to the others.

    """
    server = machines[SERVER]
    name, device = next(each for each in machines.items() if each[0] != SERVER)
    own = next(each for each in spec["machines"][name]["addresses"] if each.startswith("fd35:"))
    in_lan = f"dig @{LAN} +tries=1 +time=5"
    in_vpn = f"dig @{VPN} -b {own} +tries=1 +time=5"

    zones.wait_for(server, spec["domain"], "serial=")
    process, restarts = server.succeed(_UNBOUND).split()
    if restarts != "0":
        raise AssertionError(f"{SERVER}: unbound was restarted {restarts} times")
    _own(server, spec)
    zones.check_names(device, spec, in_lan)

    _add(device, own, link)
    device.fail(f"{in_vpn} {name}.{spec['domain']}")
    for _ in range(2):
        _add(server, VPN, link)
        _answers(device, spec, in_vpn)
        zones.check_names(device, spec, in_lan)
        _delete(server, VPN, link)
    _look_up(server, spec, link)
    if server.succeed(_UNBOUND).split() != [process, "0"]:
        raise AssertionError(f"{SERVER}: unbound was restarted")

    # A restart finds the address missing, too.
    server.succeed("systemctl restart unbound")
    _own(server, spec)
    zones.check_names(device, spec, in_lan)
    _add(server, VPN, link)
    _answers(device, spec, in_vpn)
    server.succeed("systemctl start dm-dns-health.service")
    _delete(server, VPN, link)
    _delete(device, own, link)


def _own(server: Machine, spec: Spec) -> None:
    """Check all names on the machine itself.

    Not with getent(1), which leaves out IPv6 addresses while no link has one (AI_ADDRCONFIG).
    """
    zones.check_at_unbound(server, spec)
    zones.check_names(server, spec, zones.STUB, own_is_local=True)


def _answers(device: Machine, spec: Spec, query: str) -> None:
    """Check that a device gets all names, over UDP and TCP, as soon as the address is reached."""
    first = next(iter(zones.expected(spec)))
    device.wait_until_succeeds(zones.status(f"{query} +time=1", first, "NOERROR"))
    zones.check_names(device, spec, query)
    zones.check_names(device, spec, f"{query} +tcp")


def _look_up(server: Machine, spec: Spec, link: str) -> None:
    """Check that no lookup on the machine itself fails while the address comes and goes."""
    name, addresses = next(
        (name, found)
        for name, found in zones.expected(spec).items()
        if found and name != f"{SERVER}.{spec['domain']}"
    )
    event = "; sleep 0.5; ".join([_adding(VPN, link), _deleting(VPN, link)] * 3)
    program, unbound = lookups.during(server, name, event, _SECONDS)
    for looked_up, end in ((program, lookups.found(addresses)), (unbound, "answered")):
        if looked_up.ends != {end: 100 * _SECONDS}:
            raise AssertionError(f"{SERVER}: {looked_up}, not {end}")


def _add(machine: Machine, address: str, link: str) -> None:
    machine.succeed(_adding(address, link))


def _delete(machine: Machine, address: str, link: str) -> None:
    machine.succeed(_deleting(address, link))


def _adding(address: str, link: str) -> str:
    return f"ip address add {address}/{_LENGTH} dev {link} nodad"


def _deleting(address: str, link: str) -> str:
    return f"ip address delete {address}/{_LENGTH} dev {link}"
