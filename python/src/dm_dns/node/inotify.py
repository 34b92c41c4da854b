"""Waiting for changes with the kernel's inotify(7), which Python's standard library lacks."""

import ctypes
import errno
import os
import select
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from socket import socket
from types import MappingProxyType
from typing import Final, NamedTuple

from dm_dns import files

_IN_ATTRIB: Final = 0x4
_IN_CLOSE_WRITE: Final = 0x8
_IN_MOVED_FROM: Final = 0x40
_IN_MOVED_TO: Final = 0x80
_IN_CREATE: Final = 0x100
_IN_DELETE: Final = 0x200
_IN_ONLYDIR: Final = 0x1000000
# Without IN_MODIFY: a file that is being written is not complete before it is closed.
_EVENTS: Final = (
    _IN_ATTRIB
    | _IN_CLOSE_WRITE
    | _IN_MOVED_FROM
    | _IN_MOVED_TO
    | _IN_CREATE
    | _IN_DELETE
    | _IN_ONLYDIR
)
# The parent has an event when such a folder appears, or may be read.
_TOLD_BY_PARENT: Final = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP)
_MAX_LINKS: Final = 40
"""Symbolic links on the way to a file, as for the kernel (path_resolution(7))."""
_READ_BYTES: Final = 65536
_POLL_SECONDS: Final = 1.0


class Listener(NamedTuple):
    """What to make of what a socket tells."""

    does_matter: Callable[[bytes], bool]
    """Tells whether a datagram matters."""
    pause: float = 0.0
    """For how many seconds the socket is not read again. If that is too long for what it is told
    meanwhile, the kernel drops that, and says so, which matters (netlink(7), ENOBUFS): much costs
    as little as that."""


def folders_to(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield each folder in which a change may put another file in the place of one of these.

    These are all folders on the way to the files, those behind symbolic links as well. Parents come
    before children, and no folder is looked into before it is yielded: who watches it immediately
    misses no change.
    """
    seen = set()
    for path in paths:
        for folder in _folders_to(path):
            if folder not in seen and not folder.is_relative_to(files.STORE):
                seen.add(folder)
                yield folder


def _folders_to(path: Path) -> Iterator[Path]:
    folder, links = Path("/"), 0
    names = list(reversed(path.absolute().parts[1:]))
    while names and links <= _MAX_LINKS:
        yield folder
        name = names.pop()
        try:
            target = (folder / name).readlink()
        except OSError:  # such as where it is not a link, or does not exist
            folder = folder.parent if name == ".." else folder / name
            continue
        links += 1
        names += reversed(target.parts)
        if target.is_absolute():
            folder = Path(names.pop())


class Notifier:
    """Tells when something may have changed: a file in a watched folder, a folder, or a mount.

    If the kernel does not provide inotify, or not for all folders, `wait` returns every second.
    """

    def __init__(
        self,
        report: Callable[[str], None],
        others: Mapping[socket, Listener] = MappingProxyType({}),
    ) -> None:
        """Watch mounts, and no folder yet.

        Args:
            report: takes a line if inotify is not available.
            others: do not block, and can be read from when something else has changed. Others may
                follow, and these may be removed.

        """
        self._report = report
        self._others = others
        self._paused: dict[socket, float] = {}
        """Those that are not read yet, with the time when they are, by time.monotonic()."""
        # A file system that is mounted over a folder causes no event of inotify (proc(5)).
        self._mounts = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        self._file = -1
        self._polls = False
        try:
            # The C library of this process.
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._file = _checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        except (OSError, AttributeError) as error:
            self._poll(str(error))

    def watch(self, folders: Iterable[Path]) -> None:
        """Watch these folders too, if they exist; parents must come before children.

        `wait` returns for what happens in them from now on. This must be called again after each
        event, for folders that have appeared since then.
        """
        if self._file < 0:
            return
        for folder in folders:
            try:
                _checked(self._libc.inotify_add_watch(self._file, os.fsencode(folder), _EVENTS))
            except OSError as error:
                if error.errno not in _TOLD_BY_PARENT:
                    self._poll(f"{folder}: {error.strerror}")

    def wait(self, seconds: float) -> None:
        """Return when something may have changed since the last call, at the latest in seconds."""
        if self._polls:
            seconds = min(seconds, _POLL_SECONDS)
        end = time.monotonic() + max(0, seconds)
        while not self._has_happened(end - time.monotonic()) and time.monotonic() < end:
            pass

    def _has_happened(self, seconds: float) -> bool:
        """Wait for something, and tell whether it matters."""
        now = time.monotonic()
        self._paused = {other: until for other, until in self._paused.items() if until > now}
        seconds = min([seconds, *(until - now for until in self._paused.values())])
        poll = select.poll()
        poll.register(self._mounts, select.POLLPRI)
        if self._file >= 0:
            poll.register(self._file, select.POLLIN)
        for other in self._others.keys() - self._paused.keys():
            poll.register(other, select.POLLIN)
        happened = poll.poll(None if seconds == float("inf") else max(0, seconds) * 1000)
        files = {file for file, _event in happened}
        if self._file in files:
            _read_all(self._file)
        if self._mounts in files:
            os.lseek(self._mounts, 0, os.SEEK_SET)
            _read_all(self._mounts)  # the kernel counts the change as known then
        matters = bool(files & {self._file, self._mounts})
        for other, listener in self._others.items():
            if other.fileno() in files:
                matters = _read_datagrams(other, listener.does_matter) or matters
                self._paused[other] = time.monotonic() + listener.pause
        return matters

    def _poll(self, reason: str) -> None:
        if not self._polls:
            self._report(
                f"inotify is unavailable ({reason}); polling every {_POLL_SECONDS:g} s instead."
                " See inotify(7) for fs.inotify.max_user_watches."
            )
        self._polls = True


def _read_all(file: int) -> None:
    try:
        while os.read(file, _READ_BYTES):
            pass
    except OSError:
        pass  # no event is left


def _read_datagrams(opened: socket, does_matter: Callable[[bytes], bool]) -> bool:
    """Read all datagrams, and tell whether one of them matters."""
    matters = False
    while True:
        try:
            matters = does_matter(opened.recv(_READ_BYTES)) or matters
        except BlockingIOError:
            return matters
        except OSError as error:
            matters = True
            if error.errno != errno.ENOBUFS:
                return True
            # There were too many, and the kernel has dropped some (netlink(7)). It says so once,
            # and drops more without a word until the others are read (netlink_overrun in
            # net/netlink/af_netlink.c).


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
