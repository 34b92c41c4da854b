"""A `nix` that prints what real ones have printed: see checks/pins/snapshot.py."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

DIRECTORY = Path(__file__).parent / "nix-outputs"
VERSIONS = sorted(path.stem for path in DIRECTORY.glob("*.json"))

_PROGRAM = """\
#!{python} -ISB
import json, sys  # no more: it is started 200 times
def replace(name, change):
    with open("{directory}/" + name, "r+") as file:
        before = json.load(file)
        file.seek(0)
        json.dump(change(before), file)
        file.truncate()
    return before
output, *_ = replace("todo", lambda todo: todo[1:])
replace("done", lambda done: [*done, sys.argv[1:]])
if output.get("written"):
    with open(sys.argv[sys.argv.index("--output-lock-file") + 1], "w") as written:
        written.write(output["written"])
print(output["stdout"], end="")
print(*output["stderr"], sep="\\n", file=sys.stderr)
sys.exit(output["status"])
"""


def real_output(version: str, case: str) -> dict[str, Any]:
    """Return what a real Nix of a version printed in a case."""
    found: dict[str, Any] = json.loads((DIRECTORY / f"{version}.json").read_text())[case]
    return found


def output(stdout: str = "", stderr: Sequence[str] = (), status: int = 0) -> dict[str, Any]:
    """Return what a command might print."""
    return {"stdout": stdout, "stderr": list(stderr), "status": status}


def version_output(version: str) -> dict[str, Any]:
    """Return what `nix --version` prints."""
    return output(f"nix (Nix) {version}\n")


class Replay:
    """The program `nix`, first on PATH."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._directory = directory
        program = directory / "nix"
        program.write_text(_PROGRAM.format(python=sys.executable, directory=directory))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(directory))

    def prints(self, *outputs: dict[str, Any]) -> None:
        """Print these, each for one command."""
        (self._directory / "todo").write_text(json.dumps(outputs))
        (self._directory / "done").write_text("[]")

    def commands(self) -> list[list[str]]:
        """Return the arguments of the commands since then; all were expected, and no more."""
        assert json.loads((self._directory / "todo").read_text()) == []
        commands: list[list[str]] = json.loads((self._directory / "done").read_text())
        return commands
