"""A machine as the tests, the demo and the benchmarks use it."""

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import dns.message
import dns.rcode
import pytest

from checks.processes import ports, unbound
from checks.processes.fake_mesh import FakeMesh
from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import (
    NEW,
    OLD,
    bring,
    problems,
    processes_with,
    served,
    source,
    wait_for_serial,
    zone_conf,
)
from checks.processes.unbound import UnboundProcess
from checks.processes.wait import until

PARENT = """\
import time
from checks.processes.plain_machine import PlainMachine
with PlainMachine() as machine:
    machine.unbound.start()
    machine.watch()
    print(machine.directory, flush=True)
    while True:
        time.sleep(1)
"""


@pytest.mark.parametrize("received", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_its_program_is_ended(
    idle: PlainMachine, received: signal.Signals
) -> None:
    del idle  # only for its skip where there is no unbound
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout
        directory = Path(parent.stdout.readline().strip())
        try:
            assert directory.is_dir()
            assert processes_with(f"{directory}/")
            parent.send_signal(received)
            assert parent.wait(60) != 0
        finally:
            parent.kill()
    assert not directory.exists()
    assert not processes_with(f"{directory}/")


def test_nothing_is_left_after_an_error() -> None:
    directories = []

    def fail() -> None:
        with PlainMachine() as machine:
            directories.append(machine.directory)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the one above
        fail()
    assert not directories[0].exists()


def test_it_boots_without_a_zone_and_serves_the_first_one_that_comes(idle: PlainMachine) -> None:
    idle.boot()
    assert problems(idle)[0].startswith("there is no zone for pin: ")
    bring(idle, zone_conf(5))
    until(lambda: served(idle, "irc.pin"), "the zone is served")
    assert source(idle) == ("mesh", "5")


def test_a_pushed_zone_is_served_on_every_node_and_on_one_that_was_down(tmp_path: Path) -> None:
    if unbound.find() is None:
        pytest.skip(unbound.MISSING)
    network = FakeMesh(tmp_path)
    zone = tmp_path / "zone.conf"
    with (
        PlainMachine("kiwi", network=network) as kiwi,
        PlainMachine("kfbox", network=network) as kfbox,
    ):
        assert kiwi.daemon
        assert kfbox.daemon
        for machine in (kiwi, kfbox):
            machine.deployed.write_text(zone_conf(1))
            machine.boot()
        push(kiwi, zone, zone_conf(2, addresses={"kiwi.pin": (NEW,)}))
        for machine in (kiwi, kfbox):
            wait_for_serial(machine, 2)
            assert served(machine, "irc.pin")[-1] == f"AAAA {NEW}"
        kfbox.daemon.stop()
        push(kiwi, zone, zone_conf(3))
        wait_for_serial(kiwi, 3)
        assert source(kfbox) == ("mesh", "2")
        kfbox.daemon.start()
        wait_for_serial(kfbox, 3)
        assert served(kfbox, "irc.pin")[-1] == f"AAAA {OLD}"


def push(machine: PlainMachine, path: Path, text: str) -> None:
    assert machine.daemon
    path.write_text(text)
    run = machine.daemon.push(path, machine.domain)
    assert run.returncode == 0, run.stderr


def test_an_answer_that_another_is_waiting_for_is_not_taken_for_unbounds(
    tmp_path: Path,
) -> None:
    address, port = ports.free_endpoint()
    asked = UnboundProcess(
        tmp_path, domain="pin", zonefile=tmp_path / "zone", address=address, port=port
    )
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        server.bind((address, port))

        def answer() -> None:
            query, client = server.recvfrom(4096)
            other.sendto(b"late", client)
            server.sendto(dns.message.make_response(dns.message.from_wire(query)).to_wire(), client)

        thread = threading.Thread(target=answer)
        thread.start()
        assert asked.ask("irc.pin", "A").rcode() == dns.rcode.NOERROR
        thread.join()
