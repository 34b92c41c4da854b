from typing import Any

import pytest

from dm_dns.errors import Error
from dm_dns.pins.flake_lock import Pin
from dm_dns.pins.flake_ref import flake_ref, source_url

REV = "d7c35d9127af3f773b57d8e792818597a9aaa29c"
HASH = "sha256-SeDDCkjR5WQnJTlPm3DZ7R3k4/nNiyEHDi4ueLQTaic="
QUERY = "narHash=sha256-SeDDCkjR5WQnJTlPm3DZ7R3k4%2FnNiyEHDi4ueLQTaic%3D"
FORGE = {"owner": "o", "repo": "r", "rev": REV}


def pin(**locked: Any) -> Pin:  # noqa: ANN401 - any attribute
    return Pin("a", {"narHash": HASH, "lastModified": 1, **locked})


@pytest.mark.parametrize(
    ("locked", "expected", "url"),
    [
        (
            {"type": "github", **FORGE},
            f"github:o/r/{REV}",
            f"https://github.com/o/r/archive/{REV}.tar.gz",
        ),
        (
            {"type": "github", "host": "git.example.org", **FORGE},
            f"github:o/r/{REV}?host=git.example.org",
            f"https://git.example.org/api/v3/repos/o/r/tarball/{REV}",
        ),
        (
            {"type": "gitlab", **FORGE, "owner": "o/sub"},
            f"gitlab:o%2Fsub/r/{REV}",
            f"https://gitlab.com/api/v4/projects/o%2Fsub%2Fr/repository/archive.tar.gz?sha={REV}",
        ),
        (
            {"type": "gitlab", "host": "git.example.org", **FORGE, "owner": "o%2Fsub"},
            f"gitlab:o%2Fsub/r/{REV}?host=git.example.org",
            f"https://git.example.org/api/v4/projects/o%2Fsub%2Fr/repository/archive.tar.gz?sha={REV}",
        ),
        (
            {"type": "sourcehut", **FORGE, "owner": "~o"},
            f"sourcehut:~o/r/{REV}",
            f"https://git.sr.ht/~o/r/archive/{REV}.tar.gz",
        ),
        (
            {"type": "tarball", "url": "https://example.org/a.tar.gz", "rev": REV},
            "tarball+https://example.org/a.tar.gz",
            "https://example.org/a.tar.gz",
        ),
        (
            {"type": "tarball", "url": "https://example.org/a?format=tar", "rev": REV},
            "tarball+https://example.org/a?format=tar",
            "https://example.org/a?format=tar",
        ),
        (
            {"type": "file", "url": "https://example.org/a"},
            "file+https://example.org/a",
            "https://example.org/a",
        ),
        (
            {"type": "path", "path": "/srv/a b"},
            "path:/srv/a%20b",
            "path:/srv/a%20b",
        ),
    ],
)
def test_references_of_what_has_a_hash(locked: dict[str, Any], expected: str, url: str) -> None:
    assert flake_ref(pin(**locked)) == expected
    separator = "&" if "?" in expected else "?"
    assert flake_ref(pin(**locked), with_hash=True) == f"{expected}{separator}{QUERY}"
    assert source_url(pin(**locked)) == url


@pytest.mark.parametrize("with_hash", [True, False])
@pytest.mark.parametrize(
    ("locked", "expected"),
    [
        (
            {"type": "git", "url": "ssh://git@example.org/a", "ref": "refs/heads/x", "rev": REV},
            f"git+ssh://git@example.org/a?ref=refs%2Fheads%2Fx&rev={REV}",
        ),
        (
            {
                "type": "git",
                "url": "https://example.org/a?x=y",
                "rev": REV,
                "revCount": 7,
                "shallow": True,
                "submodules": True,
                "lfs": False,
            },
            f"git+https://example.org/a?x=y&rev={REV}&shallow=1&submodules=1",
        ),
        (
            {"type": "hg", "url": "https://example.org/a", "rev": REV},
            f"hg+https://example.org/a?rev={REV}",
        ),
    ],
)
def test_references_of_repositories(
    locked: dict[str, Any], expected: str, *, with_hash: bool
) -> None:
    assert flake_ref(pin(**locked), with_hash=with_hash) == expected
    assert source_url(pin(**locked)) == locked["url"]


@pytest.mark.parametrize(
    ("locked", "reason"),
    [
        (
            {"type": "github", "owner": "o", "repo": "r"},
            "flake.lock has no 'rev' for it, which type 'github' needs",
        ),
        ({"type": "tarball"}, "flake.lock has no 'url' for it, which type 'tarball' needs"),
        ({"type": "zip"}, "inputs of type 'zip' are not supported"),
    ],
)
def test_what_cannot_be_named_is_told(locked: dict[str, Any], reason: str) -> None:
    with pytest.raises(Error) as caught:
        flake_ref(pin(**locked))
    assert str(caught.value) == reason
    assert source_url(pin(**locked)) == locked["type"]


def test_a_folder_of_the_flake_is_shown_as_it_is_locked() -> None:
    assert source_url(pin(type="path", path="./a b")) == "./a b"
