"""Queries to the machines."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from checks.demo.commands import DemoError
from checks.demo.example_clan import Record
from checks.processes.plain_machine import PlainMachine

ANSWER_SECONDS: Final = 2.0
"""After which a query counts as lost."""

_SERVED_SECONDS: Final = 20.0  # after which a change counts as never served
_POLL: Final = 0.01  # seconds


class MachineAnswer(NamedTuple):
    """What a machine answers for a name."""

    rcode: str
    """As DNS calls it; or `no answer`."""
    records: frozenset[Record]
    seconds: float
    """The longest that a query took."""

    @property
    def cnames(self) -> list[str]:
        """Return the targets of its aliases."""
        return [record.value for record in self.records if record.kind == "CNAME"]

    @property
    def addresses(self) -> list[str]:
        """Return its addresses."""
        return sorted(record.value for record in self.records if record.kind != "CNAME")

    def __str__(self) -> str:
        """Return it as messages show it."""
        shown = sorted(f"{owner} {kind} {value}" for owner, kind, value in self.records)
        return ", ".join([self.rcode, *shown])


def ask(node: PlainMachine, name: str) -> MachineAnswer:
    """Ask ``node`` for all addresses of ``name``: for its AAAA, then for its A records."""
    rcodes: set[str] = set()
    records: set[Record] = set()
    seconds = 0.0
    for kind in ("AAAA", "A"):
        try:
            message = node.unbound.ask(name, kind, seconds=ANSWER_SECONDS)
        except (dns.exception.DNSException, OSError) as error:
            return MachineAnswer(f"no answer ({error})", frozenset(), ANSWER_SECONDS)
        answer = read(message)
        rcodes.add(answer.rcode)
        records |= answer.records
        seconds = max(seconds, answer.seconds)
    return MachineAnswer(" and ".join(sorted(rcodes)), frozenset(records), seconds)


def read(message: dns.message.Message) -> MachineAnswer:
    """Return what is in an answer."""
    records = {
        Record(
            rrset.name.to_text(omit_final_dot=True),
            dns.rdatatype.to_text(rrset.rdtype),
            rdata.to_text().removesuffix("."),
        )
        for rrset in message.answer
        for rdata in rrset
    }
    return MachineAnswer(dns.rcode.to_text(message.rcode()), frozenset(records), message.time)


def serves(node: PlainMachine, serial: int) -> bool:
    """Tell whether ``node`` serves the zone with this serial, and has it from the mesh."""
    try:
        answer = node.unbound.ask(f"_dm-dns.{node.domain}", "TXT", seconds=ANSWER_SECONDS).answer
    except (dns.exception.DNSException, OSError):
        return False
    said = " ".join(rrset.to_text() for rrset in answer)
    return f"serial={serial} " in said and "source=mesh" in said


def recursions(node: PlainMachine) -> int:
    """Return how many queries since its start unbound could not answer itself.

    Raises:
        DemoError: unbound does not say.

    """
    try:
        lines = node.unbound.command("stats_noreset").decode().splitlines()
    except OSError as error:
        raise DemoError(f"{node.name}: unbound's control socket: {error.strerror}") from None
    counts = dict(line.split("=", 1) for line in lines)
    return int(counts["total.num.cachemiss"])


def wait_for(condition: Callable[[], bool]) -> bool:
    """Wait until ``condition`` holds; return whether it ever did."""
    deadline = time.monotonic() + _SERVED_SECONDS
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(_POLL)
    return holds
