"""Look a name up 100 times a second for some seconds; print how each ended and the longest of each.

It runs on a machine: `python3 _lookups.py SECONDS NAME`. Each time it looks the name up as programs
do, with getaddrinfo(3), and asks unbound itself. It prints an object of JSON: for each of the two
an object with the number of lookups for each end ("found", or an error), and the seconds of the
longest.
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
A, IN = 1, 1


def program(name: str) -> str:
    """Look a name up as programs do; return how it ended."""
    try:
        socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return "EAI_AGAIN" if error.errno == socket.EAI_AGAIN else str(error)
    return "found"


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
    return f"rcode {rcode}" if (rcode := answer[3] & 15) else "found"


def timed(look_up: Callable[[str], str], name: str) -> tuple[str, float]:
    """Return how a lookup ended, and how many seconds it took."""
    start = time.monotonic()
    return look_up(name), time.monotonic() - start


def main() -> None:
    """Look the name up, and print the result."""
    seconds, name = float(sys.argv[1]), sys.argv[2]
    begun: dict[str, list[concurrent.futures.Future[tuple[str, float]]]] = {
        "program": [],
        "unbound": [],
    }
    with concurrent.futures.ThreadPoolExecutor(1000) as pool:
        start = time.monotonic()
        for number in range(int(seconds * 100)):
            time.sleep(max(0, start + number / 100 - time.monotonic()))
            for look_up in (program, unbound):
                begun[look_up.__name__].append(pool.submit(timed, look_up, name))
    result = {}
    for who, lookups in begun.items():
        ended = [lookup.result() for lookup in lookups]
        result[who] = {
            "ends": collections.Counter(end for end, _ in ended),
            "longest": max(seconds for _, seconds in ended),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
