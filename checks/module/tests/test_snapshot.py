"""That the snapshots are of the module as it is, and complete."""

import json
from typing import Any

import pytest

from checks.module import snapshot, sources
from checks.module.evaluator import EvaluationError, Evaluator


def test_the_snapshots_were_made_from_the_module_as_it_is() -> None:
    recorded = snapshot.read("sources")
    now = sources.hashes()
    changed = [
        name
        for name in sorted({*now, *recorded["files"]})
        if now.get(name) != recorded["files"].get(name)
    ]
    assert changed == [], "run `make record`: see checks/README.md"
    assert recorded["clan-core"] == sources.clan_core(), "run `make record`: see checks/README.md"


def test_every_case_has_a_snapshot_and_nothing_else_has() -> None:
    cases = {path.stem for path in (sources.ROOT / "checks/module/cases").glob("*.nix")}
    files = {path.name for path in sources.SNAPSHOTS.iterdir()}
    assert files == {
        f"{name}.json"
        for name in {
            *cases,
            "naming",
            "network-rules",
            "options",
            "packages",
            "remedies",
            "sources",
            "types",
            "vm",
        }
    }


def test_no_snapshot_names_a_path_of_the_machine_it_was_made_on() -> None:
    for path in sources.SNAPSHOTS.iterdir():
        assert str(sources.ROOT) not in path.read_text(), path


def test_what_machines_have_in_common_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = {"a": {"same": 1, "other": 2, "own": 3}, "b": {"same": 1, "other": 4}}
    written: dict[str, Any] = json.loads(snapshot.case_text({"exports": {}, "machines": machines}))
    assert written["all"] == {"same": 1}
    monkeypatch.setattr(snapshot, "read", lambda _case: written)
    assert snapshot.load("case") == machines


@pytest.mark.parametrize("variable", ["CLAN_CORE", "NIXPKGS_LIB"])
def test_without_the_sources_nothing_is_evaluated(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Any folder with these files will do to get past the other one.
    monkeypatch.setenv("CLAN_CORE", str(sources.ROOT))
    monkeypatch.setenv("NIXPKGS_LIB", str(sources.ROOT / "checks/module"))
    monkeypatch.delenv(variable)
    with pytest.raises(EvaluationError, match=f"{variable} must be a folder with"):
        Evaluator()
