"""`dm-dns push` against the stand-in of data-mesher, each as its own process."""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nacl.signing
import pytest
from dm_dns import keys, push, zone
from dm_dns.errors import Error

from checks.mesh.client import call
from checks.mesh.keys import read_private, read_public
from checks.mesh.record import sign

MINUTE = 60 * 10**9  # nanoseconds; the node accepts up to 5 minutes ahead
ADDRESS = "127.0.0.1"
SECONDS = "30"

Start = Callable[..., None]


def zone_conf(serial: int, host: str = "irc.pin") -> str:
    return zone.render(zone.Zone("pin", serial, {host: "kiwi.pin"}, {"kiwi.pin": ("fd00::1",)}))


def free_ports() -> tuple[int, int]:
    with socket.create_server((ADDRESS, 0)) as one, socket.create_server((ADDRESS, 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture
def ports() -> tuple[int, int]:
    """The ports of HTTP and of the cluster."""
    return free_ports()


@pytest.fixture
def url(ports: tuple[int, int]) -> str:
    return f"http://{ADDRESS}:{ports[0]}"


@pytest.fixture
def start(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    """Return what starts a node in the working directory, without waiting until it answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for directory in ("clan", "network", "stranger"):
        keys.generate(Path(directory))
    Path("zone.conf").write_text(zone_conf(1))
    processes = []

    def run(**settings: object) -> None:
        config = {
            "state_dir": str(tmp_path / "state"),
            "http": {"address": ADDRESS, "port": ports[0]},
            "cluster": {"address": ADDRESS, "port": ports[1]},
            "network": {
                "id": str(tmp_path / "network/signing.pub"),
                "files": {"dns/cnames": [Path("clan/signing.pub").read_text()]},
            },
        }
        Path("config.json").write_text(json.dumps(config | settings))
        processes.append(subprocess.Popen(["data-mesher", "server", "--config", "config.json"]))

    yield run
    for process in processes:
        process.terminate()
        assert process.wait() == 0


MESH_FILE = Path("state/files/home/dns/cnames")


def pushed(url: str, signer: str = "clan") -> int:
    parser = argparse.ArgumentParser()
    push.add_arguments(parser)
    arguments = ["zone.conf", "--domain", "pin", "--key", f"{signer}/signing.key"]
    arguments += ["--network-id", "network/signing.pub", "--url", url, "--wait", SECONDS]
    return push.run(parser.parse_args([*arguments, "--mesh-file", str(MESH_FILE)]))


@pytest.mark.parametrize("write_in_place", [False, True])
def test_each_push_replaces_the_one_before(
    start: Start, url: str, capsys: pytest.CaptureFixture[str], *, write_in_place: bool
) -> None:
    start(write_in_place=write_in_place)
    assert pushed(url) == 0
    assert MESH_FILE.read_text() == zone_conf(1)
    Path("zone.conf").write_text(zone_conf(2, "mail.pin"))
    assert pushed(url) == 0
    assert MESH_FILE.read_text() == zone_conf(2, "mail.pin")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("pushed pin: serial 1, 2 records, sha256 ")
    assert second.startswith("pushed pin: serial 2, 2 records, sha256 ")


def test_the_same_zone_can_be_pushed_again(start: Start, url: str) -> None:
    start()
    assert [pushed(url), pushed(url)] == [0, 0]


def test_a_key_that_may_not_sign_the_zone_is_refused(start: Start, url: str) -> None:
    start()
    with pytest.raises(Error) as caught:
        pushed(url, "stranger")
    message = str(caught.value)
    assert "data-mesher did not take zone.conf as dns/cnames (exit code 1): " in message
    assert "refused 'dns/cnames'" in message
    assert not MESH_FILE.exists()


def test_a_zone_signed_later_stays(start: Start, url: str) -> None:
    start()
    assert pushed(url) == 0
    later = sign(
        read_private(Path("clan/signing.key")),
        network=read_public(Path("network/signing.pub")),
        name="dns/cnames",
        content=zone_conf(9).encode(),
        now=time.time_ns() + 4 * MINUTE,
    )
    assert call("POST", f"{url}/v1/files", later.dump(), limit=1000)[0] == 200
    with pytest.raises(Error, match="data-mesher did not take zone"):
        pushed(url)
    assert MESH_FILE.read_text() == zone_conf(9)


@pytest.mark.usefixtures("start")
def test_a_key_pair_of_either_side_is_the_other_sides() -> None:
    private = read_private(Path("clan/signing.key"))
    assert isinstance(private, nacl.signing.SigningKey)
    assert keys.private_pem(private.encode()) == Path("clan/signing.key").read_text()
    files = ["--private-key-path", "their.key", "--public-key-path", "their.pub"]
    subprocess.run(["data-mesher", "generate", "signing-key", *files], check=True)
    assert keys.read_public(Path("their.pub")) == read_public(Path("their.pub"))
