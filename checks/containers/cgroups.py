"""A cgroup for each container: systemd-nspawn takes over the one that it is started in."""

import os
import time
from pathlib import Path
from typing import Final

_TRIES: Final = 100
_PAUSE: Final = 0.05  # seconds


def make(name: str) -> list[Path]:
    """Make a cgroup below that of this process, in each hierarchy that systemd uses.

    That is the one of version 2, and, where version 1 is in use, the one named systemd.
    """
    # proc_pid_cgroup(5): "id:controllers:path", and in mountinfo the path and where it is mounted
    paths = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _id, controllers, path = line.split(":", 2)
        paths[controllers] = path
    made = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        root, mounted = before.split()[3:5]
        kind, _source, options = after.split()[:3]
        if kind == "cgroup2":
            path = paths[""]
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            path = paths["name=systemd"]
        else:
            continue
        cgroup = Path(mounted, os.path.relpath(path, root), name)
        cgroup.mkdir(parents=True, exist_ok=True)  # mounted twice
        made.append(cgroup)
    return made


def remove(cgroup: Path) -> None:
    """Remove a cgroup with those below it, once the processes in them have ended."""
    for _ in range(_TRIES):
        folders = [path for path in (*cgroup.rglob("*"), cgroup) if path.is_dir()]
        for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
            try:
                folder.rmdir()
            except OSError:
                time.sleep(_PAUSE)
                break
        else:
            return
