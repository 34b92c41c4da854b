"""Telling systemd what a service does (sd_notify(3))."""

import os
import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

READY: Final = "READY=1"
"""It has started."""
VARIABLE: Final = "NOTIFY_SOCKET"
"""What systemd sets for a service that may tell something."""
_STORED: Final = "connection"
"""What systemd calls the sockets that it keeps."""
_MAX_DESCRIPTORS: Final = 253
"""In one message: the kernel's SCM_MAX_FD (unix(7))."""
_SECONDS: Final = 1.0
"""How long to wait for systemd. It is busy for less, and a service that ends must not wait long."""


def notify(message: str, descriptors: Sequence[int] = ()) -> None:
    """Tell systemd something, with open files, if it started this process and listens."""
    path = os.environ.get(VARIABLE)
    if path is None:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(_SECONDS)
        listener.connect("\0" + path[1:] if path.startswith("@") else path)
        socket.send_fds(listener, [message.encode()], descriptors)


def store(sockets: Sequence[socket.socket]) -> None:
    """Have systemd keep sockets for the next process of the service, while that restarts.

    The unit's FileDescriptorStoreMax= says how many (systemd.service(5)). What systemd does not
    take is closed with this process.
    """
    with suppress(OSError):
        for start in range(0, len(sockets), _MAX_DESCRIPTORS):
            some = [each.fileno() for each in sockets[start : start + _MAX_DESCRIPTORS]]
            notify(f"FDSTORE=1\nFDNAME={_STORED}", some)
        _wait()


def clear_store() -> None:
    """Have systemd close what it kept: this process has its own copies."""
    with suppress(OSError):
        notify(f"FDSTOREREMOVE=1\nFDNAME={_STORED}")


def _wait() -> None:
    """Wait until systemd has read what it was told (sd_notify_barrier(3)).

    systemd finds the service by the process that has sent a message, so that must not end before.
    Once it has read all earlier messages, it closes the file that comes with this one.
    """
    mine, systemds = os.pipe()
    try:
        try:
            notify("BARRIER=1", [systemds])
        finally:
            os.close(systemds)
        closed = select.poll()
        closed.register(mine, 0)
        closed.poll(_SECONDS * 1000)
    finally:
        os.close(mine)
