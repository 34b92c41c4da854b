"""The metrics that dm-dns.service writes follow what it serves, and what is wrong."""

from prometheus_client.parser import text_string_to_metric_families

from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import bring, zone_conf
from checks.processes.wait import until


def metrics(machine: PlainMachine) -> dict[str, float]:
    """Return the metrics of a machine, those of its source by that."""
    path = machine.runtime / "metrics.prom"
    return {
        sample.labels.get("source", sample.name.removeprefix("dm_dns_")): sample.value
        for family in text_string_to_metric_families(path.read_text() if path.exists() else "")
        for sample in family.samples
    }


def test_metrics_follow_each_change(machine: PlainMachine) -> None:
    machine.deployed.write_text(zone_conf(4))
    machine.watch()
    until(lambda: metrics(machine).get("serial") == 4, "the deployed zone is in the metrics")
    assert metrics(machine)["deployed"] == 1
    bring(machine, zone_conf(5))
    until(lambda: metrics(machine).get("serial") == 5, "the mesh's zone is in the metrics")
    assert metrics(machine)["mesh"] == 1
    assert metrics(machine)["problems"] == 0
    machine.mesh_file.write_text("nonsense\n")
    until(lambda: metrics(machine)["problems"] == 1, "the problem is in the metrics")
    assert metrics(machine)["serial"] == 5
