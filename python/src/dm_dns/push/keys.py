"""The key pair that signs the zone: made here, in the files data-mesher reads.

Ed25519; the private key is PKCS#8, the public key SubjectPublicKeyInfo, both in PEM (RFC 8410,
RFC 7468). The bytes are those of ``openssl genpkey -algorithm ed25519``.
"""

import argparse
import base64
import os
from pathlib import Path
from typing import Final

from nacl.signing import SigningKey

from dm_dns.errors import Error, FileError

PRIVATE_NAME: Final = "signing.key"
PUBLIC_NAME: Final = "signing.pub"

KEY_SIZE: Final = 32
"""Octets of a seed and of a public key (RFC 8032, section 5.1.5)."""

# All of the DER but the key itself, which comes last (RFC 8410, sections 4 and 7).
_PRIVATE_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
_PUBLIC_PREFIX = bytes.fromhex("302a300506032b6570032100")

_GIVE_PUBLIC = f"Give the {PUBLIC_NAME} that `dm-dns keygen DIR` wrote, unchanged"
_GIVE_PRIVATE = f"Give the {PRIVATE_NAME} that `dm-dns keygen DIR` wrote, unchanged"


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


def read_public(path: Path) -> bytes:
    """Return the KEY_SIZE octets of the public key in the PEM file at ``path``.

    Only the strict form is read (RFC 7468, section 3, ``stricttextualmsg``, ending lines with LF).

    Raises:
        FileError: the file holds something else. Its content is never in the message: it may be
            the private key.
        Error: it cannot be read.

    """
    content = _read(path, _GIVE_PUBLIC)
    return _parse_pem(content, str(path), "PUBLIC", _PUBLIC_PREFIX, _GIVE_PUBLIC)


def public_half(path: Path) -> bytes:
    """Return the KEY_SIZE octets of the public key that belongs to a private key's PEM file.

    The form is as strict as that of `read_public`: PKCS#8 without attributes (RFC 8410, section 7).

    Raises:
        FileError: the file holds something else. Its content is never in the message.
        Error: it cannot be read.

    """
    return public_of(parse_private(_read(path, _GIVE_PRIVATE), str(path), _GIVE_PRIVATE))


def public_of(seed: bytes) -> bytes:
    """Return the KEY_SIZE octets of the public key that belongs to a private key's seed."""
    return SigningKey(seed).verify_key.encode()


def parse_private(content: bytes, source: str, remedy: str) -> bytes:
    """Return the seed, of KEY_SIZE octets, of the private key that a PEM file's ``content`` has.

    The form is that of `public_half`. ``source`` says in messages where the content is from, and
    ``remedy`` what to do about it.

    Raises:
        FileError: it is something else. It is never in the message.

    """
    return _parse_pem(content, source, "PRIVATE", _PRIVATE_PREFIX, remedy)


def _read(path: Path, remedy: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Error(f"{path}: {error.strerror}. {remedy}.") from None


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns keygen``."""
    parser.add_argument(
        "directory",
        metavar="DIR",
        type=Path,
        help=f"where to write {PRIVATE_NAME} and {PUBLIC_NAME}; made if it is missing",
    )


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns keygen``; return its exit status."""
    generate(args.directory)
    return 0
