"""What systemd says of the units that names depend on."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.access import ssh
from dm_dns.inspect.doctor.check import Found, fault, not_asked, well

SERVER: Final = "dm-dns.service"
HOOK: Final = ("dm-dns-hook.socket", "dm-dns-hook.service")
SEARCH: Final = "dm-dns-hook-search.socket"
"""The other socket of the hook, on machines where short names resolve."""
UNBOUND: Final = ("unbound.socket", "unbound.service")
"""Of both: the socket that systemd holds, and the service that it starts."""
RESOLVED: Final = "systemd-resolved.service"
MESH: Final = "data-mesher.service"
PUSH: Final = "dm-dns-push.service"
MONITORING: Final = ("dm-dns-health.path", "dm-dns-health.timer")

DEPLOY: Final = "sudo /run/current-system/bin/switch-to-configuration test"
"""Makes /etc and the units what this machine was deployed with."""

_PROPERTIES: Final = (
    "Id,LoadState,ActiveState,SubState,Result,MainPID,Wants,Environment,DropInPaths,FragmentPath"
)
_SECONDS: Final = 1.0
_MAX_OUTPUT: Final = 2**20
_ON_THE_WAY: Final = ("activating", "deactivating", "reloading", "refreshing")


class Unit(NamedTuple):
    """A unit as systemd has it."""

    name: str
    properties: Mapping[str, str]

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

    def environment(self, variable: str) -> str | None:
        """Return a variable that the unit sets."""
        settings = self.properties.get("Environment", "").split()
        return dict(each.split("=", 1) for each in settings if "=" in each).get(variable)


class Systemd(NamedTuple):
    """What systemd says."""

    version: str | None
    """Such as ``259.1``; None: systemd does not answer."""
    units: Mapping[str, Unit]

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

    def look_at_held(self, held: str, service: str) -> Found:
        """Return whether a service runs, or systemd starts it when somebody asks at a socket."""
        unit = self.unit(service)
        may_start = unit.state == "inactive" and unit.properties.get("LoadState") == "loaded"
        if may_start and self.unit(held).is_active:
            return well(f"{held} is active, and starts {service} when it is asked")
        found = self.look([service, held])
        is_loaded = self.unit(held).properties.get("LoadState") == "loaded"
        if found.verdict == "fault" and unit.is_active and is_loaded:
            # systemd cannot listen while the service has the port itself.
            return found._replace(remedy=restart(held, service))
        return found


def restart(held: str, service: str) -> str:
    """Return the command that restarts a service and the socket that systemd holds for it."""
    # In one command: a query would start the service between two.
    return f"sudo systemctl restart {held} {service}"


def unbound(systemd: Systemd) -> list[str]:
    """Return the units of unbound: systemd holds its socket, but not where it has others too."""
    held, service = UNBOUND
    return [held, service] if systemd.unit(service).wants(held) else [service]


def ask(names: Iterable[str]) -> Systemd:
    """Return what systemd says of its units."""
    command = ["systemctl", "show", f"--property={_PROPERTIES}", *names]
    version = ["systemctl", "show", "--property=Version", "--value"]
    try:
        status, printed = ssh.output(command, limit=_MAX_OUTPUT, seconds=_SECONDS)
        told, number = ssh.output(version, limit=_MAX_OUTPUT, seconds=_SECONDS)
    except OSError:
        return Systemd(None, {})
    if status != 0 or told != 0:
        return Systemd(None, {})
    units = {}
    for block in printed.decode("utf-8", "replace").split("\n\n"):
        properties = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if name := properties.get("Id"):
            units[name] = Unit(name, properties)
    return Systemd(number.decode("utf-8", "replace").partition(" ")[0].strip(), units)


def _problem(unit: Unit) -> Found | None:
    """Return what is wrong with a unit; None if it is up, and its process can do something."""
    if unit.properties.get("LoadState") != "loaded":
        return _not_loaded(unit)
    name, see = unit.name, f"journalctl --unit={unit.name} --lines=20 --no-pager"
    if unit.state == "failed":
        text = f"{name} has failed ({unit.properties.get('Result')})"
        return fault(text, f"sudo systemctl restart {name}; {see}")
    if unit.state in _ON_THE_WAY:
        return fault(f"{name} is {unit.state} ({unit.properties.get('SubState')})", see)
    if not unit.is_active:
        return fault(f"{name} does not run", f"sudo systemctl start {name}")
    if is_stopped(unit.properties.get("MainPID", "0")):
        text = f"the process of {name} was stopped by a signal (SIGSTOP)"
        return fault(text, f"sudo systemctl kill --signal=CONT {name}")
    return None


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
