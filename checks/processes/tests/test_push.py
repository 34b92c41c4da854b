"""`dm-dns push` against the fake data-mesher, each as its own process."""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import nacl.signing
import pytest
from dm_dns.commands import push
from dm_dns.errors import Error
from dm_dns.push import keys
from dm_dns.zone import conf

from checks.fake_data_mesher.client import call
from checks.fake_data_mesher.keys import read_private, read_public
from checks.fake_data_mesher.statement import sign
from checks.processes.fake_mesh import NAME, FakeDaemon, FakeMesh
from checks.processes.wait import until

MINUTE = 60 * 10**9  # nanoseconds; the machine accepts up to 5 minutes ahead
ADDRESS = "127.0.0.1"
SECONDS = "30"

Start = Callable[..., None]


def zone_conf(serial: int, host: str = "irc.pin") -> str:
    return conf.render(conf.Zone("pin", serial, {host: "kiwi.pin"}, {"kiwi.pin": ("fd00::1",)}))


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
    """Return what starts a machine in the working directory, without waiting until it answers."""
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


def pushed(url: str, signer: str = "clan", more: Sequence[str] = ()) -> int:
    arguments = ["zone.conf", "--key", f"{signer}/signing.key"]
    arguments += ["--network-id", "network/signing.pub", "--mesh-file", str(MESH_FILE)]
    return run(url, *arguments, *more)


def run(url: str, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    push.add_arguments(parser)
    needed = ["--domain", "pin", "--url", url, "--wait", SECONDS]
    return push.run(parser.parse_args([*needed, *arguments]))


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
    assert first == "pushed pin: serial 1, 2 records, 2 added"
    assert second == "pushed pin: serial 2, 2 records, 1 added, 1 removed"


def test_the_same_zone_can_be_pushed_again(
    start: Start, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start()
    assert [pushed(url), pushed(url), pushed(url, more=["--force"])] == [0, 0, 0]
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert words == ["pushed", "nothing", "pushed"]


def test_a_key_that_may_not_sign_the_zone_is_refused(start: Start, url: str) -> None:
    start()
    with pytest.raises(Error) as caught:
        pushed(url, "stranger")
    message = str(caught.value)
    assert "data-mesher did not take zone.conf as dns/cnames (exit code 1): " in message
    assert "refused 'dns/cnames'" in message
    assert "Deploy all machines with the same signing.pub, then push again." in message
    assert not MESH_FILE.exists()


def test_a_zone_signed_later_stays(start: Start, url: str) -> None:
    start()
    assert pushed(url) == 0
    later = sign(
        read_private(Path("clan/signing.key")),
        network=read_public(Path("network/signing.pub")),
        name="dns/cnames",
        content=zone_conf(9, "mail.pin").encode(),
        now=time.time_ns() + 4 * MINUTE,
    )
    assert call("POST", f"{url}/v1/files", later.dump(), limit=1000)[0] == 200
    with pytest.raises(Error, match="data-mesher did not take zone"):
        pushed(url, more=["--force"])
    assert MESH_FILE.read_text() == zone_conf(9, "mail.pin")


@pytest.mark.usefixtures("start")
def test_a_key_pair_of_either_side_is_the_other_sides() -> None:
    private = read_private(Path("clan/signing.key"))
    assert isinstance(private, nacl.signing.SigningKey)
    assert keys.private_pem(private.encode()) == Path("clan/signing.key").read_text()
    files = ["--private-key-path", "their.key", "--public-key-path", "their.pub"]
    subprocess.run(["data-mesher", "generate", "signing-key", *files], check=True)
    assert keys.parse_public(Path("their.pub").read_bytes(), "their.pub") == read_public(
        Path("their.pub")
    )


class PushedClan:
    """Three machines, of which two push: each has zones, and a mesh file of its own."""

    def __init__(self, directory: Path) -> None:
        self.network = FakeMesh(directory)
        self.directory = directory
        self.daemons = []
        for name in ("one", "two", "other"):
            (directory / name).mkdir()
            self.daemons.append(FakeDaemon(self.network, directory / name))

    def file(self, daemon: FakeDaemon) -> Path:
        return daemon.state / "files/home" / NAME

    def push(self, machine: int, text: str, *more: str) -> int:
        zone_file = self.directory / f"zone-{machine}.conf"
        zone_file.write_text(text)
        return self.run(machine, str(zone_file), *more)

    def run(self, machine: int, *arguments: str) -> int:
        daemon = self.daemons[machine]
        keys_of_network = ["--key", str(self.network.signing_key)]
        keys_of_network += ["--public-key", str(self.network.signing_pub)]
        keys_of_network += ["--network-id", str(self.network.id)]
        mesh_file = str(self.file(daemon))
        return run(daemon.url, *keys_of_network, "--mesh-file", mesh_file, *arguments)

    def wait_for(self, text: str | None) -> None:
        """Wait until every machine has this zone; None: until none has one."""

        def everywhere() -> bool:
            files = [self.file(daemon) for daemon in self.daemons]
            return all((file.read_text() if file.exists() else None) == text for file in files)

        until(everywhere, f"every machine has {text}")


@pytest.fixture
def clan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushedClan]:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    made = PushedClan(tmp_path)
    try:
        for daemon in made.daemons:
            daemon.start()
        yield made
    finally:
        for daemon in made.daemons:
            daemon.stop()


OUTDATED, NEWEST = zone_conf(7, "old.pin"), zone_conf(9, "new.pin")


def test_an_outdated_push_machine_that_comes_first_is_overtaken(clan: PushedClan) -> None:
    assert clan.push(0, OUTDATED) == 0
    clan.wait_for(OUTDATED)
    assert clan.push(1, NEWEST) == 0
    clan.wait_for(NEWEST)


def test_an_outdated_push_machine_that_comes_later_changes_nothing(clan: PushedClan) -> None:
    assert clan.push(1, NEWEST) == 0
    clan.wait_for(NEWEST)
    with pytest.raises(Error, match="its serial 7 is older than the mesh's, 9"):
        clan.push(0, OUTDATED)
    assert clan.push(1, NEWEST) == 0
    clan.wait_for(NEWEST)


def test_what_an_outdated_push_machine_sent_unaware_is_replaced_by_the_next_push(
    clan: PushedClan,
) -> None:
    one, *others = clan.daemons
    one.stop()
    assert clan.push(1, NEWEST) == 0
    for daemon in others:
        daemon.stop()
    one.start()
    assert clan.push(0, OUTDATED) == 0  # it cannot know of the other
    for daemon in others:
        daemon.start()
    clan.wait_for(OUTDATED)
    assert clan.push(1, NEWEST) == 0
    clan.wait_for(NEWEST)


def test_an_older_zone_is_everywhere_if_forced(clan: PushedClan) -> None:
    assert clan.push(1, NEWEST) == 0
    clan.wait_for(NEWEST)
    assert clan.push(0, OUTDATED, "--force") == 0
    clan.wait_for(OUTDATED)


def test_a_deletion_is_everywhere_and_does_not_last(
    clan: PushedClan, capsys: pytest.CaptureFixture[str]
) -> None:
    assert clan.push(1, NEWEST) == 0
    clan.wait_for(NEWEST)
    assert clan.run(0, "--delete") == 0
    clan.wait_for(None)
    assert clan.run(1, "--delete") == 0
    assert clan.push(0, OUTDATED) == 0
    clan.wait_for(OUTDATED)
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert words == ["pushed", "deleted", "nothing", "pushed"]


def test_a_stranger_deletes_nothing(clan: PushedClan) -> None:
    assert clan.push(0, NEWEST) == 0
    keys.generate(clan.directory / "stranger")
    clan.network.signing_key = clan.directory / "stranger/signing.key"
    clan.network.signing_pub = clan.directory / "stranger/signing.pub"
    with pytest.raises(Error, match="data-mesher did not delete dns/cnames"):
        clan.run(0, "--delete")
    clan.wait_for(NEWEST)


def test_a_rollback_brings_the_old_names_to_every_node(clan: PushedClan) -> None:
    history = clan.directory / "history"
    history.mkdir()
    (history / "7.conf").write_text(OUTDATED)
    assert clan.push(1, NEWEST) == 0
    assert clan.run(1, "--rollback", "7", "--history", str(history)) == 0
    pushed_again = clan.file(clan.daemons[1]).read_text()
    assert pushed_again.splitlines()[2:] == OUTDATED.splitlines()[2:]
    clan.wait_for(pushed_again)
    with pytest.raises(Error, match="its serial 9 is older than the mesh's"):
        clan.push(0, NEWEST)
