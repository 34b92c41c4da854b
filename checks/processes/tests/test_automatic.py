"""`dm-dns push --automatic` on several machines at the same time, against the fake data-mesher."""

import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from checks.processes.fake_mesh import FakeDaemon
from checks.processes.tests.test_push import NEWEST, OUTDATED, PushedClan, clan

__all__ = ["clan"]

# Also that another one came in between, and that data-mesher answers at last.
SAID = re.compile(
    r"(pushed|nothing to do for) pin: |the zone did not stay in |over: .* does not answer "
)


class PushMachine:
    """A push machine and its unit."""

    def __init__(self, clan: PushedClan, number: int, zone_conf: str) -> None:
        self._zone_conf = clan.directory / f"zone-{number}.conf"
        self._zone_conf.write_text(zone_conf)
        self._state = clan.directory / f"state-{number}"
        self._state.mkdir()
        self.daemon = clan.daemons[number]
        network = clan.network
        self._arguments = {
            "--domain": "pin",
            "--key": network.signing_key,
            "--public-key": network.signing_pub,
            "--network-id": network.id,
            "--mesh-file": clan.file(self.daemon),
            "--url": self.daemon.url,
            "--state": self._state,
            "--history": clan.directory / "history",
            "--interval": "1s",  # as FakeDaemon has it
        }

    def start(self, stack: ExitStack) -> subprocess.Popen[str]:
        options = [str(part) for option in self._arguments.items() for part in option]
        command = [sys.executable, "-m", "dm_dns", "push", str(self._zone_conf), "--automatic"]
        process = stack.enter_context(
            subprocess.Popen(
                [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        )
        stack.callback(process.kill)
        return process

    def run(self) -> list[str]:
        with ExitStack() as stack:
            return printed(self.start(stack))

    def boot(self) -> None:
        for path in self._state.iterdir():
            path.unlink()


def printed(process: subprocess.Popen[str]) -> list[str]:
    """Wait until it has ended; return the lines it has printed."""
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output.splitlines()


@pytest.fixture
def stopped(clan: PushedClan) -> PushedClan:
    """Return the machines of `clan` before their data-meshers run."""
    for daemon in clan.daemons:
        daemon.stop()
    return clan


def sent(daemon: FakeDaemon) -> int:
    return daemon.log.read_text().count("from the command line")


def test_machines_that_boot_at_the_same_time_end_with_the_newest_zone(stopped: PushedClan) -> None:
    outdated, newest = PushMachine(stopped, 0, OUTDATED), PushMachine(stopped, 1, NEWEST)
    with ExitStack() as stack:
        processes = [machine.start(stack) for machine in (outdated, newest)]
        for process in processes:
            assert process.stdout
            assert "does not answer (Connection refused)" in process.stdout.readline()
        for daemon in stopped.daemons:
            daemon.start()
        for process in processes:
            assert [line for line in printed(process) if not SAID.match(line)] == []
    # As the path unit does if one pushed after the other had ended.
    newest.run()
    stopped.wait_for(NEWEST)

    before = sent(outdated.daemon), sent(newest.daemon)
    assert outdated.run() == newest.run() == []
    assert (sent(outdated.daemon), sent(newest.daemon)) == before


def test_a_machine_that_has_lost_all_does_not_bring_back_its_outdated_zone(
    clan: PushedClan,
) -> None:
    outdated, newest = PushMachine(clan, 0, OUTDATED), PushMachine(clan, 1, NEWEST)
    assert newest.run() == ["pushed pin: serial 9, 2 records, 2 added"]
    clan.wait_for(NEWEST)
    (line,) = outdated.run()
    assert line.startswith("nothing to do for pin: the mesh has serial 9, and this machine was")

    outdated.daemon.stop()
    for path in (outdated.daemon.state / "entries").iterdir():
        path.unlink()
    Path(clan.file(outdated.daemon)).unlink()
    outdated.boot()
    with ExitStack() as stack:
        process = outdated.start(stack)
        outdated.daemon.start()
        assert printed(process)[-1].startswith("nothing to do for pin: the mesh has serial 9")
    clan.wait_for(NEWEST)
    assert sent(outdated.daemon) == 0
