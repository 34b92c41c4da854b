"""Target: the machine that is pushed to, and what is known there of the mesh's copy."""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns.errors import Error, FileError
from dm_dns.node.config import Config
from dm_dns.push import data_mesher, ssh, user_files
from dm_dns.push.file_access import LOCAL, Machine
from dm_dns.zone import conf, zonefile

CONFIG: Final = Path("/etc/dm-dns/apply.json")


class Copy(NamedTuple):
    """The mesh's copy of the zone, as far as a machine shows it."""

    content: bytes | None
    """None: there is none."""
    place: str
    """The file it was read from, for messages."""
    is_meshs: bool = True
    """If not, it is what the machine was deployed with, and the mesh's is not known."""

    @property
    def meshs(self) -> bytes | None:
        """What the mesh has for sure; None also where that is not known."""
        return self.content if self.is_meshs else None


class Target:
    """The machine that is pushed to."""

    def __init__(
        self, mesh_file: Path, *, machine: Machine = LOCAL, config: Path | None = None
    ) -> None:
        """Look at nothing yet.

        Args:
            mesh_file: the mesh's copy there.
            machine: where.
            config: the configuration of dm-dns there; with None the machine is taken for one of
                the clan, and its ``mesh_file`` must be readable.

        """
        self.machine = machine
        self.mesh_file = mesh_file
        self._config_path = config
        self._told = ""

    @property
    def place(self) -> str:
        """How messages name the mesh's copy."""
        return self.machine.place(self.mesh_file)

    def copy(self) -> Copy:
        """Return the mesh's copy, or what stands for it where only root may read that.

        Raises:
            Error: neither can be read, or the machine cannot be reached.

        """
        try:
            return Copy(data_mesher.read_file(self.mesh_file, self.machine), self.place)
        except user_files.DeniedError:
            if found := self._served():
                return found
            raise

    def _served(self) -> Copy | None:
        """Return what the machine serves, which everybody may read; None where it serves none."""
        if self.config is None:
            return None
        kept = Path(self.config.kept)
        try:
            content = self.machine.read_bytes(kept)
            served = conf.parse(content, self.config.domain, str(kept))
            compiled = self.machine.read_bytes(Path(self.config.zonefile))
        except (OSError, FileError):
            return None
        line = compiled.partition(b"\n")[0].decode("ascii", "replace")
        is_meshs = zonefile.source_of(served, line) == "mesh"
        place = self.machine.place(kept)
        self._tell(
            f"{self.place} may be read by root only. Instead, this compares with what is served"
            f" {self.machine.here}, {place}: "
            + ("it came from the mesh" if is_meshs else "the mesh's is older, or missing")
        )
        return Copy(content, place, is_meshs)

    def _tell(self, line: str) -> None:
        """Print a line to stderr, unless it was the last one."""
        if line != self._told:
            self._told = line
            print(line, file=sys.stderr, flush=True)

    @cached_property
    def config(self) -> Config | None:
        """The configuration of dm-dns there; None where it is not asked for, or there is none.

        Raises:
            Error: it is no configuration, or the machine cannot be reached.

        """
        if self._config_path is None:
            return None
        try:
            content = self.machine.read_bytes(self._config_path)
        except OSError:
            return None
        return Config.parse(content, self.machine.place(self._config_path))

    def url(self, url: str, *, dry_run: bool) -> str:
        """Return where the data-mesher that is at ``url`` on the machine answers here.

        Raises:
            Error: it cannot be reached from here.

        """
        if dry_run or not isinstance(self.machine, ssh.Host):
            return url
        return self.machine.forward(url)

    def check_domain(self, domain: str) -> None:
        """Check that a zone of ``domain`` belongs to the clan of this machine.

        Raises:
            Error: the machine is of another; or it cannot be reached.

        """
        if self._config_path is None:
            return
        if self.config is not None:
            theirs, place = self.config.domain, self.machine.place(self._config_path)
        else:
            copy = self.copy()
            try:
                theirs, place = conf.domain_of(copy.content or b"", copy.place), copy.place
            except FileError:
                return  # a push brings the first zone, or replaces what is none
        if theirs != domain:
            raise Error(
                f"the zone is of {domain}, and the machine that it would be pushed to is of"
                f" {theirs} ({place}). Nothing was sent. Give a machine of the zone's clan with"
                " --via, or the checkout of the machine's with --flake; --force does not help."
            )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that say which machine is pushed to."""
    group = parser.add_argument_group(
        "the machine that is pushed to",
        "It is this one without --via. Paths and addresses are as that machine has them.",
    )
    group.add_argument(
        "--via",
        metavar="HOST",
        type=ssh.host,
        help="a machine of the clan, as ssh takes it: HOST or USER@HOST",
    )
    group.add_argument(
        "--config",
        metavar="PATH",
        type=Path,
        help=f"with --flake or --via: dm-dns's configuration there ({CONFIG})",
    )


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Target]:
    """Return the machine that the parsed arguments say, while it is connected.

    Raises:
        Error: it cannot be reached.

    """
    config = args.config
    if args.flake or args.via:
        config = config or CONFIG
    with ExitStack() as stack:
        machine: Machine = LOCAL
        if args.via:
            stack.enter_context(ssh.ending_on([signal.SIGTERM, signal.SIGHUP]))
            machine = stack.enter_context(ssh.Host(args.via))
        yield Target(args.mesh_file, machine=machine, config=config)
