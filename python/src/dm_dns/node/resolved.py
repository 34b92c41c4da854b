"""systemd-resolved: ask it as programs do, at its socket for Varlink."""

import socket
from pathlib import Path
from typing import Any, Final

from dm_dns.errors import DOCTOR, Error
from dm_dns.node import dns_message, varlink
from dm_dns.node.varlink import VarlinkError

_INTERFACE: Final = "io.systemd.Resolve"
_NOT_AN_ANSWER: Final = (AttributeError, KeyError, TypeError, ValueError, OSError)
"""What reading a reply raises that is of another form."""


def txt(path: Path, name: str, *, seconds: float) -> str | None:
    """Return the strings of the TXT record at ``name``, joined by spaces; None if it has none.

    Args:
        path: the socket of systemd-resolved.
        name: of the record.
        seconds: how long to wait for the answer.

    Raises:
        Error: systemd-resolved does not answer.

    """
    try:
        found = texts(path, name, seconds=seconds)
    except VarlinkError:
        return None
    return found[0] if found else None


def texts(path: Path, name: str, *, seconds: float) -> list[str]:
    """Return the TXT records at ``name``, of each the strings joined by spaces; else as `txt`.

    Raises:
        VarlinkError: systemd-resolved answers why there are none.
        Error: it does not answer.

    """
    reply = _call(path, "ResolveRecord", seconds, name=name, type=dns_message.TXT)
    try:
        return [
            " ".join(map(str, record["rr"].get("items") or [])) for record in reply.get("rrs") or []
        ]
    except _NOT_AN_ANSWER as error:
        raise _silent(path, error) from None


def addresses(path: Path, name: str, *, seconds: float) -> frozenset[str]:
    """Return the addresses of ``name``; else as `texts`.

    Raises:
        VarlinkError: systemd-resolved answers why there are none.
        Error: it does not answer.

    """
    reply = _call(path, "ResolveHostname", seconds, name=name)
    try:
        return frozenset(
            socket.inet_ntop(each["family"], bytes(each["address"]))
            for each in reply.get("addresses") or []
        )
    except _NOT_AN_ANSWER as error:
        raise _silent(path, error) from None


def _call(path: Path, method: str, seconds: float, **parameters: object) -> dict[str, Any]:
    try:
        return varlink.call(path, f"{_INTERFACE}.{method}", parameters, seconds=seconds)
    except (OSError, ValueError) as error:
        raise _silent(path, error) from None


def _silent(path: Path, error: Exception) -> Error:
    return Error(f"systemd-resolved does not answer at {path}: {error}{DOCTOR}")
