import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.fake_data_mesher.tests.helpers import NAME, DaemonProcess, NetworkKeys, stop

_fresh = itertools.count()


@pytest.fixture
def network(tmp_path: Path) -> NetworkKeys:
    return NetworkKeys(tmp_path)


@pytest.fixture
def nodes(network: NetworkKeys) -> Iterator[list[DaemonProcess]]:
    """Three nodes, not started, each with the two others as peers."""
    trio = [DaemonProcess(network, f"node{i}") for i in range(3)]
    for node in trio:
        node.peer_with(*(other for other in trio if other is not node))
    yield trio
    stop(*trio)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """One node without peers for all tests of a module; tests that change it use a `fresh` name."""
    node = DaemonProcess(NetworkKeys(tmp_path_factory.mktemp("shared")), "shared")
    node.start()
    node.update(NAME, b"kept")
    yield node
    node.stop()


@pytest.fixture
def fresh() -> str:
    """Return a name of the allowlist that no other test uses."""
    return f"fresh/{next(_fresh)}"
