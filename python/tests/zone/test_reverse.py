"""Reverse names, compared with those of the standard library."""

import ipaddress
import json
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dm_dns.zone import conf, reverse
from dm_dns.zone.local_lines import Local
from dm_dns.zone.networks import Network
from tests.zone.test_conf_properties import DETERMINISTIC

NETWORKS = [
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "200::/7",  # yggdrasil
        "400::/7",  # mycelium
        "fc00::/7",
    )
]
EDGES = [
    str(address)
    for network in NETWORKS
    for address in (
        network[0],
        network[-1],
        network[0] - 1,
        network[-1] + 1,
    )
]


CASES = json.loads(Path(__file__).with_name("network-cases.json").read_bytes())["reverse"]
"""The module is tested with these as well (checks/module/tests/test_network_rules.py)."""


@pytest.mark.parametrize("address", CASES)
def test_the_module_knows_the_same_addresses(address: str) -> None:
    assert (reverse.name(address) is not None) == CASES[address]


def expected(text: str) -> str | None:
    address = ipaddress.ip_address(text)
    is_in = any(address.version == network.version and address in network for network in NETWORKS)
    return address.reverse_pointer if is_in else None


@pytest.mark.parametrize("address", EDGES)
def test_addresses_of_these_networks_have_a_reverse_name_and_no_others(address: str) -> None:
    assert reverse.name(address) == expected(address)


@DETERMINISTIC
@given(st.ip_addresses(v=4) | st.ip_addresses(v=6) | st.sampled_from(NETWORKS).map(lambda n: n[7]))
def test_a_reverse_name_is_as_in_the_standard_library(address: object) -> None:
    assert reverse.name(str(address)) == expected(str(address))


def owners(
    addresses: Mapping[str, tuple[str, ...]],
    cnames: Mapping[str, str] | None = None,
    shared: Collection[str] = (),
    here: Mapping[str, tuple[str, ...]] | None = None,
) -> dict[str, str]:
    zone = conf.Zone("clan.pin", 7, cnames or {}, addresses, shared=dict.fromkeys(shared, ()))
    found = reverse.owners(zone, addresses if here is None else here)
    assert found is not None
    return found


def test_an_address_has_the_own_name_of_its_machine() -> None:
    addresses = {
        "kiwi.clan.pin": ("10.0.0.1", "fd00::1", "203.0.113.1"),
        "git.clan.pin": ("10.0.0.1",),
        "*.app.clan.pin": ("10.0.0.1",),
        "www.clan.pin": ("10.0.0.1", "10.0.0.2"),
        "silent.clan.pin": (),
    }
    cnames = {"irc.clan.pin": "kiwi.clan.pin"}
    shared = ["git.clan.pin", "*.app.clan.pin", "www.clan.pin"]
    own = {"10.0.0.1": "kiwi.clan.pin", "fd00::1": "kiwi.clan.pin"}
    assert owners(addresses, cnames, shared) == own


def test_a_name_of_several_labels_is_not_a_machines_own() -> None:
    assert owners({"a.b.clan.pin": ("10.0.0.1",), "*.clan.pin": ("10.0.0.2",)}) == {}


def test_an_address_of_several_machines_has_no_reverse_name() -> None:
    addresses = dict.fromkeys(("a.clan.pin", "b.clan.pin", "c.clan.pin"), ("10.0.0.1",))
    assert owners({**addresses, "d.clan.pin": ("10.0.0.4",)}) == {"10.0.0.4": "d.clan.pin"}


def test_what_a_machine_itself_knows_counts_for_the_names_of_the_zone() -> None:
    here = {
        "kiwi.clan.pin": ("10.0.0.9",),
        "irc.clan.pin": ("10.0.0.9",),
        "x.clan.pin": ("10.1.1.1",),
    }
    cnames = {"irc.clan.pin": "kiwi.clan.pin"}
    assert owners({}, cnames, here=here) == {"10.0.0.9": "kiwi.clan.pin"}


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        # Elsewhere, 192.168.1.20 is somebody else's.
        ({"nas.pin": ("fd00::1",), "printer.pin": ()}, {"fd00::1": "nas.pin"}),
        # At home, nas may still come through the VPN.
        (
            {"nas.pin": ("192.168.1.10",), "printer.pin": ("192.168.1.20",)},
            {"192.168.1.10": "nas.pin", "192.168.1.20": "printer.pin", "fd00::1": "nas.pin"},
        ),
        # The machine's /etc/hosts knows better.
        ({"nas.pin": ("10.0.0.9",), "printer.pin": ()}, {"10.0.0.9": "nas.pin"}),
    ],
)
def test_an_address_on_a_local_network_has_a_reverse_name_there_only(
    here: Mapping[str, tuple[str, ...]], expected: Mapping[str, str]
) -> None:
    home = Network("192.168.1.0/24", "192.168.1.1", "52:54:00:12:34:56")
    known = {"nas.pin": (("home", "192.168.1.10"),), "printer.pin": (("home", "192.168.1.20"),)}
    addresses = {"nas.pin": ("fd00::1",), "printer.pin": ()}
    zone = conf.Zone("pin", 7, {}, addresses, local=Local({"home": home}, known))
    assert reverse.owners(zone, here) == expected
