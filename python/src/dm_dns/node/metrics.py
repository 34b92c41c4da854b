"""Metrics: what dm-dns.service found, in Prometheus's text format, for a textfile collector.

Each unit writes what it alone knows, to a file of its own: dm-dns.service what it found, with its
state; dm-dns-health.service when data-mesher's certificate ends, which others may not read; and
dm-dns-push.service whether its zone is refused (`push.automatic`). What dm-dns-health.service
judges is the state of that unit, which exporters have as they have all units.
"""

from collections.abc import Iterator
from typing import Final

from dm_dns.node.state import State
from dm_dns.prometheus import gauge

NAME: Final = "metrics.prom"
"""Beside the state. node_exporter reads the files of a directory that end in .prom."""
CERTIFICATE: Final = "certificate.prom"
"""Beside it."""

_SOURCES: Final = ("mesh", "deployed", "kept")


def render(found: State) -> str:
    """Return the metrics of what was found. Their names and labels stay."""
    return "".join(_gauges(found))


def render_certificate(domain: str, end: int) -> str:
    """Return the metric of when data-mesher's certificate ends, in seconds since 1970."""
    text = "When the certificate of data-mesher ends, in seconds since 1970."
    return gauge("certificate_end_seconds", text, ({"domain": domain}, end))


def _gauges(found: State) -> Iterator[str]:
    domain = {"domain": found.domain}
    served = found.served
    yield gauge("problems", "Number of problems found.", (domain, len(found.problems)))
    yield gauge("up", "Whether a zone is served.", (domain, int(served is not None)))
    if served is None:
        return
    help_serial = "Serial of the served zone: when it was rendered, in seconds since 1970."
    yield gauge("serial", help_serial, (domain, served.serial))
    yield gauge("names", "Number of names of the served zone.", (domain, served.names))
    yield gauge("records", "Number of records of the served zone.", (domain, served.records))
    sources = [({**domain, "source": each}, int(served.source == each)) for each in _SOURCES]
    yield gauge("source", "Which copy of the zone is served.", *sources)
    if found.since is not None:
        text = "When what is served changed last, in seconds since 1970."
        yield gauge("changed_seconds", text, (domain, found.since))
    if served.deployed is not None:
        text = "Serial of the zone that this machine was deployed with."
        yield gauge("deployed_serial", text, (domain, served.deployed))
