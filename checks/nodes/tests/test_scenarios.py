"""The scenarios, in the order they are in here: each leaves the machines as they were."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from checks.nodes import clock, nixos, root, upstream
from checks.nodes.clan import Clan
from checks.nodes.errors import UnavailableError
from checks.nodes.tests.conftest import FAILED
from checks.scenarios import (
    avahi,
    bad_zones,
    change,
    faults,
    first_boot,
    foreign,
    names,
    networks,
    sandbox,
)
from checks.scenarios import push as pushing
from checks.scenarios.zones import Push


class Nodes:
    """The machines that all scenarios run on, one after the other."""

    def __init__(self, case: str) -> None:
        self._case = case
        self._stack = ExitStack()
        self._clan: Clan | None = None

    def get(self) -> Clan:
        if self._clan is None:
            self._clan = self._stack.enter_context(Clan(self._case))
        return self._clan

    def stop(self) -> None:
        self._stack.close()
        self._clan = None


@pytest.fixture(scope="module")
def nodes(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    try:
        root.check()
    except UnavailableError as error:
        pytest.skip(str(error))
    nodes = Nodes(getattr(request.module, "CASE", "three"))
    yield nodes
    nodes.stop()


@pytest.fixture
def clan(nodes: Nodes, request: pytest.FixtureRequest) -> Iterator[Clan]:
    yield nodes.get()
    if request.node.stash.get(FAILED, False):
        nodes.stop()  # what it left behind would make the next scenarios fail


@pytest.fixture
def push(clan: Clan) -> Push:
    return Push(clan.booted.pusher, clan.booted.key, clan.booted.network_id)


def test_names_resolve_from_the_first_boot(clan: Clan, push: Push) -> None:
    first_boot.run(clan.machines, clan.booted.spec, push)


def test_every_name_resolves_on_every_machine(clan: Clan, push: Push) -> None:
    names.run(clan.machines, clan.booted.spec, push)


def test_foreign_names_resolve_as_before(clan: Clan) -> None:
    world = foreign.World(nixos.GATEWAY, "host0", upstream.NAME, upstream.ADDRESS)
    foreign.run(clan.machines, clan.booted.spec, world)


def test_a_push_is_shown_and_refused_where_it_would_be_regretted(clan: Clan, push: Push) -> None:
    pushing.run(clan.machines, clan.booted.spec, push)


def test_a_bad_zone_changes_no_answer(clan: Clan, push: Push) -> None:
    bad_zones.run(clan.machines, clan.booted.spec, push)


def test_the_last_change_is_served(clan: Clan, push: Push) -> None:
    change.run(clan.machines, clan.booted.spec, push)


def test_names_survive_faults(clan: Clan, push: Push) -> None:
    faults.run(clan.machines, clan.booted.spec, push, clock.turn)


def test_unbound_gets_its_queries_beside_avahi(clan: Clan) -> None:
    avahi.run(clan.machines, clan.booted.spec)


def test_units_are_sandboxed(clan: Clan) -> None:
    sandbox.run(clan.machines, clan.booted.spec)


def test_names_resolve_through_two_vpns_and_for_other_devices_if_allowed(nodes: Nodes) -> None:
    nodes.stop()  # not more machines than necessary at once
    with Clan("lan") as lan:
        lan_address, vpn_address = "192.168.1.4", "fd35:f254:ab26:d7ec:8d99:931b:b832:28fb"
        ways = [
            networks.Way(lan_address, "192.168.1", is_allowed=True),
            networks.Way(vpn_address, "fd35", is_allowed=True),
            networks.Way(vpn_address, "20", is_allowed=False),
        ]
        networks.run(lan.machines, lan.booted.spec, "zoltraak", ways)
