# ruff: noqa: E501 - messages stand here as they are printed
import hashlib

import pytest
from inline_snapshot import snapshot

from dm_dns.errors import FileError
from dm_dns.zone import conf, limits
from dm_dns.zone.local_lines import IN_CONTENT, NO_LOCAL, Local
from dm_dns.zone.networks import Network

HOME = Network("192.168.1.0/24", "192.168.1.1", "52:54:00:12:34:56")
OFFICE = Network("fd00:1::/64", "fd00:1::1", "02:00:00:00:00:01", only=True)
ZONE = conf.Zone(
    "pin",
    7,
    {"git.pin": "kiwi.pin"},
    {
        "kfbox.pin": ("fd00::2",),
        "kiwi.pin": ("fd00::1",),
        "printer.pin": (),
        "a.b.pin": (),
        "www.pin": ("fd00::1", "fd00::2"),
    },
    shared={"a.b.pin": ("kiwi.pin", "printer.pin"), "www.pin": ("kfbox.pin", "kiwi.pin")},
    local=Local(
        {"home": HOME, "office": OFFICE},
        {
            "kiwi.pin": (
                ("home", "192.168.1.10"),
                ("home", "192.168.1.11"),
                ("office", "fd00:1::10"),
            ),
            "printer.pin": (("home", "192.168.1.20"),),
        },
    ),
)
HOME_LINE = f"# local-network: home {HOME}"
WWW = "# shared-name: www.pin. kiwi.pin."
KIWI_LINE = "# local-address: home kiwi.pin. 192.168.1.10"


def zone_conf(*lines: str, header: bool = True) -> bytes:
    comments = sorted(line for line in lines if line.startswith("#"))
    records = sorted(f'local-data: "{line}"' for line in lines if not line.startswith("#"))
    body = "".join(f"{line}\n" for line in ['local-zone: "pin." transparent', *comments, *records])
    if not header:
        return body.encode()
    sha256 = hashlib.sha256(body.encode()).hexdigest()
    count = len(records)
    head = f"# dm-dns zone 1\n# serial: 7\n# records: {count}\n# sha256: {sha256}\n"
    return (head + body).encode()


def parsed(*lines: str, header: bool = True) -> conf.Zone:
    return conf.parse(zone_conf(*lines, header=header), "pin", "zone.conf")


def test_local_networks_travel_in_comments() -> None:
    text = conf.render(ZONE)
    assert text.split("\n", 5)[5] == snapshot("""\
# local-address: home kiwi.pin. 192.168.1.10
# local-address: home kiwi.pin. 192.168.1.11
# local-address: home printer.pin. 192.168.1.20
# local-address: office kiwi.pin. fd00:1::10
# local-network: home 192.168.1.0/24 192.168.1.1 52:54:00:12:34:56
# local-network: office fd00:1::/64 fd00:1::1 02:00:00:00:00:01 only
# machine-without-address: printer.pin.
# shared-name: a.b.pin. kiwi.pin.
# shared-name: a.b.pin. printer.pin.
# shared-name: www.pin. kfbox.pin.
# shared-name: www.pin. kiwi.pin.
local-data: "git.pin. CNAME kiwi.pin."
local-data: "kfbox.pin. AAAA fd00::2"
local-data: "kiwi.pin. AAAA fd00::1"
local-data: "www.pin. AAAA fd00::1"
local-data: "www.pin. AAAA fd00::2"
""")
    assert conf.parse(text.encode(), "pin", "f")._replace(sha256="") == ZONE
    assert IN_CONTENT in text.encode()


def test_the_hash_is_of_them_too() -> None:
    moved = ZONE.local._replace(networks={**ZONE.local.networks, "home": HOME._replace(only=True)})
    text = conf.render(ZONE._replace(local=moved))
    assert text.split("\n")[3] != conf.render(ZONE).split("\n")[3]
    with pytest.raises(FileError, match="the hash is not that of the lines"):
        conf.parse(conf.render(ZONE).replace(":34:56", ":34:57").encode(), "pin", "f")


def test_a_zone_without_header_may_have_them() -> None:
    read = parsed(HOME_LINE, KIWI_LINE, "kiwi.pin. AAAA fd00::1", header=False)
    assert read.serial == 0
    assert read.local == Local({"home": HOME}, {"kiwi.pin": (("home", "192.168.1.10"),)})


def test_a_network_where_no_machine_has_an_address_is_one() -> None:
    assert parsed(HOME_LINE).local == Local({"home": HOME}, {})
    assert parsed().local is NO_LOCAL


def test_a_machine_with_local_addresses_only_exists() -> None:
    assert parsed(HOME_LINE, KIWI_LINE).addresses == {"kiwi.pin": ()}
    shared = "# shared-name: a.b.pin. kiwi.pin."
    assert parsed(HOME_LINE, KIWI_LINE, shared).addresses == {"kiwi.pin": (), "a.b.pin": ()}


def test_what_a_name_has_on_local_networks() -> None:
    assert ZONE.local.of("printer.pin") == ["192.168.1.20"]
    several = ["192.168.1.10", "192.168.1.11", "fd00:1::10", "192.168.1.20"]
    assert ZONE.local.of("a.b.pin", *ZONE.shared["a.b.pin"]) == several
    assert ZONE.local.of("kfbox.pin") == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["# local-network: home"],
            snapshot("""\
# local-network: home
  local network 'home': expected PREFIX ROUTER LINK-ADDRESS, and maybe 'only'\
"""),
        ),
        (
            [f"# local-network: Home {HOME}"],
            snapshot("""\
# local-network: Home 192.168.1.0/24 192.168.1.1 52:54:00:12:34:56
  'Home' is not a network's name: 1 to 63 of the characters a-z, 0-9, '-' and '_', the first a letter or a digit\
"""),
        ),
        (
            [f"# local-network: home  {HOME}"],
            snapshot("""\
# local-network: home  192.168.1.0/24 192.168.1.1 52:54:00:12:34:56
  local network 'home': expected PREFIX ROUTER LINK-ADDRESS, and maybe 'only'\
"""),
        ),
        (
            [HOME_LINE, f"{HOME_LINE} only"],
            snapshot("""\
# local-network: home 192.168.1.0/24 192.168.1.1 52:54:00:12:34:56 only
  a second local network 'home'\
"""),
        ),
        (
            ["# local-network: home 192.168.1.0/0 192.168.1.1 52:54:00:12:34:56"],
            snapshot("""\
# local-network: home 192.168.1.0/0 192.168.1.1 52:54:00:12:34:56
  local network 'home': the prefix length of '192.168.1.0/0' is not one of 8 to 30, which networks with IPv4 have\
"""),
        ),
        (
            [KIWI_LINE],
            snapshot("""\
# local-address: home kiwi.pin. 192.168.1.10
  no comment declares a local network 'home'\
"""),
        ),
        (
            [HOME_LINE, "# local-address: home kiwi.pin."],
            snapshot("""\
# local-address: home kiwi.pin.
  expected NETWORK MACHINE ADDRESS after local-address\
"""),
        ),
        (
            [HOME_LINE, "# local-address: home kiwi.pin. 192.168.1.10 x"],
            snapshot("""\
# local-address: home kiwi.pin. 192.168.1.10 x
  expected NETWORK MACHINE ADDRESS after local-address\
"""),
        ),
        (
            [HOME_LINE, "# local-address: home kiwi.pin 192.168.1.10"],
            snapshot("""\
# local-address: home kiwi.pin 192.168.1.10
  'kiwi.pin' is not a machine's name below the domain 'pin.'\
"""),
        ),
        (
            [HOME_LINE, "# local-address: home a.kiwi.pin. 192.168.1.10"],
            snapshot("""\
# local-address: home a.kiwi.pin. 192.168.1.10
  'a.kiwi.pin.' is not a machine's name below the domain 'pin.'\
"""),
        ),
        (
            [HOME_LINE, "# local-address: home *.pin. 192.168.1.10"],
            snapshot("""\
# local-address: home *.pin. 192.168.1.10
  '*.pin.' is not a machine's name below the domain 'pin.'\
"""),
        ),
        (
            [HOME_LINE, "# local-address: home _dm-dns.pin. 192.168.1.10"],
            snapshot("""\
# local-address: home _dm-dns.pin. 192.168.1.10
  '_dm-dns.pin.' is reserved for the status of dm-dns\
"""),
        ),
        (
            [HOME_LINE, "# local-address: home kiwi.pin. 192.168.2.10"],
            snapshot("""\
# local-address: home kiwi.pin. 192.168.2.10
  '192.168.2.10' is not in 192.168.1.0/24\
"""),
        ),
        (
            [HOME_LINE, "# local-address: home kiwi.pin. 192.168.1.0"],
            snapshot("""\
# local-address: home kiwi.pin. 192.168.1.0
  '192.168.1.0' is the address of the network 192.168.1.0/24 itself\
"""),
        ),
        (
            [HOME_LINE, "# local-address: home kiwi.pin. 192.168.1.010"],
            snapshot("""\
# local-address: home kiwi.pin. 192.168.1.010
  '192.168.1.010' is not an IP address as inet_ntop(3) writes it\
"""),
        ),
        (
            [HOME_LINE, "# local-address: home kiwi.pin. fd00::1"],
            snapshot("""\
# local-address: home kiwi.pin. fd00::1
  'fd00::1' is not in 192.168.1.0/24\
"""),
        ),
        (
            [HOME_LINE, KIWI_LINE, "kiwi.pin. CNAME kfbox.pin."],
            snapshot("""\
# local-address: home kiwi.pin. 192.168.1.10
  a CNAME and an address for one name: kiwi.pin\
"""),
        ),
        (
            ["# shared-name: www.pin."],
            snapshot("""\
# shared-name: www.pin.
  expected NAME MACHINE after shared-name\
"""),
        ),
        (
            ["# shared-name: www.pin. kiwi.pin. kfbox.pin."],
            snapshot("""\
# shared-name: www.pin. kiwi.pin. kfbox.pin.
  expected NAME MACHINE after shared-name\
"""),
        ),
        (
            ["# shared-name: kiwi.pin. kiwi.pin."],
            snapshot("""\
# shared-name: kiwi.pin. kiwi.pin.
  kiwi.pin is a name of several machines, and not one of these\
"""),
        ),
        (
            ["# shared-name: example.com. kiwi.pin."],
            snapshot("""\
# shared-name: example.com. kiwi.pin.
  'example.com.' is not a name below the domain 'pin.'\
"""),
        ),
        (
            ["# shared-name: _dm-dns.pin. kiwi.pin."],
            snapshot("""\
# shared-name: _dm-dns.pin. kiwi.pin.
  '_dm-dns.pin.' is reserved for the status of dm-dns\
"""),
        ),
        (
            ["# shared-name: www.pin. example.com."],
            snapshot("""\
# shared-name: www.pin. example.com.
  'example.com.' is not a machine's name below the domain 'pin.'\
"""),
        ),
        (
            ["# shared-name: a.pin. kiwi.pin.", "a.pin. CNAME b.pin."],
            snapshot("""\
# shared-name: a.pin. kiwi.pin.
  a.pin is not a name of several machines\
"""),
        ),
        (
            [
                HOME_LINE,
                KIWI_LINE,
                "# local-address: home a.pin. 192.168.1.20",
                "# shared-name: a.pin. kfbox.pin.",
                "# shared-name: a.pin. kiwi.pin.",
            ],
            snapshot("""\
# shared-name: a.pin. kfbox.pin.
  a.pin is not a name of several machines\
"""),
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_the_line(lines: list[str], message: str) -> None:
    with pytest.raises(FileError) as caught:
        parsed(*lines)
    shown = zone_conf(*lines).decode().splitlines()[caught.value.line - 1]
    assert f"{shown}\n  {caught.value.reason}" == message


@pytest.mark.parametrize("header", [True, False])
def test_there_is_a_limit_to_networks(monkeypatch: pytest.MonkeyPatch, *, header: bool) -> None:
    monkeypatch.setattr(limits, "MAX_NETWORKS", 2)
    lines = [f"# local-network: n{number} {HOME}" for number in range(3)]
    assert len(parsed(*lines[:2], header=header).local.networks) == 2
    with pytest.raises(FileError, match="more local networks than the limit, 2"):
        parsed(*lines, header=header)


def test_there_is_a_limit_to_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LOCAL", 2)
    lines = [HOME_LINE, KIWI_LINE, f"{KIWI_LINE}1"]
    assert len(parsed(*lines).local.of("kiwi.pin")) == 2
    with pytest.raises(FileError, match="more local addresses than the limit, 2"):
        parsed(*lines, f"{KIWI_LINE}2")


def test_there_is_a_limit_to_the_addresses_of_all_shared_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [HOME_LINE, *(f"{KIWI_LINE}{number}" for number in range(4))]
    lines += [f"# shared-name: n{number}.pin. kiwi.pin." for number in range(3)]
    monkeypatch.setattr(limits, "MAX_RECORDS", 12)
    assert len(parsed(*lines).shared) == 3
    monkeypatch.setattr(limits, "MAX_RECORDS", 11)
    with pytest.raises(FileError, match="shared names have 12 local addresses or more, and the"):
        parsed(*lines)


def test_local_addresses_count_as_those_of_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ADDRESSES", 2)
    lines = [HOME_LINE, KIWI_LINE, "kiwi.pin. AAAA fd00::1"]
    shared = [WWW, "www.pin. AAAA fd00::1"]
    assert parsed(*lines, *shared).records == 2
    with pytest.raises(FileError, match=r"kiwi\.pin has 3 addresses or more, with those on local"):
        parsed(*lines, "kiwi.pin. AAAA fd00::3")
    with pytest.raises(FileError, match=r"www\.pin has 3 addresses or more, with those on local"):
        parsed(*lines, *shared, "www.pin. AAAA fd00::2")
