"""`dm-dns push --automatic`: what the unit dm-dns-push does, for which nobody watches.

The unit runs when the machine has booted, after each switch, and whenever the mesh's copy changes.
Several machines do this at the same time, some with an outdated deployment: all must end with the
newest zone, and a zone that was withdrawn must stay away. So, unlike `dm-dns push`,

- where the mesh has a newer zone, there is nothing to do;
- where it has none, a newer one may be on its way, and is waited for;
- each deployed zone is pushed once in a boot where the mesh has none. If it is gone later, somebody
  has withdrawn it.
"""

import argparse
import hashlib
import math
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.errors import Error, TransientError
from dm_dns.node.copies import Input
from dm_dns.push import data_mesher, history, plan
from dm_dns.push.destination import Copy
from dm_dns.zone import conf

_POLL: Final = 0.5  # seconds, as all below
_HALF_WRITTEN: Final = 5.0
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 300.0
_FIRST_SILENCE: Final = 60.0
_LONGEST_SILENCE: Final = 3600.0

_EXCHANGES: Final = 2  # with peers, after which each has heard of what the other has

_UNITS: Final = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an automatic push is told, besides what any push is."""

    domain: str
    url: str
    mesh_file: Path
    state: Path
    """A folder that is empty after each boot."""
    interval: float
    """Seconds between two exchanges of data-mesher with a peer."""
    history: Path
    """The folder of the zones that the mesh has had."""

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Settings":
        """Return the settings among the parsed arguments."""
        return cls(**{field.name: getattr(args, field.name) for field in fields(cls)})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that only the unit gives."""
    group = parser.add_argument_group("for the unit dm-dns-push")
    group.add_argument(
        "--automatic",
        action="store_true",
        help="push if that is for the best: an outdated zone is nothing to do, and data-mesher is"
        " waited for as long as it takes",
    )
    group.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        default=Path("/run/dm-dns-push"),
        help="what was done since the machine booted (%(default)s)",
    )
    group.add_argument(
        "--interval",
        metavar="DURATION",
        type=_duration,
        default="30s",
        help="data-mesher's push_pull_interval (%(default)s)",
    )


def check_usage(args: argparse.Namespace) -> None:
    """Stop where ``--automatic`` comes with what it cannot be used with."""
    others = {
        "--flake": args.flake,
        "--via": args.via,
        "--force": args.force,
        "--dry-run": args.dry_run,
        "--delete": args.delete,
        "--rollback": args.rollback is not None,
    }
    if args.automatic and (given := [option for option, value in others.items() if value]):
        args.misuse(f"--automatic goes without {given[0]}")


def run(zone_conf: Path, settings: Settings, send: Callable[[], str]) -> None:
    """Push the zone if it is newer than the mesh's, once that can be told and done.

    Prints what was done, and nothing if there was nothing to do, as at the run before.

    Args:
        zone_conf: the zone that this machine was deployed with.
        settings: of the unit.
        send: pushes the zone, and returns a line that says so.

    Raises:
        FileError: ``zone_conf`` is not one of the domain.
        Error: as ``send`` raises it, but for what heals by itself; or the mesh's copy or the
            history cannot be read.

    """
    content = zone_conf.read_bytes()
    new = conf.parse(content, settings.domain, str(zone_conf))
    _Run(content, new, settings, send).run()


class _Look(NamedTuple):
    """What a look at the mesh's copy has found."""

    copy: Input
    problem: str | None
    """Why the copy is no zone."""
    reason: str | None
    """Why there is nothing to do; None: this machine's zone is to be pushed."""


class _Run:
    def __init__(
        self,
        content: bytes,
        new: conf.Zone,
        settings: Settings,
        send: Callable[[], str],
    ) -> None:
        self._new = new
        self._settings = settings
        self._exchanges = _EXCHANGES * settings.interval
        self._send = send
        self._digest = hashlib.sha256(content).hexdigest()
        self._handled = settings.state / "handled"
        self._replaced = settings.state / "replaced"
        handled = _text(self._handled)
        self._is_first = handled is None
        self._is_new = handled != self._digest
        self._has_settled = False
        self._had_copy = False
        self._waits = _Rarely()
        self._failures = _Rarely()

    def run(self) -> None:
        pause = _FIRST_PAUSE
        while (look := self._look()).reason is None:
            try:
                if self._is_settled(look):
                    self._push(look)
            except Error as error:
                # If another machine was faster, it does not matter what went wrong here.
                if self._look().reason is not None:
                    continue
                if not isinstance(error, TransientError):
                    raise
                self._failures.print(str(error))
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        if self._is_new:
            self._handle()
            print(f"nothing to do for {self._settings.domain}: {look.reason}")

    def _look(self) -> _Look:
        copy = Input.read(str(self._settings.mesh_file))
        if copy.problem:
            raise Error(copy.problem)
        if copy.content is None:
            is_withdrawn = self._had_copy or not self._is_new
            return _Look(copy, None, "the zone was withdrawn" if is_withdrawn else self._outdated())
        self._had_copy = True
        compared = plan.make(self._new, Copy(copy.content, copy.path))
        if compared.old is None:
            reason = self._outdated()
            if copy.digest().hex() == _text(self._replaced):
                reason = f"what was replaced before is back: {compared.problem}"
            return _Look(copy, compared.problem, reason)
        return _Look(copy, None, _newer(compared, compared.old))

    def _outdated(self) -> str | None:
        """Return why a zone is not pushed with which that of the mesh cannot be compared."""
        # A zone from a clock that was wrong must not keep all others away.
        latest = time.time() + plan.DAY
        serials = history.serials(self._settings.history)
        newest = max((serial for serial in serials if serial <= latest), default=0)
        if newest <= self._new.serial:
            return None
        return (
            f"the mesh has had serial {newest}, and this machine was deployed with"
            f" {self._new.serial}, which is older"
        )

    def _is_settled(self, look: _Look) -> bool:
        """Wait for what the mesh may bring; tell whether it has brought nothing."""
        data_mesher.wait_until_answering(
            self._settings.url, seconds=math.inf, report=self._waits.print
        )
        seconds = 0.0
        if not self._has_settled and (self._is_first or look.copy.content is None):
            seconds = self._exchanges
        elif look.problem:
            seconds = _HALF_WRITTEN
        _watch(look.copy, seconds)
        self._has_settled = True
        return look.copy.is_current()

    def _push(self, look: _Look) -> None:
        done = self._send()
        if look.problem:
            print(f"the mesh's copy was no zone: {look.problem}")
        print(done, flush=True)
        self._handle()
        if look.problem:
            # A newer dm-dns may take for a zone what this one does not: two machines that replace
            # each other's would never end.
            files.replace(self._replaced, look.copy.digest().hex().encode())
        # A machine that does not know of this push yet may send an older zone. The path unit does
        # not notice that while this program runs.
        _watch(Input.read(str(self._settings.mesh_file)), self._exchanges)

    def _handle(self) -> None:
        files.replace(self._handled, self._digest.encode())
        self._is_new = False


class _Rarely:
    """Prints the first line, and then one in a while."""

    def __init__(self) -> None:
        self._next = -math.inf
        self._silence = _FIRST_SILENCE

    def print(self, line: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            print(line, file=sys.stderr, flush=True)
            self._next = now + self._silence
            self._silence = min(2 * self._silence, _LONGEST_SILENCE)


def _newer(compared: plan.Plan, old: conf.Zone) -> str | None:
    """Return why the zone ``old`` of the mesh is not replaced."""
    if not compared.sends:
        return compared.agreement(old)
    if old.serial > compared.new.serial:
        return (
            f"the mesh has serial {old.serial}, and this machine was deployed with"
            f" {compared.new.serial}, which is older"
        )
    return None


def _watch(file: Input, seconds: float) -> None:
    """Wait until the file changes, or the seconds are over."""
    end = time.monotonic() + seconds
    while file.is_current() and (left := end - time.monotonic()) > 0:
        time.sleep(min(_POLL, left))


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _duration(text: str) -> float:
    """Return the seconds of a duration as Go writes it, such as ``1m30s``."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"{text!a} is no duration such as 30s or 1m30s")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
