"""Running Nix, and what its log says of downloads and errors.

The log is Nix's ``internal-json``, which is the same from 2.18 to 2.34: a line ``@nix {…}`` for
each event, with numbers for the kinds of activities and results (``src/libutil/logging.hh``).
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns.errors import Error
from dm_dns.json_fields import Json

_OPTIONS: Final = (
    # Before all settings of flakes, which Nix otherwise ignores.
    *("--extra-experimental-features", "nix-command flakes"),
    *("--log-format", "internal-json"),
    # Retries, and the pauses before them, are dm-dns's own.
    *("--option", "download-attempts", "1"),
)
_OLDEST: Final = (2, 18)
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\S*$")
_REMEDY: Final = "Install Nix 2.18 or later (https://nixos.org/download), or put it first on PATH."
_PROGRESS_SECONDS: Final = 5.0

_FILE_TRANSFER: Final = 101
_PROGRESS: Final = 105
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_ERROR: Final = re.compile(r"(?<!curl )error:\s")  # "(curl error: …" is a part of Nix's own error
# Only warnings: for archives until 2.23, for single files and git repositories in all versions.
_STALE: Final = re.compile(
    "using cached version|using expired cached ref|continuing with the most recent version"
)
_MARK: Final = b"@nix "


class Version(NamedTuple):
    """A version of Nix."""

    major: int
    minor: int
    text: str
    """What ``nix --version`` prints."""


@dataclass(frozen=True)
class Completed:
    """A command that has ended."""

    status: int
    stdout: str
    error: str
    """What went wrong, without colours, traces and web pages; empty if nothing did.

    Nix also succeeds where it takes an older download instead of a new one: that is an error here.
    """
    received: int | None
    """Bytes of the last download through HTTP; None if there was none."""
    announced: int | None
    """Bytes of it that the server announced; None if it did not."""


def version() -> Version:
    """Return the version of the Nix on PATH.

    Raises:
        Error: Nix is missing, cannot be run, or is too old.

    """
    try:
        done = subprocess.run(
            ["nix", "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        raise _not_run(error) from None
    text, problem = (some.decode(errors="replace").strip() for some in (done.stdout, done.stderr))
    found = _VERSION.search(text)
    if done.returncode or not found:
        printed = problem or text or "nothing"
        raise Error(f"`nix --version` does not print a version, but: {printed}. {_REMEDY}")
    result = Version(int(found[1]), int(found[2]), text)
    if result < _OLDEST:
        raise Error(f"{text} is too old. {_REMEDY}")
    return result


def run(
    arguments: Sequence[str],
    *,
    report: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Completed:
    """Run ``nix`` to its end, in ``directory`` and with additional variables of ``environment``.

    ``report`` is called with the progress every few seconds.

    Raises:
        Error: Nix cannot be run.

    """
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            ["nix", *_OPTIONS, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            cwd=directory,
        )
    except OSError as error:
        raise _not_run(error) from None
    with process:
        try:
            while True:
                try:
                    stdout, stderr = process.communicate(timeout=_PROGRESS_SECONDS)
                except subprocess.TimeoutExpired as waiting:
                    progress = _progress(_completed(0, b"", waiting.stderr or b""))
                    report(f"{progress}, {time.monotonic() - start:.0f} s")
                else:
                    return _completed(process.returncode, stdout, stderr)
        except BaseException:
            process.terminate()
            raise


def _not_run(error: OSError) -> Error:
    if isinstance(error, FileNotFoundError):
        return Error(f"there is no Nix on PATH. {_REMEDY}")
    return Error(f"nix cannot be run: {error.strerror}. {_REMEDY}")


def _progress(log: Completed) -> str:
    if not log.received:
        return "waiting"
    received = _format_size(log.received)
    return f"{received} of {_format_size(log.announced)}" if log.announced else received


def _completed(status: int, stdout: bytes, stderr: bytes) -> Completed:
    """Return what the log ``stderr``, or its start, says of a command."""
    failure = stale = ""
    other = []
    transfers = []
    received = announced = None
    for line in stderr.splitlines():
        match _event(line):
            case None:
                other.append(line.decode(errors="replace"))
            case {"action": "msg", "level": 0, "msg": str(text)} if "error:" in text:
                failure = text
            case {"action": "msg", "level": 1, "msg": str(text)} if _STALE.search(text):
                stale = text
            case {"action": "start", "id": id_, "type": kind} if kind == _FILE_TRANSFER:
                transfers.append(id_)
                received, announced = 0, None
            case {"action": "result", "id": id_, "type": kind, "fields": [int(got), int(of), *_]}:
                if kind == _PROGRESS and id_ in transfers:
                    received, announced = got, of or None
    error = f"{_condensed(stale)} (Nix would take an older download)" if stale else ""
    if status:
        error = _condensed(failure or "\n".join(other[-3:])) or f"exit code {status}"
    return Completed(status, stdout.decode(errors="replace"), error, received, announced)


def _event(line: bytes) -> Json:
    """Return the event that a line is; None if it is other text."""
    if not line.startswith(_MARK):
        return None
    try:
        return json.loads(line.removeprefix(_MARK)) or {}
    except ValueError:  # the line is not complete yet
        return {}


def _condensed(message: str) -> str:
    """Return what an error message of Nix says, in one line."""
    # Some errors quote the page that came instead; the trace stands before the error.
    text = _ERROR.split(_COLOUR.sub("", message).partition("response body:")[0])[-1]
    text = " ".join(text.split())
    # What is left of an error that quoted this one.
    while text.endswith(")") and text.count(")") > text.count("("):
        text = text[:-1]
    return text


def _format_size(octets: int) -> str:
    """Return a number of bytes for people, such as ``1.2 MB``."""
    kilobytes = octets / 1000
    return f"{kilobytes:.1f} kB" if kilobytes < 1000 else f"{kilobytes / 1000:.1f} MB"  # noqa: PLR2004
