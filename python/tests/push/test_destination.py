from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns.errors import Error
from dm_dns.push.destination import Destination, MeshCopy


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in tmp_path, so that messages have short paths."""
    monkeypatch.chdir(tmp_path)


def read(path: str) -> MeshCopy:
    return Destination(Path(path), report=pytest.fail).read_copy()


def failure(command: Callable[[], object]) -> str:
    with pytest.raises(Error) as caught:
        command()
    return str(caught.value)


def test_a_mesh_file_is_read_if_it_exists() -> None:
    assert read("missing").content is None
    Path("mesh").write_bytes(b"\377")
    assert read("mesh") == MeshCopy(b"\377", "mesh")
    assert read("mesh/cnames").content is None
    Path("bin").mkdir()
    assert failure(lambda: read("bin")) == snapshot(
        "--mesh-file bin: Is a directory. Check the path."
    )
