"""Records what the Nix on PATH prints, for tests without Nix: `python -m checks.pins.snapshot`.

It writes python/tests/pins/nix-outputs/VERSION.json, a snapshot: for each case the exit status and
outputs of the command that dm-dns ran, of the log only the events that dm-dns reads.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, Final

from dm_dns.errors import Error
from dm_dns.pins import download, flake_lock, nix, update

from checks.pins.archive_server import Answer, ArchiveServer, archive, serving

DIRECTORY: Final = Path(__file__).parents[2] / "python/tests/pins/nix-outputs"

_GOOD: Final = archive({"flake.nix": "{ outputs = _: { }; }\n", "file": "text"})
_OTHER: Final = archive({"flake.nix": "{ outputs = _: { }; }\n", "file": "other text"})
_WRONG: Final = f"sha256-{'A' * 43}="
_MARK: Final = "@nix "

# Runs the real one, and notes what it did.
_PROXY: Final = """\
#!{python}
import json, pathlib, subprocess, sys
done = subprocess.run(["{nix}", *sys.argv[1:]], capture_output=True, text=True)
output = {{"status": done.returncode, "stdout": done.stdout, "stderr": done.stderr.splitlines()}}
if "--output-lock-file" in sys.argv:
    written = pathlib.Path(sys.argv[sys.argv.index("--output-lock-file") + 1])
    output["written"] = written.read_text() if written.exists() else None
if sys.argv[1:] != ["--version"]:
    with open("{log}", "a") as log:
        print(json.dumps(output), file=log)
print(done.stdout, end="")
print(done.stderr, end="", file=sys.stderr)
sys.exit(done.returncode)
"""


def main() -> None:
    """Write the snapshot of the Nix on PATH."""
    version = nix.version().text.split()[-1]
    real = shutil.which("nix")
    with tempfile.TemporaryDirectory() as name, serving() as server:
        root = Path(name)
        proxy = root / "nix"
        log = root / "log"
        proxy.write_text(_PROXY.format(python=sys.executable, nix=real, log=log))
        proxy.chmod(0o755)
        (root / "nix.conf").write_text("substituters =\nbuild-users-group =\n")
        os.environ |= {
            "PATH": f"{root}:{os.environ['PATH']}",
            "HOME": name,
            "NIX_CONF_DIR": name,
            "NIX_REMOTE": f"{name}/store",
        }
        cases: dict[str, Any] = {}
        for case in chain(_downloads(server), _updates(server, root / "flake")):
            cases[case] = shortened(json.loads(log.read_text()))
            log.unlink()
        text = json.dumps(cases, indent=1, ensure_ascii=False)
        for found, instead in ((name, "/TMP"), (server.url(""), "http://127.0.0.1:8123")):
            text = text.replace(found, instead)
    (DIRECTORY / f"{version}.json").write_text(text + "\n")


def shortened(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return the output of a command with a shorter log: no other events, ids that are the same."""
    stderr: list[str] = []
    ids: dict[int, int] = {}
    for line in output["stderr"]:
        text = line
        if line.startswith(_MARK):
            event = json.loads(line.removeprefix(_MARK))
            kept = {key: event[key] for key in ("action", "level", "msg", "type") if key in event}
            if event["action"] != "msg":
                if event.get("type") not in {101, 105}:  # a download, and its progress
                    continue
                kept["id"] = ids.setdefault(event["id"], len(ids))
                kept["fields"] = event["fields"]
            text = _MARK + json.dumps(kept, ensure_ascii=False)
        if text not in stderr[-1:]:
            stderr.append(text)
    return {**output, "stderr": stderr}


def _downloads(server: ArchiveServer) -> Iterator[str]:
    """Download something in each case, then yield the case's name."""
    half = len(_GOOD) // 2
    server.give("/good.tar.gz", _GOOD)
    server.give("/connection.tar.gz", Answer(_GOOD, cut=half))
    server.give("/archive.tar.gz", _GOOD[:half])
    server.give("/empty.tar.gz", b"")
    server.give("/page.tar.gz", b"<html>error: not an archive</html>")
    server.give("/overloaded.tar.gz", Answer(b"<html>error: try later</html>", 503))
    for case in ("good", "connection", "archive", "empty", "page", "overloaded", "gone"):
        _download(server.url(f"/{case}.tar.gz"))
        yield case
    _download(server.url("/good.tar.gz"), cached=True)
    yield "cached, wrong hash"
    _download("http://127.0.0.1:1/a.tar.gz")
    yield "refused"
    _download("http://host.invalid/a.tar.gz")
    yield "no such host"


def _download(url: str, *, cached: bool = False) -> None:
    pin = flake_lock.Pin("a", {"type": "tarball", "url": url, "narHash": _WRONG})
    options = download.Options(tries=1, pause=0, cached=cached)
    download.download_all([pin], options, print)


def _updates(server: ArchiveServer, flake: Path) -> Iterator[str]:
    """Update a flake with two inputs in each case, then yield the case's name."""

    def compute(*inputs: str) -> None:
        new = update.compute(flake, inputs, download.Options(tries=1, pause=0), print)
        (flake / flake_lock.FILE_NAME).write_bytes(new)

    flake.mkdir()
    inputs = "".join(
        f'  inputs.{name} = {{ url = "{server.url(path)}"; flake = false; }};\n'
        for name, path in (("a", "/a.tar.gz"), ("b", "/b.tar.gz"))
    )
    (flake / "flake.nix").write_text(f"{{\n{inputs}  outputs = _: {{ }};\n}}\n")
    for path in ("/a.tar.gz", "/b.tar.gz"):
        server.give(path, _GOOD)
    compute()
    yield "update: no lock"
    for path in ("/a.tar.gz", "/b.tar.gz"):
        server.give(path, _OTHER)
    compute("a")
    yield "update: one"
    server.give("/b.tar.gz", Answer(_GOOD, cut=100))
    with suppress(Error):
        compute("b")
    yield "update: connection"
    del server.answers["/b.tar.gz"]
    with suppress(Error):
        compute("b")
    yield "update: gone"
    (flake / "flake.nix").write_text("{ inputs = ; }\n")
    with suppress(Error):
        compute("b")
    yield "update: broken flake"


if __name__ == "__main__":
    main()
