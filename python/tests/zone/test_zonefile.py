# ruff: noqa: E501 - messages stand here as they are printed
import hashlib
import sys
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any

import dns.name
import dns.rdatatype
import dns.zone
import pytest
from inline_snapshot import snapshot

from dm_dns.zone import conf, limits, nearby, reverse, zonefile
from dm_dns.zone.local_lines import Local
from dm_dns.zone.nearby import On
from dm_dns.zone.networks import Network

SHA256 = hashlib.sha256(b"the lines below the header").hexdigest()
ZONE = conf.Zone(
    "pin",
    1795433611,
    {"irc.pin": "kfbox.pin", "*.pin": "kiwi.pin", "git.pin": "six.pin"},
    {
        "kfbox.pin": ("192.0.2.2", "fd00::2"),
        "six.pin": ("fd00::6",),
        "www.pin": ("fd00::2", "fd00::3"),
    },
    SHA256,
)


def compiled(
    served: conf.Zone = ZONE,
    own: dict[str, tuple[str, ...]] | None = None,
    *,
    source: str = "mesh",
    inputs: str = "1234",
) -> zonefile.ZoneFile:
    return zonefile.compile_zone(served, own or {}, source=source, inputs=inputs)


def records(file: zonefile.ZoneFile, kinds: str = "A AAAA CNAME") -> set[tuple[str, str, str]]:
    """Return the records of a zone file as dnspython reads them."""
    read = dns.zone.from_text(file.text, origin=dns.name.from_text("pin"), relativize=False)
    return {
        (owner.to_text(), dns.rdatatype.to_text(rdata.rdtype), rdata.to_text())
        for owner, _ttl, rdata in read.iterate_rdatas()
        if dns.rdatatype.to_text(rdata.rdtype) in kinds.split()
    }


def test_a_zone_is_compiled() -> None:
    assert compiled().text == snapshot("""\
; inputs=1234 names=6 records=8 serial=1795433611 sha256=f2d43665de14cb8ce32b68d8f838c72162f708c59f95d0e9f9837bfee4c63244 source=mesh file=603ac8b0ca03dd89b2ade038a724a2b2b4808f1f1aade13c5418b29d012bd5e3
$TTL 5
pin. SOA localhost. nobody.invalid. 1795433611 3600 600 86400 5
pin. NS localhost.
irc.pin. CNAME kfbox.pin.
git.pin. AAAA fd00::6
kfbox.pin. A 192.0.2.2
kfbox.pin. AAAA fd00::2
six.pin. AAAA fd00::6
www.pin. AAAA fd00::2
www.pin. AAAA fd00::3
*.pin. TXT "dm-dns knows no address of this machine"
kiwi.pin. TXT "dm-dns knows no address of this machine"
_dm-dns.pin. TXT "serial=1795433611 sha256=f2d43665de14cb8ce32b68d8f838c72162f708c59f95d0e9f9837bfee4c63244 source=mesh" "file=603ac8b0ca03dd89b2ade038a724a2b2b4808f1f1aade13c5418b29d012bd5e3"
""")


def test_an_empty_zone_is_compiled() -> None:
    assert records(compiled(conf.Zone("pin", 0, {}, {})), "A AAAA CNAME SOA NS") == snapshot(
        {
            ("pin.", "NS", "localhost."),
            ("pin.", "SOA", "localhost. nobody.invalid. 0 3600 600 86400 5"),
        }
    )


def test_another_parser_reads_the_same_records() -> None:
    assert records(compiled()) == {
        ("irc.pin.", "CNAME", "kfbox.pin."),
        ("git.pin.", "AAAA", "fd00::6"),
        ("six.pin.", "AAAA", "fd00::6"),
        ("kfbox.pin.", "A", "192.0.2.2"),
        ("kfbox.pin.", "AAAA", "fd00::2"),
        ("www.pin.", "AAAA", "fd00::2"),
        ("www.pin.", "AAAA", "fd00::3"),
    }


@pytest.mark.parametrize("serial", [0, 1, 2**31, 2**32 - 1])
def test_the_soa_has_the_serial_of_the_zone(serial: int) -> None:
    read = dns.zone.from_text(compiled(ZONE._replace(serial=serial)).text, origin="pin")
    assert read.get_soa().serial == serial


def test_every_record_has_the_short_ttl() -> None:
    read = dns.zone.from_text(compiled().text, origin="pin")
    assert {ttl for _owner, ttl, _rdata in read.iterate_rdatas()} == {zonefile.TTL}
    assert read.get_soa().minimum == zonefile.TTL


def test_the_status_is_what_the_txt_record_says() -> None:
    file = compiled(source="kept")
    [(owner, _kind, text)] = [
        record for record in records(file, "TXT") if record[0].startswith("_dm-dns.")
    ]
    assert owner == f"{zonefile.status_name('pin')}."
    assert text.replace('"', "") == file.status
    assert file.status.startswith(f"serial=1795433611 sha256={SHA256} source=kept file=")


@pytest.mark.parametrize(
    "other",
    [
        compiled(source="deployed"),
        compiled(ZONE._replace(serial=7)),
        compiled(ZONE._replace(cnames={})),
        compiled(ZONE._replace(sha256="0" * 64)),
        compiled(own={"kfbox.pin": ("fd00::9",)}),
    ],
    ids=["source", "serial", "records", "sha256", "own"],
)
def test_the_status_tells_a_zone_file_from_any_other(other: zonefile.ZoneFile) -> None:
    assert compiled().status != other.status


def test_the_status_does_not_depend_on_the_inputs_comment() -> None:
    assert compiled(inputs="1234").status == compiled(inputs="unknown").status


def test_a_status_string_is_short_enough_for_a_txt_record() -> None:
    file = compiled(ZONE._replace(serial=conf.MAX_SERIAL), source="deployed")
    assert max(len(part) for part in file.text.split('"')[1::2]) <= 255


def test_the_first_line_tells_inputs_and_status() -> None:
    file = compiled(inputs="1234")
    line = file.text.splitlines(keepends=True)[0]
    first = zonefile.FirstLine.parse(line)
    assert first == ("1234", ZONE.names, ZONE.records, file.status)
    fields = {name: first.field(name) for name in ("serial", "sha256", "source", "other")}
    expected = {"serial": str(ZONE.serial), "sha256": ZONE.sha256, "source": "mesh", "other": ""}
    assert fields == expected


def test_the_source_is_that_of_the_zone_only() -> None:
    line = compiled(source="deployed").text.splitlines()[0]
    assert zonefile.parse_source(ZONE, line) == "deployed"
    assert zonefile.parse_source(ZONE._replace(sha256="0" * 64), line) is None
    assert zonefile.parse_source(ZONE, "nonsense") is None
    assert zonefile.parse_source(ZONE, "; inputs=1 records=1 serial=1 nonsense a=b=c") is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "; inputs=1234\n",
        "nonsense\n",
        "; inputs=1 names=1 records=x y\n",
        "; inputs=1 names=x records=1 y\n",
        "# inputs=1 names=1 records=1 y\n",
    ],
)
def test_another_first_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"unpack|invalid literal|#"):
        zonefile.FirstLine.parse(line)


def test_addresses_of_the_node_replace_those_of_the_zone() -> None:
    made = records(compiled(own={"kfbox.pin": ("192.0.2.9", "fd00::9")}))
    assert {rdata for owner, _kind, rdata in made if owner == "kfbox.pin."} == {
        "192.0.2.9",
        "fd00::9",
    }


def test_addresses_of_the_node_are_served_for_names_the_zone_has_no_address_of() -> None:
    made = records(compiled(own={"kiwi.pin": ("fd00::1",), "other.pin": ("fd00::5",)}))
    assert ("kiwi.pin.", "AAAA", "fd00::1") in made
    assert ("other.pin.", "AAAA", "fd00::5") in made


def test_addresses_of_the_node_do_not_stand_beside_an_alias() -> None:
    made = records(compiled(own={"irc.pin": ("fd00::9",)}))
    assert {record for record in made if record[0] == "irc.pin."} == {
        ("irc.pin.", "CNAME", "kfbox.pin.")
    }


def without_address(served: conf.Zone) -> set[str]:
    """Return the names that exist without an address."""
    text = '"dm-dns knows no address of this machine"'
    return {owner for owner, _kind, rdata in records(compiled(served), "TXT") if rdata == text}


@pytest.mark.parametrize(
    ("cnames", "addresses", "expected"),
    [
        ({"*.pin": "kiwi.pin"}, {}, {"*.pin.", "kiwi.pin."}),
        ({"*.pin": "kiwi.pin"}, {"kiwi.pin": (), "a.pin": ("fd00::2",)}, {"*.pin.", "kiwi.pin."}),
        ({"*.pin": "a.pin"}, {"kiwi.pin": (), "a.pin": ("fd00::2",)}, {"kiwi.pin."}),
        ({"a.pin": "b.pin", "b.pin": "c.pin"}, {"c.pin": ("::2",)}, set()),
        ({"a.pin": "b.pin", "b.pin": "c.pin"}, {"c.pin": ("::2", "192.0.2.1")}, set()),
    ],
)
def test_a_machine_without_address_exists_so_that_no_wildcard_answers_for_it(
    cnames: dict[str, str], addresses: dict[str, tuple[str, ...]], expected: set[str]
) -> None:
    assert without_address(conf.Zone("pin", 7, cnames, addresses, SHA256)) == expected


MANY = tuple(f"fd00::{number:x}" for number in range(1, 10))


@pytest.mark.parametrize(
    ("known", "is_alias"),
    [
        (("192.0.2.1",), False),
        (("fd00::1",), False),
        (("192.0.2.1", "fd00::1"), True),
        ((), False),
        (MANY[:8], False),
        (MANY, True),  # of which repeating them would make the zone file far larger
    ],
)
def test_what_points_to_a_machine_without_a_or_aaaa_has_addresses_in_place_of_a_cname(
    known: tuple[str, ...], *, is_alias: bool
) -> None:
    cnames = {"a.pin": "b.pin", "b.pin": "c.pin", "*.w.pin": "c.pin", "d.pin": "a.pin"}
    made = records(compiled(conf.Zone("pin", 7, cnames, {"c.pin": known}, SHA256)))
    values = [(conf.record_type(address), address) for address in known]
    expected = {("c.pin.", *value) for value in values}
    for owner, target in cnames.items():
        found = [("CNAME", f"{target}.")] if is_alias else values
        expected |= {(f"{owner}.", *value) for value in found}
    assert made == expected


def test_a_cname_stays_where_addresses_would_make_the_file_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The target has no A record, so that addresses would be better; for /etc/hosts they must be."""
    aliases = {f"n{number}.pin": "kiwi.pin" for number in range(10)}
    made = conf.Zone("pin", 7, aliases, {"kiwi.pin": ("fd00::1", "fd00::2")})

    def compiled(*in_hosts: str) -> str:
        return zonefile.compile_zone(made, {}, in_hosts, source="mesh", inputs="x").text

    monkeypatch.setattr(limits, "MAX_SERVED", 22)
    assert compiled().count("AAAA") == 22
    assert zonefile.excess(made, {}, ["kiwi.pin"]) is None
    monkeypatch.setattr(limits, "MAX_SERVED", 21)
    assert compiled().count("AAAA") == 2
    assert compiled().count("CNAME") == 10
    assert compiled("kiwi.pin").count("AAAA") == 22
    assert zonefile.excess(made, {}, ["kiwi.pin"]) == (
        "with it the zone has 22 records, and the limit is 21"
    )
    assert zonefile.excess(made, {}, []) is None


# -- the machine's own services

BOTH = ("10.9.0.1", "fd09::1")
LOOPBACK = {"127.0.0.1", "::1"}
OWN = conf.Zone(
    "pin",
    7,
    {"chat.pin": "kiwi.pin", "deep.chat.pin": "chat.pin", "irc.pin": "kfbox.pin"},
    {
        "kiwi.pin": BOTH,
        "kfbox.pin": ("10.9.0.2", "fd09::2"),
        "www.pin": ("10.9.0.1", "10.9.0.2", "fd09::1", "fd09::2"),
        "other.pin": ("10.9.0.2", "fd09::2"),
    },
    SHA256,
    shared={"www.pin": ("kfbox.pin", "kiwi.pin")},
)


def at_kiwi(
    assigned: set[str],
    served: conf.Zone = OWN,
    own: dict[str, tuple[str, ...]] | None = None,
    on: On = nearby.NOWHERE,
    deprecated: Collection[str] = (),
) -> dict[str, set[str]]:
    """Return what each name has in the zone file of kiwi while it has these addresses."""
    file = zonefile.compile_zone(
        served,
        own or {},
        machine=zonefile.OwnMachine("kiwi.pin", assigned, deprecated),
        on=on,
        source="mesh",
        inputs="1234",
    )
    found: dict[str, set[str]] = {}
    for owner, _kind, data in records(file):
        found.setdefault(owner.removesuffix("."), set()).add(data)
    return found


@pytest.mark.parametrize(
    ("assigned", "expected"),
    [
        ({*LOOPBACK, *BOTH, "192.0.2.9"}, {*BOTH}),
        ({*LOOPBACK, "fd09::1"}, {"fd09::1"}),
        ({*LOOPBACK, "10.9.0.1"}, {"10.9.0.1"}),
        ({*LOOPBACK, "192.0.2.9"}, LOOPBACK),
        ({"127.0.0.1"}, {"127.0.0.1"}),
        ({"127.0.0.2"}, {*BOTH}),
        (set(), {*BOTH}),
    ],
    ids=["all", "IPv6", "IPv4", "none", "none, and IPv6 off", "no loopback", "no link"],
)
def test_own_services_have_the_addresses_that_are_assigned(
    assigned: set[str], expected: set[str]
) -> None:
    found = at_kiwi(assigned)
    assert found["chat.pin"] == found["deep.chat.pin"] == expected
    assert found["www.pin"] == expected | {"10.9.0.2", "fd09::2"}


@pytest.mark.parametrize(
    ("deprecated", "expected"),
    [
        ({"fd09::1"}, {"10.9.0.1"}),
        ({"fd09::9"}, {*BOTH}),
        ({*BOTH}, {*BOTH}),
        ({*BOTH, *LOOPBACK}, {*BOTH}),
    ],
    ids=["another is there", "of no name", "all", "with loopback"],
)
def test_own_services_have_a_deprecated_address_only_if_there_is_no_other(
    deprecated: set[str], expected: set[str]
) -> None:
    found = at_kiwi({*BOTH, *LOOPBACK, "fd09::9"}, deprecated=deprecated)
    assert found["chat.pin"] == found["deep.chat.pin"] == expected
    assert found["www.pin"] == expected | {"10.9.0.2", "fd09::2"}
    assert found["kiwi.pin"] == {*BOTH}


@pytest.mark.parametrize("assigned", [{*BOTH, *LOOPBACK}, LOOPBACK, set()])
def test_all_other_names_stay_as_they_are(assigned: set[str]) -> None:
    found = at_kiwi(assigned)
    assert found["kiwi.pin"] == {*BOTH}
    assert found["kfbox.pin"] == found["other.pin"] == {"10.9.0.2", "fd09::2"}
    assert found["irc.pin"] == {"kfbox.pin."}


def test_a_machine_without_address_reaches_its_own_services() -> None:
    served = OWN._replace(addresses={"kiwi.pin": ()}, shared={})
    expected = {"chat.pin": LOOPBACK, "deep.chat.pin": LOOPBACK}
    assert at_kiwi({*LOOPBACK, "192.0.2.9"}, served) == expected


def test_addresses_in_hosts_are_own_ones_too() -> None:
    hosts: dict[str, tuple[str, ...]] = {"kiwi.pin": ("192.168.1.1",)}
    assert at_kiwi({*LOOPBACK, "192.168.1.1", *BOTH}, own=hosts)["chat.pin"] == {"192.168.1.1"}
    assert at_kiwi({*LOOPBACK, *BOTH}, own=hosts)["chat.pin"] == LOOPBACK
    assert at_kiwi({*LOOPBACK, "192.168.1.1"}, own=hosts)["www.pin"] == {
        "192.168.1.1",
        "10.9.0.2",
        "fd09::2",
    }


def test_a_shared_name_in_hosts_has_what_hosts_says() -> None:
    hosts: dict[str, tuple[str, ...]] = {"www.pin": ("10.9.0.1", "10.9.0.7")}
    assert at_kiwi(LOOPBACK, own=hosts)["www.pin"] == {"10.9.0.1", "10.9.0.7"}


def test_an_own_wildcard_has_own_addresses() -> None:
    served = OWN._replace(cnames={"*.pin": "kiwi.pin"})
    assert at_kiwi(LOOPBACK, served)["*.pin"] == LOOPBACK


def test_an_own_name_that_is_an_alias_leads_where_the_zone_says() -> None:
    served = conf.Zone(
        "pin", 7, {"kiwi.pin": "kfbox.pin", "chat.pin": "kiwi.pin"}, {"kfbox.pin": BOTH}, SHA256
    )
    assert at_kiwi(LOOPBACK, served)["chat.pin"] == {*BOTH}


def test_own_addresses_that_would_make_the_file_too_large_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aliases = {f"n{number}.pin": "kiwi.pin" for number in range(10)}
    addresses = {"kiwi.pin": BOTH[:1], "www.pin": BOTH[:1]}
    made = conf.Zone("pin", 7, aliases, addresses, shared={"www.pin": ("kiwi.pin",)})
    nothing, loopback, one = (
        zonefile.OwnMachine("kiwi.pin", assigned) for assigned in ((), LOOPBACK, BOTH[:1])
    )
    monkeypatch.setattr(limits, "MAX_SERVED", 22)
    assert zonefile.excess(made, {}, [], one) is None
    assert zonefile.excess(made, {}, [], nothing) is None
    assert zonefile.excess(made, {}, [], loopback) == (
        "with it the zone has 23 records, and the limit is 22"
    )


def test_what_shared_names_get_from_hosts_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"n{number}.pin" for number in range(10)]
    addresses = dict.fromkeys(["kiwi.pin", *names], BOTH[:1])
    made = conf.Zone("pin", 7, {}, addresses, shared=dict.fromkeys(names, ("kiwi.pin",)))
    hosts = {"kiwi.pin": ("10.9.0.1", "10.9.0.2", "10.9.0.3")}
    machine = zonefile.OwnMachine("kiwi.pin", hosts["kiwi.pin"])
    monkeypatch.setattr(limits, "MAX_SERVED", 33)
    assert zonefile.excess(made, hosts, [], machine) is None
    monkeypatch.setattr(limits, "MAX_SERVED", 32)
    assert zonefile.excess(made, hosts, [], machine) == (
        "with it the zone has 33 records, and the limit is 32"
    )


# -- addresses that several machines have

NAT = "203.0.113.7"
"""Of the router that kiwi and lime are behind, which forwards some ports to each."""
FLOATING = "10.9.0.100"
"""Now kiwi's, now lime's."""
SEVERAL = conf.Zone(
    "pin",
    7,
    {"git.pin": "lime.pin", "db.pin": "vip.pin"},
    {
        "kiwi.pin": ("10.9.0.1", FLOATING, NAT),
        "lime.pin": ("10.9.0.2", FLOATING, NAT),
        "vip.pin": (FLOATING,),
        "fig.pin": (NAT,),
        "lemon.pin": ("10.9.0.4",),
        "all.pin": ("10.9.0.1", FLOATING, "10.9.0.2", NAT),
        "mine.pin": ("10.9.0.1", FLOATING, "10.9.0.4", NAT),
        "others.pin": (FLOATING, "10.9.0.2", NAT),
        "router.pin": (NAT,),
    },
    SHA256,
    shared={
        "all.pin": ("kiwi.pin", "lime.pin"),
        "mine.pin": ("kiwi.pin", "lemon.pin"),
        "others.pin": ("fig.pin", "lime.pin"),
        "router.pin": ("fig.pin", "lime.pin"),
    },
)


@pytest.mark.parametrize(
    "assigned", [LOOPBACK, {*LOOPBACK, "10.9.0.1"}, {*LOOPBACK, "10.9.0.1", FLOATING, NAT}, set()]
)
def test_names_of_others_never_lead_to_this_machine(assigned: set[str]) -> None:
    """Neither machines and devices, nor what points to them, nor what they share with each other."""
    elsewhere = zonefile.compile_zone(SEVERAL, {}, source="mesh", inputs="1234")
    file = zonefile.compile_zone(
        SEVERAL,
        {},
        machine=zonefile.OwnMachine("kiwi.pin", assigned),
        source="mesh",
        inputs="1234",
    )
    shared = dict.fromkeys(["all.pin", "mine.pin"], ())
    assert {**file.addresses, **shared} == {**elsewhere.addresses, **shared}
    assert reverse.owners(SEVERAL, file.addresses) == {
        "10.9.0.1": "kiwi.pin",
        "10.9.0.2": "lime.pin",
        "10.9.0.4": "lemon.pin",
    }


@pytest.mark.parametrize(
    ("assigned", "expected"),
    [
        (LOOPBACK, LOOPBACK),
        ({*LOOPBACK, "10.9.0.1"}, {"10.9.0.1"}),
        ({*LOOPBACK, "10.9.0.1", FLOATING}, {"10.9.0.1", FLOATING}),
    ],
)
def test_a_shared_name_keeps_the_addresses_that_others_have_too(
    assigned: set[str], expected: set[str]
) -> None:
    found = at_kiwi(assigned, SEVERAL)
    assert found["all.pin"] == {*expected, "10.9.0.2", FLOATING, NAT}
    assert found["mine.pin"] == {*expected, "10.9.0.4"}


def test_an_alias_of_a_shared_name_agrees_with_it() -> None:
    served = OWN._replace(
        cnames={"a.pin": "www.pin"},
        addresses={
            "kiwi.pin": ("10.9.0.1",),
            "kfbox.pin": ("10.9.0.2",),
            "www.pin": ("10.9.0.1", "10.9.0.2"),
        },
    )
    found = at_kiwi({"127.0.0.1"}, served)
    assert found["a.pin"] == found["www.pin"] == {"127.0.0.1", "10.9.0.2"}


# -- local networks

HOME = Network("192.168.1.0/24", "192.168.1.1", "52:54:00:12:34:56")
AT_HOME = OWN._replace(
    addresses={
        **OWN.addresses,
        "printer.pin": (),
        "scan.pin": (),
    },
    cnames={**OWN.cnames, "paper.pin": "printer.pin"},
    shared={"scan.pin": ("kiwi.pin", "printer.pin"), "www.pin": ("kfbox.pin", "kiwi.pin")},
    local=Local(
        {"home": HOME, "parents": HOME._replace(link_address="02:00:00:00:00:01")},
        {
            "kiwi.pin": (("home", "192.168.1.10"),),
            "kfbox.pin": (("home", "192.168.1.20"), ("parents", "192.168.1.10")),
            "printer.pin": (("home", "192.168.1.30"),),
        },
    ),
)


def at(served: conf.Zone, *networks: str, **own: tuple[str, ...]) -> dict[str, set[str]]:
    """Return what each name has on a machine without services that is on these networks."""
    file = zonefile.compile_zone(
        served,
        {f"{name}.pin": known for name, known in own.items()},
        on=dict.fromkeys(networks, ()),
        source="mesh",
        inputs="1234",
    )
    found: dict[str, set[str]] = {}
    for owner, _kind, data in records(file):
        found.setdefault(owner.removesuffix("."), set()).add(data)
    return found


def test_nowhere_local_addresses_are_given() -> None:
    found = at(AT_HOME)
    assert found == at(OWN)
    file = zonefile.compile_zone(AT_HOME, {}, source="mesh", inputs="1234")
    assert without_address_in(file) == {"printer.pin", "paper.pin", "scan.pin"}


def without_address_in(file: zonefile.ZoneFile) -> set[str]:
    return {owner.removesuffix(".") for owner, _kind, _data in records(file, "TXT")} - {
        "_dm-dns.pin"
    }


def test_on_a_network_a_machine_and_its_services_have_its_address_there() -> None:
    found = at(AT_HOME, "home")
    assert found == {
        "kiwi.pin": {"192.168.1.10"},
        "chat.pin": {"192.168.1.10"},
        "deep.chat.pin": {"192.168.1.10"},
        "kfbox.pin": {"192.168.1.20"},
        "irc.pin": {"192.168.1.20"},
        "printer.pin": {"192.168.1.30"},
        "paper.pin": {"192.168.1.30"},
        "scan.pin": {"192.168.1.10", "192.168.1.30"},
        "www.pin": {"192.168.1.10", "192.168.1.20"},
        "other.pin": {"10.9.0.2", "fd09::2"},
    }


def test_another_network_with_the_same_prefix_has_other_machines() -> None:
    found = at(AT_HOME, "parents")
    assert found["kfbox.pin"] == found["irc.pin"] == {"192.168.1.10"}
    assert found["kiwi.pin"] == {*BOTH}
    assert "chat.pin" in found
    assert found["www.pin"] == {*BOTH, "192.168.1.10"}


def test_an_entry_in_hosts_is_given_on_a_network_too() -> None:
    found = at(AT_HOME, "home", kiwi=("10.7.0.1",))
    assert found["kiwi.pin"] == found["chat.pin"] == {"10.7.0.1"}
    assert found["www.pin"] == {*BOTH, "192.168.1.20"}


@pytest.mark.parametrize("on", [{}, {"home": ()}, {"home": {"192.168.1.10"}}])
@pytest.mark.parametrize(
    ("assigned", "expected"),
    [
        ({*LOOPBACK, *BOTH, "192.168.1.10"}, {*BOTH, "192.168.1.10"}),
        ({*LOOPBACK, "192.168.1.10"}, {"192.168.1.10"}),
        ({*LOOPBACK, *BOTH}, {*BOTH}),
        ({*LOOPBACK, "192.0.2.9"}, LOOPBACK),
    ],
    ids=["both", "no VPN", "not on the network", "none"],
)
def test_own_services_lead_to_local_addresses_that_are_assigned(
    assigned: set[str], expected: set[str], on: On
) -> None:
    found = at_kiwi(assigned, AT_HOME, on=on)
    assert found["chat.pin"] == found["deep.chat.pin"] == expected
    others = {"192.168.1.20"} if on else {"10.9.0.2", "fd09::2"}
    assert found["www.pin"] == expected | others
    assert found["scan.pin"] == expected | ({"192.168.1.30"} if on else set())


def test_a_local_address_of_another_place_is_not_taken_for_its_own() -> None:
    found = at_kiwi({*LOOPBACK, *BOTH}, AT_HOME, on={"parents": ()})
    assert found["kfbox.pin"] == found["irc.pin"] == {"192.168.1.10"}
    assert found["www.pin"] == {*BOTH, "192.168.1.10"}
    assert found["chat.pin"] == {*BOTH}


def test_a_shared_name_keeps_the_address_of_who_is_elsewhere() -> None:
    """On a local network too, where kiwi and kfbox have one address, and only kiwi is there."""
    served = AT_HOME._replace(
        addresses={**AT_HOME.addresses, **dict.fromkeys(["kiwi.pin", "kfbox.pin"], (NAT,))}
        | {"www.pin": (NAT,)}
    )
    on = {"home": {"192.168.1.20"}}
    assert at_kiwi({*LOOPBACK, "192.168.1.10"}, served, on=on)["www.pin"] == {"192.168.1.10", NAT}
    assert at_kiwi(LOOPBACK, served, on=on)["www.pin"] == {*LOOPBACK, NAT}
    assert at_kiwi(LOOPBACK, served, on=on)["scan.pin"] == {*LOOPBACK, "192.168.1.30"}
    assert at_kiwi(LOOPBACK, served, on={"home": ()})["www.pin"] == {*LOOPBACK, "192.168.1.20"}


def test_hosts_has_the_last_word_on_own_services_too() -> None:
    hosts: dict[str, tuple[str, ...]] = {"kiwi.pin": ("10.9.0.1",)}
    found = at_kiwi({*LOOPBACK, "10.9.0.1", "192.168.1.10"}, AT_HOME, hosts, on={"home": ()})
    assert found["chat.pin"] == found["kiwi.pin"] == {"10.9.0.1"}


def test_local_addresses_that_would_make_the_file_too_large_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aliases = {f"n{number}.pin": "kiwi.pin" for number in range(10)}
    many = tuple(("home", f"192.168.1.{number}") for number in range(10, 13))
    local = Local({"home": HOME}, {"kiwi.pin": many})
    shared = {"www.pin": ("kiwi.pin",)}
    addresses = {"kiwi.pin": BOTH, "www.pin": BOTH}
    made = conf.Zone("pin", 7, aliases, addresses, shared=shared, local=local)
    monkeypatch.setattr(limits, "MAX_SERVED", 15)
    assert zonefile.excess(made, {}, []) is None
    assert zonefile.excess(made, {}, [], None, {"home": ()}) == (
        "with it the zone has 16 records, and the limit is 15"
    )


def steps(work: Callable[[], object]) -> int:
    """Return how many instructions of zonefile.py are run: unlike the time, always the same."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Callable[..., Any] | None:
        nonlocal count
        if frame.f_code.co_filename != zonefile.__file__:
            return None
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def chain(length: int) -> conf.Zone:
    """Return a zone of one chain, whose names come from its end to its start."""
    cnames = {f"n{at}.pin": f"n{at + 1}.pin" for at in reversed(range(length))}
    return conf.Zone("pin", 7, cnames, {f"n{length}.pin": ("192.0.2.1", "fd00::1")})


def chain_from_its_start(length: int) -> conf.Zone:
    made = chain(length)
    return made._replace(
        cnames=dict(sorted(made.cnames.items(), key=lambda each: int(each[0][1:-4])))
    )


def aliases_of_a_chain(count: int) -> conf.Zone:
    made = chain(limits.MAX_CHAIN)
    return made._replace(cnames={**made.cnames, **{f"a{at}.pin": "n0.pin" for at in range(count)}})


def aliases_of_many_addresses(count: int) -> conf.Zone:
    """Return a zone in which whoever compares all addresses for each alias takes long."""
    many = tuple(f"192.0.2.{at}" for at in range(count))
    cnames = {f"a{at}.pin": "kiwi.pin" for at in range(count)}
    return conf.Zone("pin", 7, cnames, {"kiwi.pin": many})


def shared_names(count: int) -> conf.Zone:
    """Return a zone of names that machines share which have one address, each with another too."""
    machines = {f"m{at}.pin": (NAT, f"fd00::{at:x}") for at in range(1, count)}
    addresses = {**machines, "kiwi.pin": (NAT, "fd00::")}
    shared = {f"s{at}.pin": (NAT, "fd00::", f"fd00::{at:x}") for at in range(1, count)}
    members = {f"s{at}.pin": ("kiwi.pin", f"m{at}.pin") for at in range(1, count)}
    return conf.Zone("pin", 7, {}, {**addresses, **shared}, shared=members)


@pytest.mark.parametrize(
    "make",
    [chain, chain_from_its_start, aliases_of_a_chain, aliases_of_many_addresses, shared_names],
)
@pytest.mark.parametrize("in_hosts", [[], ["n1.pin"]])
@pytest.mark.parametrize("machine", [None, zonefile.OwnMachine("kiwi.pin", LOOPBACK)])
def test_twice_the_names_are_twice_the_work(
    make: Callable[[int], conf.Zone], in_hosts: list[str], machine: zonefile.OwnMachine | None
) -> None:
    def work(zone: conf.Zone) -> int:
        return steps(
            lambda: zonefile.compile_zone(zone, {}, in_hosts, machine, source="mesh", inputs="x")
        )

    assert work(make(100)) > 1000  # or nothing would be shown
    assert work(make(200)) < 2.1 * work(make(100))
