"""The file of the addresses that have a reverse name."""

from pathlib import Path

import pytest

from dm_dns.node import reverse_names
from dm_dns.zone import conf, limits

ADDRESSES = {"kiwi.pin": ("10.0.0.1", "fd00::1", "203.0.113.1"), "fig.pin": ("192.168.1.2",)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reverse"


def test_what_is_written_is_read(path: Path) -> None:
    zone = conf.Zone("pin", 7, {}, ADDRESSES)
    content = reverse_names.content(zone, ADDRESSES)
    assert content == b"10.0.0.1 kiwi.pin\n192.168.1.2 fig.pin\nfd00::1 kiwi.pin\n"
    path.write_bytes(content)
    assert reverse_names.read(path, "pin") == {
        "1.0.0.10.in-addr.arpa": "kiwi.pin",
        "2.1.168.192.in-addr.arpa": "fig.pin",
        f"1.{'0.' * 29}d.f.ip6.arpa": "kiwi.pin",
    }


def test_of_too_many_addresses_none_has_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_REVERSE", 2)
    content = reverse_names.content(conf.Zone("pin", 7, {}, ADDRESSES), ADDRESSES)
    assert content == (b"# no address has a reverse name: there would be more than the limit, 2\n")
    path.write_bytes(content)
    assert reverse_names.read(path, "pin") == {}


@pytest.mark.parametrize(
    "content",
    [
        b"203.0.113.1 kiwi.pin\n",  # public
        b"10.0.0.1 kiwi.example.org\n",
        b"10.0.0.1 pin\n",
        b"10.0.0.1 a..pin\n",
        b"10.0.0.1 kiwi.pin extra\n",
        b"10.0.0.1\n",
        b"nonsense kiwi.pin\n",
        b"\xff\n",
    ],
)
def test_a_file_that_is_not_valid_gives_no_name(path: Path, content: bytes) -> None:
    path.write_bytes(b"10.0.0.2 fig.pin\n" + content)
    assert reverse_names.read(path, "pin") == {}


def test_a_file_that_is_missing_or_no_file_gives_no_name(path: Path) -> None:
    assert reverse_names.read(path, "pin") == {}
    path.mkdir()
    assert reverse_names.read(path, "pin") == {}
