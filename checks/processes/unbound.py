"""A real unbound, configured for the clan's zone as the module configures it."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

import dns.exception
import dns.message
import dns.query

from checks.processes.process import end

_SECONDS: Final = 60.0  # for unbound to start, with the largest zone and on a busy machine
_COMMAND_SECONDS: Final = 60.0

_CONFIG: Final = """\
server:
  directory: "{directory}"
  chroot: ""
  username: ""
  pidfile: ""
  do-daemonize: no
  use-syslog: no
  logfile: ""
  verbosity: 1
  interface: {address}
  port: {port}
  access-control: 127.0.0.0/8 allow
  module-config: "iterator"
  local-zone: "{domain}." transparent
  local-zone: "." refuse
{options}
auth-zone:
  name: "{domain}."
  zonefile: "{zonefile}"
  for-downstream: yes
  for-upstream: yes
  fallback-enabled: no
remote-control:
  control-enable: yes
  control-interface: "{control}"
  control-use-cert: no
"""


MISSING: Final = "unbound is not installed (Debian: apt-get install unbound)"
"""What to tell where `find` finds none."""


def find() -> str | None:
    """Return the path of unbound; Debian has it where a user's PATH does not lead."""
    return shutil.which("unbound", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class UnboundProcess:
    """One process; its files are in ``directory``, whose path must be short (a unix socket)."""

    def __init__(  # noqa: PLR0913 - each is named in the call
        self,
        directory: Path,
        *,
        domain: str,
        zonefile: Path,
        address: str,
        port: int,
        options: str = "",
    ) -> None:
        """Write the configuration; nothing runs yet.

        Args:
            directory: for its files.
            domain: the auth-zone.
            zonefile: what the auth-zone is loaded from.
            address: to listen on, of 127.0.0.0/8.
            port: to listen on.
            options: more lines for the configuration's server section.

        """
        self.address = address
        self.port = port
        self.control = directory / "unbound.ctl"
        self.log = directory / "unbound.log"
        self._zonefile = zonefile
        self._config = directory / "unbound.conf"
        self._config.write_text(
            _CONFIG.format(
                directory=directory,
                domain=domain,
                zonefile=zonefile,
                address=address,
                port=port,
                control=self.control,
                options=options,
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers.

        Raises:
            RuntimeError: it is not installed or does not come up; the message has its log.

        """
        if not self._start():
            # unbound 1.17 needs the file, 1.26 does not. Either answers SERVFAIL without a zone.
            self._zonefile.touch()
            self._start()
        if self._process is None:
            raise RuntimeError(f"unbound did not start: {self.log.read_text()}")

    def _start(self) -> bool:
        program = find()
        if program is None:
            raise RuntimeError(MISSING)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-d", "-c", str(self._config)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.ask("dm-dns.invalid", "TXT", seconds=0.1)
            except (OSError, dns.exception.Timeout):
                time.sleep(0.01)
            else:
                return True
        self.stop(signal.SIGKILL)
        return False

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """End it, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            end(process, with_signal)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its process."""
        if self._process is None:
            raise RuntimeError("unbound does not run")
        return self._process

    def resident_set(self) -> int:
        """Return the memory that it has in use, in bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def ask(self, name: str, kind: str, *, seconds: float = 5.0) -> dns.message.Message:
        """Return its answer to a query over UDP.

        Raises:
            dns.exception.Timeout: none came.
            OSError: nobody listens there.

        """
        query = dns.message.make_query(name, kind)
        # The port may have been another client's, whose answer still arrives.
        return dns.query.udp(
            query, self.address, timeout=seconds, port=self.port, ignore_unexpected=True
        )

    def command(self, text: str) -> bytes:
        """Return what it answers to a command of unbound-control(8).

        Raises:
            OSError: its control socket is not there.

        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_COMMAND_SECONDS)
            connection.connect(str(self.control))
            connection.sendall(f"UBCT1 {text}\n".encode())
            return b"".join(iter(lambda: connection.recv(4096), b""))
