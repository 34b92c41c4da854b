"""Loopback addresses and ports of one's own, so that any number of machines run at once.

All of 127.0.0.0/8 is this machine (Linux): a random address of it is used by nobody else, and then
no port of it is either.
"""

import errno
import secrets
import socket
from typing import Final

_TRIES: Final = 100


def free_address() -> str:
    """Return a random loopback address; never one of 127.0.0.0/16, where real servers are."""
    return ".".join(str(octet) for octet in (127, *(1 + secrets.randbelow(254) for _ in range(3))))


def free_port(address: str) -> int:
    """Return a port of ``address`` that is free for both UDP and TCP.

    Raises:
        OSError: none is.

    """
    for _ in range(_TRIES):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        ):
            stream.bind((address, 0))
            port: int = stream.getsockname()[1]
            try:
                datagrams.bind((address, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
    raise OSError(errno.EADDRINUSE, f"no free port on {address}")


def free_endpoint() -> tuple[str, int]:
    """Return a random loopback address and a free port of it."""
    address = free_address()
    return address, free_port(address)
