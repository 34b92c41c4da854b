"""The rules for networks in Nix, by the table that the same rules in Python are tested with."""

import json
from typing import Any

import pytest

from checks.module.snapshot import read
from checks.module.sources import ROOT

TABLE = json.loads((ROOT / "python/tests/zone/network-cases.json").read_bytes())
RECORDED: dict[str, Any] = read("network-rules")


@pytest.mark.parametrize("case", TABLE["elsewhere"], ids=lambda case: case["title"])
def test_nix_finds_the_devices_that_may_be_elsewhere(case: dict[str, Any]) -> None:
    assert RECORDED["elsewhere"][case["title"]] == case["outside"]


def test_nix_finds_the_addresses_that_may_have_a_reverse_name() -> None:
    assert RECORDED["reverse"] == TABLE["reverse"]


def test_no_snapshot_is_of_a_case_that_has_gone() -> None:
    assert RECORDED["elsewhere"].keys() == {case["title"] for case in TABLE["elsewhere"]}
