import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from dm_dns import files

FIELDS = ("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")


@pytest.mark.parametrize("field", FIELDS)
def test_whatever_changes_of_a_file_changes_its_version(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another file of the same size and time; a change after which somebody has set the time back.
    numbers = dict.fromkeys(FIELDS, 7)
    monkeypatch.setattr(Path, "stat", lambda _: SimpleNamespace(**numbers))
    before = files.version(Path("file"))
    numbers[field] += 1
    assert files.version(Path("file")) != before


def test_a_file_that_appears_or_goes_away_has_another_version(tmp_path: Path) -> None:
    file = tmp_path / "file"
    absent = files.version(file)
    file.touch()
    present = files.version(file)
    assert present != absent
    file.unlink()
    assert files.version(file) == absent
    assert files.version(file / "below") == absent


def test_a_file_of_nix_has_the_version_of_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nix makes hard links of files with one content, and removes them, whenever it likes."""
    store = tmp_path / "store"
    monkeypatch.setattr(files, "STORE", store)
    store.mkdir()
    one, other, outside = store / "one", store / "other", tmp_path / "outside"
    for path in (one, other, outside):
        path.write_text("same")
        os.utime(path, (1, 1))
    link = tmp_path / "hosts"
    link.symlink_to(one)
    before, outside_before = files.version(link), files.version(outside)
    (store / ".links").hardlink_to(other)
    (store / ".links").replace(one)
    (tmp_path / "link").hardlink_to(outside)
    assert files.version(link) == before == files.version(one)
    assert files.version(outside) != outside_before
    link.unlink()
    link.symlink_to(other)
    assert files.version(link) != before


def test_a_file_that_is_written_outlasts_a_power_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # POSIX, fsync(2): the content must be on the disk before the name, and the name before the end.
    done: list[str] = []
    rename = Path.replace

    def fsync(file: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(file).st_mode) else "content")

    def replace(path: Path, target: Path) -> Path:
        done.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    files.write(tmp_path / "file", b"new")
    assert done == ["content", "rename", "folder"]
    assert (tmp_path / "file").read_bytes() == b"new"
