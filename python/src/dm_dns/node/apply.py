"""Serving a zone: from the copies of zone.conf on this machine to unbound's answers.

`apply` may be killed at any point and run at any time: it compares what there is with what unbound
serves, and does what is missing.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.errors import DOCTOR, Error
from dm_dns.files import Version
from dm_dns.node import history, hosts, local_view, reverse_names
from dm_dns.node.config import Config
from dm_dns.node.copies import Choice, Inputs, choose, keep
from dm_dns.node.hosts import Hosts
from dm_dns.node.local_view import LocalView
from dm_dns.node.presence import Presences, Watched
from dm_dns.node.trust import update as update_trust
from dm_dns.zone import conf, nearby, zonefile
from dm_dns.zone.nearby import On
from dm_dns.zone.zonefile import FirstLine, OwnMachine

_BUSY_SECONDS: Final = 1.0
"""How long every change is followed immediately."""
_PAUSE: Final = 0.5  # seconds from then on
_RESTLESS_SECONDS: Final = 10.0
"""How long a file may keep changing before that is a problem."""
_SEE_WRITER: Final = "it is served as it was found meanwhile; `lsof` shows what writes to it"

_LOADED_TRIES: Final = 30
"""How often to ask, 1 s each, an unbound that has loaded the zone file: it answers in less."""
_NO_HOSTS: Final = Hosts({}, {}, [])


class Served(NamedTuple):
    """What a machine serves."""

    serial: int
    names: int
    records: int
    source: str
    """``mesh``, ``deployed`` or ``kept``."""
    sha256: str
    """Of the lines of zone.conf below its header, in hexadecimal."""
    status: str
    """What unbound answers if it serves this: the TXT record at `zonefile.status_name`."""
    deployed: int | None = None
    """The serial of the zone that the machine was deployed with; None: there is no valid one."""

    def __str__(self) -> str:
        """Return one line for people."""
        line = f"serial {self.serial}, {self.records} records, source {self.source}"
        if self.deployed is None or self.deployed >= self.serial:
            return line
        return f"{line}, newer than serial {self.deployed}, with which this machine was deployed"


class Outcome(NamedTuple):
    """What `apply` found and did."""

    served: Served
    problems: list[str]
    """What is wrong with the other copies of zone.conf."""
    inputs: dict[str, Version]
    """The files that the zone was made from."""
    is_new: bool
    """Whether it was not served before."""
    local: LocalView = local_view.NOTHING
    """The local view that the zone was made from."""
    watched: tuple[Watched, ...] | None = None
    """The local networks of the zone; None: those of the run before."""


def apply(
    config: Config, *, write_only: bool = False, presences: Presences | None = None
) -> Outcome:
    """Serve the best zone that this machine has.

    Args:
        config: the machine's.
        write_only: write the zone file and stop there, because unbound is not running.
        presences: what earlier runs have found of the zone's local networks; None: nothing. The
            networks of the zone are looked for from now on.

    Raises:
        Error: no copy of zone.conf can be served, or unbound does not serve the chosen one.
        OSError: a file in the state directory cannot be written; what was served still is.

    """
    presences = presences or Presences(config.allow)
    with _lock(config.state):
        start = time.monotonic()
        while True:
            inputs = Inputs.read(config, presences)
            failure = None
            try:
                outcome = _serve(config, inputs, presences, write_only=write_only)
            except Error as error:
                failure = error
            # A file may have been half written when it was read.
            outdated = inputs.outdated()
            passed = time.monotonic() - start
            problems = [f"{path} keeps changing: {_SEE_WRITER}" for path in outdated]
            if not outdated or passed > _RESTLESS_SECONDS:
                if failure:
                    raise Error("\n".join([str(failure), *problems]))
                return outcome._replace(problems=[*outcome.problems, *problems])
            if passed > _BUSY_SECONDS:
                time.sleep(_PAUSE)


@contextmanager
def _lock(state: Path) -> Iterator[None]:
    """Let one run at a time into the state directory: one by hand, or one whose parent was killed.

    No other user can open the file, and so hold the lock.
    """
    state.mkdir(mode=0o755, exist_ok=True)
    path = state / "lock"
    with files.named(path):
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = os.open(path, flags, 0o600)
        try:
            os.fchmod(lock, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _serve(config: Config, inputs: Inputs, presences: Presences, *, write_only: bool) -> Outcome:
    trust = update_trust(config, inputs.mesh, inputs.deployed)
    fingerprint = inputs.fingerprint(trust)
    if not config.reverse:
        files.remove(config.reverse_names)
    # Which networks to look for is in the zone, which is read the first time.
    is_whole = presences.watched is not None or not inputs.may_have_networks()
    served = _already_served(config, inputs, fingerprint, write_only=write_only)
    if served and is_whole:
        problems = reverse_names.problems(config)
        return Outcome(served, problems, inputs.versions(), is_new=False, local=inputs.local)
    now = time.time()
    choice = choose(config, inputs, trust, now)
    watched = _networks(choice)
    if watched != (presences.watched or ()):
        presences.watched = watched
        inputs = inputs._replace(local=LocalView.read(config, presences))
        fingerprint = inputs.fingerprint(trust)
    presences.watched = watched
    known, hosts_problems = _known_hosts(config, inputs, choice)
    machine, on, view_problems = _view(config, inputs, choice, known)
    # The kept copy first: it is then never older than the zone file. The zone file last: it says
    # that nothing is left to be done.
    keep(config, choice, now)
    history_problems = _remember(config, choice)
    problems = [*choice.problems, *hosts_problems, *view_problems, *history_problems]
    # A zone file that was made despite a problem has no fingerprint, so that the next run finds
    # the problem again.
    compiled = zonefile.compile_zone(
        choice.zone,
        known.addresses,
        known.names,
        machine,
        on,
        source=choice.source,
        inputs="unknown" if problems else fingerprint,
    )
    if config.reverse:
        content = reverse_names.content(choice.zone, compiled.addresses)
        files.replace(config.reverse_names, content)
        problems += reverse_names.problems(config)
    is_new = _write_zonefile(config, compiled.text.encode("ascii"))
    if not write_only:
        is_new = _load(config, compiled.status) or is_new
    zone = choice.zone
    served = Served(
        serial=zone.serial,
        names=zone.names,
        records=zone.records,
        source=choice.source,
        sha256=zone.sha256,
        status=compiled.status,
        deployed=choice.deployed,
    )
    return Outcome(served, problems, inputs.versions(), is_new, inputs.local, watched)


def _remember(config: Config, choice: Choice) -> list[str]:
    """Add the zone that the mesh has brought to the history; return what is wrong with that."""
    try:
        if choice.source == "mesh":
            history.add(config.history, choice.zone.serial, config.kept, choice.content)
    except OSError as error:
        return [f"{error.filename or config.history}: {error.strerror}; the history lacks a zone"]
    return []


def _known_hosts(config: Config, inputs: Inputs, choice: Choice) -> tuple[Hosts, list[str]]:
    """Return what /etc/hosts says, and what is wrong with it; it can only add to a zone."""
    file = inputs.hosts
    if file.problem:
        return _NO_HOSTS, [file.problem]
    known = hosts.parse((file.content or b"").decode("utf-8", "replace"), config.domain)
    if problem := zonefile.excess(choice.zone, known.addresses, known.names):
        return _NO_HOSTS, [f"{file.path} is not used: {problem}"]
    return known, [f"{file.path}: {problem}; the name is left out" for problem in known.problems]


def _networks(choice: Choice) -> tuple[Watched, ...]:
    """Return the local networks of the zone, with the addresses that machines have there."""
    local = choice.zone.local
    addresses: dict[str, list[str]] = {name: [] for name in local.networks}
    for known in local.addresses.values():
        for name, address in known:
            addresses[name].append(address)
    return tuple(
        Watched(name, network, conf.in_order(addresses[name]))
        for name, network in sorted(local.networks.items())
    )


def _view(
    config: Config, inputs: Inputs, choice: Choice, known: Hosts
) -> tuple[OwnMachine | None, On, list[str]]:
    """Return what of the local view a zone file is made from, and what is wrong with it.

    That is this machine, whose services get the addresses that it has, and the networks it is on.
    """
    local = inputs.local
    machine, on = None, local.on
    if config.machine is not None and local.addresses is not None:
        machine = OwnMachine(
            config.machine, frozenset(local.addresses), frozenset(local.deprecated)
        )
    if machine is None and not on:
        return None, nearby.NOWHERE, []
    if problem := zonefile.excess(choice.zone, known.addresses, known.names, machine, on):
        return None, nearby.NOWHERE, [f"the local view of this machine is not used: {problem}"]
    return machine, on, []


def _already_served(
    config: Config, inputs: Inputs, fingerprint: str, *, write_only: bool
) -> Served | None:
    """Return what is served, if it was made from inputs with this fingerprint."""
    try:
        first = FirstLine.parse(files.first_line(config.zonefile).decode("ascii"))
    except (OSError, ValueError):
        return None
    if first.inputs != fingerprint or not all(path.exists() for path in config.written):
        return None
    if not write_only and not _serves(config, first.status):
        return None
    return Served(
        serial=int(first.field("serial")),
        names=first.names,
        records=first.records,
        source=first.field("source"),
        sha256=first.field("sha256"),
        status=first.status,
        deployed=_deployed_serial(inputs),
    )


def _deployed_serial(inputs: Inputs) -> int | None:
    """Return the serial of the deployed copy, which was valid when it was served or compared."""
    if inputs.deployed is None or inputs.deployed.content is None:
        return None
    return conf.read_serial(inputs.deployed.content, str(inputs.deployed.path))


def _serves(config: Config, status: str) -> bool:
    """Tell whether unbound serves the zone file with that ``status``."""
    try:
        is_served = config.unbound.txt(zonefile.status_name(config.domain)) == status
    except Error:
        return False
    if is_served:
        files.remove(config.previous)
    return is_served


def _write_zonefile(config: Config, content: bytes) -> bool:
    """Replace the zone file, and keep the last one that unbound served until it serves this one.

    Return whether it was another one.
    """
    path = config.zonefile
    if files.has_content(path, content):
        return False
    if path.exists() and not config.previous.exists():
        config.previous.hardlink_to(path)
    files.write(path, content)
    return True


def _load(config: Config, status: str) -> bool:
    """Have unbound serve the zone file with that ``status``, or go back to the previous one.

    Return whether it had to load it.
    """
    if _serves(config, status):  # unbound started with this zone file
        return False
    answer = config.unbound.load(config.domain)
    name = zonefile.status_name(config.domain)
    try:
        # It may have no time for an answer, and serve the zone. If it has ended, it cannot.
        found = config.unbound.txt(name, tries=_LOADED_TRIES)
        reason = f"the TXT record {name} is {found!a}, not {status!a}"
        see = f". See `journalctl -u unbound`, and check its auth-zone for {config.domain}."
    except Error as error:
        found, reason, see = None, str(error).removesuffix(DOCTOR), DOCTOR
    if found == status:
        files.remove(config.previous)
        return True
    outcome = "there is no previous zone to go back to"
    if config.previous.exists():
        config.previous.replace(config.zonefile)
        config.unbound.load(config.domain)
        outcome = "the previous zone is back"
    raise Error(
        f"unbound does not serve {config.zonefile} after loading it (it answered {answer!a}):"
        f" {reason}; {outcome}{see}"
    )
