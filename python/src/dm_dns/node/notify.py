"""Telling systemd what a service does (sd_notify(3))."""

import os
import socket
from typing import Final

READY: Final = "READY=1"
"""It has started."""
VARIABLE: Final = "NOTIFY_SOCKET"
"""What systemd sets for a service that may tell something."""


def notify(message: str) -> None:
    """Tell systemd something, if it started this process and listens."""
    path = os.environ.get(VARIABLE)
    if path is None:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.connect("\0" + path[1:] if path.startswith("@") else path)
        listener.send(message.encode())
