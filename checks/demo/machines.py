"""The clan's machines on this machine: where they listen, how they are started."""

import errno
import socket
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from checks.demo import commands, signals
from checks.demo.commands import DemoError
from checks.processes.fake_mesh import FakeMesh
from checks.processes.plain_machine import PlainMachine
from checks.processes.temporary import short_folder

PORT: Final = 5353
"""As in the module."""

_LOCK: Final = "\0dm-dns demo"  # an abstract unix socket (unix(7)): no file, gone with its process
_LOG_LINES: Final = 5


def address(index: int) -> str:
    """Return the loopback address of the machine with this index, from 0."""
    return f"127.0.1.{index + 1}"


@contextmanager
def reserved(addresses: Sequence[str]) -> Iterator[None]:
    """Make sure that the port is free on all addresses, and that no other demo takes them.

    unbound itself would notice nothing: it shares a port with another unbound.

    Raises:
        DemoError: it is taken.

    """
    with socket.socket(socket.AF_UNIX) as lock:
        try:
            lock.bind(_LOCK)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise DemoError(
                f"{addresses[0]} port {PORT} is taken by another demo on this machine."
                " Wait until that has ended."
            ) from None
        for each in addresses:
            _check_free(each, socket.SOCK_STREAM)
            _check_free(each, socket.SOCK_DGRAM)
        yield


def _check_free(host: str, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as probe:
        # As unbound does it: mDNS daemons share the UDP port with everyone else who says so.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, PORT))
        except OSError as error:
            protocol = "TCP" if kind is socket.SOCK_STREAM else "UDP"
            if error.errno != errno.EADDRINUSE:
                raise DemoError(
                    f"{host} port {PORT} ({protocol}) cannot be used: {error.strerror}"
                ) from None
            raise DemoError(
                f"{host} port {PORT} ({protocol}) is taken. See by whom with"
                f" `ss -lp 'sport = :{PORT}'` as root, stop that, and try again."
            ) from None


@contextmanager
def folder() -> Iterator[Path]:
    """Make a temporary directory in which all files of the demo are; remove it at the end."""
    with ExitStack() as stack:
        with signals.held():
            directory = tempfile.TemporaryDirectory(
                prefix="dm-dns-demo-", dir=short_folder(), ignore_cleanup_errors=True
            )
            made = stack.enter_context(directory)
        Path(made).chmod(0o755)
        before, tempfile.tempdir = tempfile.tempdir, made
        try:
            yield Path(made)
        finally:
            tempfile.tempdir = before


def make_network(directory: Path) -> FakeMesh:
    """Make a mesh whose zone may be signed with the key that `dm-dns keygen` makes in it.

    Raises:
        DemoError: it made none, or none that openssl takes for the same pair.

    """
    network = FakeMesh(directory)
    made = directory / "keys"
    commands.dm_dns("keygen", made)
    network.signing_key, network.signing_pub = made / "signing.key", made / "signing.pub"
    public = commands.run("openssl", "pkey", "-in", network.signing_key, "-pubout")
    if public != network.signing_pub.read_text():
        raise DemoError("signing.pub of `dm-dns keygen` is not what openssl reads in signing.key")
    return network


def make_node(
    stack: ExitStack, name: str, domain: str, host: str, network: FakeMesh
) -> PlainMachine:
    """Make a machine that answers on ``host``; it is stopped and removed with ``stack``."""
    return stack.enter_context(PlainMachine(name, domain, network=network, listen=(host, PORT)))


def boot(nodes: Sequence[PlainMachine]) -> None:
    """Boot all machines in parallel.

    Raises:
        DemoError: one does not.

    """
    with ThreadPoolExecutor(len(nodes)) as pool:
        booting = {node.name: pool.submit(node.boot) for node in nodes}
        # Waited for in here: if that is interrupted, the pool still ends before the machines do.
        errors = {name: result.exception() for name, result in booting.items()}
    for name, error in errors.items():
        if isinstance(error, RuntimeError | TimeoutError):
            raise DemoError(f"{name}: {str(error).rstrip()}") from None
        if error is not None:
            raise error


def push(node: PlainMachine, zone_conf: Path) -> None:
    """Push a zone on ``node`` with `dm-dns push`.

    Raises:
        DemoError: that failed.

    """
    if node.daemon is None:
        raise ValueError(f"{node.name} has no mesh")
    network = node.daemon.network
    commands.dm_dns(
        *("push", zone_conf, "--domain", node.domain),
        *("--key", network.signing_key, "--network-id", network.id),
        *("--url", node.daemon.url, "--mesh-file", node.mesh_file, "--wait", "10"),
    )


def diagnosis(node: PlainMachine) -> str:
    """Return what helps to find out why ``node`` does not serve what it should."""
    lines = [f"{node.name}: the mesh file is {'there' if node.mesh_file.exists() else 'missing'}"]
    health = node.apply("--check")
    lines.append(f"{node.name}: `dm-dns apply --check`: {health.stderr.strip() or 'all is well'}")
    logs = {"`dm-dns apply --watch`": node.log, "unbound": node.unbound.log}
    if node.daemon:
        logs["the fake data-mesher"] = node.daemon.log
    for program, log in logs.items():
        if log.exists():
            last_lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
            lines += [f"{node.name}: {program}: {line}" for line in last_lines]
    return "\n".join(lines)
