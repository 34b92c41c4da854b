"""Real daemons as subprocesses, and statements as a forger would make them."""

import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from checks.fake_data_mesher.client import call
from checks.fake_data_mesher.keys import encode_private, encode_public
from checks.fake_data_mesher.mesh_errors import UnreachableError
from checks.fake_data_mesher.statement import MeshEntry, sign

NAME = "dns/cnames"
COMMAND = [sys.executable, "-m", "checks.fake_data_mesher"]
DEADLINE = 30.0  # seconds until a condition counts as never met
SECOND = 1_000_000_000
LIMIT = 2**20


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"not within {DEADLINE} s: {what}"
        time.sleep(0.02)


def free_port(address: str) -> int:
    with socket.socket() as listener:
        listener.bind((address, 0))
        port: int = listener.getsockname()[1]
        return port


def mesh(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, args)], capture_output=True, text=True, check=False, timeout=DEADLINE
    )


class NetworkKeys:
    """Key files and the allowlist that the nodes of a test share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = SigningKey.generate()
        self.signer = SigningKey.generate()
        self.id = bytes(self.key.verify_key)
        self.id_path = folder / "network.pub"
        self.id_path.write_text(encode_public(self.id))
        self.signer_path = folder / "signing.key"
        self.signer_path.write_text(encode_private(self.signer))
        pem = encode_public(bytes(self.signer.verify_key))
        names = [NAME, "test_file", *(f"fresh/{number}" for number in range(99))]
        self.files: dict[str, list[str]] = {name: [pem] for name in names}

    def sign(self, content: bytes | None, name: str = NAME, **changes: Any) -> MeshEntry:  # noqa: ANN401
        options: dict[str, Any] = {"network": self.id, "now": time.time_ns()} | changes
        key = options.pop("key", self.signer)
        return sign(key, name=name, content=content, **options)


def tampered(entry: MeshEntry, **changes: Any) -> MeshEntry:  # noqa: ANN401
    """Return the entry with fields changed after it was signed."""
    return MeshEntry(replace(entry.statement, **changes), entry.content)


class DaemonProcess:
    """A daemon on a loopback address of its own."""

    def __init__(self, network: NetworkKeys, name: str) -> None:
        self.network = network
        self.address = f"127.0.{random.randrange(2, 255)}.{random.randrange(2, 255)}"  # noqa: S311
        self.folder = network.folder / name
        self.folder.mkdir()
        self.state = self.folder / "state"
        self.home = self.state / "files" / "home"
        self.log_path = self.folder / "log"
        http, cluster = free_port(self.address), free_port(self.address)
        self.url = f"http://{self.address}:{http}"
        self.cluster = f"{self.address}:{cluster}"
        self.config: dict[str, Any] = {
            "log_level": "debug",
            "state_dir": str(self.state),
            "cluster": {"address": self.address, "port": cluster, "push_pull_interval": "200ms"},
            "network": {"id": str(network.id_path), "files": network.files},
            "http": {"address": self.address, "port": http},
        }
        self.process: subprocess.Popen[bytes] | None = None

    def peer_with(self, *others: "DaemonProcess") -> None:
        self.config["cluster"]["peers"] = [other.cluster for other in others]

    def log(self) -> str:
        return self.log_path.read_text()

    def ready(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log()
        try:
            return call("GET", f"{self.url}/", limit=LIMIT)[0] == HTTPStatus.OK
        except UnreachableError:
            return False

    def start(self) -> None:
        self.launch()
        until(self.ready, f"{self.url} answers")

    def launch(self) -> None:
        config = self.folder / "config.json"
        config.write_text(json.dumps(self.config))
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen([*COMMAND, "server", "--config", config], stderr=log)

    def stop(self) -> int:
        """Return the daemon's exit code; a node that does not run gives 0."""
        if self.process is None:
            return 0
        self.process.terminate()
        code = self.process.wait(DEADLINE)
        self.process = None
        return code

    def get(self, path: str, *, as_peer: bool = False) -> int:
        url = f"http://{self.cluster}" if as_peer else self.url
        return call("GET", url + path, limit=LIMIT)[0]

    def send(self, entry: MeshEntry, *, as_peer: bool = False) -> tuple[int, str]:
        url = f"http://{self.cluster}" if as_peer else self.url
        status, body = call("POST", f"{url}/v1/files", entry.dump(), limit=LIMIT)
        return status, body.decode().strip()

    def update(self, name: str, content: bytes, **options: Any) -> None:  # noqa: ANN401
        entry = self.network.sign(content, name, **options)
        assert self.send(entry) == (200, "accepted")

    def delete(self, name: str) -> None:
        assert self.send(self.network.sign(None, name)) == (200, "accepted")

    def read(self, name: str = NAME) -> bytes | None:
        try:
            return (self.home / name).read_bytes()
        except FileNotFoundError:
            return None

    def has(self, content: bytes | None, name: str = NAME) -> None:
        """Wait for a content; None is for a file that is not there."""
        until(lambda: self.read(name) == content, f"{self.folder.name} has {content!r} as {name}")


def start(*nodes: DaemonProcess) -> None:
    for node in nodes:
        node.launch()
    for node in nodes:
        until(node.ready, f"{node.url} answers")


def stop(*nodes: DaemonProcess) -> None:
    for node in nodes:
        if node.process:
            node.process.terminate()
    for node in nodes:
        node.stop()
