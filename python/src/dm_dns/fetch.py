"""Fetching what is pinned, as often as it takes, and comparing it with the lock.

A store path or a download that is there already says nothing about what the server gives today.
So each try downloads into a store and a cache of its own, which are removed afterwards, and takes
nothing from a binary cache.
"""

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from dm_dns import nix, reference
from dm_dns.errors import Error
from dm_dns.lock import Pin

OK: Final = "ok"
LOCAL: Final = "local"
MISMATCH: Final = "mismatch"
TRUNCATED: Final = "truncated"
FAILED: Final = "failed"
OUTCOMES: Final = (OK, LOCAL, MISMATCH, TRUNCATED, FAILED)
"""What comes of a pin: its files are what is locked; there is nothing to fetch, because it is a
folder of the flake that names it; other files came; the archive ended early; nothing came."""

_LONGEST_PAUSE: Final = 60.0  # seconds

# The words of libarchive, xz and zstd, and of curl and Nix where the connection ended early.
_CUT_SHORT: Final = re.compile(
    r"truncated|unexpected end|unexpected EOF|premature|partial file|end of file",
    re.IGNORECASE,
)
_HTTP_STATUS: Final = re.compile(r"HTTP error ([45]\d\d)")
_SERVER_ERROR: Final = 500
# Statuses of 4xx that another try may change.
_PASSING: Final = {408, 425, 429}
# Of a download or an archive; all else fails again.
_DOWNLOAD: Final = re.compile(
    rf"{_CUT_SHORT.pattern}|unable to download|archive|tarball", re.IGNORECASE
)
_NO_SUCH_HOST: Final = re.compile(r"could not resolve host", re.IGNORECASE)
# "…, expected 'A', got 'B'" until 2.23, "…, expected 'A' but got 'B'" since.
_GOT: Final = re.compile(r"hash mismatch .*expected '[^']+',? (?:but )?got '([^']+)'")


class Options(NamedTuple):
    """How to fetch."""

    tries: int
    """For each input, at least 1."""
    pause: float
    """Seconds after the first try; they double after each."""
    cached: bool = False
    """For the first try, take what this machine's store and cache have, download only the rest."""


class Attempt(NamedTuple):
    """One try."""

    outcome: str
    """One of OUTCOMES."""
    hash: str | None
    """Of the files that came."""
    received: int | None
    """Bytes of the archive that came; None: it is not known, or none was downloaded."""
    announced: int | None
    """Bytes of the archive by the server's word; None: it did not tell."""
    unpacked: int | None
    """Bytes of all files that came."""
    reason: str
    """What went wrong, in Nix's words where it failed."""
    final: bool
    """Whether another try cannot help."""


class Result(NamedTuple):
    """What came of a pin."""

    pin: Pin
    url: str
    attempts: tuple[Attempt, ...]
    """At least one."""

    @property
    def outcome(self) -> str:
        """One of OUTCOMES."""
        return self.attempts[-1].outcome

    @property
    def is_good(self) -> bool:
        """Whether it is as locked."""
        return self.outcome in {OK, LOCAL}


def fetch(pin: Pin, options: Options, report: Callable[[str], None]) -> Result:
    """Fetch a pin until it is as locked, no further try can help, or all are used.

    ``report`` gets a line for each thing that happens.

    Raises:
        Error: Nix cannot be run.

    """
    if pin.is_local:
        return _single(pin, str(pin.locked.get("path")), LOCAL, "part of the flake that names it")
    try:
        reference.of(pin)
        url = reference.url(pin)
    except Error as error:
        return _single(pin, pin.text("url") or pin.type, FAILED, str(error))
    if pin.hash is None:
        return _single(pin, url, FAILED, "the lock has no narHash for it")
    attempts: list[Attempt] = []
    for pause in pauses(options):
        # What is wrong in a cache stays wrong in it.
        cached = options.cached and not attempts
        last = _attempt(pin, cached=cached, report=report)
        attempts.append(last)
        # With the hash Nix 2.18 asks for another URL, which ends in it.
        other_url = cached and _HTTP_STATUS.search(last.reason) is not None
        if (last.final and not other_url) or pause is None:
            break
        report(
            f"{last.outcome}: {describe(last)}; try {len(attempts) + 1} of {options.tries}"
            f" in {pause:g} s"
        )
        time.sleep(pause)
    return Result(pin, url, tuple(attempts))


def pauses(options: Options) -> Iterator[float | None]:
    """Yield for each try the seconds to wait after it; None after the last."""
    pause = options.pause
    for _ in range(options.tries - 1):
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)
    yield None


def is_passing(done: nix.Done) -> bool:
    """Tell whether a command that failed may succeed when it is tried again."""
    if status := _HTTP_STATUS.search(done.error):
        code = int(status[1])
        return code >= _SERVER_ERROR or code in _PASSING
    return _DOWNLOAD.search(done.error) is not None and not is_unreachable(done.error)


def is_unreachable(reason: str) -> bool:
    """Tell whether something failed because the server's name did not resolve."""
    return _NO_SUCH_HOST.search(reason) is not None


def describe(attempt: Attempt) -> str:
    """Return for people what came of one try."""
    parts = [attempt.reason] if attempt.reason else []
    if attempt.received is not None:
        announced = f" of {attempt.announced} announced" if attempt.announced else ""
        parts.append(f"{attempt.received}{announced} bytes received")
    if attempt.unpacked is not None:
        parts.append(f"{attempt.unpacked} bytes unpacked")
    return ", ".join(parts) or "in the store already"


def _single(pin: Pin, url: str, outcome: str, reason: str) -> Result:
    return Result(pin, url, (Attempt(outcome, None, None, None, None, reason, final=True),))


def _attempt(pin: Pin, *, cached: bool, report: Callable[[str], None]) -> Attempt:
    prefetch = ["flake", "prefetch", "--json", reference.of(pin, with_hash=cached)]
    # What is locked needs no registry of names, which Nix downloads all the same.
    prefetch += ["--option", "flake-registry", "", "--option", "substitute", "false"]
    if cached:
        return _judge(pin, nix.run(prefetch, report=report), Path("/"))
    with tempfile.TemporaryDirectory(prefix="dm-dns-prefetch-") as name:
        root = Path(name)
        environment = {"XDG_CACHE_HOME": f"{root}/cache", "NIX_CACHE_HOME": f"{root}/cache/nix"}
        prefetch += ["--store", f"{root}/store"]
        done = nix.run(prefetch, report=report, environment=environment)
        return _judge(pin, done, root / "store")


def _judge(pin: Pin, done: nix.Done, store: Path) -> Attempt:
    received = done.received if done.url else None
    announced = done.announced or None
    if done.status == 0:
        found, path = _prefetched(done.stdout)
        same = found == pin.hash
        reason = "" if same else f"the hash is {found}"
        outcome = OK if same else MISMATCH
        unpacked = _octets(store / path.lstrip("/"))
        if unpacked == 0:  # of which Nix makes an empty folder, and takes it
            same, reason, outcome = False, "there are no files in it", TRUNCATED
        return Attempt(outcome, found, received, announced, unpacked, reason, final=same)
    if got := _GOT.search(done.error):
        reason = f"the hash is {got[1]}"
        return Attempt(MISMATCH, got[1], received, announced, None, reason, final=False)
    final = not is_passing(done)
    if _HTTP_STATUS.search(done.error):  # the bytes were those of an error page
        return Attempt(FAILED, None, None, None, None, done.error, final=final)
    if _CUT_SHORT.search(done.error) or (announced and 0 < done.received < announced):
        return Attempt(TRUNCATED, None, received, announced, None, done.error, final=False)
    return Attempt(FAILED, None, received or None, announced, None, done.error, final=final)


def _prefetched(stdout: str) -> tuple[str, str]:
    """Return the hash and the store path of what ``nix flake prefetch --json`` printed."""
    try:
        values: Any = json.loads(stdout)
    except ValueError:
        values = None
    match values:
        case {"hash": str(found), "storePath": str(path)}:
            return found, path
        case _:
            raise Error(
                f"`nix flake prefetch --json` printed {stdout[:200]!a}, which is no hash and path."
                " Is this Nix newer than dm-dns knows? Use a version up to 2.34."
            )


def _octets(path: Path) -> int | None:
    """Return the size of a file, or of all files in a directory; None where there is none."""
    if path.is_file():
        return path.stat().st_size
    if not path.is_dir():
        return None
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
