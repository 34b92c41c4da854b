import argparse
import os
import shlex
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns import keys, push, zone
from dm_dns.errors import Error

KEY = keys.private_pem(bytes(range(32)))
ARRIVES = 'cp "$3" mesh'


def zone_conf(serial: int) -> str:
    return zone.render(
        zone.Zone("pin", serial, {"irc.pin": "kiwi.pin"}, {"kiwi.pin": ("fd00::1",)})
    )


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in tmp_path with a zone, keys, and a data-mesher whose file arrives at once."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)  # for an unprivileged user
    Path("zone.conf").write_text(zone_conf(7))
    Path("signing.key").write_text(KEY)
    Path("network.pub").write_text("")
    Path("bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    data_mesher(ARRIVES)


@pytest.fixture
def not_root() -> Iterator[None]:
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


def data_mesher(script: str) -> None:
    command = Path("bin/data-mesher")
    command.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > arguments\n{script}\n")
    command.chmod(0o755)


def run(url: str, *more: str) -> int:
    parser = argparse.ArgumentParser(prog="dm-dns push")
    push.add_arguments(parser)
    needed = "zone.conf --domain pin --key signing.key --network-id network.pub --mesh-file mesh"
    return push.run(parser.parse_args([*needed.split(), "--url", url, "--wait", "0", *more]))


def failure(url: str, *more: str) -> str:
    with pytest.raises(Error) as caught:
        run(url, *more)
    return str(caught.value)


def sent() -> bool:
    return Path("arguments").exists()


def test_a_zone_that_arrives_is_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(url) == 0
    assert tuple(capsys.readouterr()) == snapshot(
        ("pushed pin: serial 7, 2 records, sha256 6e42ba9e661b, in mesh\n", "")
    )
    assert Path("mesh").read_text() == zone_conf(7)


def test_arguments_name_the_key_and_never_hold_it(url: str) -> None:
    run(url, "--name", "dns/other")
    arguments = Path("arguments").read_text()
    assert arguments.replace(url, "URL").split() == snapshot(
        [
            "file",
            "update",
            "zone.conf",
            "--url",
            "URL",
            "--key",
            "signing.key",
            "--network-id",
            "network.pub",
            "--name",
            "dns/other",
        ]
    )
    assert KEY.split("\n")[1] not in arguments


def test_the_domain_may_be_in_any_case_with_its_dot(url: str) -> None:
    assert run(url, "--domain", "PIN.") == 0


def test_defaults_are_those_of_the_node() -> None:
    parser = argparse.ArgumentParser()
    push.add_arguments(parser)
    args = parser.parse_args(
        ["zone.conf", "--domain", "pin", "--key", "signing.key", "--network-id", "network.pub"]
    )
    assert (args.url, args.name, str(args.mesh_file), args.wait) == snapshot(
        ("http://localhost:7331", "dns/cnames", "/var/lib/data-mesher/files/home/dns/cnames", 60.0)
    )


def test_a_zone_that_arrives_late_is_waited_for_visibly(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_mesher("")
    Path("mesh").write_text(zone_conf(5))
    lines: list[str] = []
    steps = iter([zone_conf(6), zone_conf(7)])

    def report(line: str) -> None:
        lines.append(line)
        Path("mesh").write_text(next(steps))

    monkeypatch.setattr(push, "_report", report)
    assert run(url, "--wait", "60") == 0
    assert lines == snapshot(
        [
            (
                "waiting for the zone in mesh: it is unchanged: serial 5, 2 records, sha256 "
                "6e42ba9e661b"
            ),
            (
                "waiting for the zone in mesh: another push replaced it: serial 6, 2 records, "
                "sha256 6e42ba9e661b"
            ),
        ]
    )


def test_progress_goes_to_stderr(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    data_mesher("")
    failure(url, "--wait", "0.05")
    assert tuple(capsys.readouterr()) == snapshot(
        ("", "waiting for the zone in mesh: it is missing\n")
    )


def test_a_zone_that_breaks_a_rule_is_not_sent(url: str) -> None:
    Path("zone.conf").write_text(zone_conf(7).replace("fd00::1", "fd00::2"))
    assert failure(url) == snapshot(
        "zone.conf:4: the hash is not that of the lines below the header: it was cut "
        "short or changed; send it again"
    )
    assert not sent()


def test_a_zone_of_another_domain_is_not_sent(url: str) -> None:
    assert failure(url, "--domain", "other") == snapshot(
        "zone.conf:5: expected 'local-zone: \"other.\" transparent', found 'local-zone: "
        '"pin." transparent\''
    )
    assert not sent()


@pytest.mark.parametrize("name", ["zone.conf", "signing.key", "network.pub"])
def test_a_missing_file_is_refused(url: str, name: str) -> None:
    Path(name).unlink()
    messages = snapshot(
        {
            "zone.conf": "ZONE.conf zone.conf: No such file or directory. Check the path.",
            "signing.key": "--key signing.key: No such file or directory. Check the path.",
            "network.pub": ("--network-id network.pub: No such file or directory. Check the path."),
        }
    )
    assert failure(url) == messages[name]
    assert not sent()


@pytest.mark.parametrize("name", ["zone.conf", "signing.key", "network.pub"])
def test_a_file_of_another_user_is_refused(
    url: str, name: str, request: pytest.FixtureRequest
) -> None:
    Path(name).chmod(0)
    request.getfixturevalue("not_root")
    assert failure(url).endswith(
        f" {name}: Permission denied."
        " Are you root? Run this with sudo, or as a user who may read the file."
    )


def test_a_directory_as_key_is_refused(url: str) -> None:
    assert failure(url, "--key", "bin") == snapshot(
        "--key bin: not a regular file. Give the path of one."
    )
    assert not sent()


def test_a_pipe_as_key_is_refused_without_opening_it(url: str) -> None:
    os.mkfifo("pipe")
    assert failure(url, "--key", "pipe") == snapshot(
        "--key pipe: not a regular file. Give the path of one."
    )
    assert not sent()


@pytest.mark.parametrize("text", [KEY, KEY.split("\n")[1]])
def test_a_key_in_the_place_of_its_path_is_refused_without_showing_it(url: str, text: str) -> None:
    assert failure(url, "--key", text) == snapshot(
        "--key takes the path of a file, and got a private key. Every user of this "
        "machine could read it in the process list: make a new key with `dm-dns keygen`."
    )
    assert not sent()


def test_a_mesh_file_that_cannot_be_read_is_refused_before_sending(
    url: str, request: pytest.FixtureRequest
) -> None:
    Path("mesh").touch(mode=0)
    request.getfixturevalue("not_root")
    assert failure(url) == snapshot(
        "--mesh-file mesh: Permission denied. Are you root? Run this with sudo, or as a "
        "user who may read the file."
    )
    assert not sent()


def test_a_daemon_that_does_not_answer_is_sent_nothing() -> None:
    assert failure("http://127.0.0.1:1").startswith("http://127.0.0.1:1 did not answer within 0 s")
    assert not sent()


def test_a_refusal_of_data_mesher_is_shown(url: str) -> None:
    data_mesher("echo 'key not allowed' >&2; exit 1")
    assert failure(url) == snapshot(
        "data-mesher did not take zone.conf as dns/cnames (exit code 1): key not allowed\n"
        "Check that the mesh's settings allow the key signing.key to sign dns/cnames, "
        "and that network.pub is this network's."
    )


def test_a_zone_that_does_not_arrive_is_an_error(url: str) -> None:
    data_mesher("")
    assert failure(url) == snapshot(
        "the zone did not arrive in mesh within 0 s: it is missing.\n"
        "The newest signature wins: if the wrong zone is there, check the clocks "
        "(`timedatectl`) and push again. If there is none, check that --mesh-file "
        "belongs to --name; data-mesher's log is `journalctl -u data-mesher`."
    )


def test_a_mesh_that_keeps_its_zone_is_an_error(url: str) -> None:
    data_mesher("")
    Path("mesh").write_text(zone_conf(9))
    assert failure(url) == snapshot(
        "the zone did not arrive in mesh within 0 s: it is unchanged: serial 9, 2 "
        "records, sha256 6e42ba9e661b.\n"
        "The newest signature wins: if the wrong zone is there, check the clocks "
        "(`timedatectl`) and push again. If there is none, check that --mesh-file "
        "belongs to --name; data-mesher's log is `journalctl -u data-mesher`."
    )


def test_another_zone_that_comes_instead_is_said(url: str) -> None:
    data_mesher(f"printf %s {shlex.quote(zone_conf(9))} > mesh")
    Path("mesh").write_text(zone_conf(6))
    assert failure(url) == snapshot(
        "the zone did not arrive in mesh within 0 s: another push replaced it: serial 9, "
        "2 records, sha256 6e42ba9e661b.\n"
        "The newest signature wins: if the wrong zone is there, check the clocks "
        "(`timedatectl`) and push again. If there is none, check that --mesh-file "
        "belongs to --name; data-mesher's log is `journalctl -u data-mesher`."
    )


def test_a_mesh_file_that_is_no_zone_is_said(url: str) -> None:
    data_mesher("echo nonsense > mesh")
    assert failure(url) == snapshot(
        "the zone did not arrive in mesh within 0 s: another push replaced it: no zone "
        "of pin (mesh:1: expected 'local-zone: \"pin.\" transparent', found 'nonsense').\n"
        "The newest signature wins: if the wrong zone is there, check the clocks "
        "(`timedatectl`) and push again. If there is none, check that --mesh-file "
        "belongs to --name; data-mesher's log is `journalctl -u data-mesher`."
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [("--wait", "nan"), ("--wait", "inf"), ("--wait", "-1"), ("--wait", "x"), ("--domain", "a b")],
)
def test_misuse_exits_with_2(url: str, option: str, value: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run(url, f"{option}={value}")
    assert caught.value.code == 2
