import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.fake_data_mesher.tests.helpers import (
    DEADLINE,
    NAME,
    SECOND,
    DaemonProcess,
    NetworkKeys,
    mesh,
    until,
)


@pytest.fixture(scope="module")
def in_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A node that writes in place."""
    node = DaemonProcess(NetworkKeys(tmp_path_factory.mktemp("in_place")), "in_place")
    node.config["write_in_place"] = True
    node.start()
    yield node
    node.stop()


@pytest.fixture(params=["rename", "in place"])
def either(
    request: pytest.FixtureRequest, shared: DaemonProcess, in_place: DaemonProcess
) -> DaemonProcess:
    """Return a node of each write mode in turn."""
    return shared if request.param == "rename" else in_place


def restart(node: DaemonProcess) -> None:
    assert node.stop() == 0
    node.start()


def entry_path(node: DaemonProcess, name: str) -> Path:
    return node.state / "entries" / f"{hashlib.sha256(name.encode()).hexdigest()}.json"


def test_home_is_a_symlink_to_the_network_folder(shared: DaemonProcess) -> None:
    folder = shared.home.readlink()
    assert folder.name == str(folder)
    assert (shared.state / "files" / folder / NAME).read_bytes() == b"kept"


def test_folder_of_files_holds_nothing_but_files(nodes: list[DaemonProcess]) -> None:
    node = nodes[0]
    node.start()
    node.update(NAME, b"x")
    node.update("test_file", b"y")
    folder = node.home.resolve()
    found = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    assert found == {"dns", NAME, "test_file"}


def test_file_is_replaced_by_rename(shared: DaemonProcess, fresh: str) -> None:
    shared.update(fresh, b"old and long")
    with (shared.home / fresh).open("rb") as reader:
        shared.update(fresh, b"new")
        assert not os.path.samestat(os.fstat(reader.fileno()), (shared.home / fresh).stat())
        assert reader.read() == b"old and long"
    assert shared.read(fresh) == b"new"


def test_file_is_written_in_place_on_request(in_place: DaemonProcess, fresh: str) -> None:
    in_place.update(fresh, b"old and long")
    with (in_place.home / fresh).open("rb") as reader:
        in_place.update(fresh, b"new")
        assert os.path.samestat(os.fstat(reader.fileno()), (in_place.home / fresh).stat())
        assert reader.read() == b"new"


def test_deleted_file_is_gone(either: DaemonProcess, fresh: str) -> None:
    either.update(fresh, b"x")
    assert either.read(fresh) == b"x"
    either.delete(fresh)
    assert either.read(fresh) is None


def test_same_content_signed_again_is_written_again(either: DaemonProcess, fresh: str) -> None:
    either.update(fresh, b"same")
    os.utime(either.home / fresh, (1, 1))
    either.update(fresh, b"same")
    assert (either.home / fresh).stat().st_mtime > 1


def test_file_has_the_mode_that_the_umask_leaves(either: DaemonProcess, fresh: str) -> None:
    either.update(fresh, b"x")
    umask = os.umask(0)
    os.umask(umask)
    assert (either.home / fresh).stat().st_mode & 0o777 == 0o666 & ~umask


def test_restart_keeps_files_and_the_order_of_signatures(either: DaemonProcess, fresh: str) -> None:
    older = either.network.sign(b"older", fresh)
    either.update(fresh, b"kept")
    before = (either.home / fresh).stat()
    restart(either)
    assert either.read(fresh) == b"kept"
    after = (either.home / fresh).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert either.send(older)[0] == 409


def test_restart_keeps_tombstones(shared: DaemonProcess, fresh: str) -> None:
    older = shared.network.sign(b"older", fresh)
    shared.update(fresh, b"x")
    shared.delete(fresh)
    restart(shared)
    assert shared.read(fresh) is None
    assert shared.send(older)[0] == 409


def test_restart_repairs_changed_files_and_clears_interrupted_writes_away(
    shared: DaemonProcess, fresh: str
) -> None:
    shared.update(fresh, b"signed")
    shared.stop()
    (shared.home / fresh).write_bytes(b"tampered")
    (shared.home / NAME).unlink()
    (shared.state / "tmp" / "cnames").write_bytes(b"half")
    shared.start()
    assert shared.read(fresh) == b"signed"
    assert shared.read() == b"kept"
    assert list((shared.state / "tmp").iterdir()) == []


def test_file_that_expired_while_the_node_was_down_is_removed_at_start(
    shared: DaemonProcess, fresh: str
) -> None:
    older = shared.network.sign(b"older", fresh, now=time.time_ns() - SECOND)
    end = time.time_ns()
    for validity in (SECOND, 10 * SECOND):  # a busy machine may need more than one until it is down
        end = time.time_ns() + validity
        shared.send(shared.network.sign(b"x", fresh, now=end - validity, valid_for=validity))
        assert shared.process
        shared.process.kill()
        shared.process.wait()
        if shared.read(fresh) == b"x":
            break
        shared.start()
    assert shared.read(fresh) == b"x"
    until(lambda: time.time_ns() > end, "the validity time is over")
    shared.start()
    assert shared.read(fresh) is None
    assert shared.send(older)[0] == 409


def test_node_makes_missing_folders_again(shared: DaemonProcess, fresh: str) -> None:
    shared.update(fresh, b"x")
    folder = (shared.home / fresh).parent
    folder.rename(shared.folder / "moved away")
    shared.update(fresh, b"y")
    assert shared.read(fresh) == b"y"


def test_corrupted_entries_are_reported_and_do_not_keep_the_daemon_from_starting(
    shared: DaemonProcess, fresh: str
) -> None:
    shared.update(fresh, b"x")
    whole = entry_path(shared, fresh).read_bytes()
    changed = json.dumps(json.loads(whole) | {"content": "ZXZpbA=="}).encode()
    corrupted = [b"", b"\x00\xff", b"{}", b"[" * 100_000, whole[:-9], changed, whole]
    names = [f"fresh/{90 + number}" for number in range(len(corrupted))]
    for name in names:
        shared.update(name, b"left alone")
    shared.stop()
    for name, data in zip(names, corrupted, strict=True):
        entry_path(shared, name).write_bytes(data)
    shared.start()
    for name in names:
        assert f"ignored {entry_path(shared, name)}" in shared.log()
        assert shared.read(name) == b"left alone"
        shared.update(name, b"again")
    assert "size: 1 bytes were signed, 4 came" in shared.log()
    assert "the entry of another name" in shared.log()
    restart(shared)
    assert [shared.read(name) for name in names] == [b"again"] * len(names)


def test_state_folder_that_cannot_be_used_is_an_error(nodes: list[DaemonProcess]) -> None:
    node = nodes[0]
    config = node.folder / "config.json"
    node.config["state_dir"] = str(config / "state")
    config.write_text(json.dumps(node.config))
    run = mesh("server", "--config", config)
    assert run.returncode == 1
    assert "cannot use the state" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_daemon_cleanly(shared: DaemonProcess, number: signal.Signals) -> None:
    assert shared.process
    shared.process.send_signal(number)
    assert shared.process.wait(DEADLINE) == 0
    assert f"stopping: {number.name}" in shared.log()
    assert "Traceback" not in shared.log()
    shared.start()


def test_every_log_line_is_one_event(shared: DaemonProcess, fresh: str) -> None:
    shared.update(fresh, b"x")
    shared.send(shared.network.sign(b"x", "evil\nname"))
    shared.delete(fresh)
    lines = shared.log().splitlines()
    assert all(line.split()[2] in {"DEBUG", "INFO", "WARNING"} for line in lines)
    assert any(f"{fresh} updated (1 bytes)" in line for line in lines)
    assert any(f"{fresh} deleted" in line for line in lines)
    assert any(r"'evil\nname'" in line for line in lines)
