"""The snapshots: a JSON file for each case, and others for what the module has in common.

These are `{naming,network-rules,options,packages,remedies,sources,types,vm}.json`.

A case's file has what its machines have in common under `all`, and the rest under `machines`.
"""

import json
from typing import Any

from checks.module.sources import SNAPSHOTS

MachineSnapshot = dict[str, Any]
"""An entry for each unit, file, user, package, generator and service: see snapshot.nix."""


def load(case: str) -> dict[str, MachineSnapshot]:
    """Return the machines of a case."""
    taken = read(case)
    return {name: {**taken["all"], **entries} for name, entries in taken["machines"].items()}


def read(name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what `snapshots/<name>.json` has."""
    return json.loads((SNAPSHOTS / f"{name}.json").read_bytes())


def case_text(evaluated: dict[str, Any]) -> str:
    """Return the file of a case as Nix evaluated it."""
    first, *others = evaluated["machines"].values()
    common = {
        key: value
        for key, value in first.items()
        if all(key in other and other[key] == value for other in others)
    }
    machines = {
        name: {key: value for key, value in entries.items() if key not in common}
        for name, entries in evaluated["machines"].items()
    }
    return text({"all": common, "exports": evaluated["exports"], "machines": machines})


def text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as the snapshots have it."""
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
