# ruff: noqa: E501 - messages stand here as they are printed
"""The messages that `apply` exchanges with unbound, without unbound."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from dm_dns.errors import Error
from dm_dns.node import unbound

DETERMINISTIC = settings(derandomize=True, database=None, deadline=None, max_examples=1000)
NAME = "_dm-dns.pin"
STATUS = '"serial=7 sha256=0 source=mesh" "file=1"'
EXPECTED = "serial=7 sha256=0 source=mesh file=1"


def answer(*records: tuple[str, str, str], question: str = NAME) -> dns.message.Message:
    """Return an answer with ``records``: owner, type and rdata."""
    message = dns.message.make_response(dns.message.make_query(question, "TXT"))
    for owner, kind, rdata in records:
        message.answer.append(dns.rrset.from_text(f"{owner}.", 5, "IN", kind, rdata))
    return message


def read(message: bytes) -> str | None:
    return unbound._first_txt(message)  # noqa: SLF001 - the reader alone, without sockets


GOOD = answer((NAME, "TXT", STATUS)).to_wire()
OWNER = b"\x07_dm-dns\x03pin\0"
AFTER_QUESTION = 12 + len(OWNER) + 4


def test_strings_are_joined_by_spaces() -> None:
    assert read(GOOD) == EXPECTED


def test_a_compressed_owner_is_skipped() -> None:
    assert GOOD[AFTER_QUESTION] >= 0xC0
    assert read(GOOD) == EXPECTED


def test_an_owner_written_out_is_skipped() -> None:
    message = GOOD[:AFTER_QUESTION] + OWNER + GOOD[AFTER_QUESTION + 2 :]
    assert dns.message.from_wire(message) == dns.message.from_wire(GOOD)
    assert read(message) == EXPECTED


def test_an_owner_that_ends_in_a_pointer_is_skipped() -> None:
    owner = b"\x07_dm-dns" + struct.pack(">H", 0xC000 | 12 + 8)
    message = GOOD[:AFTER_QUESTION] + owner + GOOD[AFTER_QUESTION + 2 :]
    assert dns.message.from_wire(message) == dns.message.from_wire(GOOD)
    assert read(message) == EXPECTED


def test_the_txt_record_may_come_after_others() -> None:
    message = answer((NAME, "CNAME", "other.pin."), ("other.pin", "TXT", STATUS)).to_wire()
    assert read(message) == EXPECTED


def test_of_several_txt_records_the_first_counts() -> None:
    message = answer((NAME, "TXT", '"one"'), ("x.pin", "TXT", '"two"')).to_wire()
    assert read(message) == "one"


def test_several_questions_are_skipped() -> None:
    message = answer((NAME, "TXT", STATUS))
    message.question += dns.message.make_query("x.y.pin", "A").question
    assert read(message.to_wire()) == EXPECTED


def test_an_answer_with_edns_is_read() -> None:
    message = answer((NAME, "TXT", STATUS))
    message.use_edns(0, payload=1232)
    assert read(message.to_wire()) == EXPECTED


def test_long_strings_are_read_whole() -> None:
    text = "x" * 255
    assert read(answer((NAME, "TXT", f'"{text}" "{text}"')).to_wire()) == f"{text} {text}"


def test_an_empty_string_is_one() -> None:
    assert read(answer((NAME, "TXT", '""')).to_wire()) == ""


def test_bytes_that_are_not_ascii_are_replaced() -> None:
    assert read(answer((NAME, "TXT", '"\\255x"')).to_wire()) == "\ufffdx"


@pytest.mark.parametrize(
    "message",
    [
        answer(),
        answer((NAME, "CNAME", "other.pin.")),
        answer((NAME, "A", "192.0.2.1")),
        answer(question="."),
    ],
    ids=["none", "cname", "a", "root"],
)
def test_an_answer_without_txt_record_has_no_text(message: dns.message.Message) -> None:
    assert read(message.to_wire()) is None


def test_a_txt_record_outside_the_answer_section_does_not_count() -> None:
    message = answer()
    message.authority.append(dns.rrset.from_text("pin.", 5, "IN", "TXT", '"authority"'))
    message.additional.append(dns.rrset.from_text("pin.", 5, "IN", "TXT", '"additional"'))
    assert read(message.to_wire()) is None


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_refusal_has_no_text(rcode: dns.rcode.Rcode) -> None:
    message = answer()
    message.set_rcode(rcode)
    assert read(message.to_wire()) is None


@pytest.mark.parametrize("size", range(len(GOOD)))
def test_an_answer_cut_short_never_passes_for_the_whole(size: int) -> None:
    assert read(GOOD[:size]) != EXPECTED


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0" * 11,
        b"\xff" * 12,
        b"\xff" * 512,
        GOOD[:4] + b"\xff\xff" + GOOD[6:],
        GOOD[:AFTER_QUESTION] + b"\xbf" + GOOD[AFTER_QUESTION + 1 :],
        GOOD[:12] + b"\x3f" + GOOD[13:],
    ],
    ids=["empty", "short", "header", "ones", "questions", "reserved label type", "label"],
)
def test_what_is_not_an_answer_has_no_text(message: bytes) -> None:
    assert read(message) is None


def test_a_pointer_to_itself_is_not_followed() -> None:
    pointer = struct.pack(">H", 0xC000 | AFTER_QUESTION)
    message = GOOD[:AFTER_QUESTION] + pointer + GOOD[AFTER_QUESTION + 2 :]
    assert read(message) is None


@DETERMINISTIC
@given(message=st.binary(max_size=600))
def test_random_bytes_never_raise(message: bytes) -> None:
    assert read(message) is None or isinstance(read(message), str)


@DETERMINISTIC
@given(data=st.data())
def test_an_answer_with_changed_bytes_never_raises(data: st.DataObject) -> None:
    message = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(message)))
    assert read(bytes(message[:cut])) is None or cut > AFTER_QUESTION


@settings(DETERMINISTIC, max_examples=200)
@given(strings=st.lists(st.text("abc =\"\\;'", max_size=255), min_size=1, max_size=4))
def test_the_strings_of_a_record_are_those_that_dnspython_wrote(strings: list[str]) -> None:
    quoted = " ".join(
        '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in strings
    )
    assert read(answer((NAME, "TXT", quoted)).to_wire()) == " ".join(strings)


@contextmanager
def responder(reply: Callable[[bytes], list[bytes]]) -> Iterator[unbound.Unbound]:
    """Answer each query on a port of loopback with what ``reply`` makes of it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while (query := server.recvfrom(4096))[0] != b"stop":
                for message in reply(query[0]):
                    server.sendto(message, query[1])

        thread = threading.Thread(target=serve)
        thread.start()
        address, port = server.getsockname()
        try:
            yield unbound.Unbound(Path("missing.ctl"), address, port)
        finally:
            server.sendto(b"stop", (address, port))
            thread.join()


def good(query: bytes) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(query))
    [asked] = message.question
    message.answer.append(dns.rrset.from_text(asked.name, 5, "IN", "TXT", STATUS))
    return message.to_wire()


def with_wrong_id(message: bytes) -> bytes:
    return bytes([message[0] ^ 0xFF]) + message[1:]


def test_the_text_is_asked_for_over_udp() -> None:
    with responder(lambda query: [good(query)]) as server:
        assert server.txt(NAME) == EXPECTED


def test_an_answer_with_the_wrong_id_is_passed_over() -> None:
    other = answer((NAME, "TXT", '"forged"')).to_wire()
    with responder(
        lambda query: [with_wrong_id(query[:2]) + other[2:], b"", good(query)]
    ) as server:
        assert server.txt(NAME) == EXPECTED


def test_an_answer_that_is_none_has_no_text() -> None:
    with responder(lambda query: [query[:2] + b"nonsense"]) as server:
        assert server.txt(NAME) is None


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unbound, "_ANSWER_SECONDS", 0.05)


@pytest.mark.usefixtures("impatient")
def test_only_answers_with_the_wrong_id_are_none() -> None:
    with (
        responder(lambda query: [with_wrong_id(good(query))]) as server,
        pytest.raises(Error, match=r"unbound does not answer queries on 127\.0\.0\.1 port \d+"),
    ):
        server.txt(NAME)


@pytest.mark.usefixtures("impatient")
def test_a_query_that_is_lost_is_repeated() -> None:
    queries = []

    def reply(query: bytes) -> list[bytes]:
        queries.append(query)
        return [good(query)] if len(queries) >= 3 else []

    with responder(reply) as server:
        assert server.txt(NAME, tries=400) == EXPECTED
    assert len(set(queries)) == 1


def test_the_port_is_asked_that_only_root_can_bind() -> None:
    with responder(lambda query: [good(query)]) as server:
        other = server._replace(port=1, privileged=(server.address, server.port))
        assert other.endpoint == (server.address, server.port)
        assert other.txt(NAME) == EXPECTED


def test_where_the_machine_does_not_have_that_address_the_other_port_is_asked() -> None:
    # An address for documentation (RFC 3849), to which there may be a route.
    with responder(lambda query: [good(query)]) as server:
        other = server._replace(privileged=("2001:db8::53", 553))
        assert other.endpoint == (server.address, server.port)
        assert other.txt(NAME) == EXPECTED


@pytest.mark.usefixtures("impatient")
def test_silence_is_an_error() -> None:
    with responder(lambda _query: []) as server, pytest.raises(Error) as caught:
        server.txt(NAME)
    assert str(caught.value).replace(str(server.port), "PORT") == snapshot(
        "unbound does not answer queries on 127.0.0.1 port PORT: timeout; `dm-dns doctor` says what to type"
    )


def test_a_closed_port_is_an_error_immediately() -> None:
    with responder(lambda _query: []) as server:
        pass
    with pytest.raises(Error) as caught:
        server.txt(NAME)
    assert str(caught.value).replace(str(server.port), "PORT") == snapshot(
        "unbound does not answer queries on 127.0.0.1 port PORT: Connection refused; `dm-dns doctor` says what to type"
    )


def test_every_query_has_an_id_of_its_own() -> None:
    ids = set()

    def reply(query: bytes) -> list[bytes]:
        ids.add(query[:2])
        return [good(query)]

    with responder(reply) as server:
        for _ in range(8):
            server.txt(NAME)
    assert len(ids) > 1


@contextmanager
def control(replies: dict[bytes, bytes]) -> Iterator[tuple[unbound.Unbound, list[bytes]]]:
    """Answer commands on a control socket in the current directory, and record them."""
    received: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind("unbound.ctl")
        server.listen()

        def serve() -> None:
            while True:
                connection, _address = server.accept()
                with connection, connection.makefile("rb") as lines:
                    command = lines.readline()
                    if not command:
                        return
                    received.append(command)
                    connection.sendall(replies[command.split()[1]])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield unbound.Unbound(Path("unbound.ctl"), "127.0.0.1", 1), received
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.connect("unbound.ctl")
            thread.join()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("here")
def test_the_zone_is_loaded_with_fast_reload() -> None:
    with control({b"fast_reload": b"ok\n"}) as (server, received):
        assert server.load("pin") == "ok"
    assert received == [b"UBCT1 fast_reload\n"]


@pytest.mark.usefixtures("here")
def test_an_unbound_without_fast_reload_reloads_the_zone() -> None:
    replies = {
        b"fast_reload": b"error unknown command 'fast_reload'\n",
        b"auth_zone_reload": b"ok\n",
    }
    with control(replies) as (server, received):
        assert server.load("clan.lol") == "ok"
    assert received == [b"UBCT1 fast_reload\n", b"UBCT1 auth_zone_reload clan.lol.\n"]


@pytest.mark.usefixtures("here")
def test_an_unbound_whose_fast_reload_stays_silent_reloads_the_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(pauses), sleep=pauses.append)
    monkeypatch.setattr(unbound, "time", clock)
    with control({b"fast_reload": b"", b"auth_zone_reload": b"ok\n"}) as (server, received):
        assert server.load("pin") == "ok"
    assert pauses
    asked = [b"UBCT1 fast_reload\n"] * (1 + len(pauses))  # again and again
    assert received == [*asked, b"UBCT1 auth_zone_reload pin.\n"]


@pytest.mark.usefixtures("here")
def test_what_unbound_says_is_returned_whole() -> None:
    said = b"error " + b"x" * 10_000 + b"\xff\n"
    with control({b"fast_reload": said}) as (server, _received):
        assert server.load("pin") == "error " + "x" * 10_000 + "\ufffd"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "missing.ctl",
            snapshot(
                "unbound does not answer on its control socket missing.ctl: No such file or directory; `dm-dns doctor` says what to type"
            ),
        ),
        (
            "x" * 200,
            snapshot(
                "unbound does not answer on its control socket LONG: AF_UNIX path too long; `dm-dns doctor` says what to type"
            ),
        ),
    ],
    ids=["missing", "too-long"],
)
def test_a_control_socket_that_does_not_answer_is_an_error(path: str, message: str) -> None:
    with pytest.raises(Error) as caught:
        unbound.Unbound(Path(path), "127.0.0.1", 1).load("pin")
    assert str(caught.value).replace("x" * 200, "LONG") == message
