"""The example clan: its zones as clan-core's own dm-dns generated them, and as dm-dns does."""

import json
from pathlib import Path
from typing import Any

import pytest
from dm_dns.zone import conf, spec

EXAMPLE: dict[str, Any] = json.loads(
    Path(__file__).parents[2].joinpath("example/spell.json").read_text(encoding="utf-8")
)
RECORDED = pytest.mark.parametrize(
    "recorded", EXAMPLE["zones"], ids=[recorded["date"] for recorded in EXAMPLE["zones"]]
)


def spec_of(recorded: dict[str, Any]) -> spec.Spec:
    """Return the zone spec of a recorded state; who exported a name then is not recorded."""
    return spec.from_json(
        {
            "domain": EXAMPLE["domain"],
            "machines": {
                machine: {"addresses": addresses}
                for machine, addresses in EXAMPLE["machines"].items()
            },
            "endpoints": [
                {**endpoint, "service": "unknown", "instance": "unknown", "role": "unknown"}
                for endpoint in recorded["endpoints"]
            ],
        }
    )


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_there_are_recorded_zones() -> None:
    assert [len(recorded["endpoints"]) for recorded in EXAMPLE["zones"]] == [0, 1, 2, 2]


@RECORDED
def test_the_names_are_those_that_were_recorded(recorded: dict[str, Any]) -> None:
    made, warnings = spec.to_zone(spec_of(recorded), 7)
    assert warnings == []
    cnames = [line for line in lines(conf.render(made)) if " CNAME " in line]
    assert cnames == lines(recorded["zone_conf"])[1:]


@RECORDED
def test_the_addresses_are_those_of_the_machines(recorded: dict[str, Any]) -> None:
    made, _warnings = spec.to_zone(spec_of(recorded), 7)
    assert made.addresses == {
        f"{machine}.spell": conf.in_order(addresses)
        for machine, addresses in EXAMPLE["machines"].items()
    }


@RECORDED
def test_a_recorded_zone_conf_is_read_as_the_same_names(recorded: dict[str, Any]) -> None:
    read = conf.parse(recorded["zone_conf"].encode(), EXAMPLE["domain"], "zone.conf")
    made, _warnings = spec.to_zone(spec_of(recorded), 7)
    assert read.serial == 0
    assert read.cnames == made.cnames
    assert read.addresses == {}
