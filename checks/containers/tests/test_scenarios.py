"""The scenarios, in the order they are in here: each leaves the machines as they were."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from checks.containers import debian_root, faked_clock, nixos
from checks.containers.clan import Clan
from checks.containers.container_errors import ContainerError, UnavailableError
from checks.containers.tests.conftest import FAILED
from checks.scenarios import (
    avahi,
    bad_zones,
    broken_hook,
    change,
    doctor,
    early_and_late,
    faults,
    first_boot,
    foreign,
    health,
    hostile_boot,
    inspect,
    listening,
    names,
    networks,
    outages,
    public,
    resolver,
    reverse,
    roaming,
    sandbox,
    short_names,
    thief,
    web,
    zones,
)
from checks.scenarios import push as pushing
from checks.scenarios.zones import Push

SILENT = "10.0.2.3"


class Containers:
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
def containers(request: pytest.FixtureRequest) -> Iterator[Containers]:
    try:
        debian_root.check()
    except UnavailableError as error:
        pytest.skip(str(error))
    containers = Containers(getattr(request.module, "CASE", "three"))
    yield containers
    containers.stop()


@pytest.fixture
def clan(containers: Containers, request: pytest.FixtureRequest) -> Iterator[Clan]:
    yield containers.get()
    if request.node.stash.get(FAILED, False):
        containers.stop()  # what it left behind would make the next scenarios fail


@pytest.fixture
def push(clan: Clan) -> Push:
    return Push(clan.booted.pusher, clan.booted.key, clan.booted.network_id)


def test_names_resolve_from_the_first_boot(clan: Clan, push: Push) -> None:
    first_boot.run(clan.machines, clan.booted.spec, push)


def test_every_name_resolves_on_every_machine(clan: Clan, push: Push) -> None:
    names.run(clan.machines, clan.booted.spec, push)


@pytest.mark.parametrize(
    "command",
    [
        "touch /nix/store/new",
        "echo 192.0.2.1 new.test >> /etc/hosts",
        "echo >> /etc/nsswitch.conf",
        "echo >> /etc/dm-dns/apply.json",
        "echo >> /etc/unbound/unbound.conf",
        "touch /etc/systemd/system/new.service",
        "systemctl disable data-mesher.service 2>&1",
    ],
)
def test_what_nixos_has_in_its_store_is_read_only(clan: Clan, command: str) -> None:
    machine = clan.machines["server"]
    machine.wait_for_unit("multi-user.target")
    assert "Read-only file system" in machine.fail(f"{{ {command}; }} 2>&1")


def test_a_command_fails_as_it_does_in_the_driver_of_nixos(clan: Clan) -> None:
    machine = clan.machines["server"]
    machine.fail("false; true", "false | true", "echo $unset")
    with pytest.raises(ContainerError, match=r"nothing\.service is inactive"):
        machine.wait_for_unit("nothing.service")


@pytest.fixture
def silent(clan: Clan) -> Iterator[None]:
    """Give machines one more link, with a DNS server that never answers, as QEMU gives to VMs."""
    for machine in clan.machines.values():
        zones.wait_for(machine, clan.booted.spec["domain"], "serial=")
        machine.succeed(
            "ip link add qemu type veth peer name end && ip link set end up",
            "ip address add 10.0.2.15/24 dev qemu && ip link set qemu up",
            f"resolvectl dns qemu {SILENT}",
        )
    yield
    for machine in clan.machines.values():
        assert machine.succeed("resolvectl dns qemu").split()[-1] == SILENT
        machine.succeed("ip link delete qemu")


@pytest.mark.usefixtures("silent")
def test_foreign_names_resolve_as_before(clan: Clan) -> None:
    foreign.run(clan.machines, clan.booted.spec, foreign.World(nixos.GATEWAY, "host0"))


def test_a_push_is_shown_and_refused_where_it_would_be_regretted(clan: Clan, push: Push) -> None:
    pushing.run(clan.machines, clan.booted.spec, push)


def test_a_bad_zone_changes_no_answer(clan: Clan, push: Push) -> None:
    bad_zones.run(clan.machines, clan.booted.spec, push)


def test_the_last_change_is_served(clan: Clan, push: Push) -> None:
    change.run(clan.machines, clan.booted.spec, push)


def test_what_is_monitored_fails_only_while_something_is_wrong(clan: Clan, push: Push) -> None:
    health.run(clan.machines, clan.booted.spec, push)


def test_status_and_show_tell_what_is_served_and_who_exports_it(clan: Clan, push: Push) -> None:
    inspect.run(clan.machines, clan.booted.spec, push)


def test_names_survive_faults(clan: Clan, push: Push) -> None:
    faults.run(clan.machines, clan.booted.spec, push, faked_clock.turn)


def test_the_boot_waits_for_nothing_that_was_received(clan: Clan, push: Push) -> None:
    hostile_boot.run(clan.machines, clan.booted.spec, push)


def test_no_lookup_fails_while_something_restarts(clan: Clan) -> None:
    outages.run(clan.machines, clan.booted.spec)


def test_names_resolve_before_the_system_is_up_and_until_it_is_down(clan: Clan) -> None:
    early_and_late.run(clan.machines, clan.booted.spec)


def test_a_hook_that_cannot_start_takes_no_other_name_away(clan: Clan) -> None:
    broken_hook.run(clan.machines, clan.booted.spec)


def test_unbound_gets_its_queries_beside_avahi(clan: Clan) -> None:
    avahi.run(clan.machines, clan.booted.spec)


def test_another_user_cannot_answer_in_place_of_unbound(clan: Clan) -> None:
    thief.run(clan.machines, clan.booted.spec)


def test_units_are_sandboxed(clan: Clan) -> None:
    sandbox.run(clan.machines, clan.booted.spec)


def test_doctor_names_each_broken_link(clan: Clan, push: Push) -> None:
    doctor.run(clan.machines, clan.booted.spec, push, faked_clock.turn)


def test_doctor_finds_nothing_on_machines_that_are_well(containers: Containers) -> None:
    containers.stop()
    with Clan("nodes") as clan:
        doctor.well(clan.machines, clan.booted.spec, network="home")


def test_names_resolve_through_two_vpns_for_other_devices_and_however_resolved_is_set_up(
    containers: Containers,
) -> None:
    containers.stop()  # not more machines than necessary at once
    with Clan("lan") as lan:
        networks.run(lan.machines, lan.booted.spec)
        doctor.well(lan.machines, lan.booted.spec)
        # Not on `three`: resolved exempts its domain, `test`, from DNSSEC.
        resolver.run(lan.machines, lan.booted.spec)
        short_names.run(lan.machines, lan.booted.spec)


def test_names_resolve_while_a_vpn_that_unbound_listens_in_comes_and_goes(
    containers: Containers,
) -> None:
    containers.stop()
    with Clan("lan", has_vpns=False) as clan:
        listening.run(clan.machines, clan.booted.spec, "host0")


def test_names_and_addresses_of_others_resolve_as_without_dm_dns(containers: Containers) -> None:
    containers.stop()
    with Clan("public") as clan:
        booted = clan.booted
        push = Push(booted.pusher, booted.key, booted.network_id)
        public.run(clan.machines, booted.spec, push)
        reverse.run(clan.machines, booted.spec, push)


def test_names_have_the_addresses_of_home_at_home_and_only_there(containers: Containers) -> None:
    containers.stop()
    with Clan("roaming") as clan:
        roaming.run(clan.machines, clan.booted.spec)
        doctor.well(clan.machines, clan.booted.spec, names=False)  # the places have gone


def test_web_servers_answer_the_clan_and_wait_for_no_vpn(containers: Containers) -> None:
    containers.stop()
    with Clan("web", has_vpns=False) as clan:
        web.run(clan.machines, clan.booted.spec, "host0")
        # Some have IPv4 only, and others IPv6.
        doctor.well(clan.machines, clan.booted.spec, names=False)
