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
