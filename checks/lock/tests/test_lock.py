import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution, distributions, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from checks.lock import licences
from checks.lock.__main__ import PYTHONS, ROOT
from checks.lock.requirements import LOCKS, SOURCES, Locked, parse, read

IN_VENV = pytest.mark.skipif(
    Path(sys.prefix) != ROOT / ".venv", reason="needs what checks/setup/venv installs"
)
HASH = f"--hash=sha256:{'0' * 64}"


def project(folder: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())


def asked_for() -> Iterator[tuple[str, str]]:
    """Yield what the project says that it needs, and the lock in which that must be."""
    shipped, checks = project("python"), project("checks")
    for text in shipped["project"]["dependencies"]:
        yield "dev", text
    for text in shipped["project"]["optional-dependencies"]["dev"]:
        yield "dev", text
    for built in (shipped, checks):
        for text in built["build-system"]["requires"]:
            yield "dev", text
    for lock, texts in checks["dependency-groups"].items():
        for text in texts:
            yield lock, text


def is_in(locked: list[Locked], requirement: Requirement, python: str) -> bool:
    """Is a version that the requirement allows locked for a version of Python?"""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    if requirement.marker is not None and not requirement.marker.evaluate(environment):
        return True
    return any(
        package.name == canonicalize_name(requirement.name)
        and requirement.specifier.contains(package.version)
        and (package.requirement.marker is None or package.requirement.marker.evaluate(environment))
        for package in locked
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_of_a_lock_has_one_version_and_hashes(lock: str) -> None:
    assert read(lock)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("idna==3.20\n", "no hashes"),
        (f"idna>=3 {HASH}\n", "one version"),
        (f"idna {HASH}\n", "one version"),
        (f"idna==3.20 --hash=md5:{'0' * 32}\n", "not SHA-256"),
        (f"idna==3.20 {HASH} \\\n    --hash=sha256:00\n", "not SHA-256"),
        (f"idna @ https://example.org/idna.whl {HASH}\n", "one version"),
        ("--index-url https://example.org\n", "one version"),
        ("--editable python\n", "one version"),
        (f"idna==3.20 {HASH}\nrequests==2.34.2\n", "requests has no hashes"),
    ],
)
def test_a_lock_with_anything_else_is_an_error(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        list(parse(text))


def test_a_lock_is_read_with_its_markers_and_comments() -> None:
    text = (
        f"idna==3.20 ; python_version < '3.12' \\\n    {HASH} \\\n    {HASH}\n    # via requests\n"
    )
    (idna,) = parse(text)
    assert (idna.name, idna.version, idna.hashes) == ("idna", "3.20", (HASH, HASH))
    assert str(idna.requirement.marker) == 'python_version < "3.12"'


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(("lock", "text"), list(asked_for()))
def test_what_the_project_asks_for_is_locked(lock: str, text: str, python: str) -> None:
    assert is_in(read(lock), Requirement(text), python)


@IN_VENV
@pytest.mark.parametrize("python", PYTHONS)
def test_what_a_locked_package_needs_is_locked(python: str) -> None:
    locked = read("dev")
    missing = [
        f"{package.name}: {text}"
        for package in locked
        for text in distribution(package.name).requires or []
        if not is_in(locked, Requirement(text), python)
    ]
    assert missing == []


def test_the_locks_agree() -> None:
    versions = {package.name: package.version for package in read("dev")}
    for package in read("build"):
        assert versions[package.name] == package.version


def test_what_has_no_wheel_is_locked_and_named_where_it_is_installed() -> None:
    script = (ROOT / "checks/setup/venv").read_text()
    assert [f"--no-binary {name}" in script for name in SOURCES] == [True]
    assert {package.name for package in read("dev")} >= set(SOURCES)


@IN_VENV
def test_what_is_installed_is_what_is_locked() -> None:
    wanted = {
        package.name: package.version
        for package in read("dev")
        if package.requirement.marker is None or package.requirement.marker.evaluate()
    }
    assert {name: version(name) for name in wanted} == wanted


def test_the_page_of_licences_names_each_locked_package_and_no_other() -> None:
    names = {package.name for lock in LOCKS for package in read(lock)}
    assert set(licences.listed(licences.PAGE.read_text())) == names


@IN_VENV
def test_the_page_says_of_each_package_what_its_metadata_says() -> None:
    page = licences.listed(licences.PAGE.read_text())
    for package in read("dev"):
        assert page[package.name] == licences.licence(distribution(package.name))


@IN_VENV
def test_the_page_lists_what_dm_dns_imports_itself() -> None:
    packages: dict[str, Distribution] = {
        canonicalize_name(package.name): package for package in distributions()
    }
    names = [Requirement(text).name for text in project("python")["project"]["dependencies"]]
    run_time = [packages[name] for name in licences.closure(names, packages)]
    page = licences.PAGE.read_text()
    assert licences.with_table(page, "run time", run_time) == page
