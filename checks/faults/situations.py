"""What `dm-dns apply` finds when a fault disturbs it, and what must be served then."""

import json
import shutil
from collections.abc import Callable
from typing import Final, NamedTuple

from dm_dns.zone import conf

from checks.processes.plain_machine import PlainMachine, replace

DOMAIN: Final = "pin"
NAMES: Final = ("a.pin", "host0.pin", "host199.pin", "kiwi.pin")
"""Names of each zone: they all have the one address that the serial stands for."""

DEPLOYED: Final = 1
"""The serial of the deployed copy; all others are higher."""


def address(serial: int) -> str:
    """Return the address that all names have in the zone with this serial."""
    return f"fd00::{serial:x}"


def zone_conf(serial: int) -> str:
    """Return a zone.conf: the first, the last and all other names have one address."""
    hosts = {f"host{number}.pin": "kiwi.pin" for number in range(200)}
    addresses = {"kiwi.pin": (address(serial),)}
    return conf.render(conf.Zone(DOMAIN, serial, hosts | {"a.pin": "kiwi.pin"}, addresses))


class Situation(NamedTuple):
    """A change that `dm-dns apply` has to serve, on a machine that serves a zone of the mesh."""

    what: str
    change: Callable[[PlainMachine, int], None]
    """Makes the change; the number is a new serial, one higher than what is served."""
    source: str
    """The source of what is served in the end."""
    serial: Callable[[int], int]
    """Returns the serial of what is served in the end, for the new one."""
    status: int = 0
    """The exit status of a run in the end."""
    is_deaf: bool = False
    """Whether unbound loads nothing, until the disturbed run has ended."""


def _update(machine: PlainMachine, new: int) -> None:
    replace(machine.mesh_file, zone_conf(new))


def _start_anew(machine: PlainMachine, new: int) -> None:
    _update(machine, new)
    shutil.rmtree(machine.state)


def _change_nothing(_machine: PlainMachine, _new: int) -> None:
    pass


def _damage(machine: PlainMachine, new: int) -> None:
    replace(machine.mesh_file, zone_conf(new)[:-1])


def _withdraw(machine: PlainMachine, _new: int) -> None:
    machine.mesh_file.unlink()


def _replace_key(machine: PlainMachine, new: int) -> None:
    config = json.loads(machine.config.read_text())
    machine.config.write_text(json.dumps(config | {"keys": [f"key {new}"]}))


SITUATIONS: Final = (
    Situation("a new zone", _update, "mesh", lambda new: new),
    Situation("a new zone, and unbound loads none", _update, "mesh", lambda new: new, is_deaf=True),
    Situation("a new zone, and no state", _start_anew, "mesh", lambda new: new),
    Situation("nothing new", _change_nothing, "mesh", lambda new: new - 1),
    Situation("a bad mesh copy", _damage, "kept", lambda new: new - 1, status=1),
    Situation("no mesh copy", _withdraw, "deployed", lambda _new: DEPLOYED),
    Situation("another key", _replace_key, "deployed", lambda _new: DEPLOYED, status=1),
)
