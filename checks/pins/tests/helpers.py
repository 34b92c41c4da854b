import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checks.pins.archive_server import Answer, ArchiveServer, archive

EXPERIMENTAL = ("--extra-experimental-features", "nix-command flakes")
LOCK = Path("flake.lock")


def nix(*arguments: str, directory: Path | None = None) -> str:
    """Run Nix as a user does, without dm-dns."""
    done = subprocess.run(
        ["nix", *EXPERIMENTAL, *arguments],
        cwd=directory,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_flake(inputs: Mapping[str, str], directory: Path | None = None) -> None:
    """Write a flake.nix; a value is a URL, or the path of the input to follow after a `=`."""
    lines = [
        f'{name}.follows = "{value[1:]}";' if value.startswith("=") else f'{name}.url = "{value}";'
        for name, value in inputs.items()
    ]
    text = f"{{ inputs = {{ {' '.join(lines)} }}; outputs = _: {{ }}; }}\n"
    ((directory or Path()) / "flake.nix").write_text(text)


def source(content: str = "one", flake: str = "{ outputs = _: { }; }") -> bytes:
    """Return the archive of a small flake."""
    return archive({"flake.nix": flake, "file": content, "more": content * 2000})


def give_release(server: ArchiveServer, name: str, revision: str, body: bytes) -> None:
    """Give an archive as forges do: at an address of its own, to which that of the branch leads."""
    path = f"/{name}/archive/{revision}.tar.gz"
    link = f'<{server.url(path)}?rev={revision}>; rel="immutable"'
    server.give(path, Answer(body, headers={"Link": link}))
    server.give(f"/{name}/main.tar.gz", Answer(status=302, headers={"Location": path}))


def locked(name: str) -> dict[str, Any]:
    """Return what flake.lock has for a node."""
    found: dict[str, Any] = json.loads(LOCK.read_text())["nodes"][name]["locked"]
    return found


def change_lock(name: str, **attributes: str) -> None:
    """Change what flake.lock has for a node."""
    values = json.loads(LOCK.read_text())
    values["nodes"][name]["locked"].update(attributes)
    LOCK.write_text(json.dumps(values, indent=2) + "\n")


def write_repository(path: Path) -> None:
    """Make a git repository with one commit of a small flake, on the branch `main`."""
    git = ["git", "-C", str(path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    path.mkdir()
    (path / "flake.nix").write_text("{ outputs = _: { }; }\n")
    for command in (["init", "--quiet", "--initial-branch=main"], ["add", "."], ["commit", "-qm1"]):
        subprocess.run([*git, *command], check=True)
