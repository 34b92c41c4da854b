"""One machine of a clan as plain processes on this machine."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from checks.processes import ports
from checks.processes.fake_mesh import NAME, FakeDaemon, FakeMesh
from checks.processes.process import end
from checks.processes.temporary import short_folder
from checks.processes.unbound import UnboundProcess

_APPLY_SECONDS: Final = 120.0

_READY_SECONDS: Final = 20.0


class PlainMachine:
    """One machine: its files in a temporary directory, its unbound, and what else is asked for.

    A context manager: at its end everything that it started is stopped and its directory removed,
    whatever happened. That includes SIGTERM, which the first machine makes the same as SIGINT: a
    KeyboardInterrupt in the main thread.

        with PlainMachine("kiwi") as machine:
            machine.deployed.write_text(zone_conf)
            machine.boot()
            machine.unbound.ask("irc.pin", "AAAA")
    """

    def __init__(  # noqa: PLR0913 - each is named in the call
        self,
        name: str = "machine",
        domain: str = "pin",
        *,
        network: FakeMesh | None = None,
        listen: tuple[str, int] | None = None,
        unbound_options: str = "",
        has_local_view: bool = False,
        allow: Sequence[str] = (),
    ) -> None:
        """Make its directory; nothing runs yet.

        Args:
            name: of the machine, for messages.
            domain: of the clan.
            network: the mesh it belongs to; without one it has the files, but no daemon.
            listen: address and port of unbound; any that are free if not given.
            unbound_options: more lines for the server section of unbound.conf.
            has_local_view: whether the addresses of this machine's links matter to it.
            allow: the networks whose devices it answers.

        """
        _turn_sigterm_into_sigint()
        self._stack = ExitStack()
        try:
            self.name = name
            self._has_local_view = has_local_view
            self._allow = allow
            self.domain = domain
            self.directory = Path(tempfile.mkdtemp(prefix="dm-dns-", dir=short_folder()))
            self._stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self.directory.chmod(0o755)  # apply may be run as another user
            self.config = self.directory / "apply.json"
            self.deployed = self.directory / "zone.conf"
            """The zone.conf it was deployed with; does not exist yet."""
            self.hosts = self.directory / "hosts"
            """Its /etc/hosts."""
            self.state = self.directory / "state"
            """What apply writes; unbound loads <state>/<domain>.zone."""
            mesh = self.directory / "mesh"
            self.mesh_file = mesh / "files/home" / NAME
            """The mesh's copy of zone.conf; does not exist yet, but its directory does."""
            self.runtime = self.directory / "run"
            """What is gone after a reboot."""
            self.notify = self.directory / "notify"
            self.log = self.directory / "server.log"
            """What the server prints."""
            self._make_files(mesh)
            address, port = listen or ports.free_endpoint()
            self.unbound = UnboundProcess(
                self.directory,
                domain=domain,
                zonefile=self.state / f"{domain}.zone",
                address=address,
                port=port,
                options=unbound_options,
            )
            self._write_config()
            self._stack.callback(self.unbound.stop)
            self.daemon = FakeDaemon(network, mesh) if network else None
            if self.daemon:
                self._stack.callback(self.daemon.stop)
        except BaseException:
            self.close()
            raise

    def _make_files(self, mesh: Path) -> None:
        self.state.mkdir()
        self.runtime.mkdir()
        self.hosts.write_text("127.0.0.1 localhost\n")
        # The daemon's layout, also where none runs: `home` leads to the default network's folder.
        (mesh / "files/none" / NAME).parent.mkdir(parents=True)
        (mesh / "files/home").symlink_to("none")

    def _write_config(self) -> None:
        config: dict[str, object] = {
            "domain": self.domain,
            "mesh": str(self.mesh_file),
            "deployed": str(self.deployed),
            "hosts": str(self.hosts),
            "state": str(self.state),
            "unbound": {
                "control": str(self.unbound.control),
                "address": self.unbound.address,
                "port": self.unbound.port,
            },
        }
        if self._has_local_view:
            config["machine"] = self.name
        if self._allow:
            config["allow"] = self._allow
        self.config.write_text(json.dumps(config))

    def set_up(self, **values: object) -> None:
        """Change apply.json."""
        config = json.loads(self.config.read_text())
        self.config.write_text(json.dumps({**config, **values}))

    def boot(self) -> None:
        """Do what a machine does when it boots, in the order of its units.

        The server is started, and unbound when the server is ready; then the daemon, if there is
        one.

        Raises:
            RuntimeError: one of them does not start.

        """
        self.watch()
        self.unbound.start()
        if self.daemon:
            self.daemon.start()

    @property
    def state_file(self) -> Path:
        """What the server has found."""
        return self.runtime / "state.json"

    def apply_command(self, *options: str) -> list[str]:
        """Return the command line of `dm-dns apply`."""
        command = [sys.executable, "-m", "dm_dns", "apply", "--config", str(self.config)]
        return [*command, *options]

    def apply(self, *options: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run `dm-dns apply` to its end; return its exit status, stdout and stderr.

        Args:
            options: of `dm-dns apply`.
            prefix: a command that runs it.

        """
        return subprocess.run(
            [*prefix, *self.apply_command(*options)],
            check=False,
            capture_output=True,
            text=True,
            timeout=_APPLY_SECONDS,
            env=self._environment(),
        )

    def watch(self, *prefix: str) -> subprocess.Popen[bytes]:
        """Start the server (`dm-dns apply --watch`), and wait until it is ready.

        It runs until the machine is closed.

        Args:
            prefix: a command that runs it.

        Raises:
            RuntimeError: it is not ready in time.

        """
        self.notify.unlink(missing_ok=True)
        with (
            self.log.open("ab") as log,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified,
        ):
            notified.bind(str(self.notify))
            notified.settimeout(_READY_SECONDS)
            process = subprocess.Popen(
                [*prefix, *self.apply_command("--watch")],
                stdout=log,
                stderr=log,
                env=self._environment(NOTIFY_SOCKET=str(self.notify)),
            )
            self._stack.callback(end, process)
            try:
                message = notified.recv(100)
            except TimeoutError:
                message = b""
        if message != b"READY=1":
            raise RuntimeError(f"{self.name}: the server did not start: {self.log.read_text()}")
        return process

    def _environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, "RUNTIME_DIRECTORY": str(self.runtime), **more}

    def complaints(self) -> list[str]:
        """Return what the server printed that was wrong since it first served a zone."""
        lines = self.log.read_text().splitlines()
        good = [line.startswith(f"{self.domain}: ") for line in lines]
        first = good.index(True) if True in good else 0
        return [
            line for line, is_good in zip(lines[first:], good[first:], strict=True) if not is_good
        ]

    def close(self) -> None:
        """Stop what runs and remove the directory; may be called again."""
        self._stack.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def replace(path: Path, text: str) -> None:
    """Replace a file by rename: no reader sees a part of it."""
    temporary = path.parent.parent / f".{path.name}.new"  # not in the folder that is watched
    temporary.write_text(text)
    temporary.replace(path)


def _turn_sigterm_into_sigint() -> None:
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
