from collections.abc import Iterator

import pytest

from checks.processes import unbound
from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import Control, control


@pytest.fixture
def idle() -> Iterator[PlainMachine]:
    """A node whose unbound does not run."""
    if unbound.find() is None:
        pytest.skip(unbound.MISSING)
    with PlainMachine() as node:
        yield node


@pytest.fixture
def node(idle: PlainMachine) -> PlainMachine:
    """A node whose unbound runs and has no zone."""
    idle.unbound.start()
    return idle


@pytest.fixture
def recorded(node: PlainMachine) -> Iterator[Control]:
    """The control socket by which apply reaches unbound of ``node``."""
    with control(node) as server:
        yield server
