"""The copies of zone.conf on a machine, and which of them is served."""

import hashlib
from typing import NamedTuple

from dm_dns.errors import Error
from dm_dns.files import ReadFile, Version
from dm_dns.node.config import Config
from dm_dns.zone import conf


class Inputs(NamedTuple):
    """Everything that a served zone is made from."""

    mesh: ReadFile
    deployed: ReadFile | None
    hosts: ReadFile

    @classmethod
    def read(cls, config: Config) -> "Inputs":
        """Read the files that ``config`` names."""
        return cls(
            ReadFile.read(config.mesh),
            ReadFile.read(config.deployed) if config.deployed else None,
            ReadFile.read(config.hosts),
        )

    def files(self) -> list[ReadFile]:
        """Return the files."""
        return [file for file in (self.mesh, self.deployed, self.hosts) if file]

    def are_current(self) -> bool:
        """Tell whether all files are still those that were read."""
        return all(file.is_current() for file in self.files())

    def versions(self) -> dict[str, Version]:
        """Return the version of each file, by its path."""
        return {str(file.path): file.version for file in self.files()}

    def fingerprint(self) -> str:
        """Return a hash of the content of all files."""
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
    """What is wrong with the other copies."""


def choose(config: Config, inputs: Inputs) -> Choice:
    """Choose between the mesh copy, the deployed copy and the kept copy, which was served last.

    The highest serial wins; of equal ones the mesh copy, because it is the same on every machine.
    The kept copy counts only if another one is unusable, so that names that resolved still do. If
    there is no mesh copy at all (it was withdrawn), the deployed copy is served.

    Raises:
        Error: none of them can be served.

    """
    problems: list[str] = []
    found = [
        _usable(config, "mesh", inputs.mesh, problems),
        _usable(config, "deployed", inputs.deployed, problems),
    ]
    if found == [None, None] and not problems:
        problems.append(
            f"there is no zone for {config.domain}: the mesh has not brought one to"
            f" {inputs.mesh.path}, and this machine was deployed without one; run `clan vars"
            " generate` and deploy, or run `dm-send-dns` on a push machine"
        )
    if problems:
        found.append(_usable(config, "kept", ReadFile.read(config.kept), problems))
    choices = [choice for choice in found if choice]
    if not choices:
        raise Error("\n".join(problems))
    return max(choices, key=lambda choice: choice.zone.serial)


def _usable(
    config: Config, source: str, file: ReadFile | None, problems: list[str]
) -> Choice | None:
    """Return the choice of ``file``; None, and a reason in ``problems``, if it cannot be served."""
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
    return Choice(parsed, source, file.content, problems)
