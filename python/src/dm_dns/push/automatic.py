"""The automatic push: what dm-dns-push.service does, without anybody watching.

The unit runs after boot, after each switch, and whenever the mesh's copy changes. Several machines
run it at the same time, some with an outdated deployment: all must converge on the newest zone, and
a withdrawn zone must stay away. So, unlike `push.push`,

- if the mesh has a newer zone, there is nothing to do;
- if the mesh has no zone, a newer one may be on its way, so the unit waits for it;
- a deployed zone is pushed once per boot to a mesh that has none. If it is gone later, somebody has
  withdrawn it.

ARCHITECTURE.md has the states in a table.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.access import history
from dm_dns.errors import Error, RefusedError, TransientError
from dm_dns.files import ReadFile
from dm_dns.node.config import KEYS_FILE, NO_TRUST, REPLACED, Trust
from dm_dns.prometheus import gauge
from dm_dns.push import data_mesher, plan
from dm_dns.push.destination import MeshCopy
from dm_dns.push.push import ZoneConf
from dm_dns.zone import conf, limits

METRICS: Final = "push.prom"
"""The file with the metrics of the unit, in its state folder."""

_POLL: Final = 0.5  # seconds, as all below
_HALF_WRITTEN: Final = 5.0
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 300.0
_FIRST_SILENCE: Final = 60.0
_LONGEST_SILENCE: Final = 3600.0

_MAX_DIGEST: Final = 2**16  # bytes; a SHA-256 in hexadecimal has 64
_EXCHANGES: Final = 2  # with peers, after which each knows what the other has


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an automatic push needs besides `push.Options`."""

    url: str
    mesh_file: Path
    state: Path
    """A folder that is empty after each boot."""
    interval: float
    """Seconds between two exchanges of data-mesher with a peer."""
    history: Path
    """The folder of the zones that the mesh has had."""
    tell: Callable[[str], None]
    """Takes a line about what was done."""
    complain: Callable[[str], None]
    """Takes a line about what goes wrong and is retried, once as long as it lasts."""


def run(new: ZoneConf, settings: Settings, send: Callable[[], str]) -> bool:
    """Push the zone if it is newer than the mesh's, as soon as that is known and possible.

    Tells what was done; if there is nothing to do, tells that once per boot and zone.

    Args:
        new: the zone that this machine was deployed with.
        settings: of the unit.
        send: pushes the zone, and returns a line that says so.

    Returns:
        False: it fails for the same reason as in the last run, which has been told.

    Raises:
        Error: as ``send`` raises it, except for failures that end on their own; or the mesh's
            copy or the history cannot be read.

    """
    failure = settings.state / "failure"
    try:
        _Run(new, settings, send).run()
    except Error as error:
        if isinstance(error, RefusedError):
            _measure(new, settings, is_refused=True)
        digest = hashlib.sha256(str(error).encode()).hexdigest()
        if _text(failure) == digest:
            return False
        files.replace(failure, digest.encode())
        raise
    files.remove(failure)
    _measure(new, settings, is_refused=False)
    return True


def _measure(new: ZoneConf, settings: Settings, *, is_refused: bool) -> None:
    text = "Whether the zone that this machine was deployed with is refused, and not pushed."
    metric = gauge("push_refused", text, ({"domain": new.zone.domain}, int(is_refused)))
    files.replace(settings.state / METRICS, metric.encode())


class _Look(NamedTuple):
    """The mesh's copy, and what follows from it."""

    copy: ReadFile
    problem: str | None
    """Why the copy is not a valid zone."""
    reason: str | None
    """Why there is nothing to do; None: this machine's zone must be pushed."""


class _Run:
    def __init__(self, new: ZoneConf, settings: Settings, send: Callable[[], str]) -> None:
        self._new = new.zone
        self._settings = settings
        self._exchanges = _EXCHANGES * settings.interval
        self._send = send
        self._digest = hashlib.sha256(new.content).hexdigest()
        self._handled = settings.state / "handled"
        self._replaced = settings.state / "replaced"
        handled = _text(self._handled)
        self._is_first = handled is None
        self._is_new = handled != self._digest
        self._has_settled = False
        self._had_copy = False
        self._waits = _Seldom(settings.complain)
        self._failures = _Seldom(settings.complain)

    def run(self) -> None:
        pause = _FIRST_PAUSE
        while (look := self._look()).reason is None:
            try:
                if self._is_settled(look):
                    self._push(look)
            except Error as error:
                # If another machine was faster, this failure does not matter.
                if self._look().reason is not None:
                    continue
                if not isinstance(error, TransientError):
                    raise
                self._failures.report(str(error))
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        if self._is_new:
            self._handle()
            self._settings.tell(f"nothing to do for {self._new.domain}: {look.reason}")

    def _look(self) -> _Look:
        copy = ReadFile.read(self._settings.mesh_file, limits.MAX_SIZE)
        if copy.problem and not copy.is_too_large:
            raise Error(copy.problem)
        if copy.content is None and not copy.is_too_large:
            is_withdrawn = self._had_copy or not self._is_new
            return _Look(copy, None, "the zone was withdrawn" if is_withdrawn else self._outdated())
        self._had_copy = True
        if self._trust().is_distrusted(copy.content):
            return _Look(copy, f"{copy.path} {REPLACED}", None)
        compared = plan.make(
            self._new, MeshCopy(copy.content or b"", str(copy.path), problem=copy.problem)
        )
        if compared.old is None:
            reason = self._outdated()
            if copy.digest().hex() == _text(self._replaced):
                reason = f"the copy that was replaced before is back: {compared.problem}"
            return _Look(copy, compared.problem, reason)
        return _Look(copy, None, _newer(compared, compared.old))

    def _outdated(self) -> str | None:
        """Return why a zone is not pushed when the mesh has nothing to compare it with."""
        # A zone from a wrong clock must not keep all others away, and neither must what was pushed
        # with a key that has been replaced.
        now, replaced = time.time(), self._trust().serial
        newest = max(
            (
                serial
                for serial in history.serials(self._settings.history)
                if serial > replaced and not conf.is_from_the_future(serial, now)
            ),
            default=0,
        )
        if newest <= self._new.serial:
            return None
        return (
            f"the mesh has had serial {newest}, and this machine was deployed with"
            f" {self._new.serial}, which is older"
        )

    def _trust(self) -> Trust:
        """Return what dm-dns.service remembers of keys; it looks before this unit starts."""
        path = self._settings.history.parent / KEYS_FILE
        try:
            return Trust.parse(files.read(path, limits.MAX_SETTINGS), str(path))
        except (OSError, Error):
            return NO_TRUST

    def _is_settled(self, look: _Look) -> bool:
        """Wait for what the mesh may bring; return whether its copy is still the same."""
        data_mesher.wait_until_answering(
            self._settings.url,
            seconds=math.inf,
            report=lambda line: self._waits.report(line.partition("; ")[0]),
        )
        self._waits.is_over()
        seconds = 0.0
        is_missing = look.copy.content is None and not look.copy.is_too_large
        if not self._has_settled and (self._is_first or is_missing):
            seconds = self._exchanges
        elif look.problem:
            seconds = _HALF_WRITTEN
        _watch(look.copy, seconds)
        self._has_settled = True
        return look.copy.is_current()

    def _push(self, look: _Look) -> None:
        done = self._send()
        if look.problem:
            self._settings.tell(f"the mesh's copy was not a valid zone: {look.problem}")
        self._settings.tell(done)
        self._handle()
        if look.problem:
            # A newer dm-dns may accept what this one does not: otherwise two machines could replace
            # each other's zone for ever.
            files.replace(self._replaced, look.copy.digest().hex().encode())
        # A machine that does not know of this push yet may send an older zone, and the path unit
        # does not notice that while this program runs.
        _watch(ReadFile.read(self._settings.mesh_file, limits.MAX_SIZE), self._exchanges)

    def _handle(self) -> None:
        files.replace(self._handled, self._digest.encode())
        self._is_new = False


class _Seldom:
    """Passes on what goes wrong: each line once as long as that lasts, and one in a while."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._said: list[str] = []
        self._next = -math.inf
        self._silence = _FIRST_SILENCE

    def report(self, line: str) -> None:
        now = time.monotonic()
        if now < self._next or line in self._said:
            return
        self._report(line)
        self._said.append(line)
        self._next = now + self._silence
        self._silence = min(2 * self._silence, _LONGEST_SILENCE)

    def is_over(self) -> None:
        if self._said:
            self._report(f"over: {self._said[-1]}")
        self._said.clear()


def _newer(compared: plan.Plan, old: conf.Zone) -> str | None:
    """Return why the zone ``old`` of the mesh is not replaced."""
    if not compared.has_changes:
        return compared.up_to_date_reason(old)
    if old.serial > compared.new.serial:
        return (
            f"the mesh has serial {old.serial}, and this machine was deployed with"
            f" {compared.new.serial}, which is older"
        )
    return None


def _watch(file: ReadFile, seconds: float) -> None:
    """Wait until the file changes, at most so many seconds."""
    end = time.monotonic() + seconds
    while file.is_current() and (left := end - time.monotonic()) > 0:
        time.sleep(min(_POLL, left))


def _text(path: Path) -> str | None:
    try:
        return files.read(path, _MAX_DIGEST).decode("ascii", "replace")
    except FileNotFoundError:
        return None
