import json
import math
import resource
import sys

import pytest

from checks.bench import usage
from checks.bench.__main__ import main
from checks.bench.measure import Sizes
from checks.processes import cgroup, unbound

SMALLEST = Sizes(endpoints=200, large=200, asked=200, small=10, changes=2, rounds=1, worst=0.001)


@pytest.mark.skipif(unbound.find() is None, reason="unbound is not installed")
def test_everything_is_measured_and_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], SMALLEST) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    rows = {row["what"]: row for row in found["rows"]}
    assert all(math.isfinite(row["median"]) for row in rows.values())
    assert rows["apply 10 records: beyond unbound's own reload"]["n"] == 2
    assert rows["apply 10 records: beyond unbound's own reload"]["target"] == 60
    assert rows["apply 200 records"]["ratio"] == rows["apply 200 records"]["median"] / 5
    assert rows["lost queries while nothing happens"]["median"] == 0
    assert rows["unbound starts with the most records"]["target"] == 10
    assert rows["refuse one more record"]["target"] == 1
    assert rows["refuse the most records and a second CNAME"]["target"] == 1
    assert any(name.endswith(" hostile zones") and row["n"] > 400 for name, row in rows.items())
    if "bench: dm-dns doctor: " not in printed.err:
        assert rows["dm-dns doctor NAME: a machine that is off"]["target"] == 2
    if cgroup.why_not() is None:
        for what in (
            "dm-dns.service with two copies of the most records",
            "dm-dns-hook.service with the most reverse names",
            "dm-dns-health.service with the largest state",
        ):
            row = rows[f"memory of {what}"]
            assert 10 < row["median"] < row["target"]
        assert rows["tasks of dm-dns-hook.service"]["median"] == 2
    assert {"python", "unbound", "kernel", "cores", "load"} <= found["environment"].keys()


def test_what_cannot_be_measured_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(unbound, "find", lambda: None)
    assert main([], SMALLEST) == 1
    printed = capsys.readouterr()
    assert printed.err == (f"bench: {unbound.MISSING}\n")
    assert printed.out == ""


def test_a_process_is_measured_as_a_whole() -> None:
    # More than this process has ever used: a smaller peak cannot be told from that.
    size = 10**8 + 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    used = usage.run([sys.executable, "-c", f"import time; b'x' * {size}; time.sleep(0.1)"])
    assert used.wall > 0.1
    assert used.cpu > 0
    assert used.peak is not None
    assert used.peak > size


def test_a_process_that_fails_is_not_a_measurement() -> None:
    with pytest.raises(RuntimeError, match=r"exit status 3 of .*: sorry"):
        usage.run([sys.executable, "-c", "print('sorry'); exit(3)"])
