"""What is fuzzed: each target takes any bytes, and raises only if something is wrong."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from unittest import mock

import dns.name
import dns.rdatatype
import dns.zone
from dm_dns import files, output
from dm_dns.errors import Error
from dm_dns.node import hosts
from dm_dns.node.config import Config
from dm_dns.push import keys
from dm_dns.zone import conf, conf_lines, limits, names, reverse, spec, zonefile

from checks.fuzz import corpus

_HOSTS: Final = "127.0.0.2 kfbox.pin kfbox\nfd00::9 kfbox.pin\n"


def zone(content: bytes) -> None:
    """Parse a zone.conf as a machine does, and load what is accepted into another parser."""
    for domain in (corpus.DOMAIN, None):
        for text in (content, corpus.with_header(content)):
            read = _parse(text, domain)
            with mock.patch.object(conf_lines.Records, "_are_valid", _no):
                line_by_line = _parse(text, domain)
            _hold(read == line_by_line)
            if isinstance(read, conf.Zone):
                _check_zone(read)


def _no(*_arguments: object) -> bool:
    return False


def _parse(text: bytes, domain: str | None) -> conf.Zone | str:
    """Return the zone, or the message of its refusal."""
    try:
        return conf.parse(text, domain, "zone.conf")
    except Error as error:
        _check_message(error)
        return str(error)


def _check_zone(read: conf.Zone) -> None:
    rendered = conf.render(read).encode()
    _hold(conf.parse(rendered, read.domain, "f")._replace(sha256="") == read._replace(sha256=""))
    _hold(read.records <= limits.MAX_RECORDS)
    _hold(all(len(known) <= limits.MAX_ADDRESSES for known in read.addresses.values()))
    view = hosts.parse(_HOSTS, read.domain)
    made = zonefile.compile_zone(read, view.addresses, view.names, source="mesh", inputs="f")
    _load(made, read.domain)
    # Where all of its local networks are, and who has an address there does not answer.
    on = {
        name: [address for known in read.local.addresses.values() for _at, address in known]
        for name in read.local.networks
    }
    for where in (on, dict.fromkeys(on, ())):
        _load(zonefile.compile_zone(read, {}, on=where, source="mesh", inputs="f"), read.domain)
    for name in [*read.addresses][:_VIEWS]:
        _check_view(read, zonefile.OwnMachine(name, ("127.0.0.1",)))


_VIEWS: Final = 3
"""Machines of a zone whose local views are tried."""


def _check_view(read: conf.Zone, machine: zonefile.OwnMachine) -> None:
    """Check that no name of others is taken for a machine's own, whoever has its addresses."""
    made, elsewhere = (
        zonefile.compile_zone(read, {}, machine=one, source="mesh", inputs="f")
        for one in (machine, None)
    )
    _load(made, read.domain)
    for name, known in read.addresses.items():
        _hold(name in read.shared or made.addresses[name] == elsewhere.addresses[name] == known)
    _hold(reverse.owners(read, made.addresses) == reverse.owners(read, elsewhere.addresses))


def _load(made: zonefile.ZoneFile, domain: str) -> None:
    """Load a zone file into another parser."""
    parsed = dns.zone.from_text(
        made.text, origin=dns.name.from_text(domain), relativize=False, allow_include=False
    )
    origin = dns.name.from_text(domain)
    for owner, _ttl, rdata in parsed.iterate_rdatas():
        _hold(owner.is_subdomain(origin))
        _hold(rdata.rdtype in _AT_APEX if owner == origin else rdata.rdtype in _BELOW)


_BELOW: Final = {
    dns.rdatatype.A,
    dns.rdatatype.AAAA,
    dns.rdatatype.CNAME,
    dns.rdatatype.TXT,
}
_AT_APEX: Final = {dns.rdatatype.SOA, dns.rdatatype.NS}


def zone_spec(content: bytes) -> None:
    """Make a zone of a zone spec; machines must accept each zone that is made."""
    try:
        read = spec.from_json(files.parse_json(content, "spec.json"))
        made, _warnings = spec.to_zone(read, 7)
    except Error as error:
        _check_message(error)
        return
    _check_zone(conf.parse(conf.render(made).encode(), made.domain, "zone.conf"))


def config(content: bytes) -> None:
    """Read a machine's configuration, and find the files that it names."""
    try:
        read = Config.parse(content, "apply.json")
    except Error as error:
        _check_message(error)
        return
    for path in (*read.inputs, read.zonefile, read.kept, read.unbound.control):
        _hold(path.is_absolute())
        files.version(path)


def hosts_file(content: bytes) -> None:
    """Read /etc/hosts: every text is accepted."""
    found = hosts.parse(content.decode("utf-8", "replace"), corpus.DOMAIN)
    for name in found.names:
        names.check(name)
        _hold(names.is_below(name, corpus.DOMAIN))
    for known in found.addresses.values():
        _hold(known == conf.in_order(known))
        _hold(all(conf.canonical_address(address) == address for address in known))


def key(content: bytes) -> None:
    """Read each of the two files of a key pair."""
    with suppress(Error):
        _hold(len(keys.parse_public(content, "key")) == keys.KEY_SIZE)
    with suppress(Error):
        _hold(len(keys.parse_private(content, "key", "remedy")) == keys.KEY_SIZE)


def first_line(content: bytes) -> None:
    """Read the first line of a zone file."""
    with suppress(ValueError):
        zonefile.FirstLine.parse(content.decode("ascii")).field("source")


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "zone": zone,
    "spec": zone_spec,
    "config": config,
    "hosts": hosts_file,
    "key": key,
    "first-line": first_line,
}


def _hold(condition: bool) -> None:  # noqa: FBT001 - as assert takes it
    if not condition:
        raise AssertionError


def _check_message(error: Error) -> None:
    """Check what a user would be told: something, and nothing that a terminal obeys."""
    told = output.printable(str(error))
    _hold(told != "")
    _hold(all(line.isprintable() for line in told.split("\n")))


def seeds(target: str) -> list[bytes]:
    """Return what a fuzzer of this target begins with."""
    good_hosts = [_HOSTS.encode()]
    known = {
        "zone": [
            corpus.GOOD_ZONE,
            *(corpus.body(*map(corpus.data, records)) for records in _GOOD_RECORDS),
            *_LOCAL_ZONES,
            *(_without_header(content) for _name, content in corpus.zones()),
        ],
        "spec": [
            json.dumps(corpus.GOOD_SPEC).encode(),
            json.dumps(corpus.GOOD_LOCAL_SPEC).encode(),
            *(content for _name, content in corpus.specs()),
            *_naming_cases(),
        ],
        "config": [
            json.dumps(corpus.GOOD_CONFIG).encode(),
            json.dumps({**corpus.GOOD_CONFIG, "allow": ["192.168.1.0/24", "fd00::1"]}).encode(),
            *(content for _name, content in corpus.configs()),
        ],
        "hosts": good_hosts,
        "key": [keys.private_pem(bytes(32)).encode(), keys.public_pem(bytes(32)).encode()],
        "first-line": [b"; inputs=a names=1 records=1 serial=7 sha256=b source=mesh file=c"],
    }
    return [content for content in known[target] if len(content) < _LONGEST_SEED]


# Several times: what is made of a hostile zone is seldom valid.
_GOOD_RECORDS: Final = 50 * [
    corpus.RECORDS,
    ["*.a.pin. CNAME b.pin.", "a.pin. CNAME b.pin.", "b.pin. CNAME c-d.pin.", "c.pin. A 1.2.3.4"],
    ["a.pin. A 1.2.3.4", "b.pin. A 1.2.3.4", "c.b.pin. CNAME b.pin."],
    ["_x.pin. AAAA ::1", "a.b.c.pin. A 10.0.0.1", "a.b.c.pin. A 10.0.0.2", "b.pin. CNAME _x.pin."],
    [],
]

_LOCAL_ZONES: Final = 10 * [
    corpus.body(*corpus.LOCAL, *map(corpus.data, corpus.RECORDS)),
    corpus.body(
        "# local-address: a kfbox.pin. fd00:1::2",
        "# local-network: a fd00:1::/64 fd00:1::1 52:54:00:12:34:56 only",
        "# machine-without-address: kfbox.pin.",
        "# shared-name: *.a.b.pin. kfbox.pin.",
    ),
]

_LONGEST_SEED: Final = 10_000


def _without_header(content: bytes) -> bytes:
    """Return what `zone` puts a header above that fits: no changed file would fit its own."""
    lines = content.split(b"\n", 4)
    return lines[4] if len(lines) > 4 and content.startswith(b"#") else content  # noqa: PLR2004


def _naming_cases() -> list[bytes]:
    table = Path(__file__).parents[2] / "python/tests/zone/naming-cases.json"
    return [json.dumps(case["spec"]).encode() for case in json.loads(table.read_bytes())]
