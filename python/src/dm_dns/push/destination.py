"""The machine that is pushed to, and what it shows of the mesh's copy of the zone."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.access import ssh
from dm_dns.access.file_access import LOCAL, Machine
from dm_dns.errors import Error, FileError
from dm_dns.node.config import KEYS_FILE, REPLACED, Config, Trust
from dm_dns.zone import conf, limits, zonefile

STATE: Final = Path("/var/lib/dm-dns")
MESH_FILE: Final = Path("/var/lib/data-mesher/files/home/dns/cnames")


class MeshCopy(NamedTuple):
    """The mesh's copy of the zone, as far as a machine shows it."""

    content: bytes | None
    """None: the machine has no copy."""
    place: str
    """The file it was read from, for messages."""
    from_mesh: bool = True
    """False: this is what the machine was deployed with, and the mesh's copy is not known."""
    problem: str | None = None
    """Why there is a copy, but ``content`` is empty."""

    @property
    def mesh_content(self) -> bytes | None:
        """What the mesh has for certain; None if that is nothing, or is not known."""
        return self.content if self.from_mesh else None


class Destination:
    """The machine that is pushed to."""

    def __init__(
        self,
        mesh_file: Path,
        *,
        machine: Machine = LOCAL,
        config: Path | None = None,
        state: Path = STATE,
        report: Callable[[str], None],
    ) -> None:
        """Describe the machine, without reading anything yet.

        Args:
            mesh_file: the mesh's copy there.
            machine: how its files are read.
            config: dm-dns's configuration there; None: the machine is taken to be one of the
                zone's clan, and its ``mesh_file`` must be readable.
            state: the directory where dm-dns keeps its state there, if ``config`` does not say.
            report: takes a line for people.

        """
        self.machine = machine
        self._state = state
        self._mesh_file = mesh_file
        self._config_path = config
        self._report = report
        self._reported = ""

    @property
    def place(self) -> str:
        """How messages name the mesh's copy."""
        return self.machine.display(self._mesh_file)

    def check_domain(self, domain: str) -> None:
        """Check that a zone of ``domain`` belongs to the clan of this machine.

        Raises:
            Error: the machine belongs to another clan, or cannot be reached.

        """
        if self._config_path is None:
            return
        theirs, place = self._domain()
        if theirs not in {None, domain}:
            raise Error(
                f"the zone's domain is {domain}, but the machine's is {theirs} ({place}). Nothing"
                " was sent. Name a machine of the zone's clan with --via, or that machine's"
                " checkout with --flake; --force does not override this."
            )

    def _domain(self) -> tuple[str | None, str]:
        """Return the domain of the machine's clan, if it is known, and the file that says so."""
        try:
            copy = self._read_mesh_file()
            if copy is not None:
                return conf.read_domain(copy, self.place), self.place
        except (files.DeniedError, files.TooLargeError, FileError):
            pass  # a push replaces a copy that is not a valid zone
        if self._config_path is not None and self._config is not None:
            return self._config.domain, self.machine.display(self._config_path)
        return None, ""

    def read_copy(self) -> MeshCopy:
        """Return the mesh's copy, or what the machine serves if only root may read the copy.

        Raises:
            Error: neither can be read, or the machine cannot be reached.

        """
        try:
            content = self._read_mesh_file()
            if content is not None and self._is_distrusted(content):
                return MeshCopy(b"", self.place, problem=f"{self.place} {REPLACED}")
            return MeshCopy(content, self.place)
        except files.TooLargeError as error:
            # A push replaces it, as it does every copy that is not a valid zone.
            return MeshCopy(b"", self.place, problem=f"{self.place}: {error.strerror}")
        except files.DeniedError:
            if served := self._read_served():
                return served
            raise

    def _is_distrusted(self, content: bytes) -> bool:
        """Tell whether the machine does not use this copy, because a key has been replaced."""
        path = (self._config.state if self._config else self._state) / KEYS_FILE
        try:
            known = self.machine.read_bytes(path, limits.MAX_SETTINGS)
            return Trust.parse(known, self.machine.display(path)).is_distrusted(content)
        except (OSError, Error):
            return False

    def _read_mesh_file(self) -> bytes | None:
        """Return the mesh's copy; None if it does not exist.

        Raises:
            DeniedError: this user may not read it.
            TooLargeError: it is larger than a zone.conf can be.
            Error: it cannot be read for another reason, or the machine cannot be reached.

        """
        try:
            return self.machine.read_bytes(self._mesh_file, limits.MAX_SIZE)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except files.TooLargeError:
            raise
        except OSError as error:
            file = f"--mesh-file {self.place}"
            raise files.unreadable(file, error, self.machine.host) from None

    def _read_served(self) -> MeshCopy | None:
        """Return what the machine serves, which every user may read; None if it serves nothing."""
        if self._config is None:
            return None
        kept = self._config.kept
        try:
            content = self.machine.read_bytes(kept, limits.MAX_SIZE)
            served = conf.parse(content, self._config.domain, str(kept))
            first = self.machine.first_line(self._config.zonefile)
        except (OSError, FileError):
            return None
        from_mesh = zonefile.parse_source(served, first.decode("ascii", "replace")) == "mesh"
        place = self.machine.display(kept)
        self._report_once(
            f"Only root may read {self.place}. The zone is compared with the one that"
            f" {self.machine.host or 'this machine'} serves, {place}: "
            + ("it came from the mesh" if from_mesh else "the mesh's copy is older, or missing")
        )
        return MeshCopy(content, place, from_mesh)

    def _report_once(self, line: str) -> None:
        if line != self._reported:
            self._reported = line
            self._report(line)

    @cached_property
    def _config(self) -> Config | None:
        """The configuration of dm-dns there; None if it is not asked for, or not there.

        Raises:
            Error: it is not a valid configuration, or the machine cannot be reached.

        """
        if self._config_path is None:
            return None
        try:
            content = self.machine.read_bytes(self._config_path, limits.MAX_SETTINGS)
        except OSError:
            return None
        return Config.parse(content, self.machine.display(self._config_path))


@contextmanager
def connect(
    via: str | None,
    mesh_file: Path,
    config: Path | None,
    report: Callable[[str], None],
    state: Path = STATE,
) -> Iterator[Destination]:
    """Yield the machine that is pushed to, as long as it is connected.

    Args:
        via: the machine, as ssh takes it; None: this one.
        mesh_file: as `Destination` takes it, as all others are.
        config: dm-dns's configuration there.
        report: takes a line for people.
        state: where dm-dns keeps its state there, if ``config`` does not say.

    Raises:
        Error: the machine cannot be reached.

    """
    if via is None:
        yield Destination(mesh_file, config=config, state=state, report=report)
        return
    with (
        ssh.exit_on([signal.SIGTERM, signal.SIGHUP]),
        ssh.SshConnection(via, report) as machine,
    ):
        yield Destination(mesh_file, machine=machine, config=config, state=state, report=report)
