"""Scenarios that do not always hold yet, so `make test` does not run them.

python -m pytest -c python/pyproject.toml --rootdir=. checks/nodes/tests/open_scenarios.py
"""

from checks.nodes.clan import Clan
from checks.nodes.tests.test_scenarios import clan, nodes, push
from checks.scenarios import change, faults
from checks.scenarios.zones import Push

__all__ = ["clan", "nodes", "push"]


def test_the_last_change_is_served(clan: Clan, push: Push) -> None:
    change.run(clan.machines, clan.booted.spec, push)


def test_names_survive_faults(clan: Clan, push: Push) -> None:
    faults.run(clan.machines, clan.booted.spec, push)
