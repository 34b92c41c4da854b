"""A clan for the tests of this folder: its zone spec, zone, clan file and facts."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dm_dns.inspect import clan, editions, inventory
from dm_dns.inspect.clan import Clan
from dm_dns.inspect.editions import Edition
from dm_dns.inspect.facts import Facts
from dm_dns.node.config import Config
from dm_dns.node.unbound import Unbound
from dm_dns.zone import conf, spec

SERIAL = 1795589653
DAY = 86400
SPEC: dict[str, Any] = {
    "domain": "pin",
    "machines": {
        "kiwi": {"addresses": ["192.0.2.1", "fd00::1"]},
        "pear": {"addresses": ["fd00::2"]},
        "fig": {"addresses": []},
    },
    "endpoints": [
        {
            "host": host,
            "machine": machine,
            "service": service,
            "instance": instance,
            "role": "server",
        }
        for host, machine, service, instance in [
            ("git.pin", "kiwi", "forgejo", "forgejo"),
            ("mirror.pin", "kiwi", "attic", "cache"),
            ("mirror.pin", "pear", "attic", "cache"),
            ("*.app.pin", "pear", "apps", "apps"),
            ("fig.pin", "fig", "door", "door"),
        ]
    ],
}


def with_endpoints(endpoints: list[dict[str, str]]) -> dict[str, Any]:
    return {**SPEC, "endpoints": endpoints}


def zone(values: dict[str, Any] = SPEC, serial: int = SERIAL) -> conf.Zone:
    """Return the zone of a spec, as it is when it was read."""
    made, _warnings = spec.to_zone(spec.from_json(values), serial)
    return conf.parse(conf.render(made).encode(), made.domain, "zone.conf")


def clan_json(values: dict[str, Any] = SPEC, **listen: list[str]) -> str:
    serving = {name: {"listen": listen.get(name, [])} for name in values["machines"]}
    return json.dumps({"spec": values, "serving": serving})


def clan_of(values: dict[str, Any] = SPEC) -> Clan:
    return clan.parse(clan_json(values).encode(), "clan.json")


def write_clan(path: Path, values: dict[str, Any] = SPEC) -> None:
    path.write_text(clan_json(values))


def edition(values: dict[str, Any] = SPEC, *, days_ago: int = 0) -> Edition:
    serial = SERIAL - days_ago * DAY
    return Edition(zone(values, serial), datetime.fromtimestamp(serial, UTC))


def config_in(state: Path, values: dict[str, Any], *, reverse: bool = False) -> Config:
    """Return the configuration of a machine that serves the zone of a spec from this directory."""
    found = Config(
        domain="pin",
        mesh=state / "mesh",
        deployed=None,
        hosts=state / "hosts",
        state=state,
        keys=[],
        unbound=Unbound(state / "control", "127.0.0.1", 5353),
        hook=None,
        reverse=reverse,
    )
    found.kept.write_text(conf.render(zone(values)))
    return found


def facts(values: dict[str, Any] = SPEC, past: list[Edition] | None = None) -> Facts:
    known = [edition(values), *(past or [])]
    names = inventory.make(known[0].zone, clan_of(values), editions.since(known), {})
    return Facts(
        place="kiwi",
        is_machine=True,
        zone=known[0].zone,
        source="mesh",
        names=names,
        editions=known,
        notes=[],
    )
