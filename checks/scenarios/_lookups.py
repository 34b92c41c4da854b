"""Look a name up 100 times a second for some seconds; print how each ended and the longest of each.

It runs on a machine: `python3 _lookups.py SECONDS NAME`. Each time it looks the name up as programs
do, with getaddrinfo(3), and asks unbound itself. It prints an array of JSON with an object for each
of the two: `ends` has the number of lookups for each end, `longest` the seconds of the longest, and
`late` the number of those that took more than half a second. A lookup of programs ends with the
addresses that it found, sorted, or with an error; a query to unbound with "answered", or with an
error.
"""

import collections
import concurrent.futures
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable

UNBOUND = ("127.0.0.1", 5353)
PATIENCE = 4  # seconds: systemd-resolved repeats a lost query after 5
PATIENCE_OF_PROGRAMS = 20  # seconds after the last lookup began
LATE = 0.5  # seconds
A, IN = 1, 1


def program(name: str) -> str:
    """Look a name up as programs do; return how that ended."""
    try:
        found = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return "EAI_AGAIN" if error.errno == socket.EAI_AGAIN else str(error.strerror)
    return " ".join(sorted(str(address[0]) for *_, address in found))


def unbound(name: str) -> str:
    """Ask unbound for a name; return how it ended."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = os.urandom(2) + struct.pack(">HHHHH", 0, 1, 0, 0, 0) + labels + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.settimeout(PATIENCE)
        try:
            server.connect(UNBOUND)
            server.send(query + struct.pack(">HH", A, IN))
            answer = server.recv(4096)
        except OSError as error:
            return str(error)
    return f"rcode {rcode}" if (rcode := answer[3] & 15) else "answered"


def timed(look_up: Callable[[str], str], name: str) -> tuple[str, float]:
    """Return how a lookup ended, and how many seconds it took."""
    start = time.monotonic()
    return look_up(name), time.monotonic() - start


def main() -> None:
    """Look the name up, and print the result."""
    seconds, name = float(sys.argv[1]), sys.argv[2]
    begun: list[list[concurrent.futures.Future[tuple[str, float]]]] = [[], []]
    pool = concurrent.futures.ThreadPoolExecutor(1000)
    start = time.monotonic()
    for number in range(int(seconds * 100)):
        time.sleep(max(0, start + number / 100 - time.monotonic()))
        for lookups, look_up in zip(begun, (program, unbound), strict=True):
            lookups.append(pool.submit(timed, look_up, name))
    concurrent.futures.wait([*begun[0], *begun[1]], timeout=PATIENCE_OF_PROGRAMS)
    # What has not ended by now, perhaps never does.
    nothing = ("nothing came", float(PATIENCE_OF_PROGRAMS))
    result = []
    for lookups in begun:
        ended = [lookup.result() if lookup.done() else nothing for lookup in lookups]
        result.append(
            {
                "ends": collections.Counter(end for end, _ in ended),
                "late": sum(seconds > LATE for _, seconds in ended),
                "longest": max(seconds for _, seconds in ended),
            }
        )
    print(json.dumps(result), flush=True)
    os._exit(0)  # without waiting for them


if __name__ == "__main__":
    main()
