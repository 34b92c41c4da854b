import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns.access.file_access import LocalMachine
from dm_dns.errors import Error
from dm_dns.push.destination import Destination, MeshCopy
from dm_dns.zone import conf, zonefile


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


SERVED = conf.render(conf.Zone("pin", 5, {"irc.pin": "kiwi.pin"}, {"kiwi.pin": ("fd00::2",)}))


class Denied(LocalMachine):
    """A machine on which only root may read the mesh's copy."""

    def read_bytes(self, path: Path, limit: int) -> bytes:
        if path == Path("mesh"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return super().read_bytes(path, limit)


def read_denied(reported: list[str]) -> MeshCopy:
    """Read the mesh's copy of a machine that serves what is in the folder ``state``."""
    config = {
        "domain": "pin",
        "mesh": "/mesh",
        "hosts": "/hosts",
        "state": str(Path("state").absolute()),
        "unbound": {"control": "/ctl", "address": "127.0.0.1", "port": 5353},
    }
    Path("apply.json").write_text(json.dumps(config))
    destination = Destination(
        Path("mesh"), machine=Denied(), config=Path("apply.json"), report=reported.append
    )
    return destination.read_copy()


def serve(source: str) -> None:
    Path("state").mkdir()
    Path("state/kept.conf").write_text(SERVED)
    served = conf.parse(SERVED.encode(), "pin", "kept")
    compiled = zonefile.compile_zone(served, {}, source=source, inputs="i")
    Path("state/pin.zone").write_text(compiled.text)


@pytest.mark.parametrize(
    ("source", "is_meshs"), [("mesh", True), ("deployed", False), ("kept", False)]
)
def test_what_is_served_stands_for_a_copy_that_only_root_may_read(
    source: str, *, is_meshs: bool
) -> None:
    serve(source)
    reported: list[str] = []
    copy = read_denied(reported)
    assert (copy.content, copy.from_mesh) == (SERVED.encode(), is_meshs)
    assert len(reported) == 1
    assert ("it came from the mesh" in reported[0]) is is_meshs


@pytest.mark.parametrize(
    "break_it",
    [
        lambda: Path("state/kept.conf").unlink(),
        lambda: Path("state/kept.conf").write_text("nonsense\n"),
        lambda: Path("state/pin.zone").unlink(),
    ],
    ids=["no kept copy", "a kept copy that is not valid", "no zone file"],
)
def test_where_nothing_is_served_the_copy_cannot_be_read(break_it: Callable[[], object]) -> None:
    serve("mesh")
    break_it()
    assert failure(lambda: read_denied([])) == snapshot(
        "--mesh-file mesh: Permission denied. Run this with sudo, or as a user who may read"
        " the file."
    )


def test_a_zone_file_of_something_else_does_not_say_that_the_mesh_has_what_was_kept() -> None:
    serve("mesh")
    Path("state/pin.zone").write_text("nonsense\n")
    assert not read_denied([]).from_mesh
