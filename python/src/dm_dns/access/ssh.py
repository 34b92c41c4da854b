"""A machine that is reached through ssh: its files, and the HTTP side of its data-mesher.

Everything goes through one connection: one login, with whatever prompts it has.
"""

import errno
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, NoReturn, Self
from urllib.parse import urlsplit

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.files import TooLargeError

_LOOPBACK: Final = "127.0.0.1"
_PORTS: Final = 5  # to try: a free one may be somebody's by the time that ssh listens
_READ_SECONDS: Final = 60.0
_CLOSE_SECONDS: Final = 5.0
_MAX_OUTPUT: Final = 2**20  # bytes of what a command prints
_NO_SSH: Final = "ssh cannot be run: put OpenSSH's ssh on PATH."
_MAX_LINES: Final = 100  # of what a machine prints on stderr, each of so many bytes at most:
_MAX_LINE: Final = 1000
_MAX_LIST: Final = 2**20  # bytes of a directory's listing, and of what a login prints
_LONGEST_DIRECTORY: Final = 60  # a socket's path has less than 108 characters, and ssh adds 17

# A line of our own: what a login shell's start-up files print comes before it.
_MARK: Final = b"---dm-dns---\n"
_HOLD: Final = "exec sh -c 'echo ---dm-dns---; exec cat >/dev/null'"

# The last words of head and ls in the C locale.
_ERRORS: Final = {
    os.strerror(number): number
    for number in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EISDIR)
}

_REMEDIES: Final = (
    (
        r"could not resolve hostname",
        "Check the name. --via takes what ssh takes: a Host of ~/.ssh/config, or USER@ADDRESS.",
    ),
    (
        r"host key verification failed|host identification has changed",
        "Log in once with `ssh {host}`, and compare the host key it shows with the machine's.",
    ),
    (
        r"permission denied|too many authentication failures",
        "Check that `ssh {host}` logs in; --via USER@HOST takes another user.",
    ),
    (
        r"connection refused|timed out|no route to host|network is unreachable",
        "Check that the machine is up and its sshd runs, or name another machine of the clan.",
    ),
)


class SshConnection:
    """A connection to a machine of the clan: a context manager, and a `file_access.Machine`."""

    def __init__(self, host: str, report: Callable[[str], None]) -> None:
        """Name the machine.

        Args:
            host: as ssh takes it; it must not start with a -.
            report: takes a line that the machine printed when it was logged in to.

        """
        self.host = host
        self._report = report
        self._directory = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            Error: ssh cannot be run, or does not log in.

        """
        base = tempfile.gettempdir()
        directory = base if len(base) <= _LONGEST_DIRECTORY else "/tmp"  # noqa: S108 - mkdtemp
        self._directory = Path(tempfile.mkdtemp(prefix="dm-dns-", dir=directory))
        try:
            self._connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self.close()

    def close(self) -> None:
        """Disconnect, and remove the directory of the connection."""
        running, self._process = self._process, None
        if running is not None:
            assert running.stdin  # noqa: S101 - for mypy: it is a pipe
            assert running.stdout  # noqa: S101
            with suppress(BrokenPipeError):
                running.stdin.close()  # at which the command there ends, and ssh with it
            try:
                running.wait(_CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()
            finally:
                running.wait()
                running.stdout.close()
            self._reporter.join(_CLOSE_SECONDS)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _connect(self) -> None:
        arguments = ["-M", "-E", str(self._log), "-T", "-a", "-x"]
        for option in ("ControlPersist=no", "ClearAllForwardings=yes", "RemoteCommand=none"):
            arguments += ["-o", option]
        # ssh lives for as long as this pipe: it ends with this process, even if that is killed.
        self._process = running = subprocess.Popen(
            self._command(*arguments, "--", self.host, _HOLD),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        stdout = running.stdout
        assert stdout  # noqa: S101 - for mypy: it is a pipe
        self._reporter = threading.Thread(target=self._pass_on, args=[running.stderr], daemon=True)
        self._reporter.start()
        for line in iter(lambda: stdout.readline(_MAX_LINE), b""):
            if line.endswith(_MARK):
                return
        running.wait()
        self._fail()

    def _pass_on(self, stderr: BinaryIO) -> None:
        """Report what the machine, or the way to it, prints on stderr: never raw on a terminal."""
        with stderr:
            for number, line in enumerate(iter(lambda: stderr.readline(_MAX_LINE), b"")):
                if number < _MAX_LINES:
                    self._report(line.decode("utf-8", "replace").rstrip("\r\n"))

    @property
    def _log(self) -> Path:
        return self._directory / "log"

    def _command(self, *arguments: str) -> list[str]:
        if shutil.which("ssh") is None:
            raise Error(_NO_SSH)
        return ["ssh", "-S", str(self._directory / "control"), *arguments]

    def _through(self, *arguments: str) -> list[str]:
        """Return an ssh command that uses the connection, and makes none of its own."""
        # The settings of ~/.ssh/config were for the login: its forwards are not wanted again.
        alone = ["-F", "none", "-o", "ProxyCommand=false", "-o", "BatchMode=yes"]
        return self._command(*alone, "-E", str(self._log), *arguments)

    def _fail(self) -> NoReturn:
        """Raise an error with ssh's last message."""
        raise _failure(self.host, _last_line(self._log))

    def display(self, path: Path) -> str:
        """Return how messages name a file of this machine."""
        return f"{self.host}:{path}"

    def read_bytes(self, path: Path, limit: int) -> bytes:
        """Return what the regular file at ``path`` there holds, at most ``limit`` bytes.

        Raises:
            TooLargeError: it is larger.
            OSError: it cannot be read by the user who is logged in, or is not a regular file.
            Error: the connection is lost.

        """
        content = self._read_start(path, limit + 1)
        if len(content) > limit:
            raise TooLargeError(self.display(path), "it has more bytes", limit)
        return content

    def first_line(self, path: Path) -> bytes:
        """Return the first line of the regular file at ``path`` there, as `files.first_line` does.

        Raises:
            OSError: it cannot be read by the user who is logged in, or is not a regular file.
            Error: the connection is lost.

        """
        return self._read_start(path, files.FIRST_LINE).partition(b"\n")[0]

    def _read_start(self, path: Path, size: int) -> bytes:
        script = (
            # The form of the messages of head and ls, whose last words are the reason.
            'if [ -e "$1" ] && [ ! -f "$1" ] && [ ! -d "$1" ]; then'
            ' echo ": it is not a regular file"; exit 1; fi;'
            f' exec head -c {size} -- "$1"'
        )
        return self._run(script, path, size)

    def list_directory(self, directory: Path) -> list[str]:
        """Return the names of a directory's entries there.

        Raises:
            OSError: it cannot be read by the user who is logged in.
            Error: the connection is lost.

        """
        listed = self._run('exec ls -- "$1"', directory, _MAX_LIST)
        return listed.decode("utf-8", "replace").splitlines()

    def _run(self, script: str, path: Path, size: int) -> bytes:
        """Run ``script`` there with ``path`` as its $1, and return what it prints.

        Raises:
            OSError: it failed.
            Error: it printed more than ``size`` bytes, took too long, or the connection is lost.

        """
        # sh, because the login shell may be any; in the C locale for the words of its errors.
        script = f"echo ---dm-dns---; LC_ALL=C; export LC_ALL; exec 2>&1; {script}"
        remote = f"exec sh -c {shlex.quote(script)} sh {shlex.quote(str(path))}"
        # With what start-up files of the login shell print before the mark.
        most = size + _MAX_LIST
        status, printed = output(
            self._through("--", self.host, remote), limit=most, seconds=_READ_SECONDS
        )
        if status is None:
            raise Error(
                f"{self.host} did not send {path} within {_READ_SECONDS:g} s. Try again."
                if len(printed) <= most
                else f"{self.host} sends more than {most} bytes for {path}. Check what it prints"
                " when you log in."
            )
        _before, mark, content = printed.partition(_MARK)
        if not mark:
            self._fail()
        if status == 0:
            return content
        said = content.decode("utf-8", "replace").strip().rpartition("\n")[2]
        reason = said.rpartition(": ")[2]
        raise OSError(_ERRORS.get(reason, errno.EIO), reason, self.display(path))

    def forward(self, url: str) -> str:
        """Return the address, on this machine, of the server that is at ``url`` as seen there.

        Raises:
            Error: ``url`` is not an address with a host and a port, or ssh does not forward.

        """
        try:
            parts = urlsplit(url)
            port = parts.port or 80
        except ValueError:
            parts, port = urlsplit(""), 0
        if parts.scheme != "http" or not parts.hostname:
            raise Error(
                f"--url {url} is not an address that --via can forward; give one such as"
                " http://localhost:7331."
            )
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        tries = 0
        while True:
            ours = _free_port()
            there = f"{_LOOPBACK}:{ours}:{name}:{port}"
            asked = self._through("-O", "forward", "-L", there, "--", self.host)
            if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
                return parts._replace(netloc=f"{_LOOPBACK}:{ours}").geturl()
            tries += 1
            if tries == _PORTS:
                self._fail()


def _failure(host: str, said: str) -> Error:
    """Return the error for what ssh ``said``."""
    said = said.removeprefix("ssh: ") or "ssh gave no reason"
    remedy = f"Check that `ssh {host}` works."
    for pattern, text in _REMEDIES:
        if re.search(pattern, said, re.IGNORECASE):
            remedy = text.format(host=host)
    return Error(f"ssh to {host} failed: {said.rstrip('.')}. {remedy}")


class Settings(NamedTuple):
    """What ssh's configuration has for a host."""

    host_name: str
    """Where ssh connects to."""
    port: int
    is_direct: bool
    """Whether ssh connects itself, and not through another host or command."""


def settings(host: str) -> Settings:
    """Return what ssh's configuration has for a host.

    Raises:
        Error: ssh cannot be run, or its configuration is not valid.

    """
    try:
        done = subprocess.run(
            ["ssh", "-G", "--", host],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_CLOSE_SECONDS,
        )
    except OSError:
        raise Error(_NO_SSH) from None
    except subprocess.TimeoutExpired:
        raise Error(f"`ssh -G {host}` hangs. Check the Match lines of ~/.ssh/config.") from None
    if done.returncode != 0:
        raise _failure(host, done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2])
    # ssh_config(5): one keyword and its value in each line, keywords in lower case.
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    values = dict(line.split(" ", 1) for line in lines if " " in line)
    return Settings(
        host_name=values.get("hostname", host),
        port=int(values.get("port", "22")),
        is_direct=all(
            values.get(keyword, "none") == "none" for keyword in ("proxyjump", "proxycommand")
        ),
    )


def run(host: str, command: str, *, address: str | None, alias: str, seconds: float) -> bytes:
    """Run a shell command on a machine, without prompts; return what it prints.

    It does not matter how the command ends.

    Args:
        host: the machine, as ssh takes it; it must not start with a -.
        command: for sh.
        address: where ssh connects to; None: where its configuration says.
        alias: the name by which the host's key is known, if ``address`` is given.
        seconds: how long all of it may take.

    Raises:
        Error: ssh does not log in, there is no answer in that time, or too long a one.

    """
    script = f"echo ---dm-dns---; {command}"
    arguments = ["-T", "-a", "-x", "-n"]
    options = ["BatchMode=yes", "ClearAllForwardings=yes", "RemoteCommand=none"]
    options += [f"HostName={address}", f"HostKeyAlias={alias}"] if address else []
    for option in options:
        arguments += ["-o", option]
    with tempfile.TemporaryDirectory(prefix="dm-dns-") as directory:
        log = Path(directory) / "log"
        login = ["ssh", *arguments, "-E", str(log), "--", host, f"exec sh -c {shlex.quote(script)}"]
        try:
            status, printed = output(login, limit=_MAX_OUTPUT, seconds=seconds)
        except OSError:
            raise Error(_NO_SSH) from None
        if status is None and len(printed) <= _MAX_OUTPUT:
            raise Error(f"ssh to {host} had no answer within {seconds:.1f} s.")
        if status is None:
            raise Error(f"{host} sends more than {_MAX_OUTPUT} bytes. Check what it prints.")
        _before, mark, content = printed.partition(_MARK)
        if not mark:
            raise _failure(host, _last_line(log))
    return content


def _last_line(log: Path) -> str:
    """Return the last message that ssh wrote to ``log``; empty if there is none."""
    with suppress(OSError):
        lines = files.read(log, _MAX_LIST).decode("utf-8", "replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""


class Printed(NamedTuple):
    """What a program printed before it ended or was killed."""

    status: int | None
    """Its exit status; None: it was killed, because it took too long or printed too much."""
    content: bytes


def output(
    command: Sequence[str], *, limit: int, seconds: float, directory: Path | None = None
) -> Printed:
    """Run a command without input, and return what it prints on its standard output.

    It is killed when it has printed more than ``limit`` bytes, and after ``seconds``.

    Raises:
        OSError: it cannot be run.

    """
    printed = bytearray()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=directory,
    ) as process:
        assert process.stdout  # noqa: S101 - for mypy: it is a pipe
        try:
            end = time.monotonic() + seconds
            while len(printed) <= limit and (left := end - time.monotonic()) > 0:
                if not select.select([process.stdout], [], [], left)[0]:
                    break
                piece = os.read(process.stdout.fileno(), 2**16)
                if not piece:
                    return Printed(process.wait(), bytes(printed))
                printed += piece
        finally:
            process.kill()
    return Printed(None, bytes(printed))


def _free_port() -> int:
    with socket.create_server((_LOOPBACK, 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def exit_on(signals: Sequence[signal.Signals]) -> Iterator[None]:
    """Let these signals raise SystemExit, so that this process cleans up before it ends."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)  # the status that a shell returns

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in signals}
    for number, handler in before.items():
        if handler is signal.SIG_DFL:  # nohup has SIGHUP ignored
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
