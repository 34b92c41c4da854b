from collections.abc import Iterator

import pytest

from checks.processes import unbound
from checks.processes.local_machine import Node
from checks.processes.tests.helpers import Control, control


@pytest.fixture
def idle() -> Iterator[Node]:
    """A node whose unbound does not run."""
    if unbound.find() is None:
        pytest.skip(unbound.MISSING)
    with Node() as node:
        yield node


@pytest.fixture
def node(idle: Node) -> Node:
    """A node whose unbound runs and has no zone."""
    idle.unbound.start()
    return idle


@pytest.fixture
def recorded(node: Node) -> Iterator[Control]:
    """The control socket by which apply reaches unbound of ``node``."""
    with control(node) as server:
        yield server
