"""The interface io.systemd.Resolve.Hook: what resolved asks of a hook, and how to ask one."""

import base64
import json
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns.errors import DOCTOR, Error
from dm_dns.node import dns_message, varlink
from dm_dns.node.dns_message import Record
from dm_dns.node.varlink import VarlinkError

INTERFACE: Final = "io.systemd.Resolve.Hook"
ANSWER_SECONDS: Final = 5.0
"""How long to wait for the hook: it may just be starting."""
_NUMBERS: Final = 65536
"""How many types and classes there are (RFC 1035, section 3.2)."""


class Key(NamedTuple):
    """What resolved asks for: the records of a name, of one type."""

    name: str
    kind: int
    dns_class: int


class Call(NamedTuple):
    """A call of resolved."""

    method: str
    wants_more: bool
    keys: list[Key]
    """What ResolveRecord asks for; empty for other methods."""


def parse(call: bytes) -> Call:
    """Return what a call says.

    Raises:
        ValueError: it is not a valid one.

    """
    try:
        values = json.loads(call)
        method, more = values["method"], values.get("more", False)
        keys = []
        if method == f"{INTERFACE}.ResolveRecord":
            questions = [item["key"] for item in values["parameters"]["question"]]
            keys = [Key(key["name"], key["type"], key["class"]) for key in questions]
    except (AttributeError, KeyError, RecursionError, TypeError) as error:
        raise ValueError(f"not a call: {error!r}") from None
    numbers = [number for key in keys for number in key[1:]]
    is_valid = (
        isinstance(method, str)
        and all(isinstance(key.name, str) for key in keys)
        and all(isinstance(number, int) and 0 <= number < _NUMBERS for number in numbers)
        and bool(keys) == (method == f"{INTERFACE}.ResolveRecord")
    )
    if not is_valid:
        raise ValueError("not a call")
    return Call(method, more is True, keys)


def txt(path: Path, name: str, *, seconds: float = ANSWER_SECONDS) -> str | None:
    """Return the strings of the TXT record at ``name`` as the hook at ``path`` answers resolved.

    They are joined by spaces; None if there is no such record. The hook has ``seconds``.

    Raises:
        PermissionError: this user may not ask.
        Error: the hook does not answer.

    """
    return dns_message.first_txt(records(path, name, dns_message.TXT, seconds=seconds))


def records(path: Path, name: str, kind: int, *, seconds: float = ANSWER_SECONDS) -> list[Record]:
    """Return the records of a type at ``name`` as the hook at ``path`` answers resolved.

    Raises:
        PermissionError: this user may not ask.
        Error: the hook does not answer.

    """
    return _resolve(path, name, kind, seconds)[1]


def passes_on(path: Path, name: str, *, seconds: float = ANSWER_SECONDS) -> bool:
    """Tell whether the hook at ``path`` leaves ``name`` to resolved's other sources.

    Raises:
        PermissionError: this user may not ask.
        Error: the hook does not answer.

    """
    return _resolve(path, name, dns_message.A, seconds)[0]


def check_short_names(path: Path, *, seconds: float = ANSWER_SECONDS) -> None:
    """Check that the hook for short names at ``path`` answers resolved.

    Raises:
        PermissionError: this user may not ask.
        Error: the hook does not answer.

    """
    # It passes this one on, without asking unbound.
    _resolve(path, "localhost", dns_message.A, seconds)


def _resolve(path: Path, name: str, kind: int, seconds: float) -> tuple[bool, list[Record]]:
    """Return whether the hook passes a lookup on, and what it answers."""
    key = {"name": name, "type": kind, "class": dns_message.IN}
    parameters = {"question": [{"key": key}]}
    try:
        reply = varlink.call(path, f"{INTERFACE}.ResolveRecord", parameters, seconds=seconds)
        answer = [base64.b64decode(record["raw"]) for record in reply.get("answer") or []]
    except PermissionError:
        raise
    except FileNotFoundError:
        raise Error(
            f"systemd-resolved's hook {path} does not exist: dm-dns-hook.service has failed, or was"
            f" stopped, and systemd-resolved does without it{DOCTOR}"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, VarlinkError) as error:
        raise Error(f"systemd-resolved's hook {path} does not answer: {error}{DOCTOR}") from None
    return "rcode" not in reply, [dns_message.parse_record(record) for record in answer]
