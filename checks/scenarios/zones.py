"""What scenarios do with zones: send one, wait for it, and ask for all of its names."""

import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from checks.scenarios.machine import Machine

UNBOUND: Final = "dig @127.0.0.1 -p 5353 +tries=1 +time=5"
STUB: Final = "dig @127.0.0.53 +tries=1 +time=5"
"""systemd-resolved, which programs ask."""
ASKING: Final = "dm-dns.service dm-dns-health.path dm-dns-health.timer dm-dns-health.service"
"""The units that ask unbound all the time."""
MESH: Final = "/var/lib/data-mesher/files/home/dns"
"""The mesh's folder on every machine, and in it the zone, `cnames`."""
_ZONE: Final = "/tmp/zone.conf"  # noqa: S108 - machines have no users

Spec = dict[str, Any]
Machines = Mapping[str, Machine]


class Push(NamedTuple):
    """Where files are on the machine that sends the zone."""

    machine: str
    key: str
    network_id: str


def send(machines: Machines, spec: Spec, serial: int, push: Push) -> None:
    """Make a zone and push it, on the machine that may."""
    machine = machines[push.machine]
    machine.wait_for_unit("data-mesher.service")
    machine.succeed(command(spec, serial, push))


def command(spec: Spec, serial: int, push: Push) -> str:
    """Return the command that makes a zone and pushes it, for the machine that may."""
    pushing = (
        f"dm-dns push {_ZONE} --domain {spec['domain']}"
        f" --key {push.key} --network-id {push.network_id}"
    )
    return " && ".join([*render(spec, serial, _ZONE), pushing])


def put(machine: Machine, spec: Spec, serial: int) -> None:
    """Put a zone into the mesh's folder of one machine, as data-mesher would."""
    machine.succeed(
        *render(spec, serial, _ZONE),
        f"install -o data-mesher -g data-mesher -m 640 {_ZONE} {MESH}/../.new",
        f"mv {MESH}/../.new {MESH}/cnames",
    )


@contextmanager
def slow_health(machine: Machine, seconds: float) -> Iterator[None]:
    """Have dm-dns-health.service take longer to end, after it has judged.

    Its path unit sees nothing meanwhile: the events that it would now and then miss within
    milliseconds, it then misses every time.
    """
    folder = "/run/systemd/system/dm-dns-health.service.d"
    machine.succeed(
        f"mkdir -p {folder}",
        f"printf '[Service]\\nExecStopPost=/bin/sh -c \"sleep {seconds}\"\\n' > {folder}/slow.conf",
        "systemctl daemon-reload",
    )
    yield
    machine.succeed(f"rm -r {folder}; systemctl daemon-reload")


def render(spec: Spec, serial: int, path: str) -> tuple[str, str]:
    """Return the commands that make a zone."""
    return (
        f"printf %s {shlex.quote(json.dumps(spec))} > /tmp/spec.json",
        f"dm-dns render /tmp/spec.json -o {path} --serial {serial}",
    )


def withdraw(machines: Machines, spec: Spec, push: Push) -> None:
    """Take the zone out of the mesh, and wait until machines serve what they were deployed with."""
    machines[push.machine].succeed(
        f"data-mesher file delete dns/cnames --key {push.key} --network-id {push.network_id}"
    )
    for machine in machines.values():
        wait_for(machine, spec["domain"], "source=deployed")


def wait_for(machine: Machine, domain: str, expected: str) -> int:
    """Wait until the machine serves a zone with this in its TXT record; return the serial.

    Args:
        machine: which is to serve it.
        domain: of the zone.
        expected: a regular expression of grep.

    """
    status = machine.wait_until_succeeds(
        f"{UNBOUND} +short TXT _dm-dns.{domain} | tr -d '\"' | grep {shlex.quote(expected)}"
    )
    fields = dict(field.split("=", 1) for field in status.split())
    return int(fields["serial"])


def queries(machine: Machine) -> int:
    """Return how many queries unbound has got since it started."""
    return int(machine.succeed("unbound-control stats_noreset | sed -n s/^total.num.queries=//p"))


def changed(spec: Spec) -> Spec:
    """Return a spec in which each name of one machine is another's, and there is a new name."""
    names = sorted(spec["machines"])
    following = dict(zip(names, [*names[1:], names[0]], strict=True))
    endpoints = [
        {**endpoint, "machine": following[endpoint["machine"]]} for endpoint in spec["endpoints"]
    ]
    new = {**endpoints[0], "host": f"new.{spec['domain']}"}
    return {**spec, "endpoints": [*endpoints, new]}


def with_name(spec: Spec, label: str) -> Spec:
    """Return a spec with one more name, of the first machine."""
    first = min(spec["machines"])
    new = {**spec["endpoints"][0], "host": f"{label}.{spec['domain']}", "machine": first}
    return {**spec, "endpoints": [*spec["endpoints"], new]}


def check_at_unbound(machine: Machine, spec: Spec) -> None:
    """Check that unbound has all names, each with its addresses in the same answer."""
    check_names(machine, spec, UNBOUND)
    machine.succeed(status(UNBOUND, f"unknown.{spec['domain']}", "NXDOMAIN"))
    machine.succeed(status(UNBOUND, "example.com", "REFUSED"))


def check(machine: Machine, spec: Spec) -> None:
    """Check all names at unbound, at systemd-resolved, and as programs resolve them."""
    check_at_unbound(machine, spec)
    check_names(machine, spec, STUB, own_is_local=True)
    machine.succeed(status(STUB, f"unknown.{spec['domain']}", "NXDOMAIN"))
    names = " ".join(expected(spec))
    printed = machine.succeed(
        f"for name in {names}; do echo $name $(getent ahosts $name | cut -d ' ' -f 1); done"
    )
    found = {name: set(addresses) for name, *addresses in map(str.split, printed.splitlines())}
    _compare(machine, "getent", found, spec, own_is_local=True)
    machine.fail(f"getent ahosts unknown.{spec['domain']}")


def check_names(machine: Machine, spec: Spec, query: str, *, own_is_local: bool = False) -> None:
    """Check that all names have their addresses in the one answer to a query with dig.

    Args:
        machine: where dig runs.
        spec: what is served.
        query: dig and its options.
        own_is_local: whether the machine's own name has loopback addresses: NixOS writes them to
            /etc/hosts, which systemd-resolved asks first.

    """
    questions = " ".join(f"{name} A {name} AAAA" for name in expected(spec))
    found: dict[str, set[str]] = {}
    name = ""
    for line in machine.succeed(f"{query} +noall +question +answer {questions}").splitlines():
        fields = line.split()
        if line.startswith(";"):
            name = fields[0].strip(";.")
            found.setdefault(name, set())
        elif "A" in fields or "AAAA" in fields:
            found[name].add(fields[-1])
    _compare(machine, query, found, spec, own_is_local=own_is_local)


def status(query: str, name: str, expected: str) -> str:
    """Return a command that fails unless a query with dig has that status."""
    return f"{query} +noall +comments {name} | grep 'status: {expected}'"


def _compare(
    machine: Machine, query: str, found: dict[str, set[str]], spec: Spec, *, own_is_local: bool
) -> None:
    wanted = expected(spec)
    if own_is_local:
        own = f"{machine.name}.{spec['domain']}"
        del wanted[own]
        addresses = found.pop(own, set())
        if not addresses or not all(ip_address(address).is_loopback for address in addresses):
            raise AssertionError(f"{machine.name}: {query}: {own} has {addresses}, not loopback")
    if found != wanted:
        raise AssertionError(f"{machine.name}: {query}: {found}, not {wanted}")


def expected(spec: Spec, network: str | None = None) -> dict[str, set[str]]:
    """Return each name's addresses, as dig writes them; of a wildcard, one of the names.

    Args:
        spec: what is served.
        network: the local network that whoever asks is on, and all that have an address there.

    """
    machines = {
        name: _given(machine["addresses"], network) for name, machine in spec["machines"].items()
    }
    found = {f"{name}.{spec['domain']}": set(addresses) for name, addresses in machines.items()}
    for endpoint in spec["endpoints"]:
        name = endpoint["host"].replace("*", "any")
        found.setdefault(name, set()).update(machines[endpoint["machine"]])
    for device, values in spec.get("devices", {}).items():
        for host in (f"{device}.{spec['domain']}", *values["names"]):
            addresses = _given(values["addresses"], network)
            found.setdefault(host.replace("*", "any"), set()).update(addresses)
    return found


def of_another(machine: Machine, spec: Spec) -> tuple[str, set[str]]:
    """Return a name that has addresses and is not the machine's own, and these."""
    own = f"{machine.name}.{spec['domain']}"
    return next((name, found) for name, found in expected(spec).items() if found and name != own)


def _given(addresses: list[str], network: str | None) -> set[str]:
    """Return those of a machine's addresses that are given to machines on a local network."""
    by_network: dict[str | None, set[str]] = {None: set()}
    for each in addresses:
        address, _, local = each.partition("@")
        by_network.setdefault(local or None, set()).add(str(ip_address(address)))
    return by_network.get(network, by_network[None])


def of_devices(spec: Spec) -> set[str]:
    """Return the names of devices, which are not machines and may be off."""
    return set(expected({**spec, "machines": {}, "endpoints": []}))
