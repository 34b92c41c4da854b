"""Others have names of the clan's domain as well: theirs resolve as without dm-dns.

The others have a DNS server that is reached through a link of its own, with a signed zone. It has
names that the clan has as well, names above and below these, and the domain itself.
"""

import base64
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from checks.scenarios import lookups, surroundings, zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_ZONE: Final = Path(__file__).with_name("public.zone")
_COPY: Final = "/run/scenario-public.zone"
_ANCHOR: Final = "/run/dnssec-trust-anchors.d/scenario.positive"
_WITHOUT_HOOKS: Final = "/run/systemd/system/systemd-resolved.service.d/scenario.conf"
_STUB: Final = "127.0.0.53"
_SECONDS: Final = 2
"""Within which a lookup must end that nothing has to wait for."""

_THEIRS: Final = {
    "": ("A", "AAAA", "MX", "NS", "SOA", "TXT"),
    "www": ("A", "AAAA", "MX"),
    "blog": ("A", "AAAA", "CNAME"),
    "mail": ("A",),
    "x.shop": ("A", "TXT"),
    "_acme-challenge.chat": ("TXT", "SOA"),
    "x.chat": ("A",),
    # It exists for the clan too, but only because of a name below it.
    "app": ("A", "AAAA", "MX"),
    # Nobody has these.
    "nothing": ("A", "MX"),
    "nothing.chat": ("A", "TXT"),
    "nothing.app": ("A",),
}
"""Names below the domain, with the types of records to ask for."""
_WAYS: Final = ("", "+dnssec", "+dnssec +cdflag")
"""How to ask with dig: the last one has resolved hand the query to the server as it is."""
_UNANSWERED: Final = {("blog", "+dnssec"), ("x.shop", "+dnssec")}
"""Aliases and wildcards of theirs, to which resolved 262 answers nothing with +dnssec."""
_OF_QUERY: Final = re.compile("^(;; (Query time|WHEN|MSG SIZE|SERVER)|; <<>>|$)")
"""What dig prints of a query, and not of its answer."""
_ID: Final = re.compile(", id: [0-9]+")
_OURS: Final = ("MX", "TXT", "SOA")
"""Types that the clan has of no name of a service, and the others of one of them."""
_AS_NSS: Final = """\
import socket, sys
for name in sys.argv[1:]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        print(name, *sorted({address[4][0] for address in found}))
    except socket.gaierror as error:
        print(name, "EAI_AGAIN" if error.errno == socket.EAI_AGAIN else error.strerror)
"""

DNSSEC: Final = ("no", "allow-downgrade", "yes")
"""Settings of resolved.conf(5)."""


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario, on one machine with names of its own.

    Args:
        machines: all of the clan of checks/vm/public.nix, by name; they are booting or up.
        spec: the zone spec that they serve.
        push: how to send another zone.

    """
    machine = next(machine for name, machine in machines.items() if name != push.machine)
    domain = spec["domain"]
    serial = zones.wait_for(machine, domain, "serial=")
    machine.succeed(*_trust(domain))
    with surroundings.other_link(machine, domain):
        machine.succeed(_write(_ZONE.read_bytes(), _COPY))
        surroundings.answer_zone(machine, domain, _COPY)
        for dnssec in DNSSEC:
            with surroundings.resolved(machine, f"DNSSEC={dnssec}"):
                _compare(machine, spec, f"with DNSSEC={dnssec}")
        _doctor(machine, spec)
        _gained_and_lost(machines, spec, serial, push)
        _without_unbound(machine, spec)
    # As without dm-dns as well: nobody knows them.
    machine.fail(f"getent ahosts www.{domain}")
    zones.check(machine, spec)
    machine.succeed(f"rm -r {_ANCHOR} {_COPY}", surroundings.RESTART_RESOLVED)


def _trust(domain: str) -> list[str]:
    """Return the commands that have resolved trust the others' key."""
    key = next(
        line.removeprefix("; ")
        for line in _ZONE.read_text().splitlines()
        if line.startswith(f"; {domain}. DS ")
    )
    anchor = key.replace(" DS ", " IN DS ")
    return [f"mkdir -p {_ANCHOR.rpartition('/')[0]}; echo {shlex.quote(anchor)} > {_ANCHOR}"]


def _write(content: bytes, path: str) -> str:
    return f"echo {base64.b64encode(content).decode()} | base64 --decode > {path}"


def _compare(machine: Machine, spec: Spec, when: str) -> None:
    """Check that the others' names are as without dm-dns, and the clan's not."""
    domain = spec["domain"]
    with _without_hooks(machine):
        before = _asked(machine, domain)
        # Otherwise the others' server is not asked at all, and all is the same.
        taken = _getaddrinfo(machine, f"chat.{domain}", f"www.{domain}")
    for address in ("203.0.113.66", "203.0.113.80"):
        if address not in taken:
            raise AssertionError(f"{machine.name}: {when}, without dm-dns: {taken}")
    after = _asked(machine, domain)
    for question, answer in before.items():
        if (found := after.get(question)) != answer:
            raise AssertionError(f"{machine.name}: {question} {when}: {found}, not {answer}")
    zones.check_names(machine, spec, zones.STUB, own_is_local=True)
    for way in _WAYS:
        for kind in _OURS:
            printed = machine.succeed(
                f"{zones.STUB} {way} +noall +comments +answer chat.{domain} {kind}"
            )
            if "status: NOERROR" not in printed or "ANSWER: 0" not in printed:
                raise AssertionError(f"{machine.name}: chat.{domain} {kind} {when}: {printed}")


@contextmanager
def _without_hooks(machine: Machine) -> Iterator[None]:
    """Have resolved ask no hook, as without dm-dns."""
    folder = _WITHOUT_HOOKS.rpartition("/")[0]
    machine.succeed(
        f"mkdir -p {folder}; printf '[Service]\\nEnvironment=SYSTEMD_RESOLVED_HOOK=0\\n'"
        f" > {_WITHOUT_HOOKS}; systemctl daemon-reload",
        surroundings.RESTART_RESOLVED,
    )
    yield
    machine.succeed(
        f"rm -r {folder}; systemctl daemon-reload",
        surroundings.RESTART_RESOLVED,
    )


def _asked(machine: Machine, domain: str) -> dict[str, list[str]]:
    """Return what is answered to each question about the others' names."""
    machine.succeed("resolvectl flush-caches")
    found = {}
    for way in _WAYS:
        questions = " ".join(
            f"{label}{'.' if label else ''}{domain} {kind}"
            for label, kinds in _THEIRS.items()
            for kind in kinds
            if (label, way) not in _UNANSWERED
        )
        dig = f"dig @{_STUB} +tries=1 +time={_SECONDS} +nottlid {way}"
        printed = machine.succeed(f"{dig} {questions}")
        for answer in printed.split(";; Got answer:\n")[1:]:
            lines = [line for line in answer.splitlines() if not _OF_QUERY.match(line)]
            question = next(line for line in lines if re.match(";[^; ]", line))
            # The order of records is another one each time.
            found[f"dig {way} {question}"] = sorted(_ID.sub("", line) for line in lines)
    names = [f"{label}{'.' if label else ''}{domain}" for label in _THEIRS]
    for line in _getaddrinfo(machine, *names).splitlines():
        name, _, answer = line.partition(" ")
        found[f"getaddrinfo {name}"] = [answer]
    return found


def _getaddrinfo(machine: Machine, *names: str) -> str:
    """Return a line for each name: what the C library finds."""
    return machine.succeed(f"python3 -c {shlex.quote(_AS_NSS)} {' '.join(names)}")


def _doctor(machine: Machine, spec: Spec) -> None:
    """Check that doctor tells the others' names from the clan's, and finds no fault in either."""
    others = "it resolves as without dm-dns"
    for name, expected in (("www", True), (spec["domain"], True), ("chat", False)):
        printed = machine.succeed(f"dm-dns doctor {name}")
        if (others in printed) != expected or ("the hook passes it on" in printed) != expected:
            raise AssertionError(f"{machine.name}: doctor says of {name}: {printed}")


def _gained_and_lost(machines: Machines, spec: Spec, serial: int, push: Push) -> None:
    """Check that a name is the clan's as soon as the mesh brings it, and only as long."""
    machine = next(machine for name, machine in machines.items() if name != push.machine)
    domain = spec["domain"]
    www = f"www.{domain}"
    theirs = _getaddrinfo(machine, www)
    more = zones.with_name(spec, "www")
    ours = f"{www} {' '.join(sorted(zones.expected(more)[www]))}\n"
    for number, (sent, expected) in enumerate(((more, ours), (spec, theirs)), serial + 1):
        zones.send(machines, sent, number, push)
        zones.wait_for(machine, domain, f"serial={number}")
        # In resolved's cache it is the others'.
        if (found := _getaddrinfo(machine, www)) != expected:
            raise AssertionError(f"{machine.name}: after serial {number}: {found}, not {expected}")
    zones.withdraw(machines, spec, push)


def _without_unbound(machine: Machine, spec: Spec) -> None:
    """Check that no name of the clan is looked up elsewhere, because nobody knows whose it is."""
    domain = spec["domain"]
    machine.succeed("systemctl stop unbound.socket unbound.service", "resolvectl flush-caches")
    before = surroundings.asked(machine)
    program, _ = lookups.during(machine, f"chat.{domain}", "true", 1)
    if program.ends != {"EAI_AGAIN": 100}:
        raise AssertionError(f"{machine.name}: chat.{domain} without unbound: {program}")
    if (found := _getaddrinfo(machine, f"www.{domain}")) != f"www.{domain} EAI_AGAIN\n":
        raise AssertionError(f"{machine.name}: without unbound: {found}")
    asked = surroundings.asked(machine)[len(before) :]
    if f"chat.{domain}" in asked:
        raise AssertionError(
            f"{machine.name}: without unbound the others' server was asked: {asked}"
        )
    # It is nobody's of the clan.
    machine.succeed(f"{zones.STUB} +short A {domain} | grep -Fx 203.0.113.1")
    machine.succeed("systemctl start unbound.socket unbound.service")
    zones.wait_for(machine, domain, "serial=")
    zones.check_names(machine, spec, zones.STUB, own_is_local=True)
