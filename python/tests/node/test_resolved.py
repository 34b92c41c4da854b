import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dm_dns.errors import Error
from dm_dns.node import resolved

SOCKET = Path("resolved")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def answering(reply: object) -> Iterator[list[object]]:
    """Answer one call, and yield a list that then has it."""
    calls: list[object] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(SOCKET))
        server.listen()

        def serve() -> None:
            stream, _ = server.accept()
            with stream:
                calls.append(json.loads(stream.recv(4096)[:-1]))
                stream.sendall(json.dumps(reply).encode() + b"\0")

        thread = threading.Thread(target=serve)
        thread.start()
        yield calls
        thread.join()


def ask() -> str | None:
    return resolved.txt(SOCKET, "_dm-dns.pin", seconds=5)


def test_it_is_asked_as_programs_ask_it() -> None:
    record = {"ifindex": 0, "rr": {"items": ["serial=7", "file=1"]}, "raw": ""}
    with answering({"parameters": {"rrs": [record], "flags": 1}}) as calls:
        assert ask() == "serial=7 file=1"
    assert calls == [
        {
            "method": "io.systemd.Resolve.ResolveRecord",
            "parameters": {"name": "_dm-dns.pin", "type": 16},
        }
    ]


@pytest.mark.parametrize(
    "reply",
    [
        {"error": "io.systemd.Resolve.NoSuchResourceRecord", "parameters": {}},
        {"error": "io.systemd.Resolve.DNSError", "parameters": {"rcode": 3}},
        {"error": "io.systemd.Resolve.MaxAttemptsReached"},
        {"parameters": {"rrs": []}},
        {"parameters": {}},
    ],
)
def test_there_may_be_no_record(reply: object) -> None:
    with answering(reply):
        assert ask() is None


@pytest.mark.parametrize(
    "reply", [[], {"parameters": {"rrs": 1}}, {"parameters": {"rrs": [{}]}}, {"parameters": [1]}]
)
def test_what_is_not_an_answer_is_an_error(reply: object) -> None:
    with answering(reply), pytest.raises(Error, match="systemd-resolved does not answer at"):
        ask()


def test_that_it_does_not_run_is_an_error() -> None:
    with pytest.raises(Error, match="No such file or directory; `dm-dns doctor` says what to type"):
        ask()
