"""Look a name up 100 times a second, and connect to what is found, while things happen.

It runs on a machine: `python3 _roaming.py NAME PORT < EVENTS`. EVENTS is a list in JSON with an
object for each event: `label`, `prepare` and `command` for bash, and `seconds` until the next one,
from the first lookup on that has begun after the command, and found the addresses in `found`.
It prints an object in JSON: `events` has `label`, when its preparation has `begun`, and when the
command was started, `at`; `lookups` has `begun`, the addresses that getaddrinfo(3) `found` in its
order, or the error, and `reached`: what the server said that a program reaches then, which tries
the addresses in that order. Times are in seconds.
"""

import concurrent.futures
import json
import os
import socket
import subprocess
import sys
import time

PATIENCE = 1.0  # seconds for each address
WAIT = 10.0  # seconds for what has not ended
PATIENCE_FOR_EVENTS = 30.0  # seconds in which lookups find what they should after an event


def look_up(name: str, port: int) -> dict[str, object]:
    """Look a name up, and ask the server there who it is."""
    begun = time.monotonic()
    try:
        known = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return {"begun": begun, "found": str(error.strerror), "reached": None}
    addresses = [str(address[0]) for *_, address in known]
    return {"begun": begun, "found": addresses, "reached": reach(addresses, port)}


def reach(addresses: list[str], port: int) -> str | None:
    """Return what the first server says that answers."""
    for address in addresses:
        try:
            with socket.create_connection((address, port), PATIENCE) as server:
                return server.recv(100).decode()
        except OSError:
            continue
    return None


def make_happen(prepare: str, command: str) -> float:
    """Run two commands, which may not fail; return when the second one was started."""
    subprocess.run(["bash", "-euc", prepare], stdout=sys.stderr, check=True)
    start = time.monotonic()
    subprocess.run(["bash", "-euc", command], stdout=sys.stderr, check=True)
    return start


def followed_at(
    lookups: list[concurrent.futures.Future[dict[str, object]]], start: float, found: list[str]
) -> float:
    """Return when the first of these lookups began that found what it should after an event."""
    for each in lookups:
        if each.done():
            begun, result = each.result()["begun"], each.result()["found"]
            if isinstance(begun, float) and begun >= start and result == found:
                return begun
    return start + PATIENCE_FOR_EVENTS


def main() -> None:
    """Look the name up while everything happens, and print the result."""
    name, port, events = sys.argv[1], int(sys.argv[2]), json.load(sys.stdin)
    pool = concurrent.futures.ThreadPoolExecutor(1000)
    begun: list[concurrent.futures.Future[dict[str, object]]] = []
    happened = []
    start = time.monotonic()
    for event in events:
        begun_at, before = time.monotonic(), len(begun)
        ended = pool.submit(make_happen, event["prepare"], event["command"])
        while not ended.done() or time.monotonic() < event["seconds"] + followed_at(
            begun[before:], ended.result(), event["found"]
        ):
            time.sleep(max(0, start + len(begun) / 100 - time.monotonic()))
            begun.append(pool.submit(look_up, name, port))
        happened.append({"label": event["label"], "begun": begun_at, "at": ended.result()})
    concurrent.futures.wait(begun, timeout=WAIT)
    lookups = [each.result() for each in begun if each.done()]
    print(json.dumps({"events": happened, "asked": len(begun), "lookups": lookups}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
