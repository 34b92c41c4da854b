# ruff: noqa: E501 - messages stand here as they are printed
import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from prometheus_client.parser import text_string_to_metric_families

from dm_dns import cli
from dm_dns.commands import push as command
from dm_dns.errors import Error, RefusedError, TransientError
from dm_dns.push import automatic, push
from dm_dns.zone import conf

INTERVAL = 30.0
HALF_WRITTEN = 5.0
MESH, STATE = Path("mesh"), Path("state")


def zone_conf(serial: int, *hosts: str) -> str:
    cnames = dict.fromkeys(["irc.pin", *hosts], "kiwi.pin")
    return conf.render(conf.Zone("pin", serial, cnames, {"kiwi.pin": ("fd00::1",)}))


OLDER, DEPLOYED, NEWER = zone_conf(6, "old.pin"), zone_conf(7), zone_conf(8, "new.pin")


class Clock:
    """Time that passes only where somebody sleeps, and what happens meanwhile."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events: list[tuple[float, Callable[[], object]]] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for event in [event for event in self.events if event[0] <= self.now]:
            self.events.remove(event)
            event[1]()

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        self.events.append((seconds, action))


def bring(text: str) -> None:
    """Put a zone where the mesh puts it."""
    Path("mesh.new").write_text(text)
    Path("mesh.new").replace(MESH)


class Machine:
    """A push machine with a mesh that takes whatever it sends."""

    def __init__(self, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
        self.clock = clock
        self.capsys = capsys
        self.sent: list[float] = []
        """When it has sent its zone."""
        self.failures: list[Error] = []
        """Of the next tries to send."""
        self.succeeded = True
        """Whether the last run did."""

    def send(self) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(self.clock.now)
        bring(Path("zone.conf").read_text())
        return "pushed"

    def run(self) -> list[str]:
        """Run the unit once; return what it prints."""
        settings = automatic.Settings(
            url="http://localhost:7331",
            mesh_file=MESH,
            state=STATE,
            interval=INTERVAL,
            history=Path("history"),
            tell=print,
            complain=lambda line: print(line, file=sys.stderr),
        )
        self.sent.clear()
        start = self.clock.now
        zone = push.read_zone_conf(Path("zone.conf"), "pin")
        self.succeeded = automatic.run(zone, settings, self.send)
        self.sent = [sent - start for sent in self.sent]
        out, err = self.capsys.readouterr()
        return [*err.splitlines(), *out.splitlines()]

    def boot(self) -> None:
        for path in STATE.iterdir():
            path.unlink()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("dm_dns.push.automatic.time", clock)
    return clock


@pytest.fixture
def machine(
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Machine:
    """Return a machine that has booted, with the zone DEPLOYED, where nothing has run yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "dm_dns.push.data_mesher.wait_until_answering", lambda *_args, **_options: None
    )
    Path("zone.conf").write_text(DEPLOYED)
    STATE.mkdir()
    return Machine(clock, capsys)


@pytest.fixture
def running(machine: Machine) -> Machine:
    """Return a machine on which the zone DEPLOYED was handled after it had booted."""
    machine.run()
    return machine


def deploy(text: str) -> None:
    Path("zone.conf").write_text(text)


def test_after_boot_the_zone_is_pushed_once_a_newer_one_would_have_come(machine: Machine) -> None:
    assert machine.run() == ["pushed"]
    assert machine.sent == [2 * INTERVAL]


def test_after_boot_a_newer_zone_that_comes_late_is_left_alone(machine: Machine) -> None:
    machine.clock.at(2 * INTERVAL - 1, lambda: bring(NEWER))
    assert machine.run() == snapshot(
        [
            "nothing to do for pin: the mesh has serial 8, and this machine was deployed with 7, which is older"
        ]
    )
    assert machine.sent == []


def test_after_boot_an_older_copy_may_be_out_of_date_itself(machine: Machine) -> None:
    bring(OLDER)
    machine.clock.at(5, lambda: bring(NEWER))
    machine.run()
    assert machine.sent == []


def test_after_boot_an_older_copy_that_stays_is_replaced(machine: Machine) -> None:
    bring(OLDER)
    assert machine.run() == ["pushed"]
    assert machine.sent == [2 * INTERVAL]


def test_after_boot_a_zone_without_a_serial_is_pushed_too(machine: Machine) -> None:
    deploy(zone_conf(0))
    assert machine.run() == ["pushed"]


def test_an_older_zone_that_comes_is_replaced_immediately(machine: Machine) -> None:
    machine.clock.at(5, lambda: bring(OLDER))
    machine.run()
    assert machine.sent == [5]


def test_after_a_switch_the_zone_is_pushed_immediately(running: Machine) -> None:
    deploy(NEWER)
    assert running.run() == ["pushed"]
    assert running.sent == [0]


def test_after_a_switch_that_did_not_change_the_zone_nothing_is_said(running: Machine) -> None:
    assert running.run() == []
    assert running.sent == []


def test_after_a_boot_with_nothing_to_do_there_is_one_line(running: Machine) -> None:
    running.boot()
    assert running.run() == snapshot(
        ["nothing to do for pin: the mesh has the same names with serial 7"]
    )
    assert running.run() == []


def test_after_a_switch_to_an_older_deployment_nothing_is_pushed(running: Machine) -> None:
    deploy(OLDER)
    assert running.run() == snapshot(
        [
            "nothing to do for pin: the mesh has serial 7, and this machine was deployed with 6, which is older"
        ]
    )
    assert running.run() == []


def test_the_same_names_under_a_newer_serial_will_do(running: Machine) -> None:
    bring(zone_conf(9))
    running.boot()
    assert running.run() == snapshot(
        ["nothing to do for pin: the mesh has the same names with serial 9, which is newer"]
    )


def test_an_older_zone_of_another_machine_is_replaced(running: Machine) -> None:
    bring(OLDER)
    assert running.run() == ["pushed"]
    assert running.sent == [0]


def test_an_older_zone_that_comes_right_after_the_push_is_replaced(machine: Machine) -> None:
    machine.clock.at(2 * INTERVAL + 3, lambda: bring(OLDER))
    assert machine.run() == ["pushed", "pushed"]
    assert machine.sent == [2 * INTERVAL, 2 * INTERVAL + 3]
    assert machine.clock.now == 4 * INTERVAL + 3


def test_a_withdrawn_zone_is_not_pushed_again(running: Machine) -> None:
    MESH.unlink()
    assert running.run() == []
    assert running.sent == []


def test_a_withdrawn_zone_is_pushed_after_the_next_boot(running: Machine) -> None:
    MESH.unlink()
    running.boot()
    running.run()
    assert running.sent == [2 * INTERVAL]


def test_after_a_withdrawal_another_zone_is_pushed_once_a_newer_one_would_have_come(
    running: Machine,
) -> None:
    MESH.unlink()
    deploy(NEWER)
    running.run()
    assert running.sent == [2 * INTERVAL]


def test_a_withdrawal_is_not_undone_by_who_waits_to_push(machine: Machine) -> None:
    bring(OLDER)
    machine.clock.at(5, MESH.unlink)
    assert machine.run() == snapshot(["nothing to do for pin: the zone was withdrawn"])
    assert machine.sent == []


def remember(serial: int) -> None:
    Path("history").mkdir(exist_ok=True)
    Path(f"history/{serial}.conf").touch()


def test_where_the_mesh_has_no_copy_what_it_had_counts(machine: Machine) -> None:
    remember(8)
    assert machine.run() == snapshot(
        [
            "nothing to do for pin: the mesh has had serial 8, and this machine was deployed with 7, which is older"
        ]
    )
    assert machine.run() == []
    assert machine.sent == []


def test_where_the_mesh_has_an_older_copy_what_it_had_does_not_count(machine: Machine) -> None:
    remember(8)
    bring(OLDER)
    assert machine.run() == ["pushed"]


def test_what_the_mesh_had_with_a_serial_of_the_future_does_not_count(machine: Machine) -> None:
    remember(2**32 - 1)
    remember(7)
    assert machine.run() == ["pushed"]


def distrust(text: str, serial: int = 0) -> None:
    """Let a copy, and serials up to this one, be of before the signing key was replaced."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    Path("keys.json").write_text(
        json.dumps({"keys": ["b"], "distrusted": [digest], "serial": serial})
    )


def test_what_was_pushed_with_a_replaced_key_is_replaced_whatever_its_serial(
    machine: Machine,
) -> None:
    bring(NEWER)
    distrust(NEWER, serial=8)
    remember(8)
    assert machine.run() == snapshot(
        [
            "the mesh's copy was not a valid zone: mesh was pushed before the signing key was replaced, and is not used",
            "pushed",
        ]
    )
    assert machine.sent == [2 * INTERVAL]
    assert machine.run() == []


def test_another_copy_than_that_of_the_replaced_key_counts(machine: Machine) -> None:
    distrust(OLDER, serial=8)
    bring(NEWER)
    machine.run()
    assert machine.sent == []


@pytest.mark.parametrize(("replaced", "sent"), [(7, []), (8, [2 * INTERVAL])])
def test_serials_of_before_a_key_was_replaced_do_not_count(
    replaced: int, sent: list[float], machine: Machine
) -> None:
    remember(8)
    distrust("", serial=replaced)
    machine.run()
    assert machine.sent == sent


BROKEN = NEWER[:-10]


def test_what_is_not_a_zone_is_replaced_when_it_stays(running: Machine) -> None:
    bring(BROKEN)
    assert running.run() == snapshot(
        [
            "the mesh's copy was not a valid zone: mesh:8: the last line has no newline: it was cut short or changed; send it again",
            "pushed",
        ]
    )
    assert running.sent == [HALF_WRITTEN]


def test_what_is_half_written_is_not_replaced(running: Machine) -> None:
    bring(BROKEN)
    running.clock.at(running.clock.now + 1, lambda: bring(NEWER))
    running.run()
    assert running.sent == []


def test_what_is_not_a_zone_is_not_replaced_a_second_time(running: Machine) -> None:
    bring(BROKEN)
    running.run()
    bring(BROKEN)
    assert running.run() == []
    deploy(NEWER)
    assert running.run() == snapshot(
        [
            "nothing to do for pin: the copy that was replaced before is back: mesh:8: the last line has no newline: it was cut short or changed; send it again"
        ]
    )
    assert running.sent == []


def test_what_is_not_a_zone_is_not_replaced_a_second_time_after_an_older_zone_was(
    running: Machine,
) -> None:
    bring(BROKEN)
    running.run()
    bring(OLDER)
    assert running.run() == ["pushed"]
    bring(BROKEN)
    assert running.run() == []


def test_a_zone_of_the_same_serial_with_other_names_is_not_passed_over(machine: Machine) -> None:
    bring(zone_conf(7, "other.pin"))
    machine.failures = [Error("neither is newer")]  # as push refuses it
    with pytest.raises(Error, match="neither is newer"):
        machine.run()


def test_what_somebody_else_wrote_into_the_state_is_of_no_zone(running: Machine) -> None:
    for path in STATE.iterdir():
        path.write_bytes(b"\xff")
    bring(OLDER)
    assert running.run() == ["pushed"]


def test_what_is_not_a_zone_is_not_replaced_by_an_outdated_one(running: Machine) -> None:
    remember(8)
    bring(BROKEN)
    assert running.run() == []
    assert running.sent == []


def refused() -> float:
    """What monitoring is told of the zone: 1 if it is refused."""
    (family,) = text_string_to_metric_families((STATE / automatic.METRICS).read_text())
    (sample,) = family.samples
    assert (family.type, sample.name) == ("gauge", "dm_dns_push_refused")
    assert sample.labels == {"domain": "pin"}
    return float(sample.value)


def test_a_refusal_is_a_failure_each_time_and_told_once(running: Machine) -> None:
    deploy(NEWER)
    running.failures = [RefusedError("no")]
    with pytest.raises(RefusedError, match="no"):
        running.run()
    assert refused() == 1
    running.failures = [RefusedError("no")]
    assert running.run() == []
    assert not running.succeeded
    running.failures = [RefusedError("never")]
    with pytest.raises(RefusedError, match="never"):
        running.run()
    assert running.run() == ["pushed"]
    assert running.succeeded
    assert refused() == 0
    deploy(zone_conf(9))
    running.failures = [RefusedError("never")]
    with pytest.raises(RefusedError, match="never"):
        running.run()


def test_another_failure_is_not_a_refusal(running: Machine) -> None:
    deploy(NEWER)
    running.run()
    deploy(zone_conf(9))
    running.failures = [Error("no")]
    with pytest.raises(Error, match="no"):
        running.run()
    assert refused() == 0


def test_a_refusal_does_not_matter_where_another_was_faster(running: Machine) -> None:
    deploy(NEWER)

    def fail() -> str:
        bring(zone_conf(9))
        raise Error("no")

    running.send = fail  # type: ignore[method-assign]
    assert running.run() == snapshot(
        [
            "nothing to do for pin: the mesh has serial 9, and this machine was deployed with 8, which is older"
        ]
    )


def test_what_passes_on_its_own_is_tried_again_ever_more_slowly(running: Machine) -> None:
    deploy(NEWER)
    tries = 200
    running.failures = [TransientError(f"failure {number}") for number in range(tries)]
    printed = running.run()
    assert len(running.sent) == 1
    assert (tries - 10) * 300 < running.clock.now < tries * 300
    assert printed[:4] == ["failure 0", "failure 6", "failure 8", "failure 9"]
    assert len(printed) < running.clock.now / 3600 + 10
    assert printed[-1] == "pushed"


def test_data_mesher_is_waited_for_as_long_as_it_takes_and_quietly(
    running: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(url: str, *, seconds: float, report: Callable[[str], None]) -> None:
        assert url == "http://localhost:7331"
        until = running.clock.now + 86400
        assert seconds > 86400
        while running.clock.now < until:
            report(f"no answer; retrying in {running.clock.now} s")
            running.clock.sleep(5)

    monkeypatch.setattr("dm_dns.push.data_mesher.wait_until_answering", wait)
    deploy(NEWER)
    printed = running.run()
    assert printed == ["no answer", "over: no answer", "pushed"]


def test_where_there_is_nothing_to_do_data_mesher_need_not_answer(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("dm_dns.push.data_mesher.wait_until_answering")
    bring(DEPLOYED)
    machine.run()


def test_a_deployed_zone_that_is_none_is_a_failure(machine: Machine) -> None:
    deploy(BROKEN)
    with pytest.raises(Error, match=r"zone\.conf:8: the last line has no newline"):
        machine.run()


def test_a_copy_that_cannot_be_read_is_a_failure(machine: Machine) -> None:
    MESH.mkdir()
    with pytest.raises(Error) as caught:
        machine.run()
    assert str(caught.value) == snapshot("mesh: cannot be read: Is a directory")


def test_a_pipe_in_the_place_of_the_copy_is_a_failure_and_not_waited_for(
    machine: Machine,
) -> None:
    os.mkfifo(MESH)
    with pytest.raises(Error) as caught:
        machine.run()
    assert str(caught.value) == snapshot("mesh: cannot be read: it is a pipe, not a regular file")


def test_a_copy_that_is_too_large_is_replaced_like_one_that_is_not_valid(machine: Machine) -> None:
    bring(DEPLOYED)
    machine.run()
    with Path("mesh.new").open("wb") as file:
        file.truncate(2**40)
    Path("mesh.new").replace(MESH)
    assert machine.run() == snapshot(
        [
            "the mesh's copy was not a valid zone: mesh: cannot be read: it has 1099511627776 bytes, and the limit is 33554432 bytes",
            "pushed",
        ]
    )
    assert machine.sent == [HALF_WRITTEN]
    assert MESH.read_text() == DEPLOYED


def test_without_its_folder_the_message_names_it(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    STATE.rmdir()
    bring(DEPLOYED)
    Path("k").touch()
    needed = "push zone.conf --domain pin --key k --network-id n --mesh-file mesh --automatic"
    assert cli.main([*needed.split(), "--state", "state"]) == 1
    assert capsys.readouterr().err == snapshot("dm-dns: state/handled: No such file or directory\n")
    assert machine.sent == []


def test_the_interval_is_written_as_go_does() -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert parser.parse_args(["--interval", "1m30s"]).interval == 90


@pytest.mark.parametrize(
    "more",
    [
        ["--interval=30"],
        ["--interval="],
        ["--interval=s"],
        ["--interval=-5s"],
        ["--interval=5s "],
        ["--flake=."],
        ["--via=kiwi"],
        ["--force"],
        ["--dry-run"],
        ["--delete"],
        ["--rollback=5"],
    ],
)
def test_misuse_exits_with_2(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    needed = "push zone.conf --domain pin --key k --network-id n --automatic"
    with pytest.raises(SystemExit) as caught:
        cli.main([*needed.split(), *more])
    assert caught.value.code == 2
    assert "dm-dns push: error: " in capsys.readouterr().err
