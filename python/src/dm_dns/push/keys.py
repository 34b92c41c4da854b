"""The key pair that signs the zone: made here, in the files data-mesher reads.

Ed25519; the private key is PKCS#8, the public key SubjectPublicKeyInfo, both in PEM (RFC 8410,
RFC 7468). The bytes are those of ``openssl genpkey -algorithm ed25519``.
"""

import base64
import os
from pathlib import Path
from typing import Final

from dm_dns.errors import Error, FileError

PRIVATE_NAME: Final = "signing.key"
PUBLIC_NAME: Final = "signing.pub"

KEY_SIZE: Final = 32
"""Octets of a seed and of a public key (RFC 8032, section 5.1.5)."""

# All of the DER but the key itself, which comes last (RFC 8410, sections 4 and 7).
_PRIVATE_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
_PUBLIC_PREFIX = bytes.fromhex("302a300506032b6570032100")

GIVE_PUBLIC: Final = f"Give the {PUBLIC_NAME} that `dm-dns keygen DIR` wrote, unchanged"
GIVE_PRIVATE: Final = f"Give the {PRIVATE_NAME} that `dm-dns keygen DIR` wrote, unchanged"


def private_pem(seed: bytes) -> str:
    """Return the PEM file of the private key with this seed of KEY_SIZE octets."""
    return _pem("PRIVATE", _PRIVATE_PREFIX, seed)


def public_pem(public: bytes) -> str:
    """Return the PEM file of this public key of KEY_SIZE octets."""
    return _pem("PUBLIC", _PUBLIC_PREFIX, public)


def _pem(kind: str, prefix: bytes, key: bytes) -> str:
    if len(key) != KEY_SIZE:
        message = f"an Ed25519 key has {KEY_SIZE} octets, not {len(key)}"
        raise ValueError(message)
    text = base64.b64encode(prefix + key).decode("ascii")  # at most 64 characters: one line
    return f"-----BEGIN {kind} KEY-----\n{text}\n-----END {kind} KEY-----\n"


def parse_public(content: bytes, source: str) -> bytes:
    """Return the public key, of KEY_SIZE octets, in the ``content`` of a PEM file.

    Only the strict form is accepted (RFC 7468, section 3, ``stricttextualmsg``, lines ending with
    LF). ``source`` tells messages where the content comes from.

    Raises:
        FileError: it is something else. The content is never in the message: it may be the private
            key.

    """
    return _parse_pem(content, source, "PUBLIC", _PUBLIC_PREFIX, GIVE_PUBLIC)


def parse_private(content: bytes, source: str, remedy: str) -> bytes:
    """Return the seed, of KEY_SIZE octets, of the private key in the ``content`` of a PEM file.

    The form is as strict as that of `parse_public`: PKCS#8 without attributes (RFC 8410, section
    7). ``source`` tells messages where the content comes from, ``remedy`` what to do about it.

    Raises:
        FileError: it is something else. The content is never in the message.

    """
    return _parse_pem(content, source, "PRIVATE", _PRIVATE_PREFIX, remedy)


def public_from_seed(seed: bytes) -> bytes:
    """Return the public key, of KEY_SIZE octets, that belongs to a private key's seed."""
    from nacl.signing import SigningKey

    return SigningKey(seed).verify_key.encode()


def _parse_pem(content: bytes, source: str, kind: str, prefix: bytes, remedy: str) -> bytes:
    lines = content.decode("ascii", "replace").split("\n")
    (begin, text, end), rest = (*lines, "", "")[:3], lines[3:]
    if begin != f"-----BEGIN {kind} KEY-----":
        raise FileError(source, 1, f"expected '-----BEGIN {kind} KEY-----'. {remedy}.")
    try:
        key = base64.b64decode(text, validate=True)[-KEY_SIZE:]
        is_key = _pem(kind, prefix, key).split("\n")[1] == text
    except ValueError:
        is_key = False
    if not is_key:
        reason = f"not an Ed25519 {kind.lower()} key (RFC 8410). {remedy}."
        raise FileError(source, 2, reason)
    if end != f"-----END {kind} KEY-----":
        raise FileError(source, 3, f"expected '-----END {kind} KEY-----'. {remedy}.")
    if rest != [""]:
        raise FileError(source, 3, f"expected a newline and the file's end. {remedy}.")
    return key


def generate(directory: Path) -> None:
    """Write a new key pair to ``directory``, which is made (mode 0700) if it is missing.

    Both files or none: never one of them, and never over a file that is there.

    Raises:
        Error: one of them exists or cannot be written.

    """
    from nacl.signing import SigningKey

    key = SigningKey.generate()
    private, public = directory / PRIVATE_NAME, directory / PUBLIC_NAME
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Error(f"{directory}: {error.strerror}. Choose another directory.") from None
    _create(private, private_pem(key.encode()), 0o600)
    try:
        _create(public, public_pem(key.verify_key.encode()), 0o644)
    except BaseException:
        private.unlink()
        raise


def _create(path: Path, text: str, mode: int) -> None:
    """Write a new file that has ``mode``, whatever the umask, before it has content."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, mode)
        try:
            with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor
                os.fchmod(descriptor, mode)
                file.write(text)
                file.flush()
                os.fsync(descriptor)
        except BaseException:
            path.unlink()
            raise
    except FileExistsError:
        raise Error(
            f"{path} exists, and a key is never overwritten. Choose another directory,"
            f" or move {PRIVATE_NAME} and {PUBLIC_NAME} away first."
        ) from None
    except OSError as error:
        raise Error(f"{path}: {error.strerror}. Choose a directory you may write to.") from None
