"""An admin's machine: a checkout of the clan, a secret store, and ssh to a machine of the clan."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from checks.processes.fake_mesh import FakeMesh
from checks.processes.plain_machine import PlainMachine
from checks.processes.sshd import Sshd
from checks.processes.temporary import short_folder
from checks.processes.tests import stores

HOST: Final = "kiwi"
"""The name under which ssh reaches the machine."""

# With this in its configuration sshd, which root runs, lets in nobody as root.
UNPRIVILEGED: Final = (
    "ForceCommand setpriv --reuid=65534 --regid=65534 --clear-groups"
    " sh -c 'exec sh -c \"$SSH_ORIGINAL_COMMAND\"'"
)

_CLAN: Final = Path(__file__).parent / "clan"


class Admin:
    """Pushes from a checkout to ``machine``, whose files are out of reach but for ssh.

    A context manager, as PlainMachine is.
    """

    def __init__(self, *, sshd_options: str = "", ssh_options: str = "") -> None:
        """Make the clan, with one machine, and the checkout; nothing runs yet."""
        self._stack = ExitStack()
        # With the sockets of gpg-agent.
        self.directory = Path(tempfile.mkdtemp(prefix="dm-dns-", dir=short_folder()))
        self._stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self.directory.chmod(0o755)
        self.network = FakeMesh(self._folder("network"))
        self.machine = self._stack.enter_context(PlainMachine(HOST, network=self.network))
        self.sshd = Sshd(self._folder("sshd"), options=sshd_options)
        self._stack.callback(self.sshd.stop)
        self.bin = self._folder("bin")
        self.sshd.client(self.bin, HOST, options=ssh_options)
        (self.bin / "clan").symlink_to(_CLAN)
        self.checkout = self._folder("checkout")
        self.user = self._folder("user")
        self.temporary = self._folder("tmp")
        """Its TMPDIR: what a push leaves behind is here."""
        self.env: dict[str, str] = {}
        self._var("data-mesher-network/network.pub", self.network.id.read_text())
        self._var("dm-dns-signing-key/signing.pub", self.network.signing_pub.read_text())

    def _folder(self, name: str) -> Path:
        path = self.directory / name
        path.mkdir()
        return path

    def _var(self, var: str, text: str) -> None:
        path = self.checkout / "vars/shared" / var / "value"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def key(self) -> str:
        """The text of the private key's file."""
        return self.network.signing_key.read_text()

    def zone(self, text: str) -> None:
        """Have this zone.conf in the checkout."""
        self._var("dm-dns/zone.conf", text)

    def store(self, store: stores.Fill) -> None:
        """Keep the private key in this store, and in no other."""
        stores.need(store)
        shutil.rmtree(self.checkout / "secrets", ignore_errors=True)
        shutil.rmtree(self.checkout / "vars/shared" / stores.VAR, ignore_errors=True)
        user = self._folder(f"user-{store.__name__}")
        filled = stores.filled(store, self.checkout, user, self.key.encode())
        self.env |= self._stack.enter_context(filled)

    def opens(self, store: stores.Fill) -> str:
        """Return a command line with which a user would open the store."""
        secret = f"{self.checkout}/secrets/clan-vars/shared/{stores.VAR}/signing.key.age"
        machines = f"{self.checkout}/secrets/age-keys/machines/{HOST}/key.age"
        return {
            "sops": f"sops -d {self.checkout}/vars/shared/{stores.VAR}/secret",
            "age": f"age -d -i $AGE_KEYFILE {machines} | age -d -i - {secret}",
            "password_store": f"pass show clan-vars/shared/{stores.VAR}",
            "passage": f"passage show clan-vars/shared/{stores.VAR}",
        }[store.__name__]

    def command(self, *arguments: str, via: str = HOST) -> list[str]:
        """Return the command line of `dm-dns push` or `plan`, with all that a test is other in."""
        machine = self.machine
        assert machine.daemon
        command, *more = arguments
        line = [sys.executable, "-m", "dm_dns", command, "--flake", str(self.checkout)]
        line += [
            "--via",
            via,
            "--config",
            str(machine.config),
            "--mesh-file",
            str(machine.mesh_file),
        ]
        if command == "push":
            line += ["--url", machine.daemon.url, "--history", str(machine.state / "history")]
            line += ["--wait", "30"]
        return [*line, *more]

    @property
    def environment(self) -> dict[str, str]:
        """What the command runs with."""
        path = f"{self.bin}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        changed = {"PATH": path, "TMPDIR": str(self.temporary), "LC_ALL": "C.UTF-8", **self.env}
        return {**os.environ, **changed}

    def run(
        self, *arguments: str, via: str = HOST, before: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run `dm-dns push` or `plan` to its end, with a command ``before`` it."""
        return subprocess.run(
            [*before, *self.command(*arguments, via=via)],
            check=False,
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.user,
            stdin=subprocess.DEVNULL,
        )

    def start(self, *, only_sshd: bool = False) -> None:
        """Boot the machine; with ``only_sshd`` it has its files, and neither unbound nor mesh."""
        if not only_sshd:
            self.machine.boot()
        self.sshd.start()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop and remove all."""
        self._stack.close()
