"""The check of data-mesher's certificate."""

import struct
import time
from pathlib import Path

import pytest

from dm_dns.inspect.doctor import checks
from dm_dns.inspect.doctor.check import Found
from dm_dns.node.config import Config
from dm_dns.node.unbound import Unbound


def found(path: Path | None) -> Found:
    unbound = Unbound(Path(), "127.0.0.1", 53)
    config = Config("pin", Path(), None, Path(), Path(), [], unbound, None, certificate=path)
    return checks.certificate_ends(config)


def written(path: Path, seconds: float) -> Path:
    now = int(time.time())
    path.write_bytes(struct.pack(">32sQQ64s64s", b"", now - 86400, int(now + seconds), b"", b""))
    return path


def test_one_that_is_valid_is_well_and_its_days_are_counted(tmp_path: Path) -> None:
    verdict, text, _remedy = found(written(tmp_path / "cert", 10.5 * 86400))
    assert verdict == "ok"
    assert text.startswith("data-mesher's certificate ends in 10 d, at ")


def test_one_that_has_ended_is_a_fault_with_a_remedy(tmp_path: Path) -> None:
    verdict, text, remedy = found(written(tmp_path / "cert", -60))
    assert verdict == "fault"
    assert "certificate ended at" in text
    assert "--generator data-mesher-node-identity --regenerate" in (remedy or "")


def test_one_that_is_missing_is_a_fault(tmp_path: Path) -> None:
    assert found(tmp_path / "cert").verdict == "fault"


def test_what_is_not_known_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cert").write_text("something else")
    assert found(tmp_path / "cert").text.endswith("has a form that dm-dns does not know")
    assert found(None).verdict == "not asked"

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("dm_dns.node.certificate.read_end", denied)
    assert found(tmp_path / "cert").text == "only root may read it: run this with sudo"
