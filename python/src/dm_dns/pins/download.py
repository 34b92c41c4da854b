"""Downloading pins, as often as it takes, and comparing them with flake.lock.

A store path or a cached download proves nothing about what the server sends today. So each attempt
downloads into a temporary store and cache, and takes nothing from a binary cache.
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Final

from dm_dns.errors import Error
from dm_dns.json_fields import JsonFields
from dm_dns.pins import nix
from dm_dns.pins.flake_lock import Pin
from dm_dns.pins.flake_ref import flake_ref, source_url

OK: Final = "ok"
LOCAL: Final = "local"
MISMATCH: Final = "mismatch"
TRUNCATED: Final = "truncated"
FAILED: Final = "failed"
OUTCOMES: Final = (OK, LOCAL, MISMATCH, TRUNCATED, FAILED)
"""The outcomes: the files are those locked; there is nothing to download, because the pin is a
folder of the flake that names it; the files differ; the archive ended early; nothing came."""

_LONGEST_PAUSE: Final = 60.0  # seconds

# The words of libarchive, xz and zstd, and of curl and Nix for a connection that ended early.
_CUT_SHORT: Final = re.compile(
    r"truncated|unexpected end|unexpected EOF|premature|partial file|end of file",
    re.IGNORECASE,
)
_HTTP_STATUS: Final = re.compile(r"HTTP error ([45]\d\d)")
_SERVER_ERROR: Final = 500
_TRANSIENT_STATUSES: Final = {408, 425, 429}
# Errors of a download or an archive; all others are permanent.
_DOWNLOAD: Final = re.compile(
    rf"{_CUT_SHORT.pattern}|unable to download|archive|tarball", re.IGNORECASE
)
_NO_SUCH_HOST: Final = re.compile(r"could not resolve host", re.IGNORECASE)
# "…, expected 'A', got 'B'" until 2.23, "…, expected 'A' but got 'B'" since.
_GOT: Final = re.compile(r"hash mismatch .*expected '[^']+',? (?:but )?got '([^']+)'")


@dataclass(frozen=True)
class Options:
    """How to download."""

    tries: int
    """The number of attempts for each input, at least 1."""
    pause: float
    """The seconds before the second attempt; they double after each."""
    cached: bool = False
    """Whether the first attempt may use this machine's Nix store and cache."""

    def pauses(self) -> Iterator[float | None]:
        """Yield for each attempt the seconds to wait after it; None after the last."""
        for number in range(self.tries - 1):
            yield min(2**number * self.pause, max(self.pause, _LONGEST_PAUSE))
        yield None


@dataclass(frozen=True)
class Attempt:
    """One attempt to download a pin; None is what is not known."""

    outcome: str
    """One of OUTCOMES."""
    hash: str | None = None
    """The hash of the files that came."""
    received: int | None = None
    """The bytes of the archive that came."""
    announced: int | None = None
    """The bytes of the archive that the server announced."""
    unpacked: int | None = None
    """The bytes of all files that came."""
    reason: str | None = None
    """What went wrong, in Nix's words if it failed."""

    @property
    def is_final(self) -> bool:
        """Whether another attempt is pointless."""
        return self.outcome == OK or (
            self.outcome == FAILED and not is_transient(self.reason or "")
        )

    def __str__(self) -> str:
        """Return the outcome and its details for people."""
        parts = [self.reason] if self.reason else []
        if self.received is not None:
            announced = f" of {self.announced} announced" if self.announced else ""
            parts.append(f"{self.received}{announced} bytes received")
        if self.unpacked is not None:
            parts.append(f"{self.unpacked} bytes unpacked")
        return f"{self.outcome}: {', '.join(parts) or 'in the store already'}"


@dataclass(frozen=True)
class Result:
    """The attempts to download a pin, at least one."""

    pin: Pin
    url: str
    attempts: Sequence[Attempt]

    @property
    def outcome(self) -> str:
        """The last attempt's, one of OUTCOMES."""
        return self.attempts[-1].outcome

    @property
    def is_good(self) -> bool:
        """Whether the pin is as locked."""
        return self.outcome in {OK, LOCAL}


def download_all(
    pins: Sequence[Pin], options: Options, report: Callable[[str], None]
) -> list[Result]:
    """Download pins, each until it is as locked, a retry is pointless, or all tries are used.

    ``report`` is called with a line for each step.

    Raises:
        Error: Nix cannot be run.

    """
    return [
        _download(pin, f"[{number}/{len(pins)}] {pin.name}", options, report)
        for number, pin in enumerate(pins, start=1)
    ]


def _download(pin: Pin, name: str, options: Options, report_all: Callable[[str], None]) -> Result:
    def report(line: str) -> None:
        report_all(f"{name}: {line}")

    url = source_url(pin)
    report(f"fetching {url}")
    known = _known_outcome(pin)
    attempts = [known] if known else []
    for pause in () if known else options.pauses():
        # What is wrong in a cache stays wrong in it.
        cached = options.cached and not attempts
        attempt = _attempt(pin, cached=cached, report=report)
        attempts.append(attempt)
        # Until 2.18 Nix appends the hash of a reference to the URL, which the server may refuse.
        other_url = cached and _HTTP_STATUS.search(attempt.reason or "")
        if (attempt.is_final and not other_url) or pause is None:
            break
        report(f"{attempt}; try {len(attempts) + 1} of {options.tries} in {pause:g} s")
        sleep(pause)
    report(str(attempts[-1]))
    return Result(pin, url, attempts)


def is_transient(error: str) -> bool:
    """Return whether a command that failed with ``error`` may succeed when it is run again."""
    if status := _HTTP_STATUS.search(error):
        code = int(status[1])
        return code >= _SERVER_ERROR or code in _TRANSIENT_STATUSES
    return _DOWNLOAD.search(error) is not None and not is_unreachable(error)


def is_unreachable(error: str) -> bool:
    """Return whether something failed because the server's name did not resolve."""
    return _NO_SUCH_HOST.search(error) is not None


def _known_outcome(pin: Pin) -> Attempt | None:
    """Return the outcome of a pin that cannot or need not be downloaded; None if it can be."""
    if pin.is_local:
        return Attempt(LOCAL, reason="part of the flake that names it")
    try:
        flake_ref(pin)
    except Error as error:
        return Attempt(FAILED, reason=str(error))
    return Attempt(FAILED, reason="flake.lock has no narHash for it") if pin.hash is None else None


def _attempt(pin: Pin, *, cached: bool, report: Callable[[str], None]) -> Attempt:
    prefetch = ["flake", "prefetch", "--json", flake_ref(pin, with_hash=cached)]
    # A locked reference does not need the registry of flakes, which Nix downloads anyway.
    prefetch += ["--option", "flake-registry", "", "--option", "substitute", "false"]
    if cached:
        return _judge(pin, nix.run(prefetch, report=report), Path("/"))
    with tempfile.TemporaryDirectory(prefix="dm-dns-prefetch-") as root:
        # Old versions know only the first; where both are known, the second counts.
        environment = {"XDG_CACHE_HOME": f"{root}/cache", "NIX_CACHE_HOME": f"{root}/cache/nix"}
        prefetch += ["--store", f"{root}/store"]
        done = nix.run(prefetch, report=report, environment=environment)
        return _judge(pin, done, Path(root) / "store")


def _judge(pin: Pin, done: nix.Completed, store: Path) -> Attempt:
    received, announced = done.received, done.announced
    if done.status == 0:
        found, path = _prefetched(done.stdout)
        unpacked = _size(store / path.lstrip("/"))
        outcome, reason = (OK, None) if found == pin.hash else (MISMATCH, f"the hash is {found}")
        if unpacked == 0:  # Nix accepts an empty archive as an empty folder
            outcome, reason = TRUNCATED, "it has no files"
        return Attempt(outcome, found, received, announced, unpacked, reason)
    error = done.error
    if got := _GOT.search(error):
        return Attempt(MISMATCH, got[1], received, announced, None, f"the hash is {got[1]}")
    if _HTTP_STATUS.search(error):  # the bytes were those of an error page
        return Attempt(FAILED, reason=error)
    if _CUT_SHORT.search(error) or (announced and received and received < announced):
        return Attempt(TRUNCATED, None, received, announced, None, error)
    return Attempt(FAILED, None, received or None, announced, None, error)


def _prefetched(stdout: str) -> tuple[str, str]:
    """Return the hash and the store path that ``nix flake prefetch --json`` printed."""
    try:
        fields = JsonFields("nix", json.loads(stdout))
        return fields.text("hash"), fields.text("storePath")
    except (Error, ValueError):
        raise Error(
            f"`nix flake prefetch --json` printed {stdout[:200]!a}, which is not an object with"
            " hash and storePath. Use a version of Nix from 2.18 to 2.34."
        ) from None


def _size(path: Path) -> int | None:
    """Return the bytes of a file, or of all files in a folder; None if there is neither."""
    files = path.rglob("*") if path.is_dir() else [path]
    return (
        sum(file.lstat().st_size for file in files if not file.is_dir()) if path.exists() else None
    )
