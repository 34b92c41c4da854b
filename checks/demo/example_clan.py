"""The example clan: its zones as specs for dm-dns, and what its names must answer."""

import json
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, NamedTuple

_RECORDED: Final = Path(__file__).with_name("spell.json")


class Record(NamedTuple):
    """One record of an answer; names without their final dot."""

    owner: str
    kind: str
    """CNAME, A or AAAA."""
    value: str


class ExampleZone(NamedTuple):
    """One of the clan's zones, as its repository recorded it."""

    clan: "ExampleClan"
    date: datetime
    endpoints: dict[str, str]
    """Host name to the machine that answers on it."""
    zone_conf: str
    """What clan-core's own dm-dns made of it."""

    @property
    def serial(self) -> int:
        """Return the instant of its recording, in seconds since 1970."""
        return int(self.date.timestamp())

    @property
    def names(self) -> list[str]:
        """Return every name of the zone: the endpoints', the machines', then the devices'."""
        return [*self.endpoints, *map(self.clan.name_of, (*self.clan.machines, *self.clan.devices))]

    def spec(self) -> str:
        """Return the zone spec, as the module writes it.

        The record does not tell which service exports a host: it is called like the host here.
        """
        machines = {name: {"addresses": known} for name, known in self.clan.machines.items()}
        endpoints = [
            {
                "host": host,
                "machine": machine,
                "service": host.partition(".")[0],
                "instance": host.partition(".")[0],
                "role": "default",
            }
            for host, machine in self.endpoints.items()
        ]
        spec = {
            "domain": self.clan.domain,
            "machines": machines,
            "endpoints": endpoints,
            "devices": self.clan.devices,
        }
        return json.dumps(spec, indent=2)

    def expected(self, name: str) -> frozenset[Record]:
        """Return all records that ``name`` must answer with when asked for its addresses."""
        target = name
        if machine := self.endpoints.get(name):
            target = self.clan.name_of(machine)
        addresses = map(ip_address, self.clan.addresses[target.partition(".")[0]])
        found = {("AAAA" if a.version == 6 else "A", str(a)) for a in addresses}  # noqa: PLR2004
        # An alias of a machine without A or AAAA has its addresses instead of a CNAME.
        is_alias = target != name and len({kind for kind, _ in found}) > 1
        aliases = [Record(name, "CNAME", target)] if is_alias else []
        owner = target if is_alias else name
        return frozenset([*aliases, *(Record(owner, *record) for record in found)])


class ExampleClan(NamedTuple):
    """A clan as its public repository records it, with devices, which it does not."""

    domain: str
    machines: dict[str, list[str]]
    """Name to IP addresses."""
    devices: dict[str, dict[str, list[str]]]
    """Name to ``addresses`` and ``names``."""
    push_machines: list[str]
    recorded: list[dict[str, Any]]

    @property
    def addresses(self) -> dict[str, list[str]]:
        """Return the addresses of each machine and device."""
        return self.machines | {name: each["addresses"] for name, each in self.devices.items()}

    def name_of(self, owner: str) -> str:
        """Return the full name of a machine or a device."""
        return f"{owner}.{self.domain}"

    def zone(self, number: int) -> ExampleZone:
        """Return the zone that was recorded as ``number``; the first is 1."""
        recorded = self.recorded[number - 1]
        return ExampleZone(
            clan=self,
            date=datetime.fromisoformat(recorded["date"]),
            endpoints={e["host"]: e["machine"] for e in recorded["endpoints"]},
            zone_conf=recorded["zone_conf"],
        )


def load() -> ExampleClan:
    """Return the example clan."""
    values = json.loads(_RECORDED.read_bytes())
    return ExampleClan(
        values["domain"],
        values["machines"],
        values["devices"],
        values["push_machines"],
        values["zones"],
    )


def aliases(zone_conf: str) -> set[str]:
    """Return the lines of a zone.conf that define a CNAME."""
    return {line for line in zone_conf.splitlines() if " CNAME " in line}
