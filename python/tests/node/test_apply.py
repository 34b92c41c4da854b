"""`apply` without unbound; with one: checks/processes/tests/test_apply.py."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from dm_dns.files import version
from dm_dns.node import apply as module
from dm_dns.node.apply import apply
from dm_dns.node.config import Config
from dm_dns.node.unbound import Unbound
from dm_dns.zone import conf

NOW = 1795433611
DEPLOYED = NOW - 30 * conf.DAY


def write(path: Path | None, serial: int, address: str) -> None:
    assert path
    zone = conf.Zone("pin", serial, {}, {"kiwi.pin": (address,)})
    path.write_text(conf.render(zone))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        domain="pin",
        mesh=tmp_path / "mesh",
        deployed=tmp_path / "deployed",
        hosts=tmp_path / "hosts",
        state=tmp_path / "state",
        keys=[],
        unbound=Unbound(tmp_path / "ctl", "127.0.0.1", 5353),
        hook=None,
    )


def apply_at(clock: float, config: Config, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Run `apply` by this clock; return the serial and the source of what is served."""
    fake = SimpleNamespace(time=lambda: clock, monotonic=time.monotonic, sleep=time.sleep)
    monkeypatch.setattr(module, "time", fake)
    before = version(config.kept)
    served = apply(config, write_only=True).served
    if version(config.kept) != before:
        os.utime(config.kept, (clock, clock))  # what a kernel with this clock writes
    return served.serial, served.source


def test_a_boot_with_a_clock_of_1970_brings_no_old_names_back(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config.deployed, DEPLOYED, "192.0.2.1")
    assert apply_at(NOW, config, monkeypatch) == (DEPLOYED, "deployed")
    write(config.mesh, NOW, "192.0.2.2")
    assert apply_at(NOW, config, monkeypatch) == (NOW, "mesh")
    config.hosts.write_text("# so that there is something to do\n")
    assert apply_at(12, config, monkeypatch) == (NOW, "mesh")
    assert b"192.0.2.2" in config.kept.read_bytes()
    config.mesh.write_text("damaged")
    assert apply_at(13, config, monkeypatch) == (NOW, "kept")


def test_what_was_served_by_a_clock_of_1970_only_yields_to_the_deployed_zone(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config.mesh, NOW + 3 * conf.DAY, "192.0.2.2")
    without = config._replace(deployed=None)
    assert apply_at(12, without, monkeypatch) == (NOW + 3 * conf.DAY, "mesh")
    write(config.deployed, DEPLOYED, "192.0.2.1")
    assert apply_at(12, config, monkeypatch) == (DEPLOYED, "deployed")
    assert apply_at(NOW, config, monkeypatch) == (DEPLOYED, "deployed")
