"""`dm-dns prefetch update` with a real Nix."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dm_dns.cli import main
from dm_dns.pins import nix as dm_dns_nix

from checks.pins.archive_server import Answer, ArchiveServer, archive
from checks.pins.tests.helpers import (
    LOCK,
    give_release,
    locked,
    nix,
    source,
    write_flake,
    write_repository,
)

ONE, TWO, THREE = ("1" * 40, "2" * 40, "3" * 40)


def update(*arguments: str) -> int:
    return main(["prefetch", "update", "--pause", "0.01", *arguments])


def by_nix(directory: Path, *inputs: str) -> bytes:
    """Return what Nix makes of a copy of the flake when it updates these inputs, or all."""
    shutil.copytree(Path(), directory)
    if dm_dns_nix.version()[:2] >= (2, 19):
        nix("flake", "update", *inputs, directory=directory)
    elif inputs:
        updates = [part for name in inputs for part in ("--update-input", name)]
        nix("flake", "lock", *updates, directory=directory)
    else:
        nix("flake", "update", directory=directory)
    return (directory / LOCK).read_bytes()


def inner(server: ArchiveServer) -> str:
    """Return a flake.nix with an input `deep`."""
    return f'{{ inputs.deep.url = "{server.url("/deep/main.tar.gz")}"; outputs = _: {{ }}; }}'


@pytest.fixture
def pinned(server: ArchiveServer) -> ArchiveServer:
    """A server with two inputs, and a flake whose lock has their first revisions."""
    for name in ("a", "b"):
        give_release(server, name, ONE, source(name))
    write_flake({name: server.url(f"/{name}/main.tar.gz") for name in ("a", "b")})
    nix("flake", "lock")
    for name in ("a", "b"):
        give_release(server, name, TWO, source(f"{name} two"))
    return server


def test_one_input_moves_and_the_lock_is_what_nix_writes(
    pinned: ArchiveServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = by_nix(tmp_path / "copy", "a")
    assert expected != LOCK.read_bytes()
    pinned.asked.clear()

    assert update("a") == 0

    assert LOCK.read_bytes() == expected
    assert (locked("a")["rev"], locked("b")["rev"]) == (TWO, ONE)
    assert capsys.readouterr().out == (
        "a: 111111111111 (2023-11-14) -> 222222222222 (2023-11-14)\n"
    )
    archive_path = f"/a/archive/{TWO}.tar.gz"
    # By Nix, and again to verify it.
    assert pinned.asked == ["/a/main.tar.gz", archive_path, archive_path]


@pytest.mark.usefixtures("pinned")
def test_all_inputs_move_and_nix_has_nothing_left_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = by_nix(tmp_path / "copy")

    assert update() == 0

    assert LOCK.read_bytes() == expected
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == ["a", "b"]
    nix("flake", "lock")
    assert LOCK.read_bytes() == expected
    assert update() == 0
    assert capsys.readouterr().out == "nothing moved\n"
    assert LOCK.read_bytes() == expected


@pytest.mark.parametrize("inputs", [[], ["a"]])
def test_inputs_of_inputs_move_with_their_own_lock(
    inputs: list[str], server: ArchiveServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def release(revision: str, deep: str) -> None:
        """Give `a`, with a flake.lock that has this revision of `deep`."""
        give_release(server, "deep", deep, source(f"deep {deep}"))
        folder = tmp_path / f"a-{revision}"
        folder.mkdir()
        (folder / "flake.nix").write_text(inner(server))
        nix("flake", "lock", directory=folder)
        files = {path.name: path.read_text() for path in folder.iterdir()}
        give_release(server, "a", revision, archive(files))

    release(ONE, ONE)
    write_flake({"a": server.url("/a/main.tar.gz"), "deep": "=a/deep"})
    nix("flake", "lock")
    release(TWO, TWO)
    # Newer than what the lock of `a` has, which is what counts.
    give_release(server, "deep", THREE, source("deep three"))
    expected = by_nix(tmp_path / "copy", *inputs)

    assert update(*inputs) == 0

    assert LOCK.read_bytes() == expected
    assert (locked("a")["rev"], locked("deep")["rev"]) == (TWO, TWO)
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "a",
        "a/deep",
    ]


def test_an_input_of_an_input_moves_alone(server: ArchiveServer, tmp_path: Path) -> None:
    give_release(server, "deep", ONE, source("deep"))
    give_release(server, "a", ONE, source("a", inner(server)))
    write_flake({"a": server.url("/a/main.tar.gz")})
    nix("flake", "lock")
    give_release(server, "deep", TWO, source("deep two"))
    give_release(server, "a", TWO, source("a two", inner(server)))
    expected = by_nix(tmp_path / "copy", "a/deep")

    assert update("a/deep") == 0

    assert LOCK.read_bytes() == expected
    assert (locked("a")["rev"], locked("deep")["rev"]) == (ONE, TWO)


def test_inputs_that_come_and_go_are_told(
    pinned: ArchiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    give_release(pinned, "c", ONE, source("c"))
    write_flake({name: pinned.url(f"/{name}/main.tar.gz") for name in ("a", "c")})

    assert update("c") == 0

    assert capsys.readouterr().out == (
        "c: added, 111111111111 (2023-11-14)\nb: removed, was 111111111111 (2023-11-14)\n"
    )
    assert locked("a")["rev"] == ONE


def test_a_lock_is_made_where_there_is_none(server: ArchiveServer, tmp_path: Path) -> None:
    give_release(server, "a", ONE, source("a"))
    write_flake({"a": server.url("/a/main.tar.gz")})
    expected = by_nix(tmp_path / "copy")

    assert update() == 0
    assert LOCK.read_bytes() == expected


@pytest.mark.usefixtures("pinned")
def test_in_a_git_repository_the_lock_counts_that_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NIX_CONFIG", "allow-dirty = false")  # the user's own setting
    for command in (["init", "--quiet"], ["add", "flake.nix"]):
        subprocess.run(["git", *command], check=True)

    assert update("a") == 0  # git does not know the lock

    assert (locked("a")["rev"], locked("b")["rev"]) == (TWO, ONE)


def refuse_follows(server: ArchiveServer) -> str:
    write_flake({"a": server.url("/a/main.tar.gz"), "b": "=a"})
    return "input b follows a and has no pin of its own. Update that: `dm-dns prefetch update a`."


def refuse_unknown(server: ArchiveServer) -> str:
    del server
    return "the flake has no input b/c. Its inputs: a, b."


def refuse_broken_flake(server: ArchiveServer) -> str:
    del server
    Path("flake.nix").write_text("{ inputs = ; }\n")
    return "syntax error"


def refuse_what_is_gone(server: ArchiveServer) -> str:
    del server.answers["/b/main.tar.gz"]
    return "HTTP error 404"


def refuse_half_an_archive(server: ArchiveServer) -> str:
    body = source("b two")
    server.give(f"/b/archive/{TWO}.tar.gz", Answer(body, cut=1000))
    return "artial file"


def refuse_what_comes_otherwise_again(server: ArchiveServer) -> str:
    answers = server.answers[f"/b/archive/{TWO}.tar.gz"]
    answers.append(answers[0]._replace(body=source("b other")))
    return "is unchanged: what Nix would lock differs from what a second download returned."


@pytest.mark.parametrize(
    ("name", "refuse"),
    [
        ("b", refuse_follows),
        ("b/c", refuse_unknown),
        ("b", refuse_broken_flake),
        ("b", refuse_what_is_gone),
        ("b", refuse_half_an_archive),
        ("b", refuse_what_comes_otherwise_again),
    ],
)
def test_a_failure_leaves_the_lock_alone(
    name: str,
    refuse: Callable[[ArchiveServer], str],
    pinned: ArchiveServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = LOCK.read_bytes()
    expected = refuse(pinned)

    assert update(name, "--tries", "2") == 1

    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("dm-dns: ")
    assert expected in error
    assert LOCK.read_bytes() == before
    assert {path.name for path in Path().iterdir()} == {"flake.nix", "flake.lock"}


def test_a_repository_that_is_gone_is_not_locked_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_repository(tmp_path / "repository")
    write_flake({"a": f"git+file://{tmp_path}/repository?ref=main"})
    assert update() == 0
    before = LOCK.read_bytes()
    (tmp_path / "repository").rename(tmp_path / "elsewhere")
    capsys.readouterr()

    assert update() == 1

    assert "dm-dns: Nix could not update" in capsys.readouterr().err
    assert LOCK.read_bytes() == before


def test_half_an_archive_is_fetched_again(pinned: ArchiveServer) -> None:
    path = f"/a/archive/{TWO}.tar.gz"
    whole = pinned.answers[path][0]
    pinned.give(path, whole._replace(cut=1000), whole)

    assert update("a") == 0
    assert locked("a")["rev"] == TWO
    assert json.loads(LOCK.read_text())["version"] == 7
