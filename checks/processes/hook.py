"""`dm-dns hook` as systemd starts it, and what systemd-resolved asks it."""

import base64
import fcntl
import json
import socket
import subprocess
import sys
import termios
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import dns.message
import dns.rdatatype

from checks.processes.process import end
from checks.processes.wait import until

_SECONDS: Final = 20.0
_INTERFACE: Final = "io.systemd.Resolve.Hook"
# Socket activation names the process that gets the sockets, from number 3.
_START: Final = """\
import fcntl, os, sys
program, config, *given = sys.argv[1:]
copies = [fcntl.fcntl(int(each), fcntl.F_DUPFD_CLOEXEC, 100) for each in given]
for each in given:
    os.close(int(each))
for number, copy in enumerate(copies, start=3):
    os.dup2(copy, number)
os.environ |= {"LISTEN_FDS": str(len(given)), "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-c", program, "hook", "--config", config])
"""
_PROGRAM: Final = (
    "import sys; from dm_dns import cli; from dm_dns.node import hook_lookups as lookups;"
    " assert lookups._RESTART_SECONDS; lookups._RESTART_SECONDS = {};"
    " sys.exit(cli.main(sys.argv[1:]))"
)
_HEADER: Final = bytes([0, 0, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0])
"""Of a DNS message with one answer."""

Reply = dict[str, Any]


class Connection:
    """A connection to the hook."""

    def __init__(self, path: Path) -> None:
        """Connect."""
        self.stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.stream.settimeout(_SECONDS)
        self.stream.connect(str(path))
        self._received = b""

    def send(self, method: str, parameters: object = None, **more: object) -> None:
        """Send a call."""
        call = {"method": method, "parameters": parameters or {}, **more}
        self.stream.sendall(json.dumps(call).encode() + b"\0")

    def reply(self) -> Reply:
        """Return the next reply.

        Raises:
            ConnectionError: there is none, and the hook has closed the connection.

        """
        while b"\0" not in self._received:
            data = self.stream.recv(65536)
            if not data:
                raise ConnectionError("the hook has closed the connection")
            self._received += data
        message, _, self._received = self._received.partition(b"\0")
        found: Reply = json.loads(message)
        return found

    def ask(self, name: str, *kinds: str) -> None:
        """Begin a lookup, for A and AAAA if no other types are given."""
        keys = [
            {"key": {"class": 1, "type": dns.rdatatype.from_text(kind), "name": name}}
            for kind in kinds or ("A", "AAAA")
        ]
        self.send(f"{_INTERFACE}.ResolveRecord", {"question": keys})

    def wait_until_read(self) -> None:
        """Wait until the hook has read all that was sent."""
        # What is sent and not read (tcp(7), SIOCOUTQ; a Unix socket has it as well).
        until(lambda: not any(fcntl.ioctl(self.stream, termios.TIOCOUTQ, bytes(4))), "it is read")

    def look_up(self, name: str, *kinds: str) -> Reply:
        """Return the parameters of the reply to a lookup, its records as text."""
        self.ask(name, *kinds)
        return readable(self.reply())

    def filter(self) -> Reply:
        """Return the reply that says which names the hook wants."""
        self.send(f"{_INTERFACE}.QueryFilter", more=True)
        return self.reply()


def readable(reply: Reply) -> Reply:
    """Return the parameters of a reply, its records as text, sorted."""
    parameters: Reply = reply["parameters"]
    if "answer" in parameters:
        parameters["answer"] = sorted(_texts(parameters["answer"]))
    return parameters


def _texts(answer: Iterable[dict[str, str]]) -> Iterator[str]:
    for record in answer:
        [rrset] = dns.message.from_wire(_HEADER + base64.b64decode(record["raw"])).answer
        yield rrset.to_text()


class HookProcess:
    """`dm-dns hook` on sockets that somebody else holds: a context manager."""

    def __init__(
        self,
        config: Path,
        *listeners: socket.socket,
        prefix: Sequence[str] = (),
        is_patient: bool = False,
    ) -> None:
        """Start it.

        Args:
            config: the machine's apply.json.
            listeners: the sockets for calls.
            prefix: a command that runs it.
            is_patient: whether it waits for an unbound that is away however long that takes to
                start on a busy machine; otherwise, as if unbound had been away for long.

        """
        descriptors = [listener.fileno() for listener in listeners]
        program = _PROGRAM.format(_SECONDS if is_patient else 0.0)
        arguments = [program, str(config), *map(str, descriptors)]
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", _START, *arguments],
            pass_fds=descriptors,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        end(self.process)
        if self.process.stderr:
            self.process.stderr.close()


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """Yield a socket that listens at ``path``, as systemd holds it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(socket.SOMAXCONN)
        yield listener
