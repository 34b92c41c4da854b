"""Where the private key comes from: a file, or a command of a secret store.

A command prints the key into a pipe, and data-mesher reads it from an anonymous memory file. It is
never in an argument list or on a disk, and only data-mesher is given the memory file.
"""

import fcntl
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.access.checkout import Checkout
from dm_dns.errors import Error
from dm_dns.push import keys

_VAR: Final = "dm-dns-signing-key/signing.key"
_END_SECONDS: Final = 2.0
_MAX_BYTES: Final = 4096  # of what a command prints; a key's PEM file has 119
_MAX_RECIPIENTS: Final = 2**20  # bytes; each has 62


class KeyFile(NamedTuple):
    """The file of a private key, for data-mesher."""

    path: Path
    label: str
    """How messages name the key."""
    descriptors: Sequence[int] = ()
    """Open files that ``path`` refers to."""


@dataclass(frozen=True, kw_only=True)
class KeyCommand:
    """A command that prints the private key."""

    command: Sequence[str]
    """Its argument list."""
    label: str
    """How messages name it."""
    remedy: str
    """What to do if it cannot be run, fails, or prints something else."""
    directory: Path | None = None
    """Where it runs; None: in the current directory."""
    environment: Mapping[str, str] | None = None
    """None: the environment of this process."""


def key_command(checkout: Checkout, machine: str | None) -> KeyCommand:
    """Return the command that prints the private key, whatever the clan's secret store.

    Args:
        checkout: where the clan's flake and its vars are.
        machine: one that has the key; None: one that the secret store names.

    Raises:
        Error: the secret store does not show which machines have the key.

    """
    command = ["clan", "vars", "get", machine or _push_machine(checkout.directory), _VAR]
    return KeyCommand(
        command=command,
        label=f"`{shlex.join(command)}`",
        remedy=(
            f"Run it in {checkout.directory}, in its development shell: it must print the key. You"
            " can name another machine that has the role push with --machine, or another"
            " command that prints the key with --key-command."
        ),
        directory=checkout.directory,
        # clan takes CLAN_DIR for the flake, and then ignores the directory that it runs in.
        environment={key: value for key, value in os.environ.items() if key != "CLAN_DIR"},
    )


def _push_machine(directory: Path) -> str:
    """Return a machine that has the private key."""
    found = _machines_in_sops(directory) or _machines_in_age(directory)
    if not found:
        raise Error(
            f"--flake {directory} does not show which machines have the private key, as"
            " the secret stores sops and age do. Name one that has the role push with"
            " --machine NAME."
        )
    return found[0]


def _machines_in_sops(directory: Path) -> list[str]:
    """Return the machines for which sops encrypted the key."""
    folder = directory / "vars/shared" / _VAR / "machines"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _machines_in_age(directory: Path) -> list[str]:
    """Return the machines among those for which the store age encrypted the key."""
    secrets = directory / "secrets"
    name = Path(_VAR).name
    try:
        lines = secrets / "clan-vars/shared" / _VAR / f"{name}.age.recipients"
        recipients = _text(lines).split()
        keys = {path: _text(path) for path in secrets.glob("age-keys/machines/*/pub")}
    except (OSError, UnicodeDecodeError):
        return []
    return sorted(path.parent.name for path, key in keys.items() if key.strip() in recipients)


def _text(path: Path) -> str:
    return files.read(path, _MAX_RECIPIENTS).decode()


def key_from_file(path: Path, public_key: Path | None) -> KeyFile:
    """Return the private key in the file at ``path``.

    It is read only to compare it: with no ``public_key``, data-mesher alone opens it.

    Raises:
        FileError: one of the files does not contain a valid key.
        Error: one of them cannot be read, or the key does not belong to ``public_key``.

    """
    content = files.read_named(path, "--key")
    if public_key is not None:
        seed = keys.parse_private(content, str(path), keys.GIVE_PRIVATE)
        if keys.public_from_seed(seed) != _read_public(public_key):
            raise Error(
                f"--key {path} does not belong to --public-key {public_key}: no machine would"
                " accept what it signs. Run `clan vars generate`, then deploy all machines, so that"
                " all have the key pair of one generation."
            )
    return KeyFile(path, str(path))


@contextmanager
def key_from_command(source: KeyCommand, public_key: Path | None) -> Iterator[KeyFile]:
    """Run a command and yield the private key that it prints, as long as the key is in memory.

    White space around the key is ignored: commands add a newline or remove it.

    Raises:
        FileError: the command printed something else, or ``public_key`` is not a valid key. What
            was printed is never in the message.
        Error: the command failed, or the key does not belong to ``public_key``.

    """
    printed = _output(source).strip() + b"\n"
    seed = keys.parse_private(printed, f"(output of {source.label})", source.remedy.rstrip("."))
    if public_key is not None and keys.public_from_seed(seed) != _read_public(public_key):
        raise Error(
            f"the key that {source.label} printed does not belong to {public_key}: no machine would"
            " accept what it signs. Use the key and the public key of one generation; check that"
            " the checkout is the newest."
        )
    with _in_memory(keys.private_pem(seed)) as descriptor:
        label = f"printed by {source.label}"
        yield KeyFile(Path(f"/dev/fd/{descriptor}"), label, [descriptor])


def _read_public(path: Path) -> bytes:
    return keys.parse_public(files.read_named(path, "--public-key"), str(path))


def _output(source: KeyCommand) -> bytes:
    """Return what a command prints.

    Its terminal and its stderr are the user's: it may ask for a passphrase.
    """
    label, remedy = source.label, source.remedy
    try:
        process = subprocess.Popen(
            source.command,
            stdout=subprocess.PIPE,
            cwd=source.directory,
            env=source.environment,
        )
    except OSError as error:
        raise Error(f"{label} cannot be run: {error.strerror}. {remedy}") from None
    with process:
        assert process.stdout  # noqa: S101 - for mypy: it is a pipe
        try:
            printed = process.stdout.read(_MAX_BYTES + 1)
            process.stdout.close()  # ends a command that never stops printing
            process.wait()
        except BaseException as error:
            _end(process, is_told=isinstance(error, KeyboardInterrupt))
            raise
    if len(printed) > _MAX_BYTES:
        raise Error(f"{label} printed more than {_MAX_BYTES} bytes, which is not a key. {remedy}")
    if process.returncode != 0:
        how = f"with exit status {process.returncode}"
        if process.returncode < 0:
            how = f"by signal {-process.returncode}"
        raise Error(f"{label} failed {how}; its own message is above. {remedy}")
    if not printed.strip():
        raise Error(f"{label} printed nothing. {remedy}")
    return printed


def _end(process: subprocess.Popen[bytes], *, is_told: bool) -> None:
    """End a command that may be asking for a passphrase on a terminal whose settings it changed."""
    if not is_told:  # ^C has already reached it
        process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def _in_memory(pem: str) -> Iterator[int]:
    """Hold a private key in an anonymous memory file, and yield its descriptor.

    The file has no name, cannot be changed, and is open only in this process and in those that are
    given the descriptor. Unlike a pipe, it can be read several times, at /dev/fd/N.

    Raises:
        Error: this system does not have such files.

    """
    if not hasattr(os, "memfd_create"):
        raise Error(
            "this system does not have the anonymous memory files (memfd_create(2), Linux) in which"
            " data-mesher gets the key. Push from Linux, or name a file with --key."
        )
    descriptor = os.memfd_create("dm-dns signing key", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.write(descriptor, pem.encode("ascii"))
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        yield descriptor
    finally:
        os.close(descriptor)
