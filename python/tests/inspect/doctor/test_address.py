# ruff: noqa: E501 - messages stand here as they are printed
"""What doctor finds of an address."""

from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from dm_dns.inspect.doctor import answers
from dm_dns.inspect.doctor.address import AskedAddress
from dm_dns.inspect.doctor.check import Found, fault, not_asked, well
from dm_dns.inspect.doctor.files import Written
from dm_dns.node import reverse_names
from dm_dns.node.apply import Served
from dm_dns.node.config import Config
from dm_dns.node.local_view import LocalView
from dm_dns.node.presence import Presence
from dm_dns.node.state import State
from dm_dns.zone import conf, nearby
from tests.inspect.clans import SERIAL, SPEC, clan_json, config_in

OFF = Presence("home", None, "no link has an address of 192.168.1.0/24")
ON = Presence("home", "wlan0", "on wlan0 192.168.1.1 is the router")
CLAN: dict[str, Any] = {
    **SPEC,
    "machines": {
        "kiwi": {"addresses": ["192.0.2.1", "fd00::1", "192.168.1.10@home"]},
        "pear": {"addresses": ["fd00::2", "fd00::9"]},
        "fig": {"addresses": ["fd00::9"]},
    },
    "devices": {"printer": {"addresses": ["192.168.1.20@home"], "names": ["print.pin"]}},
    "localNetworks": {
        "home": {
            "only": False,
            "prefix": "192.168.1.0/24",
            "router": {"address": "192.168.1.1", "linkAddress": "52:54:00:12:34:56"},
        }
    },
}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A machine that serves a zone, and gives names of addresses."""
    found = config_in(tmp_path, CLAN, reverse=True)
    (tmp_path / "clan.json").write_text(clan_json(CLAN))
    return found


def ask(
    config: Config, address: str, presence: Presence = OFF, *, here: str = "laptop"
) -> dict[str, Found]:
    """Return what each check finds where the reverse names are as `apply` writes them."""
    kept = conf.read(config.kept, "pin")
    on = {presence.name: presence.silent} if presence.link else {}
    config.reverse_names.write_bytes(
        reverse_names.content(kept, {**kept.addresses, **nearby.given(kept, on, {})})
    )
    served = Served(SERIAL, kept.names, kept.records, "deployed", kept.sha256, "", SERIAL)
    state = State("pin", 1, served, SERIAL, [], {}, 0, LocalView(None, None, (presence,)))
    asked = AskedAddress(address, config, Written(state, well("")), config.state / "clan.json")
    assert asked.name == address
    return {each.key: each.ask() for each in asked.checks(here)}


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The names that programs get."""
    found: dict[str, str] = {}
    monkeypatch.setattr(answers, "name_of", found.get)
    return found


def test_an_address_has_the_name_of_its_machine(config: Config, named: dict[str, str]) -> None:
    named["fd00::1"] = "kiwi.pin"
    assert ask(config, "fd00::1") == {
        "address-known": well("kiwi.pin has fd00::1"),
        "address-reverse": well("fd00::1 has the name kiwi.pin"),
        "address-programs": well("getnameinfo(fd00::1) is kiwi.pin"),
    }


def test_an_address_that_nobody_has_is_a_fault(config: Config) -> None:
    found = ask(config, "fd00::77")["address-known"]
    assert found == fault(
        "no machine or device has fd00::77", "dm-dns show  # lists all names with their addresses"
    )


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("fd00::9", snapshot("fd00::9 has no name, because fig.pin and pear.pin have it")),
        (
            "192.0.2.1",
            snapshot(
                "192.0.2.1 is public: only addresses that are private to the clan have a name"
            ),
        ),
        (
            "192.168.1.20",
            snapshot(
                "192.168.1.20 has no name here: 192.168.1.20 on network 'home' is not given: no link has an address of 192.168.1.0/24"
            ),
        ),
        (
            "192.168.1.10",
            snapshot(
                "192.168.1.10 has no name here: 192.168.1.10 on network 'home' is not given: no link has an address of 192.168.1.0/24"
            ),
        ),
    ],
)
def test_why_an_address_has_no_name_is_told(config: Config, address: str, reason: str) -> None:
    found = ask(config, address)
    assert found["address-known"].verdict == "ok"
    assert found["address-reverse"] == not_asked(reason)
    assert found["address-programs"] == not_asked("it has no name")


def test_at_home_an_address_there_has_a_name(config: Config, named: dict[str, str]) -> None:
    named["192.168.1.20"] = "printer.pin"
    found = ask(config, "192.168.1.20", ON)
    assert found["address-programs"] == well("getnameinfo(192.168.1.20) is printer.pin")
    # A machine may still come through the VPN.
    assert ask(config, "fd00::1", ON)["address-reverse"] == well("fd00::1 has the name kiwi.pin")


def test_without_the_setting_no_address_has_a_name(config: Config) -> None:
    off = config._replace(reverse=False)
    assert ask(off, "fd00::1")["address-reverse"] == not_asked(
        "kiwi.pin has fd00::1; programs on this machine get no names of addresses: its setting"
        " reverse is false"
    )


def test_what_programs_get_in_its_place_is_told(config: Config, named: dict[str, str]) -> None:
    assert ask(config, "fd00::1")["address-programs"] == fault(
        "programs get no name for fd00::1",
        "sudo systemctl restart dm-dns-hook && sudo resolvectl flush-caches",
    )
    named["fd00::1"] = "kiwi"
    assert ask(config, "fd00::1", here="kiwi")["address-programs"] == well(
        "getnameinfo(fd00::1) is kiwi, as this machine calls itself"
    )
    config.hosts.write_text("FD00:0::1 other.example kiwi\n")
    assert ask(config, "fd00::1")["address-programs"] == well(
        f"getnameinfo(fd00::1) is kiwi, which {config.hosts} has"
    )


def test_a_file_without_the_address_is_a_fault(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reverse_names, "read", lambda *_: {})
    assert ask(config, "fd00::1")["address-reverse"] == fault(
        f"{config.reverse_names} does not have fd00::1", "sudo systemctl restart dm-dns"
    )
    monkeypatch.setattr(reverse_names, "problems", lambda _: ["there are too many"])
    assert ask(config, "fd00::1")["address-reverse"] == fault(
        "there are too many", "sudo systemctl restart dm-dns"
    )


def test_without_a_zone_nothing_is_known(config: Config) -> None:
    config.kept.unlink()
    asked = AskedAddress("fd00::1", config, Written(None, well("")), config.state / "missing")
    assert asked.checks("kiwi")[0].ask() == not_asked(
        f"the zone that is served cannot be read from {config.kept}"
    )
