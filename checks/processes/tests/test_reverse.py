"""Reverse names: what `dm-dns apply` writes for the hook, and when."""

from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import (
    OLD,
    applied,
    bring,
    failed,
    files,
    problems,
    unchanged,
    wait_for_serial,
    written,
    zone_conf,
)
from checks.processes.wait import until

ADDRESSES = {
    "kiwi.pin": ("10.0.0.1", OLD),
    "fig.pin": ("192.168.1.2",),
    "web.pin": ("203.0.113.1",),
}
REVERSE = "10.0.0.1 kiwi.pin\n192.168.1.2 fig.pin\nfd00::1 kiwi.pin\n"


def reverse(machine: PlainMachine) -> str:
    return (machine.state / "reverse").read_text()


def test_without_the_setting_there_is_no_file(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5, addresses=ADDRESSES))
    applied(machine)
    assert "reverse" not in files(machine)


def test_the_file_has_the_addresses_that_the_zone_file_has(machine: PlainMachine) -> None:
    machine.set_up(reverse=True)
    machine.hosts.write_text("127.0.0.1 localhost\n10.0.0.7 fig.pin\n10.0.0.8 other.pin\n")
    bring(machine, zone_conf(5, addresses=ADDRESSES))
    applied(machine)
    assert reverse(machine) == "10.0.0.1 kiwi.pin\n10.0.0.7 fig.pin\nfd00::1 kiwi.pin\n"


def test_it_is_there_before_unbound_starts(machine: PlainMachine) -> None:
    machine.set_up(reverse=True)
    bring(machine, zone_conf(5, addresses=ADDRESSES))
    written(machine)
    assert reverse(machine) == REVERSE


def test_it_comes_and_goes_with_the_setting(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    machine.set_up(reverse=True)
    applied(machine)
    assert reverse(machine) == f"{OLD} kiwi.pin\n"
    assert applied(machine) == unchanged(machine)
    machine.set_up(reverse=False)
    applied(machine)
    assert "reverse" not in files(machine)


def test_what_somebody_has_removed_is_back(machine: PlainMachine) -> None:
    machine.set_up(reverse=True)
    bring(machine, zone_conf(5))
    machine.watch()
    wait_for_serial(machine, 5)
    (machine.state / "reverse").unlink()
    until(lambda: "reverse" in files(machine), "the file is back")


def test_too_many_addresses_are_a_problem_for_as_long_as_they_are(machine: PlainMachine) -> None:
    machine.set_up(reverse=True)
    many = {f"m{number}.pin": (f"fd00::{number:x}",) for number in range(1, 20_002)}
    bring(machine, zone_conf(5, {"irc.pin": "m1.pin"}, many))
    machine.watch()
    wait_for_serial(machine, 5)
    too_many = "no address has a reverse name: there would be more than the limit, 20000"
    until(lambda: problems(machine) == [too_many], "the problem is found")
    assert too_many in failed(machine.apply("--check"))
    applied_again = machine.apply()
    assert applied_again.returncode == 1
    assert too_many in applied_again.stderr
    bring(machine, zone_conf(6))
    until(lambda: problems(machine) == [], "the problem is gone")
    assert reverse(machine) == f"{OLD} kiwi.pin\n"
