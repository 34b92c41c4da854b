"""A real sshd on loopback, and an ssh that reaches it under the name of a machine."""

import os
import pwd
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

from checks.processes import ports
from checks.processes.process import end
from checks.processes.wait import until

MISSING: Final = "needs sshd and ssh (Debian: openssh-server)"


def find() -> str | None:
    """Return the path of sshd, which must be absolute to be run; None where there is none."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    return shutil.which("sshd", path=path) if shutil.which("ssh") else None


class Sshd:
    """An sshd as one process, which lets in one key, and the user that this runs as."""

    def __init__(self, directory: Path, *, options: str = "") -> None:
        """Make its keys and configuration in ``directory``; nothing runs yet.

        Args:
            directory: which must exist.
            options: more lines for its configuration; in sshd the first of two wins.

        """
        self.directory = directory
        self.log = directory / "sshd.log"
        self.address = ports.free_address()
        self.port = ports.free_port(self.address)
        self.identity = directory / "identity"
        self.known_hosts = directory / "known_hosts"
        self._process: subprocess.Popen[bytes] | None = None
        for path in (self.identity, directory / "host"):
            generate = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
            subprocess.run(generate, check=True)
        host_key = (directory / "host.pub").read_text()
        self.known_hosts.write_text(f"[{self.address}]:{self.port} {host_key}")
        (directory / "sshd_config").write_text(
            f"{options}\n"
            f"ListenAddress {self.address}:{self.port}\n"
            f"HostKey {directory}/host\n"
            f"AuthorizedKeysFile {directory}/identity.pub\n"
            # The directory may be below one that others may write to, such as /tmp.
            "StrictModes no\nPidFile none\nUsePAM no\nPasswordAuthentication no\nLogLevel VERBOSE\n"
        )

    def start(self) -> None:
        """Start it, and return when it listens.

        Raises:
            RuntimeError: it ended; the message has its log.

        """
        sshd = find()
        if sshd is None:
            raise RuntimeError(MISSING)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd wants it, if run by root
        command = [sshd, "-D", "-e", "-f", str(self.directory / "sshd_config")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        until(self._listens, "sshd listens")

    def _listens(self) -> bool:
        said = self.log.read_text()
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"sshd ended: {said}")
        return f"Server listening on {self.address}" in said

    def stop(self) -> None:
        """End it, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            end(process)

    def client(self, folder: Path, host: str, *, options: str = "") -> Path:
        """Write a command ``ssh`` to ``folder``, which reaches it under the name ``host``.

        ssh itself reads its settings from the home directory in /etc/passwd, whatever HOME is.

        Args:
            folder: for PATH.
            host: the name.
            options: more lines for the section of this host; in ssh the first of two wins.

        """
        config = folder / "ssh_config"
        user = pwd.getpwuid(os.geteuid()).pw_name
        config.write_text(
            f"Host {host}\n"
            f"{options}\n"
            f"HostName {self.address}\nPort {self.port}\nUser {user}\n"
            f"IdentityFile {self.identity}\nIdentitiesOnly yes\nIdentityAgent none\n"
            f"UserKnownHostsFile {self.known_hosts}\nGlobalKnownHostsFile none\n"
            "StrictHostKeyChecking yes\nBatchMode yes\n"
        )
        real = shutil.which("ssh") or MISSING
        command = folder / "ssh"
        command.write_text(
            f'#!/bin/sh\nexec {shlex.quote(real)} -F {shlex.quote(str(config))} "$@"\n'
        )
        command.chmod(0o755)
        return command
