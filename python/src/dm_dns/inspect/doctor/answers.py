"""Who answers lookups: unbound, the hook, systemd-resolved, and the C library for programs."""

import json
import os
import re
import shlex
import socket
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from dm_dns import files
from dm_dns.access import ssh
from dm_dns.errors import Error
from dm_dns.inspect.doctor import units
from dm_dns.inspect.doctor.check import Found, fault, not_asked, well
from dm_dns.inspect.doctor.files import Written
from dm_dns.inspect.doctor.units import Systemd
from dm_dns.node import dns_message, hook_calls, varlink
from dm_dns.node.config import Config
from dm_dns.node.dns_message import MessageError
from dm_dns.node.unbound import Unbound
from dm_dns.node.varlink import VarlinkError
from dm_dns.zone import conf, zonefile

SECONDS: Final = 0.8
"""How long each has to answer."""

RESOLV_CONF: Final = Path("/etc/resolv.conf")
NSSWITCH: Final = Path("/etc/nsswitch.conf")

_INTERFACE: Final = "io.systemd.Resolve"
_STUB: Final = {"127.0.0.53", "127.0.0.54"}
_HOOKS_SINCE: Final = 259
_SWITCH: Final = "SYSTEMD_RESOLVED_HOOK"
_MAX_CONFIG: Final = 2**16  # bytes
_MAX_SOCKETS: Final = 2**22  # bytes of a table in /proc/net
_FAMILIES: Final = {dns_message.A: socket.AF_INET, dns_message.AAAA: socket.AF_INET6}

# getaddrinfo(3) cannot be stopped, so a process of its own asks.
_GETADDRINFO: Final = """\
import json, socket, sys
try:
    found = socket.getaddrinfo(sys.argv[1], None, type=socket.SOCK_STREAM)
    print(json.dumps([address[4][0] for address in found]))
except socket.gaierror as error:
    print(json.dumps(error.strerror))
"""


class Answer(NamedTuple):
    """The addresses of a name, as somebody answers."""

    addresses: frozenset[str]
    problem: str | None = None
    """Why there are none."""

    def __str__(self) -> str:
        """Return the answer for people."""
        return " ".join(conf.in_order(self.addresses)) or self.problem or "no address"


def port(config: Config, systemd: Systemd) -> Found:
    """Return whether another program has the port of unbound."""
    address, number = config.unbound.address, config.unbound.port
    used = units.unbound(systemd)
    holder = systemd.unit(used[0])
    sockets = _bound(address, number)
    if holder.is_active or not sockets:
        return well(f"no other program has {address} port {number}")
    processes = _processes(sockets)
    again = units.restart(*used) if len(used) > 1 else f"sudo systemctl restart {used[0]}"
    if processes and units.unit_of(processes[0]) == units.UNBOUND[1]:
        return well(f"unbound itself has {address} port {number}, and not systemd")
    if not processes:
        return fault(
            f"another program has {address} port {number}; root would see which",
            f"sudo ss --listening --udp --tcp --numeric --processes 'sport = :{number}'",
        )
    process = processes[0]
    with suppress(OSError):
        name = Path(f"/proc/{process}/comm").read_text().strip()
        unit = units.unit_of(process)
        stop = f"sudo systemctl stop {shlex.quote(unit)}" if unit else f"sudo kill {process}"
        what = f"{name} (process {process}{f', {unit}' if unit else ''})"
        return fault(f"{what} has {address} port {number}", f"{stop} && {again}")
    return fault(f"process {process} has {address} port {number}", f"sudo kill {process}; {again}")


def _bound(address: str, number: int) -> set[str]:
    """Return the inodes of the sockets that are bound to an address (proc_net(5))."""
    local = f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}:{number:04X}"
    found = set()
    for table, states in (("udp", {"07"}), ("tcp", {"0A"})):  # of no peer; listening
        with suppress(OSError):
            text = files.read(Path(f"/proc/net/{table}"), _MAX_SOCKETS).decode("ascii", "replace")
            for line in text.splitlines()[1:]:
                fields = line.split()
                if fields[1] == local and fields[3] in states:
                    found.add(fields[9])
    return found


def _processes(inodes: set[str]) -> list[int]:
    """Return the processes that have one of these sockets, as far as this user may see."""
    links = {f"socket:[{inode}]" for inode in inodes}
    found = set()
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with suppress(OSError):
                if any(str(each.readlink()) in links for each in (process / "fd").iterdir()):
                    found.add(int(process.name))
    return sorted(found - {1})


def unbound_units(systemd: Systemd) -> Found:
    """Return whether unbound runs, or systemd starts it for the next query."""
    used = units.unbound(systemd)
    return systemd.look(used) if len(used) == 1 else systemd.look_at_held(*units.UNBOUND)


def unbound_answers(config: Config) -> Found:
    """Return whether unbound answers queries."""
    where = f"{config.unbound.address} port {config.unbound.port}"
    try:
        _ask_unbound(config.unbound, zonefile.status_name(config.domain), dns_message.TXT)
    except (OSError, MessageError) as error:
        return fault(
            f"unbound does not answer on {where}: {error}", "sudo systemctl restart unbound"
        )
    return well(f"unbound answers on {where}")


def _ask_unbound(unbound: Unbound, name: str, kind: int) -> dns_message.Response:
    """Return what unbound answers.

    Raises:
        OSError: nothing, in time.
        MessageError: what is not a DNS message.

    """
    query_id = os.urandom(2)
    query = dns_message.query(int.from_bytes(query_id, "big"), name, kind)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.settimeout(SECONDS)
        server.connect((unbound.address, unbound.port))
        server.send(query)
        while (answer := server.recv(65535))[:2] != query_id:
            pass
    return dns_message.parse(answer)


def unbound_serves(config: Config, written: Written) -> Found:
    """Return whether unbound serves the zone file."""
    name, expected = zonefile.status_name(config.domain), _expected(written)
    response = _ask_unbound(config.unbound, name, dns_message.TXT)
    answer = dns_message.first_txt(response.answer)
    if answer == expected:
        return well(f"unbound serves {answer}")
    has = f"has no zone for {config.domain} (RCODE {response.rcode})"
    return fault(
        f"unbound serves {answer!a}, and not {expected!a}" if answer else f"unbound {has}",
        "sudo systemctl restart dm-dns unbound",
    )


def _expected(written: Written) -> str | None:
    return written.state.served.status if written.state and written.state.served else None


def hook_units(config: Config, systemd: Systemd) -> Found:
    """Return whether the hook runs, and its socket is where resolved looks for it."""
    found = systemd.look_at_held(*units.HOOK)
    if found.verdict == "ok" and config.hook and not config.hook.exists():
        remedy = f"sudo systemctl restart {' '.join(units.HOOK)}"
        return fault(f"{config.hook} does not exist, so systemd-resolved asks nobody", remedy)
    return found


def short_names(path: Path, systemd: Systemd) -> Found:
    """Return whether the hook answers resolved on its socket for short names, at ``path``."""
    # systemd starts the socket with the service, and not while that is running.
    remedy = f"sudo systemctl restart {units.HOOK[1]}"
    unit = systemd.look([units.SEARCH])
    if unit.verdict == "fault":
        return unit._replace(remedy=remedy)
    try:
        hook_calls.check_short_names(path, seconds=SECONDS)
    except PermissionError:
        return not_asked("only root and systemd-resolved may: run this with sudo")
    except (Error, MessageError) as error:
        return fault(str(error), f"sudo systemctl stop {units.SEARCH}; {remedy}")
    return well(f"the hook answers at {path}, too")


def hook_answers(config: Config, written: Written) -> Found:
    """Return whether the hook answers as unbound does."""
    if config.hook is None:
        return not_asked("this machine has none")
    remedy = f"sudo systemctl restart {' '.join(units.HOOK)}"
    try:
        answer = hook_calls.txt(config.hook, zonefile.status_name(config.domain), seconds=SECONDS)
    except PermissionError:
        return not_asked("only root and systemd-resolved may: run this with sudo")
    except (Error, MessageError) as error:
        return fault(str(error), remedy)
    if answer != _expected(written):
        return fault(f"the hook answers {answer!a}, and unbound another", remedy)
    return well("the hook answers as unbound does")


def resolved_answers(config: Config, systemd: Systemd, written: Written) -> Found:
    """Return whether systemd-resolved asks the hook."""
    name = zonefile.status_name(config.domain)
    reason = None
    try:
        reply = _call_resolved(config.resolved, "ResolveRecord", name=name, type=dns_message.TXT)
        answers = [" ".join(each["rr"].get("items") or []) for each in reply.get("rrs") or []]
    except VarlinkError as error:
        answers, reason = [], error.name.rpartition(".")[2]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        answers, reason = [], f"what is not an answer: {error}"
    except OSError as error:
        return fault(
            f"systemd-resolved does not answer at {config.resolved}: {error}",
            "sudo systemctl restart systemd-resolved",
        )
    if _expected(written) in answers:
        return well("systemd-resolved asks the hook, and answers as unbound does")
    said = reason or " ".join(map(ascii, answers)) or "no record"
    if config.hook and not os.access(config.hook, os.W_OK):
        return fault(
            f"systemd-resolved does not ask the hook, or the hook does not answer it: {said}",
            "sudo dm-dns doctor  # root may ask the hook",
        )
    return _no_hooks(systemd, f"systemd-resolved does not ask the hook: it answers {said}")


def _no_hooks(systemd: Systemd, text: str) -> Found:
    unit = systemd.unit(units.RESOLVED)
    restart = "sudo systemctl restart systemd-resolved"
    if unit.environment(_SWITCH) == "0":
        places = [place for place in unit.properties.get("DropInPaths", "").split() if _has(place)]
        remedy = f"sudo rm {shlex.join(places)} && sudo systemctl daemon-reload && {restart}"
        if not places or any(place.startswith(("/etc", "/nix")) for place in places):
            remedy = f"grep -rn {_SWITCH} .  # in the checkout: remove the setting, and deploy"
        return fault(f"{text}, because {units.RESOLVED} has {_SWITCH}=0", remedy)
    major = re.match("[0-9]+", systemd.version or "")
    if major and int(major[0]) < _HOOKS_SINCE:
        return fault(
            f"{text}, because it has hooks since systemd {_HOOKS_SINCE}, and this is"
            f" {systemd.version}",
            "nix flake update nixpkgs && clan machines update  # in the checkout",
        )
    return fault(text, restart)


def _has(place: str) -> bool:
    with suppress(OSError):
        return _SWITCH.encode() in files.read(Path(place), _MAX_CONFIG)
    return False


def _call_resolved(path: Path | None, method: str, **parameters: object) -> dict[str, Any]:
    if path is None:
        raise FileNotFoundError("the configuration does not name its socket")
    return varlink.call(path, f"{_INTERFACE}.{method}", parameters, seconds=SECONDS)


def resolv_conf() -> Found:
    """Return whether programs that read /etc/resolv.conf themselves ask systemd-resolved."""
    remedy = f"sudo ln -sfn /run/systemd/resolve/stub-resolv.conf {RESOLV_CONF}"
    try:
        text = files.read(RESOLV_CONF, _MAX_CONFIG).decode("utf-8", "replace")
    except OSError as error:
        return fault(f"{RESOLV_CONF}: {error.strerror}", remedy)
    lines = [line.split() for line in text.splitlines()]
    servers = [words[1] for words in lines if words[:1] == ["nameserver"] and words[1:]]
    if not servers or not set(servers) <= _STUB:
        named = ", ".join(servers) or "no server"
        return fault(
            f"{RESOLV_CONF} names {named}, and not systemd-resolved (127.0.0.53): programs that"
            " read it, such as dig and those in Go, do not find the clan's names",
            remedy,
        )
    return well(f"{RESOLV_CONF} names systemd-resolved")


def nsswitch() -> Found:
    """Return whether the C library asks systemd-resolved."""
    try:
        text = files.read(NSSWITCH, _MAX_CONFIG).decode("utf-8", "replace")
    except OSError as error:
        return fault(f"{NSSWITCH}: {error.strerror}", units.DEPLOY)
    for line in text.splitlines():
        key, _, services = line.partition("#")[0].partition(":")
        if key.strip() == "hosts":
            if "resolve" in services.split():
                return well(f"{NSSWITCH} has the service resolve for hosts")
            return fault(
                f"{NSSWITCH} has `{line.strip()}`, without the service resolve: programs do not"
                " ask systemd-resolved",
                units.DEPLOY,
            )
    return fault(f"{NSSWITCH} has no line for hosts", units.DEPLOY)


def of_unbound(unbound: Unbound, name: str) -> Answer:
    """Return the addresses of a name as unbound answers."""
    try:
        responses = [(kind, _ask_unbound(unbound, name, kind)) for kind in _FAMILIES]
    except (OSError, MessageError) as error:
        return Answer(frozenset(), str(error))
    rcodes = {response.rcode for _kind, response in responses}
    if dns_message.NXDOMAIN in rcodes:
        return Answer(frozenset(), "NXDOMAIN")
    found = [(kind, record) for kind, each in responses for record in each.answer]
    return Answer(_addresses((record.kind, record.data) for kind, record in found))


def of_hook(path: Path, name: str) -> Answer | None:
    """Return the addresses of a name as the hook answers; None: this user may not ask."""
    try:
        found = [
            record
            for kind in _FAMILIES
            for record in hook_calls.records(path, name, kind, seconds=SECONDS)
        ]
    except PermissionError:
        return None
    except (Error, MessageError) as error:
        return Answer(frozenset(), str(error))
    return Answer(_addresses((record.kind, record.data) for record in found))


def _addresses(records: Iterable[tuple[int, bytes]]) -> frozenset[str]:
    found = set()
    for kind, data in records:
        with suppress(ValueError, OSError):
            if kind in _FAMILIES:
                found.add(socket.inet_ntop(_FAMILIES[kind], data))
    return frozenset(found)


def of_resolved(path: Path | None, name: str) -> Answer:
    """Return the addresses of a name as systemd-resolved answers."""
    try:
        reply = _call_resolved(path, "ResolveHostname", name=name)
        found = {
            socket.inet_ntop(each["family"], bytes(each["address"]))
            for each in reply.get("addresses") or []
        }
    except VarlinkError as error:
        return Answer(frozenset(), error.name.rpartition(".")[2])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Answer(frozenset(), str(error))
    return Answer(frozenset(found))


def of_programs(name: str) -> Answer:
    """Return the addresses of a name as programs get them: from getaddrinfo(3)."""
    command = [sys.executable, "-I", "-S", "-c", _GETADDRINFO, name]
    try:
        status, printed = ssh.output(command, limit=2**20, seconds=SECONDS)
        found = json.loads(printed) if status == 0 else f"no answer within {SECONDS:g} s"
    except (OSError, ValueError) as error:
        found = str(error)
    if isinstance(found, str):
        return Answer(frozenset(), found)
    return Answer(frozenset(address.partition("%")[0] for address in found))


def programs(path: Path | None, names: Sequence[str]) -> Found:
    """Return whether programs get what systemd-resolved answers, by the first of these names."""
    if not names:
        return not_asked("the zone has no name of another machine to try")
    name = names[0]
    theirs, answer = of_programs(name), of_resolved(path, name)
    if theirs.addresses and theirs.addresses == answer.addresses:
        return well(f"getaddrinfo({name}) is {theirs}")
    return fault(
        f"programs get {theirs} for {name}, and systemd-resolved answers {answer}",
        f"getent ahosts {name}; resolvectl query {name}",
    )
