"""unbound: have it load the zone file, and ask it what it serves.

Both use sockets instead of unbound-control and dig: starting a program takes longer than serving a
change.
"""

import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns.errors import DOCTOR, Error
from dm_dns.node import dns_message
from dm_dns.node.dns_message import MessageError

# unbound-control(8) speaks this over a unix socket: one line with the protocol's version and the
# command; the answer ends with the connection.
_CONTROL_PREFIX: Final = b"UBCT1 "
_LOAD_SECONDS: Final = 60  # the worst zone takes unbound 4.2 s (docs/limits.md)
_BUSY_SECONDS: Final = 10
_STARTING_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.05
_ANSWER_SECONDS: Final = 1.0
ANSWER_TRIES: Final = 5
"""How often a query is sent that nobody answers."""


class Unbound(NamedTuple):
    """A running unbound: its control socket, and where it answers queries."""

    control: Path
    address: str
    port: int
    privileged: tuple[str, int] | None = None
    """Another address and port, which only root can bind; None: there is none."""

    @property
    def endpoint(self) -> tuple[str, int]:
        """The address and port to ask: those that only root can bind, where the machine has them.

        The address is missing where IPv6 was taken from lo. Other users cannot do that.
        """
        if self.privileged:
            with suppress(OSError), datagrams(*self.privileged) as probe:
                # A machine talks to itself from the same address.
                if probe.getsockname()[0] == self.privileged[0]:
                    return self.privileged
        return self.address, self.port

    def load(self, domain: str) -> str:
        """Have unbound reload the zone file of ``domain``, and return its answer.

        Even `ok` does not prove that the zone is served: ask with `txt`.

        Raises:
            Error: unbound does not answer.

        """
        # fast_reload (unbound 1.23 and newer) delays no query. During another one, perhaps begun by
        # a run that was killed, unbound answers nothing.
        deadline = time.monotonic() + _BUSY_SECONDS
        while not (answer := self._command("fast_reload")) and time.monotonic() < deadline:
            time.sleep(_RETRY_SECONDS)
        if not answer or "unknown command" in answer:
            answer = self._command(f"auth_zone_reload {domain}.")
        return answer.strip()

    def _command(self, command: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
                control.settimeout(_LOAD_SECONDS)
                self._connect(control)
                control.sendall(_CONTROL_PREFIX + command.encode("ascii") + b"\n")
                answer = b"".join(iter(lambda: control.recv(4096), b""))
        except OSError as error:
            raise Error(
                f"unbound does not answer on its control socket {self.control}:"
                f" {error.strerror or error}{DOCTOR}"
            ) from None
        return answer.decode("utf-8", "replace")

    def _connect(self, control: socket.socket) -> None:
        """Connect, even if unbound is just starting: nothing listens on its socket yet."""
        deadline = time.monotonic() + _STARTING_SECONDS
        while True:
            try:
                control.connect(str(self.control))
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_SECONDS)
            else:
                return

    def txt(self, name: str, *, tries: int = ANSWER_TRIES) -> str | None:
        """Return the strings of the TXT record at ``name``, joined by spaces; None if it has none.

        Each of the ``tries`` waits for 1 s.

        Raises:
            Error: unbound does not answer.

        """
        query_id = os.urandom(2)
        query = dns_message.query(int.from_bytes(query_id, "big"), name, dns_message.TXT)
        try:
            answer = self._answer(query, tries)
        except OSError as error:
            raise self._silent(error.strerror or str(error)) from None
        if answer is None:
            raise self._silent("timeout")
        return _first_txt(answer)

    def _answer(self, query: bytes, tries: int) -> bytes | None:
        """Return what is answered to ``query``; None if nothing is.

        Raises:
            OSError: nothing can be sent or received.

        """
        with datagrams(*self.endpoint) as server:
            for _ in range(tries):
                with suppress(TimeoutError):
                    server.send(query)
                    deadline = time.monotonic() + _ANSWER_SECONDS
                    while (left := deadline - time.monotonic()) > 0:
                        server.settimeout(left)
                        answer = server.recv(4096)
                        if answer[:2] == query[:2]:
                            return answer
        return None

    def _silent(self, reason: str) -> Error:
        address, port = self.endpoint
        return Error(f"unbound does not answer queries on {address} port {port}: {reason}{DOCTOR}")


def datagrams(address: str, port: int) -> socket.socket:
    """Return a socket for datagrams to and from an IP address and a port.

    Raises:
        OSError: nothing can be sent there.

    """
    opened = socket.socket(_family(address), socket.SOCK_DGRAM)
    try:
        opened.connect((address, port))
    except OSError:
        opened.close()
        raise
    return opened


def stream_to(address: str) -> socket.socket:
    """Return a socket for a connection to an IP address, which is not connected yet."""
    return socket.socket(_family(address), socket.SOCK_STREAM)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _first_txt(message: bytes) -> str | None:
    try:
        return dns_message.first_txt(dns_message.parse(message).answer)
    except MessageError:
        return None  # not an answer that the zone file could give
