"""What is known of a clan's names, on a machine or in a checkout, and from where.

| fact | on a machine | in a checkout |
|---|---|---|
| names, machines, addresses | the zone that it serves, and its /etc/hosts | the zone in the vars |
| who exports a name | the clan file, of its last deployment | the clan file, which Nix evaluates |
| since when, and what changed | the zones that the mesh brought | the zones that were committed |
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from dm_dns import files
from dm_dns.access.checkout import Checkout
from dm_dns.errors import Error, describe
from dm_dns.inspect import clan, editions, inventory, status
from dm_dns.inspect.clan import Clan
from dm_dns.inspect.editions import Edition
from dm_dns.inspect.inventory import Name
from dm_dns.node import hosts
from dm_dns.node.config import Config
from dm_dns.node.judge import look
from dm_dns.node.presence import Presence
from dm_dns.zone import conf, limits


class Facts(NamedTuple):
    """What is known of a clan's names."""

    place: str
    """Where the facts are from, for people: a machine's name, or the path of a checkout."""
    is_machine: bool
    """Whether they are what a machine serves, and not what a checkout would have served."""
    zone: conf.Zone
    source: str | None
    """Of the zone that a machine serves: ``mesh``, ``deployed`` or ``kept``; None: not known."""
    names: list[Name]
    """Sorted."""
    editions: list[Edition]
    """Newest first."""
    notes: list[str]
    """What is not known, and why."""
    overrides: Mapping[str, str] = MappingProxyType({})
    """Names for which programs on this machine get something else, and what."""
    whole_domain: bool = True
    """Whether nobody else has names of the domain."""


def of_machine(config: Config, state_file: Path, clan_file: Path) -> Facts:
    """Return what this machine knows.

    Raises:
        Error: it serves nothing.

    """
    found = look(config, state_file, tries=status.UNBOUND_TRIES)
    served = found.state.served if found.state else None
    current = status.served_edition(config, served, found.state.since if found.state else None)
    if current is None:
        raise Error(
            f"this machine does not serve {config.domain}: "
            + ("; ".join(found.problems) or f"{config.kept} is not the zone that is served")
        )
    notes = [f"this machine has a problem: {problem}" for problem in found.problems]
    known = None
    try:
        known = clan.read(clan_file)
    except (Error, OSError) as error:
        notes.append(f"not known who exports a name: {describe(error)}; deploy this machine again")
    text = hosts.read(config.hosts)
    in_hosts = hosts.parse(text, config.domain)
    own = in_hosts.addresses
    past = list(editions.of_machine(config, current))
    facts = _facts(
        status.own_name(),
        current.zone,
        known,
        past,
        notes,
        own=own,
        presences=found.state.local.networks if found.state else None,
        is_machine=True,
    )
    # Other names of hosts(5) are served with its addresses.
    overrides = {
        each.name: f"programs on this machine get {in_hosts.shown(each.name)} for {each.name},"
        f" from {config.hosts}"
        for each in facts.names
        if each.name in in_hosts.names.keys() & current.zone.cnames.keys()
        and own.get(each.name) != each.addresses
    }
    source = served.source if served else None
    return facts._replace(source=source, overrides=overrides, whole_domain=config.whole_domain)


def of_checkout(
    checkout: Checkout, clan_file: Path | None, evaluate: Callable[[Path], Clan]
) -> Facts:
    """Return what a checkout says.

    Args:
        checkout: which.
        clan_file: the clan file; None: it is evaluated.
        evaluate: returns the clan file of the flake in a directory (`clan.evaluate`).

    Raises:
        Error: it has no valid zone.

    """
    path = checkout.zone_conf
    zone = conf.parse(files.read(path, limits.MAX_SIZE), None, str(path))
    notes = []
    known = None
    try:
        known = clan.read(clan_file) if clan_file else evaluate(checkout.directory)
    except (Error, OSError) as error:
        notes.append(f"not known who exports a name: {describe(error)}")
    past = editions.of_checkout(path, zone)
    place = str(checkout.directory)
    return _facts(place, zone, known, past, notes, own={}, is_machine=False)


def _facts(  # noqa: PLR0913 - each is a fact
    place: str,
    zone: conf.Zone,
    known: Clan | None,
    past: list[Edition],
    notes: list[str],
    *,
    own: Mapping[str, tuple[str, ...]],
    presences: Sequence[Presence] | None = None,
    is_machine: bool,
) -> Facts:
    if known and known.spec.domain.lower().removesuffix(".") != zone.domain:
        notes.append(
            f"not known who exports a name: the clan file is of {known.spec.domain!a}, and not of"
            f" {zone.domain}"
        )
        known = None
    return Facts(
        place=place,
        is_machine=is_machine,
        zone=zone,
        source=None,
        names=inventory.make(zone, known, editions.since(past), own, presences),
        editions=past,
        notes=notes,
        whole_domain=known.whole_domain if known else True,
    )
