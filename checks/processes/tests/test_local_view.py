"""`dm-dns apply --watch` while addresses come to this machine's links and go."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator

import pytest
from dm_dns.node import state
from dm_dns.node.local_view import NOTHING
from dm_dns.zone import conf

from checks.processes import unbound
from checks.processes.network import assign, ip, own_network, take, without_ipv6
from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import (
    Asker,
    applied,
    bring,
    problems,
    served,
    status,
    wait_for_serial,
    zone_conf,
)
from checks.processes.wait import until

VPN = ("10.9.0.1", "fd09::1")
OTHER = ("10.9.0.2", "fd09::2")
FLOATING = "10.9.0.3"
"""An address in the zone of both, and of a device."""
# The server, which nothing wakes up but a change on this machine: not time, nor what others mount
# or put into the folder for temporary files. So a change of addresses of which it does not learn
# is never served.
UNDISTURBED = """\
import sys
from dm_dns import cli
from dm_dns.node import server
server._CHECK_SECONDS = server._CONFIRM_SECONDS = 3600.0
folders_to = server.folders_to
server.folders_to = lambda paths: (
    each for each in folders_to(paths) if each.is_relative_to({folder!r})
)
sys.exit(cli.main(sys.argv[1:]))
"""


def zone(serial: int) -> str:
    """Return a zone.conf in which kiwi, kfbox and both of them have services."""
    return zone_conf(
        serial,
        {"chat.pin": "kiwi.pin", "irc.pin": "kfbox.pin"},
        {
            "kiwi.pin": (VPN[0], FLOATING, VPN[1]),
            "kfbox.pin": (OTHER[0], FLOATING, OTHER[1]),
            "vip.pin": (FLOATING,),
            "www.pin": conf.in_order((*VPN, *OTHER, FLOATING)),
        },
        {"www.pin": ("kfbox.pin", "kiwi.pin")},
    )


@pytest.fixture
def booted() -> Iterator[PlainMachine]:
    """The machine kiwi, which has booted without its addresses in the VPN."""
    if unbound.find() is None:
        pytest.skip(unbound.MISSING)
    if os.geteuid() != 0:
        pytest.skip("only root may make a network")
    with own_network(), PlainMachine("kiwi", has_local_view=True) as machine:
        bring(machine, zone(5))
        boot_undisturbed(machine)
        wait_for_serial(machine, 5)
        yield machine


def boot_undisturbed(machine: PlainMachine, first: str = "") -> None:
    """Boot a machine whose server runs ``first`` before all else, and then is UNDISTURBED."""
    with pytest.MonkeyPatch.context() as patch:
        run_instead(patch, machine, first + UNDISTURBED.format(folder=str(machine.directory)))
        machine.watch("unshare", "--mount")
    machine.unbound.start()


def run_instead(patch: pytest.MonkeyPatch, machine: PlainMachine, program: str) -> None:
    """Have a machine run another program in the place of dm-dns."""
    python, _module, _dm_dns, *options = machine.apply_command()
    patch.setattr(machine, "apply_command", lambda *more: [python, "-c", program, *options, *more])


def found(machine: PlainMachine, name: str) -> set[str]:
    """Return the addresses of a name."""
    records = served(machine, name, "A") + served(machine, name)
    return {record.split()[1] for record in records if not record.startswith("CNAME")}


def becomes(machine: PlainMachine, name: str, expected: set[str]) -> None:
    """Check that a name gets these addresses."""
    until(lambda: found(machine, name) == expected, f"{name} is {expected}")


def judged(machine: PlainMachine) -> str:
    return machine.apply("--check").stderr


def test_own_services_resolve_to_where_they_answer(booted: PlainMachine) -> None:
    loopback = {"127.0.0.1", "::1"}
    for _ in range(2):
        becomes(booted, "chat.pin", loopback)
        becomes(booted, "www.pin", {*loopback, *OTHER, FLOATING})
        assert found(booted, "kfbox.pin") == {*OTHER, FLOATING}
        assert found(booted, "vip.pin") == {FLOATING}
        assign(*VPN)
        becomes(booted, "chat.pin", {*VPN})
        becomes(booted, "www.pin", {*VPN, *OTHER, FLOATING})
        take(VPN[0])
        becomes(booted, "chat.pin", {VPN[1]})
        assert served(booted, "chat.pin", "A") == []
        assert found(booted, "kiwi.pin") == {*VPN, FLOATING}
        assert served(booted, "irc.pin") == ["CNAME kfbox.pin.", "AAAA fd09::2"]
        take(VPN[1])
    assert booted.complaints() == []
    assert problems(booted) == []


def test_an_address_that_is_deprecated_counts_if_there_is_no_other(booted: PlainMachine) -> None:
    """As keepalived sets the virtual addresses of IPv6."""
    ip("address", "add", f"{VPN[1]}/128", "dev", "lo", "nodad", "preferred_lft", "0")
    becomes(booted, "chat.pin", {VPN[1]})
    with socket.create_server((VPN[1], 0), family=socket.AF_INET6) as server:
        socket.create_connection(server.getsockname()[:2], timeout=20).close()
    assign(VPN[0])
    becomes(booted, "chat.pin", {VPN[0]})
    assert found(booted, "kiwi.pin") == {*VPN, FLOATING}
    ip("address", "change", f"{VPN[1]}/128", "dev", "lo", "preferred_lft", "forever")
    becomes(booted, "chat.pin", {*VPN})
    ip("address", "change", f"{VPN[1]}/128", "dev", "lo", "preferred_lft", "0")
    becomes(booted, "chat.pin", {VPN[0]})
    take(VPN[0])
    becomes(booted, "chat.pin", {VPN[1]})
    assert judged(booted) == ""
    assert problems(booted) == []


def test_without_ipv6_there_is_no_address_of_it(booted: PlainMachine) -> None:
    without_ipv6()
    becomes(booted, "chat.pin", {"127.0.0.1"})
    assign(VPN[0])
    becomes(booted, "chat.pin", {VPN[0]})


def test_an_address_counts_when_the_kernel_knows_that_no_other_machine_has_it(
    booted: PlainMachine,
) -> None:
    ip("link", "add", "vpn", "type", "veth", "peer", "name", "other")
    ip("link", "set", "vpn", "up")
    ip("address", "add", f"{VPN[1]}/64", "dev", "vpn")

    def is_tentative() -> bool:
        links = json.loads(ip("-json", "address", "show", "dev", "vpn", "tentative"))
        found = [info for link in links for info in link.get("addr_info", [])]
        return any(info.get("local") == VPN[1] for info in found)

    assert is_tentative()  # for as long as nobody is there to be asked
    ip("link", "set", "other", "up")
    while served(booted, "chat.pin") == ["AAAA ::1"] and is_tentative():
        time.sleep(0.01)
    assert not is_tentative()
    becomes(booted, "chat.pin", {VPN[1]})


def test_no_lookup_is_lost_and_each_change_is_served(booted: PlainMachine) -> None:
    with Asker(booted, ["chat.pin"], {"::1", VPN[1]}) as asker:
        for _ in range(10):
            assign(VPN[1])
            becomes(booted, "chat.pin", {VPN[1]})
            take(VPN[1])
            becomes(booted, "chat.pin", {"127.0.0.1", "::1"})
    assert asker.wrong == []
    assert asker.asked > 20


def test_of_many_changes_the_last_is_served(booted: PlainMachine) -> None:
    for _ in range(50):
        assign(*VPN)
        take(*VPN)
    assign(VPN[0])
    becomes(booted, "chat.pin", {VPN[0]})


def test_addresses_that_no_name_has_change_nothing_that_is_served(booted: PlainMachine) -> None:
    before, lines = status(booted), booted.log.read_text()
    assign("10.1.1.1", "fd01::1")
    until(
        lambda: "fd01::1" in (state.read(booted.state_file).local.addresses or ()),
        "the server knows of the addresses",
    )
    assert status(booted) == before
    assert booted.log.read_text() == lines


def test_the_judge_compares_the_addresses(booted: PlainMachine) -> None:
    assert judged(booted) == ""
    assign(*VPN)
    assert judged(booted) == ""
    assert found(booted, "chat.pin") == {*VPN}
    [server] = [int(state.read(booted.state_file).pid)]
    os.kill(server, signal.SIGSTOP)
    take(*VPN)
    assert judged(booted) == (
        "dm-dns: dm-dns.service has not followed a change of this machine's addresses;"
        " `dm-dns doctor` says what to type\n"
    )
    os.kill(server, signal.SIGCONT)
    assert judged(booted) == ""


def test_a_run_by_hand_serves_the_same(booted: PlainMachine) -> None:
    assert applied(booted).endswith(", unchanged\n")
    assign(*VPN)
    becomes(booted, "chat.pin", {*VPN})
    assert applied(booted).endswith(", unchanged\n")


def test_who_serves_other_devices_serves_what_the_zone_has(booted: PlainMachine) -> None:
    with PlainMachine("kiwi") as machine:
        bring(machine, zone(5))
        machine.boot()
        wait_for_serial(machine, 5)
        expected = ["CNAME kiwi.pin.", f"AAAA {VPN[1]}"]
        assert served(machine, "chat.pin") == expected
        assign(VPN[0])
        becomes(booted, "chat.pin", {VPN[0]})
        assert served(machine, "chat.pin") == expected
        assert state.read(machine.state_file).local == NOTHING


# A kernel without netlink, as in some containers.
WITHOUT = (
    "import errno, os, sys; from dm_dns import cli; from dm_dns.node import rtnetlink\n"
    "def refuse(*_):\n"
    "    raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))\n"
    "rtnetlink.open_socket = refuse; sys.exit(cli.main(sys.argv[1:]))"
)


# A kernel that is too busy for the first question.
ONCE = """\
from dm_dns.node import netlink
real = netlink.assigned
def fail():
    netlink.assigned = real
    raise TimeoutError("timed out")
netlink.assigned = fail
"""


def test_where_the_addresses_were_not_known_at_first_changes_are_still_noticed(
    booted: PlainMachine,
) -> None:
    with PlainMachine("kiwi", has_local_view=True) as machine:
        bring(machine, zone(5))
        boot_undisturbed(machine, ONCE)
        becomes(machine, "chat.pin", {"127.0.0.1", "::1"})
        assign(*VPN)
        becomes(machine, "chat.pin", {*VPN})
        becomes(booted, "chat.pin", {*VPN})
        take(*VPN)


def test_where_the_addresses_cannot_be_known_the_zone_is_served_as_it_is(
    booted: PlainMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PlainMachine("kiwi", has_local_view=True) as machine:
        bring(machine, zone(5))
        run_instead(monkeypatch, machine, WITHOUT)
        machine.boot()
        wait_for_serial(machine, 5)
        assert served(machine, "chat.pin") == ["CNAME kiwi.pin.", f"AAAA {VPN[1]}"]
        local = state.read(machine.state_file).local
        assert local.addresses is None
        assert local.problem
        assign(*VPN)
        becomes(booted, "chat.pin", {*VPN})
        bring(machine, zone(6))
        wait_for_serial(machine, 6)
        assert machine.log.read_text().count(f"dm-dns: {local.problem}\n") == 1
        assert problems(machine) == []
        assert judged(machine) == ""
        take(*VPN)
        becomes(booted, "chat.pin", {"127.0.0.1", "::1"})
        assert served(machine, "chat.pin") == ["CNAME kiwi.pin.", f"AAAA {VPN[1]}"]
