"""The secret stores that clan has, each holding a private key as clan lays it out.

Real programs; only `clan` itself is a fake (the script beside this file).
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

VAR: Final = "dm-dns-signing-key/signing.key"
MACHINE: Final = "kiwi"

Fill = Callable[[Path, Path, bytes], dict[str, str]]
"""Puts a key into a checkout's store, and returns the environment that opens it (see `filled`)."""


def _run(*command: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> bytes:
    done = subprocess.run(
        command, input=stdin, capture_output=True, check=False, env={**os.environ, **(env or {})}
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _age_key(path: Path) -> str:
    """Make an age key, and return its public half."""
    _run("age-keygen", "-o", str(path))
    return _run("age-keygen", "-y", str(path)).decode().strip()


def sops(checkout: Path, user: Path, key: bytes) -> dict[str, str]:
    public = _age_key(user / "keys.txt")
    folder = checkout / "vars/shared" / VAR
    (folder / "machines").mkdir(parents=True)
    (checkout / "sops/machines" / MACHINE).mkdir(parents=True, exist_ok=True)
    (folder / "machines" / MACHINE).symlink_to(f"../../../../../sops/machines/{MACHINE}")
    types = ["--input-type", "binary", "--output-type", "binary"]
    encrypted = _run("sops", "--encrypt", "--age", public, *types, "/dev/stdin", stdin=key)
    (folder / "secret").write_bytes(encrypted)
    return {"SOPS_AGE_KEY_FILE": str(user / "keys.txt")}


def age(checkout: Path, user: Path, key: bytes) -> dict[str, str]:
    public = _age_key(user / "keys.txt")
    keys = checkout / "secrets/age-keys/machines" / MACHINE
    keys.mkdir(parents=True)
    machines = _age_key(user / "machine.txt")
    (keys / "pub").write_text(f"{machines}\n")
    _run("age", "-r", public, "-o", str(keys / "key.age"), str(user / "machine.txt"))
    (user / "machine.txt").unlink()
    secret = checkout / "secrets/clan-vars/shared" / VAR / "signing.key.age"
    secret.parent.mkdir(parents=True)
    _run("age", "-r", machines, "-o", str(secret), stdin=key)
    secret.with_suffix(".age.recipients").write_text(f"{machines}\n")
    return {"AGE_KEYFILE": str(user / "keys.txt")}


def password_store(checkout: Path, user: Path, key: bytes) -> dict[str, str]:
    env = {"GNUPGHOME": str(user / "gnupg"), "PASSWORD_STORE_DIR": str(user / "password-store")}
    (user / "gnupg").mkdir(mode=0o700)
    (checkout / "pass-command").write_text("pass")
    generate = ["--batch", "--passphrase", "", "--quick-generate-key", "admin", "future-default"]
    _run("gpg", *generate, env=env)
    _run("pass", "init", "admin", env=env)
    _run("pass", "insert", "-m", f"clan-vars/shared/{VAR}", stdin=key, env=env)
    return env


def passage(checkout: Path, user: Path, key: bytes) -> dict[str, str]:
    public = _age_key(user / "identities")
    env = {
        "PASSAGE_DIR": str(user / "passage"),
        "PASSAGE_IDENTITIES_FILE": str(user / "identities"),
        "PASSAGE_RECIPIENTS": public,
    }
    (user / "passage").mkdir()
    (checkout / "pass-command").write_text("passage")
    _run("passage", "insert", "-m", f"clan-vars/shared/{VAR}", stdin=key, env=env)
    return env


STORES: Final[dict[Fill, tuple[str, ...]]] = {
    sops: ("sops", "age", "age-keygen"),
    age: ("age", "age-keygen"),
    password_store: ("pass", "gpg"),
}
"""The stores, and the programs each needs."""


def _is_passage() -> bool:
    """Tell whether passage, the password store that uses age, is here.

    Neither Debian nor a package registry has it; Debian's package of that name is a game. A test
    that is skipped where it is missing would be skipped everywhere.
    """
    if shutil.which("passage") is None:
        return False
    said = subprocess.run(["passage", "version"], check=False, capture_output=True, text=True)
    return "age-backed password manager" in said.stdout


if _is_passage():
    STORES[passage] = ("passage", "age", "age-keygen")


def need(store: Fill) -> None:
    """Skip the test where a program of the store is missing."""
    missing = [program for program in STORES[store] if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} (checks/setup/packages, checks/setup/sops)")


@contextmanager
def filled(store: Fill, checkout: Path, user: Path, key: bytes) -> Iterator[dict[str, str]]:
    """Have the key in the store; return the environment that opens it.

    Args:
        store: which.
        checkout: the clan's.
        user: a folder with a short path: there are sockets in it.
        key: the private key's file.

    """
    env = store(checkout, user, key)
    try:
        yield env
    finally:
        if "GNUPGHOME" in env:
            _run("gpgconf", "--kill", "all", env=env)  # the agent, which gpg has started
