"""What a machine may send through ssh; here ssh is a program that runs the command itself."""

import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dm_dns import files
from dm_dns.access import ssh
from dm_dns.access.ssh import SshConnection
from dm_dns.errors import Error

FAKE = """\
#!/bin/sh
{0}
for command; do :; done
exec sh -c "$command"
"""


@pytest.fixture(autouse=True)
def reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Work in tmp_path with a program `ssh`; return the list of what is reported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    install("")
    return []


def install(start: str) -> None:
    Path("ssh").write_text(FAKE.format(start))
    Path("ssh").chmod(0o755)


@pytest.fixture
def machine(reported: list[str]) -> Iterator[SshConnection]:
    with SshConnection("kiwi", reported.append) as connection:
        yield connection


def test_a_file_is_read_up_to_the_limit(machine: SshConnection) -> None:
    Path("file").write_bytes(b"12345\n\xff\x00")
    assert machine.read_bytes(Path("file"), 8) == b"12345\n\xff\x00"
    with pytest.raises(files.TooLargeError) as caught:
        machine.read_bytes(Path("file"), 7)
    assert caught.value.strerror == "it has more bytes, and the limit is 7 bytes"
    assert caught.value.filename == "kiwi:file"
    assert machine.first_line(Path("file")) == b"12345"


def test_of_a_large_file_no_more_is_sent(machine: SshConnection) -> None:
    with Path("file").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(files.TooLargeError):
        machine.read_bytes(Path("file"), 1000)
    assert machine.first_line(Path("file")) == bytes(files.FIRST_LINE)


@pytest.mark.parametrize("make", ["mkfifo file", "ln -s /dev/zero file", "ln -s /dev/ptmx file"])
def test_what_is_not_a_regular_file_is_not_opened(make: str, machine: SshConnection) -> None:
    assert os.system(make) == 0  # noqa: S605 - of this test's own
    with pytest.raises(OSError, match="it is not a regular file") as caught:
        machine.read_bytes(Path("file"), 1000)
    assert caught.value.filename == "kiwi:file"


def test_what_cannot_be_read_is_told_apart(machine: SshConnection) -> None:
    Path("folder").mkdir()
    with pytest.raises(FileNotFoundError):
        machine.read_bytes(Path("file"), 5)
    with pytest.raises(NotADirectoryError):
        machine.read_bytes(Path("ssh/file"), 5)
    with pytest.raises(IsADirectoryError):
        machine.read_bytes(Path("folder"), 5)
    with pytest.raises(FileNotFoundError):
        machine.list_directory(Path("file"))
    assert machine.list_directory(Path("folder")) == []


@pytest.mark.parametrize("name", ["-n", "a b", "$(touch x)", "'", "a\nb"])
def test_a_path_is_nothing_but_a_path(name: str, machine: SshConnection) -> None:
    Path(name).write_bytes(b"content")
    assert machine.read_bytes(Path(name), 9) == b"content"
    assert not Path("x").exists()


def test_what_is_printed_at_the_login_is_reported_and_not_shown(
    reported: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    install("printf 'hello \\033[31m\\n' >&2; echo from a start-up file")
    with SshConnection("kiwi", reported.append) as machine:
        Path("file").write_bytes(b"content")
        assert machine.read_bytes(Path("file"), 9) == b"content"
    assert reported == ["hello \x1b[31m"]  # which the command line escapes
    assert capfd.readouterr() == ("", "")


def test_of_what_is_printed_at_the_login_a_hundred_lines_are_reported(reported: list[str]) -> None:
    install("seq 1 5000 >&2")
    with SshConnection("kiwi", reported.append):
        pass
    assert reported == [str(number) for number in range(1, 101)]


def test_a_machine_that_never_stops_sending_is_stopped(
    machine: SshConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "_MAX_LIST", 1000)
    install("yes")
    with pytest.raises(Error, match="kiwi sends more than 1006 bytes for file"):
        machine.read_bytes(Path("file"), 5)


def test_a_machine_that_sends_nothing_is_not_waited_for(
    machine: SshConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "_READ_SECONDS", 0.3)
    install("exec sleep 30")
    with pytest.raises(Error, match=r"kiwi did not send file within 0\.3 s"):
        machine.read_bytes(Path("file"), 5)


def install_forwards(failures: int = 0) -> None:
    """Install an ssh that notes what to forward, and cannot at first."""
    install(f"""\
case " $* " in *" -O "*)
  echo "$*" >>asked
  [ "$(wc -l <asked)" -gt {failures} ]
  exit ;;
esac""")


@pytest.mark.parametrize(
    ("url", "there", "path"),
    [
        ("http://localhost:7331", "localhost:7331", ""),
        ("http://[::1]:7331/", "[::1]:7331", "/"),
        ("http://kiwi/a?b", "kiwi:80", "/a?b"),
    ],
)
def test_a_server_is_forwarded_to_a_port_of_this_machine(
    url: str, there: str, path: str, machine: SshConnection
) -> None:
    install_forwards()
    here = re.fullmatch(rf"http://(127\.0\.0\.1:\d+){re.escape(path)}", machine.forward(url))
    assert here
    assert f" -L {here[1]}:{there} -- kiwi\n" in Path("asked").read_text()


def test_a_port_that_somebody_else_has_taken_meanwhile_is_not_the_last_to_be_tried(
    machine: SshConnection,
) -> None:
    install_forwards(failures=4)
    here = machine.forward("http://localhost:7331").removeprefix("http://")
    assert f" -L {here}:localhost:7331 " in Path("asked").read_text().splitlines()[4]


def test_after_five_ports_it_is_not_the_port(machine: SshConnection) -> None:
    install_forwards(failures=5)
    with pytest.raises(Error, match="ssh to kiwi failed"):
        machine.forward("http://localhost:7331")
    assert len(Path("asked").read_text().splitlines()) == 5


def test_the_path_of_the_socket_is_short_enough_wherever_temporary_files_are(
    tmp_path: Path, reported: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install('[ "$1" = -S ] && dirname "$2" >>sockets')
    for folder in (tmp_path / ("x" * 80), Path(tempfile.gettempdir())):
        folder.mkdir(exist_ok=True, parents=True)
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        with SshConnection("kiwi", reported.append):
            pass
    long, short = map(Path, Path("sockets").read_text().splitlines())
    assert long.parent == Path("/tmp")  # noqa: S108 - it is mkdtemp's
    assert short.parent == Path(tempfile.gettempdir())
    assert not long.exists()
    assert not short.exists()


@pytest.fixture
def hangup() -> Iterator[None]:
    """Let a test set what SIGHUP does."""
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangup")
def test_a_signal_ends_what_is_done_and_cleans_up() -> None:
    def wait_to_be_ended() -> None:
        with ssh.exit_on([signal.SIGHUP]):
            assert signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL  # or it would end pytest
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(60)

    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with pytest.raises(SystemExit) as caught:
        wait_to_be_ended()
    assert caught.value.code == 128 + signal.SIGHUP
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


@pytest.mark.usefixtures("hangup")
def test_a_signal_that_is_ignored_as_by_nohup_stays_so() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ssh.exit_on([signal.SIGHUP]):
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
