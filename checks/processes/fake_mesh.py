"""The fake data-mesher (checks/fake_data_mesher), one process for each machine."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Final

from dm_dns.push import keys

from checks.fake_data_mesher.client import call
from checks.fake_data_mesher.mesh_errors import UnreachableError
from checks.processes import ports
from checks.processes.process import end
from checks.processes.wait import until

NAME: Final = "dns/cnames"
"""The zone's name in the mesh."""

_ANSWER_BYTES: Final = 2**16


class FakeMesh:
    """A mesh: its keys, and the daemons that belong to it."""

    def __init__(self, directory: Path) -> None:
        """Make the keys in ``directory``, which must exist."""
        keys.generate(directory / "network")
        keys.generate(directory / "signer")
        self.id = directory / "network" / keys.PUBLIC_NAME
        """The file with the network's public key."""
        self.signing_key = directory / "signer" / keys.PRIVATE_NAME
        """The file with the private key that may sign the zone."""
        self.signing_pub = directory / "signer" / keys.PUBLIC_NAME
        self.daemons: list[FakeDaemon] = []


class FakeDaemon:
    """The daemon of one machine, on a loopback address of its own."""

    def __init__(self, network: FakeMesh, state: Path) -> None:
        """Become a part of ``network``; nothing runs yet."""
        self.network = network
        self.state = state
        self.log = state / "log"
        self.address = ports.free_address()
        self._http = ports.free_port(self.address)
        self._cluster = ports.free_port(self.address)
        self.url = f"http://{self.address}:{self._http}"
        """Where `dm-dns push` and `data-mesher` reach it."""
        self._process: subprocess.Popen[bytes] | None = None
        network.daemons.append(self)

    def start(self) -> None:
        """Start it with all others of the network as its peers, and return when it answers.

        Raises:
            RuntimeError: it ended; the message has its log.
            TimeoutError: it does not answer.

        """
        config = self.state / "config.json"
        config.write_text(json.dumps(self._config()))
        command = [
            sys.executable,
            "-m",
            "checks.fake_data_mesher",
            "server",
            "--config",
            str(config),
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._answers, f"the fake data-mesher answers on {self.url}")

    def _config(self) -> dict[str, object]:
        peers = [peer for peer in self.network.daemons if peer is not self]
        return {
            "state_dir": str(self.state),
            "http": {"address": self.address, "port": self._http},
            "cluster": {
                "address": self.address,
                "port": self._cluster,
                "peers": [f"{peer.address}:{peer._cluster}" for peer in peers],  # noqa: SLF001
                "push_pull_interval": "1s",
            },
            "network": {
                "id": str(self.network.id),
                "files": {NAME: [self.network.signing_pub.read_text()]},
            },
        }

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the fake data-mesher ended: {self.log.read_text()}")
        try:
            return call("GET", f"{self.url}/", limit=_ANSWER_BYTES)[0] == HTTPStatus.OK
        except UnreachableError:
            return False

    def push(
        self,
        zone_conf: Path,
        domain: str,
        *more: str,
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> subprocess.CompletedProcess[str]:
        """Run `dm-dns push` as on this machine, with more arguments and environment variables."""
        command = [sys.executable, "-m", "dm_dns", "push", str(zone_conf), "--domain", domain]
        command += ["--key", str(self.network.signing_key), "--network-id", str(self.network.id)]
        command += ["--url", self.url, "--mesh-file", str(self.state / "files/home" / NAME)]
        command += ["--wait", "30", *more]
        # For `data-mesher`, which is installed beside this interpreter.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": path, **env},
        )

    def stop(self) -> None:
        """End it, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            end(process)
