"""What must hold for every zone and every text, tried with many of both."""

import hashlib
import ipaddress
import random
import re
from functools import cache
from unittest import mock

import dns.name
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from dm_dns.errors import FileError
from dm_dns.zone import conf, conf_lines, names, networks, zonefile
from dm_dns.zone.local_lines import NO_LOCAL, Local
from dm_dns.zone.networks import Network

# The same examples in each run: what fails here fails everywhere.
DETERMINISTIC = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow],
)
DOMAINS = st.sampled_from(["pin", "clan.lol", "a-b.c_d", "x"])
LABELS = st.sampled_from(["a", "b", "kfbox", "_x", "0", "a--b", "a" * 63]) | st.text(
    "ab1-_", min_size=1, max_size=5
).filter(re.compile(names.LABEL).fullmatch)
BELOW = st.lists(st.lists(LABELS, min_size=1, max_size=3), max_size=8)
WILDCARDS = st.sampled_from([[False], [True], [False, True]])
SERIALS = st.integers(0, conf.MAX_SERIAL)
ADDRESSES = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(
    lambda address: conf.canonical_address(str(address)) or ""
)
NOTHING = '"dm-dns knows no address of this machine"'
SETS = st.lists(ADDRESSES, max_size=3).map(conf.in_order)


@st.composite
def zones(draw: st.DrawFn) -> conf.Zone:
    """Return a valid zone: hosts and machines, as `spec.to_zone` makes them."""
    domain = draw(DOMAINS)
    below = [
        name
        for labels in draw(BELOW)
        if len(name := ".".join([*labels, domain])) <= names.MAX_NAME
        and name != zonefile.status_name(domain)
    ]
    machines = sorted(set(below[:3]))
    hosts = {
        f"*.{name}" if wildcard and len(name) <= names.MAX_NAME - 2 else name
        for name in below[3:]
        for wildcard in draw(WILDCARDS)
    } - set(machines)
    addresses = {machine: draw(SETS) for machine in machines}
    cnames = {}
    for host in sorted(hosts):
        if draw(st.booleans()) and machines:
            cnames[host] = draw(st.sampled_from(machines))
        elif known := draw(SETS):
            addresses[host] = known
    # A machine has a name below the domain itself, and others have no name without an address.
    addresses = {
        name: known for name, known in addresses.items() if known or is_at_top(name, domain)
    }
    serial = draw(SERIALS)
    own = [name for name in addresses if name in machines and is_at_top(name, domain)]
    local = draw(locals_of(own))
    shared: dict[str, tuple[str, ...]] = {}
    for host in sorted(hosts) if own else ():
        if draw(st.booleans()):
            shared[host] = tuple(sorted(draw(st.sets(st.sampled_from(own), min_size=1))))
            addresses[host] = conf.in_order(a for owner in shared[host] for a in addresses[owner])
            cnames.pop(host, None)
    return conf.Zone(domain, serial, cnames, addresses, shared=shared, local=local)


def is_at_top(name: str, domain: str) -> bool:
    """Tell whether a name is directly below the domain, as those of machines are."""
    return name.count(".") == domain.count(".") + 1


PREFIXES = st.builds(
    lambda value, length: (value >> 32 - length << 32 - length, length),
    st.integers(2**24, 2**32 - 1),
    st.integers(8, 30),
).map(ipaddress.IPv4Network) | st.builds(
    lambda value, length: ipaddress.IPv6Network((value >> 128 - length << 128 - length, length)),
    st.integers(2**120, 2**128 - 1),
    st.integers(48, 126),
)


@st.composite
def locals_of(draw: st.DrawFn, machines: list[str]) -> Local:
    """Return local networks, and addresses of some of the machines there."""
    found: dict[str, Network] = {}
    for name in draw(st.lists(st.sampled_from(["home", "office", "0", "a-_b"]), max_size=3)):
        prefix = draw(PREFIXES.filter(lambda each: not networks.prefix_problem(str(each))))
        router = str(prefix[1])
        found[name] = Network(str(prefix), router, "52:54:00:12:34:56", draw(st.booleans()))
    local: dict[str, tuple[tuple[str, str], ...]] = {}
    for machine in machines if found else ():
        pairs = st.tuples(st.sampled_from(sorted(found)), st.integers(1, 2))
        known = {
            (name, str(ipaddress.ip_network(found[name].prefix)[number]))
            for name, number in draw(st.sets(pairs, max_size=3))
        }
        if known:
            local[machine] = tuple(sorted(known))
    return Local(found, local) if found else NO_LOCAL


def body_of(content: bytes) -> bytes:
    return content.split(b"\n", 4)[4]


def with_header(body: bytes) -> bytes:
    """Return ``body`` below a header that fits it."""
    count = sum(not line.startswith(b"#") for line in body.splitlines()) - 1
    sha256 = hashlib.sha256(body).hexdigest()
    return f"# dm-dns zone 1\n# serial: 7\n# records: {count}\n# sha256: {sha256}\n".encode() + body


HEADERS = st.sampled_from(["as it was", "fitting", "none"])
CHANGES = st.sampled_from(["insert", "delete", "cut", "case", "line", "swap", "twice"])


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a domain, and the text of one of its zones with some bytes or lines changed."""
    made = draw(zones())
    content = conf.render(made).encode()
    header = draw(HEADERS)
    if header != "as it was":
        content = body_of(content)
    for _ in range(draw(st.integers(0, 3))):
        lines = content.splitlines(keepends=True) or [b"\n"]
        at = draw(st.integers(0, len(content)))
        line = draw(st.integers(0, len(lines) - 1))
        match draw(CHANGES):
            case "insert":
                content = content[:at] + draw(FRAGMENTS) + content[at:]
            case "delete":
                content = content[:at] + content[at + draw(st.integers(1, 4)) :]
            case "cut":
                content = content[:at]
            case "case":
                content = content[:at] + content[at : at + 9].upper() + content[at + 9 :]
            case "line":
                lines.insert(line, draw(near_lines(made.domain)).encode() + b"\n")
                content = b"".join(lines)
            case "swap":
                lines[0], lines[line] = lines[line], lines[0]
                content = b"".join(lines)
            case _:
                content = b"".join([*lines, lines[line]])
    return made.domain, with_header(content) if header == "fitting" else content


FRAGMENTS = st.sampled_from(
    [b".", b"..", b"-", b"*", b"*.", b'"', b"\n", b"\r", b" ", b"\t", b"\0", b"\xff", b"\\", b"#"]
) | st.sampled_from(
    [b";", b"$INCLUDE x", b"(", b")", b"@", b"x", b"0", b":", b"A", b"CNAME", b"example.com."]
)
FRAGMENTS |= st.binary(min_size=1, max_size=4)


@cache
def near_lines(domain: str) -> st.SearchStrategy[str]:
    """Return lines that are records of ``domain``, or nearly."""
    label = st.sampled_from(
        ["a", "b", "*", "_dm-dns", "", "-", "a-", "A", "a b", '"', "\\", "a" * 63, "a" * 64]
    )
    suffix = st.sampled_from(
        [f".{domain}.", f".{domain}", f"{domain}.", f".{domain.upper()}.", ".example.com.", ".", ""]
    ) | st.sampled_from([f".{domain}.example.com.", f".{domain}..", f"..{domain}."])
    name = st.builds(
        lambda labels, end: ".".join(labels) + end, st.lists(label, max_size=6), suffix
    )
    space = st.sampled_from([" ", " ", " ", "  ", "\t", ""])
    kind = st.sampled_from(["CNAME", "A", "AAAA", "TXT", "NS", "cname", "IN A", "5 A", "TYPE1", ""])
    address = ADDRESSES | st.sampled_from(
        ["::", "1.2.3", "1.2.3.04", "::ffff:1.2.3.4", "fe80::1%1"]
    )
    quote = st.sampled_from(['"', '"', '"', "'", ""])
    comment = name.map(lambda name: f"# machine-without-address: {name}") | st.builds(
        lambda key, words: f"# {key}: {' '.join(words)}",
        st.sampled_from(["local-network", "local-address", "shared-name"]),
        st.lists(
            name
            | address
            | st.sampled_from(["home", "192.168.1.0/24", "192.168.1.1", "52:54:00:12:34:56"]),
            min_size=1,
            max_size=4,
        ),
    )
    return comment | st.builds(
        lambda key, one, owner, left, type_, right, rdata, other: (
            f"{key}{one}{owner}{left}{type_}{right}{rdata}{other}"
        ),
        st.sampled_from(["local-data: "] * 6 + ["local-zone: ", "include: ", "# ", ""]),
        quote,
        name,
        space,
        kind,
        space,
        name | address,
        quote,
    )


@st.composite
def near_zones(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a domain, and a text of lines that are its records, or nearly."""
    domain = draw(DOMAINS)
    lines = draw(st.lists(near_lines(domain), max_size=3))
    header = draw(st.booleans())
    lines = [f'local-zone: "{domain}." transparent', *(sorted(lines) if header else lines)]
    content = ("\n".join(lines) + "\n").encode()
    return domain, with_header(content) if header else content


RANDOM = st.tuples(
    DOMAINS, st.binary() | st.text().map(lambda text: text.encode("utf-8", "replace"))
)
TEXTS = mutations() | near_zones() | RANDOM


def parsed(text: tuple[str, bytes]) -> conf.Zone | None:
    """Return the zone in a text, None where it is refused; anything but FileError is raised."""
    domain, content = text
    try:
        return conf.parse(content, domain, "zone.conf")
    except FileError as refusal:
        message = str(refusal)
    # One line that a terminal shows as it is, whatever the text was.
    assert message.isprintable()
    assert re.match(r"zone\.conf:[1-9][0-9]*: ", message)
    return None


ZONE_LINE = b'local-zone: "pin." transparent\n'
COMMENT = b"# machine-without-address: a.pin.\n"
A = b'local-data: "a.pin. A 192.0.2.1"\n'
B = b'local-data: "a.pin. A 192.0.2.2"\n'
CNAME = b'local-data: "a.pin. CNAME b.pin."\n'


@DETERMINISTIC
@given(made=zones())
def test_rendering_and_parsing_again_changes_nothing(made: conf.Zone) -> None:
    content = conf.render(made).encode()
    read = conf.parse(content, made.domain, "zone.conf")
    assert read._replace(sha256="") == made
    assert conf.render(read).encode() == content


@DETERMINISTIC
@given(made=zones())
def test_a_zone_read_without_its_header_differs_only_in_the_serial(made: conf.Zone) -> None:
    content = conf.render(made).encode()
    with_header = conf.parse(content, made.domain, "zone.conf")
    without = conf.parse(body_of(content), made.domain, "zone.conf")
    assert without == with_header._replace(serial=0)


@DETERMINISTIC
@given(made=zones(), data=st.data())
def test_a_zone_cut_short_anywhere_is_refused(made: conf.Zone, data: st.DataObject) -> None:
    content = conf.render(made).encode()
    cut = content[: data.draw(st.integers(0, len(content) - 1))]
    with pytest.raises(FileError):
        conf.parse(cut, made.domain, "zone.conf")


@DETERMINISTIC
@given(made=zones(), data=st.data())
def test_a_zone_with_one_byte_changed_is_refused_or_has_another_serial(
    made: conf.Zone, data: st.DataObject
) -> None:
    content = bytearray(conf.render(made).encode())
    at = data.draw(st.integers(0, len(content) - 1))
    old, content[at] = content[at], data.draw(st.integers(0, 255))
    assume(content[at] != old)
    read = parsed((made.domain, bytes(content)))
    assert read is None or (
        read.serial != made.serial and read._replace(serial=0, sha256="") == made._replace(serial=0)
    )


def test_what_parses_is_a_zone_of_its_domain_for_other_parsers_too() -> None:
    outcomes: list[bool] = []

    @settings(DETERMINISTIC, max_examples=1000)
    @given(text=TEXTS)
    @example(("pin", b'local-zone: "pin." transparent\nlocal-data: "a.pin. CNAME _dm-dns.pin."\n'))
    @example(
        (
            "pin",
            b'local-zone: "pin." transparent\nlocal-data: "a.pin. CNAME '
            + (b"a" * 63 + b".") * 4
            + b'pin."\n',
        )
    )
    def check(text: tuple[str, bytes]) -> None:
        read = parsed(text)
        outcomes.append(read is not None and read.records > 0)
        if read is not None:
            check_zone(read)

    check()
    # This is worth little if nearly everything is refused, or nothing.
    assert 0.05 < sum(outcomes) / len(outcomes) < 0.95


def check_zone(read: conf.Zone) -> None:
    owners = {*read.cnames, *read.addresses}
    for name in owners | set(read.cnames.values()):
        names.check(name)
        assert names.is_below(name, read.domain)
    assert not read.cnames.keys() & read.addresses.keys()
    for known in read.addresses.values():
        assert known == conf.in_order(known)
        assert all(conf.canonical_address(address) == address for address in known)
    check_local(read)
    file = zonefile.compile_zone(read, {}, source="mesh", inputs="unknown")
    assert records(file.text, read.domain) == compiled(read) | {
        (f"{read.domain}.", "SOA", f"localhost. nobody.invalid. {read.serial} 3600 600 86400 5"),
        (f"{read.domain}.", "NS", "localhost."),
        (f"{zonefile.status_name(read.domain)}.", "TXT", status(file)),
    }


def check_local(read: conf.Zone) -> None:
    local = read.local
    everywhere = dict.fromkeys(local.networks, ())
    near = zonefile.compile_zone(read, {}, on=everywhere, source="mesh", inputs="unknown")
    found: dict[str, set[str]] = {}
    for owner, _kind, data in records(near.text, read.domain):
        found.setdefault(owner, set()).add(data)
    for machine, assigned in local.addresses.items():
        assert machine in read.addresses
        assert found[f"{machine}."] == {address for _network, address in assigned}
        for network, address in assigned:
            prefix = ipaddress.ip_network(local.networks[network].prefix)
            assert ipaddress.ip_address(address) in prefix
    for name, machines in read.shared.items():
        assert name in read.addresses
        there = {a for machine in machines for a in local.of(machine)}
        away = [set(read.addresses.get(each, ())) for each in machines if not local.of(each)]
        others = {*read.addresses[name]}.intersection(set().union(*away)) if there else None
        kept = {*read.addresses[name]} if others is None else others
        assert found.get(f"{name}.", set()) - {NOTHING} == there | kept


def compiled(read: conf.Zone) -> set[tuple[str, str, str]]:
    """Return the records of the names in a zone."""
    found = set()
    for owner in {*read.cnames, *read.cnames.values(), *read.addresses}:
        target = owner
        while target in read.cnames:
            target = read.cnames[target]
        known = read.addresses.get(target, ())
        kinds = {conf.record_type(address) for address in known}
        if owner in read.cnames and len(kinds) == 2:
            found.add((f"{owner}.", "CNAME", f"{read.cnames[owner]}."))
        elif known:
            found |= {(f"{owner}.", conf.record_type(address), address) for address in known}
        else:
            found.add((f"{owner}.", "TXT", NOTHING))
    return found


def records(text: str, domain: str) -> set[tuple[str, str, str]]:
    """Return the records of a zone file as dnspython reads them."""
    read = dns.zone.from_text(text, origin=dns.name.from_text(domain), relativize=False)
    return {
        (owner.to_text(), dns.rdatatype.to_text(rdata.rdtype), rdata.to_text())
        for owner, _ttl, rdata in read.iterate_rdatas()
    }


def status(file: zonefile.ZoneFile) -> str:
    status, _, digest = file.status.rpartition(" ")
    return f'"{status}" "{digest}"'


def outcome(text: tuple[str, bytes]) -> conf.Zone | str:
    """Return the zone in a text, or why it is refused."""
    domain, content = text
    try:
        return conf.parse(content, domain, "zone.conf")
    except FileError as refusal:
        return str(refusal)


def longest_line(text: tuple[str, bytes]) -> int:
    return max(map(len, text[1].split(b"\n"))) + 1


@settings(DETERMINISTIC, max_examples=1000)
@given(text=TEXTS)
@example(("pin", with_header(ZONE_LINE + A + B + CNAME)))
@example(("pin", with_header(ZONE_LINE + A + CNAME)))
@example(("pin", with_header(ZONE_LINE + A + B)))
@example(("pin", with_header(ZONE_LINE + B + A)))
@example(("pin", with_header(ZONE_LINE + A + A)))
@example(("pin", with_header(ZONE_LINE + COMMENT + CNAME)))
@example(("pin", with_header(ZONE_LINE + COMMENT + A)))
@example(("pin", with_header(ZONE_LINE + COMMENT + COMMENT)))
def test_it_does_not_matter_how_many_lines_are_checked_at_once(text: tuple[str, bytes]) -> None:
    expected = outcome(text)
    with mock.patch.object(conf_lines, "_PIECE", longest_line(text)):
        assert outcome(text) == expected
    with (
        mock.patch.object(conf_lines.Records, "_are_valid", return_value=False),
        mock.patch.object(conf_lines, "_COMMENTS", re.compile(rb"(?!)")),
    ):
        assert outcome(text) == expected


@DETERMINISTIC
@given(made=zones())
def test_no_line_of_a_valid_zone_is_checked_alone(made: conf.Zone) -> None:
    """That takes several times as long."""
    with mock.patch.object(conf_lines.Records, "_why_not", side_effect=AssertionError):
        conf.parse(conf.render(made).encode(), made.domain, "zone.conf")


NAMES = st.text(max_size=300) | st.lists(
    LABELS | st.text(max_size=4) | st.sampled_from(["*", "", "b\u00fccher", "\u212a", "xn--"])
).map(".".join)


LONGEST = f"{'a.' * (names.MAX_DOMAIN // 2 - 1)}bb"


@settings(DETERMINISTIC, max_examples=500)
@given(name=NAMES)
@example("pin")
@example("clan.lol")
@example(LONGEST)
@example(f"b{LONGEST}")
@example("*.pin")
@example("pin\n")
@example("a" * names.MAX_LABEL)
@example("a" * (names.MAX_LABEL + 1))
def test_the_expression_for_domains_has_those_that_are_checked(name: str) -> None:
    try:
        names.check_domain(name)
    except names.InvalidNameError:
        assert not names.DOMAIN.fullmatch(name)
    else:
        assert names.DOMAIN.fullmatch(name)


@settings(DETERMINISTIC, max_examples=500)
@given(name=NAMES)
def test_a_canonical_name_is_its_own_canonical_form(name: str) -> None:
    try:
        canonical = names.canonical(name)
    except names.InvalidNameError:
        return
    assert canonical.isascii()
    assert canonical == canonical.lower()
    names.check(canonical)
    assert names.canonical(canonical) == canonical
    assert names.canonical(f"{canonical}.".upper()) == canonical
    assert dns.name.from_text(canonical).to_text() == f"{canonical}."


@DETERMINISTIC
@given(text=st.text() | ADDRESSES)
def test_the_text_form_of_an_address_is_its_own_text_form(text: str) -> None:
    canonical = conf.canonical_address(text)
    assert canonical is None or conf.canonical_address(canonical) == canonical


def test_a_large_zone_is_read_as_it_was_rendered() -> None:
    shuffled = random.Random(7).sample(range(5000), 5000)  # noqa: S311 - no secret
    made = conf.Zone(
        "pin",
        7,
        {f"host-{number}.pin": f"machine-{number % 50}.pin" for number in shuffled},
        {f"machine-{number}.pin": (f"fd00::{number + 1:x}",) for number in range(50)},
    )
    assert conf.parse(conf.render(made).encode(), "pin", "f")._replace(sha256="") == made
