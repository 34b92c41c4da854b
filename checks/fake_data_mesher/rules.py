"""What a node accepts, whoever sent it."""

from collections.abc import Mapping
from dataclasses import dataclass

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from checks.fake_data_mesher.mesh_errors import RefusedError
from checks.fake_data_mesher.statement import DELETE, Entry, Record, content_hash

MAX_AHEAD = 300 * 1_000_000_000  # nanoseconds a signer's clock may be ahead of the node's


@dataclass(frozen=True)
class Rules:
    """Network id and allowlist (file name -> public keys) of a node."""

    network: bytes
    allowed: Mapping[str, frozenset[bytes]]

    def check_record(self, record: Record) -> None:
        """Check all that does not depend on the time or the content. Raises RefusedError."""
        if record.network != self.network:
            raise RefusedError("signed for another network")
        if record.name not in self.allowed:
            raise RefusedError(f"file name {record.name!r} is not in network.files")
        if record.signer not in self.allowed[record.name]:
            raise RefusedError(f"the signing key is not allowed to sign {record.name!r}")
        if record.kind == DELETE and (record.size or record.valid_for is not None):
            raise RefusedError("a tombstone has neither content nor a validity time")
        try:
            VerifyKey(record.signer).verify(record.buffer(), record.signature)
        except (BadSignatureError, ValueError):
            raise RefusedError("the signature does not match") from None

    def check_entry(self, entry: Entry) -> None:
        """Check record and content. Raises RefusedError."""
        self.check_record(entry.record)
        if len(entry.content) != entry.record.size:
            raise RefusedError(
                f"size: {entry.record.size} bytes were signed, {len(entry.content)} came"
            )
        if content_hash(entry.content) != entry.record.digest:
            raise RefusedError("the content does not have the hash that was signed")

    def check_time(self, record: Record, now: int) -> None:
        """Check signing and validity time against the node's clock. Raises RefusedError."""
        if record.instant > now + MAX_AHEAD:
            raise RefusedError("signed in the future: compare the clocks of signer and node")
        if record.expired(now):
            raise RefusedError("its validity time is over")
