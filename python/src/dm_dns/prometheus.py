"""Prometheus's text format, for the textfile collector of an exporter."""

import json
from collections.abc import Mapping


def gauge(name: str, text: str, *samples: tuple[Mapping[str, str], int]) -> str:
    """Return the lines of a metric.

    Args:
        name: of the metric, without ``dm_dns_``.
        text: what it is, in one line.
        samples: the labels and the value of each.

    """
    lines = [f"# HELP dm_dns_{name} {text}", f"# TYPE dm_dns_{name} gauge"]
    for labels, value in samples:
        # Escapes are those of JSON (Prometheus, text-based format): names and words need none.
        pairs = ",".join(f"{label}={json.dumps(each)}" for label, each in labels.items())
        lines.append(f"dm_dns_{name}{{{pairs}}} {value}")
    return "".join(f"{line}\n" for line in lines)
