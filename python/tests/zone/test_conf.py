# ruff: noqa: E501 - messages stand here as they are printed
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns.errors import FileError
from dm_dns.zone import conf, names

ZONE_LINE = 'local-zone: "pin." transparent'
RECORDS = ["irc.pin. CNAME kfbox.pin.", "kfbox.pin. AAAA fd00::2"]
LABEL_63 = "a" * 63


def data(record: str) -> str:
    return f'local-data: "{record}"'


def bare(*records: str) -> bytes:
    """Return a zone.conf without header."""
    return "".join(f"{line}\n" for line in [ZONE_LINE, *map(data, records)]).encode()


def with_header(
    body: bytes, *, version: object = 1, serial: object = 7, records: object = None
) -> bytes:
    """Return ``body`` below a header that fits it."""
    count = body.count(b"\n") - 1 if records is None else records
    sha256 = hashlib.sha256(body).hexdigest()
    lines = (
        f"# dm-dns zone {version}",
        f"# serial: {serial}",
        f"# records: {count}",
        f"# sha256: {sha256}",
        "",
    )
    return "\n".join(lines).encode() + body


def parsed(content: bytes, domain: str = "pin") -> conf.Zone:
    return conf.parse(content, domain, "zone.conf")


def refusal(content: bytes, domain: str = "pin") -> str:
    with pytest.raises(FileError) as caught:
        parsed(content, domain)
    assert caught.value.path == "zone.conf"
    assert str(caught.value) == f"zone.conf:{caught.value.line}: {caught.value.reason}"
    return str(caught.value)


def test_a_zone_is_rendered() -> None:
    made = conf.Zone(
        "pin",
        1795433611,
        {"irc.pin": "kfbox.pin", "*.irc.pin": "kfbox.pin"},
        {"kfbox.pin": ("192.0.2.2", "fd00::2"), "kiwi.pin": ("fd00::1",)},
    )
    assert conf.render(made) == snapshot("""\
# dm-dns zone 1
# serial: 1795433611
# records: 5
# sha256: ed102f41f35ec78fdad1c08811e4bf067c3b583a3ac83ce880f4fd6cdea7c15b
local-zone: "pin." transparent
local-data: "*.irc.pin. CNAME kfbox.pin."
local-data: "irc.pin. CNAME kfbox.pin."
local-data: "kfbox.pin. A 192.0.2.2"
local-data: "kfbox.pin. AAAA fd00::2"
local-data: "kiwi.pin. AAAA fd00::1"
""")


WITHOUT_ADDRESS = """\
local-zone: "pin." transparent
# machine-without-address: a.pin.
# machine-without-address: kiwi.pin.
local-data: "kfbox.pin. AAAA fd00::2"
"""


def test_machines_without_address_are_comments() -> None:
    addresses: dict[str, tuple[str, ...]] = {"kiwi.pin": (), "kfbox.pin": ("fd00::2",), "a.pin": ()}
    text = conf.render(conf.Zone("pin", 7, {}, addresses))
    assert text.split("\n", 4)[4] == WITHOUT_ADDRESS
    assert "# records: 1\n" in text
    assert conf.parse(text.encode(), "pin", "zone.conf").addresses == addresses


def test_names_of_several_machines_are_told_from_machines() -> None:
    addresses = {"kiwi.pin": ("fd00::2",), "*.a.pin": ("fd00::2",), "silent.pin": ()}
    shared = {"*.a.pin": ("kiwi.pin", "silent.pin")}
    text = conf.render(conf.Zone("pin", 7, {}, addresses, shared=shared))
    body = text.split("\n", 5)[5]
    assert body.startswith(
        "# machine-without-address: silent.pin.\n# shared-name: *.a.pin. kiwi.pin.\n"
        "# shared-name: *.a.pin. silent.pin.\n"
    )
    assert conf.parse(text.encode(), "pin", "zone.conf").shared == shared


@pytest.mark.parametrize("key", ["another", "machine-without-addresses", "a1"])
def test_a_comment_with_another_key_is_passed_over(key: str) -> None:
    body = f'local-zone: "pin." transparent\n# {key}: any text (of "printable" characters)\n'
    read = conf.parse(f"{body}{data(RECORDS[0])}\n".encode(), "pin", "zone.conf")
    assert (dict(read.cnames), dict(read.addresses)) == ({"irc.pin": "kfbox.pin"}, {})


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "# machine-without-address: kiwi.pin\n",
            snapshot("zone.conf:2: 'kiwi.pin' is not a machine's name below the domain 'pin.'"),
        ),
        (
            "# machine-without-address: kiwi.other.\n",
            snapshot("zone.conf:2: 'kiwi.other.' is not a machine's name below the domain 'pin.'"),
        ),
        (
            "# machine-without-address: *.pin.\n",
            snapshot("zone.conf:2: '*.pin.' is not a machine's name below the domain 'pin.'"),
        ),
        (
            "# machine-without-address: _dm-dns.pin.\n",
            snapshot("zone.conf:2: '_dm-dns.pin.' is reserved for the status of dm-dns"),
        ),
        (
            "# shared-name: www.pin kiwi.pin.\n",
            snapshot("zone.conf:2: 'www.pin' is not a name below the domain 'pin.'"),
        ),
        (
            "# shared-name: www.other. kiwi.pin.\n",
            snapshot("zone.conf:2: 'www.other.' is not a name below the domain 'pin.'"),
        ),
        (
            "# shared-name: a.*.pin. kiwi.pin.\n",
            snapshot("zone.conf:2: 'a.*.pin.' is not a name below the domain 'pin.'"),
        ),
        (
            "# machine-without-address: b.pin.\n# machine-without-address: a.pin.\n",
            snapshot("zone.conf:3: the comments are not sorted, or this one is repeated"),
        ),
        (
            "# machine-without-address: a.pin.\n# machine-without-address: a.pin.\n",
            snapshot("zone.conf:3: the comments are not sorted, or this one is repeated"),
        ),
        (
            '# machine-without-address: a.pin.\nlocal-data: "a.pin. A 192.0.2.1"\n',
            snapshot("zone.conf:3: an address of a.pin, which a comment says has none"),
        ),
        (
            '# machine-without-address: a.pin.\nlocal-data: "a.pin. CNAME b.pin."\n',
            snapshot("zone.conf:3: a CNAME and an address for one name: a.pin"),
        ),
        (
            'local-data: "a.pin. A 192.0.2.1"\n# machine-without-address: b.pin.\n',
            snapshot("zone.conf:3: a comment; all comments of a zone.conf stand above its records"),
        ),
        (
            "# Key: value\n",
            snapshot("zone.conf:2: expected a comment '# key: value', found '# Key: value'"),
        ),
        ("# key: \n", snapshot("zone.conf:2: expected a comment '# key: value', found '# key: '")),
    ],
)
def test_a_comment_that_is_not_valid_is_refused(lines: str, message: str) -> None:
    assert refusal(bare() + lines.encode()) == message


def test_an_empty_zone_is_rendered() -> None:
    assert conf.render(conf.Zone("clan.lol", 0, {}, {})) == snapshot("""\
# dm-dns zone 1
# serial: 0
# records: 0
# sha256: 8bb37cccc38b979fb572aa30c5fe997c51d4bb9d7865791e22e0b740d777bcf6
local-zone: "clan.lol." transparent
""")


def test_a_rendered_zone_does_not_depend_on_the_order_of_its_names() -> None:
    one = conf.Zone("pin", 7, {"a.pin": "x.pin", "b.pin": "x.pin"}, {"x.pin": ("::2", "::3")})
    other = conf.Zone("pin", 7, {"b.pin": "x.pin", "a.pin": "x.pin"}, {"x.pin": ("::3", "::2")})
    assert conf.render(one) == conf.render(other)


def test_a_zone_is_parsed() -> None:
    body = bare(*RECORDS)
    assert parsed(with_header(body)) == conf.Zone(
        domain="pin",
        serial=7,
        cnames={"irc.pin": "kfbox.pin"},
        addresses={"kfbox.pin": ("fd00::2",)},
        sha256=hashlib.sha256(body).hexdigest(),
    )


def test_a_zone_without_header_has_serial_0() -> None:
    body = bare(*RECORDS)
    assert parsed(body) == conf.Zone(
        domain="pin",
        serial=0,
        cnames={"irc.pin": "kfbox.pin"},
        addresses={"kfbox.pin": ("fd00::2",)},
        sha256=hashlib.sha256(body).hexdigest(),
    )


def test_records_are_counted() -> None:
    made = parsed(bare("a.pin. A 192.0.2.1", "a.pin. AAAA ::2", "b.pin. CNAME a.pin."))
    assert made.records == 3


@pytest.mark.parametrize("content", [bare(), with_header(bare())], ids=["bare", "header"])
def test_a_zone_may_be_empty(content: bytes) -> None:
    made = parsed(content)
    assert (made.cnames, made.addresses, made.records) == ({}, {}, 0)


def test_without_header_neither_order_nor_repetition_nor_case_matters() -> None:
    made = parsed(bare("Irc.PIN. CNAME KFbox.pin.", "a.pin. CNAME kiwi.pin.", RECORDS[0]))
    assert made.cnames == {"irc.pin": "kfbox.pin", "a.pin": "kiwi.pin"}


def test_without_header_addresses_may_be_in_any_order_and_are_sorted() -> None:
    made = parsed(bare("a.pin. AAAA ::2", "a.pin. A 192.0.2.2", "a.pin. A 192.0.2.1"))
    assert made.addresses == {"a.pin": ("192.0.2.1", "192.0.2.2", "::2")}


def test_a_zone_of_a_domain_with_two_labels() -> None:
    content = b'local-zone: "clan.lol." transparent\nlocal-data: "a.clan.lol. CNAME b.clan.lol."\n'
    assert parsed(content, "clan.lol").cnames == {"a.clan.lol": "b.clan.lol"}


def test_the_dot_of_a_domain_is_not_a_wildcard() -> None:
    content = b'local-zone: "clan.lol." transparent\nlocal-data: "a.clanxlol. CNAME b.clan.lol."\n'
    assert refusal(content, "clan.lol") == snapshot(
        "zone.conf:2: 'a.clanxlol.' is not below the domain 'clan.lol.'"
    )


@pytest.mark.parametrize(
    "record",
    [
        "*.pin. CNAME kfbox.pin.",
        "*.irc.pin. CNAME kfbox.pin.",
        "*.pin. A 192.0.2.1",
        "_x.a_b.pin. CNAME kfbox.pin.",
        "a--b.pin. CNAME 0.pin.",
        "x.pin. CNAME a.b.c.pin.",
        "x._dm-dns.pin. CNAME kfbox.pin.",
        "x.pin. CNAME y._dm-dns.pin.",
        f"{LABEL_63}.pin. CNAME b.{LABEL_63}.pin.",
        f"{LABEL_63}.{LABEL_63}.{LABEL_63}.{'b' * 57}.pin. CNAME kfbox.pin.",
        f"x.pin. CNAME {LABEL_63}.{LABEL_63}.{LABEL_63}.{'b' * 57}.pin.",
        "x.pin. AAAA ::",
        "x.pin. AAAA ::ffff:192.0.2.1",
        "x.pin. A 255.255.255.255",
    ],
)
def test_a_record_is_accepted(record: str) -> None:
    made = parsed(with_header(bare(record)))
    owner, _kind, rdata = record.split(" ")
    assert {**made.cnames, **made.addresses} in (
        {owner.removesuffix("."): rdata.removesuffix(".")},
        {owner.removesuffix("."): (rdata,)},
    )


def test_serials_go_up_to_32_bits() -> None:
    assert parsed(with_header(bare(), serial=0)).serial == 0
    assert parsed(with_header(bare(), serial=4294967295)).serial == 4294967295


def test_aliases_may_lead_through_aliases() -> None:
    made = parsed(
        bare(
            "a.pin. CNAME b.pin.",
            "b.pin. CNAME c.pin.",
            "d.pin. CNAME b.pin.",
            "c.pin. A 192.0.2.1",
        )
    )
    assert made.records == 4


@pytest.mark.parametrize(
    ("record", "message"),
    [
        pytest.param(
            "irc.pin. CNAME example.com.",
            snapshot(
                "zone.conf:2: the target 'example.com.' is not a name below the domain 'pin.'"
            ),
            id="target-outside",
        ),
        pytest.param(
            "irc.pin. CNAME pin.",
            snapshot("zone.conf:2: the target 'pin.' is not a name below the domain 'pin.'"),
            id="target-apex",
        ),
        pytest.param(
            "irc.pin. CNAME kfbox.pin",
            snapshot("zone.conf:2: the target 'kfbox.pin' is not a name below the domain 'pin.'"),
            id="target-without-dot",
        ),
        pytest.param(
            "irc.pin. CNAME *.pin.",
            snapshot("zone.conf:2: the target '*.pin.' is not a name below the domain 'pin.'"),
            id="target-wildcard",
        ),
        pytest.param(
            "irc.pin. CNAME -x.pin.",
            snapshot("zone.conf:2: the target '-x.pin.' is not a name below the domain 'pin.'"),
            id="target-invalid",
        ),
        pytest.param(
            "irc.pin. CNAME ",
            snapshot("zone.conf:2: the target '' is not a name below the domain 'pin.'"),
            id="target-empty",
        ),
        pytest.param(
            "irc.pin. CNAME",
            snapshot("zone.conf:2: the target '' is not a name below the domain 'pin.'"),
            id="no-target",
        ),
        pytest.param(
            "example.com. CNAME kfbox.pin.",
            snapshot("zone.conf:2: 'example.com.' is not below the domain 'pin.'"),
            id="outside",
        ),
        pytest.param(
            "irc.mypin. CNAME kfbox.pin.",
            snapshot("zone.conf:2: 'irc.mypin.' is not below the domain 'pin.'"),
            id="outside-letters",
        ),
        pytest.param(
            "irc.pin.example.com. CNAME kfbox.pin.",
            snapshot("zone.conf:2: 'irc.pin.example.com.' is not below the domain 'pin.'"),
            id="outside-middle",
        ),
        pytest.param(
            "irc.pin CNAME kfbox.pin.",
            snapshot("zone.conf:2: 'irc.pin' is not below the domain 'pin.'"),
            id="owner-without-dot",
        ),
        pytest.param(
            "irc.pin.. CNAME kfbox.pin.",
            snapshot("zone.conf:2: 'irc.pin..' is not below the domain 'pin.'"),
            id="owner-two-dots",
        ),
        pytest.param(
            "pin. CNAME kfbox.pin.",
            snapshot("zone.conf:2: 'pin.' is not below the domain 'pin.'"),
            id="apex",
        ),
        pytest.param(
            "pin. A 192.0.2.1",
            snapshot("zone.conf:2: 'pin.' is not below the domain 'pin.'"),
            id="apex-address",
        ),
        pytest.param(
            ".pin. A 192.0.2.1",
            snapshot(
                "zone.conf:2: '.pin.' is not a valid name: it has an empty label (two dots in a row, or one at its start)"
            ),
            id="empty-label",
        ),
        pytest.param(
            "@ CNAME kfbox.pin.",
            snapshot("zone.conf:2: '@' is not below the domain 'pin.'"),
            id="at-sign",
        ),
        pytest.param(
            f"{LABEL_63}a.pin. CNAME kfbox.pin.",
            snapshot(
                "zone.conf:2: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.pin.' is not a valid name: a label of it has 64 characters; a label has at most 63"
            ),
            id="label-64",
        ),
        pytest.param(
            f"a{f'.{LABEL_63}' * 4}.pin. A 192.0.2.1",
            snapshot(
                "zone.conf:2: 'a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaa...' is not a valid name: it has 261 characters; a name has at most 253"
            ),
            id="name-260",
        ),
        pytest.param(
            "irc.*.pin. CNAME kfbox.pin.",
            snapshot(
                "zone.conf:2: 'irc.*.pin.' is not a valid name: '*' is allowed only as the whole first label"
            ),
            id="wildcard-middle",
        ),
        pytest.param(
            "a/b.pin. CNAME kfbox.pin.",
            snapshot(
                "zone.conf:2: 'a/b.pin.' is not a valid name: '/' is not allowed in a name; use letters, digits, '-' and '_'"
            ),
            id="character",
        ),
        pytest.param(
            "a\\046b.pin. CNAME kfbox.pin.",
            snapshot(
                "zone.conf:2: 'a\\\\046b.pin.' is not a valid name: '\\\\' is not allowed in a name; use letters, digits, '-' and '_'"
            ),
            id="escape",
        ),
        pytest.param(
            "irc.pin. 300 CNAME kfbox.pin.",
            snapshot("zone.conf:2: expected CNAME, A or AAAA after the name, found '300'"),
            id="ttl",
        ),
        pytest.param(
            "irc.pin. IN CNAME kfbox.pin.",
            snapshot("zone.conf:2: expected CNAME, A or AAAA after the name, found 'IN'"),
            id="class",
        ),
        pytest.param(
            "irc.pin. TXT hello",
            snapshot("zone.conf:2: expected CNAME, A or AAAA after the name, found 'TXT'"),
            id="txt",
        ),
        pytest.param(
            "irc.pin. MX 10 kfbox.pin.",
            snapshot("zone.conf:2: expected CNAME, A or AAAA after the name, found 'MX'"),
            id="mx",
        ),
        pytest.param(
            "irc.pin. cname kfbox.pin.",
            snapshot("zone.conf:2: expected CNAME, A or AAAA after the name, found 'cname'"),
            id="type-lower-case",
        ),
        pytest.param(
            "irc.pin.",
            snapshot("zone.conf:2: expected CNAME, A or AAAA after the name, found ''"),
            id="only-owner",
        ),
        pytest.param("", snapshot("zone.conf:2: '' is not below the domain 'pin.'"), id="nothing"),
        pytest.param(
            "irc.pin.  CNAME kfbox.pin.",
            snapshot("zone.conf:2: expected CNAME, A or AAAA after the name, found ''"),
            id="two-spaces",
        ),
        pytest.param(
            " irc.pin. CNAME kfbox.pin.",
            snapshot("zone.conf:2: '' is not below the domain 'pin.'"),
            id="leading-space",
        ),
        pytest.param(
            "irc.pin.\tCNAME\tkfbox.pin.",
            snapshot(
                "zone.conf:2: 'irc.pin.\\tCNAME\\tkfbox.pin.' is not a valid name: '\\t' is not allowed in a name; use letters, digits, '-' and '_'"
            ),
            id="tab",
        ),
        pytest.param(
            "irc.pin. A fd00::1",
            snapshot("zone.conf:2: 'fd00::1' is not an address of type A"),
            id="a-ipv6",
        ),
        pytest.param(
            "irc.pin. AAAA 192.0.2.1",
            snapshot("zone.conf:2: '192.0.2.1' is not an address of type AAAA"),
            id="aaaa-ipv4",
        ),
        pytest.param(
            "irc.pin. A 192.0.2.256",
            snapshot("zone.conf:2: '192.0.2.256' is not an address of type A"),
            id="a-256",
        ),
        pytest.param(
            "irc.pin. A 192.0.2.01",
            snapshot("zone.conf:2: '192.0.2.01' is not an address of type A"),
            id="a-zero",
        ),
        pytest.param(
            "irc.pin. AAAA fd00:0::1",
            snapshot("zone.conf:2: 'fd00:0::1' is not an address of type AAAA"),
            id="aaaa-not-canonical",
        ),
        pytest.param(
            "irc.pin. AAAA FD00::1",
            snapshot("zone.conf:2: expected one address after AAAA, found 'FD00::1'"),
            id="aaaa-upper-case",
        ),
        pytest.param(
            "irc.pin. AAAA fe80::1%eth0",
            snapshot("zone.conf:2: expected one address after AAAA, found 'fe80::1%eth0'"),
            id="aaaa-zone",
        ),
        pytest.param(
            "irc.pin. A kfbox.pin.",
            snapshot("zone.conf:2: expected one address after A, found 'kfbox.pin.'"),
            id="a-name",
        ),
        pytest.param(
            "irc.pin. A 192.0.2.1 192.0.2.2",
            snapshot("zone.conf:2: expected one address after A, found '192.0.2.1 192.0.2.2'"),
            id="two-addresses",
        ),
        pytest.param(
            "irc.pin. CNAME irc.pin.",
            snapshot(
                "zone.conf:2: a CNAME loop: irc.pin points to itself, directly or through others"
            ),
            id="itself",
        ),
        pytest.param(
            "_dm-dns.pin. A 192.0.2.1",
            snapshot("zone.conf:2: _dm-dns.pin is reserved for the status of dm-dns"),
            id="reserved",
        ),
        pytest.param(
            "_dm-dns.pin. CNAME kfbox.pin.",
            snapshot("zone.conf:2: _dm-dns.pin is reserved for the status of dm-dns"),
            id="reserved-cname",
        ),
    ],
)
def test_a_record_that_breaks_a_rule_is_refused(record: str, message: str) -> None:
    found = refusal(bare(record))
    assert found == message
    assert refusal(with_header(bare(record))) == found.replace(":2: ", ":6: ", 1)


@pytest.mark.parametrize("rest", [" ", " kiwi.pin.", " 300"])
def test_something_after_a_target_is_refused_and_not_called_an_address(rest: str) -> None:
    message = refusal(bare(f"irc.pin. CNAME kfbox.pin.{rest}"))
    assert message.startswith("zone.conf:2: expected one ")
    assert f"found 'kfbox.pin.{rest}'" in message
    assert "address" not in message


def test_the_reserved_name_is_not_a_target_because_it_has_its_own_record() -> None:
    assert "reserved" in refusal(with_header(bare("irc.pin. CNAME _dm-dns.pin.")))


@pytest.mark.parametrize("labels", [3, 4])
def test_a_target_longer_than_a_name_is_refused(labels: int) -> None:
    target = f"{LABEL_63}." * labels + f"{'b' * 58}.pin"
    assert f"it has {len(target)} characters" in refusal(
        with_header(bare(f"irc.pin. CNAME {target}."))
    )


@pytest.mark.parametrize(
    ("records", "message"),
    [
        pytest.param(
            ["irc.pin. CNAME kiwi.pin.", RECORDS[0]],
            snapshot(
                "zone.conf:2: a second CNAME for irc.pin, which already points to kfbox.pin: a name of several machines needs their addresses instead"
            ),
            id="two-cnames",
        ),
        pytest.param(
            ["irc.pin. A 192.0.2.1", RECORDS[0]],
            snapshot("zone.conf:3: a CNAME and an address for one name: irc.pin"),
            id="cname-and-address",
        ),
        pytest.param(
            ["IRC.pin. A 192.0.2.1", RECORDS[0]],
            snapshot("zone.conf:3: a CNAME and an address for one name: irc.pin"),
            id="the-same-in-case",
        ),
    ],
)
def test_records_that_contradict_each_other_are_refused(records: list[str], message: str) -> None:
    assert refusal(bare(*records)) == message


LOOP_OF_TWO = ("a.pin. CNAME b.pin.", "b.pin. CNAME a.pin.", "c.pin. CNAME a.pin.")
LOOP_BEHIND_ALIAS = ("a.pin. CNAME b.pin.", "b.pin. CNAME c.pin.", "c.pin. CNAME b.pin.")
# The first chain that is followed starts at a name that is not part of the loop.
LOOP_BEHIND_TWO = (
    "a.pin. CNAME b.pin.",
    "b.pin. CNAME c.pin.",
    "c.pin. CNAME b.pin.",
    "d.pin. CNAME a.pin.",
)


@pytest.mark.parametrize("records", [LOOP_OF_TWO, LOOP_BEHIND_ALIAS, LOOP_BEHIND_TWO])
def test_aliases_that_lead_in_a_circle_are_refused(records: tuple[str, ...]) -> None:
    message = refusal(bare(*records))
    found = re.fullmatch(r"zone\.conf:(\d+): a CNAME loop: (\S+) points to itself.*", message)
    assert found is not None
    assert records[int(found[1]) - 2].startswith(f"{found[2]}. ")
    loop = {"a.pin", "b.pin"} if records is LOOP_OF_TWO else {"b.pin", "c.pin"}
    assert found[2] in loop


@pytest.mark.parametrize(
    "records",
    [
        LOOP_OF_TWO,
        LOOP_BEHIND_ALIAS,
        ("a.pin. A 192.0.2.1", "a.pin. CNAME x.pin.", "b.pin. A ::1", "b.pin. CNAME x.pin."),
    ],
)
def test_the_message_about_a_file_is_always_the_same(records: tuple[str, ...]) -> None:
    script = (
        "import sys; from dm_dns.zone import conf\n"
        "try: conf.parse(sys.stdin.buffer.read(), 'pin', 'zone.conf')\n"
        "except conf.FileError as error: print(error)"
    )
    messages = {
        subprocess.run(
            [sys.executable, "-c", script],
            input=bare(*records),
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in range(8)
    }
    assert len(messages) == 1


@pytest.mark.parametrize(
    ("records", "message"),
    [
        pytest.param(
            RECORDS[::-1],
            snapshot("zone.conf:7: the lines are not sorted, or this line is repeated"),
            id="order",
        ),
        pytest.param(
            [RECORDS[0]] * 2,
            snapshot("zone.conf:7: the lines are not sorted, or this line is repeated"),
            id="twice",
        ),
        pytest.param(
            ["a.pin. AAAA ::2", "a.pin. A 192.0.2.2"],
            snapshot("zone.conf:7: the lines are not sorted, or this line is repeated"),
            id="types",
        ),
        pytest.param(
            ["a.pin. CNAME x.pin.", "*.pin. CNAME x.pin."],
            snapshot("zone.conf:7: the lines are not sorted, or this line is repeated"),
            id="wildcard",
        ),
    ],
)
def test_with_header_records_that_are_not_sorted_are_refused(
    records: list[str], message: str
) -> None:
    assert refusal(with_header(bare(*records))) == message


@pytest.mark.parametrize("record", ["IRC.pin. CNAME kfbox.pin.", "irc.PIN. A 192.0.2.1"])
def test_with_header_upper_case_is_refused_as_that(record: str) -> None:
    message = refusal(with_header(bare(record)))
    assert record.partition(" ")[0] in message
    assert "below the domain" not in message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param(
            ZONE_LINE,
            snapshot("zone.conf:2: a second local-zone line; a zone.conf has exactly one"),
            id="local-zone-twice",
        ),
        pytest.param(
            'local-zone: "example.com." refuse',
            snapshot("zone.conf:2: a second local-zone line; a zone.conf has exactly one"),
            id="local-zone-other",
        ),
        pytest.param(
            "# a comment",
            snapshot("zone.conf:2: expected a comment '# key: value', found '# a comment'"),
            id="comment",
        ),
        pytest.param(
            "", snapshot("zone.conf:2: neither a local-zone nor a local-data line: ''"), id="empty"
        ),
        pytest.param(
            " ",
            snapshot("zone.conf:2: neither a local-zone nor a local-data line: ' '"),
            id="space",
        ),
        pytest.param(
            'include: "/etc/shadow"',
            snapshot(
                "zone.conf:2: neither a local-zone nor a local-data line: 'include: \"/etc/shadow\"'"
            ),
            id="include",
        ),
        pytest.param(
            "$INCLUDE /etc/shadow",
            snapshot(
                "zone.conf:2: neither a local-zone nor a local-data line: '$INCLUDE /etc/shadow'"
            ),
            id="$INCLUDE",
        ),
        pytest.param(
            "$ORIGIN example.com.",
            snapshot(
                "zone.conf:2: neither a local-zone nor a local-data line: '$ORIGIN example.com.'"
            ),
            id="$ORIGIN",
        ),
        pytest.param(
            "forward-zone:",
            snapshot("zone.conf:2: neither a local-zone nor a local-data line: 'forward-zone:'"),
            id="forward-zone",
        ),
        pytest.param(
            "server:",
            snapshot("zone.conf:2: neither a local-zone nor a local-data line: 'server:'"),
            id="server",
        ),
        pytest.param(
            f"\t{data(RECORDS[0])}",
            snapshot(
                "zone.conf:2: neither a local-zone nor a local-data line: '\\tlocal-data: \"irc.pin. CNAME kfbox.pin.\"'"
            ),
            id="indented",
        ),
        pytest.param(
            f"{data(RECORDS[0])} ",
            snapshot(
                "zone.conf:2: neither a local-zone nor a local-data line: 'local-data: \"irc.pin. CNAME kfbox.pin.\" '"
            ),
            id="trailing-space",
        ),
        pytest.param(
            f"{data(RECORDS[0])} # a comment",
            snapshot(
                "zone.conf:2: neither a local-zone nor a local-data line: 'local-data: \"irc.pin. CNAME kfbox.pin.\" # a comment'"
            ),
            id="trailing-comment",
        ),
        pytest.param(
            f"{data(RECORDS[0])}\r",
            snapshot(
                "zone.conf:2: neither a local-zone nor a local-data line: 'local-data: \"irc.pin. CNAME kfbox.pin.\"\\r'"
            ),
            id="carriage-return",
        ),
        pytest.param(
            data(RECORDS[0]) * 2,
            snapshot(
                'zone.conf:2: neither a local-zone nor a local-data line: \'local-data: "irc.pin. CNAME kfbox.pin."local-data: "irc.pin. CNAME kfbox.pin."\''
            ),
            id="two-on-a-line",
        ),
        pytest.param(
            data(RECORDS[0]).replace('"', "'"),
            snapshot(
                "zone.conf:2: neither a local-zone nor a local-data line: \"local-data: 'irc.pin. CNAME kfbox.pin.'\""
            ),
            id="apostrophes",
        ),
        pytest.param(
            data(RECORDS[0]).replace(": ", ":"),
            snapshot(
                "zone.conf:2: neither a local-zone nor a local-data line: 'local-data:\"irc.pin. CNAME kfbox.pin.\"'"
            ),
            id="no-space",
        ),
        pytest.param(
            data(RECORDS[0]).upper(),
            snapshot(
                "zone.conf:2: neither a local-zone nor a local-data line: 'LOCAL-DATA: \"IRC.PIN. CNAME KFBOX.PIN.\"'"
            ),
            id="upper-case",
        ),
        pytest.param(
            'local-data-ptr: "192.0.2.1 irc.pin."',
            snapshot(
                "zone.conf:2: neither a local-zone nor a local-data line: 'local-data-ptr: \"192.0.2.1 irc.pin.\"'"
            ),
            id="local-data-ptr",
        ),
        pytest.param(
            "\x00\x1b[31m",
            snapshot("zone.conf:2: neither a local-zone nor a local-data line: '\\x00\\x1b[31m'"),
            id="control-characters",
        ),
        pytest.param(
            "x" * 200,
            snapshot(
                "zone.conf:2: neither a local-zone nor a local-data line: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'"
            ),
            id="long",
        ),
    ],
)
def test_a_line_of_another_kind_is_refused(line: str, message: str) -> None:
    assert refusal(bare() + f"{line}\n".encode()) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            b"",
            snapshot(
                "zone.conf:1: the file is empty; a zone.conf has at least its local-zone line"
            ),
            id="empty",
        ),
        pytest.param(
            b"\n",
            snapshot("zone.conf:1: expected 'local-zone: \"pin.\" transparent', found ''"),
            id="newline",
        ),
        pytest.param(
            b"\0",
            snapshot(
                "zone.conf:1: the last line has no newline: it was cut short or changed; send it again"
            ),
            id="nul",
        ),
        pytest.param(
            b"\0\n",
            snapshot("zone.conf:1: expected 'local-zone: \"pin.\" transparent', found '\\x00'"),
            id="nul-line",
        ),
        pytest.param(
            b"\xef\xbb\xbf" + bare(),
            snapshot("zone.conf:1: byte 0xef is not ASCII"),
            id="byte-order-mark",
        ),
        pytest.param(
            bare().decode().encode("utf-16"),
            snapshot("zone.conf:1: byte 0xff is not ASCII"),
            id="utf-16",
        ),
        pytest.param(
            bare("b\u00fc.pin. CNAME x.pin."),
            snapshot("zone.conf:2: byte 0xc3 is not ASCII"),
            id="not-ascii",
        ),
        pytest.param(
            bare(*RECORDS)[:-1],
            snapshot(
                "zone.conf:3: the last line has no newline: it was cut short or changed; send it again"
            ),
            id="no-newline",
        ),
        pytest.param(
            bare(*RECORDS)[:-9],
            snapshot(
                "zone.conf:3: the last line has no newline: it was cut short or changed; send it again"
            ),
            id="cut-short",
        ),
        pytest.param(
            bare(*RECORDS) + b"\n",
            snapshot("zone.conf:4: neither a local-zone nor a local-data line: ''"),
            id="empty-last-line",
        ),
        pytest.param(
            bare(*RECORDS).replace(b"\n", b"\r\n"),
            snapshot(
                "zone.conf:1: expected 'local-zone: \"pin.\" transparent', found 'local-zone: \"pin.\" transparent\\r'"
            ),
            id="crlf",
        ),
        pytest.param(
            bare(*RECORDS).replace(b"\n", b"\r"),
            snapshot(
                "zone.conf:1: the last line has no newline: it was cut short or changed; send it again"
            ),
            id="cr",
        ),
        pytest.param(
            f"{data(RECORDS[0])}\n".encode(),
            snapshot(
                "zone.conf:1: expected 'local-zone: \"pin.\" transparent', found 'local-data: \"irc.pin. CNAME kfbox.pin.\"'"
            ),
            id="no-local-zone",
        ),
        pytest.param(
            bare().replace(b"pin", b"PIN"),
            snapshot(
                "zone.conf:1: expected 'local-zone: \"pin.\" transparent', found 'local-zone: \"PIN.\" transparent'"
            ),
            id="domain-case",
        ),
        pytest.param(
            bare().replace(b"pin.", b"pin"),
            snapshot(
                "zone.conf:1: expected 'local-zone: \"pin.\" transparent', found 'local-zone: \"pin\" transparent'"
            ),
            id="domain-without-dot",
        ),
        pytest.param(
            bare().replace(b"pin", b"example"),
            snapshot(
                "zone.conf:1: expected 'local-zone: \"pin.\" transparent', found 'local-zone: \"example.\" transparent'"
            ),
            id="another-domain",
        ),
        pytest.param(
            bare().replace(b"transparent", b"static"),
            snapshot(
                "zone.conf:1: expected 'local-zone: \"pin.\" transparent', found 'local-zone: \"pin.\" static'"
            ),
            id="zone-type",
        ),
    ],
)
def test_a_file_that_is_not_a_zone_is_refused(content: bytes, message: str) -> None:
    assert refusal(content) == message


GOOD = with_header(bare(*RECORDS))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            with_header(bare(*RECORDS), version=2),
            snapshot("zone.conf:1: this dm-dns does not know zone format 2: update dm-dns"),
            id="version-2",
        ),
        pytest.param(
            with_header(bare(), version=0),
            snapshot("zone.conf:1: this dm-dns does not know zone format 0: update dm-dns"),
            id="version-0",
        ),
        pytest.param(
            with_header(bare(), version="01"),
            snapshot("zone.conf:1: expected '# dm-dns zone VERSION', found '# dm-dns zone 01'"),
            id="version-01",
        ),
        pytest.param(
            with_header(bare(), serial=4294967296),
            snapshot("zone.conf:2: serial 4294967296 is larger than 4294967295"),
            id="serial-33-bits",
        ),
        pytest.param(
            with_header(bare(), serial="9" * 11),
            snapshot("zone.conf:2: serial 99999999999 is larger than 4294967295"),
            id="serial-11-digits",
        ),
        pytest.param(
            with_header(bare(), serial=-1),
            snapshot("zone.conf:2: expected '# serial: NUMBER', found '# serial: -1'"),
            id="serial-negative",
        ),
        pytest.param(
            with_header(bare(), serial="+7"),
            snapshot("zone.conf:2: expected '# serial: NUMBER', found '# serial: +7'"),
            id="serial-sign",
        ),
        pytest.param(
            with_header(bare(), serial="07"),
            snapshot("zone.conf:2: expected '# serial: NUMBER', found '# serial: 07'"),
            id="serial-zero",
        ),
        pytest.param(
            with_header(bare(), serial=""),
            snapshot("zone.conf:2: expected '# serial: NUMBER', found '# serial: '"),
            id="serial-empty",
        ),
        pytest.param(
            with_header(bare(), serial="7 "),
            snapshot("zone.conf:2: expected '# serial: NUMBER', found '# serial: 7 '"),
            id="serial-space",
        ),
        pytest.param(
            with_header(bare(*RECORDS), records=1),
            snapshot(
                "zone.conf:3: the header counts 1 records, the file has 2: it was cut short or changed; send it again"
            ),
            id="count-low",
        ),
        pytest.param(
            with_header(bare(*RECORDS), records=3),
            snapshot(
                "zone.conf:3: the header counts 3 records, the file has 2: it was cut short or changed; send it again"
            ),
            id="count-high",
        ),
        pytest.param(
            GOOD.replace(b"irc", b"icr"),
            snapshot(
                "zone.conf:4: the hash is not that of the lines below the header: it was cut short or changed; send it again"
            ),
            id="hash",
        ),
        pytest.param(
            GOOD.replace(b"\n# sha256: ", b"\n# sha256: 0"),
            snapshot(
                "zone.conf:4: expected '# sha256: 64 hexadecimal digits', found '# sha256: 060e07f45b051aabc12fdf6d514ef30dca2f3fd568c163e62ee34e59f1c70fb5e'"
            ),
            id="hash-65",
        ),
        pytest.param(
            GOOD.replace(b"# sha256: ", b"# SHA256: "),
            snapshot(
                "zone.conf:4: expected '# sha256: 64 hexadecimal digits', found '# SHA256: 60e07f45b051aabc12fdf6d514ef30dca2f3fd568c163e62ee34e59f1c70fb5e'"
            ),
            id="hash-name",
        ),
        pytest.param(
            GOOD.replace(b"# records: 2\n", b""),
            snapshot(
                "zone.conf:3: expected '# records: NUMBER', found '# sha256: 60e07f45b051aabc12fdf6d514ef30dca2f3fd568c163e62ee34e59f1c70fb5e'"
            ),
            id="line-missing",
        ),
        pytest.param(
            b"# a comment\n" + bare(),
            snapshot("zone.conf:1: expected '# dm-dns zone VERSION', found '# a comment'"),
            id="comment",
        ),
        pytest.param(
            b"#\n",
            snapshot("zone.conf:1: expected '# dm-dns zone VERSION', found '#'"),
            id="one-line",
        ),
        pytest.param(
            b"# a comment\n" + GOOD,
            snapshot("zone.conf:1: expected '# dm-dns zone VERSION', found '# a comment'"),
            id="comment-before",
        ),
        pytest.param(
            GOOD.replace(b"\n", b"\r\n"),
            snapshot("zone.conf:1: expected '# dm-dns zone VERSION', found '# dm-dns zone 1\\r'"),
            id="crlf",
        ),
        pytest.param(
            b"\n".join(GOOD.split(b"\n")[:2]) + b"\n",
            snapshot("zone.conf:3: expected '# records: NUMBER', found ''"),
            id="cut-in-header",
        ),
        pytest.param(
            b"\n".join(GOOD.split(b"\n")[:6]) + b"\n",
            snapshot(
                "zone.conf:3: the header counts 2 records, the file has 1: it was cut short or changed; send it again"
            ),
            id="cut-at-a-line",
        ),
        pytest.param(
            GOOD[:-10],
            snapshot(
                "zone.conf:7: the last line has no newline: it was cut short or changed; send it again"
            ),
            id="cut-in-a-line",
        ),
        pytest.param(
            GOOD + GOOD,
            snapshot(
                "zone.conf:3: the header counts 2 records, the file has 9: it was cut short or changed; send it again"
            ),
            id="twice",
        ),
        pytest.param(
            with_header(GOOD),
            snapshot(
                "zone.conf:5: expected 'local-zone: \"pin.\" transparent', found '# dm-dns zone 1'"
            ),
            id="two-headers",
        ),
    ],
)
def test_a_header_that_does_not_fit_is_refused(content: bytes, message: str) -> None:
    assert refusal(content) == message


def test_a_future_format_is_told_as_that_whatever_its_header() -> None:
    assert "update dm-dns" in refusal(b"# dm-dns zone 2\n# key: value\n" + bare())


def test_a_header_with_nothing_below_it_is_refused_with_a_count_that_can_be() -> None:
    message = refusal(with_header(b"", records=0))
    assert "-1" not in message
    assert "local-zone" in message or "cut short" in message


def test_reading_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.conf").write_bytes(GOOD)
    Path("b.conf").write_bytes(b"#\n")
    assert conf.read(Path("a.conf"), "pin") == parsed(GOOD)
    with pytest.raises(FileError, match=r"^b\.conf:1: "):
        conf.read(Path("b.conf"), "pin")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("FD00:0::0001", "fd00::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("::FFFF:c000:201", "::ffff:192.0.2.1"),
        ("", None),
        ("kfbox.pin", None),
        ("192.0.2", None),
        ("0x7f.1", None),
        ("192.000.002.001", None),
        ("fd00::1/64", None),
        ("fe80::1%lo", None),
        (" 192.0.2.1", None),
        ("192.0.2.1\n", None),
        ("fd00::1\0", None),
        ("192.0.2.1\0", None),
        ("\u0661.0.2.1", None),
        ("\ud800::1", None),
    ],
)
def test_the_text_form_of_addresses(text: str, expected: str | None) -> None:
    assert conf.canonical_address(text) == expected


def test_addresses_are_in_order_once_each() -> None:
    mixed = ["fd00::2", "192.0.2.10", "fd00::1", "192.0.2.2", "fd00::2"]
    assert conf.in_order(mixed) == ("192.0.2.10", "192.0.2.2", "fd00::1", "fd00::2")


def test_the_reserved_name_is_the_one_of_names() -> None:
    assert f"{names.STATUS_LABEL}.pin is reserved" in refusal(bare("_dm-dns.pin. A 192.0.2.1"))


@pytest.mark.parametrize(
    ("content", "serial"), [(with_header(bare(*RECORDS), serial=5), 5), (bare(*RECORDS), 0)]
)
def test_serial_and_domain_can_be_read_without_the_records(content: bytes, serial: int) -> None:
    assert conf.read_serial(content, "zone.conf") == serial
    assert conf.read_domain(content, "zone.conf") == "pin"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"nonsense\n",
            "zone.conf:1: expected 'local-zone: \"DOMAIN.\" transparent', found 'nonsense'",
        ),
        (b"# nonsense\n", "zone.conf:1: expected '# dm-dns zone VERSION', found '# nonsense'"),
        (
            b'local-zone: "a..b." transparent\n',
            "zone.conf:1: the domain 'a..b' is not a valid name: it has an empty label (two dots in a row, or one at its start)",
        ),
        (
            with_header(bare(*RECORDS))[:-3],
            "zone.conf:7: the last line has no newline: it was cut short or changed; send it again",
        ),
    ],
)
@pytest.mark.parametrize("read", [conf.read_serial, conf.read_domain])
def test_of_what_is_not_valid_neither_is_read(
    content: bytes, reason: str, read: Callable[[bytes, str], object]
) -> None:
    with pytest.raises(FileError) as caught:
        read(content, "zone.conf")
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("comment", "reason"),
    [
        ("machine-without-address: {name}.", "is not a machine's name below the domain"),
        ("shared-name: {name}. a.{domain}.", "is not a name below the domain"),
        ("shared-name: *.{domain}. {name}.", "is not a machine's name below the domain"),
    ],
)
def test_a_comment_names_what_can_be_a_name(comment: str, reason: str) -> None:
    domain = ".".join([LABEL_63, LABEL_63, "a" * 62])
    longest, longer = (f"{label}.{domain}" for label in ("a" * 62, LABEL_63))
    assert (len(longest), len(longer)) == (names.MAX_NAME, names.MAX_NAME + 1)

    def content(name: str) -> bytes:
        line = comment.format(name=name, domain=domain)
        body = f'local-zone: "{domain}." transparent\n# {line}\n'
        return with_header(body.encode(), records=0)

    read = parsed(content(longest), domain)
    assert longest in {*read.addresses, *(one for some in read.shared.values() for one in some)}
    assert reason in refusal(content(longer), domain)
