"""What systemd says of the units that names depend on."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.access import ssh
from dm_dns.errors import Error
from dm_dns.inspect.doctor.check import Found, fault, not_asked, well
from dm_dns.node.dns_message import MessageError

SERVER: Final = "dm-dns.service"
HOOK: Final = ("dm-dns-hook.socket", "dm-dns-hook.service")
"""The socket that systemd holds, and the service that it starts."""
SEARCH: Final = "dm-dns-hook-search.socket"
"""The other socket of the hook, on machines where short names resolve."""
UNBOUND: Final = "unbound.service"
RESOLVED: Final = "systemd-resolved.service"
MESH: Final = "data-mesher.service"
PUSH: Final = "dm-dns-push.service"
MONITORING: Final = ("dm-dns-health.path", "dm-dns-health.timer")

DEPLOY: Final = "sudo /run/current-system/bin/switch-to-configuration test"
"""Makes /etc and the units what this machine was deployed with."""

_CHANGES: Final = (
    "ActiveEnterTimestampMonotonic",
    "ActiveExitTimestampMonotonic",
    "InactiveEnterTimestampMonotonic",
    "InactiveExitTimestampMonotonic",
)
"""When systemd started or ended a unit last, in microseconds (org.freedesktop.systemd1(5))."""
_PROPERTIES: Final = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "MainPID",
    "FreezerState",
    "InvocationID",
    "NRestarts",
    "Wants",
    "Environment",
    "DropInPaths",
    "FragmentPath",
    *_CHANGES,
)
_SECONDS: Final = 1.0
_CALM_SECONDS: Final = 0.5
"""How long ago a unit must have been started or ended for its state to be more than a moment's."""
_PATIENCE: Final = 0.7
"""How long to wait for that."""
_PAUSE: Final = 0.1
_OFTEN: Final = 2
"""How often a unit that somebody restarts is not started while doctor waits."""
_MAX_OUTPUT: Final = 2**20
_ON_THE_WAY: Final = ("activating", "deactivating", "reloading", "refreshing")


class Unit(NamedTuple):
    """A unit as systemd has it."""

    name: str
    properties: Mapping[str, str]
    starts: int = 0
    """How often systemd has started it while it was looked at."""
    is_new: bool = False
    """Whether it was started or ended just before it was looked at."""

    @property
    def is_loaded(self) -> bool:
        """Whether there is such a unit, masked or not."""
        return self.properties.get("LoadState") not in {None, "not-found"}

    def wants(self, other: str) -> bool:
        """Tell whether it starts another unit (systemd.unit(5), Wants=)."""
        return other in self.properties.get("Wants", "").split()

    @property
    def state(self) -> str:
        """``active``, ``failed`` and so on."""
        return self.properties.get("ActiveState", "")

    @property
    def is_active(self) -> bool:
        """Whether it is up."""
        return self.state == "active"

    @property
    def is_calm(self) -> bool:
        """Whether more looks tell no more: its state lasts, or it is known that none does."""
        return self.starts >= _OFTEN or not (self.state in _ON_THE_WAY or self.is_new)

    @property
    def ends(self) -> bool:
        """Whether it ends whenever systemd starts it."""
        # systemd counts automatic restarts since somebody started it.
        restarts = int(self.properties.get("NRestarts") or 0)
        return self.starts >= _OFTEN or (self.is_new and restarts >= _OFTEN)

    def after(self, earlier: "Unit") -> "Unit":
        """Return the unit with how often it was started, as it was found some time ``earlier``."""
        is_same = self.properties.get("InvocationID") == earlier.properties.get("InvocationID")
        return self._replace(starts=earlier.starts + (not is_same))

    def environment(self, variable: str) -> str | None:
        """Return a variable that the unit sets."""
        settings = self.properties.get("Environment", "").split()
        return dict(each.split("=", 1) for each in settings if "=" in each).get(variable)


class Systemd(NamedTuple):
    """What systemd says."""

    version: str | None
    """Such as ``259.1``; None: systemd does not answer."""
    units: Mapping[str, Unit]

    @property
    def is_calm(self) -> bool:
        """Whether more looks tell no more of any unit."""
        return all(unit.is_calm for unit in self.units.values())

    def unit(self, name: str) -> Unit:
        """Return a unit, as if there were none of that name if systemd does not answer."""
        return self.units.get(name, Unit(name, {}))

    def look(self, names: Iterable[str]) -> Found:
        """Return whether these units are up; the first that is not is the fault."""
        if self.version is None:
            return fault(
                f"systemd does not answer within {_SECONDS:g} s", "sudo systemctl daemon-reexec"
            )
        found = [self.unit(name) for name in names]
        for unit in found:
            if problem := _problem(unit):
                return problem
        return well(", ".join(f"{unit.name} is {unit.state}" for unit in found))

    def waits(self, held: str, service: str) -> bool:
        """Tell whether systemd starts a service only when somebody asks at a socket."""
        unit = self.unit(service)
        may_start = unit.state == "inactive" and unit.properties.get("LoadState") == "loaded"
        return may_start and self.unit(held).is_active

    def look_at_held(self, held: str, service: str) -> Found:
        """Return whether a service runs, or systemd starts it when somebody asks at a socket."""
        unit = self.unit(service)
        if self.waits(held, service):
            return well(f"{held} is active, and starts {service} when it is asked")
        found = self.look([service, held])
        is_loaded = self.unit(held).properties.get("LoadState") == "loaded"
        is_held = self.unit(held).is_active
        if found.verdict == "fault" and unit.is_active and is_loaded and not is_held:
            # systemd cannot listen while the service has the port itself.
            return fault(found.text, restart(held, service))
        return found


SILENT: Final = Systemd(None, {})
"""It says nothing."""


def restart(held: str, service: str) -> str:
    """Return the command that restarts a service and the socket that systemd holds for it."""
    # `systemctl restart` fails where a query starts the service after it was stopped and before its
    # socket was: systemd refuses to listen for a service that is active.
    both = f"{held} {service}"
    return f"sudo systemctl stop {both}; sudo systemctl start {both}"


def sockets_of_unbound(port: int) -> list[str]:
    """Return what the socket may be called that systemd holds for unbound (node/unbound.nix)."""
    return ["unbound.socket", f"unbound-{port}.socket"]


def held_for_unbound(systemd: Systemd, port: int) -> str | None:
    """Return the socket that systemd holds for unbound; None where unbound has others too."""
    service = systemd.unit(UNBOUND)
    return next(filter(service.wants, sockets_of_unbound(port)), None)


def ask(names: Sequence[str], earlier: Systemd = SILENT) -> Systemd:
    """Return what systemd says of its units, once none of them changes, or after _PATIENCE.

    While somebody restarts a unit, or it is restarted because it has failed once, its state is
    another one every few milliseconds; a query may start one that fails again and again.

    Args:
        names: of the units.
        earlier: what systemd said of them when they were looked at before.

    """
    end = time.monotonic() + _PATIENCE
    try:
        version = _show("--property=Version", "--value").partition(" ")[0].strip()
        found = Systemd(version, _units(names, earlier))
        while not found.is_calm and time.monotonic() < end:
            time.sleep(_PAUSE)
            found = Systemd(version, _units(names, found))
    except OSError:
        return SILENT
    return found


def _units(names: Iterable[str], earlier: Systemd) -> dict[str, Unit]:
    """Return what systemd says of its units now, with how often each was started meanwhile.

    Raises:
        OSError: it says nothing.

    """
    units = {}
    for block in _show(f"--property={','.join(_PROPERTIES)}", *names).split("\n\n"):
        properties = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if name := properties.get("Id"):
            changed = max(int(properties.get(each) or 0) for each in _CHANGES) / 1e6
            unit = Unit(name, properties, is_new=time.monotonic() - changed < _CALM_SECONDS)
            units[name] = unit.after(earlier.units.get(name, unit))
    return units


def _show(*arguments: str) -> str:
    """Return what ``systemctl show`` prints.

    Raises:
        OSError: nothing, in time.

    """
    command = ["systemctl", "show", *arguments]
    status, printed = ssh.output(command, limit=_MAX_OUTPUT, seconds=_SECONDS)
    if status != 0:
        raise OSError(f"{command} ends with {status}")
    return printed.decode("utf-8", "replace")


def _problem(unit: Unit) -> Found | None:
    """Return what is wrong with a unit; None if it is up, and its process can do something."""
    if unit.properties.get("LoadState") != "loaded":
        return _not_loaded(unit)
    if not unit.is_active or unit.ends:
        return _not_up(unit)
    if (frozen := unit.properties.get("FreezerState", "running")) not in {"", "running"}:
        text = f"the processes of {unit.name} are {frozen} (systemctl freeze)"
        return fault(text, f"sudo systemctl thaw {unit.name}")
    if is_stopped(unit.properties.get("MainPID", "0")):
        text = f"the process of {unit.name} was stopped by a signal (SIGSTOP)"
        return fault(text, f"sudo systemctl kill --signal=CONT {unit.name}")
    return None


def _not_up(unit: Unit) -> Found:
    name, see = unit.name, _see(unit.name)
    if unit.ends:
        return ends(name)
    if unit.state == "failed":
        result = unit.properties.get("Result")
        again = f"sudo systemctl restart {name}; {see}"
        if result == "start-limit-hit":
            # Otherwise systemd refuses that as well.
            again = f"sudo systemctl reset-failed {name}; {again}"
        return fault(f"{name} has failed ({result})", again)
    if unit.state in _ON_THE_WAY:
        return fault(f"{name} is {unit.state} ({unit.properties.get('SubState')})", see)
    return fault(f"{name} does not run", f"sudo systemctl start {name}")


def ends(name: str) -> Found:
    """Return the fault that a unit does not stay up."""
    return fault(f"{name} ends whenever systemd starts it: again and again", _see(name))


def _see(name: str) -> str:
    return f"journalctl --unit={name} --lines=20 --no-pager"


def _not_loaded(unit: Unit) -> Found:
    name, properties = unit.name, unit.properties
    if not unit.is_loaded:
        return fault(f"there is no {name}: this machine is deployed without it", DEPLOY)
    if properties["LoadState"] == "masked":
        place = properties.get("FragmentPath", "")
        remedy = f"grep -rn {name.rpartition('.')[0]} .  # in the checkout: enable it, and deploy"
        if place.startswith("/run/"):
            again = f"sudo systemctl daemon-reload && sudo systemctl restart {name}"
            remedy = f"sudo rm {place} && {again}"
        return fault(f"{name} is masked, so it cannot start", remedy)
    return fault(f"{name} cannot be loaded: {properties['LoadState']}", DEPLOY)


def is_stopped(process: str) -> bool:
    """Tell whether a process is stopped: state T in /proc/PID/stat (proc_pid_stat(5))."""
    try:
        status = Path(f"/proc/{int(process)}/stat").read_bytes()
    except (OSError, ValueError):
        return False
    return status.rpartition(b")")[2].split()[:1] == [b"T"]


def unit_of(process: int) -> str | None:
    """Return the service that a process belongs to, from its control group (cgroups(7))."""
    try:
        lines = files.read(Path(f"/proc/{process}/cgroup"), _MAX_OUTPUT).decode("utf-8", "replace")
    except OSError:
        return None
    last = lines.strip().rpartition("/")[2]
    return last if last.endswith(".service") else None


def push(unit: Unit) -> Found:
    """Return whether this machine's automatic push works, if it is a push machine."""
    if unit.state == "failed":
        return fault(f"{unit.name} has failed: `journalctl -u {unit.name}` says why", "dm-send-dns")
    return well(f"{unit.name} has not failed")


def mesh(systemd: Systemd) -> Found:
    """Return whether data-mesher runs, if this machine has it."""
    if systemd.version is not None and not systemd.unit(MESH).is_loaded:
        return not_asked("this machine has no data-mesher, so it serves what it was deployed with")
    return systemd.look([MESH])


def look_at_asked(systemd: Systemd, names: tuple[str, str], wake: Callable[[], object]) -> Found:
    """Return whether a service runs, or does so when it is asked.

    Args:
        systemd: what it said of these units.
        names: the socket that systemd holds, and the service that it starts.
        wake: asks there.

    """
    service = names[1]
    if systemd.waits(*names) or not systemd.unit(service).is_calm:
        is_silent = False
        try:
            wake()
        except PermissionError:
            pass
        except (OSError, Error, MessageError):
            is_silent = True
        systemd = ask(names, systemd)
        if is_silent and systemd.unit(service).starts:
            return ends(service)
    return systemd.look_at_held(*names)
