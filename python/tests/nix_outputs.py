"""A `nix` that prints what real ones have printed: see checks/pins/record.py."""

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
record, *rest = json.loads(todo.read_text())
todo.write_text(json.dumps(rest))
done.write_text(json.dumps([*json.loads(done.read_text()), sys.argv[1:]]))
if record.get("written"):
    written = pathlib.Path(sys.argv[sys.argv.index("--output-lock-file") + 1])
    written.write_text(record["written"])
print(record["stdout"], end="")
print(*record["stderr"], sep="\\n", file=sys.stderr)
sys.exit(record["status"])
"""


def outputs(version: str, case: str) -> list[dict[str, Any]]:
    """Return what was recorded of a version: what each command printed, one after the other."""
    found: list[dict[str, Any]] = json.loads((DIRECTORY / f"{version}.json").read_text())["cases"][
        case
    ]
    return found


def output(stdout: str = "", stderr: Sequence[str] = (), status: int = 0) -> dict[str, Any]:
    """Return what a command might print."""
    return {"stdout": stdout, "stderr": list(stderr), "status": status}


class Replay:
    """The program `nix`, first on PATH."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._directory = directory
        program = directory / "nix"
        program.write_text(_PROGRAM.format(python=sys.executable, directory=directory))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(directory))

    def prints(self, *records: dict[str, Any]) -> None:
        """Print these, each for one command."""
        (self._directory / "todo").write_text(json.dumps(records))
        (self._directory / "done").write_text("[]")

    def commands(self) -> list[list[str]]:
        """Return the arguments of the commands since then; all were expected, and no more."""
        assert json.loads((self._directory / "todo").read_text()) == []
        commands: list[list[str]] = json.loads((self._directory / "done").read_text())
        return commands
