"""From the rename of a changed zone to its answer, of both services in turns."""

import statistics
from typing import Final

from checks.compare.side import Side
from checks.scenarios import zones

_CHANGES: Final = 40
# Runs on the machine. $1: the file to bring, $2: the target that is then answered.
_MEASURE: Final = f"""\
import os, socket, sys, time
query = b"\\0\\7\\0\\0\\0\\1\\0\\0\\0\\0\\0\\0\\5moves\\4test\\0\\0\\5\\0\\1"
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.connect(("127.0.0.1", 5353))
server.settimeout(0.02)
start = time.monotonic()
os.rename(sys.argv[1], "{zones.MESH}/cnames")
while time.monotonic() - start < 10:
    try:
        server.send(query)
        if sys.argv[2].encode() in server.recv(512):
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
            printed = side.machine.succeed(f"python3 /tmp/measure.py {path} {target}")
            seconds[side.name].append(float(printed))
    return seconds


def text(seconds: list[float]) -> str:
    """Return smallest, median and largest of some times."""
    times = (min(seconds), statistics.median(seconds), max(seconds))
    shown = " / ".join(f"{1000 * value:.0f}" for value in times)
    return f"{shown} ms (min/median/max, n={len(seconds)})"
