# ruff: noqa: E501 - messages stand here as they are printed
"""`dm-dns apply --watch` while the machine moves from one local network to another."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from dm_dns.node import state
from dm_dns.node.presence import Presence
from dm_dns.zone import conf
from dm_dns.zone.local_lines import Local
from dm_dns.zone.networks import Network
from inline_snapshot import snapshot

from checks.processes import unbound
from checks.processes.network import Places, ip, own_network
from checks.processes.plain_machine import PlainMachine
from checks.processes.process import end
from checks.processes.tests.helpers import (
    Asker,
    applied,
    bring,
    problems,
    served,
    wait_for_serial,
)
from checks.processes.wait import until

ROUTERS = {
    "home": "02:00:00:00:00:01",
    "parents": "02:00:00:00:00:02",
    "cafe": "02:00:00:00:00:03",
}
HOME = Network("10.77.0.0/24", "10.77.0.1", ROUTERS["home"])
HOME6 = Network("fd77::/64", "fd77::1", ROUTERS["home"])
VPN, NAS, NAS6 = "fd09::10", "10.77.0.10", "fd77::10"
PRINTER, MOVED = "10.77.0.20", "10.77.0.11"
SILENT = "10.77.0.99"
"""Of a machine that is not there."""
WLAN = "wlan0"


def zone(serial: int, networks: dict[str, Network], **addresses: Sequence[tuple[str, str]]) -> str:
    """Return a zone.conf with a NAS in a VPN too, and a printer that is not."""
    known = {f"{name}.pin": tuple(sorted(some)) for name, some in addresses.items()}
    return conf.render(
        conf.Zone(
            "pin",
            serial,
            {"files.pin": "nas.pin"},
            {"nas.pin": (VPN,), "printer.pin": (), "laptop.pin": ("fd09::30",)},
            local=Local(networks, known),
        )
    )


ZONE = zone(5, {"home": HOME}, nas=[("home", NAS)], printer=[("home", PRINTER)])


@pytest.fixture
def places() -> Iterator[Places]:
    if unbound.find() is None:
        pytest.skip(unbound.MISSING)
    if os.geteuid() != 0:
        pytest.skip("only root may make a network")
    addresses = ["10.77.0.1/24", f"{NAS}/24", f"{PRINTER}/24", "fd77::1/64", f"{NAS6}/64"]
    with own_network(), Places(WLAN, ROUTERS, addresses) as places:
        yield places


@pytest.fixture
def laptop(places: Places) -> Iterator[PlainMachine]:
    """The machine laptop, which has booted at home."""
    with PlainMachine("laptop", has_local_view=True) as machine:
        bring(machine, ZONE)
        places.move("home")
        ip("address", "add", "10.77.0.50/24", "dev", WLAN)
        ip("address", "add", "fd77::50/64", "dev", WLAN, "nodad")
        machine.boot()
        wait_for_serial(machine, 5)
        yield machine


def found(machine: PlainMachine, name: str) -> set[str]:
    """Return the addresses of a name."""
    records = served(machine, name, "A") + served(machine, name)
    return {record.split()[1] for record in records if not record.startswith("CNAME")}


def becomes(machine: PlainMachine, expected: set[str], name: str = "nas.pin") -> None:
    """Check that a name gets these addresses. The scenario `roaming` measures how long it takes."""
    until(lambda: found(machine, name) == expected, f"{name} is {expected}")


def networks(machine: PlainMachine) -> dict[str, Presence]:
    return {each.name: each for each in state.read(machine.state_file).local.networks}


def test_names_have_their_local_addresses_where_these_are_theirs(
    laptop: PlainMachine, places: Places
) -> None:
    for _ in range(2):
        becomes(laptop, {NAS})
        becomes(laptop, {NAS}, "files.pin")
        becomes(laptop, {PRINTER}, "printer.pin")
        places.move("cafe")
        becomes(laptop, {VPN})
        becomes(laptop, {VPN}, "files.pin")
        becomes(laptop, set(), "printer.pin")
        places.move(None)
        ip("address", "delete", "10.77.0.50/24", "dev", WLAN)
        becomes(laptop, {VPN})
        places.move("home")
        ip("address", "add", "10.77.0.50/24", "dev", WLAN)
    becomes(laptop, {NAS})
    assert laptop.complaints() == []
    assert problems(laptop) == []
    home = "pin: serial 5, 3 records, source mesh, on network 'home'"
    away = "pin: serial 5, 3 records, source mesh"
    # From the café to no network nothing changes, and at first the router may not have answered.
    expected = [home, away, home, away, home]
    until(lambda: moves(laptop) in (expected, [away, *expected]), "the journal has each move")


def moves(machine: PlainMachine) -> list[str]:
    """Return what the journal has of each zone file that was loaded."""
    return re.findall(r"^(pin: .*), in [0-9]+ ms$", machine.log.read_text(), re.MULTILINE)


def test_the_state_says_where_the_machine_is_and_why(laptop: PlainMachine, places: Places) -> None:
    becomes(laptop, {NAS})
    router = f"on {WLAN} 10.77.0.1 is"
    until(
        lambda: (
            networks(laptop)["home"]
            == Presence("home", WLAN, f"{router} {ROUTERS['home']}, the router of network 'home'")
        ),
        "it is at home",
    )
    places.move("cafe")
    expected = (
        f"{router} {ROUTERS['cafe']}, and not {ROUTERS['home']}, the router of network 'home'"
    )
    until(lambda: networks(laptop)["home"].reason == expected, "it is elsewhere")
    remedy = f'localNetworks.home.router.linkAddress = "{ROUTERS["cafe"]}";'
    assert networks(laptop)["home"].link is None
    assert networks(laptop)["home"].remedy.startswith(remedy)


def test_no_lookup_is_lost_while_the_machine_moves(laptop: PlainMachine, places: Places) -> None:
    bring(laptop, zone(6, {"home": HOME6}, nas=[("home", NAS6)]))
    wait_for_serial(laptop, 6)
    becomes(laptop, {NAS6})
    with Asker(laptop, ["nas.pin"], {VPN, NAS6}) as asker:
        for _ in range(5):
            places.move("cafe")
            becomes(laptop, {VPN})
            places.move("home")
            becomes(laptop, {NAS6})
    assert asker.wrong == []
    assert asker.asked > 20


def test_two_networks_with_the_same_prefix_are_told_apart(
    laptop: PlainMachine, places: Places
) -> None:
    both = {"home": HOME, "parents": HOME._replace(link_address=ROUTERS["parents"])}
    bring(laptop, zone(6, both, nas=[("home", NAS), ("parents", MOVED)]))
    wait_for_serial(laptop, 6)
    becomes(laptop, {NAS})
    places.move("parents")
    becomes(laptop, {MOVED})
    places.move("cafe")
    becomes(laptop, {VPN})
    places.move("home")
    becomes(laptop, {NAS})


def test_another_zone_may_have_other_networks(laptop: PlainMachine, places: Places) -> None:
    becomes(laptop, {NAS})
    places.move("cafe")
    becomes(laptop, {VPN})
    cafe = HOME._replace(link_address=ROUTERS["cafe"])
    bring(laptop, zone(6, {"home": cafe}, nas=[("home", MOVED)]))
    becomes(laptop, {MOVED})
    bring(laptop, zone(7, {}))
    becomes(laptop, {VPN})
    bring(laptop, zone(8, {"home": cafe}, nas=[("home", NAS)]))
    becomes(laptop, {NAS})


def test_a_machine_that_does_not_answer_there_has_its_other_addresses(
    laptop: PlainMachine, places: Places
) -> None:
    bring(laptop, zone(6, {"home": HOME}, nas=[("home", SILENT)], printer=[("home", SILENT)]))
    wait_for_serial(laptop, 6)
    becomes(laptop, {SILENT})  # nobody knows yet
    until(lambda: found(laptop, "nas.pin") == {VPN}, "the NAS has other addresses")
    becomes(laptop, {SILENT}, "printer.pin")
    until(lambda: networks(laptop)["home"].silent == (SILENT,), "the state says so")
    # It comes, and asks for others.
    places.ip("address", "add", f"{SILENT}/24", "dev", "home")
    places.ip("neigh", "flush", "dev", "home")
    places.ip("route", "add", "10.77.0.50/32", "dev", "home", "src", SILENT)
    places.run("bash", "-c", "echo > /dev/udp/10.77.0.50/9")
    becomes(laptop, {SILENT})


def test_a_machine_that_does_not_answer_keeps_its_other_addresses_when_the_kernel_forgets_it(
    laptop: PlainMachine,
) -> None:
    bring(laptop, zone(6, {"home": HOME}, nas=[("home", SILENT)]))
    wait_for_serial(laptop, 6)
    until(lambda: networks(laptop)["home"].silent == (SILENT,), "the NAS does not answer")
    becomes(laptop, {VPN})
    # As the kernel does by itself every 15 s if it has many neighbours (net/core/neighbour.c).
    ip("neigh", "delete", SILENT, "dev", WLAN)
    assert SILENT not in ip("neigh", "show", "dev", WLAN)
    with Asker(laptop, ["nas.pin"], {VPN}) as asker:
        bring(laptop, zone(7, {"home": HOME}, nas=[("home", SILENT)]))
        wait_for_serial(laptop, 7)
    assert asker.wrong == []
    assert networks(laptop)["home"].silent == (SILENT,)


def test_where_no_other_address_is_to_be_given_none_is(
    laptop: PlainMachine,
) -> None:
    bring(laptop, zone(6, {"home": HOME._replace(only=True)}, nas=[("home", SILENT)]))
    wait_for_serial(laptop, 6)
    until(lambda: networks(laptop)["home"].silent == (SILENT,), "it does not answer")
    assert found(laptop, "nas.pin") == {SILENT}


def test_a_server_that_restarts_knows_where_it_is(places: Places) -> None:
    with PlainMachine("laptop", has_local_view=True) as machine:
        bring(machine, zone(6, {"home": HOME6}, nas=[("home", NAS6)]))
        places.move("home")
        ip("address", "add", "fd77::50/64", "dev", WLAN, "nodad")
        server = machine.watch()
        machine.unbound.start()
        becomes(machine, {NAS6})
        with Asker(machine, ["nas.pin"], {NAS6}) as asker:
            for _ in range(2):
                end(server)
                server = machine.watch()
                time.sleep(0.2)
        assert asker.wrong == []
        assert asker.asked > 20
        assert networks(machine)["home"].link == WLAN


def test_a_run_by_hand_changes_nothing(laptop: PlainMachine) -> None:
    becomes(laptop, {NAS})
    assert applied(laptop).endswith(", unchanged\n")
    assert found(laptop, "nas.pin") == {NAS}
    assert laptop.apply("--check").stderr == ""


def dm_dns(machine: PlainMachine, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dm_dns", *arguments, "--config", str(machine.config)]
    env = {**os.environ, "RUNTIME_DIRECTORY": str(machine.runtime)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def told(machine: PlainMachine) -> str:
    """Return the lines of commands that are about local networks."""
    printed = [dm_dns(machine, "status").stdout]
    printed += [dm_dns(machine, "show", name).stdout for name in ("files", "printer")]
    lines = [line for text in printed for line in text.splitlines()]
    words = ("networks ", "addresses ", "local ")
    return "\n".join(line for line in lines if line.startswith((*words, " ")))


def test_commands_say_which_addresses_are_given_and_why(
    laptop: PlainMachine, places: Places
) -> None:
    becomes(laptop, {NAS})
    until(lambda: networks(laptop)["home"].link == WLAN, "the state says so")
    assert told(laptop) == snapshot("""\
networks      home: on it: on wlan0 10.77.0.1 is 02:00:00:00:00:01, the router of network 'home'
addresses    10.77.0.10
local        10.77.0.10 on network 'home' is given: on wlan0 10.77.0.1 is 02:00:00:00:00:01, the router of network 'home'
addresses    10.77.0.20
local        10.77.0.20 on network 'home' is given: on wlan0 10.77.0.1 is 02:00:00:00:00:01, the router of network 'home'\
""")
    places.move("cafe")
    becomes(laptop, {VPN})
    until(lambda: ROUTERS["cafe"] in networks(laptop)["home"].reason, "the state says so")
    assert told(laptop) == snapshot("""\
networks      home: not on it: on wlan0 10.77.0.1 is 02:00:00:00:00:03, and not 02:00:00:00:00:01, the router of network 'home'
addresses    fd09::10
local        10.77.0.10 on network 'home' is not given: on wlan0 10.77.0.1 is 02:00:00:00:00:03, and not 02:00:00:00:00:01, the router of network 'home'
addresses    only on local networks
local        10.77.0.20 on network 'home' is not given: on wlan0 10.77.0.1 is 02:00:00:00:00:03, and not 02:00:00:00:00:01, the router of network 'home'\
""")
    laptop.hosts.write_text("10.9.0.1 nas.pin\n")
    places.move("home")
    becomes(laptop, {"10.9.0.1"})
    until(lambda: networks(laptop)["home"].link == WLAN, "it is at home")
    names = json.loads(dm_dns(laptop, "show", "nas", "--json").stdout)["names"]
    assert names[0]["local"] == snapshot(
        [
            {
                "address": "10.77.0.10",
                "network": "home",
                "given": False,
                "reason": "/etc/hosts has another address of nas.pin",
            }
        ]
    )


def test_a_machine_may_boot_before_it_is_anywhere(places: Places) -> None:
    with PlainMachine("laptop", has_local_view=True) as machine:
        bring(machine, ZONE)
        machine.boot()
        wait_for_serial(machine, 5)
        assert found(machine, "nas.pin") == {VPN}
        places.move("home")
        ip("address", "add", "10.77.0.50/24", "dev", WLAN)
        becomes(machine, {NAS})


def test_an_entry_that_the_kernel_keeps_is_not_believed(
    laptop: PlainMachine, places: Places
) -> None:
    """With arp_evict_nocarrier off, the router of home is still known in the cafe."""
    becomes(laptop, {NAS})
    Path(f"/proc/sys/net/ipv4/conf/{WLAN}/arp_evict_nocarrier").write_text("0")
    places.move("cafe")
    assert ROUTERS["home"] in ip("neigh", "show", "10.77.0.1")
    becomes(laptop, {VPN})
    time.sleep(0.3)
    assert found(laptop, "nas.pin") == {VPN}


def test_a_change_that_the_link_does_not_notice_is_noticed_when_the_kernel_asks(
    laptop: PlainMachine, places: Places
) -> None:
    becomes(laptop, {NAS})
    places.move_silently("cafe")
    ip("neigh", "change", "10.77.0.1", "dev", WLAN, "nud", "probe")
    until(lambda: found(laptop, "nas.pin") == {VPN}, "it is in the cafe")


def test_a_route_or_a_rule_that_leads_elsewhere_is_noticed(laptop: PlainMachine) -> None:
    """As with a VPN that has the same prefix; its routes come long after its link."""
    becomes(laptop, {NAS})
    vpn = "vpn0"
    ip("link", "add", vpn, "type", "veth", "peer", "name", "vpn1")
    for link in (vpn, "vpn1"):
        ip("link", "set", link, "addrgenmode", "none")
        ip("link", "set", link, "up")
    ip("address", "add", "172.31.0.9/24", "dev", vpn)
    ip("route", "add", "blackhole", "10.77.0.0/24", "table", "100")
    until_nothing_else_happens()
    for kind, words in (
        ("route", ["10.77.0.0/25", "via", "172.31.0.1", "dev", vpn]),
        ("rule", ["to", "10.77.0.0/24", "lookup", "100", "priority", "100"]),
    ):
        ip(kind, "add", *words)
        becomes(laptop, {VPN})
        ip(kind, "delete", *words)
        becomes(laptop, {NAS})


def until_nothing_else_happens() -> None:
    """Have the kernel ask no neighbour whether it is still there, and wait for what was under way.

    It asks each after half a minute otherwise, and after 5 s if something was sent there.
    """
    Path(f"/proc/sys/net/ipv4/neigh/{WLAN}/base_reachable_time_ms").write_text("3600000")
    ip("neigh", "flush", "dev", WLAN, "nud", "stale")
    time.sleep(4)  # the server writes its state again after 2 s


def test_among_many_routes_the_one_that_matters_is_noticed(laptop: PlainMachine) -> None:
    becomes(laptop, {NAS})
    until_nothing_else_happens()
    others = [f"10.100.{number // 250}.{number % 250}" for number in range(5000)]
    for verb, expected in (("add", {VPN}), ("delete", {NAS})):
        lines = [f"route {verb} unreachable {each}/32\n" for each in others]
        lines.insert(len(lines) // 2, f"route {verb} unreachable 10.77.0.0/25\n")
        command = ["ip", "-batch", "-"]
        subprocess.run(command, input="".join(lines), text=True, check=True)
        becomes(laptop, expected)


def test_routes_are_told_of_only_while_there_are_local_networks(laptop: PlainMachine) -> None:
    def groups() -> set[str]:
        """Return the groups of the server's sockets, as a bit mask (proc(5), /proc/net/netlink)."""
        process = Path(f"/proc/{state.read(laptop.state_file).pid}")
        opened = set()
        for file in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                opened.add(str(file.readlink()))
        lines = (process / "net/netlink").read_text().splitlines()[1:]
        columns = [line.split() for line in lines]
        return {each[3] for each in columns if f"socket:[{each[-1]}]" in opened}

    routes = "000404c0"
    bring(laptop, zone(6, {}))
    until(lambda: routes not in groups(), "it is not told of routes")
    bring(laptop, zone(7, {"home": HOME}))
    until(lambda: routes in groups(), "it is told of routes")
    assert "00000115" in groups()  # links, neighbours, addresses
    bring(laptop, zone(8, {}))
    until(lambda: routes not in groups(), "it is not told of routes any more")


@pytest.mark.parametrize(
    ("allow", "expected"), [(["10.77.0.0/24"], NAS), (["10.77.0.0/24", "fd09::/64"], VPN)]
)
def test_a_machine_that_answers_others_gives_what_they_can_reach(
    places: Places, allow: list[str], expected: str
) -> None:
    with PlainMachine("server", allow=allow) as machine:
        bring(machine, ZONE)
        places.move("home")
        ip("address", "add", "10.77.0.50/24", "dev", WLAN)
        machine.boot()
        wait_for_serial(machine, 5)
        until(lambda: "home" in networks(machine), "it has looked")
        becomes(machine, {expected})
        places.move("cafe")
        becomes(machine, {VPN})


def test_a_router_is_on_its_own_network(places: Places) -> None:
    with PlainMachine("router", has_local_view=True) as machine:
        ip("link", "set", WLAN, "down")
        ip("link", "set", WLAN, "address", ROUTERS["home"])
        ip("link", "set", WLAN, "up")
        places.ip("link", "set", "ap", "up")
        ip("address", "add", "10.77.0.1/24", "dev", WLAN)
        bring(machine, ZONE)
        machine.boot()
        becomes(machine, {NAS})
        places.ip("link", "set", "ap", "down")
        becomes(machine, {VPN})
