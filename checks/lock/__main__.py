"""`make lock` and `make upgrade`: make the lock files again, and the list of licences.

Versions that still fit stay as they are; with `--upgrade` each is the newest that fits. Nothing is
written unless all that is locked can be had for each of `PYTHONS` and `MACHINES`.
"""

import argparse
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from checks.lock import licences, requirements

ROOT: Final = requirements.FOLDER.parent.parent
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
MACHINES: Final = ("x86_64-manylinux_2_36", "aarch64-manylinux_2_36")  # Debian bookworm's glibc
# atheris is the only one that is not there for all: `make fuzz` does without it.
ATHERIS_HAS: Final = "x86_64-manylinux_2_36"

_TOOLS: Final = ROOT / ".cache/lock"
_INPUTS: Final = {
    "build": ["--group", "checks/pyproject.toml:build"],
    "dev": ["--constraint", "checks/lock/build.txt", "--extra", "dev", "python/pyproject.toml"],
    "fuzz": ["--group", "checks/pyproject.toml:fuzz"],
    "lock": ["--group", "checks/pyproject.toml:lock"],
}
_WHEELS: Final = [
    "--only-binary",
    ":all:",
    *(f"--no-binary={name}" for name in requirements.SOURCES),
]


def main(argv: list[str] | None = None) -> int:
    """Make the lock files and the list of licences; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m checks.lock", description="Lock packages.")
    parser.add_argument("--upgrade", action="store_true", help="to the newest versions that fit")
    arguments = parser.parse_args(argv)
    before = {lock: requirements.path(lock).read_text() for lock in requirements.LOCKS}
    try:
        uv = _uv()
        for lock in requirements.LOCKS:
            _compile(uv, lock, upgrade=arguments.upgrade)
        for python in PYTHONS:
            for machine in MACHINES:
                _check(uv, python, machine)
        page = _page(uv)
    except (subprocess.CalledProcessError, ValueError) as error:
        for lock, text in before.items():
            requirements.path(lock).write_text(text)
        print(f"checks.lock: {error}", file=sys.stderr)
        return 1
    licences.PAGE.write_text(page)
    return 0


def _uv() -> str:
    """Install uv, as it is locked now, and return the path of its program."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", _TOOLS], check=True)
    command = [str(_TOOLS / "bin/pip"), "install", "--quiet", "--require-hashes", *_WHEELS]
    command += ["--requirement", str(requirements.path("lock"))]
    subprocess.run(command, check=True)
    return str(_TOOLS / "bin/uv")


def _compile(uv: str, lock: str, *, upgrade: bool) -> None:
    """Resolve what a lock is made from, for all interpreters and machines, and write the lock."""
    command = [uv, "pip", "compile", "--quiet", "--universal", f"--python-version={PYTHONS[0]}"]
    command += ["--generate-hashes", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["--no-emit-package=colorama"]  # is for Windows only
    command += ["--upgrade"] if upgrade else []
    command += [*_INPUTS[lock], f"--output-file={requirements.path(lock).relative_to(ROOT)}"]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def _check(uv: str, python: str, machine: str) -> None:
    """Find what is locked for one interpreter and machine; an error if a package has no wheel."""
    print(f"Python {python}, {machine}", flush=True)
    for lock in requirements.LOCKS:
        if lock != "fuzz" or machine == ATHERIS_HAS:
            with tempfile.TemporaryDirectory() as folder:
                _install(uv, [lock], Path(folder), python, machine, "--dry-run")


def _install(
    uv: str, locks: list[str], folder: Path, python: str, machine: str, *options: str
) -> None:
    command = [uv, "pip", "install", "--quiet", "--require-hashes", *_WHEELS, *options]
    command += [f"--python={sys.executable}", "--no-build-isolation", "--no-config"]
    command += [f"--python-version={python}", f"--python-platform={machine}"]
    command += [f"--target={folder}"]
    for lock in locks:
        command += ["--requirement", str(requirements.path(lock))]
    subprocess.run(command, check=True, cwd=ROOT)


def _page(uv: str) -> str:
    """Return docs/licences.md with the licences of all that is locked."""
    project = tomllib.loads((ROOT / "python/pyproject.toml").read_text())["project"]
    with tempfile.TemporaryDirectory() as folder:
        _install(uv, list(requirements.LOCKS), Path(folder), PYTHONS[-1], ATHERIS_HAS)
        packages: dict[str, Distribution] = {
            canonicalize_name(package.name): package for package in distributions(path=[folder])
        }
        run_time = licences.closure(
            (Requirement(text).name for text in project["dependencies"]), packages
        )
        groups: dict[str, list[Distribution]] = {"run time": [], "development": []}
        for name, package in packages.items():
            groups["run time" if name in run_time else "development"].append(package)
        page = licences.PAGE.read_text()
        for group, members in groups.items():
            page = licences.with_table(page, group, members)
    return page


if __name__ == "__main__":
    sys.exit(main())
