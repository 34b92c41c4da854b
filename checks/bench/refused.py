"""What it costs to refuse a zone, by the rule that it breaks and by where it does."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from dm_dns.errors import Error
from dm_dns.zone import conf, limits, names
from dm_dns.zone.conf_lines import WITHOUT_ADDRESS

from checks.bench import inputs, usage, worst
from checks.bench.report import Row
from checks.bench.worst import MACHINE, ZONE_LINE, Body, line
from checks.fuzz import corpus

_MB: Final = 1e6  # bytes
_MS: Final = 1e3  # in a second
_SECONDS: Final = 1
_MOST_MB: Final = 100

_DOMAIN: Final = inputs.DOMAIN
_OTHER: Final = line(f"zz.{_DOMAIN}. TXT x")

LAST: Final[dict[str, list[bytes]]] = {
    "another kind of line": [b"server:\n"],
    "a record of another type": [_OTHER],
    "a name outside the domain": [line(f"zz.example. CNAME {MACHINE}.")],
    "a label that is too long": [line(f"zz{'z' * names.MAX_LABEL}.{_DOMAIN}. CNAME {MACHINE}.")],
    "a label that ends with a hyphen": [line(f"zz-.{_DOMAIN}. CNAME {MACHINE}.")],
    "a name that is too long": [line(f"zz{'.z' * 126}.{_DOMAIN}. CNAME {MACHINE}.")],
    "the reserved name": [line(f"zz.{_DOMAIN}. CNAME {names.STATUS_LABEL}.{_DOMAIN}.")],
    "a line that is not in order": [line(f"a.{_DOMAIN}. CNAME {MACHINE}.")],
    "a second CNAME": [line(f"zz.{_DOMAIN}. CNAME {name}.{_DOMAIN}.") for name in "ab"],
    "a CNAME and an address": [
        line(f"zz.{_DOMAIN}. A 192.0.2.1"),
        line(f"zz.{_DOMAIN}. CNAME {MACHINE}."),
    ],
    "an address of the other type": [line(f"zz.{_DOMAIN}. A fd00::1")],
    "an address in another form": [line(f"zz.{_DOMAIN}. AAAA fd00:0::1")],
    "one more address of a name": [
        line(f"zz.{_DOMAIN}. AAAA fd00::1{number:03x}")
        for number in range(limits.MAX_ADDRESSES + 1)
    ],
    "an alias of itself": [line(f"zz.{_DOMAIN}. CNAME zz.{_DOMAIN}.")],
    "one more alias in a chain": [
        line(f"zz{number}.{_DOMAIN}. CNAME zz{number + 1}.{_DOMAIN}.")
        for number in range(limits.MAX_CHAIN + 1)
    ],
}
"""Lines that break a rule at the end of any zone."""

_BEYOND: Final[dict[str, Body]] = {
    "one more record": lambda: worst.aliases(limits.MAX_RECORDS + 1),
    "one more byte": lambda: worst.long_names(limits.MAX_SIZE + 1000),
    "a line of all bytes": lambda: iter([ZONE_LINE, b"x" * (limits.MAX_SIZE - 1000) + b"\n"]),
}


def rows(part: float, directory: Path) -> Iterator[Row]:
    """Measure zones of ``part`` of the size that the limits allow, and what is beyond a limit.

    Raises:
        RuntimeError: one is not refused.

    """
    path = directory / "refused.conf"
    zones = worst.zones(part)
    for what, body in zones.items():
        for where in ("first", "middle", "last"):
            inputs.write_body(path, lambda: _with_other(body, where), serial=1)  # noqa: B023
            yield from _refused(f"{what} with a bad {where} line", path)
    most = zones["the most records"]
    for what, lines in LAST.items():
        inputs.write_body(path, lambda: _ending(most, lines), serial=1)  # noqa: B023
        yield from _refused(f"the most records and {what}", path)
    records = max(limits.MAX_MACHINES + 1, int(limits.MAX_RECORDS * part))
    beyond: dict[str, Body] = {
        **_BEYOND,
        "aliases of too many names": lambda: _targets(records),
        "too many machines without an address": lambda: _machines(records),
    }
    for what, body in beyond.items():
        inputs.write_body(path, body, serial=1)
        yield from _refused(what, path)
    inputs.write_body(path, zones["the longest names"], serial=1)
    with path.open("r+b") as file:
        file.seek(path.read_bytes().index(b"sha256: ") + len(b"sha256: "))
        file.write(b"0" * 8)
    yield from _refused("the longest names with another hash", path)
    path.write_bytes(b"".join(_unsorted(int(limits.MAX_UNSORTED * part))))
    yield from _refused("the most records without a header and a bad last line", path)
    yield from _corpus()
    path.unlink()


def _refused(what: str, path: Path) -> Iterator[Row]:
    used = usage.run(worst.check(path), status=1)
    yield Row(f"refuse {what}", "s", [used.wall], target=_SECONDS)
    yield Row(f"refuse {what}: processor", "s", [used.cpu])
    if used.peak is not None:
        yield Row(f"refuse {what}: peak memory", "MB", [used.peak / _MB], target=_MOST_MB)


def _corpus() -> Iterator[Row]:
    """Measure the files of checks/fuzz: they are small, and refused in this process."""
    seconds = []
    for _name, content in corpus.zones():
        start = time.perf_counter()
        try:
            conf.parse(content, corpus.DOMAIN, "zone.conf")
        except Error:
            seconds.append(time.perf_counter() - start)
    yield Row(
        f"refuse each of {len(seconds)} hostile zones", "ms", [_MS * each for each in seconds]
    )


def _with_other(body: Body, where: str) -> Iterator[bytes]:
    """Yield the lines of a zone, one of which is a record of another type."""
    count = sum(1 for _ in body())
    at = {"first": 1, "middle": count // 2, "last": count - 1}[where]
    for number, each in enumerate(body()):
        yield _OTHER if number == at else each


def _ending(body: Body, last: list[bytes]) -> Iterator[bytes]:
    """Yield the lines of a zone with ``last`` in the place of its last ones."""
    count = sum(1 for _ in body())
    yield from islice(body(), max(1, count - len(last)))
    yield from last


def _targets(records: int) -> Iterator[bytes]:
    """Yield the lines of a zone of which each record is an alias of another name."""
    yield ZONE_LINE
    for number in range(records):
        yield line(f"a{number:07}.{_DOMAIN}. CNAME b{number:07}.{_DOMAIN}.")


def _machines(comments: int) -> Iterator[bytes]:
    """Yield the lines of a zone of machines without an address."""
    yield ZONE_LINE
    for number in range(comments):
        yield f"# {WITHOUT_ADDRESS}: m{number:07}.{_DOMAIN}.\n".encode()


def _unsorted(size: int) -> Iterator[bytes]:
    """Yield a zone without header of nearly that many bytes, whose last line is not a record."""
    yield ZONE_LINE
    length = len(line(f"{0:07}.{_DOMAIN}. A 192.0.2.1"))
    for number in reversed(range((size - 100) // length)):
        yield line(f"{number:07}.{_DOMAIN}. A 192.0.2.1")
    yield _OTHER
