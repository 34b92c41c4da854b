import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dm_dns.errors import Error
from dm_dns.files import ReadFile
from dm_dns.node import trust
from dm_dns.node.config import NO_TRUST, Config, Trust
from dm_dns.node.unbound import Unbound
from dm_dns.zone import limits

CONTENT = b"a zone"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
RAW = "LYOIIEj19zZq3+0I9LnwZUi1k2Keft3XaOqgmcAO6pM="
PEM = f"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA{RAW}\n-----END PUBLIC KEY-----\n"
SPELLINGS = [PEM, PEM.rstrip(), PEM.replace("\n", "\r\n"), f"\n{PEM}\n", RAW, f"{RAW}\n"]
"""Texts of one key."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("state/history").mkdir(parents=True)
    Path("state/kept.conf").write_text("kept")


def config(*keys: str) -> Config:
    return Config(
        domain="pin",
        mesh=Path("mesh"),
        deployed=None,
        hosts=Path("hosts"),
        state=Path("state"),
        keys=list(keys),
        unbound=Unbound(Path("ctl"), "127.0.0.1", 5353),
        hook=None,
    )


def update(config: Config, content: bytes | None, deployed: bytes | None = None) -> Trust:
    mesh = ReadFile(config.mesh, content, None, ())
    return trust.update(config, mesh, ReadFile(Path("deployed"), deployed, None, ()))


def is_kept() -> bool:
    return Path("state/kept.conf").exists()


def test_the_first_keys_are_remembered() -> None:
    assert update(config("b", "a"), CONTENT) == Trust(["a", "b"], [], 0)
    assert json.loads(Path("state/keys.json").read_text()) == {
        "keys": ["a", "b"],
        "distrusted": [],
        "serial": 0,
    }
    assert is_kept()


def test_one_more_key_changes_nothing_else() -> None:
    update(config("a"), CONTENT)
    assert update(config("a", "b"), CONTENT) == Trust(["a", "b"], [], 0)
    assert is_kept()


@pytest.mark.parametrize("had", SPELLINGS)
@pytest.mark.parametrize("has", SPELLINGS)
def test_another_text_of_the_same_key_is_the_same_key(had: str, has: str) -> None:
    # As an older version has written it.
    known = {"keys": [had], "distrusted": [], "serial": 3}
    Path("state/keys.json").write_text(json.dumps(known))
    found = update(config(has), CONTENT)
    assert (found.distrusted, found.serial) == ([], 3)
    assert is_kept()
    # A second key that comes in yet another text leaves the first one what it is.
    assert update(config(has, "b"), CONTENT).distrusted == []
    assert update(config("b", *SPELLINGS), CONTENT).distrusted == []
    assert is_kept()
    assert update(config("b"), CONTENT).distrusted == [DIGEST]


def test_a_key_whose_text_is_almost_the_same_is_another_one() -> None:
    update(config(SPELLINGS[0]), CONTENT)
    other = SPELLINGS[0].replace("pM=", "pA=")
    assert update(config(other), CONTENT).distrusted == [DIGEST]


def test_when_a_key_is_gone_what_was_pushed_before_is_not_trusted() -> None:
    for name in ("7.conf", "30.conf", "30-2.conf", "notes.txt"):
        Path("state/history", name).write_text(name)
    update(config("a"), b"other")
    found = update(config("b"), CONTENT)
    assert (found.keys, found.serial) == (["b"], 30)
    # Those in the history may come again, from a machine that was off.
    assert all(map(found.is_distrusted, [CONTENT, b"7.conf", b"30.conf", b"30-2.conf"]))
    assert not any(map(found.is_distrusted, [b"other", b"notes.txt", None]))
    assert not is_kept()
    # It stays so, whatever the mesh brings.
    assert update(config("b"), b"other") == found
    assert update(config("b", "c"), b"other").distrusted == found.distrusted


def test_what_the_machine_is_deployed_with_is_trusted_whoever_pushed_it() -> None:
    """Another key, and the same zone: the mesh copy that the new key signs has the same content."""
    Path("state/history/7.conf").write_bytes(CONTENT)
    update(config("a"), CONTENT)
    assert not update(config("b"), CONTENT, deployed=CONTENT).is_distrusted(CONTENT)


def test_what_the_machine_is_deployed_with_later_is_trusted_from_then_on() -> None:
    update(config("a"), CONTENT)
    assert update(config("b"), CONTENT, deployed=b"other").is_distrusted(CONTENT)
    assert not update(config("b"), CONTENT, deployed=CONTENT).is_distrusted(CONTENT)
    assert not update(config("b"), CONTENT).is_distrusted(CONTENT)


def test_a_zone_of_the_history_that_cannot_be_read_keeps_nothing_from_being_served() -> None:
    Path("state/history/7.conf").mkdir()
    Path("state/history/8.conf").write_bytes(CONTENT)
    update(config("a"), None)
    assert update(config("b"), None) == Trust(["b"], [DIGEST], 8)


def test_however_often_keys_are_replaced_what_is_remembered_fits_in_its_file() -> None:
    old = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(1000)]
    Path("state/keys.json").write_text(json.dumps(Trust(["a"], old, 0)._asdict()))
    found = update(config("b"), CONTENT)
    assert found.distrusted == [*old[1:], DIGEST]
    assert Path("state/keys.json").stat().st_size < limits.MAX_SETTINGS / 2


def test_without_a_mesh_copy_the_one_of_before_stays_distrusted() -> None:
    update(config("a"), None)
    update(config("b"), CONTENT)
    assert update(config("c"), None).distrusted == [DIGEST]


@pytest.mark.parametrize("content", ["", "{}", "[]", "nonsense", '{"keys": 1}'])
def test_a_file_that_is_damaged_is_as_if_there_were_none(content: str) -> None:
    Path("state/keys.json").write_text(content)
    assert update(config("a"), CONTENT) == Trust(["a"], [], 0)
    assert is_kept()
    assert update(config("b"), CONTENT).is_distrusted(CONTENT)


def test_a_file_that_cannot_be_read_for_once_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = update(config("a"), CONTENT)
    with monkeypatch.context() as patched:
        patched.setattr(os, "read", fail)
        with pytest.raises(OSError, match=r"keys\.json"):
            update(config("a"), CONTENT)
    assert update(config("a"), CONTENT) == known
    assert is_kept()


def fail(*_arguments: object) -> bytes:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_mesh_copy_that_cannot_be_read_when_a_key_is_gone_is_not_trusted_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    update(config("a"), CONTENT)
    Path("mesh").write_bytes(CONTENT)
    with monkeypatch.context() as patched:
        patched.setattr(os, "read", fail)
        mesh = ReadFile.read(Path("mesh"), 1000)
    assert mesh.content is None
    trust.update(config("b"), mesh)
    # It may have been made from the mesh copy.
    assert not is_kept()
    found = trust.update(config("b"), ReadFile.read(Path("mesh"), 1000))
    assert found.is_distrusted(CONTENT)
    assert trust.update(config("b"), mesh) == found


@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda path: Path(path).write_bytes(b"large")]
)
def test_what_cannot_be_a_mesh_copy_is_not_waited_for(make: Callable[[str], object]) -> None:
    update(config("a"), CONTENT)
    make("mesh")
    trust.update(config("b"), ReadFile.read(Path("mesh"), 4))
    assert not update(config("b"), CONTENT).is_distrusted(CONTENT)


def test_without_known_keys_nothing_is_remembered_or_forgotten() -> None:
    assert update(config(), CONTENT) == NO_TRUST
    assert not Path("state/keys.json").exists()
    update(config("a"), CONTENT)
    assert update(config(), CONTENT) == Trust(["a"], [], 0)


def test_what_is_not_valid_is_an_error() -> None:
    with pytest.raises(Error, match="keys must be a list"):
        Trust.parse(b'{"keys": 1}', "keys.json")
