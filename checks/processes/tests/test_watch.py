"""`dm-dns apply --watch` with a real unbound: what it notices, and what it tells the unit."""

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.processes.local_machine import Node
from checks.processes.tests.helpers import (
    NEW,
    OLD,
    applied,
    bring,
    many,
    served,
    source,
    wait_for_serial,
    zone_conf,
)
from checks.processes.wait import until

STILL = 1.6
"""Seconds in which it must not do what it would do after one."""


def said(node: Node) -> str:
    return node.log.read_text()


def wait_for(node: Node, text: str) -> None:
    until(lambda: text in said(node), f"the watcher says {text!r}")


# -- what it notices


def test_what_is_there_when_it_starts_is_served(node: Node) -> None:
    bring(node, zone_conf(5))
    node.watch()
    wait_for_serial(node, 5)


def test_each_change_is_served(node: Node) -> None:
    node.watch()
    for serial in range(5, 25):
        bring(node, zone_conf(serial))
        wait_for_serial(node, serial)


def test_of_many_changes_the_last_is_served(node: Node) -> None:
    node.watch()
    for serial in range(5, 205):
        bring(node, zone_conf(serial))
    wait_for_serial(node, 204)


def test_changes_while_it_applies_a_large_zone_are_not_missed(node: Node) -> None:
    node.watch()
    for serial in range(5, 45, 2):
        bring(node, many(serial, OLD, names=20_000))
        time.sleep(0.01 * (serial - 5))
        bring(node, many(serial + 1, NEW, names=10))
        wait_for_serial(node, serial + 1)


def test_a_file_that_is_written_to_is_served_when_it_is_closed(node: Node) -> None:
    node.watch()
    bring(node, zone_conf(5))
    wait_for_serial(node, 5)
    content = zone_conf(6)
    with node.mesh_file.open("w") as file:
        file.write(content[:50])
        file.flush()
        time.sleep(0.2)
        file.write(content[50:])
    wait_for_serial(node, 6)
    assert node.complaints() == []


def test_a_withdrawn_zone_gives_way_to_the_deployed_one(node: Node) -> None:
    node.deployed.write_text(zone_conf(4))
    bring(node, zone_conf(5))
    node.watch()
    wait_for_serial(node, 5)
    node.mesh_file.unlink()
    until(lambda: source(node) == ("deployed", "4"), "the deployed zone is served")


def test_a_zone_that_becomes_readable_is_served(node: Node) -> None:
    node.watch()
    bring(node, "bad\n")
    wait_for(node, f"{node.mesh_file}:1:")
    node.mesh_file.unlink()
    node.mesh_file.symlink_to(node.mesh_file.name)
    wait_for(node, "symbolic links")
    node.mesh_file.unlink()
    bring(node, zone_conf(5))
    wait_for_serial(node, 5)


def mesh(node: Node) -> Path:
    return node.directory / "mesh"


def folder_comes_later(node: Node) -> None:
    node.mesh_file.parent.mkdir(parents=True)


def network_is_another_one(node: Node) -> None:
    (mesh(node) / "files/other/dns").mkdir(parents=True)
    (mesh(node) / "files/other/dns/cnames").write_text(zone_conf(5))
    link = mesh(node) / "files/new"
    link.symlink_to("other")
    link.replace(mesh(node) / "files/home")


def all_is_moved_in(node: Node) -> None:
    made = node.directory / "made"
    (made / "files/home/dns").mkdir(parents=True)
    (made / "files/home/dns/cnames").write_text(zone_conf(5))
    made.rename(mesh(node))


@pytest.mark.parametrize(
    ("remove", "make"),
    [
        ("mesh", folder_comes_later),
        ("mesh/files", folder_comes_later),
        ("mesh/files/home/dns", folder_comes_later),
        (None, network_is_another_one),
        ("mesh", all_is_moved_in),
    ],
)
@pytest.mark.parametrize("when", ["before", "while"])
def test_folders_may_come_and_go(
    node: Node, remove: str | None, make: Callable[[Node], None], when: str
) -> None:
    node.deployed.write_text(zone_conf(4))

    def take_away() -> None:
        if remove:
            shutil.rmtree(node.directory / remove)

    if when == "before":
        take_away()
    node.watch()
    until(lambda: served(node, "irc.pin"), "the deployed zone is served")
    if when == "while":
        take_away()
    make(node)
    if not node.mesh_file.exists():
        bring(node, zone_conf(5))
    wait_for_serial(node, 5)


def test_changed_hosts_are_served(node: Node) -> None:
    bring(node, zone_conf(5))
    node.watch()
    wait_for_serial(node, 5)
    node.hosts.write_text("fd00::7 kiwi.pin\n")
    until(lambda: served(node, "kiwi.pin") == ["AAAA fd00::7"], "the new address is served")


def test_the_zone_is_back_when_unbound_has_lost_it(node: Node) -> None:
    bring(node, zone_conf(5))
    node.watch()
    wait_for_serial(node, 5)
    node.unbound.stop(signal.SIGKILL)
    node.unbound.control.unlink(missing_ok=True)  # as systemd removes its folder
    shutil.rmtree(node.state)
    node.unbound.start()
    wait_for_serial(node, 5)
    assert node.complaints() == []


def test_without_unbound_it_waits(idle: Node) -> None:
    idle.watch()
    bring(idle, zone_conf(5))
    time.sleep(0.5)
    assert said(idle) == ""
    idle.unbound.start()
    wait_for_serial(idle, 5)
    assert idle.complaints() == []


def test_killed_and_started_again_it_goes_on(node: Node) -> None:
    for serial in range(5, 25):
        watcher = node.watch()
        bring(node, zone_conf(serial))
        time.sleep(0.005 * (serial - 5))
        watcher.kill()
        watcher.wait()
    node.watch()
    wait_for_serial(node, 24)


def test_what_it_wakes_up_for_is_only_what_changed(node: Node) -> None:
    bring(node, zone_conf(5))
    applied(node)
    node.watch()
    until(lambda: said(node), "it has looked")
    for number in range(20):
        (node.mesh_file.parent / f"other{number}").write_text("")
        (node.directory / "unrelated").write_text(str(number))
    time.sleep(0.5)
    assert said(node).count("\n") == 1


# -- what it and the unit dm-dns-apply tell each other


class Unit:
    """What dm-dns-apply.service would be."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.directory = node.directory / "runtime"
        self.directory.mkdir()
        self.environment = {"RUNTIME_DIRECTORY": str(self.directory)}
        self.failed = self.directory / "failed"
        self.look = self.directory / "look"

    def run(self) -> int:
        return self.node.apply(environment=self.environment).returncode

    def wait_until_asked(self) -> None:
        until(self.look.exists, "the unit is asked to look again")
        self.look.unlink()

    def is_left_alone(self) -> bool:
        time.sleep(STILL)
        return not self.look.exists()


@pytest.fixture
def unit(node: Node) -> Unit:
    bring(node, zone_conf(5))
    unit = Unit(node)
    node.watch(unit.environment)
    wait_for_serial(node, 5)
    return unit


def test_it_does_not_ask_a_unit_that_says_the_same(node: Node, unit: Unit) -> None:
    assert unit.run() == 0
    bring(node, zone_conf(6))
    wait_for_serial(node, 6)
    assert unit.is_left_alone()
    bring(node, "bad\n")
    assert unit.run() == 1
    assert unit.failed.exists()
    assert unit.is_left_alone()
    bring(node, zone_conf(7))
    assert unit.run() == 0
    assert not unit.failed.exists()
    assert unit.is_left_alone()
    assert source(node) == ("mesh", "7")
    # What is wrong is said once, by the unit.
    assert node.complaints() == []


def test_it_asks_a_unit_that_has_missed_a_bad_zone(node: Node, unit: Unit) -> None:
    bring(node, "bad\n")
    unit.wait_until_asked()
    assert unit.run() == 1
    assert unit.is_left_alone()


def test_it_asks_a_unit_that_has_missed_the_next_bad_zone(node: Node, unit: Unit) -> None:
    bring(node, "bad\n")
    assert unit.run() == 1
    time.sleep(STILL)
    bring(node, "another\n")
    unit.wait_until_asked()


def test_it_asks_a_unit_that_has_missed_the_repair(node: Node, unit: Unit) -> None:
    bring(node, "bad\n")
    assert unit.run() == 1
    bring(node, zone_conf(6))
    unit.wait_until_asked()
    assert unit.run() == 0
    assert unit.is_left_alone()


def test_it_asks_again_until_the_unit_has_looked(node: Node, unit: Unit) -> None:
    bring(node, "bad\n")
    for _ in range(2):
        unit.wait_until_asked()
    assert unit.run() == 1
    assert unit.is_left_alone()


def test_while_unbound_is_down_it_has_nothing_to_say(node: Node, unit: Unit) -> None:
    node.unbound.stop()
    node.unbound.control.unlink(missing_ok=True)
    assert unit.run() == 1
    assert unit.is_left_alone()
    node.unbound.start()
    unit.wait_until_asked()
    assert unit.run() == 0
    assert unit.is_left_alone()


def test_it_looks_again_itself_before_it_asks(node: Node, unit: Unit) -> None:
    # Something else than the files was wrong, and is not any more.
    node.state.rename(node.directory / "away")
    node.state.write_text("no folder")
    bring(node, zone_conf(6))
    assert unit.run() == 1
    time.sleep(STILL)
    node.state.unlink()
    assert unit.run() == 0
    until(lambda: source(node) == ("mesh", "6"), "the zone is served")
    assert unit.is_left_alone()
