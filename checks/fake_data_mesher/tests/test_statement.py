import hashlib
import json

import pytest
from nacl.signing import SigningKey, VerifyKey

from checks.fake_data_mesher.mesh_errors import RefusedError
from checks.fake_data_mesher.statement import MeshEntry, sign

KEY = SigningKey(bytes(32))
NETWORK = bytes(range(32))
NOW = 1257894000 * 10**9 + 5
TIME = bytes.fromhex("010000000ec28be77000000005ffff")


def update(
    content: bytes | None = b"abc", now: int = NOW, valid_for: int | None = None
) -> MeshEntry:
    return sign(
        KEY, network=NETWORK, name="dns/cnames", content=content, now=now, valid_for=valid_for
    )


def test_signature_is_over_the_documented_buffer() -> None:
    expected = b"\x01" + NETWORK + b"dns/cnames" + TIME + bytes(7) + b"\x03"
    expected += hashlib.sha256(b"abc").digest()
    assert update().statement.buffer() == expected
    VerifyKey(bytes(KEY.verify_key)).verify(expected, update().statement.signature)


def test_validity_time_is_signed_in_nanoseconds() -> None:
    with_validity = update(valid_for=30 * 10**9).statement
    assert with_validity.buffer() == update().statement.buffer() + (30 * 10**9).to_bytes(8, "big")


def test_tombstone_is_of_another_type_and_of_nothing() -> None:
    buffer = update(content=None).statement.buffer()
    assert buffer[:1] == b"\x02"
    assert buffer.endswith(bytes(8) + hashlib.sha256(b"").digest())


def test_entry_survives_the_wire() -> None:
    for entry in (update(), update(None), update(valid_for=1), update(bytes(range(256)))):
        assert MeshEntry.load(entry.dump()) == entry


def test_rank_orders_by_time_then_tombstone_then_bytes() -> None:
    ranks = [
        update(None, now=NOW - 1).statement.rank,
        min(update(b"x").statement.rank, update(b"y").statement.rank),
        max(update(b"x").statement.rank, update(b"y").statement.rank),
        update(None).statement.rank,
        update(b"abc", now=NOW + 1).statement.rank,
    ]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == 5


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("type", 0),
        ("type", 3),
        ("type", True),
        ("type", "1"),
        ("network_id", "AAAA"),
        ("name", None),
        ("signed_at", "AAAA"),
        ("signed_at", "Ag" + "A" * 18),
        ("size", -1),
        ("size", 2**64),
        ("size", 3.0),
        ("hash", "!"),
        ("valid_for", 0),
        ("valid_for", 2**63),
        ("signer", ""),
        ("signature", None),
        ("content", 5),
    ],
)
def test_malformed_field_is_refused(key: str, value: object) -> None:
    fields = json.loads(update().dump())
    with pytest.raises(RefusedError, match=key):
        MeshEntry.load(json.dumps(fields | {key: value}).encode())


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"1", b"[" * 200_000, b'{"a":1'])
def test_what_is_not_a_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedError, match="JSON"):
        MeshEntry.load(data)
