"""A cgroup with limits, as systemd makes one for each unit (systemd.resource-control(5))."""

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from checks.processes.wait import until

_MOUNTED: Final = Path("/sys/fs/cgroup")
_CONTROLLERS: Final = ("memory", "pids")
_SNAPSHOT: Final = Path(__file__).parents[1] / "module/snapshots/two.json"
_UNITS: Final = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def why_not() -> str | None:
    """Return why no cgroup with limits can be made here; None if one can."""
    if os.geteuid() != 0:
        return "only root can make a cgroup"
    folders = _folders()
    if not folders:
        return "the kernel has no controllers of memory and of processes, or does not show them"
    if not all(os.access(folder, os.W_OK) for folder in folders):
        return f"{_MOUNTED} is read-only"
    return None


def _folders() -> list[Path]:
    """Return where a cgroup is to be made: in each hierarchy with one of the two controllers."""
    split = [_MOUNTED / name for name in _CONTROLLERS]  # cgroups(7): version 1
    if all((folder / "cgroup.procs").exists() for folder in split):
        return split
    try:
        controllers = (_MOUNTED / "cgroup.controllers").read_text().split()
    except OSError:
        return []
    return [_MOUNTED] if {*_CONTROLLERS} <= {*controllers} else []


def _enable(folder: Path) -> None:
    """Have cgroups below ``folder`` show the controllers; in version 1 all do."""
    setting = folder / "cgroup.subtree_control"
    if not setting.exists() or {*_CONTROLLERS} <= {*setting.read_text().split()}:
        return
    wanted = " ".join(f"+{name}" for name in _CONTROLLERS)
    try:
        setting.write_text(wanted)
    except OSError:
        # In a container this is not the root, and so may not have processes of its own then.
        leaf = folder / "dm-dns.others"
        leaf.mkdir(exist_ok=True)
        for process in (folder / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                (leaf / "cgroup.procs").write_text(process)
        setting.write_text(wanted)


def of_unit(unit: str, setting: str) -> int:
    """Return a limit of one of the module's units, such as MemoryMax in bytes."""
    machine = json.loads(_SNAPSHOT.read_text())["machines"]["server"]
    text = str(machine[f"systemd.services.{unit}"]["serviceConfig"][setting])
    match = re.fullmatch(r"(\d+)([KMG]?)", text)
    if match is None:
        raise ValueError(text)
    return int(match[1]) * _UNITS[match[2]]


class Cgroup:
    """A context manager: the cgroup is there until the context ends, as its processes must have."""

    def __init__(self) -> None:
        """Make it, without limits."""
        self._folders = [folder / f"dm-dns.limits.{os.getpid()}" for folder in _folders()]
        for folder in self._folders:
            _enable(folder.parent)
            folder.mkdir()

    def command(self) -> list[str]:
        """Return the start of a command that runs the rest of it in the cgroup."""
        join = "".join(f"echo $$ > {folder}/cgroup.procs && " for folder in self._folders)
        return ["sh", "-c", f'{join}exec "$@"', "sh"]

    def limit(self, *, memory: int | None = None, tasks: int | None = None) -> None:
        """Set limits: bytes of memory, and the number of processes and threads."""
        if memory is not None:
            self._write(("memory.limit_in_bytes", "memory.max"), memory)
        if tasks is not None:
            self._write(("pids.max",), tasks)

    def tasks(self) -> int:
        """Return how many processes and threads it has."""
        return self._read(("pids.current",))

    def peak(self) -> int:
        """Return the most memory that was in use at once, in bytes."""
        return self._read(("memory.max_usage_in_bytes", "memory.peak"))

    def _write(self, names: tuple[str, ...], value: int) -> None:
        self._find(names).write_text(str(value))

    def _read(self, names: tuple[str, ...]) -> int:
        return int(self._find(names).read_text())

    def _find(self, names: tuple[str, ...]) -> Path:
        """Return the file with one of these names: both versions of cgroups have theirs."""
        return next(
            path for folder in self._folders for name in names if (path := folder / name).exists()
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove it."""
        for folder in self._folders:
            until(lambda: not (folder / "cgroup.procs").read_text(), "its processes have ended")  # noqa: B023
            folder.rmdir()
