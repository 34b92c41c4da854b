# ruff: noqa: E501 - messages stand here as they are printed
import argparse
import base64
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from nacl.signing import SigningKey

from dm_dns import files
from dm_dns.commands import keygen
from dm_dns.errors import Error, FileError
from dm_dns.push import keys

# A pair that clan-core's public tests have: no secret.
PKCS8 = "MC4CAQAwBQYDK2VwBCIEIEVj+yZa6JyiCYzUz864QMLibl7LRbEjOiumIydaYNC2"
SEED = base64.b64decode(PKCS8)[-32:]
PUBLIC = base64.b64decode("azwT+VhTxA+BF73Hwq0uqdXHG8XvHU2BknoVXgmEjww=")
PUBLIC_PEM = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAazwT+VhTxA+BF73Hwq0uqdXHG8XvHU2BknoVXgmEjww=
-----END PUBLIC KEY-----
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in tmp_path, so that messages have short paths, and unprivileged users reach it."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def not_root() -> Iterator[None]:
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


def openssl(*args: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *args], input=stdin, capture_output=True, check=True).stdout


def read_public(path: Path) -> bytes:
    return keys.parse_public(files.read_named(path, "--public-key"), str(path))


def public_half(path: Path) -> bytes:
    content = files.read_named(path, "--key")
    return keys.public_from_seed(keys.parse_private(content, str(path), keys.GIVE_PRIVATE))


def generated() -> tuple[Path, Path]:
    keys.generate(Path("pair"))
    return Path("pair/signing.key"), Path("pair/signing.pub")


def listed(directory: str) -> list[str]:
    return sorted(path.name for path in Path(directory).iterdir())


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_a_published_pair_has_the_published_bytes() -> None:
    assert SigningKey(SEED).verify_key.encode() == PUBLIC
    assert keys.private_pem(SEED) == (
        f"-----BEGIN PRIVATE KEY-----\n{PKCS8}\n-----END PRIVATE KEY-----\n"
    )
    assert keys.public_pem(PUBLIC) == PUBLIC_PEM
    assert len(PUBLIC_PEM) == 113


def test_a_generated_pair_belongs_together() -> None:
    private, public = generated()
    seed = base64.b64decode(private.read_text().split("\n")[1])[-32:]
    assert SigningKey(seed).verify_key.encode() == read_public(public)


def test_each_pair_is_another() -> None:
    keys.generate(Path("one"))
    keys.generate(Path("two"))
    assert Path("one/signing.key").read_text() != Path("two/signing.key").read_text()


def test_openssl_writes_a_generated_pair_as_it_is() -> None:
    private, public = generated()
    assert openssl("pkey", "-in", str(private)) == private.read_bytes()
    assert openssl("pkey", "-in", str(private), "-pubout") == public.read_bytes()
    assert openssl("pkey", "-pubin", "-in", str(public)) == public.read_bytes()


def test_a_pair_of_openssl_is_the_same_bytes_here() -> None:
    private = openssl("genpkey", "-algorithm", "ed25519")
    public = openssl("pkey", "-pubout", stdin=private)
    der = openssl("pkey", "-outform", "DER", stdin=private)
    assert keys.private_pem(der[-32:]).encode() == private
    der = openssl("pkey", "-pubout", "-outform", "DER", stdin=private)
    assert keys.public_pem(der[-32:]).encode() == public
    Path("openssl.pub").write_bytes(public)
    assert read_public(Path("openssl.pub")) == der[-32:]


def test_openssl_verifies_what_a_generated_key_signs() -> None:
    private, public = generated()
    seed = base64.b64decode(private.read_text().split("\n")[1])[-32:]
    Path("text").write_bytes(b"zone")
    Path("signature").write_bytes(SigningKey(seed).sign(b"zone").signature)
    verify = ["pkeyutl", "-verify", "-rawin", "-in", "text", "-sigfile", "signature"]
    assert b"Successfully" in openssl(*verify, "-pubin", "-inkey", str(public))
    Path("text").write_bytes(b"other zone")
    with pytest.raises(subprocess.CalledProcessError):
        openssl(*verify, "-pubin", "-inkey", str(public))


def test_what_openssl_signs_with_a_generated_key_verifies() -> None:
    private, public = generated()
    Path("text").write_bytes(b"zone")
    signature = openssl("pkeyutl", "-sign", "-rawin", "-in", "text", "-inkey", str(private))
    key = SigningKey(base64.b64decode(private.read_text().split("\n")[1])[-32:]).verify_key
    assert key.encode() == read_public(public)
    assert key.verify(b"zone", signature) == b"zone"


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("value", [0, 0o022, 0o777])
def test_modes_do_not_depend_on_the_umask(value: int) -> None:
    Path("pair").mkdir()
    os.umask(value)
    private, public = generated()
    assert (mode(private), mode(public)) == (0o600, 0o644)


@pytest.mark.usefixtures("umask")
def test_the_private_key_is_private_before_it_has_content(monkeypatch: pytest.MonkeyPatch) -> None:
    os.umask(0)
    seen = []

    def fchmod(descriptor: int, _mode: int) -> None:
        status = os.fstat(descriptor)
        seen.append((status.st_mode & 0o7777, status.st_size))

    monkeypatch.setattr(os, "fchmod", fchmod)
    generated()
    assert seen == [(0o600, 0), (0o644, 0)]


@pytest.mark.usefixtures("umask")
def test_a_missing_directory_is_made_for_its_owner_only() -> None:
    keys.generate(Path("a/b"))
    assert mode(Path("a/b")) == 0o700
    assert listed("a/b") == ["signing.key", "signing.pub"]


def test_the_command_takes_the_directory() -> None:
    parser = argparse.ArgumentParser()
    keygen.add_arguments(parser)
    assert keygen.run(parser.parse_args(["pair"])) == 0
    assert len(read_public(Path("pair/signing.pub"))) == 32


def test_a_private_key_is_never_overwritten() -> None:
    private, public = generated()
    before = private.read_bytes(), public.read_bytes()
    with pytest.raises(Error) as caught:
        generated()
    assert str(caught.value) == snapshot(
        "pair/signing.key exists, and a key is never overwritten. Choose another directory, or "
        "move signing.key and signing.pub away first."
    )
    assert (private.read_bytes(), public.read_bytes()) == before


def test_a_public_key_is_never_overwritten_and_no_private_key_left() -> None:
    Path("pair").mkdir()
    Path("pair/signing.pub").write_text("old")
    with pytest.raises(Error) as caught:
        generated()
    assert str(caught.value) == snapshot(
        "pair/signing.pub exists, and a key is never overwritten. Choose another directory, or "
        "move signing.key and signing.pub away first."
    )
    assert listed("pair") == ["signing.pub"]
    assert Path("pair/signing.pub").read_text() == "old"


@pytest.mark.parametrize("name", ["signing.key", "signing.pub"])
def test_a_dangling_link_is_not_followed(name: str) -> None:
    Path("pair").mkdir()
    Path("pair", name).symlink_to("../elsewhere")
    with pytest.raises(Error, match=f"pair/{name} exists"):
        generated()
    assert not Path("elsewhere").exists()
    assert listed("pair") == [name]


@pytest.mark.parametrize("name", ["signing.key", "signing.pub"])
def test_a_directory_in_the_place_of_a_key_stays(name: str) -> None:
    Path("pair", name).mkdir(parents=True)
    with pytest.raises(Error, match=f"pair/{name} exists"):
        generated()
    assert listed("pair") == [name]


def test_a_file_in_the_place_of_the_directory_is_refused() -> None:
    Path("pair").write_text("")
    with pytest.raises(Error) as caught:
        generated()
    assert str(caught.value) == snapshot("pair: File exists. Choose another directory.")


def test_a_directory_without_write_permission_is_refused(request: pytest.FixtureRequest) -> None:
    Path("pair").mkdir(mode=0o555)
    request.getfixturevalue("not_root")
    with pytest.raises(Error) as caught:
        generated()
    assert str(caught.value) == snapshot(
        "pair/signing.key: Permission denied. Choose a directory you may write to."
    )
    assert listed("pair") == []


def test_a_full_disk_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Error) as caught:
        generated()
    assert str(caught.value) == snapshot(
        "pair/signing.key: No space left on device. Choose a directory you may write to."
    )
    assert listed("pair") == []


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_size_is_refused_without_showing_it(size: int) -> None:
    with pytest.raises(ValueError, match=f"^an Ed25519 key has 32 octets, not {size}$"):
        keys.private_pem(b"k" * size)


def public_error(content: str) -> str:
    Path("signing.pub").write_text(content)
    with pytest.raises(FileError) as caught:
        read_public(Path("signing.pub"))
    return str(caught.value)


def test_a_private_key_given_as_public_key_is_refused_without_showing_it() -> None:
    message = public_error(keys.private_pem(SEED))
    assert message == snapshot(
        "signing.pub:1: expected '-----BEGIN PUBLIC KEY-----'. Give the signing.pub that `dm-dns "
        "keygen DIR` wrote, unchanged."
    )
    assert PKCS8[-20:] not in message


def test_another_kind_of_public_key_is_refused() -> None:
    private = openssl("genpkey", "-algorithm", "x25519")
    assert public_error(openssl("pkey", "-pubout", stdin=private).decode()) == snapshot(
        "signing.pub:2: not an Ed25519 public key (RFC 8410). Give the signing.pub that `dm-dns "
        "keygen DIR` wrote, unchanged."
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", 1),
        ("\n" + PUBLIC_PEM, 1),
        (PUBLIC_PEM.replace("\n", "\r\n"), 1),
        ("\ufeff" + PUBLIC_PEM, 1),
        ("-----BEGIN PUBLIC KEY-----", 2),
        (PUBLIC_PEM.replace("jww=", "jww"), 2),
        (PUBLIC_PEM.replace("jww=", "jwx="), 2),
        (PUBLIC_PEM.replace("azwT", "az\nwT"), 2),
        (PUBLIC_PEM.replace("azwT", "az wT"), 2),
        (PUBLIC_PEM.replace("END PUBLIC", "END PRIVATE"), 3),
        (PUBLIC_PEM.removesuffix("\n"), 3),
        (PUBLIC_PEM + "\n", 3),
        (PUBLIC_PEM + PUBLIC_PEM, 3),
    ],
)
def test_a_public_key_that_is_not_strict_pem_is_refused_at_its_line(
    content: str, line: int
) -> None:
    assert public_error(content).startswith(f"signing.pub:{line}: ")


def test_a_missing_public_key_is_refused() -> None:
    with pytest.raises(Error) as caught:
        read_public(Path("signing.pub"))
    assert str(caught.value) == snapshot(
        "--public-key signing.pub: No such file or directory. Check the path."
    )


def test_the_public_half_of_a_published_key_is_the_published_one() -> None:
    Path("key").write_text(keys.private_pem(SEED))
    assert public_half(Path("key")) == PUBLIC


def test_the_public_half_of_a_key_of_openssl_is_read() -> None:
    private = openssl("genpkey", "-algorithm", "ed25519")
    Path("key").write_bytes(private)
    assert keys.public_pem(public_half(Path("key"))).encode() == openssl(
        "pkey", "-pubout", stdin=private
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda _: "",
            snapshot(
                "key:1: expected '-----BEGIN PRIVATE KEY-----'. Give the signing.key that `dm-dns keygen DIR` wrote, unchanged."
            ),
        ),
        (
            lambda _: PUBLIC_PEM,
            snapshot(
                "key:1: expected '-----BEGIN PRIVATE KEY-----'. Give the signing.key that `dm-dns keygen DIR` wrote, unchanged."
            ),
        ),
        (
            lambda pem: pem.replace("\n", "\r\n"),
            snapshot(
                "key:1: expected '-----BEGIN PRIVATE KEY-----'. Give the signing.key that `dm-dns keygen DIR` wrote, unchanged."
            ),
        ),
        (
            lambda pem: pem.replace(PKCS8, PKCS8[:-4]),
            snapshot(
                "key:2: not an Ed25519 private key (RFC 8410). Give the signing.key that `dm-dns keygen DIR` wrote, unchanged."
            ),
        ),
        (
            lambda pem: pem.replace("MC4CAQAw", "MC4CAQEw"),
            snapshot(
                "key:2: not an Ed25519 private key (RFC 8410). Give the signing.key that `dm-dns keygen DIR` wrote, unchanged."
            ),
        ),
        (
            lambda pem: pem.replace(PKCS8, f" {PKCS8}"),
            snapshot(
                "key:2: not an Ed25519 private key (RFC 8410). Give the signing.key that `dm-dns keygen DIR` wrote, unchanged."
            ),
        ),
        (
            lambda pem: pem.replace("END PRIVATE", "END PUBLIC"),
            snapshot(
                "key:3: expected '-----END PRIVATE KEY-----'. Give the signing.key that `dm-dns keygen DIR` wrote, unchanged."
            ),
        ),
        (
            lambda pem: pem[:-1],
            snapshot(
                "key:3: expected a newline and the file's end. Give the signing.key that `dm-dns keygen DIR` wrote, unchanged."
            ),
        ),
        (
            lambda pem: pem + pem,
            snapshot(
                "key:3: expected a newline and the file's end. Give the signing.key that `dm-dns keygen DIR` wrote, unchanged."
            ),
        ),
    ],
)
def test_a_private_key_in_another_form_is_refused_without_showing_it(
    change: Callable[[str], str], message: str
) -> None:
    Path("key").write_text(change(keys.private_pem(SEED)), newline="")
    with pytest.raises(FileError) as caught:
        public_half(Path("key"))
    assert str(caught.value) == message
    assert PKCS8[24:40] not in str(caught.value)


def test_a_missing_private_key_is_an_error() -> None:
    with pytest.raises(Error) as caught:
        public_half(Path("missing"))
    assert str(caught.value) == snapshot(
        "--key missing: No such file or directory. Check the path."
    )
