# ruff: noqa: E501 - messages stand here as they are printed
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from dm_dns.errors import Error
from dm_dns.push import data_mesher, keys
from dm_dns.push.key_source import KeyFile

KEY = keys.private_pem(bytes(range(32)))


@contextmanager
def answering(status: int, port: int = 0) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert isinstance(port, int)
        return port


def wait(port: int, seconds: float = 0, report: Callable[[str], None] = pytest.fail) -> None:
    data_mesher.wait_until_answering(f"http://127.0.0.1:{port}", seconds=seconds, report=report)


def failure(call: Callable[[], object], **replaced: object) -> str:
    """Return the message of the Error that ``call`` ends with, without what differs by run."""
    with pytest.raises(Error) as caught:
        call()
    message = str(caught.value)
    for name, value in replaced.items():
        message = message.replace(str(value), name.upper())
    return message


@pytest.mark.parametrize("status", [200, 302, 404, 503])
def test_any_status_is_an_answer(status: int) -> None:
    with answering(status) as port:
        wait(port)


def test_a_proxy_in_the_environment_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with answering(200) as port:
        wait(port)


def test_a_server_that_starts_late_is_waited_for_visibly(unused_port: int) -> None:
    lines = []
    with answering(200) as other:
        assert other != unused_port
    with ExitStack() as servers:

        def report(line: str) -> None:
            lines.append(line.replace(str(unused_port), "PORT"))
            if len(lines) == 2:
                servers.enter_context(answering(200, unused_port))

        wait(unused_port, 60, report)
    assert lines == snapshot(
        [
            "http://127.0.0.1:PORT does not answer (Connection refused); retrying in 0.1 s",
            "http://127.0.0.1:PORT does not answer (Connection refused); retrying in 0.2 s",
        ]
    )


def test_a_server_that_never_starts_is_an_error(unused_port: int) -> None:
    assert failure(lambda: wait(unused_port), port=unused_port) == snapshot(
        "http://127.0.0.1:PORT did not answer within 0 s (Connection refused). See `systemctl status data-mesher`."
    )


def test_the_last_try_comes_at_the_end_of_the_wait(unused_port: int) -> None:
    lines: list[str] = []
    assert "within 0.05 s" in failure(lambda: wait(unused_port, 0.05, lines.append))
    assert len(lines) == 1


def test_a_server_that_accepts_and_says_nothing_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(data_mesher, "_ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert failure(lambda: wait(port), port=port) == snapshot(
            "http://127.0.0.1:PORT did not answer within 0 s (ReadTimeout). See `systemctl status data-mesher`."
        )


@pytest.mark.parametrize("url", ["localhost:7331", "nonsense", "http://", "http://[::1"])
def test_what_is_not_an_http_url_is_an_error_immediately(url: str) -> None:
    message = failure(
        lambda: data_mesher.wait_until_answering(url, seconds=3600, report=pytest.fail),
    )
    assert message.endswith(". Give an address such as http://localhost:7331.")


def test_pauses_grow_up_to_a_bound_and_fill_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("dm_dns.push.data_mesher.time.monotonic", lambda: now)
    slept = []
    for pause in data_mesher.pauses(15):
        slept.append(round(pause, 6))
        now += pause
    assert slept == snapshot([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 3.7, 0])
    assert sum(slept) == pytest.approx(15)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where PATH finds data-mesher first; the directory is also the working one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    Path("signing.key").write_text(KEY)
    return tmp_path / "bin/data-mesher"


def script(command: Path, text: str) -> None:
    command.write_text(f"#!/bin/sh\n{text}\n")
    command.chmod(0o755)


def update() -> None:
    data_mesher.update(
        Path("zone.conf"),
        name="dns/cnames",
        key=KeyFile(Path("signing.key"), "signing.key"),
        network_id=Path("network.pub"),
        url="http://localhost:7331",
    )


def test_update_passes_the_paths_of_the_keys_and_never_a_key(command: Path) -> None:
    script(command, """printf '%s\\n' "$@" > arguments; cat > input""")
    update()
    arguments = Path("arguments").read_text()
    assert arguments.splitlines() == snapshot(
        [
            "file",
            "update",
            "zone.conf",
            "--url",
            "http://localhost:7331",
            "--key",
            "signing.key",
            "--network-id",
            "network.pub",
            "--name",
            "dns/cnames",
        ]
    )
    assert KEY.split("\n")[1] not in arguments
    assert Path("input").read_bytes() == b""


def test_a_failed_update_shows_what_the_command_said(command: Path) -> None:
    script(command, "echo 'broken: \\377 disk full' >&2; exit 3")
    assert failure(update) == snapshot(
        """\
data-mesher did not take zone.conf as dns/cnames (exit code 3): broken: � disk full
Check that data-mesher's settings allow the key signing.key to sign dns/cnames, that network.pub is this network's, and that the clocks are right (`timedatectl`): the signature must be later than that of the mesh's copy, and not in the future.\
"""
    )


def test_a_failed_update_that_said_nothing_is_an_error(command: Path) -> None:
    script(command, "exit 1")
    assert "(exit code 1): it printed nothing\n" in failure(update)


def test_a_command_that_hangs_is_ended(command: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []

    class Noted(subprocess.Popen[str]):
        def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    monkeypatch.setattr(data_mesher, "_RUN_SECONDS", 0.2)
    script(command, "exec sleep 3600")
    assert failure(update) == snapshot(
        "data-mesher did not finish within 0.2 s. See `journalctl -u data-mesher`."
    )
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_no_command_on_path_is_an_error(command: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(command.parent))
    assert failure(update) == snapshot(
        "data-mesher cannot be run: No such file or directory. Push from a machine of "
        "the clan's data-mesher service, or put the command on PATH."
    )


def test_a_command_that_cannot_be_executed_is_an_error(
    command: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.write_text("")
    monkeypatch.setenv("PATH", str(command.parent))
    assert "data-mesher cannot be run: Permission denied. " in failure(update)


@pytest.mark.parametrize(
    "said",
    [
        "the signing key is not allowed to sign 'dns/cnames'",
        "signer not authorised",
        "403: Unauthorized",
    ],
)
def test_a_key_that_is_not_in_the_allowlist_is_told_with_the_remedy(
    command: Path, said: str
) -> None:
    script(command, f'echo "{said}" >&2; exit 1')
    message = failure(update)
    assert said in message
    assert message.splitlines()[1] == snapshot(
        "data-mesher does not list the key signing.key among those that may sign dns/cnames: the key was generated anew, or its machine was deployed before there was a push machine. Deploy all machines with the same signing.pub, then push again."
    )


def delete() -> None:
    data_mesher.delete(
        "dns/cnames",
        key=KeyFile(Path("signing.key"), "signing.key"),
        network_id=Path("network.pub"),
        url="http://localhost:7331",
    )


def test_delete_passes_the_paths_of_the_keys(command: Path) -> None:
    script(command, """printf '%s\\n' "$@" > arguments""")
    delete()
    assert Path("arguments").read_text().splitlines() == snapshot(
        [
            "file",
            "delete",
            "dns/cnames",
            "--url",
            "http://localhost:7331",
            "--key",
            "signing.key",
            "--network-id",
            "network.pub",
        ]
    )


def test_a_failed_deletion_shows_what_the_command_said(command: Path) -> None:
    script(command, "echo 'disk full' >&2; exit 3")
    assert failure(delete) == snapshot("""\
data-mesher did not delete dns/cnames (exit code 3): disk full
Check that data-mesher's settings allow the key signing.key to sign dns/cnames, that network.pub is this network's, and that the clocks are right (`timedatectl`): the signature must be later than that of the mesh's copy, and not in the future.\
""")
