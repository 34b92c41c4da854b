"""What is signed, stored and gossiped: a statement (an update or a tombstone) and its content."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from nacl.signing import SigningKey

from checks.fake_data_mesher.gotime import (
    MAX_DURATION,
    SIGNED_AT_SIZE,
    marshal_time,
    unmarshal_time,
)
from checks.fake_data_mesher.keys import KEY_SIZE, decode_base64
from checks.fake_data_mesher.mesh_errors import RefusedError

UPDATE = 1
DELETE = 2
MAX_CONTENT = 128 * 2**20  # bytes; an arbitrary bound on what a sender can make a node hold

_HASH_SIZE = 32
_SIGNATURE_SIZE = 64
_NAME = re.compile(r"[a-z0-9_]{1,255}(/[a-z0-9_]{1,255})*")


def check_name(name: str) -> str:
    """Return the name. Raises RefusedError."""
    if not _NAME.fullmatch(name):
        raise RefusedError(f"file name {name!r} does not match ^{_NAME.pattern}$")
    return name


def parse_json(data: bytes) -> Mapping[str, object]:
    """Return the JSON object somebody sent or a file holds. Raises RefusedError."""
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError):
        raise RefusedError("not JSON") from None
    if not isinstance(value, dict):
        raise RefusedError("not a JSON object")
    return value


def _bytes(fields: Mapping[str, object], key: str, size: int | None = None) -> bytes:
    value = fields.get(key)
    try:
        data = decode_base64(value if isinstance(value, str) else "*")
    except ValueError:
        raise RefusedError(f"{key} is not base64") from None
    if size is not None and len(data) != size:
        raise RefusedError(f"{key} has {len(data)} bytes, not {size}")
    return data


def _int(fields: Mapping[str, object], key: str, low: int, high: int) -> int:
    value = fields.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise RefusedError(f"{key} is not a number from {low} to {high}")
    return value


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A signed statement about one name. `valid_for` is in nanoseconds from the signing on."""

    kind: int
    network: bytes
    name: str
    signed_at: bytes
    size: int
    digest: bytes
    valid_for: int | None
    signer: bytes
    signature: bytes

    @property
    def instant(self) -> int:
        """Signing time in nanoseconds since 1970."""
        return unmarshal_time(self.signed_at)

    @property
    def rank(self) -> tuple[int, bytes, bytes]:
        """Total order among a name's statements: of two, every node keeps the greater one.

        At one instant a tombstone beats an update, because the buffer starts with the kind.
        """
        return self.instant, self.buffer(), self.signature

    def expired(self, now: int) -> bool:
        """Whether the validity time is over."""
        return self.valid_for is not None and now >= self.instant + self.valid_for

    def buffer(self) -> bytes:
        """Return what the signature is over.

        The name needs no length: what follows it starts with a 1, which no name contains, and is
        of one of two lengths.
        """
        data = bytes([self.kind]) + self.network + self.name.encode() + self.signed_at
        data += self.size.to_bytes(8, "big") + self.digest
        return data if self.valid_for is None else data + self.valid_for.to_bytes(8, "big")

    def to_json(self) -> dict[str, object]:
        """Return the form that travels between daemons."""

        def text(data: bytes) -> str:
            return base64.b64encode(data).decode()

        return {
            "type": self.kind,
            "network_id": text(self.network),
            "name": self.name,
            "signed_at": text(self.signed_at),
            "size": self.size,
            "hash": text(self.digest),
            "valid_for": self.valid_for,
            "signer": text(self.signer),
            "signature": text(self.signature),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Self:
        """Return a well-formed statement; `Rules` checks the rest. Raises RefusedError."""
        name = fields.get("name")
        signed_at = _bytes(fields, "signed_at", SIGNED_AT_SIZE)
        try:
            unmarshal_time(signed_at)
        except ValueError as e:
            raise RefusedError(f"signed_at: {e}") from None
        return cls(
            kind=_int(fields, "type", UPDATE, DELETE),
            network=_bytes(fields, "network_id", KEY_SIZE),
            name=check_name(name if isinstance(name, str) else ""),
            signed_at=signed_at,
            size=_int(fields, "size", 0, MAX_CONTENT),
            digest=_bytes(fields, "hash", _HASH_SIZE),
            valid_for=(
                None
                if fields.get("valid_for") is None
                else _int(fields, "valid_for", 1, MAX_DURATION)
            ),
            signer=_bytes(fields, "signer", KEY_SIZE),
            signature=_bytes(fields, "signature", _SIGNATURE_SIZE),
        )


@dataclass(frozen=True)
class MeshEntry:
    """A statement with the content it is about (empty for a tombstone)."""

    statement: Statement
    content: bytes

    def dump(self) -> bytes:
        """Return the JSON that is sent and stored."""
        content = base64.b64encode(self.content).decode()
        return json.dumps(self.statement.to_json() | {"content": content}).encode()

    @classmethod
    def load(cls, data: bytes) -> Self:
        """Return the entry of `dump`. Raises RefusedError."""
        fields = parse_json(data)
        return cls(Statement.from_json(fields), _bytes(fields, "content"))


def content_hash(content: bytes) -> bytes:
    """Return SHA-256: the real daemon's choice is unknown but for its 32 bytes."""
    return hashlib.sha256(content).digest()


def sign(  # noqa: PLR0913 - a statement has this many parts
    key: SigningKey,
    *,
    network: bytes,
    name: str,
    content: bytes | None,
    now: int,
    valid_for: int | None = None,
) -> MeshEntry:
    """Return a signed update, or a tombstone where content is None."""
    data = content or b""
    fields = Statement(
        kind=DELETE if content is None else UPDATE,
        network=network,
        name=name,
        signed_at=marshal_time(now),
        size=len(data),
        digest=content_hash(data),
        valid_for=valid_for,
        signer=bytes(key.verify_key),
        signature=b"",
    )
    signature = key.sign(fields.buffer()).signature
    return MeshEntry(Statement(**{**vars(fields), "signature": signature}), data)
