import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from checks.fake_data_mesher.cli import main
from checks.fake_data_mesher.keys import encode_private, read_private, read_public
from checks.fake_data_mesher.tests.helpers import NAME, DaemonProcess, free_port, mesh


def flags(node: DaemonProcess) -> list[str]:
    network = node.network
    key, network_id = str(network.signer_path), str(network.id_path)
    return ["--url", node.url, "--key", key, "--network-id", network_id]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "test_file"
    path.write_bytes(b"hello\x00world\n")
    return path


@pytest.fixture(autouse=True)
def proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a proxy that nobody runs: a request that goes through it fails."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)


def test_file_is_updated_and_deleted(shared: DaemonProcess, path: Path, fresh: str) -> None:
    assert main(["file", "update", str(path), *flags(shared), "--name", fresh]) == 0
    assert shared.read(fresh) == b"hello\x00world\n"
    assert main(["file", "delete", fresh, *flags(shared)]) == 0
    assert shared.read(fresh) is None


def test_name_defaults_to_the_base_name(shared: DaemonProcess, path: Path) -> None:
    assert main(["file", "update", str(path), *flags(shared)]) == 0
    assert shared.read("test_file") == path.read_bytes()


def test_file_is_removed_after_valid_for(shared: DaemonProcess, path: Path, fresh: str) -> None:
    command = ["file", "update", str(path), *flags(shared), "--name", fresh, "--valid-for"]
    assert main([*command, "1h"]) == 0
    assert shared.read(fresh) == path.read_bytes()
    assert main([*command, "500ms"]) == 0
    shared.has(None, fresh)
    assert f"{fresh} expired" in shared.log()


def test_refusal_prints_the_reason_of_the_daemon(
    shared: DaemonProcess, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.with_name("foreign.key").write_text(encode_private(SigningKey.generate()))
    args = flags(shared)
    args[3] = str(path.with_name("foreign.key"))
    assert main(["file", "update", str(path), *args]) == 1
    assert "the signing key is not allowed to sign 'test_file'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--key", "/nonexistent/a.key", "/nonexistent/a.key: cannot read the key"),
        ("--key", "/dev/null", "/dev/null: not a PEM file"),
        ("--network-id", "/nonexistent/b.pub", "/nonexistent/b.pub: cannot read the key"),
        ("--name", "Not/Valid", "'Not/Valid' does not match"),
        ("--url", "ftp://x", "ftp://x"),
        ("--url", "nonsense", "nonsense"),
    ],
)
def test_wrong_value_is_an_error_that_names_it(  # noqa: PLR0913, PLR0917 - fixtures
    shared: DaemonProcess,
    path: Path,
    option: str,
    value: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["file", "update", str(path), *flags(shared), option, value]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_absent_file_is_an_error(shared: DaemonProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["file", "update", "/nonexistent/file", *flags(shared)]) == 1
    assert "/nonexistent/file: cannot read the file" in capsys.readouterr().err


def test_daemon_that_is_not_there_is_an_error(shared: DaemonProcess, path: Path) -> None:
    args = flags(shared)
    args[1] = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    run = mesh("file", "update", path, *args)
    assert run.returncode == 1
    assert "cannot connect" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("section", ["http", "cluster"])
def test_port_that_is_taken_is_an_error(
    nodes: list[DaemonProcess], taken: int, section: str
) -> None:
    node = nodes[0]
    node.config[section] |= {"address": "127.0.0.1", "port": taken}
    with pytest.raises(AssertionError, match=f"cannot listen on 127.0.0.1 port {taken}"):
        node.start()
    assert node.process
    assert node.process.wait() == 1
    assert "Traceback" not in node.log()


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["file"],
        ["server"],
        ["file", "update", "x"],
        ["file", "update", "x", "--key", "k", "--network-id", "n", "--valid-for", "soon"],
        ["file", "delete", "x", "--key", "k"],
        ["generate", "password"],
        ["generate", "network", "--private-key-path", "p"],
        ["peer", "id"],
    ],
)
def test_misuse_exits_with_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(args)
    assert exit_.value.code == 2
    assert "usage: data-mesher" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["signing-key", "network", "identity-key"])
def test_pair_is_generated_once(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = tmp_path / "a.key", tmp_path / "a.pub"
    args = ["generate", kind, "--private-key-path", str(private), "--public-key-path", str(public)]
    assert main(args) == 0
    assert bytes(read_private(private).verify_key) == read_public(public)
    assert private.stat().st_mode & 0o777 == 0o600
    before = private.read_bytes()
    assert main(args) == 1
    assert "never overwritten" in capsys.readouterr().err
    assert private.read_bytes() == before


def test_root_answers_on_both_ports_and_other_paths_do_not(shared: DaemonProcess) -> None:
    from_cli = [shared.get("/"), shared.get("/v1/statements"), shared.get(f"/v1/files/{NAME}")]
    assert from_cli == [200, 404, 404]
    from_peer = [
        shared.get(path, as_peer=True)
        for path in ("/", "/v1/statements", f"/v1/files/{NAME}", "/v1/files/../../etc/passwd", "/x")
    ]
    assert from_peer == [200, 200, 200, 404, 404]
