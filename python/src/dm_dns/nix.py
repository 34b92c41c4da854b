"""Nix: which version is on PATH, and running it, with what its log tells of downloads and errors.

The log is Nix's ``internal-json``, which is the same from 2.18 to 2.34: a line ``@nix {…}`` for
each event, with numbers for the kinds of activities and results (``src/libutil/logging.hh``).
"""

import json
import os
import re
import selectors
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from dm_dns.errors import Error

OLDEST: Final = (2, 18)
"""The oldest version that is supported."""

OPTIONS: Final = (
    # First: a setting of flakes that comes before is ignored.
    *("--extra-experimental-features", "nix-command flakes"),
    *("--log-format", "internal-json"),
    # Every try is seen and told here, and pauses are chosen here.
    *("--option", "download-attempts", "1"),
)
"""What every command gets."""

_VERSION: Final = re.compile(r"(\d+)\.(\d+)\S*$")
_REMEDY: Final = (
    f"Install Nix {'.'.join(map(str, OLDEST))} or later (https://nixos.org/download),"
    " or put it first on PATH."
)
_SAY_SECONDS: Final = 5.0
"""So often a download that goes on is told."""

_FILE_TRANSFER: Final = 101
_PROGRESS: Final = 105
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_ERROR: Final = re.compile(r"(?<!curl )error:\s")  # "(curl error: …" belongs to one of Nix
# With a warning only: for archives until 2.23, for single files and git repositories always.
_STALE: Final = re.compile(
    "using cached version|using expired cached ref|continuing with the most recent version"
)
_MARK: Final = b"@nix "


class Version(NamedTuple):
    """A version of Nix."""

    major: int
    minor: int
    text: str
    """As `nix --version` prints it."""


class Done(NamedTuple):
    """A command that has ended."""

    status: int
    stdout: str
    error: str
    """What went wrong, without colours, traces and web pages; empty if nothing did."""
    stale: str
    """What went wrong where Nix took an older download instead; empty if it did not."""
    url: str | None
    """What was downloaded last; None: nothing was, or without HTTP."""
    received: int
    """Bytes of it that came."""
    announced: int
    """Bytes of it that the server said it has; 0: it did not."""


def version() -> Version:
    """Return the version of the Nix on PATH.

    Raises:
        Error: there is none, it does not run, or it is too old.

    """
    try:
        done = subprocess.run(
            ["nix", "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise Error(f"there is no Nix on PATH. {_REMEDY}") from None
    except OSError as error:
        raise Error(f"nix cannot be run: {error.strerror}. {_REMEDY}") from None
    found = _VERSION.search(done.stdout.strip())
    if done.returncode or not found:
        said = done.stderr.strip() or done.stdout.strip() or "nothing"
        raise Error(f"`nix --version` does not tell a version; it printed: {said}. {_REMEDY}")
    made = Version(int(found[1]), int(found[2]), done.stdout.strip())
    if made[:2] < OLDEST:
        raise Error(f"{made.text} is too old. {_REMEDY}")
    return made


def run(
    arguments: Sequence[str],
    *,
    report: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Done:
    """Run ``nix`` to its end.

    Args:
        arguments: the command and its own options, after OPTIONS.
        report: gets a line for people from time to time, while it takes long.
        environment: variables to set in addition.
        directory: where to run it.

    Raises:
        Error: it cannot be run.

    """
    log = _Log()
    stdout = bytearray()
    try:
        process = subprocess.Popen(
            ["nix", *OPTIONS, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            cwd=directory,
        )
    except OSError as error:
        raise Error(f"nix cannot be run: {error.strerror}. {_REMEDY}") from None
    with process:
        try:
            _read(process, stdout, log, report)
        except BaseException:
            process.terminate()
            raise
    return log.done(process.returncode, stdout.decode(errors="replace"))


def _read(
    process: subprocess.Popen[bytes],
    stdout: bytearray,
    log: "_Log",
    report: Callable[[str], None],
) -> None:
    """Read both outputs to their ends."""
    start = said = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for stream, take in ((process.stdout, stdout.extend), (process.stderr, log.feed)):
            if stream:
                selector.register(stream, selectors.EVENT_READ, take)
        while selector.get_map():
            for key, _ in selector.select(_SAY_SECONDS):
                data = os.read(key.fd, 65536)
                if data:
                    key.data(data)
                else:
                    selector.unregister(key.fileobj)
            if time.monotonic() - said >= _SAY_SECONDS:
                said = time.monotonic()
                report(f"{log.progress()}, {said - start:.0f} s")


class _Log:
    """What the events of a command have told so far."""

    def __init__(self) -> None:
        self._rest = b""
        self._other: list[str] = []
        self._error = ""
        self._stale = ""
        self._transfers: dict[int, str] = {}
        self._last: tuple[str | None, int, int] = (None, 0, 0)

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)

    def done(self, status: int, stdout: str) -> Done:
        if self._rest:
            self._line(self._rest)
        error = ""
        if status:
            error = condensed(self._error or "\n".join(self._other[-3:])) or f"exit code {status}"
        return Done(status, stdout, error, condensed(self._stale), *self._last)

    def progress(self) -> str:
        url, received, announced = self._last
        if url is None or not received:
            return "waiting"
        return f"{size(received)} of {size(announced)}" if announced else size(received)

    def _line(self, line: bytes) -> None:
        if not line.startswith(_MARK):
            self._other.append(line.decode(errors="replace"))
            return
        try:
            event = json.loads(line.removeprefix(_MARK))
        except ValueError:
            return
        match event:
            case {"action": "msg", "level": 0, "msg": str(text)} if "error:" in text:
                self._error = text
            case {"action": "msg", "level": 1, "msg": str(text)} if _STALE.search(text):
                self._stale = text
            case {"action": action, "type": int(kind), "id": int(activity), "fields": [*fields]}:
                self._transfer((action, kind), activity, fields)
            case _:
                pass

    def _transfer(self, event: tuple[Any, int], activity: int, fields: list[Any]) -> None:
        match fields:
            case [str(url), *_] if event == ("start", _FILE_TRANSFER):
                self._transfers[activity] = url
                self._last = (url, 0, 0)
            case [int(received), int(announced), *_] if event == ("result", _PROGRESS):
                if known := self._transfers.get(activity):
                    self._last = (known, received, announced)
            case _:
                pass


def condensed(message: str) -> str:
    """Return what an error message of Nix says, in one line."""
    # Some errors quote the page that came instead; the trace stands before the error.
    text = _ERROR.split(_COLOUR.sub("", message).partition("response body:")[0])[-1]
    text = " ".join(text.split())
    # What is left of an error that quoted this one.
    while text.endswith(")") and text.count(")") > text.count("("):
        text = text[:-1]
    return text


def size(octets: int) -> str:
    """Return a number of bytes for people."""
    kilobytes = octets / 1000
    return f"{kilobytes:.1f} kB" if kilobytes < 1000 else f"{kilobytes / 1000:.1f} MB"  # noqa: PLR2004
