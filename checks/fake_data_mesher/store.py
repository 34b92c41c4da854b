"""A node's state: signed entries in `<state>/entries`, their contents in `<state>/files`."""

import hashlib
import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from checks.fake_data_mesher.config import ServerConfig
from checks.fake_data_mesher.mesh_errors import MeshError, NotNewerError, RefusedError
from checks.fake_data_mesher.statement import DELETE, MeshEntry, Statement

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("data-mesher")


class Store:
    """The newest valid entry of every name; safe to use from several threads."""

    def __init__(self, config: ServerConfig) -> None:
        """Open the folder and read what an earlier run left. Raises MeshError."""
        self.lock = threading.Lock()
        self.on_change: list[Callable[[], None]] = []
        self._rules = config.rules
        self._in_place = config.write_in_place
        self._temporary = config.state_dir / "tmp"
        self._entries_dir = config.state_dir / "entries"
        self._files = config.state_dir / "files"
        self._folder = self._files / config.rules.network.hex()
        self._entries: dict[str, MeshEntry] = {}
        self._removed: set[str] = set()  # names whose expired file is gone already
        try:
            self._open()
        except OSError as e:
            raise MeshError(f"{config.state_dir}: cannot use the state: {e}") from None

    def _open(self) -> None:
        for folder in (self._entries_dir, self._folder, self._temporary):
            folder.mkdir(parents=True, exist_ok=True)
        for leftover in self._temporary.iterdir():
            leftover.unlink()
        link = self._temporary / "home"
        link.symlink_to(self._folder.name)
        link.replace(self._files / "home")
        for path in sorted(self._entries_dir.iterdir()):
            try:
                entry = self._read_entry(path)
            except (OSError, RefusedError) as e:
                _log.warning("ignored %s: %s", path, e)
                continue
            self._entries[entry.statement.name] = entry
            if not self._is_written(entry):
                self._write_file(entry)

    def _read_entry(self, path: Path) -> MeshEntry:
        entry = MeshEntry.load(path.read_bytes())
        self._rules.check_entry(entry)
        if path != self._path(entry.statement.name):
            raise RefusedError("it is the entry of another name")
        return entry

    def _is_written(self, entry: MeshEntry) -> bool:
        path = self._folder / entry.statement.name
        return self._is_present(entry) and path.is_file() and path.read_bytes() == entry.content

    def _is_present(self, entry: MeshEntry) -> bool:
        return entry.statement.kind != DELETE and not entry.statement.expired(time.time_ns())

    def _path(self, name: str) -> Path:
        # A name's hash: names may be longer than a file's name can be.
        return self._entries_dir / f"{hashlib.sha256(name.encode()).hexdigest()}.json"

    def _replace(self, path: Path, data: bytes) -> None:
        # Written elsewhere, so that no reader of the folder meets a temporary file.
        self._temporary.mkdir(parents=True, exist_ok=True)
        temporary = self._temporary / path.name
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def _write_file(self, entry: MeshEntry) -> None:
        path = self._folder / entry.statement.name
        if not self._is_present(entry):
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._in_place:
            path.write_bytes(entry.content)
        else:
            self._replace(path, entry.content)

    def receive(self, entry: MeshEntry, *, sender: str, from_peer: bool) -> None:
        """Verify an entry and, if it is newer than what is there, keep it and write its file.

        From the CLI only a later signing time is newer; among peers `Statement.rank` also decides
        between entries of one instant, so that all nodes end with the same. Raises RefusedError,
        and OSError when the disk fails (then nothing is taken over and a peer will send it again).
        """
        statement = entry.statement
        self._rules.check_entry(entry)
        with self.lock:
            self._rules.check_time(statement, time.time_ns())
            if not self._newer(statement, from_peer=from_peer):
                raise NotNewerError(
                    f"the signature of {statement.name!r} is not newer than the one the node has"
                )
            self._entries_dir.mkdir(parents=True, exist_ok=True)
            self._replace(self._path(statement.name), entry.dump())
            self._write_file(entry)
            self._entries[statement.name] = entry
            self._removed.discard(statement.name)
        what = "deleted" if statement.kind == DELETE else f"updated ({statement.size} bytes)"
        _log.info("%s %s, from %s", statement.name, what, sender)
        for notify in self.on_change:
            notify()

    def _newer(self, statement: Statement, *, from_peer: bool) -> bool:
        current = self._entries.get(statement.name)
        if current is None:
            return True
        if from_peer:
            return statement.rank > current.statement.rank
        return statement.instant > current.statement.instant

    def wants(self, statement: Statement) -> bool:
        """Whether a peer's statement would be kept. Raises RefusedError where a rule forbids it."""
        with self.lock:
            if not self._newer(statement, from_peer=True):
                return False
        self._rules.check_statement(statement)
        self._rules.check_time(statement, time.time_ns())
        return True

    def entries(self) -> dict[str, MeshEntry]:
        """Return what is to be gossiped: all but the expired, which no peer would accept."""
        now = time.time_ns()
        with self.lock:
            return {n: e for n, e in self._entries.items() if not e.statement.expired(now)}

    def expire(self) -> None:
        """Remove the files whose validity time is over.

        Their entries stay, or a peer that missed them could bring an older file back.
        """
        now = time.time_ns()
        with self.lock:
            for name, entry in self._entries.items():
                if entry.statement.expired(now) and name not in self._removed:
                    self._write_file(entry)
                    self._removed.add(name)
                    _log.info("%s expired", name)
