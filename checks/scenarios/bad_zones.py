"""An invalid zone changes no answer, is reported with its line, and the next valid one heals."""

import base64
import shlex
from typing import Final, NamedTuple

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_FILE: Final = f"{zones.MESH}/cnames"
_ZONE: Final = 'local-zone: "{domain}." transparent\n'
_HEADER: Final = "# dm-dns zone 1\n# serial: {serial}\n# records: {records}\n# sha256: {hash}\n"
_WRONG_HASH: Final = "0" * 64


class Bad(NamedTuple):
    """A file that is not a valid zone. `{domain}` is replaced."""

    text: str
    line: int
    """Where the problem is."""
    rule: str
    """What the message must say about it."""


def _record(text: str, rule: str) -> Bad:
    return Bad(f'{_ZONE}local-data: "{text}"\n', 2, rule)


def _directive(text: str) -> Bad:
    return Bad(f"{_ZONE}{text}\n", 2, "neither a local-zone nor a local-data line")


BAD: Final = (
    Bad("", 1, "the file is empty"),
    Bad("\N{LATIN SMALL LETTER Y WITH DIAERESIS}\x02garbage", 1, "is not ASCII"),
    Bad(f"{_ZONE}{_ZONE}", 2, "a second local-zone line"),
    Bad('local-zone: "{domain}." redirect\n', 1, "expected"),
    Bad('local-zone: "example.com." transparent\n', 1, "expected"),
    Bad(f'{_ZONE}local-zone: "example.com." static\n', 2, "a second local-zone line"),
    Bad(f"{_ZONE}# nothing\n", 2, "a comment"),
    Bad(f'{_ZONE}local-data: "a.{{domain}}. A 192.0.2.1"', 2, "no newline"),
    Bad(
        _HEADER.format(serial=2**32, records=0, hash=_WRONG_HASH) + _ZONE,
        2,
        "serial",
    ),
    Bad(_HEADER.format(serial=2**32 - 1, records=0, hash="none") + _ZONE, 4, "expected"),
    _directive("include: /etc/passwd"),
    _directive("$INCLUDE /etc/passwd"),
    _directive("forward-zone:"),
    _directive("remote-control: control-interface: 0.0.0.0"),
    _directive('logfile: "/tmp/unbound.log"'),
    Bad(f'{_ZONE}local-zone: "google.com." redirect\n', 2, "a second local-zone line"),
    _directive("server:"),
    _directive('  local-data: "a.{domain}. A 192.0.2.1"'),
    _directive("\0\0"),
    _directive('local-data: "a.{domain}. A 192.0.2.1" "b"'),
    Bad(_ZONE.replace("\n", "\r\n"), 1, "expected"),
    _directive(""),
    _record("a.{domain}. A 192.0.2", "is not an address"),
    _record("a.{domain}. AAAA fe80::1%eth0", "expected one address"),
    _record("a.{domain}. A 192.0.2.1 192.0.2.2", "expected one address"),
    _record("a b.{domain}. A 192.0.2.1", "not below the domain"),
    _record("-a.{domain}. A 192.0.2.1", "starts or ends with '-'"),
    _record("..{domain}. A 192.0.2.1", "empty label"),
    _record(f"{'a.' * 126}{{domain}}. A 192.0.2.1", "at most 253"),
    _record("a.{domain}. AAAA 192.0.2.1", "is not an address"),
    _record(f"{'a' * 64}.{{domain}}. A 192.0.2.1", "at most 63"),
    _record("a.{domain}. 60 A 192.0.2.1", "expected CNAME, A or AAAA"),
    _record("a.{domain}. IN A 192.0.2.1", "expected CNAME, A or AAAA"),
    _record("a.{domain}. MX 10 b.{domain}.", "expected CNAME, A or AAAA"),
    _record("a.{domain}. CNAME a.{domain}.", "points to itself"),
    _record("a.{domain}. CNAME www.example.org.", "is not a name below the domain"),
    _record("www.example.org. A 192.0.2.1", "not below the domain"),
    _record("{domain}. A 192.0.2.1", "not below the domain"),
    _record("_dm-dns.{domain}. A 192.0.2.1", "reserved"),
    Bad(
        f'{_ZONE}local-data: "a.{{domain}}. A 192.0.2.1"\n'
        'local-data: "a.{domain}. CNAME b.{domain}."\n',
        3,
        "a CNAME and an address for one name",
    ),
    Bad(
        f'{_ZONE}local-data: "a.{{domain}}. CNAME b.{{domain}}."\n'
        'local-data: "a.{domain}. CNAME c.{domain}."\n',
        3,
        "a second CNAME",
    ),
)


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they were deployed with.
        push: how to send another zone.

    """
    domain = spec["domain"]
    machine = next(machine for name, machine in machines.items() if name != push.machine)
    serial = zones.wait_for(machine, domain, "source=deployed") + 1
    zones.send(machines, spec, serial, push)
    zones.wait_for(machine, domain, f"serial={serial} ")
    machine.succeed("systemctl stop data-mesher.service")
    zones.put(machine, spec, serial)

    for bad in BAD:
        text = bad.text.replace("{domain}", domain).encode("latin-1")
        encoded = base64.b64encode(text).decode()
        _check(
            machine, spec, f"printf %s {encoded} | base64 -d > /tmp/bad", f":{bad.line}: ", bad.rule
        )
        serial = _heal(machine, domain, serial)
    # A good zone, but for what happened to it on its way.
    for damage, rule in (
        ("head -c -40 /tmp/zone.conf > /tmp/bad", "cut short"),
        (r"sed '$s/A 192\./A 193./' /tmp/zone.conf > /tmp/bad", "cut short or changed"),
        ("sed '$d' /tmp/zone.conf > /tmp/bad", "cut short"),
    ):
        _check(machine, spec, damage, ":", rule)
        serial = _heal(machine, domain, serial)

    # What dm-dns cannot read.
    for make, rule in (
        ("cp /tmp/zone.conf /tmp/bad && chmod 000 /tmp/bad", "Permission denied"),
        ("rm -f /tmp/bad && mkdir /tmp/bad", "Is a directory"),
        ("ln -s cnames /tmp/bad", "symbolic links"),
    ):
        _check(machine, spec, make, ": cannot be read", rule)
        machine.succeed(f"rm -rf {_FILE} /tmp/bad")
        serial = _heal(machine, domain, serial)

    serial = _missed_by_the_path_unit(machine, spec, serial)
    machine.succeed("systemctl start data-mesher.service")
    zones.withdraw(machines, spec, push)


def _check(machine: Machine, spec: Spec, make: str, place: str, rule: str) -> None:
    """Bring a bad zone, made as /tmp/bad; check that it is reported and that old names stay."""
    cursor = machine.succeed(
        "journalctl --lines=0 --show-cursor | sed -n 's/^-- cursor: //p'",
        f"{make}; chown -h data-mesher:data-mesher /tmp/bad; mv /tmp/bad {_FILE}.new"
        f" && rm -f {_FILE} && mv -T {_FILE}.new {_FILE}",
    )
    journal = (
        f"journalctl --unit=dm-dns-health.service --after-cursor={shlex.quote(cursor.strip())}"
    )
    machine.wait_until_succeeds(
        f"{journal} | grep -F {shlex.quote(_FILE + place)} | grep -F {shlex.quote(rule)}"
    )
    machine.wait_until_succeeds("systemctl is-failed dm-dns-health.service")
    zones.check_at_unbound(machine, spec)


def _missed_by_the_path_unit(machine: Machine, spec: Spec, serial: int) -> int:
    """Bring zones while dm-dns-health ends, of which its path unit sees nothing."""
    ending = "systemctl show --property=SubState --value dm-dns-health.service | grep stop-post"
    wait_for_end = f"until {ending}; do sleep 0.01; done"
    good = f"cp /tmp/zone.conf {_FILE}.new; chown data-mesher: {_FILE}.new; mv {_FILE}.new {_FILE}"
    bad = f"echo bad > {_FILE}.new; chown data-mesher: {_FILE}.new; mv {_FILE}.new {_FILE}"
    with zones.slow_health(machine, 1):
        for first, second, state in ((bad, good, "inactive"), (good, bad, "failed")):
            serial += 1
            machine.succeed(
                f"sed -i 's/^# serial: .*/# serial: {serial}/' /tmp/zone.conf; {first}",
                f"{wait_for_end}; {second}",
            )
            zones.wait_for(machine, spec["domain"], f"serial={serial} ")
            machine.wait_until_succeeds(
                f"test $(systemctl is-active dm-dns-health.service) = {state}"
                " && ! systemctl list-jobs --no-legend 'dm-dns*' | grep ."
            )
            machine.succeed("sleep 2.5")
            # It may be running again, as it does every minute: its verdict counts.
            machine.succeed(
                "until verdict=$(systemctl is-active dm-dns-health.service || true);"
                " [ $verdict = inactive ] || [ $verdict = failed ]; do sleep 0.1; done;"
                f" test $verdict = {state}"
            )
    return _heal(machine, spec["domain"], serial)


def _heal(machine: Machine, domain: str, serial: int) -> int:
    """Bring the good zone again with the next serial; check that nothing is left of the bad one."""
    serial += 1
    machine.succeed(
        f"sed -i 's/^# serial: .*/# serial: {serial}/' /tmp/zone.conf",
        f"install -o data-mesher -m 640 -g data-mesher /tmp/zone.conf {_FILE}.new",
        f"mv {_FILE}.new {_FILE}",
    )
    zones.wait_for(machine, domain, f"serial={serial} ")
    machine.wait_until_fails("systemctl is-failed 'dm-dns*'")
    return serial
