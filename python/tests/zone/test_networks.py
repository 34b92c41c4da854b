import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from dm_dns.zone import networks
from dm_dns.zone.networks import Network

DETERMINISTIC = settings(derandomize=True, database=None, deadline=None)
HOME = Network("192.168.1.0/24", "192.168.1.1", "52:54:00:12:34:56")
OFFICE = Network("fd00:1::/64", "fd00:1::1", "02:00:00:00:00:01", only=True)
CASES = json.loads(Path(__file__).with_name("network-cases.json").read_bytes())
"""The module is tested with these as well (checks/module/tests/test_network_rules.py)."""


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (HOME, "192.168.1.0/24 192.168.1.1 52:54:00:12:34:56"),
        (OFFICE, "fd00:1::/64 fd00:1::1 02:00:00:00:00:01 only"),
        (
            Network("10.0.0.0/8", "10.255.255.254", "02:00:00:00:00:01"),
            "10.0.0.0/8 10.255.255.254 02:00:00:00:00:01",
        ),
        (
            Network("2001:db8:1:2::/64", "2001:db8:1:2::1", "02:00:00:00:00:01"),
            "2001:db8:1:2::/64 2001:db8:1:2::1 02:00:00:00:00:01",
        ),
    ],
)
def test_a_network_is_read_as_it_is_written(network: Network, text: str) -> None:
    assert str(network) == text
    assert Network.parse(text) == network


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", snapshot("expected PREFIX ROUTER LINK-ADDRESS, and maybe 'only'")),
        (
            "192.168.1.0/24 192.168.1.1",
            snapshot("expected PREFIX ROUTER LINK-ADDRESS, and maybe 'only'"),
        ),
        (f"{HOME} always", snapshot("expected PREFIX ROUTER LINK-ADDRESS, and maybe 'only'")),
        (f"{HOME} only only", snapshot("expected PREFIX ROUTER LINK-ADDRESS, and maybe 'only'")),
        (f"{HOME} ", snapshot("expected PREFIX ROUTER LINK-ADDRESS, and maybe 'only'")),
        (
            "192.168.1.0 192.168.1.1 52:54:00:12:34:56",
            snapshot("'192.168.1.0' is not an address with a prefix length"),
        ),
        (
            "192.168.1.x/24 192.168.1.1 52:54:00:12:34:56",
            snapshot("'192.168.1.x/24' is not an address with a prefix length"),
        ),
        (
            "192.168.1/24 192.168.1.1 52:54:00:12:34:56",
            snapshot("'192.168.1/24' is not an address with a prefix length"),
        ),
        (
            "192.168.1.0/ 192.168.1.1 52:54:00:12:34:56",
            snapshot("'192.168.1.0/' is not an address with a prefix length"),
        ),
        (
            "0.0.0.0/0 192.168.1.1 52:54:00:12:34:56",
            snapshot(
                "the prefix length of '0.0.0.0/0' is not one of 8 to 30, which networks with IPv4"
                " have"
            ),
        ),
        (
            "192.168.1.0/31 192.168.1.1 52:54:00:12:34:56",
            snapshot(
                "the prefix length of '192.168.1.0/31' is not one of 8 to 30, which networks with"
                " IPv4 have"
            ),
        ),
        (
            "192.168.1.0/999 192.168.1.1 52:54:00:12:34:56",
            snapshot(
                "the prefix length of '192.168.1.0/999' is not one of 8 to 30, which networks with"
                " IPv4 have"
            ),
        ),
        (
            "fd00::/8 fd00::1 52:54:00:12:34:56",
            snapshot(
                "the prefix length of 'fd00::/8' is not one of 48 to 126, which networks with IPv6"
                " have"
            ),
        ),
        (
            "192.168.1.10/24 192.168.1.1 52:54:00:12:34:56",
            snapshot("'192.168.1.10/24' has bits beyond its prefix length"),
        ),
        (
            "192.168.1.0/024 192.168.1.1 52:54:00:12:34:56",
            snapshot("'192.168.1.0/024' is not written as 192.168.1.0/24"),
        ),
        (
            "fd00:0::/64 fd00::1 52:54:00:12:34:56",
            snapshot("'fd00:0::/64' is not written as fd00::/64"),
        ),
        (
            "169.254.1.0/24 169.254.1.1 52:54:00:12:34:56",
            snapshot(
                "'169.254.1.0/24' is not one that a local network can have: use private, unique"
                " local or global addresses"
            ),
        ),
        (
            "fe80::/64 fe80::1 52:54:00:12:34:56",
            snapshot(
                "'fe80::/64' is not one that a local network can have: use private, unique local or"
                " global addresses"
            ),
        ),
        (
            "::/64 ::1 52:54:00:12:34:56",
            snapshot(
                "'::/64' is not one that a local network can have: use private, unique local or"
                " global addresses"
            ),
        ),
        (
            "192.168.1.0/24 192.168.2.1 52:54:00:12:34:56",
            snapshot("'192.168.2.1' is not in 192.168.1.0/24"),
        ),
        (
            "192.168.1.0/24 fd00::1 52:54:00:12:34:56",
            snapshot("'fd00::1' is not in 192.168.1.0/24"),
        ),
        (
            "192.168.1.0/24 router 52:54:00:12:34:56",
            snapshot("'router' is not an IP address as inet_ntop(3) writes it"),
        ),
        (
            "fd00:1::/64 fd00:1:0::1 52:54:00:12:34:56",
            snapshot("'fd00:1:0::1' is not an IP address as inet_ntop(3) writes it"),
        ),
        (
            "192.168.1.0/24 192.168.1.0 52:54:00:12:34:56",
            snapshot("'192.168.1.0' is the address of the network 192.168.1.0/24 itself"),
        ),
        (
            "fd00:1::/64 fd00:1:: 52:54:00:12:34:56",
            snapshot("'fd00:1::' is the address of the network fd00:1::/64 itself"),
        ),
        (
            "192.168.1.0/24 192.168.1.255 52:54:00:12:34:56",
            snapshot("'192.168.1.255' is the broadcast address of 192.168.1.0/24"),
        ),
        (
            "192.168.1.0/24 192.168.1.1 52:54:00:12:34",
            snapshot("'52:54:00:12:34' is not a link address, such as 52:54:00:12:34:56"),
        ),
        (
            "192.168.1.0/24 192.168.1.1 52:54:00:12:34:5G",
            snapshot("'52:54:00:12:34:5G' is not a link address, such as 52:54:00:12:34:56"),
        ),
        (
            "192.168.1.0/24 192.168.1.1 52-54-00-12-34-56",
            snapshot("'52-54-00-12-34-56' is not a link address, such as 52:54:00:12:34:56"),
        ),
        (
            "192.168.1.0/24 192.168.1.1 01:00:5e:00:00:01",
            snapshot("'01:00:5e:00:00:01' is a link address of a group, and not of a host"),
        ),
        (
            "192.168.1.0/24 192.168.1.1 ff:ff:ff:ff:ff:ff",
            snapshot("'ff:ff:ff:ff:ff:ff' is a link address of a group, and not of a host"),
        ),
        (
            "192.168.1.0/24 192.168.1.1 00:00:00:00:00:00",
            snapshot("'00:00:00:00:00:00' is the link address of no host"),
        ),
    ],
)
def test_what_is_not_a_network_is_refused_with_the_rule(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its message is what tells
        Network.parse(text)
    assert str(caught.value) == reason


def test_the_last_address_of_ipv6_is_a_host() -> None:
    assert networks.host_problem("fd00:1::/64", "fd00:1::ffff:ffff:ffff:ffff") is None


@pytest.mark.parametrize("name", ["home", "0", "home-2", "a" * 63, "at_work"])
def test_a_name_is_short_and_plain(name: str) -> None:
    assert networks.name_problem(name) is None


@pytest.mark.parametrize("name", ["", "Home", "-home", "_home", "a" * 64, "a b", "ä", "home\n"])
def test_another_name_is_refused(name: str) -> None:
    assert "is not a network's name: 1 to 63 of the characters" in str(networks.name_problem(name))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.168.1.0/24", "192.168.1.0/24"),
        ("192.168.1.5", "192.168.1.5/32"),
        ("fd00::1", "fd00::1/128"),
        ("FD00::/8", "FD00::/8"),
        ("192.168.1.0/33", None),
        ("fd00::/129", None),
        ("192.168.1.0/", None),
        ("192.168.1.0/-1", None),
        ("192.168.1.0/0024", None),
        ("192.168.1.0/\u0662", None),
        ("", None),
        ("any", None),
    ],
)
def test_an_address_is_a_prefix_with_all_bits(text: str, expected: str | None) -> None:
    assert networks.with_length(text) == expected


PREFIXES = st.one_of(
    st.builds(
        lambda value, length: ipaddress.IPv4Network((value >> 32 - length << 32 - length, length)),
        st.integers(0, 2**32 - 1),
        st.integers(8, 30),
    ),
    st.builds(
        lambda value, length: ipaddress.IPv6Network(
            (value >> 128 - length << 128 - length, length)
        ),
        st.integers(0, 2**128 - 1),
        st.integers(48, 126),
    ),
)


@DETERMINISTIC
@given(prefix=PREFIXES, other=PREFIXES, host=st.integers(0, 2**128 - 1))
def test_prefixes_are_those_of_ipaddress(
    prefix: ipaddress.IPv4Network | ipaddress.IPv6Network,
    other: ipaddress.IPv4Network | ipaddress.IPv6Network,
    host: int,
) -> None:
    address = prefix[host % prefix.num_addresses]
    # Its own text of IPv4 addresses in IPv6 is another one than that of inet_ntop(3).
    assume(not str(address).startswith("::") and not str(prefix).startswith("::"))
    assert networks.contains(str(prefix), str(address))
    if prefix.version == other.version:
        assert networks.contains(str(other), str(address)) == (address in other)
        assert networks.is_within(str(prefix), str(other)) == prefix.subnet_of(other)  # type: ignore[arg-type]
    refused = networks.host_problem(str(prefix), str(address))
    is_special = address == prefix.network_address or (
        prefix.version == 4 and address == prefix.broadcast_address
    )
    assert bool(refused) == is_special
    is_ours = not (
        prefix.is_loopback or prefix.is_link_local or prefix.is_multicast or prefix.is_unspecified
    )
    if not networks.prefix_problem(str(prefix)):
        assert is_ours


@pytest.mark.parametrize("case", CASES["elsewhere"], ids=lambda case: case["title"])
def test_devices_in_other_networks_may_be_elsewhere(case: dict[str, Any]) -> None:
    allow = {networks.with_length(text.lower()): text for text in case["allow"]}
    local = {
        name: Network(prefix, "", link_address)
        for name, (prefix, link_address) in case["networks"].items()
    }
    found = {
        name: networks.outside_of(
            networks.prefixes_of_place(network, local.values()), filter(None, allow)
        )
        for name, network in local.items()
    }
    assert {name: [allow[each] for each in each_of] for name, each_of in found.items()} == case[
        "outside"
    ]
