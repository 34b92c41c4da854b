"""Clans for the page: a made-up one, and ones of any size."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from dm_dns.inspect import editions, inventory
from dm_dns.inspect.clan import Clan
from dm_dns.inspect.editions import Edition
from dm_dns.inspect.facts import Facts
from dm_dns.zone import conf, spec

_DAY: Final = 86400
_DOMAIN: Final = "clan.lol"
_MOST_MACHINES: Final = 40
_SERIAL: Final = 1795589653
# Prefixes make any number of machines and services of these.
_MACHINES: Final = ("kiwi", "pear", "fig", "plum", "lime", "date", "sloe", "quince")
_SERVICES: Final = (
    *("nextcloud", "forgejo", "grafana", "jellyfin", "vaultwarden", "matrix", "immich"),
    *("paperless", "home-assistant", "prometheus", "syncthing", "mailserver", "wiki", "miniflux"),
)
# Of the made-up clan: each name with its service and its machines, the newest name last.
_NAMES: Final = {
    "git": ("forgejo", "kiwi"),
    "cloud": ("nextcloud", "kiwi"),
    "mail": ("mailserver", "lime"),
    "webmail": ("roundcube", "lime"),
    "pass": ("vaultwarden", "kiwi"),
    "tv": ("jellyfin", "pear"),
    "music": ("navidrome", "pear"),
    "photos": ("immich", "pear"),
    "home": ("home-assistant", "fig"),
    "zigbee": ("zigbee2mqtt", "fig"),
    "grafana": ("monitoring", "plum"),
    "prometheus": ("monitoring", "plum"),
    "alerts": ("monitoring", "plum"),
    "status": ("monitoring", "lime"),
    "chat": ("matrix", "lime"),
    "element": ("matrix", "lime"),
    "news": ("miniflux", "kiwi"),
    "wiki": ("wiki", "kiwi"),
    "office": ("nextcloud", "kiwi"),
    "ci": ("forgejo", "plum"),
    "pages": ("forgejo", "kiwi"),
    "backup": ("borgbackup", "pear fig"),
    "cache": ("attic", "kiwi plum"),
    "books": ("calibre", "pear"),
    "*.app": ("apps", "plum"),
    "docs": ("paperless", "kiwi"),
}
_ADDRESSES: Final = {
    "fig": ["192.168.1.20", "fd35:f254:ab26:d7ec::3"],
    "kiwi": ["192.168.1.10", "fd35:f254:ab26:d7ec::1"],
    "lime": ["fd35:f254:ab26:d7ec::5"],
    "pear": ["192.168.1.11", "fd35:f254:ab26:d7ec::2"],
    "plum": ["192.168.1.12", "fd35:f254:ab26:d7ec::4"],
}
_DEVICES: Final = {
    "printer": (["192.168.1.60"], ["print", "scanner"]),
    "nas": (["192.168.1.61", "fd35:f254:ab26:d7ec::61"], ["backup", "*.share"]),
    "phone": (["fd35:f254:ab26:d7ec::70"], []),
}
_EDITIONS: Final = 5


def made_up() -> Facts:
    """Return the facts of a clan as people have them: a few machines with what they run."""
    endpoints = [
        _endpoint(f"{host}.{_DOMAIN}", machine, service)
        for host, (service, machines) in _NAMES.items()
        for machine in machines.split()
    ]
    devices = {
        name: {"addresses": addresses, "names": [f"{host}.{_DOMAIN}" for host in hosts]}
        for name, (addresses, hosts) in _DEVICES.items()
    }
    return _facts(_ADDRESSES, endpoints, devices, step=2)


def of_size(names: int) -> Facts:
    """Return the facts of a clan with that many names, those of its machines included."""
    count = max(2, min(_MOST_MACHINES, names // 9))
    machines = [
        _MACHINES[number] if number < len(_MACHINES) else f"{_MACHINES[number % 8]}-{number}"
        for number in range(count)
    ]
    addresses = {
        name: [f"fd35:f254:ab26:d7ec::{number:x}"] + [f"192.168.1.{number}"] * (number % 3 == 1)
        for number, name in enumerate(machines, start=1)
    }
    endpoints = []
    for number in range(names - count):
        service = _SERVICES[number * number % 97 % len(_SERVICES)]
        # The first machines have most names.
        on = number * 7 % count * (number * 3 % count) // count
        others = 2 if number % 20 == 19 else 1  # noqa: PLR2004 - some names are shared
        endpoints += [
            _endpoint(f"{service}-{number}.{_DOMAIN}", machines[(on + other) % count], service)
            for other in range(others)
        ]
    return _facts(addresses, endpoints, {}, step=max(1, len(endpoints) // 10))


def _endpoint(host: str, machine: str, service: str) -> dict[str, str]:
    return {
        "host": host,
        "machine": machine,
        "service": service,
        "instance": service,
        "role": "server",
    }


def _facts(
    addresses: Mapping[str, list[str]],
    endpoints: list[dict[str, str]],
    devices: Mapping[str, Any],
    *,
    step: int,
) -> Facts:
    """Return the facts of a clan that has grown by ``step`` names with each edition."""
    whole: dict[str, Any] = {
        "domain": _DOMAIN,
        "machines": {name: {"addresses": known} for name, known in addresses.items()},
        "endpoints": endpoints,
        "devices": devices,
    }
    past = []
    for back in range(_EDITIONS):
        endpoints_then = endpoints[: max(1, len(endpoints) - back * step)]
        values = spec.from_json({**whole, "endpoints": endpoints_then})
        serial = _SERIAL - back * 3 * _DAY
        zone, _warnings = spec.to_zone(values, serial)
        parsed = conf.parse(conf.render(zone).encode(), zone.domain, "zone.conf")
        past.append(Edition(parsed, datetime.fromtimestamp(serial, UTC)))
    known = Clan(spec.from_json(whole), dict.fromkeys(addresses, ()))
    return Facts(
        place="kiwi",
        is_machine=True,
        zone=past[0].zone,
        source="mesh",
        names=inventory.make(past[0].zone, known, editions.since(past), {}),
        editions=past,
        notes=[],
    )
