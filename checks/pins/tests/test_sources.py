"""The `sources.nix` of docs/pins.md, evaluated by a real Nix without flakes."""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from checks.pins.archive_server import ArchiveServer
from checks.pins.tests.helpers import (
    change_lock,
    give_release,
    nix,
    source,
    write_flake,
    write_repository,
)

DOCUMENT = Path(__file__).parents[3] / "docs/pins.md"
# Paths are copied to the store, as when something is built.
NIX_INSTANTIATE = ("nix-instantiate", "--eval", "--strict", "--json", "--read-write-mode")
REVISION = "1" * 40


def evaluate(expression: str) -> subprocess.CompletedProcess[str]:
    """Evaluate an expression about `pins`, the set in sources.nix, where nothing is cached."""
    empty = Path(tempfile.mkdtemp(prefix="evaluate-", dir=Path.cwd().parent))
    text = f"let pins = import {Path('sources.nix').absolute()}; in {expression}"
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


@pytest.fixture(autouse=True)
def flake(server: ArchiveServer, tmp_path: Path) -> Path:
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
    (text,) = re.findall(r"^```nix\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    Path("sources.nix").write_text(text)
    return tmp_path / "repository"


def test_every_pin_is_fetched_as_it_is_locked(flake: Path, server: ArchiveServer) -> None:
    server.asked.clear()

    assert value("builtins.attrNames pins") == ["a", "deep", "git"]
    assert value('builtins.readFile "${pins.a}/file"') == "a"
    assert value('builtins.readFile (pins.deep + "/file")') == "deep"
    assert value("builtins.attrNames (builtins.readDir pins.git)") == ["flake.nix"]
    assert value('(import "${pins.deep}/flake.nix") ? outputs') is True
    assert set(server.asked) == {"/a.tar.gz", f"/deep/archive/{REVISION}.tar.gz"}
    # The same store paths, and so the same files.
    assert [value(f'"${{pins.{name}}}"') for name in ("a", "git")] == [
        json.loads(nix("flake", "prefetch", "--json", "--flake-registry", "", reference))[
            "storePath"
        ]
        for reference in (server.url("/a.tar.gz"), f"git+file://{flake}?ref=main")
    ]


def test_other_files_are_refused(server: ArchiveServer) -> None:
    server.give("/a.tar.gz", source("something else"))

    done = evaluate('"${pins.a}"')

    assert done.returncode != 0
    assert "mismatch" in done.stderr


def test_another_commit_is_refused() -> None:
    change_lock("git", rev="0" * 40)

    assert evaluate('"${pins.git}"').returncode != 0
