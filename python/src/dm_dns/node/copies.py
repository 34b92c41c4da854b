"""The copies of zone.conf on a machine, and which of them is served."""

import hashlib
import os
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.files import ReadFile, Version
from dm_dns.node.config import REPLACED, Config, Trust
from dm_dns.node.local_view import LocalView
from dm_dns.node.presence import Presences
from dm_dns.zone import conf, limits, local_lines

_PUSH: Final = "run `dm-send-dns` on a push machine to replace it"


class Inputs(NamedTuple):
    """Everything that a served zone is made from."""

    mesh: ReadFile
    deployed: ReadFile | None
    hosts: ReadFile
    local: LocalView

    @classmethod
    def read(cls, config: Config, presences: Presences | None = None) -> "Inputs":
        """Read the files that ``config`` names, and look where the machine is."""
        return cls(
            ReadFile.read(config.mesh, limits.MAX_SIZE),
            ReadFile.read(config.deployed, limits.MAX_SIZE) if config.deployed else None,
            ReadFile.read(config.hosts, limits.MAX_HOSTS),
            LocalView.read(config, presences),
        )

    def files(self) -> list[ReadFile]:
        """Return the files."""
        return [file for file in (self.mesh, self.deployed, self.hosts) if file]

    def outdated(self) -> list[Path]:
        """Return the files that are no longer those that were read."""
        return [file.path for file in self.files() if not file.is_current()]

    def versions(self) -> dict[str, Version]:
        """Return the version of each file, by its path."""
        return {str(file.path): file.version for file in self.files()}

    def may_have_networks(self) -> bool:
        """Tell whether a zone may have local networks, without parsing any."""
        return any(
            file is not None and local_lines.IN_CONTENT in (file.content or b"")
            for file in (self.mesh, self.deployed)
        )

    def fingerprint(self, trust: Trust) -> str:
        """Return a hash of all files, of the local view, and of what is remembered of keys."""
        # __file__: another build of this program may compile the same content differently.
        parts = [__file__.encode(), "".join(trust.distrusted).encode()]
        parts += [file.digest() if file else b"" for file in (self.mesh, self.deployed, self.hosts)]
        parts.append(self.local.digest())
        return hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts)).hexdigest()


class Choice(NamedTuple):
    """The zone to serve."""

    zone: conf.Zone
    source: str
    """``mesh``, ``deployed`` or ``kept``."""
    content: bytes
    """The zone.conf it was read from."""
    problems: list[str]
    """What is wrong with the other copies."""
    deployed: int | None
    """The serial of the deployed copy; None if there is none that can be served."""


def choose(config: Config, inputs: Inputs, trust: Trust, now: float) -> Choice:
    """Choose between the mesh copy, the deployed copy and the kept copy, which was served last.

    The highest serial wins; of equal ones the mesh copy, because it is the same on every machine.
    Equal serials with other names are a problem: the machine then serves something else than what
    it was deployed with, and not because it is newer.

    A serial more than a day ahead of the clock and of the deployed copy counts as the lowest:
    otherwise one zone could keep all others away. A mesh copy that was pushed before the signing
    key was replaced does not count at all.

    A clock may be behind: a machine without a battery for it begins in the past at each boot, until
    it is told the time. What was served before counts then, which is the kept copy, and a mesh copy
    that is not newer. No zone gets there that was from the future when it was served: the time of
    the kept copy's file, by the clock of then, has to say that it was not. And it allows no serial
    above its own: otherwise each zone could be a day ahead of the one before it. If the clock was
    ahead then, such a zone stays until another one is pushed, after which it is not kept any more.

    The kept copy counts only if another one is unusable, so that names that resolved still do. If
    there is no mesh copy at all (it was withdrawn), the deployed copy is served.

    Args:
        config: the machine's.
        inputs: its files.
        trust: what it remembers of keys.
        now: its clock, in seconds since 1970.

    Raises:
        Error: none of them can be served, or the kept copy is needed and cannot be read for once.
        OSError: the file of the kept copy cannot be looked at.

    """
    problems: list[str] = []
    is_distrusted = trust.is_distrusted(inputs.mesh.content)
    mesh = None if is_distrusted else _usable(config, "mesh", inputs.mesh, problems)
    deployed = _usable(config, "deployed", inputs.deployed, problems)
    if is_distrusted:
        problems.append(f"{inputs.mesh.path} {REPLACED}; {_PUSH}")
    found = [mesh, deployed]
    if found == [None, None] and not problems:
        problems.append(
            f"there is no zone for {config.domain}: the mesh has not brought one to"
            f" {inputs.mesh.path}, and this machine was deployed without one; run `clan vars"
            " generate` and deploy, or run `dm-send-dns` on a push machine"
        )
    known = deployed.zone.serial if deployed else 0
    served = 0
    if problems or (mesh and mesh.zone.is_from_the_future(now, known)):
        kept = _kept(config, problems)
        if kept and _was_on_time(kept, now, known):
            served = kept.zone.serial
        has_more = kept and not (mesh and mesh.content == kept.content)
        if has_more and (problems or (mesh and mesh.zone.serial > served)):
            found.append(kept)
    choices = [choice for choice in found if choice]
    if not choices:
        raise Error("\n".join(problems))
    if mesh and deployed and _are_rivals(mesh.zone, deployed.zone):
        problems.append(
            f"the zone that came over the mesh, {mesh.path}, and the one that this machine was"
            f" deployed with, {deployed.path}, have the same serial {mesh.zone.serial} and other"
            " names, so neither is newer: they were generated from two checkouts, of which neither"
            " has the other's. Merge them, generate the zone again with `clan vars generate MACHINE"
            " --generator dm-dns --regenerate`, and deploy this machine and a push machine"
        )
    late = [
        choice
        for choice in choices
        if choice is not deployed
        and choice.zone.serial > served
        and choice.zone.is_from_the_future(now, known)
    ]
    # Without the time: the same problem has the same text in each run.
    problems += [
        f"the serial {choice.zone.serial} of {choice.path} is more than a day ahead of this"
        " machine's clock, so it counts as the lowest. Check the clock with `timedatectl`. If it is"
        f" right, that zone was made by a wrong one, or by somebody who has the key; {_PUSH}"
        for choice in late
    ]
    best = max(choices, key=lambda choice: (choice not in late, choice.zone.serial))
    return Choice(
        best.zone,
        best.source,
        best.content,
        problems,
        deployed.zone.serial if deployed else None,
    )


def _are_rivals(one: conf.Zone, other: conf.Zone) -> bool:
    """Tell whether two zones have the same serial and are not the same."""
    if one.serial != other.serial or one.sha256 == other.sha256:
        return False
    return one._replace(sha256="") != other._replace(sha256="")


class _Usable(NamedTuple):
    """A copy that can be served."""

    zone: conf.Zone
    source: str
    content: bytes
    path: Path


def _kept(config: Config, problems: list[str]) -> _Usable | None:
    """Return the kept copy; None, and perhaps a reason in ``problems``, if it cannot be served.

    Raises:
        Error: it cannot be read at the moment, and may be later.

    """
    file = ReadFile.read(config.kept, limits.MAX_SIZE)
    kept = _usable(config, "kept", file, problems)
    if file.may_be_read_later:
        # Another copy would take its place, and names that resolved would be gone for good.
        raise Error("\n".join(problems))
    return kept


def _was_on_time(kept: _Usable, now: float, known: int) -> bool:
    """Tell whether the kept copy was not from the future by the clock of now, or of then.

    Raises:
        OSError: its file cannot be looked at.

    """
    clock = max(now, kept.path.stat().st_mtime)
    return not kept.zone.is_from_the_future(clock, known)


def keep(config: Config, choice: Choice, now: float) -> None:
    """Make what is served the kept copy. The time of its file is the clock that let it be served.

    Args:
        config: the machine's.
        choice: what is served.
        now: this machine's clock, in seconds since 1970.

    Raises:
        OSError: the file cannot be written.

    """
    files.replace(config.kept, choice.content)
    then = config.kept.stat().st_mtime
    if choice.zone.is_from_the_future(then) and not choice.zone.is_from_the_future(now):
        os.utime(config.kept, (now, now))


def _usable(
    config: Config, source: str, file: ReadFile | None, problems: list[str]
) -> _Usable | None:
    """Return the copy in ``file``; None, and a reason in ``problems``, if it cannot be served."""
    if file is None:
        return None
    if file.content is None:
        problems += [file.problem] if file.problem else []
        return None
    try:
        parsed = conf.parse(file.content, config.domain, str(file.path))
    except Error as error:
        problems.append(str(error))
        return None
    except Exception as error:  # noqa: BLE001 - such as MemoryError: the other copies may do
        problems.append(f"{file.path}: reading the zone failed unexpectedly: {error!r}")
        if source == "kept":  # as where it cannot be read
            raise Error("\n".join(problems)) from None
        return None
    return _Usable(parsed, source, file.content, file.path)
