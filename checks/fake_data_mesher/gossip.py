"""A daemon's exchange with one peer: immediately after a change, and at every interval."""

import logging
import threading
from http import HTTPStatus

from checks.fake_data_mesher.client import call
from checks.fake_data_mesher.mesh_errors import MeshError, RefusedError, UnreachableError
from checks.fake_data_mesher.mesh_port import FILES, MAX_BODY, STATEMENTS
from checks.fake_data_mesher.statement import MeshEntry, Statement, parse_json
from checks.fake_data_mesher.store import Store

_log = logging.getLogger("data-mesher")


class Peer(threading.Thread):
    """Push/pull with one peer. It starts with an exchange, so a node that was down catches up."""

    def __init__(self, url: str, store: Store, interval: float) -> None:
        """Prepare for the peer whose cluster port is at `url`; `interval` is in seconds."""
        super().__init__(name=url, daemon=True)
        self._url = url
        self._store = store
        self._interval = interval
        self._wake = threading.Event()
        self._stopping = False
        self._reachable: bool | None = None

    def wake(self) -> None:
        """Exchange now, or once more when an exchange is going on."""
        self._wake.set()

    def stop(self) -> None:
        """End after the request that is going on."""
        self._stopping = True
        self._wake.set()

    def run(self) -> None:
        """Exchange until `stop`."""
        while not self._stopping:
            self._wake.clear()
            try:
                self._exchange()
                self._note(reachable=True)
            except UnreachableError as e:
                self._note(reachable=False, reason=str(e))
            except (MeshError, OSError) as e:
                _log.warning("exchange with %s: %s", self._url, e)
            self._wake.wait(self._interval)

    def _note(self, *, reachable: bool, reason: str = "") -> None:
        if reachable != self._reachable and not self._stopping:
            if reachable:
                _log.info("peer %s reached", self._url)
            else:
                _log.warning("peer not reached: %s", reason)
        self._reachable = reachable

    def _get(self, path: str) -> bytes:
        status, body = call("GET", self._url + path, limit=MAX_BODY)
        if status != HTTPStatus.OK:
            raise UnreachableError(f"{self._url}{path}: status {status}")
        return body

    def _exchange(self) -> None:
        listed = parse_json(self._get(STATEMENTS)).get("statements")
        theirs: dict[str, Statement] = {}
        for fields in listed if isinstance(listed, list) else []:
            try:
                statement = Statement.from_json(fields if isinstance(fields, dict) else {})
                theirs[statement.name] = statement
            except RefusedError as e:
                _log.warning("refused from %s: %s", self._url, e)
        for statement in theirs.values():
            self._pull(statement)
        for name, entry in self._store.entries().items():
            if self._stopping:
                return
            if name not in theirs or entry.statement.rank > theirs[name].rank:
                self._push(entry)

    def _pull(self, statement: Statement) -> None:
        if self._stopping:
            return
        try:
            if self._store.wants(statement):
                entry = MeshEntry.load(self._get(f"{FILES}/{statement.name}"))
                self._store.receive(entry, sender=self._url, from_peer=True)
        except RefusedError as e:
            _log.warning("refused from %s: %s: %s", self._url, statement.name, e)

    def _push(self, entry: MeshEntry) -> None:
        status, reason = call("POST", self._url + FILES, entry.dump(), limit=MAX_BODY)
        # A conflict says that the peer got something newer in between: the next exchange brings it.
        if status not in (HTTPStatus.OK, HTTPStatus.CONFLICT):
            _log.warning(
                "%s was refused by %s: %r",
                entry.statement.name,
                self._url,
                reason[:200].decode(errors="replace"),
            )
