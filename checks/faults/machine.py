"""The machine on which `dm-dns apply` is disturbed, and what must hold on it."""

import hashlib
import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import dns.exception
from dm_dns.errors import Error
from dm_dns.zone import conf
from dm_dns.zone.zonefile import FirstLine

from checks.faults.situations import DEPLOYED, DOMAIN, NAMES, Situation, address, zone_conf
from checks.faults.tracing import KILL, Ended, Fault, Subject
from checks.processes.control import control
from checks.processes.plain_machine import PlainMachine, replace

_SETTLED: Final = {f"{DOMAIN}.zone", "kept.conf", "keys.json", "lock"}
"""The files of the state directory when nothing is under way."""

_INTERNAL: Final = re.compile("Traceback|Exception ignored|Fatal Python error|MemoryError")
"""What no user must be shown."""


_NAMED: Final = re.compile("/|unbound|standard output|waiting for changes|memory")
"""A message has one of these: it says what failed."""


class DisturbedMachine(PlainMachine):
    """A machine with an unbound that runs, on which one run at a time is disturbed."""

    def __init__(self, prelude: str = "") -> None:
        """Start it; it serves the zone that it was deployed with.

        Args:
            prelude: code that runs before dm-dns, to break it.

        """
        super().__init__(domain=DOMAIN, has_local_view=True)
        try:
            config = json.loads(self.config.read_text())
            self.config.write_text(json.dumps(config | {"keys": ["key 0"]}))
            self.deployed.write_text(zone_conf(DEPLOYED))
            self.unbound.start()
            self._control = self._stack.enter_context(control(self))
            self._control.answer = self._answer
            self._is_deaf = False
            self._subject = self._stack.enter_context(
                Subject(self.directory, self._environment(), prelude)
            )
            self._serial = DEPLOYED
            self._run()
        except BaseException:
            self.close()
            raise

    def undisturbed(self, situation: Situation) -> Ended:
        """Return how a run ends that meets no fault."""
        self._prepare(situation)
        return self._run(is_traced=True)

    def disturb(self, situation: Situation, fault: Fault) -> tuple[Ended, list[str]]:
        """Return how a run ends that meets the fault, and what was wrong then and afterwards."""
        new = self._prepare(situation)
        has_state = self.state.exists()
        ended = self._run(fault)
        wrong = [*end_wrong(ended, fault, expected={0, 1})]
        # Without a kept copy only the deployed one is left while the mesh copy cannot be read.
        allowed = {new - 1, situation.serial(new)} | (set() if has_state else {DEPLOYED})
        wrong += self._answers_wrong(allowed)
        wrong += [f"then: {each}" for each in self._heal_wrong(situation, new)]
        return ended, wrong

    def _prepare(self, situation: Situation) -> int:
        """Serve a new zone and then make the change; return the serial that it may have used."""
        self._is_deaf = False
        self._serial += 1
        replace(self.mesh_file, zone_conf(self._serial))
        self._run()
        self._serial += 1
        situation.change(self, self._serial)
        self._is_deaf = situation.is_deaf
        return self._serial

    def _run(self, fault: Fault | None = None, *, is_traced: bool = False) -> Ended:
        _python, _m, _package, *arguments = self.apply_command()
        return self._subject.run(arguments, fault=fault, is_traced=is_traced)

    def _answer(self, _command: str, pass_on: Callable[[], bytes]) -> bytes:
        return b"ok\n" if self._is_deaf else pass_on()

    def _answers_wrong(self, allowed: set[int]) -> Iterator[str]:
        """Yield what is wrong with what is served, and with what would be after a boot."""
        try:
            status, found = self._served()
        except (OSError, dns.exception.DNSException, IndexError) as error:
            yield f"unbound does not answer: {error!r}"
            return
        match = re.search(r"serial=(\d+)", status)
        serial = int(match[1]) if match else 0
        if serial not in allowed:
            yield f"serial {serial} is served, and not one of {sorted(allowed)}"
        if any(known != {address(serial)} for known in found.values()):
            yield f"serial {serial} is served with {found}"
        yield from _files_wrong(self.state / f"{DOMAIN}.zone", self.state / "kept.conf")

    def _served(self) -> tuple[str, dict[str, set[str]]]:
        """Return the status of what unbound serves, and the addresses of all names.

        Raises:
            OSError, dns.exception.DNSException, IndexError: it does not answer all of them.

        """
        while True:
            status = self._status()
            found = {
                name: {record.to_text() for record in self.unbound.ask(name, "AAAA").answer[-1]}
                for name in NAMES
            }
            # A run that was killed may have told unbound to load another zone.
            if self._status() == status:
                return status, found

    def _status(self) -> str:
        return str(self.unbound.ask(f"_dm-dns.{DOMAIN}", "TXT").answer)

    def _heal_wrong(self, situation: Situation, new: int) -> Iterator[str]:
        """Yield what is wrong after one more run, which meets no fault."""
        self._is_deaf = False
        ended = self._run()
        if ended.status != situation.status or (ended.status == 0 and ended.stderr):
            yield f"the next run ends with {ended.status}: {ended.stderr}"
        serial = situation.serial(new)
        yield from self._answers_wrong({serial})
        first = (self.state / f"{DOMAIN}.zone").read_text().partition("\n")[0]
        if FirstLine.parse(first).field("source") != situation.source:
            yield f"the source is not {situation.source}: {first}"
        if (names := {path.name for path in self.state.iterdir() if path.is_file()}) != _SETTLED:
            yield f"the state directory has {sorted(names)}"
        if situation.source == "mesh" and not (self.state / f"history/{serial}.conf").exists():
            yield "the history lacks what is served"
        again = self._run()
        if situation.status == 0 and not again.stdout.endswith(", unchanged\n"):
            yield f"a second run has something left to do: {again.stdout}{again.stderr}"


def end_wrong(ended: Ended, fault: Fault, expected: set[int]) -> Iterator[str]:
    """Yield what is wrong with how a run ended, which is to be with one of these statuses."""
    if not ended.met_fault:
        return
    if ended.status not in ({-signal.SIGKILL} if fault.kind == KILL else expected):
        yield f"it ended with {ended.status}: {ended.stderr}"
    if _INTERNAL.search(ended.stderr):
        yield f"it printed {ended.stderr}"
    # What cannot be written cannot be told.
    is_mute = re.search(r"^write\([12],.*INJECTED", ended.trace, re.MULTILINE)
    first = ended.stderr.partition("\n")[0]
    if ended.status == 1 and not is_mute and not _NAMED.search(first):
        yield f"the message does not say what failed: {ended.stderr!r}"


def _files_wrong(zonefile: Path, kept: Path) -> Iterator[str]:
    """Yield what is wrong with the files that unbound and the next run read."""
    if zonefile.exists():
        first, _, rest = zonefile.read_text().partition("\n")
        body = rest[: max(0, rest.rfind("_dm-dns."))]
        if f" file={hashlib.sha256(body.encode()).hexdigest()}" not in first:
            yield "the zone file is not whole"
    if kept.exists():
        try:
            conf.read(kept, DOMAIN)
        except (Error, OSError) as error:
            yield f"the kept copy is not whole: {error}"
