"""Updating flake.lock: Nix computes it, and what moved is verified before the file is replaced."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Final

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.pins import download, flake_lock, nix
from dm_dns.pins.flake_lock import FlakeLock, Pin
from dm_dns.pins.report import problem

# Until 2.18 `nix flake update` took a flake, and updated all of its inputs.
_FIRST_WITH_INPUTS: Final = (2, 19)


@dataclass(frozen=True)
class Move:
    """A pin that differs: ``before`` is None if the input is new, ``after`` if it was removed."""

    before: Pin | None
    after: Pin | None

    def __str__(self) -> str:
        """Return one line for people."""
        if not self.before:
            return f"{self.after.name}: added, {self.after.revision}" if self.after else ""
        if not self.after:
            return f"{self.before.name}: removed, was {self.before.revision}"
        return f"{self.after.name}: {self.before.revision} -> {self.after.revision}"


def update(
    flake: Path, inputs: Sequence[str], options: download.Options, report: Callable[[str], None]
) -> list[Move]:
    """Update ``inputs``, or all, in the lock file of the flake in a folder; return what moved.

    ``report`` is called with a line for each step. After an error the lock file is unchanged.

    Raises:
        Error: Nix failed, an input does not exist, a second download returned something else, or
            the lock file was changed meanwhile.

    """
    if not (flake / "flake.nix").is_file():
        raise Error(f"{flake} has no flake.nix. Give the flake's folder with --flake.")
    path = (flake / flake_lock.FILE_NAME).resolve()
    old = path.read_bytes() if path.exists() else None
    before = flake_lock.EMPTY if old is None else flake_lock.parse(old, str(path))
    new = compute(flake, inputs, options, lambda line: report(f"nix flake update: {line}"))
    after = flake_lock.parse(new, "the new flake.lock")
    check_inputs(inputs, after)
    moved = moves(before, after)
    # Nix itself may have received a part of an archive, which it keeps in its cache.
    results = download.download_all([move.after for move in moved if move.after], options, report)
    if bad := [result for result in results if not result.is_good]:
        for result in bad:
            report(problem(result))
        raise Error(
            f"{path} is unchanged: what Nix would lock differs from what a second download"
            " returned. Retry later. If this persists, Nix has a broken download in its cache:"
            " remove ~/.cache/nix and retry."
        )
    if (path.read_bytes() if path.exists() else None) != old:
        raise Error(f"{path} was changed by something else meanwhile, and was left alone. Retry.")
    files.replace(path, new)
    return moved


def compute(
    flake: Path, inputs: Sequence[str], options: download.Options, report: Callable[[str], None]
) -> bytes:
    """Return the lock file that Nix writes for `update`; nothing in the folder changes.

    Raises:
        Error: Nix failed.

    """
    with tempfile.TemporaryDirectory(prefix="dm-dns-prefetch-") as name:
        new = Path(name) / flake_lock.FILE_NAME
        arguments = [*_arguments(nix.version(), inputs), "--output-lock-file", str(new)]
        present = flake.absolute() / flake_lock.FILE_NAME
        if present.exists():  # git may not know the file, or have another version of it
            arguments += ["--reference-lock-file", str(present), "--option", "allow-dirty", "true"]
        for number, pause in enumerate(options.pauses(), start=2):
            error = nix.run(arguments, report=report, directory=flake).error
            if not download.is_transient(error) or pause is None:
                break
            report(f"{error}; try {number} of {options.tries} in {pause:g} s")
            sleep(pause)
        if error:
            raise Error(f"Nix could not update {present}: {error}")
        if not new.exists():
            raise Error(
                f"Nix wrote no lock file for {flake}. Is one of its inputs a git repository with"
                " uncommitted changes? Commit them and retry."
            )
        return new.read_bytes()


def _arguments(version: nix.Version, inputs: Sequence[str]) -> list[str]:
    if version >= _FIRST_WITH_INPUTS:
        return ["flake", "update", *inputs, "--flake", "."]
    if not inputs:
        return ["flake", "update", "."]
    return ["flake", "lock", ".", *(part for path in inputs for part in ("--update-input", path))]


def check_inputs(inputs: Sequence[str], lock: FlakeLock) -> None:
    """Check that ``inputs`` have pins of their own: Nix silently ignores all others.

    Raises:
        Error: one does not.

    """
    for name in inputs:
        if followed := lock.followed(name):
            raise Error(
                f"input {name} follows {followed} and has no pin of its own."
                f" Update that: `dm-dns prefetch update {followed}`."
            )
        if lock.pin(name) is None:
            raise Error(f"the flake has no input {name}. Its inputs: {lock.names()}.")


def moves(before: FlakeLock, after: FlakeLock) -> list[Move]:
    """Return the pins that differ, in the order of `FlakeLock.pins`; removed ones come last."""
    changed = [
        Move(known, pin)
        for pin in after.pins()
        if (known := before.pin(pin.name)) is None or known.locked != pin.locked
    ]
    return changed + [Move(pin, None) for pin in before.pins() if after.pin(pin.name) is None]
