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


def lines_of(zone_spec: object) -> tuple[list[str], list[str]]:
    """The records and the comments of the zone."""
    made, _warnings = spec.to_zone(spec.from_json(zone_spec), serial=1)
    lines = conf.render(made).splitlines()[4:]
    records = [line.split('"')[1] for line in lines if line.startswith("local-data:")]
    return records, [line.removeprefix("# ") for line in lines if line.startswith("#")]


def test_every_case_has_a_snapshot() -> None:
    assert RECORDED.keys() == CASES.keys()


@pytest.mark.parametrize("title", [title for title in CASES if "records" in CASES[title]])
def test_nix_yields_a_zone_spec_with_these_records(title: str) -> None:
    records, comments = lines_of(RECORDED[title])
    assert sorted(records) == sorted(CASES[title]["records"])
    assert CASES[title].get("comments") in (None, comments)


@pytest.mark.parametrize("title", [title for title in CASES if "error" in CASES[title]])
def test_nix_stops_with_a_message_that_says_who_what_and_how(title: str) -> None:
    message = RECORDED[title]["error"]
    assert [part for part in CASES[title]["error"] if part not in message] == []
    assert "\n  Remedy: " in message
