from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from checks.demo.ask import MachineAnswer
from checks.demo.example_clan import Record
from checks.demo.transition import Transition

if TYPE_CHECKING:
    from checks.processes.plain_machine import PlainMachine

OLD = frozenset([Record("irc.pin", "CNAME", "kiwi.pin")])
NEW = frozenset([Record("irc.pin", "CNAME", "kfbox.pin")])


def answer(records: frozenset[Record], rcode: str = "NOERROR") -> MachineAnswer:
    return MachineAnswer(rcode, records, 0.001)


@pytest.fixture
def change() -> Transition:
    node = cast("PlainMachine", SimpleNamespace(name="kiwi", mesh_file=Path("none")))
    return Transition(node, OLD, NEW)


def test_the_first_new_answer_is_the_one_that_counts(change: Transition) -> None:
    for now, records in enumerate([OLD, OLD, NEW, NEW], start=1):
        change.note(answer(records), now)
    assert (change.answered, change.asked, change.wrong) == (3, 4, [])


@pytest.mark.parametrize(
    "bad",
    [
        answer(frozenset(), "SERVFAIL"),
        answer(frozenset(), "no answer (timed out)"),
        answer(frozenset()),
        answer(OLD | NEW),
        answer(NEW, "NXDOMAIN"),
    ],
)
def test_an_answer_that_is_neither_old_nor_new_is_wrong(
    change: Transition, bad: MachineAnswer
) -> None:
    for now, given in enumerate([answer(OLD), bad, answer(NEW)], start=1):
        change.note(given, now)
    assert (change.answered, change.wrong) == (3, [bad])


def test_the_old_answer_after_the_new_one_is_wrong(change: Transition) -> None:
    for now, records in enumerate([NEW, OLD, NEW], start=1):
        change.note(answer(records), now)
    assert (change.answered, change.wrong) == (1, [answer(OLD)])
