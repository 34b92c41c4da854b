"""Asking one machine what it serves: its unbound, or ``dm-dns status`` there through ssh."""

import re
import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.access import ssh
from dm_dns.errors import Error
from dm_dns.inspect.status import Status
from dm_dns.json_fields import JsonFields
from dm_dns.node.unbound import Unbound, stream_to
from dm_dns.output import one_line
from dm_dns.zone import conf, zonefile

SECONDS: Final = 4.0
"""How long a machine has to answer."""

_DNS_PORT: Final = 53
_SSH_SECONDS: Final = 3.0
_CONNECT_SECONDS: Final = 2.0
_STATUS: Final = re.compile(
    r"serial=(0|[1-9][0-9]{0,9}) sha256=([0-9a-f]{64}) source=(mesh|deployed|kept)\b"
)
_MOST: Final = 10  # problems of a machine that are taken from its answer,
_LONGEST: Final = 500  # and characters of each
_COMMAND: Final = "exec dm-dns status --json"


class Machine(NamedTuple):
    """A machine that should serve the zone."""

    name: str
    host: str
    """Its full name, which ssh is given."""
    addresses: tuple[str, ...] = ()
    listen: tuple[str, ...] = ()
    """Addresses at which its unbound answers other devices."""


class Answer(NamedTuple):
    """What a machine serves."""

    via: str
    """Who told: ``here``, ``dns`` or ``ssh``."""
    serial: int | None
    """None: it serves nothing."""
    source: str | None
    """``mesh``, ``deployed`` or ``kept``."""
    sha256: str | None
    problems: list[str]


class Query(NamedTuple):
    """What all machines are asked about."""

    domain: str
    here: Status | None = None
    """What this machine serves, if it is one of them."""
    wanted: conf.Zone | None = None
    """The zone in the checkout, if there is one."""
    user: str | None = None
    """Whom ssh logs in as; None: whom its configuration says."""

    @property
    def known(self) -> int | None:
        """The serial that is taken to be the newest; None: not known."""
        if self.wanted:
            return self.wanted.serial
        return self.here.served.serial if self.here and self.here.served else None


def ask(machine: Machine, query: Query) -> Answer | Error:
    """Return what a machine serves, or why it was not reached."""
    if query.here and machine.name.lower() == query.here.machine.lower():
        return _answer_of(query.here)
    deadline = time.monotonic() + SECONDS
    answer = _ask_unbound(machine, query.domain, deadline)
    if answer and answer.serial == query.known:
        return answer
    try:
        return _ask_ssh(machine, query, deadline)
    except Error as error:
        return answer or error


def _answer_of(here: Status) -> Answer:
    served = here.served
    return Answer(
        via="here",
        serial=served.serial if served else None,
        source=served.source if served else None,
        sha256=served.sha256 if served else None,
        problems=here.problems,
    )


def _ask_unbound(machine: Machine, domain: str, deadline: float) -> Answer | None:
    """Return what the unbound of a machine answers other devices; None if it does not."""
    for address in machine.listen:
        if time.monotonic() > deadline - _SSH_SECONDS:
            break
        unbound = Unbound(Path(), address, _DNS_PORT)
        with suppress(Error):
            answer = unbound.txt(zonefile.status_name(domain), tries=1)
            if match := _STATUS.match(answer or ""):
                return Answer("dns", int(match[1]), match[3], match[2], [])
    return None


def _ask_ssh(machine: Machine, query: Query, deadline: float) -> Answer:
    """Return what ``dm-dns status`` says on a machine.

    Raises:
        Error: the machine cannot be reached, or has no such dm-dns.

    """
    host = f"{query.user}@{machine.host}" if query.user else machine.host
    settings = ssh.settings(host)
    address = None
    # A HostName in ssh's configuration is somebody's decision. Without one, ssh would look up the
    # name, which may be what does not work.
    if settings.is_direct and settings.host_name == machine.host and machine.addresses:
        address = _first_reached(machine.addresses, settings.port, deadline)
    seconds = max(0.1, deadline - time.monotonic())
    output = ssh.run(host, _COMMAND, address=address, alias=machine.host, seconds=seconds)
    return _parse(output, f"`dm-dns status --json` on {machine.host}", query.domain)


def _parse(output: bytes, where: str, domain: str) -> Answer:
    """Return what ``dm-dns status --json`` printed on a machine.

    Raises:
        Error: that is not what it prints, or is of another clan.

    """
    if not output.strip():
        raise Error(
            f"{where} prints nothing: dm-dns is not deployed there, or in another version, or its"
            " configuration cannot be read"
        )
    fields = JsonFields(where, files.parse_json(output, where))
    if (theirs := fields.text("domain")) != domain:
        raise Error(f"{where} is about another clan: its domain is {one_line(theirs)}")
    is_served = fields.has("serial")
    return Answer(
        via="ssh",
        serial=fields.integer("serial") if is_served else None,
        source=fields.text("source") if is_served else None,
        sha256=fields.text("sha256") if is_served else None,
        problems=[problem[:_LONGEST] for problem in fields.texts("problems")[:_MOST]],
    )


def _first_reached(addresses: Sequence[str], port: int, deadline: float) -> str:
    """Return the first of these addresses that accepts a connection.

    Raises:
        Error: none does.

    """
    end = min(deadline, time.monotonic() + _CONNECT_SECONDS)
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        for address in addresses:
            with suppress(OSError):  # no IPv6, or no route
                connection = stack.enter_context(stream_to(address))
                connection.settimeout(0)
                with suppress(BlockingIOError):
                    connection.connect((address, port))
                selector.register(connection, selectors.EVENT_WRITE, (address, connection))
        while selector.get_map() and (left := end - time.monotonic()) > 0:
            for key, _events in selector.select(left):
                address, connection = key.data
                if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    return str(address)
                selector.unregister(connection)
    raise Error(f"nothing answers on port {port} of {', '.join(addresses)}")
