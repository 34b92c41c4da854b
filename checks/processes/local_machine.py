"""One machine of a clan as plain processes on this machine."""

import compileall
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import dm_dns

from checks.processes import ports
from checks.processes.fake_mesh import NAME, Daemon, Network
from checks.processes.process import end
from checks.processes.unbound import Unbound

_APPLY_SECONDS: Final = 120.0  # as the unit's TimeoutStartSec
_LONGEST_TMPDIR: Final = 60  # a unix socket's path has less than 108 characters (unix(7))

# As the module runs it: no site, no environment, no .pyc written.
_PYTHON: Final = (str(Path(sys.executable).resolve()), "-ISB")
_PACKAGES: Final = Path(dm_dns.__file__).parents[1]
_PROGRAM: Final = f"""\
import sys
sys.path.append({str(_PACKAGES)!r})
from dm_dns.node.apply import start
start(*sys.argv[1:])
"""


class Node:
    """One machine: its files in a temporary directory, its unbound, and what else is asked for.

    A context manager: at its end everything that it started is stopped and its directory removed,
    whatever happened. That includes SIGTERM, which the first node makes the same as SIGINT: a
    KeyboardInterrupt in the main thread.

        with Node("kiwi") as node:
            node.deployed.write_text(zone_conf)
            node.boot()
            node.unbound.ask("irc.pin", "AAAA")
    """

    def __init__(
        self,
        name: str = "node",
        domain: str = "pin",
        *,
        network: Network | None = None,
        listen: tuple[str, int] | None = None,
        unbound_options: str = "",
    ) -> None:
        """Make its directory; nothing runs yet.

        Args:
            name: of the machine, for messages.
            domain: of the clan.
            network: the mesh it belongs to; without one it has the files, but no daemon.
            listen: address and port of unbound; any that are free if not given.
            unbound_options: more lines for the server section of unbound.conf.

        """
        _turn_sigterm_into_sigint()
        self._stack = ExitStack()
        try:
            self.name = name
            self.domain = domain
            base = tempfile.gettempdir()
            self.directory = Path(
                tempfile.mkdtemp(
                    prefix="dm-dns-",
                    dir=base if len(base) <= _LONGEST_TMPDIR else "/tmp",  # noqa: S108 - mkdtemp
                )
            )
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
            self.runs: list[subprocess.CompletedProcess[str]] = []
            """What the runs of apply at boot ended with."""
            self.log = self.directory / "watch.log"
            """What the watcher says."""
            self._make_files(mesh)
            address, port = listen or ports.free_endpoint()
            self.unbound = Unbound(
                self.directory,
                domain=domain,
                zonefile=self.state / f"{domain}.zone",
                address=address,
                port=port,
                options=unbound_options,
            )
            self._write_config()
            self._stack.callback(self.unbound.stop)
            self.daemon = Daemon(network, mesh) if network else None
            if self.daemon:
                self._stack.callback(self.daemon.stop)
        except BaseException:
            self.close()
            raise

    def _make_files(self, mesh: Path) -> None:
        self.state.mkdir()
        self.hosts.write_text("127.0.0.1 localhost\n")
        # The daemon's layout, also where none runs: `home` leads to the default network's folder.
        (mesh / "files/none" / NAME).parent.mkdir(parents=True)
        (mesh / "files/home").symlink_to("none")

    def _write_config(self) -> None:
        config = {
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
        self.config.write_text(json.dumps(config))

    def boot(self) -> None:
        """Do what a machine does when it boots, in the order of its units.

        The zone file is written, unbound started, the zone applied, the watcher and (where the
        node has one) the daemon started. As on a machine, it is no error if apply fails: see
        ``runs``, where both of its runs are.

        Raises:
            RuntimeError: unbound or the daemon does not start.

        """
        self.runs.append(self.apply("--write-only"))
        self.unbound.start()
        self.runs.append(self.apply())
        self.watch()
        if self.daemon:
            self.daemon.start()

    def apply_command(self, *options: str) -> list[str]:
        """Return the command line of `dm-dns apply`, standard library only, as the unit runs it."""
        # A package is compiled when it is installed, a checkout perhaps not yet.
        compileall.compile_dir(_PACKAGES / "dm_dns", quiet=2)
        return [*_PYTHON, "-c", _PROGRAM, str(self.config), *options]

    def apply(
        self, *options: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `dm-dns apply` to its end; return its exit status, stdout and stderr."""
        return subprocess.run(
            self.apply_command(*options),
            check=False,
            capture_output=True,
            text=True,
            timeout=_APPLY_SECONDS,
            env=environment,
        )

    def watch(self, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start `dm-dns apply --watch`, which goes on until the node is closed."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.apply_command("--watch"), stdout=log, stderr=log, env=environment
            )
        self._stack.callback(end, process)
        return process

    def complaints(self) -> list[str]:
        """Return what the watcher has said was wrong since it first served a zone."""
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
