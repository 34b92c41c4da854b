"""The daemon's HTTP: one port on loopback for the CLI, one for the peers."""

import json
import logging
import socket
import socketserver
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from checks.fake_data_mesher.mesh_errors import MeshError, NotNewerError, RefusedError
from checks.fake_data_mesher.statement import MAX_CONTENT, MeshEntry
from checks.fake_data_mesher.store import Store

FILES = "/v1/files"
STATEMENTS = "/v1/statements"
MAX_BODY = MAX_CONTENT * 4 // 3 + 2**16  # base64, and the rest of the JSON

_log = logging.getLogger("data-mesher")


class _Handler(BaseHTTPRequestHandler):
    server: "MeshPort"
    timeout = 30  # seconds for a client that stops in the middle of its request

    def do_GET(self) -> None:
        entries = self.server.store.entries()
        if self.path == "/":
            self._reply(HTTPStatus.OK, b"fake data-mesher\n")
        elif self.server.for_peers and self.path == STATEMENTS:
            statements = [entry.statement.to_json() for entry in entries.values()]
            self._reply(HTTPStatus.OK, json.dumps({"statements": statements}).encode())
        elif (
            self.server.for_peers
            and self.path.startswith(f"{FILES}/")
            and (entry := entries.get(self.path.removeprefix(f"{FILES}/")))
        ):
            self._reply(HTTPStatus.OK, entry.dump())
        else:
            self._reply(HTTPStatus.NOT_FOUND, b"not found\n")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != FILES:
            self._reply(HTTPStatus.NOT_FOUND, b"not found\n")
        elif not (length.isascii() and length.isdecimal()):
            self._reply(HTTPStatus.LENGTH_REQUIRED, b"no length\n")
        elif len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
            reason = f"the file is over {MAX_CONTENT} bytes\n"
            self._reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason.encode())
        else:
            status, reason = self._receive(self.rfile.read(int(length)))
            self._reply(status, f"{reason}\n".encode())

    def _receive(self, body: bytes) -> tuple[HTTPStatus, str]:
        sender = "the command line"
        if self.server.for_peers:
            sender = f"peer {self.client_address[0]}"
        try:
            entry = MeshEntry.load(body)
            self.server.store.receive(entry, sender=sender, from_peer=self.server.for_peers)
        except RefusedError as e:
            _log.warning("refused from %s: %s", sender, e)
            newer = isinstance(e, NotNewerError)
            return (HTTPStatus.CONFLICT if newer else HTTPStatus.FORBIDDEN), str(e)
        except OSError as e:
            _log.error("cannot write: %s", e)
            return HTTPStatus.INTERNAL_SERVER_ERROR, f"the node cannot write: {e}"
        return HTTPStatus.OK, "accepted"

    def _reply(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        _log.debug("%s %r", self.client_address[0], format % args)


class MeshPort(ThreadingHTTPServer):
    """A listening port; `for_peers` says which of the two kinds."""

    request_queue_size = 64

    def __init__(self, address: tuple[str, int], store: Store, *, for_peers: bool) -> None:
        """Listen. Raises MeshError when the address cannot be had."""
        self.store = store
        self.for_peers = for_peers
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        try:
            super().__init__(address, _Handler)
        except OSError as e:
            raise MeshError(f"cannot listen on {address[0]} port {address[1]}: {e}") from None

    def server_bind(self) -> None:
        """Bind without HTTPServer's reverse DNS look-up, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, _request: object, client_address: object) -> None:
        """Log one line: a client that hangs up is not worth a traceback."""
        _log.warning("request of %s failed: %r", client_address, sys.exception())
