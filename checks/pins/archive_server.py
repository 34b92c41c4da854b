"""An HTTP server on loopback that gives archives, whole or broken, and notes who asked for what."""

import gzip
import io
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

_PIECES = 8
_POLL_SECONDS = 0.02  # so long does its end take


class Answer(NamedTuple):
    """What a request gets."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}
    cut: int = 0
    """Bytes at the end that are announced and not sent."""
    pause: float = 0
    """Seconds before each of a few pieces."""


class ArchiveServer:
    """What is given to whom; see `serving`."""

    def __init__(self) -> None:
        """Give nothing yet."""
        self.answers: dict[str, list[Answer]] = {}
        """For each path what its requests get, one after the other; the last is for all others."""
        self.asked: list[str] = []
        """The paths that were asked for."""
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        return f"http://127.0.0.1:{self.http.server_port}{path}"

    def give(self, path: str, *answers: Answer | bytes) -> None:
        """Give these answers from now on; bytes are a body."""
        self.answers[path] = [
            Answer(answer) if isinstance(answer, bytes) else answer for answer in answers
        ]

    def take(self, path: str) -> Answer:
        """Return the answer to the next request of a path."""
        self.asked.append(path)
        answers = self.answers.get(path, [Answer(b"<html>error: no such page</html>", 404)])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def serving() -> Iterator[ArchiveServer]:
    """Yield a server that answers until the end."""
    server = ArchiveServer()
    thread = Thread(target=server.http.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()


def archive(files: Mapping[str, str], *, modified: int = 1_700_000_000) -> bytes:
    """Return a .tar.gz with these files in one folder, the same for the same arguments."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        folder = tarfile.TarInfo("source")
        folder.type, folder.mode, folder.mtime = tarfile.DIRTYPE, 0o755, modified
        tar.addfile(folder)
        for name, text in sorted(files.items()):
            content = text.encode()
            file = tarfile.TarInfo(f"source/{name}")
            file.size, file.mode, file.mtime = len(content), 0o644, modified
            tar.addfile(file, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), mtime=0)


def _handler(server: ArchiveServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # Nix 2.18 may add the hash to a URL, which servers of archives ignore.
            answer = server.take(self.path.partition("?")[0])
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            sent = answer.body[: len(answer.body) - answer.cut]
            step = max(1, -(-len(sent) // _PIECES)) if answer.pause else max(1, len(sent))
            with suppress(ConnectionError):  # it took too long for the client
                for start in range(0, len(sent), step):
                    time.sleep(answer.pause)
                    self.wfile.write(sent[start : start + step])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
