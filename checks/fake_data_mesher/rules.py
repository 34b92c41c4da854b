"""What a node accepts, whoever sent it."""

from collections.abc import Mapping
from dataclasses import dataclass

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from checks.fake_data_mesher.mesh_errors import RefusedError
from checks.fake_data_mesher.statement import DELETE, MeshEntry, Statement, content_hash

MAX_AHEAD = 300 * 1_000_000_000  # nanoseconds a signer's clock may be ahead of the node's


@dataclass(frozen=True)
class Rules:
    """Network id and allowlist (file name -> public keys) of a node."""

    network: bytes
    allowed: Mapping[str, frozenset[bytes]]

    def check_statement(self, statement: Statement) -> None:
        """Check all that does not depend on the time or the content. Raises RefusedError."""
        if statement.network != self.network:
            raise RefusedError("signed for another network")
        if statement.name not in self.allowed:
            raise RefusedError(f"file name {statement.name!r} is not in network.files")
        if statement.signer not in self.allowed[statement.name]:
            raise RefusedError(f"the signing key is not allowed to sign {statement.name!r}")
        if statement.kind == DELETE and (statement.size or statement.valid_for is not None):
            raise RefusedError("a tombstone has neither content nor a validity time")
        try:
            VerifyKey(statement.signer).verify(statement.buffer(), statement.signature)
        except (BadSignatureError, ValueError):
            raise RefusedError("the signature does not match") from None

    def check_entry(self, entry: MeshEntry) -> None:
        """Check statement and content. Raises RefusedError."""
        self.check_statement(entry.statement)
        if len(entry.content) != entry.statement.size:
            raise RefusedError(
                f"size: {entry.statement.size} bytes were signed, {len(entry.content)} came"
            )
        if content_hash(entry.content) != entry.statement.digest:
            raise RefusedError("the content does not have the hash that was signed")

    def check_time(self, statement: Statement, now: int) -> None:
        """Check signing and validity time against the node's clock. Raises RefusedError."""
        if statement.instant > now + MAX_AHEAD:
            raise RefusedError("signed in the future: compare the clocks of signer and node")
        if statement.expired(now):
            raise RefusedError("its validity time is over")
