"""Another user binds unbound's port as well, and answers in its place: dm-dns does not ask there.

On UDP port 5353 of 127.0.0.1 anybody can, because resolved's mDNS has that port too.
"""

import shlex
from typing import Final

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_ADDRESS: Final = "203.0.113.66"
_UNIT: Final = "scenario-thief"
_SERVER: Final = f"""\
import socket, struct
thief = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
thief.bind(("127.0.0.1", 5353))
while True:
    query, sender = thief.recvfrom(4096)
    end = query.index(0, 12) + 5
    answer = bytes([192, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]) + socket.inet_aton("{_ADDRESS}")
    header = query[:2] + struct.pack(">HHHHH", 0x8500, 1, 1, 0, 0)
    thief.sendto(header + query[12:end] + answer, sender)
"""
_BINDS: Final = """\
import socket
thief = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    thief.bind(("::1", 553))
except PermissionError:
    print("not permitted")
"""


def run(machines: Machines, spec: Spec) -> None:
    """Run the scenario, on one machine.

    Args:
        machines: all of the clan, by name, with python3; they are booting or up.
        spec: the zone spec that they serve.

    """
    machine = next(iter(machines.values()))
    zones.wait_for(machine, spec["domain"], "serial=")
    machine.succeed(
        f"systemd-run --quiet --unit={_UNIT} --uid=65534 $(command -v python3) -c"
        f" {shlex.quote(_SERVER)}"
    )
    name = spec["endpoints"][0]["host"].replace("*", "any")
    # This is what whoever asks there must know: SECURITY.md.
    machine.wait_until_succeeds(f"{zones.UNBOUND} +short A {name} | grep -Fx {_ADDRESS}")
    _check(machine, spec)
    # Also with what a restart of the hook finds.
    machine.succeed("systemctl restart dm-dns-hook.service unbound.service")
    _check(machine, spec)
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    machine.succeed(f"{nobody} python3 -c {shlex.quote(_BINDS)} | grep -Fx 'not permitted'")
    machine.succeed(f"systemctl stop {_UNIT}.service")
    zones.check(machine, spec)


def _check(machine: Machine, spec: Spec) -> None:
    """Check that programs get the clan's addresses, and that dm-dns asks unbound itself."""
    machine.succeed("resolvectl flush-caches")
    zones.check_names(machine, spec, zones.STUB, own_is_local=True)
    machine.succeed("dm-dns apply", "dm-dns apply --check", "dm-dns doctor")
