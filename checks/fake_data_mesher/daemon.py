"""`data-mesher server`: two ports, one thread per peer, and the removal of what has expired."""

import logging
import signal
import sys
import threading

from checks.fake_data_mesher.config import ServerConfig
from checks.fake_data_mesher.gossip import Peer
from checks.fake_data_mesher.mesh_errors import MeshError
from checks.fake_data_mesher.mesh_port import MeshPort
from checks.fake_data_mesher.store import Store

_EXPIRY_CHECK = 0.2  # seconds between two looks at the clock
_POLL = 0.05  # seconds until a port notices that it is to be closed
_JOIN = 1.0  # seconds to wait for an exchange that is going on
_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}

_log = logging.getLogger("data-mesher")


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.getLevelNamesMapping()[level.upper()])


def _expire(store: Store, stopping: threading.Event) -> None:
    while not stopping.wait(_EXPIRY_CHECK):
        try:
            store.expire()
        except OSError as e:
            _log.error("cannot remove an expired file: %s", e)


def run(config: ServerConfig) -> None:
    """Serve until SIGTERM or SIGINT. Raises MeshError when it cannot start."""
    # Blocked before any thread starts and taken by sigwait: no handler that runs in the middle of
    # something, and a signal that comes early is not lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    _log_to_stderr(config.log_level)
    if config.ignored:
        _log.info("the fake data-mesher ignores %s", ", ".join(config.ignored))
    store = Store(config)
    peers = [Peer(url, store, config.interval) for url in config.peers]
    store.on_change.extend(peer.wake for peer in peers)
    servers = [MeshPort(config.cluster, store, for_peers=True)]
    try:
        servers.append(MeshPort(config.http, store, for_peers=False))
    except MeshError:
        servers[0].server_close()
        raise
    stopping = threading.Event()
    threads = [threading.Thread(target=s.serve_forever, args=(_POLL,)) for s in servers]
    threads.append(threading.Thread(target=_expire, args=(store, stopping)))
    for thread in [*threads, *peers]:
        thread.start()
    _log.info("cluster on %s port %d, HTTP on %s port %d", *config.cluster, *config.http)

    received = signal.sigwait(_STOP_SIGNALS)
    _log.info("stopping: %s", signal.Signals(received).name)
    stopping.set()
    for peer in peers:
        peer.stop()
    for server in servers:
        server.shutdown()
        server.server_close()
    for peer in peers:
        peer.join(_JOIN)
    # Whoever still writes finishes first; kept, so that nobody starts again.
    store.lock.acquire()
