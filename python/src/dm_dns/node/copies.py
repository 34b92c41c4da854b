"""The copies of zone.conf on a node, and which of them is served."""

import hashlib
import os
from typing import NamedTuple

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.node.config import Config
from dm_dns.zone import conf

Version = tuple[int, ...]
"""Changes whenever a file does."""


def version(path: str) -> Version:
    """Return the version of the file at ``path``, or of its absence."""
    try:
        status = os.stat(path)
    except OSError as error:
        return (error.errno or 0,)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class Input(NamedTuple):
    """One file as it was when it was read."""

    path: str
    content: bytes | None
    """None: there is no such file, or it cannot be read."""
    problem: str | None
    """Why it cannot be read."""
    version: Version

    @classmethod
    def read(cls, path: str) -> "Input":
        """Read a file that may be absent."""
        before = version(path)  # so that a change while it is read is seen later
        try:
            return cls(path, files.read(path), None, before)
        except (FileNotFoundError, NotADirectoryError):
            return cls(path, None, None, before)
        except OSError as error:
            return cls(path, None, f"{path}: cannot be read: {error.strerror}", before)

    def is_current(self) -> bool:
        """Tell whether the file is still the one that was read."""
        return version(self.path) == self.version

    def digest(self) -> bytes:
        """Return a hash of the content, or what else there is; empty where there is no file."""
        if self.content is None:
            return (self.problem or "").encode()
        return hashlib.sha256(self.content).digest()


class Inputs(NamedTuple):
    """All that a served zone is made from."""

    mesh: Input
    deployed: Input | None
    hosts: Input

    @classmethod
    def read(cls, config: Config) -> "Inputs":
        """Read the files named in ``config``."""
        return cls(
            Input.read(config.mesh),
            Input.read(config.deployed) if config.deployed else None,
            Input.read(config.hosts),
        )

    def are_current(self) -> bool:
        """Tell whether all files are still those that were read."""
        files = (self.mesh, self.deployed, self.hosts)
        return all(file.is_current() for file in files if file)

    def fingerprint(self) -> str:
        """Return a hash of all content."""
        # __file__: another build of this program may compile the same content differently.
        parts = [__file__.encode()]
        parts += [file.digest() if file else b"" for file in (self.mesh, self.deployed, self.hosts)]
        return hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts)).hexdigest()


class Choice(NamedTuple):
    """The zone to serve."""

    zone: conf.Zone
    source: str
    """``mesh``, ``deployed`` or ``kept``."""
    content: bytes
    """The zone.conf it was read from."""
    problems: list[str]
    """What is wrong with the copies that are not served."""


def choose(config: Config, inputs: Inputs) -> Choice:
    """Choose between the mesh's copy, the deployed copy and the copy that was served last.

    The highest serial wins; of equal ones the mesh's, because it is the same on every node. The
    copy that was served last counts only where another is unusable: names that resolved go on
    resolving. Where the mesh has no copy at all (it was withdrawn), the deployed one is served.

    Raises:
        Error: none of them is usable.

    """
    problems: list[str] = []
    found = [
        _usable(config, "mesh", inputs.mesh, problems),
        _usable(config, "deployed", inputs.deployed, problems),
    ]
    if found == [None, None] and not problems:
        problems.append(
            f"there is no zone for {config.domain}: the mesh has brought none to"
            f" {inputs.mesh.path} and none was deployed; run `clan vars generate` and deploy, or"
            " `dm-send-dns` on a push machine"
        )
    if problems:
        found.append(_usable(config, "kept", Input.read(config.kept), problems))
    choices = [choice for choice in found if choice]
    if not choices:
        raise Error("\n".join(problems))
    return max(choices, key=lambda choice: choice.zone.serial)


def _usable(config: Config, source: str, file: Input | None, problems: list[str]) -> Choice | None:
    """Return the choice of ``file`` if it can be served; add to ``problems`` why it cannot."""
    if file is None:
        return None
    if file.content is None:
        problems += [file.problem] if file.problem else []
        return None
    try:
        parsed = conf.parse(file.content, config.domain, file.path)
    except Error as error:
        problems.append(str(error))
        return None
    return Choice(parsed, source, file.content, problems)
