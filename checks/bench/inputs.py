"""Zone specs and zones of any size, written without holding them in memory.

The memory of this process would count as that of the processes it measures (see `process`).
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

DOMAIN: Final = "pin"
_MACHINES: Final = 100


def machines(names: int) -> int:
    """Return how many machines a clan with so many records or endpoints has."""
    return min(_MACHINES, max(1, names // 2))


def machine(number: int) -> str:
    """Return the name of a machine."""
    return f"machine{number:02}"


def write_spec(path: Path, endpoints: int) -> None:
    """Write a zone spec: each endpoint is a host of its own, on the machines in turn."""
    count = machines(endpoints)
    known = {machine(number): {"addresses": [f"fd00::{number + 1:x}"]} for number in range(count)}
    with path.open("w") as file:
        file.write(f'{{"domain": "{DOMAIN}", "machines": {json.dumps(known)}, "endpoints": [')
        for number in range(endpoints):
            endpoint = {
                "host": f"name{number:07}.{DOMAIN}",
                "machine": machine(number % count),
                "service": "web",
                "instance": "web",
                "role": "server",
            }
            file.write(f"{',' if number else ''}\n{json.dumps(endpoint)}")
        file.write("\n]}\n")


def write_zone(path: Path, records: int, serial: int) -> None:
    """Replace the zone.conf at ``path`` with one of so many records; one differs by serial."""
    write_body(path, lambda: _body(records, serial), serial)


def write_body(path: Path, body: Callable[[], Iterator[bytes]], serial: int) -> None:
    """Replace the zone.conf at ``path`` with one that has these lines below a header that fits."""
    digest = hashlib.sha256()
    records = -1
    for line in body():
        digest.update(line)
        records += not line.startswith(b"#")
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("wb") as file:
        header = f"# dm-dns zone 1\n# serial: {serial}\n# records: {records}\n"
        file.write(f"{header}# sha256: {digest.hexdigest()}\n".encode())
        file.writelines(body())
    temporary.replace(path)


def _body(records: int, serial: int) -> Iterator[bytes]:
    count = machines(records)
    yield f'local-zone: "{DOMAIN}." transparent\n'.encode()
    for number in range(count):
        yield f'local-data: "{machine(number)}.{DOMAIN}. AAAA fd00::{number + 1:x}"\n'.encode()
    for number in range(records - count):
        target = machine((number or serial) % count)
        yield f'local-data: "name{number:07}.{DOMAIN}. CNAME {target}.{DOMAIN}."\n'.encode()
