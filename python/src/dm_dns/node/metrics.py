"""Metrics: what dm-dns.service found, in Prometheus's text format, for a textfile collector.

dm-dns.service alone writes them, with its state: a second writer could contradict it. What
dm-dns-health.service judges is the state of that unit, which exporters have as they have all units.
"""

import json
from collections.abc import Iterator
from typing import Final

from dm_dns.node.state import State

NAME: Final = "metrics.prom"
"""Beside the state. node_exporter reads the files of a directory that end in .prom."""

_SOURCES: Final = ("mesh", "deployed", "kept")


def render(found: State) -> str:
    """Return the metrics of what was found. Their names and labels stay."""
    return "".join(f"{line}\n" for line in _lines(found))


def _lines(found: State) -> Iterator[str]:
    # Escapes are those of JSON (Prometheus, text-based format): a domain needs none.
    domain = f"domain={json.dumps(found.domain)}"
    served = found.served
    yield from _gauge("problems", "Number of problems found.", {domain: len(found.problems)})
    yield from _gauge("up", "Whether a zone is served.", {domain: int(served is not None)})
    if served is None:
        return
    help_serial = "Serial of the served zone: when it was rendered, in seconds since 1970."
    yield from _gauge("serial", help_serial, {domain: served.serial})
    yield from _gauge("records", "Number of records of the served zone.", {domain: served.records})
    sources = {f'{domain},source="{each}"': int(served.source == each) for each in _SOURCES}
    yield from _gauge("source", "Which copy of the zone is served.", sources)
    if found.since is not None:
        text = "When what is served changed last, in seconds since 1970."
        yield from _gauge("changed_seconds", text, {domain: found.since})
    if served.deployed is not None:
        text = "Serial of the zone that this machine was deployed with."
        yield from _gauge("deployed_serial", text, {domain: served.deployed})


def _gauge(name: str, text: str, values: dict[str, int]) -> Iterator[str]:
    yield f"# HELP dm_dns_{name} {text}"
    yield f"# TYPE dm_dns_{name} gauge"
    for labels, value in values.items():
        yield f"dm_dns_{name}{{{labels}}} {value}"
