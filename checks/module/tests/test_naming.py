"""The naming rules in Nix, by the table of cases that the same rules in Python are tested with."""

import json
from typing import Any

import pytest
from dm_dns.zone import conf, spec

from checks.module.snapshot import read
from checks.module.sources import ROOT

TABLE = json.loads((ROOT / "python/tests/zone/naming-cases.json").read_bytes())
CASES = {case["title"]: case for case in TABLE if case["nix"]}
RECORDED: dict[str, Any] = read("naming")


def records(zone_spec: object) -> list[str]:
    made, _warnings = spec.to_zone(spec.from_json(zone_spec), serial=1)
    lines = conf.render(made).splitlines()
    return [line.split('"')[1] for line in lines if line.startswith("local-data:")]


def test_every_case_has_a_snapshot() -> None:
    assert RECORDED.keys() == CASES.keys()


@pytest.mark.parametrize("title", [title for title in CASES if "records" in CASES[title]])
def test_nix_yields_a_zone_spec_with_these_records(title: str) -> None:
    assert sorted(records(RECORDED[title])) == sorted(CASES[title]["records"])


@pytest.mark.parametrize("title", [title for title in CASES if "error" in CASES[title]])
def test_nix_stops_with_a_message_that_says_who_what_and_how(title: str) -> None:
    message = RECORDED[title]["error"]
    assert [part for part in CASES[title]["error"] if part not in message] == []
    assert "\n  Remedy: " in message
