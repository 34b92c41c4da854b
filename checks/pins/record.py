"""Records what Nix prints, for tests without Nix: `python -m checks.pins.record`.

It takes the Nix on PATH, and writes python/tests/nix-outputs/VERSION.json: for each case all
commands that dm-dns ran, with their exit status and outputs.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from dm_dns import fetch, lock, nix, update
from dm_dns.errors import Error

from checks.pins.server import Answer, Server, archive, serving

DIRECTORY: Final = Path(__file__).parents[2] / "python/tests/nix-outputs"

_GOOD: Final = archive({"flake.nix": "{ outputs = _: { }; }\n", "file": "text"})
_OTHER: Final = archive({"flake.nix": "{ outputs = _: { }; }\n", "file": "other text"})
_WRONG: Final = f"sha256-{'A' * 43}="

# Runs the real one, and notes what it did.
_PROXY: Final = """\
#!{python}
import json, pathlib, subprocess, sys
done = subprocess.run(["{nix}", *sys.argv[1:]], capture_output=True, text=True)
record = {{"arguments": sys.argv[1:], "status": done.returncode, "stdout": done.stdout}}
record["stderr"] = done.stderr.splitlines()
if "--output-lock-file" in sys.argv:
    written = pathlib.Path(sys.argv[sys.argv.index("--output-lock-file") + 1])
    record["written"] = written.read_text() if written.exists() else None
with open("{log}", "a") as log:
    print(json.dumps(record), file=log)
print(done.stdout, end="")
print(done.stderr, end="", file=sys.stderr)
sys.exit(done.returncode)
"""


def main() -> None:
    """Write the record of the Nix on PATH."""
    version = nix.version()
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
        for case, run in (*_fetches(server).items(), *_Updates(server, root).cases().items()):
            run()
            cases[case] = [json.loads(line) for line in log.read_text().splitlines()]
            log.unlink()
        text = json.dumps({"version": version.text, "cases": cases}, indent=1)
        for found, instead in ((name, "/TMP"), (server.url(""), "http://127.0.0.1:8123")):
            text = text.replace(found, instead)
    DIRECTORY.mkdir(exist_ok=True)
    (DIRECTORY / f"{version.text.split()[-1]}.json").write_text(text + "\n")


def _fetches(server: Server) -> dict[str, Callable[[], Any]]:
    half = len(_GOOD) // 2
    server.give("/good.tar.gz", _GOOD)
    server.give("/good", _GOOD)
    server.give("/connection.tar.gz", Answer(_GOOD, cut=half))
    server.give("/archive.tar.gz", _GOOD[:half])
    server.give("/empty.tar.gz", b"")
    server.give("/page.tar.gz", b"<html>error: not an archive</html>")
    server.give("/overloaded.tar.gz", Answer(b"<html>error: try later</html>", 503))
    cases = {
        name: _fetch({"type": "tarball", "url": server.url(f"/{name}.tar.gz")})
        for name in ("good", "connection", "archive", "empty", "page", "overloaded", "gone")
    }
    tarball = {"type": "tarball", "url": server.url("/good.tar.gz")}
    cases["file"] = _fetch({"type": "file", "url": server.url("/good")})
    cases["cached, wrong hash"] = _fetch(tarball, cached=True)
    cases["refused"] = _fetch({"type": "tarball", "url": "http://127.0.0.1:1/a.tar.gz"})
    cases["no such host"] = _fetch({"type": "tarball", "url": "http://host.invalid/a.tar.gz"})
    return cases


def _fetch(locked: dict[str, str], *, cached: bool = False) -> Callable[[], Any]:
    pin = lock.Pin("a", {**locked, "narHash": _WRONG})
    return lambda: fetch.fetch(pin, fetch.Options(1, 0, cached=cached), lambda _: None)


class _Updates:
    """A flake with two inputs, of which each case changes something."""

    def __init__(self, server: Server, root: Path) -> None:
        self._server = server
        self._flake = root / "flake"
        self._flake.mkdir()

    def cases(self) -> dict[str, Callable[[], Any]]:
        return {
            "update: no lock": self._first,
            "update: one": self._one,
            "update: no such input": lambda: self._compute("c"),
            "update: connection": self._cut,
            "update: gone": self._gone,
            "update: broken flake": self._broken,
        }

    def _compute(self, *inputs: str) -> None:
        made = update.compute(self._flake, inputs, fetch.Options(1, 0), lambda _: None)
        (self._flake / lock.FILE_NAME).write_bytes(made)

    def _fail(self) -> None:
        try:
            self._compute("b")
        except Error:
            return
        raise AssertionError

    def _first(self) -> None:
        inputs = "".join(
            f'  inputs.{name} = {{ url = "{url}"; flake = false; }};\n'
            for name in ("a", "b")
            for url in [self._server.url(f"/{name}.tar.gz")]
        )
        (self._flake / "flake.nix").write_text(f"{{\n{inputs}  outputs = _: {{ }};\n}}\n")
        for name in ("a", "b"):
            self._server.give(f"/{name}.tar.gz", _GOOD)
        self._compute()

    def _one(self) -> None:
        for name in ("a", "b"):
            self._server.give(f"/{name}.tar.gz", _OTHER)
        self._compute("a")

    def _cut(self) -> None:
        self._server.give("/b.tar.gz", Answer(_GOOD, cut=100))
        self._fail()

    def _gone(self) -> None:
        del self._server.answers["/b.tar.gz"]
        self._fail()

    def _broken(self) -> None:
        (self._flake / "flake.nix").write_text("{ inputs = ; }\n")
        self._fail()


if __name__ == "__main__":
    main()
