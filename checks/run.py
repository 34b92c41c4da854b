"""What `make test` runs: every check this machine can run, all of them even if one fails.

The last line counts the tests (`N passed, N failed, N skipped`); a linter that fails or cannot run
counts as one that failed or was skipped. With `CI=true` nothing may be skipped, except tests
marked `nixos`.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IN_CI = os.environ.get("CI") == "true"
_PROCESSES = 2
"""How many run tests: a machine with few cores would not be faster with more."""
SHELL_SHEBANG = re.compile(rb"#!.*\b(ba|da)?sh\b")


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Results:
    """What passed, and why the rest did not. Also the pytest plugin that counts its tests."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    _collected: set[str] = field(default_factory=set)

    def skip(self, name: str, reason: str, *, allowed: bool = False) -> None:
        """Count `name` as skipped, or, where CI does not allow that, as failed."""
        if IN_CI and not allowed:
            self.failed.append(f"{name} (skipped, which CI=true forbids: {reason})")
        else:
            self.skipped.append(f"{name} ({reason})")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test: each has up to three reports (setup, call, teardown)."""
        if report.failed:
            phase = "" if report.when == "call" else f" ({report.when})"
            self.failed.append(f"{report.nodeid}{phase}")
        elif report.skipped:
            self.skip(report.nodeid, _skip_reason(report), allowed="nixos" in report.keywords)
        elif report.when == "call":
            self.passed += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a test file that could not be imported, or that skips itself whole.

        Each process reports it.
        """
        if report.nodeid in self._collected:
            return
        if report.failed or report.skipped:
            self._collected.add(report.nodeid)
        if report.failed:
            self.failed.append(f"{report.nodeid} (collection)")
        elif report.skipped:
            self.skip(report.nodeid, _skip_reason(report))


def main() -> int:
    """Run all checks, print a summary, return the exit code: 1 if anything failed."""
    os.chdir(ROOT)
    files = _files()
    shell = [name for name in files if _is_shell(Path(name))]
    nix = [name for name in files if name.endswith(".nix")]
    ruff = [sys.executable, "-m", "ruff"]
    mypy = [sys.executable, "-m", "mypy", "--config-file=python/pyproject.toml"]
    results = Results()

    _lint(results, "ruff check", [*ruff, "check", "python", "checks"])
    _lint(results, "ruff format", [*ruff, "format", "--check", "python", "checks"])
    _lint(results, "mypy", [*mypy, "python/src", "python/tests", "checks"])
    # In the folder of pyproject.toml, which has the contracts.
    _lint(results, "lint-imports", ["lint-imports", "--no-cache"], folder="python")
    _lint(results, "typos", ["typos"])
    _lint(results, "shellcheck", ["shellcheck", *shell])
    if nix:
        _lint(results, "deadnix", ["deadnix", "--fail", *nix])
        # Parsing needs no store, and a user may not be allowed to open this machine's.
        parse = ["nix-instantiate", "--store", "dummy://", "--parse"]
        _lint(results, "nix-instantiate --parse", [*parse, *nix])
    _pytest(results)

    print()
    for title, names in (("FAILED", results.failed), ("SKIPPED", results.skipped)):
        for name in names:
            print(f"{title} {name}")
    counts = (results.passed, len(results.failed), len(results.skipped))
    print("{} passed, {} failed, {} skipped".format(*counts))
    return 1 if results.failed else 0


def _files() -> list[str]:
    """All files of the project: in git, or new and not ignored."""
    # The owner of the checkout may be another user (sudo make test): git then needs to be told.
    git = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    git += ["--cached", "--others", "--exclude-standard"]
    names = subprocess.run(git, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")
    return [name for name in names if Path(name).is_file()]


def _is_shell(path: Path) -> bool:
    if path.suffix == ".sh":
        return True
    with path.open("rb") as file:
        return SHELL_SHEBANG.match(file.readline()) is not None


def _lint(results: Results, name: str, command: list[str], folder: str = ".") -> None:
    """Run one linter in a folder; its output is shown only if it fails."""
    if shutil.which(command[0]) is None:
        reason = f"{command[0]} is not installed"
        print(f"skip  {name}: {reason}", flush=True)
        results.skip(name, reason)
        return
    start = time.monotonic()
    run = subprocess.run(
        command,
        check=False,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    verdict = "FAIL" if run.returncode else "ok"
    print(f"{verdict:<5} {name} ({time.monotonic() - start:.1f} s)", flush=True)
    if run.returncode:
        print(run.stdout, flush=True)
        results.failed.append(name)


def _pytest(results: Results) -> None:
    folders = ["python/tests", *sorted(str(folder) for folder in Path("checks").glob("*/tests"))]
    options = ["--config-file=python/pyproject.toml", "--rootdir=.", "--no-header"]
    options += ["--inline-snapshot=disable"]  # no prompts: a snapshot that differs just fails
    # Most tests wait more than they work. Those of a file share what it makes, such as a booted
    # clan, so they run in one process.
    options += [f"--numprocesses={_PROCESSES}", "--dist=loadfile"]
    code = pytest.main([*options, *folders], plugins=[results])
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        results.failed.append(f"pytest (exit code {int(code)})")


def _skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return getattr(report, "wasxfail", "no reason given")


if __name__ == "__main__":
    sys.exit(main())
