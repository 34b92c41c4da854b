"""What this machine serves: what dm-dns.service found, and what unbound answers."""

import socket
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from dm_dns.errors import Error
from dm_dns.inspect import editions, text
from dm_dns.inspect.editions import Changed, Edition
from dm_dns.node import judge
from dm_dns.node.apply import Served
from dm_dns.node.config import Config
from dm_dns.node.presence import Presence
from dm_dns.zone import conf, diff

UNBOUND_TRIES: Final = 2
"""Seconds that unbound has to answer."""


class Status(NamedTuple):
    """What a machine serves."""

    machine: str
    domain: str
    served: Served | None
    """None: nothing, or dm-dns.service does not tell."""
    since: int | None
    """When that was served for the first time, in seconds since 1970."""
    names: int | None
    """The number of names in it; None: not known."""
    change: Changed | None
    """The last one that this machine knows of."""
    problems: list[str]
    """What is wrong; empty: unbound serves what it should."""
    whole_domain: bool = True
    """Whether nobody else has names of the domain."""
    networks: tuple[Presence, ...] = ()
    """Of each local network of the zone, whether the machine is on it."""

    @property
    def age(self) -> float | None:
        """How long ago the zone was rendered, in seconds; None: nothing is served."""
        return time.time() - self.served.serial if self.served else None

    def json(self) -> dict[str, Any]:
        """Return what ``dm-dns status --json`` prints (documented in `commands.status`)."""
        served, change = self.served, self.change
        return {
            "machine": self.machine,
            "domain": self.domain,
            "whole_domain": self.whole_domain,
            "serial": served.serial if served else None,
            "source": served.source if served else None,
            "sha256": served.sha256 if served else None,
            "age": int(self.age) if self.age is not None else None,
            "since": text.moment(self.since).isoformat() if self.since is not None else None,
            "names": self.names,
            "records": served.records if served else None,
            "change": {
                "when": change.when.isoformat(),
                "serial": change.serial,
                "counts": diff.count(change.changes),
            }
            if change
            else None,
            "networks": [
                {
                    "name": presence.name,
                    "on": presence.link is not None,
                    "link": presence.link,
                    "reason": presence.reason,
                    "silent": list(presence.silent),
                }
                for presence in self.networks
            ],
            "problems": self.problems,
        }


def own_name() -> str:
    """Return the name of the machine that this runs on: its host name is what the clan calls it."""
    return socket.gethostname().partition(".")[0]


def read(config: Config, state_file: Path) -> Status:
    """Return what this machine serves."""
    found = judge.look(config, state_file, tries=UNBOUND_TRIES)
    served = found.state.served if found.state else None
    since = found.state.since if found.state else None
    current = served_edition(config, served, since)
    changes = editions.changes(editions.of_machine(config, current)) if current else ()
    return Status(
        machine=own_name(),
        domain=config.domain,
        served=served,
        since=since,
        names=served.names if served else None,
        change=next(iter(changes), None),
        problems=found.problems,
        whole_domain=config.whole_domain,
        networks=found.state.local.networks if found.state else (),
    )


def served_edition(config: Config, served: Served | None, since: int | None) -> Edition | None:
    """Return the zone that is served; None if nothing is, or it cannot be read any more.

    Args:
        config: the machine's.
        served: what dm-dns.service tells; None: whatever was served last is returned.
        since: when that was served for the first time; None: when the copy was kept.

    """
    try:
        zone = conf.read(config.kept, config.domain)
        when = config.kept.stat().st_mtime if since is None else since
    except (Error, OSError):
        return None
    if served and served.sha256 != zone.sha256:
        return None
    return Edition(zone, text.moment(when))
