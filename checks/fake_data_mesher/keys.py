"""Ed25519 key files: PKCS#8 and SubjectPublicKeyInfo in PEM (RFC 8410, RFC 7468).

Written apart from `dm_dns.keys` on purpose: two implementations that read each other's files are a
check of both.
"""

import base64
import binascii
import os
import re
from pathlib import Path

from nacl.signing import SigningKey

from checks.fake_data_mesher.mesh_errors import MeshError

KEY_SIZE = 32

# The DER of RFC 8410's structures, all but the 32 bytes of the key, which come last.
_PRIVATE_DER = bytes.fromhex("302e020100300506032b657004220420")
_PUBLIC_DER = bytes.fromhex("302a300506032b6570032100")


def decode_base64(text: str) -> bytes:
    """Return the bytes of canonical, padded base64 (RFC 4648). Raises ValueError."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if base64.b64encode(data).decode() != text:
        raise ValueError("not base64")
    return data


def _to_pem(label: str, der: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.b64encode(der).decode()}\n-----END {label}-----\n"


def _from_pem(label: str, prefix: bytes, text: str) -> bytes:
    pem = re.fullmatch(
        rf"-----BEGIN {label}-----\n([A-Za-z0-9+/=]+)\n-----END {label}-----\n?", text
    )
    if pem is None:
        raise ValueError(f"not a PEM file with one {label}")
    der = decode_base64(pem[1])
    if not der.startswith(prefix) or len(der) != len(prefix) + KEY_SIZE:
        raise ValueError(f"not an Ed25519 {label}")
    return der[len(prefix) :]


def encode_private(key: SigningKey) -> str:
    """Return the key as PKCS#8 PEM, version 1, without the public key."""
    return _to_pem("PRIVATE KEY", _PRIVATE_DER + bytes(key))


def encode_public(key: bytes) -> str:
    """Return 32 bytes of public key as SubjectPublicKeyInfo PEM."""
    return _to_pem("PUBLIC KEY", _PUBLIC_DER + key)


def decode_private(text: str) -> SigningKey:
    """Return the key of `encode_private`'s text. Raises ValueError, which does not quote it."""
    return SigningKey(_from_pem("PRIVATE KEY", _PRIVATE_DER, text))


def decode_public(text: str) -> bytes:
    """Return the 32 bytes of `encode_public`'s text. Raises ValueError."""
    return _from_pem("PUBLIC KEY", _PUBLIC_DER, text)


def decode_allowed(text: str) -> bytes:
    """Return the 32 bytes of an allowlist entry: raw base64 or a whole PEM. Raises ValueError."""
    if text.startswith("-----"):
        return decode_public(text)
    key = decode_base64(text)
    if len(key) != KEY_SIZE:
        raise ValueError(f"a public key has {KEY_SIZE} bytes, not {len(key)}")
    return key


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("ascii")
    except OSError as e:
        raise MeshError(f"{path}: cannot read the key: {e.strerror}") from None
    except UnicodeDecodeError:
        raise MeshError(f"{path}: not a PEM file") from None


def read_private(path: Path) -> SigningKey:
    """Return the private key in a file. Raises MeshError."""
    try:
        return decode_private(_read(path))
    except ValueError as e:
        raise MeshError(f"{path}: {e}") from None


def read_public(path: Path) -> bytes:
    """Return the 32 bytes of the public key in a file. Raises MeshError."""
    try:
        return decode_public(_read(path))
    except ValueError as e:
        raise MeshError(f"{path}: {e}") from None


def _create(path: Path, text: str, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
    except FileExistsError:
        raise MeshError(f"{path}: exists, and a key is never overwritten") from None
    except OSError as e:
        raise MeshError(f"{path}: cannot write the key: {e.strerror}") from None


def generate(private: Path, public: Path) -> None:
    """Write a new pair, the private key with mode 0600 from its first byte on.

    Raises MeshError when either file exists; then neither is changed or left behind.
    """
    key = SigningKey.generate()
    _create(private, encode_private(key), 0o600)
    try:
        _create(public, encode_public(bytes(key.verify_key)), 0o644)
    except MeshError:
        private.unlink()
        raise
