"""Continuous queries to all machines while an answer changes."""

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import dns.message

from checks.demo.ask import ANSWER_SECONDS, MachineAnswer, read, wait_for
from checks.demo.example_clan import Record
from checks.processes.plain_machine import PlainMachine

_PAUSE: Final = 0.002  # seconds from an answer to the next query
_LONGEST_ANSWER: Final = 4096  # bytes


@dataclass
class Transition:
    """How one machine comes from an old answer to a new one. Times are of `time.monotonic`."""

    node: PlainMachine
    old: frozenset[Record]
    new: frozenset[Record]
    arrived: float | None = None
    """When the mesh file was seen to be another one."""
    answered: float | None = None
    """When the first new answer came."""
    asked: int = 0
    wrong: list[MachineAnswer] = field(default_factory=list)
    """Answers that are neither the old nor the new one, or the old one after the new one."""

    def note(self, answer: MachineAnswer, now: float) -> None:
        """Take in an answer that came just ``now``."""
        self.asked += 1
        records = answer.records if answer.rcode == "NOERROR" else None
        if records == self.new:
            self.answered = self.answered or now
        elif self.answered or records != self.old:
            self.wrong.append(answer)


class Watch:
    """Asks all machines for a name's AAAA records, continuously, and notes when they change."""

    def __init__(
        self,
        nodes: Sequence[PlainMachine],
        name: str,
        *,
        old: frozenset[Record],
        new: frozenset[Record],
    ) -> None:
        """Prepare; nothing is asked yet."""
        self._question = dns.message.make_query(name, "AAAA").to_wire()[2:]
        # Of one kind: of two queries, one would sometimes get an old and one a new answer.
        old, new = (frozenset(r for r in records if r.kind != "A") for records in (old, new))
        self.changes = [Transition(node, old, new) for node in nodes]
        self._stopping = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask from here on; at the end, first wait until every machine has the new answer."""
        threads = [threading.Thread(target=self._ask, args=(change,)) for change in self.changes]
        for thread in threads:
            thread.start()
        try:
            yield
            wait_for(lambda: all(change.answered for change in self.changes))
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def _ask(self, change: Transition) -> None:
        before = _version(change.node)
        known: dict[bytes, MachineAnswer] = {}  # all that has been read: there are only a few
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.settimeout(ANSWER_SECONDS)
            server.connect((change.node.unbound.address, change.node.unbound.port))
            while not self._stopping.wait(_PAUSE):
                if change.arrived is None and _version(change.node) != before:
                    change.arrived = time.monotonic()
                change.note(self._query(server, known), time.monotonic())

    def _query(self, server: socket.socket, known: dict[bytes, MachineAnswer]) -> MachineAnswer:
        query_id = os.urandom(2)
        try:
            server.send(query_id + self._question)
            while (wire := server.recv(_LONGEST_ANSWER))[:2] != query_id:
                pass  # the answer to a query that counted as lost
        except OSError as error:
            return MachineAnswer(f"no answer ({error})", frozenset(), ANSWER_SECONDS)
        answer = known.get(wire[2:])
        if answer is None:
            answer = known[wire[2:]] = read(dns.message.from_wire(wire))
        return answer


def _version(node: PlainMachine) -> tuple[int, int] | None:
    try:
        status = node.mesh_file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
