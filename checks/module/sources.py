"""What the snapshots were made from."""

import hashlib
import json
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SNAPSHOTS: Final = Path(__file__).parent / "snapshots"

# What the evaluation reads; `clan` and its like have the vars of the clans.
_PATTERNS: Final = (
    "flake.nix",
    "modules/**/*.nix",
    "python/package.nix",
    "python/tests/zone/naming-cases.json",
    "python/tests/zone/network-cases.json",
    "checks/module/*.nix",
    "checks/module/cases/*.nix",
    "checks/module/remedies/*.nix",
    "checks/module/clan*/**/*",
    "checks/demo/spell.json",
    "checks/vm/*.nix",
)


def hashes() -> dict[str, str]:
    """Return the SHA-256 of each file that the evaluation reads, by its path in the project."""
    files = {path for pattern in _PATTERNS for path in ROOT.glob(pattern) if path.is_file()}
    return {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(files)
    }


def clan_core() -> dict[str, str]:
    """Return the revision of clan-core that the flake uses, and the hash of its files."""
    locked = json.loads((ROOT / "flake.lock").read_bytes())["nodes"]["clan-core"]["locked"]
    return {"rev": locked["rev"], "narHash": locked["narHash"]}
