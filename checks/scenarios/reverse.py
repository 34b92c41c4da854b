"""Programs find the machine of an address of the clan, and all others as without dm-dns."""

from typing import Final

from checks.scenarios import surroundings, zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_ROUTER: Final = {
    "10.9.9.9": "router.lan",
    "100.64.9.9": "carrier.example.org",
    "203.0.113.9": "public.example.org",
    "2001:db8::9": "six.example.org",
    "fd99::9": "neighbour.lan",
}
"""What a DNS server of the network knows."""
_UNKNOWN: Final = ("10.9.9.10", "203.0.113.10", "fd99::10")
_SECONDS: Final = 4
"""As in resolver.py."""
_RESTARTS: Final = 4
_HOOK: Final = "dm-dns-hook.service"


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario, on one machine.

    Args:
        machines: all of the clan of checks/vm/public.nix, by name; they are booting or up.
        spec: the zone spec that they serve.
        push: how to send another zone.

    """
    machine = next(machine for name, machine in machines.items() if name != push.machine)
    domain = spec["domain"]
    serial = zones.wait_for(machine, domain, "serial=")
    with surroundings.other_link(machine, "~."):
        surroundings.answer_addresses(machine, _ROUTER)
        _check(machine, spec)

        moved = _moved(spec)
        zones.send(machines, moved, serial + 1, push)
        zones.wait_for(machine, domain, f"serial={serial + 1}")
        _check(machine, moved)
        for address in _own(spec).keys() - _own(moved).keys():
            # resolved knows the machine's own addresses itself.
            machine.fail(f"getent hosts {address} | grep -F .{domain}")
        zones.withdraw(machines, spec, push)
        _check(machine, spec)

        # Each time resolved is told anew which names the hook wants.
        for command in (*[f"systemctl restart {_HOOK}"] * _RESTARTS, surroundings.RESTART_RESOLVED):
            machine.succeed(command)
            _check(machine, spec)
        # resolved does not ask it for other addresses: it would get no answer.
        machine.succeed(f"systemctl kill --signal=STOP {_HOOK}")
        _check_others(machine)
        machine.succeed(f"systemctl kill --signal=CONT {_HOOK}")
        _check(machine, spec)

        # These names do not come from unbound.
        machine.succeed("systemctl stop unbound.socket unbound.service")
        _check(machine, spec)
        machine.succeed("systemctl start unbound.socket unbound.service")
        zones.wait_for(machine, domain, "serial=")


def _own(spec: Spec) -> dict[str, str]:
    """Return who has each address: a machine or a device."""
    owners = {**spec["machines"], **spec.get("devices", {})}
    return {
        address: f"{owner}.{spec['domain']}"
        for owner, values in owners.items()
        for address in values["addresses"]
    }


def _moved(spec: Spec) -> Spec:
    """Return a spec in which a machine has other addresses, one in each kind of network."""
    first = min(spec["machines"])
    addresses = ["10.0.0.1", "100.64.0.1", "fd00::1", "200::1", "400::1"]
    return {**spec, "machines": {**spec["machines"], first: {"addresses": addresses}}}


def _check(machine: Machine, spec: Spec) -> None:
    for address, name in _own(spec).items():
        _wait_for(machine, address, name)
    _check_others(machine)


def _check_others(machine: Machine) -> None:
    """Check addresses that are not the clan's."""
    for address, name in _ROUTER.items():
        _wait_for(machine, address, name)
    for address in _UNKNOWN:
        status, _ = machine.execute(f"timeout {_SECONDS} getent hosts {address}")
        if status != 2:  # noqa: PLR2004 - getent(1): not found
            raise AssertionError(f"{machine.name}: {address}: getent's exit status is {status}")


def _wait_for(machine: Machine, address: str, name: str) -> None:
    """Wait until an address has exactly this name: resolved is told of changes."""
    printed = f"timeout {_SECONDS} getent hosts {address} | tr -s ' '"
    machine.wait_until_succeeds(f"test \"$({printed})\" = '{address} {name}'")
