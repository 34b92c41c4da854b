import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dm_dns.node import hosts
from dm_dns.zone import conf, limits, names

DETERMINISTIC = settings(derandomize=True, database=None, deadline=None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", {}, id="empty"),
        pytest.param("fd00::1 kiwi.pin kiwi\n", {"kiwi.pin": ("fd00::1",)}, id="entry"),
        pytest.param("fd00::1 kiwi kiwi.pin", {"kiwi.pin": ("fd00::1",)}, id="alias, no newline"),
        pytest.param("\tfd00::1\t \tkiwi.pin  \n", {"kiwi.pin": ("fd00::1",)}, id="white space"),
        pytest.param("fd00::1 kiwi.pin\r\n", {"kiwi.pin": ("fd00::1",)}, id="CRLF"),
        pytest.param("\r\nfd00::1 kiwi.pin # a\r\n", {"kiwi.pin": ("fd00::1",)}, id="CRLF, #"),
        pytest.param("fd00::1 KIWI.Pin.\n", {"kiwi.pin": ("fd00::1",)}, id="spelling"),
        pytest.param("FD00:0::1 kiwi.pin\n", {"kiwi.pin": ("fd00::1",)}, id="form of address"),
        pytest.param("fd00::1 kiwi.pin # a\n#fd00::2 b.pin\n", {"kiwi.pin": ("fd00::1",)}, id="#"),
        pytest.param("fd00::1 kiwi.pin#x\n", {"kiwi.pin": ("fd00::1",)}, id="# after name"),
        pytest.param(
            "fd00::2 kiwi.pin\n192.0.2.1 kiwi.pin\nfd00::1 kiwi.pin\nfd00::2 kiwi.pin\n",
            {"kiwi.pin": ("192.0.2.1", "fd00::1", "fd00::2")},
            id="several lines in order, once each",
        ),
        pytest.param(
            "fd00::1 kiwi.pin apfel.pin\n",
            {"kiwi.pin": ("fd00::1",), "apfel.pin": ("fd00::1",)},
            id="several names",
        ),
        pytest.param("127.0.0.1 kiwi.pin\n127.0.0.2 kiwi.pin\n", {}, id="loopback"),
        pytest.param("::1 kiwi.pin\n", {}, id="IPv6 loopback"),
        pytest.param("::ffff:127.0.0.1 kiwi.pin\n", {}, id="IPv4-mapped loopback"),
        pytest.param("::FFFF:7f00:2 kiwi.pin\n", {}, id="IPv4-mapped loopback, hexadecimal"),
        pytest.param("0:0:0:0:0:0:0:1 kiwi.pin\n", {}, id="IPv6 loopback, long"),
        pytest.param("0.0.0.0 kiwi.pin\n:: kiwi.pin\n", {}, id="blocked"),
        pytest.param("fd00::1\n", {}, id="no name"),
        pytest.param("fd00::1 kiwi.example.com kiwi pin\n", {}, id="outside"),
        pytest.param("fd00::1 mypin x.mypin\n", {}, id="domain's letters"),
        pytest.param("fd00::1 irc.kiwi.pin\n", {}, id="deeper"),
        pytest.param("fd00::1 *.pin -x.pin .pin a\x00b.pin b\u00fccher.pin\n", {}, id="invalid"),
        pytest.param("fd00::1 _dm-dns.pin\n", {}, id="reserved"),
        pytest.param("fe80::1%eth0 kiwi.pin\n", {}, id="zone index"),
        pytest.param("kiwi.pin fd00::1\n", {}, id="name first"),
        pytest.param("fd00::1/64 kiwi.pin\nfd00::\x00 kiwi.pin\n", {}, id="no address"),
        pytest.param(
            "nonsense\n\x00\ufffd\nfd00::1 kiwi.pin\n",
            {"kiwi.pin": ("fd00::1",)},
            id="after rubbish",
        ),
    ],
)
def test_addresses_of_machines(text: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert hosts.parse(text, "pin").addresses == expected


def test_a_domain_of_two_labels() -> None:
    text = "fd00::1 kiwi.clan.lol\nfd00::2 clan.lol kiwi.lol\n"
    assert hosts.parse(text, "clan.lol").addresses == {"kiwi.clan.lol": ("fd00::1",)}


@pytest.mark.parametrize(
    "character", ["\v", "\f", "\r", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\u2028", "\u2029"]
)
def test_a_comment_ends_with_its_line(character: str) -> None:
    text = f"# {character}fd00::1 kiwi.pin\nfd00::2 kfbox.pin # {character}fd00::1 kiwi.pin\n"
    found = hosts.parse(text, "pin")
    assert found.addresses == found.names == {"kfbox.pin": ("fd00::2",)}
    assert not hosts.has(text, "kiwi.pin")
    assert not hosts.has_address(text, "fd00::1")


@pytest.mark.parametrize("character", ["\v", "\f", "\r", "\x1f", "\xa0", "\u2003", "\u3000"])
def test_other_blanks_than_those_of_all_resolvers_do_not_separate(character: str) -> None:
    text = f"fd00::1{character}kiwi.pin\nfd00::2 kfbox.pin{character}apfel.pin\n"
    found = hosts.parse(text, "pin")
    assert found.addresses == found.names == {}
    assert not hosts.has(text, "kiwi.pin")
    assert not hosts.has(text, "apfel.pin")


USELESS_ADDRESS_CASES = [
    case
    for case in json.loads(
        (Path(__file__).parents[1] / "zone/naming-cases.json").read_text(encoding="utf-8")
    )
    if case["rule"] == "useless-address"
]


@pytest.mark.parametrize("case", USELESS_ADDRESS_CASES, ids=lambda case: str(case["title"]))
def test_addresses_of_no_use_to_others_are_left_out(case: dict[str, Any]) -> None:
    """Those that no setting may have: programs here get them from the file anyway."""
    owners = {**case["spec"]["machines"], **case["spec"].get("devices", {})}
    addresses = owners["printer" if "printer" in owners else "kfbox"]["addresses"]
    found = hosts.parse("".join(f"{address} kfbox.pin\n" for address in addresses), "pin")
    known = {"kfbox.pin": conf.in_order(filter(None, map(conf.canonical_address, addresses)))}
    assert found.names == known
    assert found.addresses == (known if "records" in case else {})


def test_of_an_entry_that_others_can_use_in_part_they_get_that_part() -> None:
    text = "fe80::1 kiwi.pin\nfd00::1 kiwi.pin\n169.254.1.1 kiwi.pin\n"
    found = hosts.parse(text, "pin")
    assert found.addresses == {"kiwi.pin": ("fd00::1",)}
    assert found.names == {"kiwi.pin": ("169.254.1.1", "fd00::1", "fe80::1")}


LINES = st.lists(
    st.lists(
        st.sampled_from(
            ["fd00::1", "192.0.2.1", "::1", "kiwi.pin", "pin", "#", "\0", "\u2028", "."]
        )
        | st.text(max_size=8),
        max_size=4,
    ).map(" ".join)
).map("\n".join)


@DETERMINISTIC
@given(text=st.text() | LINES | st.binary().map(lambda raw: raw.decode("utf-8", "replace")))
def test_any_text_yields_only_addresses_of_names_directly_below_the_domain(text: str) -> None:
    for name, known in hosts.parse(text, "pin").addresses.items():
        label, _, domain = name.partition(".")
        names.canonical_label(label)
        assert domain == "pin"
        assert known == conf.in_order(known)
        assert all(conf.canonical_address(address) == address for address in known)


def test_names_are_those_of_every_valid_line_below_the_domain() -> None:
    text = (
        "127.0.0.2 kiwi.pin kiwi\n::1 KIWI.pin.\nfd00::1 kfbox.pin # other.pin\n"
        "nonsense a.pin\n127.0.0.1 localhost x.example b.c.pin\n"
    )
    assert hosts.parse(text, "pin").names == {
        "kiwi.pin": ("127.0.0.2", "::1"),
        "kfbox.pin": ("fd00::1",),
    }


@pytest.mark.parametrize(
    ("count", "more"), [(1, ""), (10, ""), (11, " and 1 more"), (2001, " and 1991 more")]
)
def test_of_a_name_with_many_addresses_the_first_ones_are_shown(count: int, more: str) -> None:
    text = "".join(f"192.0.{2 + n // 256}.{n % 256} kiwi.pin\n" for n in range(1, count + 1))
    found = hosts.parse(text, "pin")
    assert found.shown("kiwi.pin") == f"{' '.join(found.names['kiwi.pin'][:10])}{more}"


def test_a_name_that_no_zone_can_have_is_left_out_and_told() -> None:
    label = "a" * 63
    domain = ".".join([label, label, label, "b" * 48])  # 240 characters
    fits, long = "c" * 12, "d" * 13
    found = hosts.parse(f"fd00::1 {fits}.{domain}\nfd00::2 {long}.{domain}\n", domain)
    assert found.addresses == {f"{fits}.{domain}": ("fd00::1",)}
    assert found.names.keys() == {f"{fits}.{domain}"}
    assert found.problems == [
        f"{long}.{domain} has 254 characters, and a name has at most 253",
    ]


def test_a_name_with_more_addresses_than_a_zone_can_have_is_left_out_and_told() -> None:
    lines = [f"fd00::{number:x} kiwi.pin\n" for number in range(1, limits.MAX_ADDRESSES + 1)]
    assert len(hosts.parse("".join(lines), "pin").addresses["kiwi.pin"]) == limits.MAX_ADDRESSES
    found = hosts.parse("".join([*lines, "fd01::1 kiwi.pin\n", "fd01::2 apfel.pin\n"]), "pin")
    assert found.addresses == {"apfel.pin": ("fd01::2",)}
    assert found.problems == ["kiwi.pin has 2001 addresses, and the limit is 2000"]


def test_of_many_problems_ten_are_told() -> None:
    domain = ".".join(["a" * 63, "a" * 63, "a" * 63, "b" * 48])
    text = "".join(f"fd00::1 {'c' * 12}{number}.{domain}\n" for number in range(99))
    assert len(hosts.parse(text, domain).problems) == 10
