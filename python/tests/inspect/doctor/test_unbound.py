"""What doctor finds of unbound."""

from pathlib import Path

from dm_dns.inspect.doctor import unbound
from dm_dns.node.config import Config
from dm_dns.node.unbound import Unbound


def config(address: str) -> Config:
    server = Unbound(Path(), address, 53)
    return Config("pin", Path(), None, Path(), Path(), [], server, None)


def test_loopback_is_tried() -> None:
    assert unbound.loopback(config("127.0.0.1")).verdict == "ok"
    found = unbound.loopback(config("192.0.2.1"))  # no machine has it (RFC 5737)
    assert found.verdict == "fault"
    assert "does not arrive" in found.text
