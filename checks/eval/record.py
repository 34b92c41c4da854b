"""The record: a JSON file for each case, and `{naming,options,sources,vm}.json`.

A case's file has what its machines have in common under `all`, and the rest under `machines`.
"""

import json
from typing import Any

from checks.eval.sources import RECORD

Machine = dict[str, Any]
"""An entry for each unit, file, user, package, generator and service: see record.nix."""


def load(case: str) -> dict[str, Machine]:
    """Return the machines of a case."""
    recorded = read(case)
    return {name: {**recorded["all"], **entries} for name, entries in recorded["machines"].items()}


def read(name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what `record/<name>.json` has."""
    return json.loads((RECORD / f"{name}.json").read_bytes())


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
    """Return a value as the record's files have it."""
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
