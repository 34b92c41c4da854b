"""Hostile zones, zone specs and configurations, each of which must be refused.

The zones are what somebody who has the signing key could send: their headers fit. They are made by
rules, so that no kind of place is left out.
"""

import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final

DOMAIN: Final = "pin"
ZONE_LINE: Final = 'local-zone: "pin." transparent'
RECORDS: Final = ("irc.pin. CNAME kfbox.pin.", "kfbox.pin. A 192.0.2.2", "kfbox.pin. AAAA fd00::2")
LABEL: Final = "a" * 63

CONTROL: Final = [chr(code) for code in (*range(0x20), 0x7F)]

# What unbound.conf(5) and master files have, and a zone.conf has not.
LINES: Final = (
    'include: "/etc/shadow"',
    'include-toplevel: "/etc/shadow"',
    "server:",
    "  interface: 0.0.0.0",
    "  access-control: 0.0.0.0/0 allow",
    '  logfile: "/etc/cron.d/x"',
    '  chroot: ""',
    '  username: "root"',
    "  do-not-query-localhost: no",
    "remote-control:",
    "  control-interface: 0.0.0.0",
    "forward-zone:",
    '  name: "."',
    "  forward-addr: 203.0.113.1",
    "stub-zone:",
    "auth-zone:",
    '  zonefile: "/etc/shadow"',
    "rpz:",
    "view:",
    "python:",
    '  python-script: "/tmp/x.py"',
    "dynlib:",
    '  dynlib-file: "/tmp/x.so"',
    "dnscrypt:",
    "cachedb:",
    'local-zone: "google.com." redirect',
    'local-zone: "." static',
    'local-zone: "pin." static',
    'local-zone: "pin." nodefault',
    'local-zone-tag: "pin." "a"',
    'local-zone-override: "pin." 10.0.0.0/8 static',
    'local-data-ptr: "192.0.2.1 irc.pin"',
    "local-data: 'irc.pin. A 192.0.2.1'",
    "local-data: irc.pin.",
    "local-data:",
    'local-data: ""',
    'local-data: "irc.pin. A 192.0.2.1" # comment',
    'local-data: "irc.pin. A 192.0.2.1"" x"',
    'local-data: "irc.pin. A 192.0.2.1',
    ' local-data: "irc.pin. A 192.0.2.1"',
    'local-data:  "irc.pin. A 192.0.2.1"',
    'LOCAL-DATA: "irc.pin. A 192.0.2.1"',
    "$INCLUDE /etc/shadow",
    "$ORIGIN example.com.",
    "$GENERATE 1-100000000 a$ A 192.0.2.1",
    "$TTL 1",
    "irc.pin. A 192.0.2.1",
    "@ NS evil.example.",
    "# comment",
    "; comment",
    "",
    " ",
    "\\",
    '"',
)

COMMENTS: Final = (
    "#",
    "# ",
    "#a: b",
    "# a",
    "# a:",
    "# a: ",
    "# a : b",
    "# A: b",
    "# a: b ",
    "# a: \x1b[31m",
    "# a: b\tc",
    "# serial: \u0667",
    "# machine-without-address: kiwi.pin",
    "# machine-without-address: google.com.",
    "# machine-without-address: pin.",
    "# machine-without-address: *.pin.",
    "# machine-without-address: _dm-dns.pin.",
    "# machine-without-address: a.b.pin.",
    "# machine-without-address: KIWI.pin.",
    "# machine-without-address: kfbox.pin.",
    "# machine-without-address: irc.pin.",
    "# machine-without-address: kiwi.pin. x",
    "# machine-without-address: -.pin.",
    # Each is refused alone: nothing declares the network, or the address.
    "# local-address: home kfbox.pin. 192.168.1.2",
    "# local-address: home kfbox.pin.",
    "# local-address: home",
    "# shared-name: irc.pin. kfbox.pin.",
    "# shared-name: www.pin.",
    *(
        f"# local-network: {value}"
        for value in (
            "home",
            "home 192.168.1.0/24",
            "home 192.168.1.0/24 192.168.1.1",
            "home 192.168.1.0/24 192.168.1.1 52:54:00:12:34:56 x",
            "home 192.168.1.0/24 192.168.1.1 52:54:00:12:34:56 only only",
            "home  192.168.1.0/24 192.168.1.1 52:54:00:12:34:56",
            "Home 192.168.1.0/24 192.168.1.1 52:54:00:12:34:56",
            "../home 192.168.1.0/24 192.168.1.1 52:54:00:12:34:56",
            f"{LABEL}a 192.168.1.0/24 192.168.1.1 52:54:00:12:34:56",
            "home 0.0.0.0/0 192.168.1.1 52:54:00:12:34:56",
            "home ::/0 fd00::1 52:54:00:12:34:56",
            "home 192.168.1.0/-1 192.168.1.1 52:54:00:12:34:56",
            "home 192.168.1.0/99999999999999 192.168.1.1 52:54:00:12:34:56",
            "home 192.168.1.0/\u0662\u0664 192.168.1.1 52:54:00:12:34:56",
            "home 192.168.1.1/24 192.168.1.1 52:54:00:12:34:56",
            "home 127.0.0.0/8 127.0.0.1 52:54:00:12:34:56",
            "home fe80::/64 fe80::1 52:54:00:12:34:56",
            "home ::ffff:0:0/96 ::ffff:1.2.3.4 52:54:00:12:34:56",
            "home 192.168.1.0/24 192.168.1.1/24 52:54:00:12:34:56",
            "home 192.168.1.0/24 8.8.8.8 52:54:00:12:34:56",
            "home 192.168.1.0/24 192.168.1.255 52:54:00:12:34:56",
            "home 192.168.1.0/24 192.168.1.1 52:54:00:12:34:5G",
            "home 192.168.1.0/24 192.168.1.1 ff:ff:ff:ff:ff:ff",
        )
    ),
)

LOCAL: Final = (
    "# local-address: home kfbox.pin. 192.168.1.2",
    "# local-network: home 192.168.1.0/24 192.168.1.1 52:54:00:12:34:56",
    "# shared-name: www.pin. kfbox.pin.",
)
"""Comments that fit each other."""

BESIDE_LOCAL: Final = (
    "# local-network: home 192.168.1.0/24 192.168.1.1 52:54:00:12:34:57",
    "# local-address: home *.pin. 192.168.1.3",
    "# local-address: home _dm-dns.pin. 192.168.1.3",
    "# local-address: home a.b.pin. 192.168.1.3",
    "# local-address: home google.com. 192.168.1.3",
    "# local-address: home irc.pin. 192.168.1.3",
    "# local-address: home kfbox.pin. 192.168.2.3",
    "# local-address: home kfbox.pin. 192.168.1.0",
    "# local-address: home kfbox.pin. 192.168.1.255",
    "# local-address: home kfbox.pin. 192.168.1.3/24",
    "# local-address: home kfbox.pin. fd00::3",
    "# local-address: home kfbox.pin. $INCLUDE",
    "# local-address: office kfbox.pin. 192.168.1.3",
    "# shared-name: _dm-dns.pin. kfbox.pin.",
    "# shared-name: google.com. kfbox.pin.",
    "# shared-name: irc.pin. kfbox.pin.",
    "# shared-name: kfbox.pin. kfbox.pin.",
    "# shared-name: kfbox.pin. kiwi.pin.",
    "# shared-name: www.pin. google.com.",
)
"""Comments that do not fit these."""

OWNERS: Final = (
    "google.com.",
    "com.",
    ".",
    "",
    "pin.",
    "pin",
    "irc.pin",
    "evilpin.",
    "pin.evil.",
    "irc.pin.evil.",
    "irc.pin..",
    "irc..pin.",
    ".pin.",
    "..pin.",
    "*.",
    "*.evil.",
    "a.*.pin.",
    "*a.pin.",
    "a*.pin.",
    "**.pin.",
    "*.*.pin.",
    "-a.pin.",
    "a-.pin.",
    "-.pin.",
    "_dm-dns.pin.",
    "IRC.pin.",
    "irc.PIN.",
    "a b.pin.",
    'a".pin.',
    "a'.pin.",
    "a\\.pin.",
    "a\\046pin.",
    'a\\".pin.',
    "a;.pin.",
    "a(.pin.",
    "a@.pin.",
    "@",
    "a/b.pin.",
    "a:53.pin.",
    "http://a.pin.",
    "a$.pin.",
    "a%00.pin.",
    "b\u00fccher.pin.",
    "\u212airc.pin.",
    f"{LABEL}a.pin.",
    f"{LABEL}.{LABEL}.{LABEL}.{'b' * 58}.pin.",
    "a." * 200 + "pin.",
    "a" * 5000 + ".pin.",
    *(f"a{character}b.pin." for character in CONTROL),
)

RENDERED: Final = ("irc.pin", "IRC.pin", "b\u00fccher.pin", "\u212airc.pin")
"""Hosts of a zone spec of which `dm-dns render` makes names of the zone."""

RDATA: Final = (
    "MX 10 kfbox.pin.",
    "NS kfbox.pin.",
    "SOA a.pin. b.pin. 1 1 1 1 1",
    'TXT "x"',
    "SRV 0 0 80 kfbox.pin.",
    "PTR kfbox.pin.",
    "DNAME evil.example.",
    "HTTPS 1 . alpn=h2",
    "SVCB 1 kfbox.pin.",
    'CAA 0 issue "x"',
    "DNSKEY 256 3 13 AAAA",
    "DS 1 13 2 AA",
    "NSEC a.pin. A",
    "TYPE1 \\# 4 c0000201",
    "A \\# 4 c0000201",
    "IN A 192.0.2.1",
    "CH A 192.0.2.1",
    "3600 A 192.0.2.1",
    "A",
    "A ",
    "A 192.0.2",
    "A 192.0.2.01",
    "A 192.0.2.256",
    "A 192.0.2.1.1",
    "A 192.0.2.1 192.0.2.2",
    "A 192.0.2.1/24",
    "A 0x7f000001",
    "A 3221225985",
    "A fd00::1",
    "A  192.0.2.1",
    "A\t192.0.2.1",
    "A 192.0.2.\u0661",
    "AAAA",
    "AAAA 192.0.2.1",
    "AAAA ::ffff:c000:201",
    "AAAA FD00::1",
    "AAAA fd00::0",
    "AAAA fd00:0::1",
    "AAAA fd00::00001",
    "AAAA fe80::1%eth0",
    "AAAA fd00::1::",
    "AAAA [fd00::1]",
    "AAAA fd00::1 x",
    "CNAME",
    "CNAME kfbox.pin",
    "CNAME kfbox.pin. x",
    "CNAME  kfbox.pin.",
    "cname kfbox.pin.",
    "a 192.0.2.1",
)


def with_header(body: bytes, *, records: object = None, sha256: str = "") -> bytes:
    """Return ``body`` below a header, which fits unless something else is given."""
    count = body.count(b"\n") - 1 if records is None else records
    sha256 = sha256 or hashlib.sha256(body).hexdigest()
    header = f"# dm-dns zone 1\n# serial: 7\n# records: {count}\n# sha256: {sha256}\n"
    return header.encode() + body


def body(*lines: str) -> bytes:
    """Return the lines below the header, of which the first is always the same."""
    return "".join(f"{line}\n" for line in (ZONE_LINE, *lines)).encode()


def data(record: str) -> str:
    """Return the line of a record."""
    return f'local-data: "{record}"'


GOOD_ZONE: Final = with_header(body(*map(data, RECORDS)))

GOOD_SPEC: Final[dict[str, Any]] = {
    "domain": DOMAIN,
    "machines": {"kfbox": {"addresses": ["192.0.2.2", "fd00::2"]}},
    "endpoints": [
        {"host": "irc.pin", "machine": "kfbox", "service": "s", "instance": "i", "role": "r"}
    ],
}

GOOD_LOCAL_SPEC: Final[dict[str, Any]] = {
    **GOOD_SPEC,
    "machines": {"kfbox": {"addresses": ["192.0.2.2", "192.168.1.2@home"]}},
    "localNetworks": {
        "home": {
            "only": False,
            "prefix": "192.168.1.0/24",
            "router": {"address": "192.168.1.1", "linkAddress": "52:54:00:12:34:56"},
        }
    },
}

GOOD_CONFIG: Final[dict[str, Any]] = {
    "domain": DOMAIN,
    "mesh": "/mesh",
    "deployed": "/deployed",
    "hosts": "/hosts",
    "state": "/state",
    "certificate": "/certificate",
    "unbound": {"control": "/ctl", "address": "127.0.0.1", "port": 53},
}


def zones() -> Iterator[tuple[str, bytes]]:
    """Yield files that are not valid zone.confs of DOMAIN, each with a name of its own."""
    yield from _forms()
    for line in LINES:
        # Sorted: otherwise that would be the reason.
        yield f"line {line!a}", with_header(body(*sorted([line, *map(data, RECORDS)])))
        yield f"first line {line!a}", with_header(f"{line}\n".encode() + body())
    for comment in COMMENTS:
        # Where comments belong.
        yield f"comment {comment!a}", with_header(body(comment, *map(data, RECORDS)), records=3)
    for comment in BESIDE_LOCAL:
        lines = sorted([comment, *LOCAL])
        yield f"beside {comment!a}", with_header(body(*lines, *map(data, RECORDS)), records=3)
    for owner in OWNERS:
        for record in (f"{owner} A 192.0.2.1", f"irc.pin. CNAME {owner}"):
            yield f"record {record!a}"[:150], with_header(body(data(record)))
    yield from ((f"rdata {rdata!a}", with_header(body(data(f"a.pin. {rdata}")))) for rdata in RDATA)
    for name, records in _sets():
        yield name, with_header(body(*map(data, sorted(records))))
        yield f"{name}, no header", body(*map(data, records))


def _forms() -> Iterator[tuple[str, bytes]]:
    """Yield files whose lines are in the wrong form, order or number."""
    good = GOOD_ZONE
    lines = good.splitlines(keepends=True)
    yield "empty", b""
    yield "zeros", bytes(1000)
    yield "no newline at the end", good[:-1]
    yield "CRLF", good.replace(b"\n", b"\r\n")
    yield "CR", good.replace(b"\n", b"\r")
    yield "BOM", b"\xef\xbb\xbf" + good
    yield "UTF-16", good.decode().encode("utf-16")
    yield "twice", good * 2
    yield "longer than the header says", good + b'local-data: "z.pin. A 192.0.2.1"\n'
    yield "compressed", b"\x1f\x8b\x08" + good
    for number, line in enumerate(lines):
        rest = [*lines[:number], *lines[number + 1 :]]
        yield f"without line {number + 1}", b"".join(rest)
        yield f"line {number + 1} twice", b"".join([*lines[:number], line, *lines[number:]])
        yield f"line {number + 1} last", b"".join([*rest, line]) if line is not lines[-1] else b"x"
        yield f"a blank after line {number + 1}", good.replace(line, line[:-1] + b" \n")
        yield f"a blank before line {number + 1}", good.replace(line, b" " + line)
        yield f"line {number + 1} cut short", b"".join(lines[:number]) + line[: len(line) // 2]
    for value in (
        "-1",
        "+7",
        "07",
        "7.0",
        "0x7",
        "4294967296",
        "9" * 20,
        "9" * 999,
        "",
        " 7",
        "\u0667",
    ):
        yield f"serial {value[:30]!a}", good.replace(b"# serial: 7", f"# serial: {value}".encode())
        yield (
            f"version {value[:30]!a}",
            good.replace(b"# dm-dns zone 1", f"# dm-dns zone {value}".encode()),
        )
        if value:
            yield f"records {value[:30]!a}", with_header(body(), records=value)
    for sha256 in ("0" * 64, "g" * 64, "0" * 63, "A" * 64):
        yield f"sha256 {sha256}", with_header(body(), sha256=sha256)


def _sets() -> Iterator[tuple[str, list[str]]]:
    """Yield records of which each may be in a zone, but not all of them."""
    yield "CNAME and A", ["a.pin. A 192.0.2.1", "a.pin. CNAME b.pin."]
    yield "CNAME and AAAA", ["a.pin. AAAA fd00::1", "a.pin. CNAME b.pin."]
    yield "two CNAMEs", ["a.pin. CNAME b.pin.", "a.pin. CNAME c.pin."]
    for length in (1, 2, 3, 100):
        loop = [f"n{n}.pin. CNAME n{(n + 1) % length}.pin." for n in range(length)]
        yield f"loop of {length}", loop
        yield f"a way into a loop of {length}", [*loop, "m.pin. CNAME n0.pin."]
    for length in (9, 10, 1000):
        yield f"chain of {length}", [f"n{n}.pin. CNAME n{n + 1}.pin." for n in range(length)]
    addresses = [f"a.pin. AAAA fd00::{n:x}" for n in range(1, 2002)]
    yield "2001 addresses", addresses


def specs() -> Iterator[tuple[str, bytes]]:
    """Yield files that are not zone specs, or break a rule, each with a name of its own."""
    yield from _not_json()
    paths: list[list[Any]] = [
        ["domain"],
        ["machines"],
        ["machines", "kfbox"],
        ["machines", "kfbox", "addresses"],
        ["machines", "kfbox", "addresses", 0],
        ["endpoints"],
        ["endpoints", 0],
        *(["endpoints", 0, key] for key in GOOD_SPEC["endpoints"][0]),
    ]
    for path in paths:
        yield from _replaced(GOOD_SPEC, path)
    networks = ["localNetworks"]
    for path in (
        networks,
        [*networks, "home"],
        *([*networks, "home", key] for key in ("only", "prefix", "router")),
        *([*networks, "home", "router", key] for key in ("address", "linkAddress")),
    ):
        yield from _replaced(GOOD_LOCAL_SPEC, path)
    for address in ("@home", "192.168.1.2@", "192.168.1.2@home@home", "192.168.1.2@\x1b[31m"):
        changed = _changed(GOOD_LOCAL_SPEC, ["machines", "kfbox", "addresses", 1], address)
        yield f"address {address!a}", changed
    for owner in OWNERS:
        host = owner.rstrip(".")
        if host.endswith(".pin") and host not in RENDERED:
            changed = _changed(GOOD_SPEC, ["endpoints", 0, "host"], host)
            yield f"host {len(host)} {host[:60]!a}", changed
    for name in ("", ".", "a.b", "-a", "a-", "_dm-dns", "*", "a b", 'a"', f"{LABEL}a", *CONTROL):
        machines: dict[str, Any] = {name: {"addresses": []}, "kfbox": {"addresses": []}}
        yield f"machine {name!a}", _changed(GOOD_SPEC, ["machines"], machines)


def configs() -> Iterator[tuple[str, bytes]]:
    """Yield files that are not configurations of a machine, each with a name of its own."""
    yield from _not_json()
    for key in GOOD_CONFIG:
        yield from _replaced(GOOD_CONFIG, [key])
    for allow in ("all", ["x"], ["1.2.3.4/33"], ["::/-1"], ["1.2.3.4/"], [7], [""]):
        yield f"allow {allow}", _changed(GOOD_CONFIG, ["allow"], allow)
    for key in GOOD_CONFIG["unbound"]:
        yield from _replaced(GOOD_CONFIG, ["unbound", key])


def _not_json() -> Iterator[tuple[str, bytes]]:
    for content in (
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b"\0",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 100_000,
        b'"' + b"x" * 100_000,
        b"NaN",
        b"null",
        b"[]",
        b"1e999",
        b'{"domain": "pin"} {"domain": "pin"}',
        b'{"domain": "\xff"}',
        b"{'domain': 'pin'}",
        b"/* x */ {}",
    ):
        yield f"content {content[:40]!r}", content


def _replaced(good: dict[str, Any], path: list[Any]) -> Iterator[tuple[str, bytes]]:
    """Yield ``good`` with values at ``path`` that nothing there can have."""
    place = ".".join(map(str, path))
    for value in (
        -1,
        1.5,
        True,
        {"x": 1},
        ["\x1b[31m"],
        "\ud800",
        2**70,
    ):
        if value == "\ud800" and place == "endpoints.0.host":
            continue  # a host outside the domain, whatever it is
        if value is True and place == "localNetworks.home.only":
            continue
        yield f"{place} {value!a}", _changed(good, path, value)


def _changed(good: dict[str, Any], path: list[Any], value: object) -> bytes:
    changed = copy.deepcopy(good)
    at: Any = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return json.dumps(changed).encode()
