"""A new flake.lock, computed by Nix, checked here, and put in place as a whole."""

import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import fetch, lock, nix
from dm_dns.errors import Error

_PATH: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_'-]*(/[a-zA-Z_][a-zA-Z0-9_'-]*)*", re.ASCII)

# Until 2.18 `nix flake update` took a flake, and updated all of its inputs.
_FIRST_WITH_INPUTS: Final = (2, 19)


class Move(NamedTuple):
    """An input that another revision was found for."""

    before: lock.Pin | None
    """None: the input is new."""
    after: lock.Pin | None
    """None: there is no such input any more."""

    def __str__(self) -> str:
        """Return one line for people."""
        if self.after is None:
            return f"{self.before.name}: removed, was {self.before.revision}" if self.before else ""
        if self.before is None:
            return f"{self.after.name}: added, {self.after.revision}"
        return f"{self.after.name}: {self.before.revision} -> {self.after.revision}"


def is_path(text: str) -> bool:
    """Tell whether a text has the form of an input's path, such as ``clan-core/disko``."""
    return _PATH.fullmatch(text) is not None


def compute(
    directory: Path, inputs: Sequence[str], options: fetch.Options, report: Callable[[str], None]
) -> bytes:
    """Return what Nix writes as the lock file of the flake in ``directory``.

    Args:
        directory: the folder with flake.nix; nothing in it changes.
        inputs: paths of the inputs to update; none: all.
        options: how often to try, where a download ends early.
        report: gets a line for each thing that happens.

    Raises:
        Error: Nix could not, in its own words.

    """
    with tempfile.TemporaryDirectory(prefix="dm-dns-prefetch-") as name:
        made = Path(name) / lock.FILE_NAME
        arguments = _arguments(nix.version(), inputs)
        arguments += ["--output-lock-file", str(made)]
        present = directory.absolute() / lock.FILE_NAME
        if present.exists():  # also where git does not know it, or knows another one
            arguments += ["--reference-lock-file", str(present), "--option", "allow-dirty", "true"]
        done = _run(arguments, directory, options, report)
        if done.status:
            raise Error(f"Nix could not update {present}: {done.error}")
        if not made.exists():
            raise Error(
                f"Nix wrote no lock file for {directory}. Is one of its inputs a git repository"
                " with changes that are not committed? Commit them, and try again."
            )
        return made.read_bytes()


def _arguments(version: nix.Version, inputs: Sequence[str]) -> list[str]:
    if version[:2] >= _FIRST_WITH_INPUTS:
        return ["flake", "update", *inputs, "--flake", "."]
    if not inputs:
        return ["flake", "update", "."]
    return ["flake", "lock", ".", *(part for path in inputs for part in ("--update-input", path))]


def _run(
    arguments: Sequence[str],
    directory: Path,
    options: fetch.Options,
    report: Callable[[str], None],
) -> nix.Done:
    for tries, pause in enumerate(fetch.pauses(options), start=2):
        done = nix.run(arguments, report=report, directory=directory)
        if done.status == 0 and done.stale:
            error = f"{done.stale} (Nix would lock what it got before)"
            done = done._replace(status=1, error=error)
        if done.status == 0 or not fetch.is_passing(done) or pause is None:
            return done
        report(f"{done.error}; try {tries} of {options.tries} in {pause:g} s")
        time.sleep(pause)
    raise AssertionError  # the last pause is None


def check_inputs(inputs: Sequence[str], made: lock.Lock) -> None:
    """Check that the inputs to update are there and have pins of their own.

    Raises:
        Error: they are not, and Nix has updated nothing for them.

    """
    for name in inputs:
        if followed := made.followed(name):
            raise Error(
                f"input {name} follows {followed} and has no pin of its own."
                f" Update that: `dm-dns prefetch update {followed}`."
            )
        if made.pin(name) is None:
            known = ", ".join(pin.name for pin in made.pins()) or "none"
            raise Error(f"the flake has no input {name}. Its inputs: {known}.")


def moves(before: lock.Lock | None, after: lock.Lock) -> list[Move]:
    """Return what is pinned otherwise in ``after``, in the order of `lock.Lock.pins`."""
    old = before or lock.Lock("root", {"root": lock.Node({}, None)})
    changed = [
        Move(known, pin)
        for pin in after.pins()
        if (known := old.pin(pin.name)) is None or known.locked != pin.locked
    ]
    return changed + [Move(pin, None) for pin in old.pins() if after.pin(pin.name) is None]
