"""The scenarios with machines that push automatically. The first needs ones that boot."""

from checks.containers.clan import Clan
from checks.containers.tests.test_scenarios import clan, containers, push
from checks.scenarios import automatic, doctor, leaked_key, rollback, sandbox, withdraw
from checks.scenarios.zones import Push

__all__ = ["clan", "containers", "push"]

CASE = "pushers"


def test_the_newest_zone_is_pushed_automatically(clan: Clan, push: Push) -> None:
    automatic.run(clan.machines, clan.booted.spec, push)


def test_doctor_finds_nothing_on_machines_that_are_well(clan: Clan) -> None:
    doctor.well(clan.machines, clan.booted.spec)


def test_a_withdrawn_zone_stays_away(clan: Clan, push: Push) -> None:
    withdraw.run(clan.machines, clan.booted.spec, push)


def test_what_the_mesh_has_had_can_be_had_again(clan: Clan, push: Push) -> None:
    rollback.run(clan.machines, clan.booted.spec, push)


def test_a_stolen_key_is_of_no_use_after_it_was_replaced(clan: Clan, push: Push) -> None:
    leaked_key.run(clan.machines, clan.booted.spec, push)


def test_the_unit_that_pushes_is_sandboxed(clan: Clan) -> None:
    sandbox.run(clan.machines, clan.booted.spec)
