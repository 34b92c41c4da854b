"""DNS messages, compared with those of dnspython."""

import dns.edns
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dm_dns.node import dns_message
from dm_dns.node.dns_message import MessageError, Record

DETERMINISTIC = settings(derandomize=True, database=None, deadline=None, max_examples=500)
SOA = "ns.pin. root.pin. 7 3600 600 86400 5"
RECORDS = [
    ("chat.pin", "CNAME", "kiwi.pin."),
    ("kiwi.pin", "A", "192.0.2.1"),
    ("kiwi.pin", "AAAA", "fd00::1"),
    ("pin", "NS", "ns.pin."),
    ("pin", "SOA", SOA),
    ("_dm-dns.pin", "TXT", '"serial=7" "file=1"'),
]


def response(question: str, kind: str, *records: tuple[str, str, str]) -> dns.message.Message:
    message = dns.message.make_response(dns.message.make_query(question, kind))
    for owner, record_kind, data in records:
        message.answer.append(dns.rrset.from_text(f"{owner}.", 5, "IN", record_kind, data))
    return message


def as_text(record: Record) -> str:
    """Return a record as dnspython writes it, read from its wire format alone."""
    header = b"\0\0\x80\0\0\0\0\1\0\0\0\0"
    [rrset] = dns.message.from_wire(header + record.wire()).answer
    return rrset.to_text()


def test_an_alias_leads_from_a_name_to_another() -> None:
    cname = dns_message.alias("Chat.pin", dns_message.CNAME, "kiwi.pin", ttl=5)
    assert as_text(cname) == "Chat.pin. 5 IN CNAME kiwi.pin."
    ptr = dns_message.alias("1.0.0.10.in-addr.arpa", dns_message.PTR, "kiwi.pin.")
    assert as_text(ptr) == "1.0.0.10.in-addr.arpa. 0 IN PTR kiwi.pin."
    with pytest.raises(MessageError):
        dns_message.alias("chat.pin", dns_message.CNAME, "a..pin")


@pytest.mark.parametrize("name", ["pin", "_dm-dns.clan.lol", f"_dm-dns.{'a' * 63}.{'b' * 63}", "."])
def test_a_query_asks_one_question(name: str) -> None:
    query = dns.message.from_wire(dns_message.query(0x1234, name, dns.rdatatype.AAAA))
    assert (query.id, query.opcode(), query.flags) == (0x1234, 0, 0)
    assert [str(asked) for asked in query.question] == [f"{name.rstrip('.')}. IN AAAA"]
    assert query.sections[1:] == [[], [], []]
    assert query.payload == 1232


def test_a_query_may_ask_for_recursion() -> None:
    query = dns.message.from_wire(dns_message.query(1, "pin", dns.rdatatype.A, is_recursive=True))
    assert query.flags == dns.flags.RD


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("Chat.Pin.", (b"Chat", b"Pin", b"")),
        (r"a\.b.pin", (b"a.b", b"pin", b"")),
        (r"a\\b.pin", (b"a\\b", b"pin", b"")),
        (r"a\032b.pin", (b"a b", b"pin", b"")),
        ("b\u00fccher.pin", (b"b\xc3\xbccher", b"pin", b"")),
    ],
)
def test_names_may_have_escapes(name: str, labels: tuple[bytes, ...]) -> None:
    query = dns.message.from_wire(dns_message.query(1, name, dns.rdatatype.A))
    assert query.question[0].name.labels == labels


@pytest.mark.parametrize(
    "name",
    ["a..pin", ".pin", "x" * 64, ".".join(["x" * 63] * 4), "a\\", r"a\999", r"a\1", r"a\1x2"],
)
def test_a_name_that_no_message_can_have_is_an_error(name: str) -> None:
    with pytest.raises(MessageError):
        dns_message.query(1, name, dns.rdatatype.A)


def test_records_are_read_without_compression() -> None:
    message = response("chat.pin", "ANY", *RECORDS)
    wire = message.to_wire()
    assert len(wire) < sum(len(rrset.to_text()) for rrset in message.answer)  # names are compressed
    read = dns_message.parse(wire)
    assert (read.message_id, read.rcode, read.is_truncated) == (message.id, 0, False)
    assert [as_text(record) for record in read.answer] == [
        rrset.to_text() for rrset in message.answer
    ]


@pytest.mark.parametrize(("rcode", "flags"), [(0, "TC"), (2, ""), (3, ""), (5, "")])
def test_the_code_and_truncation_are_read(rcode: int, flags: str) -> None:
    message = response("chat.pin", "A")
    message.set_rcode(dns.rcode.Rcode(rcode))
    message.flags |= dns.flags.from_text(flags)
    read = dns_message.parse(message.to_wire())
    assert (read.rcode, read.is_truncated) == (rcode, flags == "TC")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("A", ["Chat.pin. 5 IN A 192.0.2.1"]),
        ("AAAA", ["Chat.pin. 5 IN AAAA fd00::1"]),
        ("TXT", []),
        ("CNAME", ["Chat.pin. 5 IN CNAME kiwi.pin."]),
    ],
)
def test_the_records_that_an_alias_leads_to_are_those_of_the_name(
    kind: str, expected: list[str]
) -> None:
    records = [RECORDS[0]] + [record for record in RECORDS[1:3] if record[1] == kind]
    read = dns_message.parse(response("chat.pin", kind, *records).to_wire())
    found = read.resolved("Chat.pin", dns.rdatatype.from_text(kind))
    assert [as_text(record) for record in found] == expected


def test_the_lifetime_of_an_alias_counts() -> None:
    message = response("chat.pin", "A", *RECORDS[:2])
    message.answer[1].ttl = 3
    [record] = dns_message.parse(message.to_wire()).resolved("chat.pin", dns.rdatatype.A)
    assert record.ttl == 3


WIRE = response("chat.pin", "ANY", *RECORDS).to_wire()


@pytest.mark.parametrize("size", range(len(WIRE)))
def test_a_message_that_is_cut_off_is_an_error(size: int) -> None:
    with pytest.raises(MessageError):
        dns_message.parse(WIRE[:size])


@DETERMINISTIC
@given(data=st.data())
def test_changed_bytes_are_an_error_or_a_message(data: st.DataObject) -> None:
    wire = bytearray(WIRE)
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = dns_message.parse(bytes(wire))
    except MessageError:
        return
    assert all(record.owner.endswith(b"\0") for record in read.answer)
