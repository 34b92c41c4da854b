"""Calls of Varlink (https://varlink.org) services, such as systemd-resolved's."""

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

END: Final = b"\0"
"""Ends each message."""
_MAX_REPLY: Final = 2**20
"""Bytes: a name with 2000 addresses has 100,000."""


class VarlinkError(Exception):
    """A service answers with an error."""

    def __init__(self, name: str) -> None:
        """Take the error's full name, such as io.systemd.Resolve.NoNameServers."""
        super().__init__(name)
        self.name = name


def call(
    path: Path, method: str, parameters: Mapping[str, object], *, seconds: float
) -> dict[str, Any]:
    """Call a method of the service that listens at ``path``, and return the reply's parameters.

    Raises:
        VarlinkError: the service answers with an error.
        OSError: it does not answer in that time, or this user may not ask.
        ValueError: what it answers is not a reply.

    """
    received = b""
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(seconds)
        stream.connect(str(path))
        stream.sendall(json.dumps({"method": method, "parameters": parameters}).encode() + END)
        while not received.endswith(END):
            stream.settimeout(max(0.001, deadline - time.monotonic()))
            data = stream.recv(65536)
            if not data:
                raise ConnectionResetError("it has closed the connection")
            received += data
            if len(received) > _MAX_REPLY:
                raise ValueError("its answer is too long")
    try:
        reply = json.loads(received[:-1])
        values = reply.get("parameters") or {}
        error = reply.get("error")
    except (AttributeError, RecursionError):
        raise ValueError("its answer is not a reply") from None
    if error is not None:
        raise VarlinkError(str(error))
    if not isinstance(values, dict):
        raise ValueError("its answer is not a reply")  # noqa: TRY004 - as above
    return values
