"""The metrics, as Prometheus's own parser reads them."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dm_dns.node import metrics
from dm_dns.node.apply import Served
from dm_dns.node.state import State

SERVED = Served(1795602829, 7, 10, "kept", "a" * 64, "", 1795602000)


def state(served: Served | None, *problems: str) -> State:
    since = 1795602900 if served else None
    return State("pin", 1, served, since, list(problems), {}, 0)


def parsed(found: State) -> dict[tuple[str, ...], float]:
    families = list(text_string_to_metric_families(metrics.render(found)))
    assert all(family.type == "gauge" and family.documentation for family in families)
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_all_that_is_known_of_what_is_served_is_there() -> None:
    assert parsed(state(SERVED, "a", "b")) == {
        ("dm_dns_problems", "pin"): 2,
        ("dm_dns_up", "pin"): 1,
        ("dm_dns_serial", "pin"): 1795602829,
        ("dm_dns_names", "pin"): 7,
        ("dm_dns_records", "pin"): 10,
        ("dm_dns_source", "mesh", "pin"): 0,
        ("dm_dns_source", "deployed", "pin"): 0,
        ("dm_dns_source", "kept", "pin"): 1,
        ("dm_dns_changed_seconds", "pin"): 1795602900,
        ("dm_dns_deployed_serial", "pin"): 1795602000,
    }


@pytest.mark.parametrize("problems", [(), ("nothing can be served",)])
def test_a_machine_that_serves_nothing_is_not_up(problems: tuple[str, ...]) -> None:
    assert parsed(state(None, *problems)) == {
        ("dm_dns_problems", "pin"): len(problems),
        ("dm_dns_up", "pin"): 0,
    }


def test_what_is_not_known_of_the_deployment_is_left_out() -> None:
    assert ("dm_dns_deployed_serial", "pin") not in parsed(state(SERVED._replace(deployed=None)))
