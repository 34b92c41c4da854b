"""A real unbound, configured for the clan's zone as the module configures it."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

import dns.exception
import dns.message
import dns.query

_SECONDS: Final = 10.0  # for unbound to start or stop, on a busy machine

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


def find() -> str | None:
    """Return the path of unbound; Debian has it where a user's PATH does not lead."""
    return shutil.which("unbound", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class Unbound:
    """One process; its files are in ``directory``, whose path must be short (a unix socket)."""

    def __init__(
        self, directory: Path, *, domain: str, zonefile: Path, address: str, port: int
    ) -> None:
        """Write the configuration; nothing runs yet."""
        self.address = address
        self.port = port
        self.control = directory / "unbound.ctl"
        self.log = directory / "unbound.log"
        self._config = directory / "unbound.conf"
        self._config.write_text(
            _CONFIG.format(
                directory=directory,
                domain=domain,
                zonefile=zonefile,
                address=address,
                port=port,
                control=self.control,
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers.

        Raises:
            RuntimeError: it is not installed or does not come up; the message has its log.

        """
        program = find()
        if program is None:
            raise RuntimeError("unbound is not installed (Debian: apt-get install unbound)")
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
                return
        self.stop()
        raise RuntimeError(f"unbound did not start: {self.log.read_text()}")

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """End it, if it runs."""
        if self._process is not None:
            self._process.send_signal(with_signal)
            self._process.wait(_SECONDS)
            self._process = None

    def resident_set(self) -> int:
        """Return the memory that it has in use, in bytes."""
        if self._process is None:
            raise RuntimeError("unbound does not run")
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def ask(self, name: str, kind: str, *, seconds: float = 5.0) -> dns.message.Message:
        """Return its answer to a query over UDP.

        Raises:
            dns.exception.Timeout: none came.
            OSError: nobody listens there.

        """
        query = dns.message.make_query(name, kind)
        return dns.query.udp(query, self.address, timeout=seconds, port=self.port)
