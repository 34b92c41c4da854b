"""A short sample of `make faults`; and that it finds what is wrong."""

from collections.abc import Iterator

import pytest

from checks.faults import __main__ as faults
from checks.faults import server, tracing
from checks.faults.server import DisturbedServer
from checks.faults.situations import SITUATIONS, Situation
from checks.faults.tracing import Ended, Fault
from checks.processes import unbound

SAMPLE = 5
NEW_ZONE = SITUATIONS[0]


@pytest.fixture(autouse=True)
def _can_run() -> None:
    if reason := tracing.why_not() or (unbound.MISSING if unbound.find() is None else None):
        pytest.skip(reason)


@pytest.fixture(scope="module")
def machine() -> Iterator[DisturbedServer]:
    with DisturbedServer() as machine:
        yield machine


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.what)
def test_no_fault_breaks_what_is_served(machine: DisturbedServer, situation: Situation) -> None:
    usual = machine.undisturbed(situation)
    assert (usual.status, usual.met_fault) == (1 if situation.is_deaf else situation.status, False)
    for fault in faults.sample(tracing.faults(usual.calls), SAMPLE):
        ended, wrong = machine.disturb(situation, fault)
        assert wrong == [], fault
        assert ended.met_fault, fault


def test_no_fault_of_the_server_breaks_what_is_served(machine: DisturbedServer) -> None:
    usual = machine.undisturbed_server()
    for fault in faults.sample(tracing.faults(usual.calls), SAMPLE):
        _ended, wrong = machine.disturb_server(fault)
        assert wrong == [], fault


WRITES_IN_PLACE = """
from dm_dns import files
files.write = lambda path, content: path.write_bytes(content)
"""
TELLS_NOTHING = """
from dm_dns import cli
cli._tell = lambda message: None
"""
SHOWS_EXCEPTIONS = """
from dm_dns import cli
cli._tell = lambda message: print("Traceback (most recent call last):", file=cli.sys.stderr)
"""
FORGETS = """
from dm_dns.node import history
history.add = lambda *_: None
"""


@pytest.mark.parametrize(
    ("prelude", "fault", "expected"),
    [
        # The zone file, after the kept copy.
        (WRITES_IN_PLACE, Fault("write", 2, "KILL"), "the zone file is not whole"),
        (WRITES_IN_PLACE, Fault("write", 1, "KILL"), "the kept copy is not whole"),
        (TELLS_NOTHING, Fault("fsync", 1, "EIO"), "the message does not say what failed: ''"),
        (SHOWS_EXCEPTIONS, Fault("fsync", 1, "EIO"), "it printed Traceback"),
        (FORGETS, Fault("fsync", 1, "EIO"), "then: the history lacks what is served"),
    ],
)
def test_what_does_not_hold_is_found(prelude: str, fault: Fault, expected: str) -> None:
    with DisturbedServer(prelude) as broken:
        ended, wrong = broken.disturb(NEW_ZONE, fault)
    assert ended.met_fault
    assert [each for each in wrong if each.startswith(expected)] != []


def test_what_does_not_hold_is_printed_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--sample", "2", "--situation", NEW_ZONE.what]
    assert faults.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("a new zone: ")
    assert lines[-2].split()[0::6] == ["all", "0"]
    ended = Ended(1, "", "", {}, "", met_fault=True)
    monkeypatch.setattr(DisturbedServer, "disturb", lambda *_: (ended, ["all is lost"]))
    assert faults.main(arguments) == 1
    assert ": WRONG: all is lost\n" in capsys.readouterr().out


def test_without_strace_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tracing, "why_not", lambda: tracing.MISSING)
    assert faults.main([]) == 1
    assert capsys.readouterr().err == f"faults: {tracing.MISSING}\n"


def test_each_situation_has_a_name_of_its_own() -> None:
    names = [situation.what for situation in SITUATIONS]
    assert len({*names, server.WHAT}) == len(names) + 1
