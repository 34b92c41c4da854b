# ruff: noqa: E501 - output stands here as it is printed
import json
from typing import Any

from inline_snapshot import snapshot

from dm_dns import expression, lock

REV = "d7c35d9127af3f773b57d8e792818597a9aaa29c"
HASH = "sha256-SeDDCkjR5WQnJTlPm3DZ7R3k4/nNiyEHDi4ueLQTaic="


def render(inputs: dict[str, Any], **locked: dict[str, Any]) -> str:
    nodes = {name: {"locked": {"narHash": HASH, **value}} for name, value in locked.items()}
    values = {"nodes": {"root": {"inputs": inputs}, **nodes}, "root": "root", "version": 7}
    return expression.render(lock.parse(json.dumps(values).encode(), "flake.lock"))


def test_each_type_has_its_function() -> None:
    forge = {"owner": "o", "repo": "r", "rev": REV}
    made = render(
        {**{name: name for name in ("hub", "tar", "repo", "hg", "path")}, "alias": ["hub"]},
        hub={"type": "github", "lastModified": 7, "dir": "sub", **forge},
        tar={"type": "tarball", "url": "https://example.org/a.tar.gz"},
        repo={
            "type": "git",
            "url": "https://example.org/a",
            "rev": REV,
            "ref": "main",
            "submodules": True,
            "shallow": False,
        },
        hg={"type": "hg", "url": "https://example.org/a", "rev": REV},
        path={"type": "path", "path": "/srv/a"},
    )
    assert made == snapshot("""\
# What flake.lock pins, for Nix without flakes. Made by `dm-dns prefetch show --fetchurl`.
# Use it as in `import (import ./sources.nix).nixpkgs { }`.
let
  pins = {
    hg = {
      outPath = builtins.fetchMercurial {
        url = "https://example.org/a";
        rev = "d7c35d9127af3f773b57d8e792818597a9aaa29c";
      };
      rev = "d7c35d9127af3f773b57d8e792818597a9aaa29c";
      narHash = "sha256-SeDDCkjR5WQnJTlPm3DZ7R3k4/nNiyEHDi4ueLQTaic=";
    };
    hub = {
      outPath = (builtins.fetchTarball {
        name = "source";
        url = "https://github.com/o/r/archive/d7c35d9127af3f773b57d8e792818597a9aaa29c.tar.gz";
        sha256 = "sha256-SeDDCkjR5WQnJTlPm3DZ7R3k4/nNiyEHDi4ueLQTaic=";
      }) + "/sub";
      rev = "d7c35d9127af3f773b57d8e792818597a9aaa29c";
      lastModified = 7;
      narHash = "sha256-SeDDCkjR5WQnJTlPm3DZ7R3k4/nNiyEHDi4ueLQTaic=";
    };
    path = {
      outPath = builtins.path {
        name = "source";
        path = "/srv/a";
        sha256 = "sha256-SeDDCkjR5WQnJTlPm3DZ7R3k4/nNiyEHDi4ueLQTaic=";
      };
      narHash = "sha256-SeDDCkjR5WQnJTlPm3DZ7R3k4/nNiyEHDi4ueLQTaic=";
    };
    repo = {
      outPath = builtins.fetchGit {
        url = "https://example.org/a";
        rev = "d7c35d9127af3f773b57d8e792818597a9aaa29c";
        ref = "main";
        submodules = true;
      };
      rev = "d7c35d9127af3f773b57d8e792818597a9aaa29c";
      narHash = "sha256-SeDDCkjR5WQnJTlPm3DZ7R3k4/nNiyEHDi4ueLQTaic=";
    };
    tar = {
      outPath = builtins.fetchTarball {
        name = "source";
        url = "https://example.org/a.tar.gz";
        sha256 = "sha256-SeDDCkjR5WQnJTlPm3DZ7R3k4/nNiyEHDi4ueLQTaic=";
      };
      narHash = "sha256-SeDDCkjR5WQnJTlPm3DZ7R3k4/nNiyEHDi4ueLQTaic=";
    };
  };
in
pins // {
  alias = pins.hub;
}
""")


def test_what_has_no_function_throws_when_it_is_used() -> None:
    made = render(
        {name: name for name in ("file", "sub", "new")},
        file={"type": "file", "url": "https://example.org/a"},
        sub={"type": "path", "path": "./sub"},
        new={"type": "zip"},
    )
    assert [line.strip() for line in made.splitlines() if "outPath" in line] == snapshot(
        [
            'outPath = throw "file: it is one file, and of that the lock has no hash that Nix without flakes takes";',
            'outPath = throw "new: its type is zip";',
            'outPath = throw "sub: it is a folder of the flake that names it";',
        ]
    )


def test_nothing_in_a_lock_leaves_its_string() -> None:
    made = render(
        {"let": "a", "b c": "a"}, a={"type": "tarball", "url": 'https://a/"; x = ${y}\\\n'}
    )
    assert [line.strip() for line in made.splitlines() if "url =" in line] == [
        'url = "https://a/\\"; x = \\${y}\\\\\\n";'
    ]
    assert '    "b c" = {' in made.splitlines()
    assert '  "let" = pins."b c";' in made.splitlines()
