"""The private key as it comes from a secret store: checked, and never on a disk.

A command prints it into a pipe, and data-mesher reads it from an anonymous memory file. Neither an
argument list nor a file ever has it; only data-mesher gets the memory file.
"""

import fcntl
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dm_dns.errors import Error
from dm_dns.push import keys

_END_SECONDS: Final = 2.0
_MOST_BYTES: Final = 4096  # of what a command prints; a key's PEM file has 119


def output_of(
    command: Sequence[str],
    name: str,
    *,
    remedy: str,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """Return what a command prints, which is to be a private key.

    Its terminal and its stderr are the user's: it may ask for a passphrase.

    Args:
        command: its argument list.
        name: what messages call it.
        remedy: what to do where it cannot be run, or fails.
        directory: where it runs; here if None.
        environment: this process's if None.

    Raises:
        Error: it cannot be run, failed, or prints nothing or too much. What it printed is never in
            the message.

    """
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=directory, env=environment)
    except OSError as error:
        raise Error(f"{name} cannot be run: {error.strerror}. {remedy}") from None
    with process:
        assert process.stdout  # noqa: S101 - for mypy: it is a pipe
        try:
            printed = process.stdout.read(_MOST_BYTES + 1)
            process.stdout.close()  # a command that prints on and on ends by that
            process.wait()
        except BaseException as error:
            _end(process, is_told=isinstance(error, KeyboardInterrupt))
            raise
    if len(printed) > _MOST_BYTES:
        raise Error(f"{name} printed more than {_MOST_BYTES} bytes: no key. {remedy}")
    if process.returncode != 0:
        how = f"exit status {process.returncode}"
        if process.returncode < 0:
            how = f"signal {-process.returncode}"
        raise Error(f"{name} failed ({how}); what it says is above. {remedy}")
    if not printed.strip():
        raise Error(f"{name} printed nothing. {remedy}")
    return printed


def _end(process: subprocess.Popen[bytes], *, is_told: bool) -> None:
    """End a command that may be asking for a passphrase, on a terminal that it has changed."""
    if not is_told:  # as it is by ^C
        process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def check(printed: bytes, name: str, *, remedy: str, public_key: Path | None) -> str:
    """Return the PEM file of the private key that the command ``name`` printed.

    White space around it is passed over: commands add a newline or take it away.

    Raises:
        FileError: it is no key, or ``public_key`` is none. It is never in the message.
        Error: it does not belong to ``public_key``, where there is one.

    """
    content = printed.strip() + b"\n"
    seed = keys.parse_private(content, f"(output of {name})", remedy.rstrip("."))
    if public_key is not None and keys.public_of(seed) != keys.read_public(public_key):
        raise Error(
            f"the key that {name} printed does not belong to {public_key}: no node would take what"
            " it signs. Take the key and the public key from one generation: is the checkout the"
            " newest?"
        )
    return keys.private_pem(seed)


@contextmanager
def in_memory(pem: str) -> Iterator[int]:
    """Hold a private key in an anonymous memory file, and return its descriptor.

    The file has no name, cannot be changed, and is open in this process only and in those that are
    given the descriptor. Unlike a pipe it can be read several times, at /dev/fd/N.

    Raises:
        Error: this system has no such files.

    """
    if not hasattr(os, "memfd_create"):
        raise Error(
            "this system has no anonymous memory files (memfd_create(2), Linux), in which the key"
            " is given to data-mesher. Push from Linux, or give a file with --key."
        )
    descriptor = os.memfd_create("dm-dns signing key", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.write(descriptor, pem.encode("ascii"))
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        yield descriptor
    finally:
        os.close(descriptor)
