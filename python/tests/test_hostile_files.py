"""Whatever stands at the place of a file: it is refused without a wait, and named."""

import errno
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns import cli, files
from dm_dns.errors import Error
from dm_dns.files import ReadFile
from dm_dns.push import keys


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in tmp_path, so that messages have short paths."""
    monkeypatch.chdir(tmp_path)


def directory() -> None:
    Path("file").mkdir()


def pipe() -> None:
    os.mkfifo("file")


def unix_socket() -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("file")


def endless_device() -> None:
    Path("file").symlink_to("/dev/zero")


def terminal() -> None:
    Path("file").symlink_to("/dev/ptmx")


def link_to_pipe() -> None:
    os.mkfifo("pipe")
    Path("file").symlink_to("pipe")


def loop() -> None:
    Path("file").symlink_to("file")


def large() -> None:
    with Path("file").open("wb") as file:
        file.truncate(2**40)  # without using any of the disk


HOSTILE = [
    (directory, snapshot("Is a directory")),
    (pipe, snapshot("it is a pipe, not a regular file")),
    (unix_socket, snapshot("it is a socket, not a regular file")),
    (endless_device, snapshot("it is a device, not a regular file")),
    (terminal, snapshot("it is a device, not a regular file")),
    (link_to_pipe, snapshot("it is a pipe, not a regular file")),
    (loop, snapshot("Too many levels of symbolic links")),
    (large, snapshot("it has 1099511627776 bytes, and the limit is 5 bytes")),
]


@pytest.mark.parametrize(("make", "reason"), HOSTILE)
def test_what_is_not_a_file_of_the_expected_size_is_a_problem_until_it_is_gone(
    make: Callable[[], None], reason: str
) -> None:
    make()
    found = ReadFile.read(Path("file"), 5)
    assert (found.content, found.problem) == (None, f"file: cannot be read: {reason}")
    assert found.is_too_large == (make is large)
    Path("file").rmdir() if make is directory else Path("file").unlink()
    assert not found.is_current()
    Path("file").write_bytes(b"12345")
    assert ReadFile.read(Path("file"), 5).content == b"12345"


PUSH = ["push", "zone.conf", "--domain", "pin"]


@pytest.mark.parametrize("make", [make for make, _reason in HOSTILE])
@pytest.mark.parametrize(
    "command",
    [
        ["check", "file", "--domain", "pin"],
        ["render", "file", "-o", "out"],
        ["render", "spec.json", "-o", "out", "--previous", "file"],
        ["plan", "file", "--domain", "pin"],
        ["plan", "zone.conf", "--domain", "pin", "--mesh-file", "file"],
        ["plan", "zone.conf", "--domain", "pin", "--mesh-file", "no", "--config", "file"],
        ["push", "file", "--domain", "pin", "--key", "key", "--network-id", "id"],
        [*PUSH, "--key", "file", "--network-id", "id"],
        [*PUSH, "--key", "key", "--network-id", "file"],
        [*PUSH, "--key", "key", "--network-id", "id", "--public-key", "file"],
        ["apply", "--config", "file"],
        ["apply", "--check", "--config", "file"],
        ["prefetch", "show", "--flake", "."],
    ],
    ids=" ".join,
)
def test_no_command_waits_for_it_or_fails_unexpectedly(
    make: Callable[[], None], command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    make()
    if command[0] == "prefetch":
        Path("file").rename("flake.lock")
    Path("zone.conf").write_text('local-zone: "pin." transparent\n')
    Path("spec.json").write_text('{"domain": "pin", "machines": {}, "endpoints": []}')
    Path("id").write_text("")
    Path("key").write_text(keys.private_pem(bytes(32)))
    status = cli.main(command)
    said = capsys.readouterr()
    # A copy of the mesh that is too large is replaced, and a configuration may be missing.
    if make is large and command[-2:] == ["--mesh-file", "file"]:
        assert status == 2
        assert "file: it has 1099511627776 bytes, and the limit is 33554432 bytes" in said.out
    elif command[-2:] != ["--config", "file"] or command[0] == "apply":
        assert status == 1
        assert said.err.startswith(("dm-dns: ", "file:"))
        assert "file" in said.err or "flake.lock" in said.err


def test_a_file_that_grows_while_it_is_read_is_read_up_to_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = os.read

    def grow(descriptor: int, size: int) -> bytes:
        content = read(descriptor, size)
        with Path("file").open("ab") as file:
            file.write(b"x" * 1000)
        return content

    Path("file").write_bytes(b"x")
    monkeypatch.setattr(os, "read", grow)
    found = ReadFile.read(Path("file"), 100_000)
    assert found.content is None
    assert found.problem == snapshot(
        "file: cannot be read: it grows, and has more bytes, and the limit is 100000 bytes"
    )


def test_what_is_put_in_the_place_of_a_file_meanwhile_is_refused_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    os.mkfifo("pipe")
    Path("file").write_bytes(b"")
    opened = os.open
    monkeypatch.setattr(os, "open", lambda _path, flags: opened("pipe", flags))
    # Without a writer to wait for, opening it must not wait.
    done = []
    thread = threading.Thread(
        target=lambda: done.append(ReadFile.read(Path("file"), 5).problem), daemon=True
    )
    thread.start()
    thread.join(20)
    assert done == ["file: cannot be read: it is a pipe, not a regular file"]


def test_a_regular_file_whose_content_must_be_waited_for_is_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Such as /proc/kmsg. All are opened in a way that makes them say so.
    def fail(_descriptor: int, _size: int) -> bytes:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    Path("file").write_bytes(b"x")
    monkeypatch.setattr(os, "read", fail)
    with pytest.raises(OSError, match="Resource temporarily unavailable") as caught:
        files.read(Path("file"), 5)
    assert caught.value.filename == "file"


def test_too_little_memory_for_a_file_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int, _size: int) -> bytes:
        raise MemoryError

    Path("file").write_bytes(b"x")
    monkeypatch.setattr(os, "read", fail)
    assert ReadFile.read(Path("file"), 5).problem == snapshot(
        "file: cannot be read: memory is not enough"
    )


def test_of_a_file_only_the_first_line_is_read() -> None:
    Path("file").write_bytes(b"; first\nsecond\n")
    assert files.first_line(Path("file")) == b"; first"
    Path("file").write_bytes(b"x" * 2**20)
    assert files.first_line(Path("file")) == b"x" * files.FIRST_LINE


def test_a_pipe_that_a_user_names_is_told_with_what_to_do() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"secret")
    with pytest.raises(Error) as caught:
        files.read_named(Path(f"/dev/fd/{reader}"), "--key")
    assert str(caught.value).endswith("is not a regular file. Give the path of one.")
    assert os.read(reader, 9) == b"secret"
    os.close(reader)
    os.close(writer)
