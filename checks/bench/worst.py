"""The worst zones that the limits allow, and what is refused because it is just beyond one."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from dm_dns.zone import limits, names

from checks.bench import inputs, usage
from checks.bench.measured_machine import MeasuredMachine
from checks.bench.report import Row

_MB: Final = 1e6  # bytes
_START_SECONDS: Final = 10
_REFUSE_SECONDS: Final = 1
_REFUSE_MB: Final = 100

_MACHINE: Final = f"machine.{inputs.DOMAIN}"
_ZONE_LINE: Final = f'local-zone: "{inputs.DOMAIN}." transparent\n'.encode()
_HOSTS: Final = f"127.0.0.2 {_MACHINE}\n"

_WRITE: Final = """
import sys
from pathlib import Path
from dm_dns.node.apply import apply
from dm_dns.node.config import Config
if problems := apply(Config.read(Path(sys.argv[1])), write_only=True).problems:
    sys.exit(f"{problems}")
"""

Body = Callable[[], Iterator[bytes]]


def rows(part: float, directory: Path) -> Iterator[Row]:
    """Measure zones of ``part`` of the size that the limits allow.

    Raises:
        RuntimeError: one is not served, or one that is beyond a limit is not refused.

    """
    records = int(limits.MAX_RECORDS * part)
    zones: dict[str, Body] = {
        "the most records": lambda: _aliases(records),
        "the most addresses of each name": lambda: _addresses(records, limits.MAX_ADDRESSES),
        "the longest chains": lambda: _chains(records, limits.MAX_CHAIN),
        "the longest names": lambda: _long_names(int(limits.MAX_SIZE * part)),
    }
    for what, body in zones.items():
        yield from _accepted(what, body, "")
    # With addresses instead of aliases: it cannot have more records (`limits.MAX_SERVED`).
    aliases = records - 5
    yield from _accepted("the most records of this machine", lambda: _aliases(aliases), _HOSTS)
    refused: dict[str, Body] = {
        "one more record": lambda: _aliases(limits.MAX_RECORDS + 1),
        "one more address": lambda: _addresses(limits.MAX_ADDRESSES + 1, limits.MAX_RECORDS),
        "one more alias in a chain": lambda: _chains(limits.MAX_CHAIN + 1, limits.MAX_CHAIN + 1),
        "one more byte": lambda: _long_names(limits.MAX_SIZE + 1000),
        "a line of all bytes": lambda: iter([_ZONE_LINE, b"x" * (limits.MAX_SIZE - 1000) + b"\n"]),
    }
    for what, body in refused.items():
        yield from _refused(what, body, directory)


def _accepted(what: str, body: Body, hosts: str) -> Iterator[Row]:
    with MeasuredMachine() as one:
        inputs.write_body(one.mesh_file, body, serial=1)
        one.hosts.write_text(hosts)
        check = usage.run(_check(one.mesh_file))
        yield Row(f"check {what}", "s", [check.wall])
        if check.peak is not None:
            yield Row(f"check {what}: peak memory", "MB", [check.peak / _MB])
        # Before unbound runs, as at boot.
        made = usage.run([sys.executable, "-c", _WRITE, str(one.config)])
        yield Row(f"write the zone file of {what}", "s", [made.wall])
        start = time.monotonic()
        one.unbound.start()
        seconds = time.monotonic() - start
        yield Row(f"unbound starts with {what}", "s", [seconds], target=_START_SECONDS)
        one.run_apply()  # which fails unless unbound serves the zone
        yield Row(f"unbound's memory with {what}", "MB", [one.unbound.resident_set() / _MB])
        yield Row(f"unbound loads {what} again", "s", [one.reload()], target=_START_SECONDS)


def _refused(what: str, body: Body, directory: Path) -> Iterator[Row]:
    path = directory / "refused.conf"
    inputs.write_body(path, body, serial=1)
    program = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode != 1)"
    used = usage.run([sys.executable, "-c", program, *_check(path)])
    path.unlink()
    yield Row(f"refuse {what}", "s", [used.wall], target=_REFUSE_SECONDS)
    if used.peak is not None:
        yield Row(f"refuse {what}: peak memory", "MB", [used.peak / _MB], target=_REFUSE_MB)


def _check(path: Path) -> list[str]:
    return [sys.executable, "-m", "dm_dns", "check", str(path), "--domain", inputs.DOMAIN]


def _line(record: str) -> bytes:
    return f'local-data: "{record}"\n'.encode()


def _aliases(records: int) -> Iterator[bytes]:
    """Yield the lines of a zone with aliases of one machine, which has two addresses."""
    yield _ZONE_LINE
    yield _line(f"{_MACHINE}. A 192.0.2.1")
    yield _line(f"{_MACHINE}. AAAA fd00::1")
    for number in range(records - 2):
        yield _line(f"name{number:07}.{inputs.DOMAIN}. CNAME {_MACHINE}.")


def _addresses(records: int, each: int) -> Iterator[bytes]:
    """Yield the lines of a zone whose names have so many addresses each."""
    yield _ZONE_LINE
    for number in range(records):
        name, address = divmod(number, each)
        # A digit first: the form without zeros, in the order of the text.
        yield _line(f"name{name:07}.{inputs.DOMAIN}. AAAA fd00::1{address:03x}")


def _chains(records: int, length: int) -> Iterator[bytes]:
    """Yield the lines of a zone of chains of so many aliases."""
    yield _ZONE_LINE
    for number in range(records):
        chain, link = divmod(number, length)
        name = f"chain{chain:07}"
        owner, target = (f"{name}-{each}.{inputs.DOMAIN}." for each in (link, link + 1))
        yield _line(f"{owner} CNAME {target}")


def _long_names(size: int) -> Iterator[bytes]:
    """Yield the lines of a zone of nearly ``size`` bytes, with names of the most labels."""
    yield _ZONE_LINE
    end = f".{inputs.DOMAIN}"
    labels = (names.MAX_NAME - len(end) - 7) // 2
    tail = ".a" * labels + end
    length = len(_line(f"{0:07x}{tail}. CNAME {_MACHINE}."))
    for number in range((size - 200) // length):
        yield _line(f"{number:07x}{tail}. CNAME {_MACHINE}.")
