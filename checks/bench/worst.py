"""The worst zones that the limits allow."""

import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from dm_dns.zone import limits, names

from checks.bench import inputs, usage
from checks.bench.measured_machine import MeasuredMachine
from checks.bench.report import Row

_MB: Final = 1e6  # bytes
_CHECK_SECONDS: Final = 1.5
_CHECK_MB: Final = 200
_START_SECONDS: Final = 10

MACHINE: Final = f"machine.{inputs.DOMAIN}"
ZONE_LINE: Final = f'local-zone: "{inputs.DOMAIN}." transparent\n'.encode()
_WRITE: Final = """
import sys
from pathlib import Path
from dm_dns.node.apply import apply
from dm_dns.node.config import Config
if problems := apply(Config.read(Path(sys.argv[1])), write_only=True).problems:
    sys.exit(f"{problems}")
"""

Body = Callable[[], Iterator[bytes]]


def rows(part: float) -> Iterator[Row]:
    """Measure zones of ``part`` of the size that the limits allow.

    Raises:
        RuntimeError: one is not served.

    """
    for what, body in zones(part).items():
        yield from _accepted(what, body, "")
    # With addresses instead of aliases: it cannot have more records (`limits.MAX_SERVED`).
    most = int(limits.MAX_RECORDS * part) - 5
    hosts = f"127.0.0.2 {MACHINE}\n"
    yield from _accepted("the most records of this machine", lambda: aliases(most), hosts)


def zones(part: float) -> dict[str, Body]:
    """Return the worst zones with ``part`` of the size that the limits allow."""
    records = int(limits.MAX_RECORDS * part)
    return {
        "the most records": lambda: aliases(records),
        "the most names with an address": lambda: _addresses(records, 1),
        "the most addresses of each name": lambda: _addresses(records, limits.MAX_ADDRESSES),
        "aliases of the most addresses": lambda: _aliases_of_many(records),
        "the longest chains": lambda: _chains(records, int(limits.MAX_MACHINES * part)),
        "the longest names": lambda: long_names(int(limits.MAX_SIZE * part)),
        "the most comments": lambda: _comments(records),
    }


def _accepted(what: str, body: Body, hosts: str) -> Iterator[Row]:
    with MeasuredMachine() as one:
        inputs.write_body(one.mesh_file, body, serial=1)
        one.hosts.write_text(hosts)
        checked = usage.run(check(one.mesh_file))
        yield Row(f"check {what}", "s", [checked.wall], target=_CHECK_SECONDS)
        yield Row(f"check {what}: processor", "s", [checked.cpu])
        if checked.peak is not None:
            yield Row(f"check {what}: peak memory", "MB", [checked.peak / _MB], target=_CHECK_MB)
        # Before unbound runs, as at boot.
        made = usage.run([sys.executable, "-c", _WRITE, str(one.config)])
        yield Row(f"write the zone file of {what}", "s", [made.wall])
        yield Row(f"write the zone file of {what}: processor", "s", [made.cpu])
        start = time.monotonic()
        one.unbound.start()
        seconds = time.monotonic() - start
        yield Row(f"unbound starts with {what}", "s", [seconds], target=_START_SECONDS)
        one.run_apply()  # which fails unless unbound serves the zone
        yield Row(f"unbound's memory with {what}", "MB", [one.unbound.resident_set() / _MB])
        yield Row(f"unbound loads {what} again", "s", [one.reload()], target=_START_SECONDS)


def check(path: Path) -> list[str]:
    """Return the command that checks a zone.conf."""
    return [sys.executable, "-m", "dm_dns", "check", str(path), "--domain", inputs.DOMAIN]


def line(record: str) -> bytes:
    """Return the line of a record."""
    return f'local-data: "{record}"\n'.encode()


def aliases(records: int) -> Iterator[bytes]:
    """Yield the lines of a zone with aliases of one machine, which has two addresses."""
    yield ZONE_LINE
    yield line(f"{MACHINE}. A 192.0.2.1")
    yield line(f"{MACHINE}. AAAA fd00::1")
    for number in range(records - 2):
        yield line(f"name{number:07}.{inputs.DOMAIN}. CNAME {MACHINE}.")


def _addresses(records: int, each: int) -> Iterator[bytes]:
    """Yield the lines of a zone whose names have so many addresses each."""
    yield ZONE_LINE
    for number in range(records):
        name, address = divmod(number, each)
        # The form that takes the longest to check. A digit first: in the order of the text.
        yield line(f"name{name:07}.{inputs.DOMAIN}. AAAA fd00:0:1:0:2:0:3:1{address:03x}")


def _aliases_of_many(records: int) -> Iterator[bytes]:
    """Yield the lines of a zone with aliases of one name, which has as many addresses as may be."""
    yield ZONE_LINE
    yield from islice(_addresses(limits.MAX_ADDRESSES, limits.MAX_ADDRESSES), 1, None)
    for number in range(records - limits.MAX_ADDRESSES):
        yield line(f"other{number:07}.{inputs.DOMAIN}. CNAME name0000000.{inputs.DOMAIN}.")


def _chains(records: int, targets: int) -> Iterator[bytes]:
    """Yield the lines of a zone of aliases that lead through as many others as may be."""
    yield ZONE_LINE
    length = limits.MAX_CHAIN
    chains = targets // length
    for number in range(records - chains * (length - 1)):
        yield line(f"alias{number:07}.{inputs.DOMAIN}. CNAME {_link(number % chains, 0)}.")
    for chain in range(chains):
        for link in range(length - 1):
            yield line(f"{_link(chain, link)}. CNAME {_link(chain, link + 1)}.")


def _link(chain: int, link: int) -> str:
    return f"chain{chain:05}-{link}.{inputs.DOMAIN}"


def _comments(comments: int) -> Iterator[bytes]:
    """Yield the lines of a zone of comments that no dm-dns knows."""
    yield ZONE_LINE
    for number in range(comments):
        yield f"# key: {number:07}\n".encode()


def long_names(size: int) -> Iterator[bytes]:
    """Yield the lines of a zone of nearly ``size`` bytes, with names of the most labels."""
    yield ZONE_LINE
    end = f".{inputs.DOMAIN}"
    labels = (names.MAX_NAME - len(end) - 7) // 2
    tail = ".a" * labels + end
    length = len(line(f"{0:07x}{tail}. CNAME {MACHINE}."))
    for number in range((size - 200) // length):
        yield line(f"{number:07x}{tail}. CNAME {MACHINE}.")
