"""`dm-dns prefetch show --fetchurl`, evaluated by a real Nix without flakes."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from dm_dns.cli import main

from checks.pins.server import Server
from checks.pins.tests.helpers import (
    change_lock,
    give_release,
    nix,
    source,
    write_flake,
    write_repository,
)

# Paths are copied to the store, as when something is built.
NIX_INSTANTIATE = ("nix-instantiate", "--eval", "--strict", "--json", "--read-write-mode")
REVISION = "1" * 40
SOURCES = Path("sources.nix")


def write_sources(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["prefetch", "show", "--fetchurl"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    SOURCES.write_text(output.out)


def evaluate(expression: str) -> subprocess.CompletedProcess[str]:
    """Evaluate an expression about `pins`, the set in sources.nix, where nothing is cached."""
    empty = Path(tempfile.mkdtemp(prefix="evaluate-", dir=Path.cwd().parent))
    text = f"let pins = import {SOURCES.absolute()}; in {expression}"
    return subprocess.run(
        [*NIX_INSTANTIATE, "--expr", text],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "NIX_REMOTE": f"{empty}/store", "XDG_CACHE_HOME": f"{empty}/cache"},
    )


def value(expression: str) -> Any:  # noqa: ANN401 - any JSON value
    done = evaluate(expression)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def flake(server: Server, tmp_path: Path) -> Path:
    """A lock with an archive, an input of that, a follower, and a git repository, which it is."""
    write_repository(tmp_path / "repository")
    give_release(server, "deep", REVISION, source("deep"))
    inner = f'{{ inputs.deep.url = "{server.url("/deep/main.tar.gz")}"; outputs = _: {{ }}; }}'
    server.give("/a.tar.gz", source("a", inner))
    write_flake(
        {
            "a": server.url("/a.tar.gz"),
            "deep": "=a/deep",
            "git": f"git+file://{tmp_path}/repository?ref=main",
        }
    )
    nix("flake", "lock")
    return tmp_path / "repository"


@pytest.mark.usefixtures("flake")
def test_the_expression_is_parsed(capsys: pytest.CaptureFixture[str]) -> None:
    write_sources(capsys)

    subprocess.run(["nix-instantiate", "--parse", SOURCES], check=True, capture_output=True)
    assert value("builtins.attrNames pins") == ["a", "a/deep", "deep", "git"]


def test_every_pin_is_fetched_as_it_is_locked(
    flake: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sources(capsys)
    server.asked.clear()

    assert value('builtins.readFile "${pins.a}/file"') == "a"
    assert value('builtins.readFile (pins."a/deep" + "/file")') == "deep"
    assert value("builtins.attrNames (builtins.readDir pins.git)") == ["flake.nix"]
    assert value("(import (pins.deep + /flake.nix)) ? outputs") is True
    assert set(server.asked) == {"/a.tar.gz", f"/deep/archive/{REVISION}.tar.gz"}
    assert value("pins.deep.rev") == REVISION
    # The same store paths, and so the same files.
    assert [value(f"pins.{name}.outPath") for name in ("a", "git")] == [
        json.loads(nix("flake", "prefetch", "--json", "--flake-registry", "", reference))[
            "storePath"
        ]
        for reference in (server.url("/a.tar.gz"), f"git+file://{flake}?ref=main")
    ]


@pytest.mark.usefixtures("flake")
def test_other_files_are_refused(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    write_sources(capsys)
    server.give("/a.tar.gz", source("something else"))

    done = evaluate("pins.a.outPath")

    assert done.returncode != 0
    assert "mismatch" in done.stderr


def test_another_commit_is_refused(flake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert flake.is_dir()
    change_lock("git", rev="0" * 40)
    write_sources(capsys)

    assert evaluate("pins.git.outPath").returncode != 0


def test_a_path_is_taken_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "flake.nix").write_text("{ outputs = _: { }; }\n")
    write_flake({"here": f"path:{folder}"})
    nix("flake", "lock")
    write_sources(capsys)

    assert value("builtins.attrNames (builtins.readDir pins.here)") == ["flake.nix"]

    (folder / "more").write_text("")
    done = evaluate("pins.here.outPath")
    assert done.returncode != 0
    assert "mismatch" in done.stderr
