import base64
import os
import subprocess
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from checks.fake_data_mesher import keys
from checks.fake_data_mesher.mesh_errors import MeshError

# A pair that clan-core publishes in its tests.
PKCS8 = "MC4CAQAwBQYDK2VwBCIEIEVj+yZa6JyiCYzUz864QMLibl7LRbEjOiumIydaYNC2"
PUBLIC = "azwT+VhTxA+BF73Hwq0uqdXHG8XvHU2BknoVXgmEjww="


def pem(label: str, body: str) -> str:
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"


def test_published_pair_belongs_together() -> None:
    key = keys.decode_private(pem("PRIVATE KEY", PKCS8))
    assert base64.b64encode(bytes(key.verify_key)).decode() == PUBLIC
    assert keys.encode_private(key) == pem("PRIVATE KEY", PKCS8)


def test_public_pem_is_read_back_and_has_113_characters() -> None:
    raw = base64.b64decode(PUBLIC)
    text = keys.encode_public(raw)
    assert len(text) == 113
    assert keys.decode_public(text) == raw


def test_allowlist_takes_both_forms() -> None:
    raw = base64.b64decode(PUBLIC)
    assert keys.decode_allowed(PUBLIC) == raw
    assert keys.decode_allowed(keys.encode_public(raw)) == raw
    assert keys.decode_allowed(keys.encode_public(raw).rstrip("\n")) == raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        PKCS8,
        pem("PUBLIC KEY", PKCS8),
        pem("PRIVATE KEY", PKCS8[:-4]),
        pem("PRIVATE KEY", PKCS8 + "AAAA"),
        pem("PRIVATE KEY", "MC4CAQEw" + PKCS8[8:]),
        pem("PRIVATE KEY", PKCS8[:32] + "\n" + PKCS8[32:]),
        pem("PRIVATE KEY", PKCS8[:-1] + "!"),
        "text before\n" + pem("PRIVATE KEY", PKCS8),
        pem("PRIVATE KEY", PKCS8) * 2,
        pem("PRIVATE KEY", PKCS8).replace("\n", "\r\n"),
    ],
)
def test_anything_but_one_strict_private_pem_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match="not ") as error:
        keys.decode_private(text)
    assert PKCS8[20:40] not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [PUBLIC.rstrip("="), PUBLIC[:-2] + "x=", PUBLIC + "\n", "AAAA", "-----BEGIN PUBLIC KEY-----"],
    ids=["no padding", "stray bits", "newline", "3 bytes", "cut PEM"],
)
def test_malformed_allowlist_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not |bytes"):
        keys.decode_allowed(text)


def test_openssl_reads_generated_keys_and_agrees_on_the_pair(tmp_path: Path) -> None:
    private, public = tmp_path / "a.key", tmp_path / "a.pub"
    keys.generate(private, public)
    derived = subprocess.run(
        ["openssl", "pkey", "-in", private, "-pubout"], capture_output=True, text=True, check=True
    )
    assert derived.stdout == public.read_text()
    described = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", public, "-noout", "-text_pub"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ED25519" in described.stdout.upper()


def test_keys_made_by_openssl_are_read(tmp_path: Path) -> None:
    private, public = tmp_path / "a.key", tmp_path / "a.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    assert bytes(keys.read_private(private).verify_key) == keys.read_public(public)


def test_private_key_is_created_with_mode_0600(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = []
    real = os.open

    def spy(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = real(path, flags, mode)
        created.append((path.name, os.fstat(descriptor).st_mode & 0o777))
        return descriptor

    monkeypatch.setattr(os, "open", spy)
    umask = os.umask(0)
    try:
        keys.generate(tmp_path / "a.key", tmp_path / "a.pub")
    finally:
        os.umask(umask)
    assert created == [("a.key", 0o600), ("a.pub", 0o644)]


@pytest.mark.parametrize("existing", ["a.key", "a.pub"])
def test_existing_key_file_is_not_overwritten(tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_text("precious")
    with pytest.raises(MeshError, match=existing):
        keys.generate(tmp_path / "a.key", tmp_path / "a.pub")
    assert [path.name for path in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_text() == "precious"


def test_unreadable_key_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(MeshError, match="absent: cannot read"):
        keys.read_private(tmp_path / "absent")
    with pytest.raises(MeshError, match="binary: not a PEM file"):
        keys.read_public(tmp_path / "binary")


def test_private_key_round_trip() -> None:
    key = SigningKey.generate()
    assert keys.decode_private(keys.encode_private(key)) == key
