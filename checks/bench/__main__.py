"""`python -m checks.bench`, which is `make bench`: measure, and print a table.

Nothing is judged: the exit status is 1 only where something could not be measured.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from dm_dns.errors import Error

from checks.bench import report
from checks.bench.measure import Sizes, everything
from checks.containers.container_errors import ContainerError

FULL = Sizes(
    endpoints=100_000, large=500_000, asked=100_000, small=10, changes=30, rounds=3, worst=1
)
QUICK = Sizes(
    endpoints=10_000, large=50_000, asked=10_000, small=10, changes=3, rounds=1, worst=0.1
)


def main(argv: list[str] | None = None, full: Sizes = FULL) -> int:
    """Run the benchmark with the command line ``argv``; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m checks.bench",
        description="Measure dm-dns against a real unbound.",
        epilog="All is written below $TMPDIR: that must not be a tmpfs, where fsync costs nothing.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the sizes, to try the benchmark out"
    )
    arguments = parser.parse_args(argv)
    # Else nothing would be cleaned up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="dm-dns-bench-") as name:
            environment = report.environment(Path(name))
            rows = list(everything(QUICK if arguments.quick else full, Path(name)))
    except (RuntimeError, OSError, Error, ContainerError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    environment["load afterwards"] = round(os.getloadavg()[0], 2)
    if arguments.json:
        print(json.dumps({"environment": environment, "rows": [row.as_json() for row in rows]}))
    else:
        report.print_table(rows, environment)
    return 0


if __name__ == "__main__":
    sys.exit(main())
