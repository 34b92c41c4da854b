"""Who answers lookups: unbound, the hook, systemd-resolved, and the C library for programs."""

import os
import re
import shlex
import socket
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, NamedTuple, TypeVar

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.inspect.doctor import units
from dm_dns.inspect.doctor.check import Found, fault, not_asked, well
from dm_dns.inspect.doctor.files import Written
from dm_dns.inspect.doctor.units import Systemd
from dm_dns.node import dns_message, hook_calls, resolved, varlink
from dm_dns.node.config import Config
from dm_dns.node.dns_message import MessageError
from dm_dns.node.unbound import Unbound, datagrams
from dm_dns.node.varlink import VarlinkError
from dm_dns.zone import conf, zonefile

_T = TypeVar("_T")

SECONDS: Final = 0.8
"""How long each has to answer."""

RESOLV_CONF: Final = Path("/etc/resolv.conf")
NSSWITCH: Final = Path("/etc/nsswitch.conf")

_STUB: Final = {"127.0.0.53", "127.0.0.54"}
_STUB_RESOLV_CONF: Final = Path("/run/systemd/resolve/stub-resolv.conf")
_NO_STUB: Final = (
    "systemd-resolved does not answer at 127.0.0.53, perhaps because of DNSStubListener=: programs"
    " that read /etc/resolv.conf, such as dig and those in Go, do not find the clan's names"
)
_SHOW_STUB: Final = (
    "grep -rn DNSStubListener /etc/systemd/resolved.conf* /run/systemd/resolved.conf.d"
    "  # remove that, and restart systemd-resolved"
)
_DNS_PORT: Final = 53
_HOOK_SECONDS: Final = 0.3
_WORDS: Final = re.compile(r"\[[^\]]*\]|[^\s\[]+")
_RETURNS: Final = re.compile(r"(NOTFOUND|!SUCCESS|!UNAVAIL|!TRYAGAIN)=return", re.IGNORECASE)
_HOOKS_SINCE: Final = 259
_SWITCH: Final = "SYSTEMD_RESOLVED_HOOK"
_MAX_CONFIG: Final = 2**16  # bytes
_MAX_SOCKETS: Final = 2**22  # bytes of a table in /proc/net
_FAMILIES: Final = {dns_message.A: socket.AF_INET, dns_message.AAAA: socket.AF_INET6}


class Answer(NamedTuple):
    """The addresses of a name, as somebody answers."""

    addresses: frozenset[str]
    problem: str | None = None
    """Why there are none."""
    is_unknown: bool = False
    """Whether that is because nobody has the name."""

    def __str__(self) -> str:
        """Return the answer for people."""
        return " ".join(conf.in_order(self.addresses)) or self.problem or "no address"


def loopback(config: Config) -> Found:
    """Return whether what is sent to the address at which unbound answers arrives there."""
    address = config.unbound.address
    try:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        ):
            receiver.bind((address, 0))
            receiver.settimeout(SECONDS)
            sender.connect(receiver.getsockname())
            sender.send(b"dm-dns")
            receiver.recv(16)
    except OSError as error:
        return fault(
            f"what is sent to {address} does not arrive there ({error.strerror or error}): the"
            " interface lo is down, or a rule for routes or of a firewall stops it",
            "sudo ip link set lo up; ip route get 127.0.0.1; sudo nft list ruleset",
        )
    return well(f"what is sent to {address} arrives there")


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


def unbound_units(config: Config, systemd: Systemd) -> Found:
    """Return whether unbound runs, or systemd starts it for a query."""
    used = units.unbound(systemd)
    if len(used) == 1:
        return systemd.look(used)
    name = zonefile.status_name(config.domain)
    wake = partial(_ask_unbound, config.unbound, name, dns_message.TXT)
    return _look_at_held(systemd, units.UNBOUND, wake)


def _look_at_held(systemd: Systemd, names: tuple[str, str], wake: Callable[[], object]) -> Found:
    """Return whether a service runs, or does so when it is asked.

    Args:
        systemd: what it said of these units.
        names: the socket that systemd holds, and the service that it starts.
        wake: asks there.

    """
    service = names[1]
    if systemd.waits(*names) or not systemd.unit(service).is_calm:
        is_silent = False
        try:
            wake()
        except PermissionError:
            pass
        except (OSError, Error, MessageError):
            is_silent = True
        systemd = units.ask(names, systemd)
        if is_silent and systemd.unit(service).starts:
            return units.ends(service)
    return systemd.look_at_held(*names)


def unbound_answers(config: Config) -> Found:
    """Return whether unbound answers queries."""
    where = "{} port {}".format(*config.unbound.endpoint)
    try:
        _ask_unbound(config.unbound, zonefile.status_name(config.domain), dns_message.TXT)
    except (OSError, MessageError) as error:
        text = f"unbound does not answer on {where}: {error}"
        if isinstance(error, TimeoutError):
            text += ", so it hangs, or a firewall stops what is sent to that port"
        return fault(text, "sudo systemctl restart unbound; sudo nft list ruleset")
    return well(f"unbound answers on {where}")


def _ask_unbound(
    unbound: Unbound, name: str, kind: int, *, is_recursive: bool = False
) -> dns_message.Response:
    """Return what unbound answers, or another server in its place.

    Raises:
        OSError: nothing, in time.
        MessageError: what is not a DNS message.

    """
    query_id = os.urandom(2)
    number = int.from_bytes(query_id, "big")
    query = dns_message.query(number, name, kind, is_recursive=is_recursive)
    with datagrams(*unbound.endpoint) as server:
        server.settimeout(SECONDS)
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
    if config.hook is None:
        return systemd.look_at_held(*units.HOOK)
    name = zonefile.status_name(config.domain)
    wake = partial(hook_calls.txt, config.hook, name, seconds=SECONDS)
    found = _look_at_held(systemd, units.HOOK, wake)
    if found.verdict != "ok":
        # systemd removes the socket when it gives up: no lookup waits any more.
        return found if config.hook.exists() else _without_hook(config, found)
    remedy = units.restart(*units.HOOK)
    try:
        mode = config.hook.stat().st_mode
    except OSError:
        return fault(f"{config.hook} does not exist, so systemd-resolved asks nobody", remedy)
    if not mode & stat.S_IWUSR:
        text = f"{config.hook} has the mode {stat.filemode(mode)}: systemd-resolved may not ask"
        return fault(text, remedy)
    return found


def _without_hook(config: Config, found: Found) -> Found:
    finds = (
        "finds no name of the clan"
        if config.whole_domain
        else "asks its other DNS servers for the clan's names"
    )
    return found._replace(text=f"{found.text}: systemd-resolved does without the hook, and {finds}")


def short_names(path: Path, systemd: Systemd) -> Found:
    """Return whether the hook answers resolved on its socket for short names, at ``path``."""
    # systemd starts the socket with the service, and not while that is running.
    remedy = f"sudo systemctl restart {units.HOOK[1]}"
    unit = systemd.look([units.SEARCH])
    if unit.verdict == "fault":
        return fault(unit.text, remedy)
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
    remedy = units.restart(*units.HOOK)
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
    answers, reason = [], None
    if config.resolved is None:
        return not_asked("this machine's configuration does not name its socket")
    try:
        answers = resolved.texts(config.resolved, name, seconds=SECONDS)
    except VarlinkError as error:
        reason = error.name.rpartition(".")[2]
    except Error as error:
        return _silent_hook(config) or fault(str(error), "sudo systemctl restart systemd-resolved")
    if _expected(written) in answers:
        return well("systemd-resolved asks the hook, and answers as unbound does")
    said = reason or " ".join(map(ascii, answers)) or "no record"
    if config.hook and not os.access(config.hook, os.W_OK):
        return fault(
            f"systemd-resolved does not ask the hook, or the hook does not answer it: {said}",
            "sudo dm-dns doctor  # root may ask the hook",
        )
    return _no_hooks(systemd, f"systemd-resolved does not ask the hook: it answers {said}")


def _silent_hook(config: Config) -> Found | None:
    """Return the hook of another program for which systemd-resolved waits, if there is one."""
    folder = config.hook.parent if config.hook else None
    if folder is None or not folder.is_dir():
        return None
    for path in sorted(folder.iterdir()):
        if path != config.hook:
            try:
                varlink.call(path, "io.systemd.Resolve.Hook.QueryFilter", {}, seconds=_HOOK_SECONDS)
            except TimeoutError:
                return fault(
                    f"systemd-resolved waits for the hook {path}, which is not of dm-dns and does"
                    " not answer",
                    f"sudo ss --listening --unix --processes src {shlex.quote(str(path))}"
                    "  # and stop that program",
                )
            except (OSError, ValueError, VarlinkError):
                pass  # it answers something, or nobody is there
    return None


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


def resolv_conf() -> Found:
    """Return whether programs that read /etc/resolv.conf themselves ask systemd-resolved."""
    remedy = f"sudo ln -sfn /run/systemd/resolve/stub-resolv.conf {RESOLV_CONF}"
    try:
        text = files.read(RESOLV_CONF, _MAX_CONFIG).decode("utf-8", "replace")
    except OSError as error:
        return fault(f"{RESOLV_CONF}: {error.strerror}", remedy)
    lines = [line.split() for line in text.splitlines()]
    servers = [words[1] for words in lines if words[:1] == ["nameserver"] and words[1:]]
    others = [server for server in servers if server not in _STUB]
    if others or not servers:
        if RESOLV_CONF.resolve() == _STUB_RESOLV_CONF.resolve():
            # systemd-resolved itself names others there while it does not listen.
            return fault(_NO_STUB, _SHOW_STUB)
        ones = "" if len(others) == len(servers) else " beside systemd-resolved"
        return fault(
            f"{RESOLV_CONF} names {', '.join(others) or 'no server'}{ones}: programs that read it,"
            " such as dig and those in Go, do not find the clan's names, or not always",
            remedy,
        )
    return well(f"{RESOLV_CONF} names systemd-resolved")


def stub(config: Config, written: Written) -> Found:
    """Return whether systemd-resolved answers programs that read /etc/resolv.conf."""
    server = Unbound(config.unbound.control, "127.0.0.53", _DNS_PORT)
    try:
        name = zonefile.status_name(config.domain)
        response = _ask_unbound(server, name, dns_message.TXT, is_recursive=True)
    except (OSError, MessageError) as error:
        return fault(f"{_NO_STUB} ({error})", _SHOW_STUB)
    answer = dns_message.first_txt(response.answer)
    if answer != _expected(written):
        return fault(
            f"systemd-resolved answers {answer!a} at 127.0.0.53, and programs another",
            "sudo systemctl restart systemd-resolved",
        )
    return well("systemd-resolved answers at 127.0.0.53 too")


def nsswitch() -> Found:
    """Return whether the C library asks systemd-resolved."""
    try:
        text = files.read(NSSWITCH, _MAX_CONFIG).decode("utf-8", "replace")
    except OSError as error:
        return fault(f"{NSSWITCH}: {error.strerror}", units.DEPLOY)
    for line in text.splitlines():
        key, _, services = line.partition("#")[0].partition(":")
        if key.strip() == "hosts":
            words = _WORDS.findall(services)
            if ends := _ends_before_resolve(words):
                return fault(
                    f"{NSSWITCH} has `{line.strip()}`: with {ends} programs do not get as far as"
                    " the service resolve",
                    units.DEPLOY,
                )
            if "resolve" in words:
                return well(f"{NSSWITCH} has the service resolve for hosts")
            return fault(
                f"{NSSWITCH} has `{line.strip()}`, without the service resolve: programs do not"
                " ask systemd-resolved",
                units.DEPLOY,
            )
    return fault(f"{NSSWITCH} has no line for hosts", units.DEPLOY)


def _ends_before_resolve(words: Sequence[str]) -> str | None:
    """Return what ends a search for names before the service resolve (nsswitch.conf(5))."""
    service = ""
    for word in words:
        if word == "resolve":
            return None
        if not word.startswith("["):
            service = word
        # mDNS's own finds that a name is not there only where it is one of its domain.
        elif not service.startswith("mdns") and _RETURNS.search(word):
            return f"{service} {word}"
    return None


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
    if path is None:
        return Answer(frozenset(), "its socket is not known")
    try:
        return Answer(resolved.addresses(path, name, seconds=SECONDS))
    except VarlinkError as error:
        return Answer(frozenset(), error.name.rpartition(".")[2])
    except Error as error:
        return Answer(frozenset(), str(error))


def of_programs(name: str) -> Answer:
    """Return the addresses of a name as programs get them: from getaddrinfo(3)."""
    late = Answer(frozenset(), f"no answer within {SECONDS:g} s")
    return _in_time(lambda: _getaddrinfo(name), late)


def _getaddrinfo(name: str) -> Answer:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        is_unknown = isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME
        reason = getattr(error, "strerror", None) or str(error)
        return Answer(frozenset(), reason, is_unknown=is_unknown)
    return Answer(frozenset(str(each[4][0]).partition("%")[0] for each in found))


def name_of(address: str) -> str | None:
    """Return the name of an address as programs get it: from getnameinfo(3); None: it has none."""
    return _in_time(lambda: _getnameinfo(address), None)


def _getnameinfo(address: str) -> str | None:
    try:
        return socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0]
    except OSError:
        return None


def _in_time(work: Callable[[], _T], late: _T) -> _T:
    """Return what the C library finds; `late` if it takes too long."""
    answers: SimpleQueue[_T] = SimpleQueue()
    # It cannot be stopped, and Python waits for the end of a thread that is not a daemon.
    Thread(target=lambda: answers.put(work()), daemon=True).start()
    try:
        return answers.get(timeout=SECONDS)
    except Empty:
        return late


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
