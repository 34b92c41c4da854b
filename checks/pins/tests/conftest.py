import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.containers.container_errors import UnavailableError
from checks.pins import nix
from checks.pins.archive_server import ArchiveServer, serving


@pytest.fixture(scope="session")
def nix_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    try:
        with nix.programs(tmp_path_factory.mktemp("nix")) as directory:
            yield directory
    except UnavailableError as error:
        pytest.skip(f"no Nix 2.18 or later here, and {error}")


@pytest.fixture(autouse=True)
def machine(
    nix_directory: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A user's Nix with an empty store and cache, and an empty folder to be in."""
    if nix_directory:
        monkeypatch.setenv("PATH", f"{nix_directory}:{os.environ['PATH']}")
    for name in ("home", "conf", "store", "flake", "temporary"):
        (tmp_path / name).mkdir()
    # No binary cache is asked, of which there is none without a network.
    (tmp_path / "conf/nix.conf").write_text("substituters =\nbuild-users-group =\n")
    for variable in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "NIX_CACHE_HOME", "NIX_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", f"{tmp_path}/home")
    monkeypatch.setenv("NIX_CONF_DIR", f"{tmp_path}/conf")
    monkeypatch.setenv("NIX_REMOTE", f"{tmp_path}/store")
    monkeypatch.setenv("TMPDIR", f"{tmp_path}/temporary")
    monkeypatch.setattr("tempfile.tempdir", f"{tmp_path}/temporary")
    monkeypatch.chdir(tmp_path / "flake")
    yield
    left = list((tmp_path / "temporary").iterdir())
    for path in tmp_path.rglob("*"):  # store paths cannot be written
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(tmp_path)
    assert left == []


@pytest.fixture
def server() -> Iterator[ArchiveServer]:
    with serving() as server:
        yield server
