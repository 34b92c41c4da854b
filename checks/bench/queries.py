"""A client that goes on asking while a zone is loaded."""

import select
import socket
import threading
import time
from types import TracebackType
from typing import Final, NamedTuple, Self

import dns.message

PER_SECOND: Final = 500
_PATIENCE: Final = 5.0  # seconds; a stub resolver gives up by then
_RCODE: Final = 0x0F  # of the header's fourth octet (RFC 1035, section 4.1.1)


class Answers(NamedTuple):
    """What the client saw."""

    slowest: float
    """Seconds that the slowest answer took."""
    lost: int
    """Queries without answer, or with an error for one."""


class Client:
    """Asks for one name at a steady rate, in a thread, for as long as the context lasts."""

    def __init__(self, address: str, port: int, name: str) -> None:
        """Prepare to ask the server there for the addresses of ``name``."""
        self._server = (address, port)
        self._query = dns.message.make_query(name, "AAAA").to_wire()[2:]
        self._thread = threading.Thread(target=self._ask)
        self._stopped = threading.Event()
        self._slowest = 0.0
        self._errors = 0
        self._pending: dict[bytes, float] = {}

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Send no more queries, and wait for the answers that are due."""
        self._stopped.set()
        self._thread.join()

    def answers(self) -> Answers:
        """Return what it saw; to be called after the context has ended."""
        return Answers(self._slowest, len(self._pending) + self._errors)

    def _ask(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.connect(self._server)
            due = time.monotonic()
            number = 0
            while not self._stopped.is_set():
                if not self._receive(server, due):
                    query_id = (number % 2**16).to_bytes(2, "big")
                    number += 1
                    self._pending[query_id] = time.monotonic()
                    server.send(query_id + self._query)
                    due += 1 / PER_SECOND
            until = time.monotonic() + _PATIENCE
            while self._pending and self._receive(server, until):
                pass

    def _receive(self, server: socket.socket, until: float) -> bool:
        """Take one answer if one comes until then; tell whether one came."""
        left = max(0.0, until - time.monotonic())
        if not select.select([server], [], [], left)[0]:
            return False
        answer = server.recv(4096)
        self._slowest = max(self._slowest, time.monotonic() - self._pending.pop(answer[:2]))
        self._errors += bool(answer[3] & _RCODE)
        return True
