"""What doctor finds of the files on the way."""

from pathlib import Path

import pytest

from dm_dns.inspect.doctor import files
from dm_dns.inspect.doctor.check import well
from dm_dns.inspect.doctor.files import Written
from dm_dns.node.config import Config
from dm_dns.node.unbound import Unbound
from dm_dns.zone import conf

WRITTEN = Written(None, well(""))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A machine that serves kiwi at 192.0.2.1."""
    addresses = {"kiwi.pin": ("192.0.2.1",), "lime.pin": ("192.0.2.2",)}
    found = Config(
        domain="pin",
        mesh=tmp_path / "mesh",
        deployed=None,
        hosts=tmp_path / "hosts",
        state=tmp_path / "state",
        keys=[],
        unbound=Unbound(tmp_path, "127.0.0.1", 53),
        hook=None,
    )
    found.state.mkdir(mode=0o755)
    found.kept.write_text(conf.render(conf.Zone("pin", 1, {"git.pin": "kiwi.pin"}, addresses)))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1 localhost\n", "finds nothing wrong"),
        ("127.0.0.2 kiwi.pin kiwi\n192.0.2.2 lime.pin\n192.0.2.9 new.pin\n", "nothing wrong"),
        ("192.0.2.9 kiwi.pin\n10.0.0.1 lime.pin\n", "in the zone for kiwi.pin, lime.pin"),
    ],
)
def test_machines_to_which_etc_hosts_gives_other_addresses_are_named(
    config: Config, text: str, expected: str
) -> None:
    config.hosts.write_text(text)
    found = files.hosts(config, WRITTEN)
    assert found.verdict == "ok"
    assert expected in found.text


def test_a_directory_that_unbound_may_not_enter_is_a_fault(config: Config) -> None:
    config.state.chmod(0o700)
    found = files.state_directory(config, WRITTEN)
    assert found.verdict == "fault"
    # Where tests run, others may not enter the folders above either.
    assert f"{config.state}, so unbound cannot read the zone file" in found.text
    assert f"{config.state} && sudo systemctl restart" in (found.remedy or "")
    config.state.chmod(0o711)
    assert f"{config.state}," not in files.state_directory(config, WRITTEN).text
