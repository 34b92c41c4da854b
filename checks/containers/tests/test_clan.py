"""Nothing is left of containers, whatever ended them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checks.containers import debian_root
from checks.containers.clan import Clan
from checks.containers.container_errors import ContainerError, UnavailableError

RUN = """
from checks.containers.clan import Clan
with Clan("three") as clan:
    for machine in clan.machines.values():
        machine.wait_for_unit("basic.target")
    print(clan.booted.pid, *clan.booted.cgroups, flush=True)
    clan.wait()
"""


@pytest.fixture(autouse=True, scope="module")
def available() -> None:
    try:
        debian_root.check()
    except UnavailableError as error:
        pytest.skip(str(error))


def check_gone(pid: str, cgroups: list[str]) -> None:
    deadline = time.monotonic() + 30
    left = [f"/proc/{pid}", *cgroups]
    while left and time.monotonic() < deadline:
        left = [path for path in left if Path(path).exists()]
        time.sleep(0.05)
    assert left == []
    assert "/run/dm-dns" not in Path("/proc/self/mountinfo").read_text()
    assert not Path("/run/dm-dns").exists()
    assert not list(Path("/").glob("tmp/nspawn-root-*"))
    assert not Path("/run/netns/server").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_after_a_signal(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUN], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        pid, *cgroups = process.stdout.readline().split()
        assert all(Path(cgroup).exists() for cgroup in cgroups)
        process.send_signal(number)
        process.wait()
    assert cgroups
    check_gone(pid, cgroups)


def test_nothing_is_left_when_the_machines_process_is_killed() -> None:
    with Clan("three") as clan:
        pid, cgroups = clan.booted.pid, clan.booted.cgroups
        subprocess.run(["kill", "-KILL", str(pid)], check=True)
        clan.wait()
    check_gone(str(pid), cgroups)


def test_a_case_that_makes_no_machines_is_reported() -> None:
    with pytest.raises(ContainerError, match="containers do not boot"), Clan("two-instances"):
        pass
