"""What flake.lock pins, as an expression for Nix without flakes."""

import json
import re
from collections.abc import Mapping
from typing import Final

from dm_dns import lock, reference

_HEAD: Final = """\
# What flake.lock pins, for Nix without flakes. Made by `dm-dns prefetch show --fetchurl`.
# Use it as in `import (import ./sources.nix).nixpkgs { }`.
"""
_IDENTIFIER: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_'-]*", re.ASCII)
_KEYWORDS: Final = {"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"}
_GIT: Final = ("ref", "shallow", "submodules", "lfs", "exportIgnore", "allRefs")

Value = str | int | bool


def render(made: lock.Lock) -> str:
    """Return a set with an attribute for each pin, which has ``outPath`` and what else is known.

    The flake's own inputs that follow another one are there as well.

    Raises:
        Error: the lock lacks what a pin needs.

    """
    pins = made.pins()
    lines = ["let", "  pins = {"]
    for pin in pins:
        lines += [f"    {_name(pin.name)} = {{", *_pin(pin), "    };"]
    own = [
        f"  {_name(name)} = pins.{_name(pin)};" for name, pin in made.names().items() if name != pin
    ]
    lines += ["  };", "in", "pins"]
    if own:
        lines[-1] += " // {"
        lines += [*own, "}"]
    return _HEAD + "\n".join(lines) + "\n"


def unsupported(pin: lock.Pin) -> str | None:
    """Return why there is no function of Nix without flakes for a pin; None: there is one."""
    if pin.is_local:
        return "it is a folder of the flake that names it"
    if pin.type == "file":
        return "it is one file, and of that the lock has no hash that Nix without flakes takes"
    if pin.type not in {"github", "gitlab", "sourcehut", "tarball", "git", "hg", "path"}:
        return f"its type is {pin.type}"
    return None


def _pin(pin: lock.Pin) -> list[str]:
    if reason := unsupported(pin):
        return [f"      outPath = throw {_text(f'{pin.name}: {reason}')};"]
    function, arguments = _fetcher(pin)
    folder = pin.text("dir")
    opening, closing = ("(", f") + {_text('/' + folder)}") if folder else ("", "")
    return [
        f"      outPath = {opening}builtins.{function} {{",
        *(f"        {name} = {_value(value)};" for name, value in arguments.items()),
        f"      }}{closing};",
        *(
            f"      {name} = {_value(pin.locked[name])};"
            for name in ("rev", "lastModified", "narHash")
            if name in pin.locked
        ),
    ]


def _fetcher(pin: lock.Pin) -> tuple[str, Mapping[str, Value]]:
    checked = {"sha256": pin.hash} if pin.hash else {}
    if pin.type == "path":
        return "path", {"name": "source", "path": str(pin.locked.get("path")), **checked}
    url = reference.url(pin)
    revision = {"rev": str(pin.locked.get("rev", ""))}
    if pin.type == "hg":
        return "fetchMercurial", {"url": url, **revision}
    if pin.type == "git":
        extra = {name: pin.locked[name] for name in _GIT if pin.locked.get(name)}
        return "fetchGit", {"url": url, **revision, **extra}
    return "fetchTarball", {"name": "source", "url": url, **checked}


def _name(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) and name not in _KEYWORDS else _text(name)


def _value(value: Value) -> str:
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    """Return a string of Nix."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'
