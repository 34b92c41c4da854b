"""From the rename of a changed zone to its answer, of both services in turns."""

import statistics
from typing import Final

import dns.message

from checks.compare.side import MOVES, Side
from checks.scenarios import zones

_CHANGES: Final = 40
_QUERY: Final = dns.message.make_query(MOVES, "A").to_wire()
# Runs on the machine. $1: the file to bring, $2 and $3: the machine that the name then leads to and
# its address, one of which is in the answer.
_MEASURE: Final = f"""\
import os, socket, sys, time
wanted = sys.argv[2].encode(), socket.inet_aton(sys.argv[3])
query = {_QUERY!r}
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.connect(("127.0.0.1", 5353))
server.settimeout(0.02)
start = time.monotonic()
os.rename(sys.argv[1], "{zones.MESH}/cnames")
while time.monotonic() - start < 10:
    try:
        server.send(query)
        answer = server.recv(512)
        if any(value in answer for value in wanted):
            break
    except OSError:
        continue
    time.sleep(0.0005)
print(time.monotonic() - start)
"""


def measure(sides: list[Side]) -> dict[str, list[float]]:
    """Return the seconds of each change, by the side's name."""
    for side in sides:
        side.repair()
        side.machine.succeed(f"cat > /tmp/measure.py <<'EOF'\n{_MEASURE}EOF")
    seconds: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(_CHANGES):
        target = ("third", "server")[number % 2]
        for side in sides:
            path = side.write(side.zone_conf(target))
            # No start limit is to count, and no other run.
            side.machine.execute("sleep 0.5; systemctl reset-failed")
            (address,) = side.addresses(target)
            printed = side.machine.succeed(f"python3 /tmp/measure.py {path} {target} {address}")
            seconds[side.name].append(float(printed))
    return seconds


def text(seconds: list[float]) -> str:
    """Return smallest, median and largest of some times."""
    times = (min(seconds), statistics.median(seconds), max(seconds))
    shown = " / ".join(f"{1000 * value:.0f}" for value in times)
    return f"{shown} ms (min/median/max, n={len(seconds)})"
