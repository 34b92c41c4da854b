"""Evaluates the cases with the real clan-core."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from checks.module.sources import ROOT, clan_core


class EvaluationError(Exception):
    """Nix could not evaluate; its message says why."""


class Evaluator:
    """Nix with clan-core and nixpkgs' lib."""

    def __init__(self, file: str = "checks/module/default.nix") -> None:
        """Look for the sources.

        Args:
            file: what to evaluate, a function of these sources and of `guard`.

        Raises:
            EvaluationError: they are missing, or not those that the flake uses.

        """
        self._file = ROOT / file
        self.clan_core = _folder("CLAN_CORE", "clan-core's sources", "flake.nix")
        self.lib = _folder("NIXPKGS_LIB", "the lib of nixpkgs", "default.nix")
        hexadecimal = _run("nix-hash", "--type", "sha256", str(self.clan_core)).strip()
        found = "sha256-" + base64.b64encode(bytes.fromhex(hexadecimal)).decode("ascii")
        locked = clan_core()
        if found != locked["narHash"]:
            raise EvaluationError(
                f"CLAN_CORE: {self.clan_core} has not the files of revision {locked['rev']},"
                f" which flake.lock names: their hash is {found} and not {locked['narHash']}"
            )

    def evaluate(self, attributes: str, *, guard: bool = True) -> Any:  # noqa: ANN401
        """Return `attributes` of what the file evaluates to.

        Args:
            attributes: an attribute path, in Nix.
            guard: see snapshot.nix.

        Raises:
            EvaluationError: it throws.

        """
        expression = (
            f"(import {self._file} {{ clanCore = {self.clan_core};"
            f" lib = import {self.lib}; guard = {json.dumps(guard)}; }}).{attributes}"
        )
        options = ("--eval", "--strict", "--json", "--read-write-mode")
        return json.loads(_run("nix-instantiate", *options, "--expr", expression))

    def with_messages(self, attributes: str, value: Any) -> Any:  # noqa: ANN401
        """Return `value`, the guarded value of `attributes`, with what Nix says where it throws."""
        paths = list(_throwing(attributes, value))
        # Nix stops at the first one, so each needs a process.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            messages = dict(zip(paths, pool.map(self._message, paths), strict=True))
        return _filled(attributes, value, messages)

    def _message(self, attributes: str) -> str | None:
        try:
            self.evaluate(attributes, guard=False)
        except EvaluationError as error:
            return str(error)
        return None


def _throwing(attributes: str, value: object) -> Iterator[str]:
    if value == {"throws": None}:
        yield attributes
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _throwing(_attribute(attributes, key), inner)


def _filled(attributes: str, value: object, messages: dict[str, str | None]) -> object:
    if attributes in messages:
        return {"throws": messages[attributes]}
    if isinstance(value, dict):
        return {
            key: _filled(_attribute(attributes, key), inner, messages)
            for key, inner in value.items()
        }
    return value


def _attribute(attributes: str, key: str) -> str:
    # Nix has no `\\u`.
    return f"{attributes}.{json.dumps(key, ensure_ascii=False)}"


def _folder(variable: str, what: str, file: str) -> Path:
    value = os.environ.get(variable)
    if not value or not (Path(value) / file).is_file():
        raise EvaluationError(f"{variable} must be a folder with {what}; it is {value!r}")
    return Path(value).resolve()


def _run(*command: str) -> str:
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    if run.returncode:
        raise EvaluationError(_message(run.stderr))
    return run.stdout


def _message(stderr: str) -> str:
    """Return what Nix says after its trace, without the trace's indentation."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", stderr).rpartition("error: ")[2].splitlines()
    return "\n".join(line.removeprefix("       ").rstrip() for line in lines).strip()
