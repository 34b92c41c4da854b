"""The files on the way: what dm-dns.service reads and writes, and what it found of them."""

import hashlib
import os
import shlex
import stat
import time
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.errors import Error, describe
from dm_dns.inspect import local
from dm_dns.inspect.doctor.check import Found, fault, not_asked, well
from dm_dns.inspect.doctor.units import DEPLOY, SERVER
from dm_dns.inspect.text import instant
from dm_dns.node import hosts as hosts_file
from dm_dns.node import state
from dm_dns.node.config import Config
from dm_dns.node.judge import HANGS_SECONDS
from dm_dns.node.state import State
from dm_dns.output import lasting
from dm_dns.zone import conf, limits
from dm_dns.zone.zonefile import FirstLine

_PATIENCE: Final = 0.6
"""Seconds in which dm-dns.service may start, or serve a change."""
_POLL: Final = 0.05
_RESTART: Final = "sudo systemctl restart dm-dns"
_DENIED: Final = "only root may read it: run this with sudo"


class Written(NamedTuple):
    """What dm-dns.service wrote of what it found."""

    state: State | None
    problem: Found
    """Whether that is what it finds now."""

    def problems_of(self, path: Path) -> list[str]:
        """Return the problems of a file, or of those in a directory."""
        problems = self.state.problems if self.state else []
        starts = tuple(f"{path}{end}" for end in (":", "/", " "))
        return [problem for problem in problems if problem.startswith(starts)]

    def is_outdated(self, path: Path) -> bool:
        """Tell whether a file has changed since dm-dns.service read it, as far as is known."""
        if self.state is None or (read := self.state.inputs.get(str(path))) is None:
            return False
        return self.state._replace(inputs={str(path): read}).is_outdated()


def read_state(path: Path) -> Written:
    """Return what dm-dns.service wrote to ``path``, once it has served what has changed."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        written = _read(path)
        is_outdated = written.state is not None and written.state.is_outdated()
        if written.problem.verdict == "ok" and not is_outdated:
            return written
        if time.monotonic() > deadline:
            full = _full(path.parent, f"{SERVER} cannot write what it finds")
            return written._replace(problem=full) if full else written
        time.sleep(_POLL)


def _read(path: Path) -> Written:
    try:
        found = state.read(path)
    except (Error, OSError) as error:
        text = f"{path} does not exist: {SERVER} did not write what it found"
        if not isinstance(error, FileNotFoundError):
            text = f"what {SERVER} wrote cannot be read: {describe(error)}"
        return Written(None, fault(text, _RESTART))
    return Written(found, _look_at(found, path))


def _look_at(found: State, path: Path) -> Found:
    if not found.has_writer():
        return fault(f"the process that wrote {path} no longer runs", _RESTART)
    if (age := found.age()) > HANGS_SECONDS:
        return fault(f"{SERVER} hangs: it has not written {path} for {lasting(age)}", _RESTART)
    if found.has_other_addresses():
        return fault(f"{SERVER} has not followed a change of this machine's addresses", _RESTART)
    return well(f"{path} was written {lasting(found.age())} ago")


def local_networks(written: Written) -> Found:
    """Return which local networks this machine is on."""
    networks = written.state.local.networks if written.state else ()
    return well("; ".join(local.text(presence) for presence in networks))


def clock(config: Config, written: Written) -> Found:
    """Return whether the clock is behind the zones that this machine has."""
    serials = [serial for serial in (_serial(config.kept), _serial(config.deployed)) if serial]
    if written.state and written.state.served:
        serials.append(written.state.served.serial)
    if not serials:
        return not_asked("there is no zone to compare the clock with")
    now, newest = time.time(), max(serials)
    if conf.is_from_the_future(newest, now):
        return fault(
            f"the clock says {instant(now)}, {lasting(newest - now)} before the zone of this"
            f" machine was rendered, at {instant(newest)}",
            "sudo timedatectl set-ntp true && timedatectl timesync-status",
        )
    return well(f"{instant(now)}, and the newest zone is not from later")


def _serial(path: Path | None) -> int | None:
    try:
        return conf.read_serial(files.read(path, limits.MAX_SIZE), str(path)) if path else None
    except (Error, OSError):
        return None


def mesh_copy(config: Config, written: Written) -> Found:
    """Return whether the mesh copy can be served, and is."""
    path = config.mesh
    if problems := written.problems_of(path):
        return fault(problems[0], _repair_mesh_copy(path, problems[0]))
    if written.is_outdated(path):
        return fault(f"{path} has changed, and {SERVER} does not serve it", _RESTART)
    served = written.state.served if written.state else None
    if served and served.source == "mesh":
        return well(f"serial {served.serial}, which is served")
    try:
        content = files.read(path, limits.MAX_SIZE)
    except PermissionError:
        return well(f"{SERVER} finds nothing wrong with it")
    except OSError:
        return _without_mesh_copy(config, written)
    return well(
        f"serial {conf.read_serial(content, str(path))}, which is older than what is served"
    )


def _without_mesh_copy(config: Config, written: Written) -> Found:
    served = written.state.served.serial if written.state and written.state.served else 0
    try:
        had = [int(name.stem) for name in config.history.glob("*.conf") if name.stem.isdecimal()]
    except OSError:
        had = []
    if max(had, default=0) > served:
        return well(
            f"there is none: serial {max(had)}, which the mesh brought, was withdrawn (`dm-send-dns"
            " --delete`)"
        )
    return well("there is none: the mesh has not brought a zone")


def _repair_mesh_copy(path: Path, problem: str) -> str:
    quoted = shlex.quote(str(path))
    if "Permission denied" in problem:
        folders = [folder for folder in (path, *path.parents) if _is_closed(folder)]
        closed = shlex.join(str(folder) for folder in reversed(folders or [path]))
        return f"sudo chmod g+rX {closed} && {_RESTART}"
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        is_file = True
    if not is_file:
        return f"sudo rm -r {quoted} && sudo systemctl restart data-mesher"
    return "dm-send-dns  # as root on a push machine: it replaces a copy that is not valid"


def _is_closed(path: Path) -> bool:
    """Tell whether the group of a file or directory may not read it."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not mode & (stat.S_IRGRP | stat.S_IROTH)


def deployed_copy(config: Config, written: Written) -> Found:
    """Return whether the zone that this machine was deployed with can be served."""
    path = config.deployed
    if path is None:
        return well("there is none: this machine was deployed before the zone was generated")
    if problems := written.problems_of(path):
        return fault(problems[0], "clan vars generate && clan machines update  # in the checkout")
    if not path.exists():
        return fault(f"{path} does not exist", "clan machines update  # in the checkout")
    return well(f"serial {_serial(path)}")


def hosts(config: Config, written: Written) -> Found:
    """Return whether /etc/hosts can be used."""
    if problems := written.problems_of(config.hosts):
        return fault(problems[0], DEPLOY)
    if written.is_outdated(config.hosts):
        return fault(f"{config.hosts} has changed, and {SERVER} does not use it", _RESTART)
    if replaced := _replaced(config):
        names = ", ".join(replaced)
        return well(f"its addresses are used in place of those in the zone for {names}")
    return well(f"{SERVER} finds nothing wrong with it")


def _replaced(config: Config) -> list[str]:
    """Return the machines of which /etc/hosts has other addresses than the zone."""
    try:
        text = files.read(config.hosts, limits.MAX_HOSTS).decode("utf-8", "replace")
        zone = conf.read(config.kept, config.domain)
    except (Error, OSError):
        return []
    own = hosts_file.parse(text, config.domain).addresses
    return sorted(
        name for name, known in own.items() if set(zone.addresses.get(name, known)) != set(known)
    )


def state_directory(config: Config, written: Written) -> Found:
    """Return whether dm-dns.service can write its files."""
    path = config.state
    try:
        status = os.statvfs(path)
    except OSError as error:
        return fault(f"{path}: {error.strerror}", _RESTART)
    if status.f_flag & os.ST_RDONLY:
        remedy = f"sudo mount -o remount,rw {shlex.quote(_mount_point(path))} && {_RESTART}"
        return fault(f"{path} is on a file system that is mounted read-only", remedy)
    if full := _full(path):
        return full
    closed = [folder for folder in (path, *path.parents) if not _is_open(folder)]
    if closed:
        names = shlex.join(map(str, reversed(closed)))
        return fault(
            f"others may not enter {names}, so unbound cannot read the zone file",
            f"sudo chmod a+rx {names} && sudo systemctl restart dm-dns unbound",
        )
    if problems := written.problems_of(path):
        return fault(problems[0], _RESTART)
    return well(f"{path} can be written to")


def _full(path: Path, effect: str = "") -> Found | None:
    """Return that a directory is on a file system that is full, and the ``effect`` of that."""
    try:
        status = os.statvfs(path)
    except OSError:
        return None
    if not status.f_blocks or status.f_bavail:
        return None
    point = shlex.quote(_mount_point(path))
    text = f"{path} is on a file system that is full"
    remedy = f"sudo du -xah {point} | sort -h | tail  # and remove something"
    return fault(f"{text}: {effect}" if effect else text, remedy)


def _is_open(folder: Path) -> bool:
    """Tell whether every user may enter a directory."""
    try:
        return bool(folder.stat().st_mode & stat.S_IXOTH)
    except OSError:
        return False


def _mount_point(path: Path) -> str:
    return str(next(folder for folder in (path, *path.parents) if folder.is_mount()))


def served(config: Config, written: Written) -> Found:
    """Return whether the best copy is served, and what dm-dns.service finds wrong besides."""
    known = [config.mesh, config.deployed, config.hosts, config.state]
    attributed = {problem for path in known if path for problem in written.problems_of(path)}
    found = written.state
    others = [problem for problem in found.problems if problem not in attributed] if found else []
    if others:
        return fault(others[0], "sudo journalctl --unit=dm-dns --lines=20 --no-pager")
    if found is None or found.served is None:
        return fault(f"nothing is served of {config.domain}", "dm-send-dns  # on a push machine")
    return well(str(found.served))


def zone_file(config: Config, written: Written) -> Found:
    """Return whether the zone file is what dm-dns.service made of the copy that it serves."""
    path = config.zonefile
    quoted = shlex.quote(str(path))
    remedy = f"sudo rm -f {quoted} && sudo systemctl restart dm-dns unbound"
    try:
        content = files.read(path, 2 * limits.MAX_SIZE)
        line, _, body = content.partition(b"\n")
        first = FirstLine.parse(line.decode("ascii", "replace"))
    except FileNotFoundError:
        return fault(f"{path} does not exist, so unbound starts without a zone", remedy)
    except (OSError, ValueError) as error:
        return fault(f"{path} is not a zone file of dm-dns: {error}", remedy)
    expected = written.state.served.status if written.state and written.state.served else None
    if first.status != expected:
        return fault(f"{path} is not the file that {SERVER} wrote", remedy)
    # All but the TXT record at the end, which has this hash.
    records = body[: body.rstrip(b"\n").rfind(b"\n") + 1]
    if hashlib.sha256(records).hexdigest() != first.field("file"):
        return fault(f"{path} was changed after {SERVER} wrote it", remedy)
    return well(f"{path} is what {SERVER} wrote")
