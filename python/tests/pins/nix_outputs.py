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
#!{python} -IB
import json, pathlib, sys
todo, done = pathlib.Path("{directory}/todo"), pathlib.Path("{directory}/done")
output, *rest = json.loads(todo.read_text())
todo.write_text(json.dumps(rest))
done.write_text(json.dumps([*json.loads(done.read_text()), sys.argv[1:]]))
if output.get("written"):
    written = pathlib.Path(sys.argv[sys.argv.index("--output-lock-file") + 1])
    written.write_text(output["written"])
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
