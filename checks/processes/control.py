"""A control socket in front of unbound's, so that a test can come between."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from checks.processes.plain_machine import PlainMachine


def configure(machine: PlainMachine, **unbound: object) -> None:
    """Change the section unbound of apply.json."""
    config = json.loads(machine.config.read_text())
    config["unbound"] |= unbound
    machine.config.write_text(json.dumps(config))


class Control(socketserver.ThreadingUnixStreamServer):
    """A control socket in front of unbound's, which notes the commands.

    It is the one that apply uses from then on. ``answer`` gets each command and the function that
    passes it on and returns unbound's answer; by default it just does that.
    """

    daemon_threads = True

    def __init__(self, machine: PlainMachine) -> None:
        """Listen; `serve_forever` answers."""
        self.commands: list[str] = []
        self.answer: Callable[[str, Callable[[], bytes]], bytes] = lambda _, pass_on: pass_on()
        self.real = machine.unbound
        path = machine.directory / "control"
        super().__init__(str(path), _Handler)
        configure(machine, control=str(path))


class _Handler(socketserver.StreamRequestHandler):
    server: Control

    def handle(self) -> None:
        line = self.rfile.readline()
        command = line.removeprefix(b"UBCT1 ").decode().strip()
        self.server.commands.append(command)
        answer = self.server.answer(command, lambda: self.server.real.command(command))
        with suppress(BrokenPipeError, ConnectionResetError):  # who asked may have been killed
            self.wfile.write(answer)


@contextmanager
def control(machine: PlainMachine) -> Iterator[Control]:
    """Put a control socket in front of the machine's, for as long as the context lasts."""
    with Control(machine) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
