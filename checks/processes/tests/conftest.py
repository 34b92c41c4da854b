from collections.abc import Iterator

import pytest

from checks.processes import unbound
from checks.processes.control import Control, control
from checks.processes.plain_machine import PlainMachine


@pytest.fixture
def idle() -> Iterator[PlainMachine]:
    """A machine whose unbound does not run."""
    if unbound.find() is None:
        pytest.skip(unbound.MISSING)
    with PlainMachine() as machine:
        yield machine


@pytest.fixture
def machine(idle: PlainMachine) -> PlainMachine:
    """A machine whose unbound runs and has no zone."""
    idle.unbound.start()
    return idle


@pytest.fixture
def recorded(machine: PlainMachine) -> Iterator[Control]:
    """The control socket by which apply reaches unbound of ``machine``."""
    with control(machine) as server:
        yield server
