"""The state: what dm-dns.service found, in a file that every user may read.

``dm-dns apply --check`` judges it. Its keys stay:

- ``domain``: the clan's;
- ``pid``: the process that wrote this, dm-dns.service;
- ``written``: when, in seconds of the system's monotonic clock (clock_gettime(2), CLOCK_MONOTONIC),
  which stands still while the machine is suspended;
- ``served``: null, or what the machine serves: ``serial``, ``names``, ``records``, ``source``
  (``mesh``, ``deployed`` or ``kept``), ``sha256`` of the lines of zone.conf below its header,
  ``status`` (the text of the TXT record at ``_dm-dns.<domain>`` if unbound serves it), ``deployed``
  (null, or the serial of the zone that the machine was deployed with) and ``since`` (seconds since
  1970);
- ``problems``: a list of texts; empty if all is well;
- ``inputs``: for each file that was read its version, a list of numbers that changes with the file;
- ``local``: the local view that the zone was made from: ``addresses`` (null, or the list of those
  of this machine's links), ``deprecated`` (those of them to which others are to be preferred),
  ``problem`` (null, or why they are not known) and ``networks``, a list of the zone's local
  networks: ``name``, ``link`` (null, or the link through which the machine is on it), ``reason``
  (why it is, or is not), ``silent`` (the addresses there that do not answer) and ``remedy`` (what
  to type if it is not on it and should be).
"""

import errno
import json
import os
import time
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.files import Version
from dm_dns.json_fields import JsonFields
from dm_dns.node import local_view, netlink
from dm_dns.node.apply import Served
from dm_dns.node.local_view import LocalView
from dm_dns.node.presence import Presence
from dm_dns.zone import limits

NAME: Final = "state.json"
DIRECTORY: Final = Path("/run/dm-dns")

_DENIED: Final[Version] = (errno.EACCES,)


class State(NamedTuple):
    """What dm-dns.service found."""

    domain: str
    pid: int
    """The process of dm-dns.service."""
    served: Served | None
    """None: nothing."""
    since: int | None
    """When that was served for the first time, in seconds since 1970."""
    problems: list[str]
    inputs: dict[str, Version]
    """The files that were read, by their path."""
    written: int
    """When this was written, in seconds of the system's monotonic clock."""
    local: LocalView = local_view.NOTHING
    """The local view that the zone was made from."""

    def age(self) -> float:
        """Return how long ago it was written, in seconds in which the machine was not suspended."""
        return time.monotonic() - self.written

    def is_outdated(self) -> bool:
        """Tell whether a file has changed since it was read, as far as this user may know."""
        now = {path: files.version(Path(path)) for path in self.inputs}
        return any(now[path] not in (read, _DENIED) for path, read in self.inputs.items())

    def has_other_addresses(self) -> bool:
        """Tell whether the machine's addresses have changed, as far as this user may know."""
        if self.local.addresses is None:
            return False
        try:
            return netlink.addresses() != self.local.addresses
        except OSError:
            return False

    def has_writer(self) -> bool:
        """Tell whether the process that wrote the state still exists."""
        try:
            os.kill(self.pid, 0)  # kill(2): sends nothing, and fails if there is no such process
        except (ProcessLookupError, OverflowError):
            return False
        except PermissionError:
            pass  # there is one, and another user runs this
        return True

    def write(self, path: Path) -> None:
        """Write the state atomically.

        Raises:
            OSError: it cannot be written.

        """
        served = self.served and {**self.served._asdict(), "since": self.since}
        values = {
            "domain": self.domain,
            "pid": self.pid,
            "written": self.written,
            "served": served,
            "problems": self.problems,
            "inputs": self.inputs,
            "local": {
                **self.local._asdict(),
                "networks": [presence._asdict() for presence in self.local.networks],
            },
        }
        files.write(path, json.dumps(values, indent=2).encode() + b"\n")


def read(path: Path) -> State:
    """Read the state in the file at ``path``.

    Raises:
        OSError: the file cannot be read.
        Error: it is not a valid state.

    """
    fields = JsonFields(str(path), files.read_json(path, limits.MAX_SETTINGS))
    served, since = None, None
    if fields.has("served"):
        found = fields.object("served")
        since = found.integer("since")
        served = Served(
            serial=found.integer("serial"),
            names=found.integer("names"),
            records=found.integer("records"),
            source=found.text("source"),
            sha256=found.text("sha256"),
            status=found.text("status"),
            deployed=found.integer("deployed") if found.has("deployed") else None,
        )
    return State(
        domain=fields.text("domain"),
        pid=fields.integer("pid"),
        served=served,
        since=since,
        problems=fields.texts("problems"),
        inputs=fields.object("inputs").members(_version),
        written=fields.integer("written"),
        local=_local(fields.object("local")) if fields.has("local") else local_view.NOTHING,
    )


def _local(fields: JsonFields) -> LocalView:
    return LocalView(
        addresses=tuple(fields.texts("addresses")) if fields.has("addresses") else None,
        problem=fields.text("problem") if fields.has("problem") else None,
        networks=tuple(
            map(_presence, fields.objects("networks") if fields.has("networks") else ())
        ),
        deprecated=tuple(fields.texts("deprecated")) if fields.has("deprecated") else (),
    )


def _presence(fields: JsonFields) -> Presence:
    return Presence(
        name=fields.text("name"),
        link=fields.text("link") if fields.has("link") else None,
        reason=fields.text("reason"),
        silent=tuple(fields.texts("silent")),
        remedy=fields.text("remedy") if fields.has("remedy") else "",
    )


def _version(inputs: JsonFields, path: str) -> Version:
    if "\0" in path:
        raise inputs.error(path, "a path")
    return tuple(inputs.integers(path))
