"""The page that `dm-dns show --html` writes: everything about a clan's names in one file.

It needs no network and no script. What it shows is text that others chose, so the template escapes
all of it, and the page's policy lets a browser run and load nothing but what stands in the
template.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Final, NamedTuple

from dm_dns.inspect import editions, overview
from dm_dns.inspect.editions import Changed
from dm_dns.inspect.facts import Facts
from dm_dns.inspect.inventory import Name
from dm_dns.zone import diff
from dm_dns.zone.networks import Network

_COLOURS: Final = 8
"""Services that have a colour of their own; the others share one."""
_EDITIONS: Final = 8
_CHANGES: Final = 12  # of an edition
_LONG: Final = 24  # names, from which a card is as wide as the page
_SOURCES: Final = {
    "mesh": "from the mesh",
    "deployed": "from the deployment",
    "kept": "kept from before, because no other copy is valid",
}
_MINUS: Final = "\u2212"
_SIGNS: Final = {"added": "+", "removed": _MINUS, "declared": "+", "undeclared": _MINUS}


class Row(NamedTuple):
    """A name as the page shows it."""

    label: str
    """The name without the domain."""
    suffix: str
    """The domain, with a dot before it."""
    name: Name
    service: str
    """Empty if it is not known."""
    colour: str
    """A class of the style sheet."""
    exporters: Sequence[str]
    number: int
    """Of the name on this page, for links."""


class Card(NamedTuple):
    """A machine or a device as the page shows it."""

    owner: str
    id: str
    """Of the card on this page, for links."""
    addresses: Sequence[str]
    rows: Sequence[Row]
    """Without its own name."""

    @property
    def is_long(self) -> bool:
        """Whether the card is as wide as the page."""
        return len(self.rows) > _LONG


class Change(NamedTuple):
    """What happened to one name, or one local network."""

    sign: str
    name: str
    text: str


class News(NamedTuple):
    """What an edition changed."""

    when: datetime
    serial: int
    summary: str
    changes: Sequence[Change]
    more: int
    """The number of changes that are left out."""


def render(facts: Facts, now: datetime | None = None) -> str:
    """Return the page; ``now`` is when it is made, by default the present."""
    import jinja2

    style, script = _template("page.css"), _template("page.js")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    colours = _colours(facts.names)
    rows = [_row(name, facts.zone.domain, colours, n) for n, name in enumerate(facts.names)]
    cards, devices = _cards(rows), _device_cards(rows)
    by_name = {row.name.name: row for row in rows}
    names_on = {
        card.owner: [row.name.name for row in sorted(card.rows, key=_by_colour)] for card in cards
    }
    return environment.from_string(_template("page.html")).render(
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        facts=facts,
        domain=facts.zone.domain,
        source=_SOURCES.get(facts.source or ""),
        made=now or datetime.now(UTC),
        rows=rows,
        by_name=by_name,
        cards=[card for card in cards if not card.is_long],
        long_cards=[card for card in cards if card.is_long],
        devices=devices,
        ids={card.owner: card.id for card in cards},
        device_ids={card.owner: card.id for card in devices},
        machines=sum(name.kind == "machine" for name in facts.names),
        services=sum(not _is_own(row) for row in rows),
        picture=overview.draw(names_on),
        legend=_legend(rows, colours),
        news=[_news(changed, facts.zone.domain) for changed in _newest(facts)],
    )


def _template(name: str) -> str:
    return (resources.files("dm_dns.inspect") / "templates" / name).read_text("utf-8")


def _hash(text: str) -> str:
    """Return the hash of a script or a style for the policy (Content Security Policy, level 2)."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _service(name: Name) -> str:
    return name.exports[0].service if name.exports else ""


def _is_in_picture(name: Name) -> bool:
    """Tell whether a name has dots in the picture, which has no devices."""
    return name.kind != "machine" and not _is_of_devices(name)


def _is_of_devices(name: Name) -> bool:
    return bool(name.devices) and not name.machines


def _is_own(row: Row) -> bool:
    """Tell whether a name is a machine's or a device's own."""
    if row.name.kind == "device":
        return row.label == row.name.devices[0].device.lower()
    return row.name.kind == "machine"


def _colours(names: Sequence[Name]) -> Mapping[str, str]:
    """Return the class of each service: a colour of its own for those that have most names."""
    counts = Counter(sorted(_service(name) for name in names if _is_in_picture(name)))
    del counts[""]
    most = counts.most_common(_COLOURS)
    return {service: f"c{number}" for number, (service, _count) in enumerate(most)}


def _legend(rows: Sequence[Row], colours: Mapping[str, str]) -> list[tuple[str, str, int]]:
    """Return each service with a colour: its class, its name, the number of its names."""
    counts = Counter(row.colour for row in rows if _is_in_picture(row.name))
    found = [(colour, service, counts[colour]) for service, colour in colours.items()]
    if counts["cx"]:
        text = "other services" if colours else "names"
        found.append(("cx", text, counts["cx"]))
    return found


def _row(name: Name, domain: str, colours: Mapping[str, str], number: int) -> Row:
    service = _service(name)
    exporters = {
        f"{export.service}, instance {export.instance}, role {export.role}"
        if export.instance != export.service
        else f"{export.service}, role {export.role}"
        for export in name.exports
    }
    return Row(
        label=name.name.removesuffix(f".{domain}"),
        suffix=f".{domain}",
        name=name,
        service=service,
        colour="cd" if _is_of_devices(name) else colours.get(service, "cx"),
        exporters=[
            *sorted(exporters),
            *dict.fromkeys(device.setting for device in name.devices),
        ],
        number=number,
    )


def _by_colour(row: Row) -> tuple[str, str, str]:
    return row.colour, row.service, row.name.name


def _label(row: Row) -> str:
    return row.label


def _cards(rows: Sequence[Row]) -> list[Card]:
    """Return a card for each machine, the one with most names first."""
    on: dict[str, list[Row]] = {}
    addresses: dict[str, Sequence[str]] = {}
    for row in rows:
        if row.name.kind == "machine":
            machine = row.name.machines[0]
            addresses[machine] = row.name.all_addresses
            on.setdefault(machine, [])
        else:
            for machine in row.name.machines:
                on.setdefault(machine, []).append(row)
    ordered = sorted(on, key=lambda machine: (-len(on[machine]), machine))
    return [
        Card(machine, f"m{number}", addresses.get(machine, ()), sorted(on[machine], key=_label))
        for number, machine in enumerate(ordered)
    ]


def _device_cards(rows: Sequence[Row]) -> list[Card]:
    """Return a card for each device, sorted by name."""
    on: dict[str, list[Row]] = {}
    addresses: dict[str, Sequence[str]] = {}
    for row in rows:
        for device in row.name.devices:
            on.setdefault(device.device, [])
            if _is_own(row):
                addresses[device.device] = row.name.all_addresses
            else:
                on[device.device].append(row)
    return [
        Card(device, f"d{number}", addresses.get(device, ()), sorted(found, key=_label))
        for number, (device, found) in enumerate(sorted(on.items()))
    ]


def _newest(facts: Facts) -> list[Changed]:
    found = []
    for changed in editions.changes(facts.editions):
        found.append(changed)
        if len(found) == _EDITIONS:
            break
    return found


def _news(changed: Changed, domain: str) -> News:
    return News(
        when=changed.when,
        serial=changed.serial,
        summary=diff.describe(diff.count(changed.changes)),
        changes=[_change(change, domain) for change in changed.changes[:_CHANGES]],
        more=max(0, len(changed.changes) - _CHANGES),
    )


def _change(change: diff.Change, domain: str) -> Change:
    after = _value(change.after, domain)
    before = _value(change.before, domain)
    texts = {"added": after, "removed": f"was {before}"}
    texts |= {"declared": after, "undeclared": f"was {before}"}
    text = texts.get(change.kind, f"{before} \u2192 {after}")
    name = change.name if change.is_of_name else f"local network {change.name}"
    return Change(_SIGNS.get(change.kind, "\u2192"), name, text)


def _value(value: diff.Value | Network | None, domain: str) -> str:
    if isinstance(value, Network):
        return str(value)
    if isinstance(value, str):
        return f"on {value.removesuffix(f'.{domain}')}"
    return " ".join(value or ())
