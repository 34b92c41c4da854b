# ruff: noqa: E501 - messages stand here as they are printed
import socket
from collections.abc import Callable, Iterable
from types import SimpleNamespace

import pytest
from inline_snapshot import snapshot

from dm_dns.node import netlink, presence
from dm_dns.node.netlink import Address, Link, Neighbour, Prefix, Route, Told
from dm_dns.node.presence import NEVER, Presence, Presences, Watched
from dm_dns.zone.networks import Network

HOME = Network("192.168.1.0/24", "192.168.1.1", "52:54:00:12:34:56")
OTHER = "02:00:00:00:00:01"
NAS, LAPTOP = "192.168.1.10", "192.168.1.30"
WLAN, ETH = 3, 4


class Kernel:
    """What the kernel would tell: a laptop at home, which has just come there."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.suspended = 5.0
        self.addresses = [Address("127.0.0.1", 1, 0), Address("192.168.1.50", WLAN, 7)]
        self.links = {
            1: Link("lo", "00:00:00:00:00:00", is_running=True, carrier_changes=0),
            WLAN: Link("wlan0", "02:00:00:00:00:50", is_running=True, carrier_changes=2),
            ETH: Link("eth0", "02:00:00:00:00:51", is_running=True, carrier_changes=1),
        }
        self.route: Route | None = Route(WLAN, is_direct=True, is_own=False)
        self.hosts: dict[int, dict[str, tuple[str | None, int, float, float]]] = {WLAN: {}, ETH: {}}
        self.asked: list[str] = []
        self.hear(HOME.router, HOME.link_address)

    def hear(
        self, host: str, link_address: str | None, state: int = netlink.REACHABLE, *, at: int = WLAN
    ) -> None:
        """Have the state of a host change now, and it be heard of if it is reachable."""
        # The kernel has new entries begin as if they had been heard of a minute ago.
        new = (None, 0, self.now - 60, 0.0)
        _old, _state, confirmed, _updated = self.hosts[at].get(host, new)
        is_heard = state == netlink.REACHABLE
        self.hosts[at][host] = link_address, state, self.now if is_heard else confirmed, self.now

    def forget(self, host: str, *, at: int = WLAN) -> None:
        del self.hosts[at][host]

    def change_carrier(self, *, is_running: bool = True, at: int = WLAN) -> None:
        link = self.links[at]
        self.links[at] = link._replace(
            is_running=is_running, carrier_changes=link.carrier_changes + 1
        )

    def neighbours(self, index: int) -> dict[str, Neighbour]:
        return {
            host: Neighbour(link_address, state, self.now - confirmed, self.now - updated)
            for host, (link_address, state, confirmed, updated) in self.hosts[index].items()
        }


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(netlink, "assigned", lambda: list(kernel.addresses))
    monkeypatch.setattr(netlink, "link", kernel.links.get)
    monkeypatch.setattr(netlink, "neighbours", kernel.neighbours)
    monkeypatch.setattr(netlink, "route", lambda _address: kernel.route)
    monkeypatch.setattr(presence, "time", SimpleNamespace(monotonic=lambda: kernel.now))
    monkeypatch.setattr(presence, "_suspended", lambda: kernel.suspended)
    monkeypatch.setattr(presence, "_ask", kernel.asked.extend)
    return kernel


def watching(
    network: Network = HOME, hosts: Iterable[str] = (), allow: list[str] | None = None
) -> Presences:
    presences = Presences(allow)
    presences.watched = (Watched("home", network, tuple(hosts)),)
    return presences


def look(presences: Presences, *, ask: bool = True) -> Presence:
    [found] = presences.look(ask=ask)
    return found


def is_on(presences: Presences) -> bool:
    return look(presences).link == "wlan0"


def why(presences: Presences) -> str:
    found = look(presences)
    assert found.link is None
    return found.reason


def test_a_machine_is_on_a_network_whose_router_is_there(kernel: Kernel) -> None:
    presences = watching()
    found = look(presences)
    assert (found.name, found.link, found.silent) == ("home", "wlan0", ())
    assert found.reason == snapshot(
        "on wlan0 192.168.1.1 is 52:54:00:12:34:56, the router of network 'home'"
    )
    assert presences.next_look == kernel.now + 60
    assert kernel.asked == []


def test_without_networks_nothing_is_asked(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netlink, "assigned", pytest.fail)
    presences = Presences()
    assert presences.look(ask=True) == ()
    presences.watched = ()
    assert presences.look(ask=True) == ()
    assert (presences.next_look, kernel.asked) == (NEVER, [])


@pytest.mark.parametrize("state", [netlink.STALE, netlink.DELAY, netlink.PROBE])
def test_a_router_that_was_heard_of_before_this_process_began_counts(
    kernel: Kernel, state: int
) -> None:
    kernel.now += 100
    kernel.hear(HOME.router, HOME.link_address, state)
    assert is_on(watching())
    kernel.now += 100
    assert why(watching()) == snapshot("on wlan0 192.168.1.1 does not answer")


def test_elsewhere_another_router_has_the_address(kernel: Kernel) -> None:
    presences = watching()
    kernel.hear(HOME.router, OTHER)
    assert why(presences) == snapshot(
        "on wlan0 192.168.1.1 is 02:00:00:00:00:01, and not 52:54:00:12:34:56, the router of network 'home'"
    )
    assert (presences.next_look, kernel.asked) == (NEVER, [])


def test_another_router_that_was_not_heard_of_lately_is_asked_whether_it_is_there(
    kernel: Kernel,
) -> None:
    kernel.hear(HOME.router, OTHER, netlink.STALE)
    assert not is_on(watching())
    assert kernel.asked == [HOME.router]


@pytest.mark.parametrize("state", [None, 0x01, netlink.FAILED, 0x40])
def test_a_router_of_which_nothing_is_known_is_asked(kernel: Kernel, state: int | None) -> None:
    kernel.forget(HOME.router)
    if state is not None:
        kernel.hear(HOME.router, None, state)
    presences = watching()
    assert why(presences) == snapshot("on wlan0 192.168.1.1 does not answer")
    assert kernel.asked == [HOME.router]
    kernel.now += 0.01
    kernel.hear(HOME.router, HOME.link_address)
    assert is_on(presences)


def test_it_is_asked_less_and_less_often(kernel: Kernel) -> None:
    kernel.forget(HOME.router)
    presences = watching()
    start = kernel.now
    times, looks = [], 0
    while kernel.now < start + 300:
        before = len(kernel.asked)
        assert not is_on(presences)
        looks += 1
        if len(kernel.asked) > before:
            times.append(round(kernel.now - start, 1))
        kernel.now = presences.next_look
    assert times == snapshot([0.0, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 162.4, 222.4, 282.4])
    assert looks < 30
    kernel.hear(HOME.router, HOME.link_address)
    assert is_on(presences)
    kernel.change_carrier()
    kernel.forget(HOME.router)
    assert not is_on(presences)
    assert presences.next_look == kernel.now + 0.1


def test_who_only_looks_does_not_ask(kernel: Kernel) -> None:
    kernel.forget(HOME.router)
    presences = watching()
    assert look(presences, ask=False).link is None
    assert kernel.asked == []


def test_a_router_that_is_set_by_hand_says_nothing_of_where_the_machine_is(kernel: Kernel) -> None:
    kernel.hear(HOME.router, HOME.link_address, netlink.PERMANENT)
    presences = watching()
    assert why(presences) == snapshot(
        "on wlan0 192.168.1.1 is set by hand (ip neigh), which says nothing"
    )
    assert (presences.next_look, kernel.asked) == (NEVER, [])


def test_a_machine_without_an_address_there_is_not_there(kernel: Kernel) -> None:
    kernel.addresses = [Address("192.168.2.50", WLAN, 7), Address("fd00::1", WLAN, 7)]
    presences = watching()
    assert why(presences) == snapshot("no link has an address of 192.168.1.0/24")
    assert (presences.next_look, kernel.asked) == (NEVER, [])


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        (None, snapshot("there is no route to 192.168.1.1")),
        (
            Route(WLAN, is_direct=False, is_own=False),
            snapshot("packets to 192.168.1.1 go through another router"),
        ),
        (
            Route(ETH, is_direct=True, is_own=False),
            snapshot(
                "packets to 192.168.1.1 do not leave through a link that has an address of 192.168.1.0/24"
            ),
        ),
        (
            Route(99, is_direct=True, is_own=False),
            snapshot(
                "packets to 192.168.1.1 do not leave through a link that has an address of 192.168.1.0/24"
            ),
        ),
    ],
    ids=["none", "router", "other link", "link is gone"],
)
def test_packets_must_go_there(kernel: Kernel, route: Route | None, reason: str) -> None:
    kernel.route = route
    presences = watching()
    assert why(presences) == reason
    # The route may follow the address.
    assert presences.next_look == kernel.now + 0.1
    assert kernel.asked == []
    kernel.now = presences.next_look
    kernel.forget(HOME.router)
    kernel.route = Route(WLAN, is_direct=True, is_own=False)
    assert not is_on(presences)
    assert kernel.asked == [HOME.router]


def test_the_route_may_follow_the_address_each_time(kernel: Kernel) -> None:
    kernel.route = None
    presences = watching()
    assert not is_on(presences)
    address = kernel.addresses.pop()  # before its route has come
    assert not is_on(presences)
    kernel.now += 3600
    kernel.addresses.append(address)
    assert not is_on(presences)
    assert presences.next_look == kernel.now + 0.1


def test_of_two_links_the_one_counts_that_packets_leave_through(kernel: Kernel) -> None:
    kernel.addresses.append(Address("192.168.1.51", ETH, 8))
    kernel.hear(HOME.router, OTHER, at=ETH)
    presences = watching()
    assert is_on(presences)
    kernel.route = Route(ETH, is_direct=True, is_own=False)
    assert why(presences).startswith("on eth0 192.168.1.1 is 02:00:00:00:00:01")
    kernel.hear(HOME.router, HOME.link_address, at=ETH)
    assert look(presences).link == "eth0"


def test_the_router_itself_is_on_its_network(kernel: Kernel) -> None:
    kernel.addresses = [Address("192.168.1.1", WLAN, 7)]
    kernel.route = Route(1, is_direct=False, is_own=True)
    kernel.hosts[WLAN] = {}
    assert why(watching()) == snapshot(
        "on wlan0 192.168.1.1 is 02:00:00:00:00:50, and not 52:54:00:12:34:56, the router of network 'home'"
    )
    kernel.links[WLAN] = kernel.links[WLAN]._replace(link_address=HOME.link_address)
    presences = watching(hosts=[NAS])
    assert is_on(presences)
    kernel.now += 1000
    kernel.hear(NAS, None, netlink.FAILED)
    assert look(presences).silent == (NAS,)
    assert kernel.asked == [NAS, NAS]


# -- changes


def test_a_link_without_carrier_is_nowhere(kernel: Kernel) -> None:
    presences = watching()
    assert is_on(presences)
    kernel.change_carrier(is_running=False)
    kernel.forget(HOME.router)
    assert why(presences) == snapshot("wlan0 has no carrier")
    assert presences.next_look == NEVER
    kernel.change_carrier()
    assert not is_on(presences)
    # It may have asked first, before anybody asked it.
    kernel.hear(HOME.router, HOME.link_address, netlink.STALE)
    assert is_on(presences)


def test_an_entry_that_outlived_the_change_of_a_link_does_not_count(kernel: Kernel) -> None:
    presences = watching()
    assert is_on(presences)
    kernel.now += 1
    kernel.change_carrier(is_running=False)
    assert not is_on(presences)
    kernel.now += 1
    kernel.change_carrier()
    assert why(presences) == snapshot(
        "on wlan0 192.168.1.1 has not answered since the link has changed"
    )
    # Its states change with time only.
    for state in (netlink.STALE, netlink.DELAY, netlink.PROBE):
        kernel.now += 10
        kernel.hear(HOME.router, HOME.link_address, state)
        assert not is_on(presences)
    kernel.now += 1
    kernel.hear(HOME.router, HOME.link_address)
    assert is_on(presences)


def test_a_blip_that_nobody_saw_is_a_change_as_well(kernel: Kernel) -> None:
    presences = watching()
    assert is_on(presences)
    kernel.change_carrier()
    kernel.change_carrier()
    assert not is_on(presences)
    kernel.now += 1
    kernel.hear(HOME.router, HOME.link_address)
    assert is_on(presences)


def test_an_entry_that_was_forgotten_in_between_is_a_new_one(kernel: Kernel) -> None:
    presences = watching()
    assert is_on(presences)
    kernel.change_carrier()
    kernel.forget(HOME.router)
    assert not is_on(presences)
    kernel.hear(HOME.router, HOME.link_address, netlink.STALE)
    assert is_on(presences)


def test_after_a_change_the_router_is_asked_immediately(kernel: Kernel) -> None:
    kernel.forget(HOME.router)
    presences = watching()
    for _ in range(100):
        assert not is_on(presences)
        kernel.now = presences.next_look
    asked = len(kernel.asked)
    kernel.change_carrier()
    assert not is_on(presences)
    assert len(kernel.asked) == asked + 1
    assert presences.next_look == kernel.now + 0.1


def test_another_address_is_a_change_if_none_of_before_is_left(kernel: Kernel) -> None:
    presences = watching()
    assert is_on(presences)
    kernel.addresses.append(Address("192.168.1.51", WLAN, 8))
    assert is_on(presences)
    kernel.addresses.remove(Address("192.168.1.50", WLAN, 7))
    assert is_on(presences)
    kernel.addresses[-1] = Address("192.168.1.51", WLAN, 9)  # gone, and back
    assert not is_on(presences)
    kernel.now += 1
    kernel.hear(HOME.router, HOME.link_address)
    assert is_on(presences)


def test_an_address_that_is_no_longer_preferred_is_not_a_change(kernel: Kernel) -> None:
    presences = watching()
    assert is_on(presences)
    kernel.addresses[-1] = kernel.addresses[-1]._replace(is_deprecated=True)
    assert is_on(presences)


def test_so_is_an_address_that_comes_back_after_a_look(kernel: Kernel) -> None:
    presences = watching()
    assert is_on(presences)
    address = kernel.addresses.pop()
    assert not is_on(presences)
    kernel.addresses.append(address._replace(created=8))
    assert not is_on(presences)
    kernel.now += 1
    kernel.hear(HOME.router, HOME.link_address)
    assert is_on(presences)


def test_after_a_suspension_the_machine_may_be_elsewhere(kernel: Kernel) -> None:
    presences = watching()
    assert is_on(presences)
    kernel.suspended += 0.5  # two clocks are never read at once
    assert is_on(presences)
    kernel.suspended += 3600
    assert not is_on(presences)
    kernel.now += 1
    kernel.hear(HOME.router, HOME.link_address)
    assert is_on(presences)


def test_a_network_that_is_declared_anew_is_looked_for_anew(kernel: Kernel) -> None:
    presences = watching()
    assert is_on(presences)
    presences.watched = (Watched("home", HOME._replace(link_address=OTHER), ()),)
    assert not is_on(presences)
    kernel.hear(HOME.router, OTHER)
    assert is_on(presences)


def test_links_that_are_gone_are_forgotten(kernel: Kernel) -> None:
    presences = watching()
    for index in range(100, 110):
        kernel.links[index] = kernel.links[WLAN]
        kernel.hosts[index] = kernel.hosts[WLAN]
        kernel.route = Route(index, is_direct=True, is_own=False)
        kernel.addresses = [Address("192.168.1.50", index, index)]
        assert is_on(presences)
        assert len(presences._routers) == 1  # noqa: SLF001 - what is remembered
        del kernel.links[index]
    kernel.addresses = []
    assert not is_on(presences)
    assert presences._routers == {}  # noqa: SLF001


def test_networks_that_are_no_longer_declared_are_forgotten(kernel: Kernel) -> None:
    presences = watching()
    for number in range(3):
        presences.watched = (Watched(f"home{number}", HOME, ()),)
        assert is_on(presences)
    assert len(presences._routers) == 1  # noqa: SLF001 - what is remembered
    assert kernel.asked == []


# -- without a change


def test_a_router_of_which_nothing_was_heard_is_asked_once_a_minute(kernel: Kernel) -> None:
    presences = watching()
    assert is_on(presences)
    kernel.now += 59
    kernel.hear(HOME.router, HOME.link_address, netlink.STALE)
    assert is_on(presences)
    assert kernel.asked == []
    kernel.now = presences.next_look
    assert is_on(presences)
    assert kernel.asked == [HOME.router]
    kernel.now += 6
    kernel.hear(HOME.router, HOME.link_address)
    assert is_on(presences)
    assert presences.next_look == kernel.now + 60
    assert kernel.asked == [HOME.router]


def test_a_router_may_restart(kernel: Kernel) -> None:
    presences = watching()
    assert is_on(presences)
    start = kernel.now
    kernel.now += 60
    kernel.hear(HOME.router, None, netlink.FAILED)
    assert is_on(presences)
    assert kernel.asked == [HOME.router]
    assert presences.next_look == kernel.now + 0.1
    while is_on(presences):
        kernel.now = presences.next_look
    assert 180 <= kernel.now - start < 250
    kernel.hear(HOME.router, HOME.link_address)
    assert is_on(presences)


def test_another_router_counts_immediately(kernel: Kernel) -> None:
    presences = watching()
    assert is_on(presences)
    kernel.hear(HOME.router, OTHER, netlink.STALE)
    assert not is_on(presences)
    kernel.hear(HOME.router, HOME.link_address, netlink.STALE)
    assert is_on(presences)


# -- machines


def test_machines_are_asked_when_the_machine_comes_and_again_if_not_heard_of(
    kernel: Kernel,
) -> None:
    presences = watching(hosts=[NAS, LAPTOP])
    assert look(presences).silent == ()
    assert kernel.asked == [NAS, LAPTOP]
    kernel.hear(NAS, "02:00:00:00:00:10")
    kernel.hear(LAPTOP, None, 0x01)
    assert look(presences).silent == ()
    kernel.hear(LAPTOP, None, netlink.FAILED)
    assert look(presences).silent == (LAPTOP,)
    assert kernel.asked == [NAS, LAPTOP]
    kernel.now += 60
    kernel.hear(HOME.router, HOME.link_address)
    kernel.hear(NAS, "02:00:00:00:00:10")
    assert look(presences).silent == (LAPTOP,)
    assert kernel.asked == [NAS, LAPTOP, LAPTOP]
    kernel.hear(LAPTOP, None, 0x01)  # asked, and has not answered yet
    assert look(presences).silent == (LAPTOP,)
    kernel.hear(LAPTOP, "02:00:00:00:00:30")
    assert look(presences).silent == ()


def test_a_machine_that_is_new_is_asked_as_well(kernel: Kernel) -> None:
    presences = watching(hosts=[NAS])
    assert is_on(presences)
    presences.watched = (Watched("home", HOME, (NAS, LAPTOP)),)
    assert is_on(presences)
    assert kernel.asked == [NAS, LAPTOP]


def test_a_silent_machine_that_the_kernel_has_forgotten_is_silent_and_asked_again(
    kernel: Kernel,
) -> None:
    # The kernel deletes the entries of those that do not answer first when its table is large. It
    # has not heard of them then, so the dead address must not come back.
    presences = watching(hosts=[NAS])
    kernel.hear(NAS, None, netlink.FAILED)
    assert look(presences).silent == (NAS,)
    kernel.forget(NAS)
    for times in (1, 2, 3):
        assert look(presences).silent == (NAS,)
        assert kernel.asked == [NAS] * times
        kernel.now += 60
        kernel.hear(HOME.router, HOME.link_address)
    kernel.hear(NAS, None, 0x01)
    assert look(presences).silent == (NAS,)
    kernel.hear(NAS, OTHER, netlink.STALE)  # it has asked for this machine
    assert look(presences).silent == ()
    kernel.forget(NAS)
    assert look(presences).silent == ()


def test_a_silent_machine_that_somebody_sets_by_hand_is_there(kernel: Kernel) -> None:
    presences = watching(hosts=[NAS])
    kernel.hear(NAS, None, netlink.FAILED)
    assert look(presences).silent == (NAS,)
    kernel.hear(NAS, OTHER, netlink.PERMANENT)
    assert look(presences).silent == ()


def test_of_very_many_machines_only_those_are_asked_that_did_not_answer(kernel: Kernel) -> None:
    hosts = [f"192.168.1.{number}" for number in range(100, 165)]
    presences = watching(hosts=hosts)
    assert is_on(presences)
    assert kernel.asked == []
    kernel.hear(hosts[0], None, netlink.FAILED)
    for times in (1, 2):
        look(presences)
        assert kernel.asked == [hosts[0]] * times
        kernel.now += 60
        kernel.hear(HOME.router, HOME.link_address)


def test_of_very_many_silent_machines_each_is_asked_in_turn(kernel: Kernel) -> None:
    hosts = [f"192.168.1.{number}" for number in range(60, 250)]
    presences = watching(hosts=hosts)
    for host in hosts:
        kernel.hear(host, None, netlink.FAILED)
    for count in (64, 128, 192):
        for _ in range(3):
            look(presences)  # whatever else happens
            assert len(kernel.asked) == count
        assert presences.next_look == kernel.now + 60
        kernel.now += 60
        kernel.hear(HOME.router, HOME.link_address)
    assert kernel.asked[: len(hosts)] == hosts


def test_machines_that_were_not_heard_of_are_asked_once_a_minute(kernel: Kernel) -> None:
    presences = watching(hosts=[NAS, LAPTOP, "192.168.1.50", HOME.router])
    start = kernel.now
    asked: dict[str, list[float]] = {NAS: [], LAPTOP: [], HOME.router: []}
    while kernel.now < start + 300:
        kernel.hear(LAPTOP, OTHER)  # something is sent there all the time
        if kernel.now < start + 100:
            kernel.hear(NAS, OTHER, netlink.STALE)
        kernel.asked.clear()
        assert is_on(presences)
        for host in kernel.asked:
            asked[host].append(round(kernel.now - start, 1))
        assert presences.next_look > kernel.now
        kernel.now = presences.next_look
        kernel.hear(HOME.router, HOME.link_address)
    assert asked == snapshot(
        {
            "192.168.1.10": [0.0, 60.0, 120.0, 180.0, 240.0],
            "192.168.1.30": [0.0],
            "192.168.1.1": [],
        }
    )
    kernel.hear(NAS, None, netlink.FAILED)
    assert look(presences).silent == (NAS,)


def test_machines_of_which_nothing_was_heard_for_about_as_long_are_asked_together(
    kernel: Kernel,
) -> None:
    presences = watching(hosts=[NAS, LAPTOP])
    assert is_on(presences)
    assert kernel.asked == [NAS, LAPTOP]
    kernel.now += 8
    kernel.hear(LAPTOP, OTHER)
    kernel.now += 52
    kernel.hear(HOME.router, HOME.link_address)
    assert is_on(presences)
    assert kernel.asked == [NAS, LAPTOP] * 2
    kernel.now += 20
    kernel.hear(LAPTOP, OTHER)
    kernel.now += 40
    kernel.hear(HOME.router, HOME.link_address)
    assert is_on(presences)
    assert kernel.asked == [*[NAS, LAPTOP] * 2, NAS]
    assert presences.next_look == kernel.now + 20


def test_a_machine_that_is_set_by_hand_is_not_asked(kernel: Kernel) -> None:
    presences = watching(hosts=[NAS])
    kernel.hear(NAS, OTHER, netlink.PERMANENT)
    for _ in range(3):
        assert is_on(presences)
        kernel.now += 60
        kernel.hear(HOME.router, HOME.link_address)
    assert kernel.asked == []


def test_each_time_a_machine_comes_others_are_asked(kernel: Kernel) -> None:
    presences = watching(hosts=[NAS])
    kernel.hear(NAS, None, netlink.FAILED)
    assert look(presences).silent == (NAS,)
    kernel.change_carrier()
    kernel.hosts[WLAN].clear()
    assert not is_on(presences)
    kernel.asked.clear()
    kernel.hear(HOME.router, HOME.link_address)
    assert look(presences).silent == ()
    assert kernel.asked == [NAS]


def test_elsewhere_no_machine_is_asked(kernel: Kernel) -> None:
    kernel.hear(HOME.router, OTHER)
    assert not is_on(watching(hosts=[NAS]))
    assert kernel.asked == []


# -- machines that answer others


@pytest.mark.parametrize(
    ("allow", "expected"),
    [
        (["192.168.1.0/24"], True),
        (["192.168.1.0/25", "192.168.1.200/32"], True),
        (["192.168.0.0/16"], False),
        (["192.168.1.0/24", "fd00::/64"], False),
    ],
)
def test_a_machine_that_answers_others_is_where_all_of_them_are(
    kernel: Kernel,
    allow: list[str],
    expected: bool,  # noqa: FBT001 - what is returned
) -> None:
    presences = watching(allow=allow)
    assert is_on(presences) == expected
    assert kernel.asked == []


def test_networks_of_one_router_are_one_place(kernel: Kernel) -> None:
    presences = Presences(["192.168.1.0/24", "fd00::/64"])
    home = Watched("home", HOME, ())
    home6 = HOME._replace(prefix="fd00::/64", router="fd00::1")
    presences.watched = watched = (home, Watched("home6", home6, ()))
    assert presences.look()[0].link == "wlan0"
    with_vpn = Presences(["192.168.1.0/24", "10.88.0.0/16"])
    with_vpn.watched = watched
    assert with_vpn.look()[0].remedy == snapshot(
        'allow = [ "192.168.1.0/24" "fd00::/64" ];  # of dm-dns, in the checkout, in the settings of this machine'
    )
    elsewhere = home6._replace(link_address=OTHER)
    presences.watched = (home, Watched("office", elsewhere, ()))
    assert "answers devices in fd00::/64 (setting allow)" in presences.look()[0].reason
    assert kernel.asked == []


def test_a_machine_that_answers_others_tells_which_are_elsewhere(kernel: Kernel) -> None:
    found = look(watching(allow=["192.168.1.0/24", "fd00::/64", "10.88.0.0/16"]))
    assert found.reason == snapshot(
        "this machine counts as elsewhere, because it answers devices in fd00::/64 and 10.88.0.0/16 (setting allow), which may be"
    )
    assert found.remedy == snapshot(
        'allow = [ "192.168.1.0/24" ];  # of dm-dns, in the checkout, in the settings of this machine'
    )
    assert kernel.asked == []


# -- what to type


def no_address(kernel: Kernel) -> None:
    kernel.addresses = []


def no_route(kernel: Kernel) -> None:
    kernel.route = None


def through_a_router(kernel: Kernel) -> None:
    kernel.route = Route(WLAN, is_direct=False, is_own=False)


def no_carrier(kernel: Kernel) -> None:
    kernel.change_carrier(is_running=False)


def other_router(kernel: Kernel) -> None:
    kernel.hear(HOME.router, OTHER)


def silent_router(kernel: Kernel) -> None:
    kernel.forget(HOME.router)


def set_by_hand(kernel: Kernel) -> None:
    kernel.hear(HOME.router, HOME.link_address, netlink.PERMANENT)


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        (
            no_address,
            snapshot(
                "ip -brief address  # if this machine is on network 'home', it must have one of 192.168.1.0/24"
            ),
        ),
        (
            no_route,
            snapshot(
                "ip route get 192.168.1.1  # if this machine is on network 'home', the route must have no \"via\""
            ),
        ),
        (
            through_a_router,
            snapshot(
                "ip route get 192.168.1.1  # if this machine is on network 'home', the route must have no \"via\""
            ),
        ),
        (
            no_carrier,
            snapshot(
                "ip -brief link  # if this machine is on network 'home', wlan0 must be connected"
            ),
        ),
        (
            other_router,
            snapshot(
                "localNetworks.home.router.linkAddress = \"02:00:00:00:00:01\";  # of dm-dns, in the checkout: if this machine is on network 'home', and the router was replaced"
            ),
        ),
        (
            silent_router,
            snapshot(
                "ping -c 3 192.168.1.1; ip neigh show 192.168.1.1 dev wlan0  # if this machine is on network 'home'"
            ),
        ),
        (
            set_by_hand,
            snapshot(
                "sudo ip neigh del 192.168.1.1 dev wlan0  # if this machine is on network 'home'"
            ),
        ),
    ],
)
def test_it_is_told_what_to_type(
    kernel: Kernel, change: Callable[[Kernel], None], remedy: str
) -> None:
    change(kernel)
    found = look(watching())
    assert (found.link, found.remedy) == (None, remedy)


def test_where_it_is_there_nothing_is_to_be_typed(kernel: Kernel) -> None:
    presences = watching()
    assert (look(presences).link, look(presences).remedy) == ("wlan0", "")
    kernel.hear(HOME.router, None, netlink.FAILED)
    found = look(presences)
    assert (found.link, found.remedy) == ("wlan0", "")
    assert found.reason == snapshot(
        "on wlan0 192.168.1.1 was 52:54:00:12:34:56 when it answered last, the router of network 'home'"
    )


# -- what it is woken up for


@pytest.fixture
def telling(monkeypatch: pytest.MonkeyPatch) -> list[Told | None]:
    """What the kernel tells next."""
    told: list[Told | None] = []
    monkeypatch.setattr(netlink, "told", lambda _datagram: told)
    return told


def test_routers_matter_and_machines_that_begin_or_cease_to_answer(
    kernel: Kernel, telling: list[Told | None]
) -> None:
    presences = watching(hosts=[NAS])
    kernel.hear(NAS, OTHER)
    states = (netlink.REACHABLE, netlink.STALE, netlink.PROBE, netlink.PERMANENT, netlink.FAILED)

    def mattering(host: str, *, is_gone: bool = False) -> list[int]:
        look(presences)
        found = []
        for state in states:
            telling[:] = [Told(WLAN, host, is_gone, state)]
            if presences.is_about(b""):
                found.append(state)
        return found

    assert mattering(HOME.router) == mattering(HOME.router, is_gone=True) == [*states]
    assert mattering(NAS) == [netlink.FAILED]
    assert mattering(LAPTOP) == mattering(LAPTOP, is_gone=True) == []
    kernel.hear(NAS, None, netlink.FAILED)
    assert mattering(NAS) == [*states[:-1]]
    assert mattering(NAS, is_gone=True) == []
    telling[:] = [Told(WLAN, LAPTOP, is_gone=True, state=netlink.FAILED), None]
    assert presences.is_about(b"")
    telling[:] = []
    assert not presences.is_about(b"")
    kernel.change_carrier(is_running=False)
    assert mattering(NAS) == []
    assert mattering(HOME.router) == [*states]


def test_what_cannot_be_read_may_matter() -> None:
    assert Presences().is_about(b"nonsense")
    assert Presences().is_about_routes(b"nonsense")


@pytest.mark.usefixtures("kernel")
def test_routes_to_a_router_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    of: list[frozenset[Prefix]] = []

    def may_change(_datagram: bytes, prefixes: frozenset[Prefix]) -> bool:
        of.append(prefixes)
        return len(of) == 1

    monkeypatch.setattr(netlink, "may_change_route", may_change)
    presences = watching()
    look(presences)
    home = netlink.prefixes(HOME.router)
    assert [presences.is_about_routes(b"") for _ in range(2)] == [True, False]
    other = Network("fd00::/64", "fd00::1", OTHER)
    presences.watched = (Watched("home", HOME, ()), Watched("other", other, ()))
    assert not presences.is_about_routes(b"")
    presences.watched = ()
    assert not presences.is_about_routes(b"")
    assert of == [home, home, home | netlink.prefixes("fd00::1"), frozenset()]


def test_an_entry_that_the_kernel_forgot_between_two_looks_is_not_a_leftover(
    kernel: Kernel, telling: list[Told | None]
) -> None:
    presences = watching()
    assert is_on(presences)
    kernel.change_carrier()
    kernel.now += 1
    # The router has asked first, and the kernel has not asked it yet.
    kernel.forget(HOME.router)
    kernel.hear(HOME.router, HOME.link_address, netlink.STALE)
    assert not is_on(presences)
    for link, host in ((ETH, HOME.router), (WLAN, NAS)):
        telling[:] = [Told(link, host, is_gone=True, state=netlink.STALE)]
        presences.is_about(b"")
        assert not is_on(presences)
    telling[:] = [Told(WLAN, HOME.router, is_gone=True, state=netlink.STALE)]
    assert presences.is_about(b"")
    assert is_on(presences)


# -- asking


def test_to_ask_is_to_send_an_empty_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.settimeout(20)
        presence._DISCARD, before = one.getsockname()[1], presence._DISCARD  # type: ignore[misc]  # noqa: SLF001
        try:
            presence._ask(["127.0.0.1"])  # noqa: SLF001
        finally:
            presence._DISCARD = before  # type: ignore[misc]  # noqa: SLF001
        assert one.recv(100) == b""


def test_where_nothing_can_be_sent_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    class Sandboxed(socket.socket):
        sendto = refuse  # type: ignore[assignment]

    monkeypatch.setattr(socket, "socket", Sandboxed)
    presence._ask(["192.0.2.1", "2001:db8::1"])  # noqa: SLF001
    monkeypatch.setattr(socket, "socket", refuse)
    presence._ask(["192.0.2.1"])  # noqa: SLF001
