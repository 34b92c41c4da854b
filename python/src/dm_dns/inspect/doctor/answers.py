"""What others answer for a name: unbound, the hook, systemd-resolved, and the C library."""

import os
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, NamedTuple, TypeVar

from dm_dns.errors import Error
from dm_dns.inspect.doctor.files import Written
from dm_dns.node import dns_message, hook_calls, resolved
from dm_dns.node.dns_message import MessageError
from dm_dns.node.unbound import Unbound, datagrams
from dm_dns.node.varlink import VarlinkError
from dm_dns.zone import conf

_T = TypeVar("_T")

SECONDS: Final = 0.8
"""How long each has to answer."""

_FAMILIES: Final = {dns_message.A: socket.AF_INET, dns_message.AAAA: socket.AF_INET6}


class Answer(NamedTuple):
    """The addresses of a name, as somebody answers."""

    addresses: frozenset[str]
    problem: str | None = None
    """Why there are none."""
    is_unknown: bool = False
    """Whether that is because nobody has the name."""

    def __str__(self) -> str:
        """Return the answer for people."""
        return " ".join(conf.in_order(self.addresses)) or self.problem or "no address"


def of_server(
    unbound: Unbound, name: str, kind: int, *, is_recursive: bool = False
) -> dns_message.Response:
    """Return the response of unbound, or of another server in its place.

    Raises:
        OSError: nothing, in time.
        MessageError: what is not a DNS message.

    """
    query_id = os.urandom(2)
    number = int.from_bytes(query_id, "big")
    query = dns_message.query(number, name, kind, is_recursive=is_recursive)
    with datagrams(*unbound.endpoint) as server:
        server.settimeout(SECONDS)
        server.send(query)
        while (answer := server.recv(65535))[:2] != query_id:
            pass
    return dns_message.parse(answer)


def expected(written: Written) -> str | None:
    """Return the text of the record that says what is served; None: nothing is."""
    return written.state.served.status if written.state and written.state.served else None


def of_unbound(unbound: Unbound, name: str) -> Answer:
    """Return the addresses of a name as unbound answers."""
    try:
        responses = [(kind, of_server(unbound, name, kind)) for kind in _FAMILIES]
    except (OSError, MessageError) as error:
        return Answer(frozenset(), str(error))
    rcodes = {response.rcode for _kind, response in responses}
    if dns_message.NXDOMAIN in rcodes:
        return Answer(frozenset(), "NXDOMAIN")
    found = [(kind, record) for kind, each in responses for record in each.answer]
    return Answer(_addresses((record.kind, record.data) for kind, record in found))


def of_hook(path: Path, name: str) -> Answer | None:
    """Return the addresses of a name as the hook answers; None: this user may not ask."""
    try:
        found = [
            record
            for kind in _FAMILIES
            for record in hook_calls.records(path, name, kind, seconds=SECONDS)
        ]
    except PermissionError:
        return None
    except (Error, MessageError) as error:
        return Answer(frozenset(), str(error))
    return Answer(_addresses((record.kind, record.data) for record in found))


def _addresses(records: Iterable[tuple[int, bytes]]) -> frozenset[str]:
    found = set()
    for kind, data in records:
        with suppress(ValueError, OSError):
            if kind in _FAMILIES:
                found.add(socket.inet_ntop(_FAMILIES[kind], data))
    return frozenset(found)


def of_resolved(path: Path | None, name: str) -> Answer:
    """Return the addresses of a name as systemd-resolved answers."""
    if path is None:
        return Answer(frozenset(), "its socket is not known")
    try:
        return Answer(resolved.addresses(path, name, seconds=SECONDS))
    except VarlinkError as error:
        return Answer(frozenset(), error.name.rpartition(".")[2])
    except Error as error:
        return Answer(frozenset(), str(error))


def of_programs(name: str) -> Answer:
    """Return the addresses of a name as programs get them: from getaddrinfo(3)."""
    late = Answer(frozenset(), f"no answer within {SECONDS:g} s")
    return _in_time(lambda: _getaddrinfo(name), late)


def _getaddrinfo(name: str) -> Answer:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        is_unknown = isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME
        reason = getattr(error, "strerror", None) or str(error)
        return Answer(frozenset(), reason, is_unknown=is_unknown)
    return Answer(frozenset(str(each[4][0]).partition("%")[0] for each in found))


def name_of(address: str) -> str | None:
    """Return the name of an address as programs get it: from getnameinfo(3); None: it has none."""
    return _in_time(lambda: _getnameinfo(address), None)


def _getnameinfo(address: str) -> str | None:
    try:
        return socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0]
    except OSError:
        return None


def _in_time(work: Callable[[], _T], late: _T) -> _T:
    """Return what the C library finds; `late` if it takes too long."""
    answers: SimpleQueue[_T] = SimpleQueue()
    # It cannot be stopped, and Python waits for the end of a thread that is not a daemon.
    Thread(target=lambda: answers.put(work()), daemon=True).start()
    try:
        return answers.get(timeout=SECONDS)
    except Empty:
        return late
