"""What systemd is told, with this test in systemd's place."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dm_dns.node import notify


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What the service tells arrives here."""
    path = tmp_path / "systemd"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(str(path))
        found.settimeout(20)
        monkeypatch.setenv(notify.VARIABLE, str(path))
        yield found


@pytest.mark.parametrize("number", [0, 1, 253, 254, 600])
def test_systemd_gets_however_many_sockets(systemd: socket.socket, number: int) -> None:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(number)]
        storing = threading.Thread(target=notify.store, args=[sockets])
        storing.start()
        stored = 0
        while True:
            message, descriptors, *_ = socket.recv_fds(systemd, 1000, 253)
            for each in descriptors:
                os.close(each)
            if message == b"BARRIER=1":
                break
            assert message == b"FDSTORE=1\nFDNAME=connection"
            stored += len(descriptors)
        storing.join()
        assert stored == number


def test_it_waits_until_systemd_has_read_what_it_was_told(systemd: socket.socket) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        storing = threading.Thread(target=notify.store, args=[[one]])
        storing.start()
        for _ in range(2):
            _, [descriptor], *_ = socket.recv_fds(systemd, 1000, 253)
            assert storing.is_alive()
            os.close(descriptor)
        storing.join()


@pytest.mark.parametrize("path", ["/nowhere", None])
def test_without_a_systemd_that_listens_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    if path is None:
        monkeypatch.delenv(notify.VARIABLE, raising=False)
        notify.notify(notify.READY)
    else:
        monkeypatch.setenv(notify.VARIABLE, path)
        with pytest.raises(FileNotFoundError):
            notify.notify(notify.READY)
    with socket.socket(socket.AF_UNIX) as one:
        notify.store([one])
        assert one.fileno() >= 0
    notify.clear_store()
