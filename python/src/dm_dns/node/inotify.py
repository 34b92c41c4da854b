"""Waiting for changes in folders, with the kernel's inotify(7), which Python does not have."""

import ctypes
import errno
import os
import select
import sys
from collections.abc import Iterable
from typing import Final

_IN_ATTRIB: Final = 0x4
_IN_CLOSE_WRITE: Final = 0x8
_IN_MOVED_FROM: Final = 0x40
_IN_MOVED_TO: Final = 0x80
_IN_CREATE: Final = 0x100
_IN_DELETE: Final = 0x200
_IN_ONLYDIR: Final = 0x1000000
# Not IN_MODIFY: a file that is being written is of no use before it is closed.
_EVENTS: Final = (
    _IN_ATTRIB
    | _IN_CLOSE_WRITE
    | _IN_MOVED_FROM
    | _IN_MOVED_TO
    | _IN_CREATE
    | _IN_DELETE
    | _IN_ONLYDIR
)
# A folder that is not there yet appears in its parent, and one that may not be read changes there.
_TOLD_BY_PARENT: Final = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP)
_EVENT_BYTES: Final = 65536
_POLL_SECONDS: Final = 1.0


class Notifier:
    """Tells when something in some folders may have changed: a file, or a folder's own name.

    Where the kernel gives no inotify, or not for all folders, this says so on stderr, and that
    something may have changed every second.
    """

    def __init__(self) -> None:
        """Watch no folder yet."""
        self._file = -1
        self._polls = False
        try:
            # The C library of this process.
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._file = _checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        except (OSError, AttributeError) as error:
            self._poll(str(error))

    def watch(self, folders: Iterable[str]) -> None:
        """Watch also these folders, as far as they are there; parents must come before children.

        What happens in them after this is told by `wait`. It must be called again after each event,
        for folders that have appeared since; those that are watched already stay so.
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
        """Return when something may have changed since the last call, or after so many seconds."""
        if self._polls:
            seconds = min(seconds, _POLL_SECONDS)
        poll = select.poll()
        if self._file >= 0:
            poll.register(self._file, select.POLLIN)
        poll.poll(None if seconds == float("inf") else max(0, seconds) * 1000)
        try:
            while os.read(self._file, _EVENT_BYTES):
                pass
        except OSError:
            pass  # nothing is left

    def _poll(self, reason: str) -> None:
        if not self._polls:
            print(
                f"dm-dns: no notice of changes from the kernel ({reason}), looking every"
                f" {_POLL_SECONDS:g} s instead; see inotify(7) for fs.inotify.max_user_watches",
                file=sys.stderr,
                flush=True,
            )
        self._polls = True


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
