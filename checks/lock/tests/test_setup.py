"""The scripts of checks/setup take nothing that is not what was locked."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from checks.lock.__main__ import ROOT
from checks.lock.requirements import read


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what checks/setup/venv reads."""
    root = tmp_path / "dm-dns"
    for name in ("checks/setup", "checks/lock"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("python/pyproject.toml", "checks/pyproject.toml"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    return root


def make_venv(root: Path) -> subprocess.CompletedProcess[str]:
    """Run checks/setup/venv with an index that has another content for a locked package."""
    (package,) = read("build")
    wheels = root / "wheels"
    wheels.mkdir()
    (wheels / f"{package.name}-{package.version}-py3-none-any.whl").write_bytes(b"PK another")
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    return subprocess.run(
        [root / "checks/setup/venv"], check=False, capture_output=True, text=True, env=environment
    )


def test_a_package_with_another_content_is_not_installed(copy: Path) -> None:
    run = make_venv(copy)
    assert run.returncode == 1
    assert "DO NOT MATCH THE HASHES" in run.stderr
    assert "setup: .venv could not be made" in run.stderr
    assert not (copy / ".venv/made-from").exists()


def test_a_package_without_a_hash_is_not_installed(copy: Path) -> None:
    (package,) = read("build")
    (copy / "checks/lock/build.txt").write_text(f"{package.name}=={package.version}\n")
    run = make_venv(copy)
    assert run.returncode == 1
    assert "Hashes are required" in run.stderr
    assert not (copy / ".venv/made-from").exists()


def fake(folder: Path, program: str, script: str) -> Path:
    """Make a program in a folder that notes how it was called; return the file with the notes."""
    folder.mkdir(exist_ok=True)
    calls = folder / "calls"
    path = folder / program
    path.write_text(f"#!/bin/sh\necho \"$*\" >>'{calls}'\n{script}\n")
    path.chmod(0o755)
    return calls


def build(root: Path, name: str, programs: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "HOME": str(root),
        "CARGO_HOME": str(root / "cargo"),
        "PATH": f"{programs}:/usr/bin:/bin",
    }
    return subprocess.run(
        [root / "checks/setup" / name],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )


def test_deadnix_with_other_sources_is_not_built(copy: Path, tmp_path: Path) -> None:
    crates = '"$CARGO_HOME"/registry/cache/index'
    script = f"mkdir -p {crates} && echo else >{crates}/deadnix-1.3.1.crate; exit 101"
    calls = fake(tmp_path / "bin", "cargo", script)
    run = build(copy, "deadnix", tmp_path / "bin")
    assert "the sources of deadnix 1.3.1 cannot be had with the SHA-256" in run.stderr
    assert "setup: deadnix could not be built" in run.stderr
    (call,) = calls.read_text().splitlines()
    assert "--bin none" in call


def test_sops_with_other_sources_is_not_built(copy: Path, tmp_path: Path) -> None:
    script = """echo '{ "Sum": "h1:AAAA", "Dir": "/" }'"""
    calls = fake(tmp_path / "bin", "go", script)
    run = build(copy, "sops", tmp_path / "bin")
    assert "the sources of sops 3.8.1 cannot be had with the hash" in run.stderr
    assert "setup: sops could not be built" in run.stderr
    assert [call.split()[0] for call in calls.read_text().splitlines()] == ["mod"]
