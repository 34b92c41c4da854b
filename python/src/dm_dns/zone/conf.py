"""zone.conf, the file in which a zone travels: its model, parser and renderer.

The file is a comment header and, below it, a ``local-zone`` line, comments and ``local-data``
lines, so that unbound and clan-core's own dm-dns can include it as it is. Nothing else is accepted:
the file comes over the network, and whoever can sign it must be able to name hosts and nothing
else.

What only dm-dns understands is in the comments, each ``# key: value``. A reader ignores those whose
key it does not know. The one key is ``machine-without-address``: such a machine has no local-data.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice, takewhile
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final, NamedTuple, NoReturn

from dm_dns import files
from dm_dns.errors import FileError
from dm_dns.zone import limits, names

MAX_SERIAL: Final = 2**32 - 1
"""Largest serial: it becomes the SOA's, which has 32 bits (RFC 1035, section 3.3.13)."""

DAY: Final = 86400
"""Seconds by which a serial may be ahead: clocks differ, and serials are raised by one."""

FORMAT: Final = 1
"""Version of the format, in the header's first line."""

_CUT_SHORT: Final = "it was cut short or changed; send it again"
_LONGEST_SHOWN: Final = 80  # characters of a bad line in a message
_PIECE: Final = 2**16  # bytes that are split into lines at once; longer than any line
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
_FAMILIES: Final = {"A": AF_INET, "AAAA": AF_INET6}
_HEADER: Final = {
    "# dm-dns zone VERSION": re.compile(r"# dm-dns zone (0|[1-9][0-9]{0,9})"),
    "# serial: NUMBER": re.compile(r"# serial: (0|[1-9][0-9]{0,19})"),
    "# records: NUMBER": re.compile(r"# records: (0|[1-9][0-9]{0,19})"),
    "# sha256: 64 hexadecimal digits": re.compile(r"# sha256: ([0-9a-f]{64})"),
}
_COMMENT: Final = re.compile(r"# ([a-z][a-z0-9-]*): ([!-~](?:[ -~]*[!-~])?)")
_WITHOUT_ADDRESS: Final = "machine-without-address"


class Zone(NamedTuple):
    """The names of one domain. All names are canonical (see `names`) and fully qualified."""

    domain: str
    serial: int
    """0 to MAX_SERIAL; 0 for a zone.conf without header."""
    cnames: Mapping[str, str]
    """Owner to target."""
    addresses: Mapping[str, tuple[str, ...]]
    """Owner to addresses in the text form of inet_ntop(3), sorted by type and text; to none for a
    machine of which no address is known, and which exists anyway."""
    sha256: str = ""
    """Of the lines below the header, in hexadecimal; empty where the zone was not read."""

    def is_from_the_future(self, now: float, known: int = 0) -> bool:
        """Tell whether this zone would keep all others away: see the function of this name."""
        return is_from_the_future(self.serial, now, known)

    @property
    def records(self) -> int:
        """The number of records."""
        return len(self.cnames) + sum(map(len, self.addresses.values()))


def record_type(address: str) -> str:
    """Return the type of record that holds ``address``: A or AAAA."""
    return "AAAA" if ":" in address else "A"


def canonical_address(text: str) -> str | None:
    """Return an IP address in the text form of inet_ntop(3), or None if ``text`` is not one."""
    family = _FAMILIES[record_type(text)]
    try:
        return inet_ntop(family, inet_pton(family, text))
    except (OSError, ValueError):  # ValueError: a NUL, or characters that are not ASCII
        return None


def in_order(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return addresses once each, in the order in which a zone has them."""
    return tuple(sorted(set(addresses), key=lambda address: (record_type(address), address)))


def is_from_the_future(serial: int, now: float, known: int = 0) -> bool:
    """Tell whether a zone with this serial would keep all others away.

    Args:
        serial: of the zone.
        now: this machine's clock, which may be wrong.
        known: a serial that is trusted, such as that of the zone a machine was deployed with.

    """
    return serial > max(now, known) + DAY


def render(zone: Zone) -> str:
    """Return the text of the zone.conf for ``zone``: always the same for the same zone."""
    records = sorted(_records(zone))
    without = sorted(f"{name}." for name, known in zone.addresses.items() if not known)
    body = f'local-zone: "{zone.domain}." transparent\n'
    body += "".join(f"# {_WITHOUT_ADDRESS}: {name}\n" for name in without)
    body += "".join(f'local-data: "{" ".join(record)}"\n' for record in records)
    return (
        f"# dm-dns zone {FORMAT}\n"
        f"# serial: {zone.serial}\n"
        f"# records: {len(records)}\n"
        f"# sha256: {hashlib.sha256(body.encode('ascii')).hexdigest()}\n"
        f"{body}"
    )


def _records(zone: Zone) -> Iterator[tuple[str, str, str]]:
    # Owner and target with their final dot, so that sorting these sorts the lines.
    for owner, target in zone.cnames.items():
        yield f"{owner}.", "CNAME", f"{target}."
    for owner, addresses in zone.addresses.items():
        for address in addresses:
            yield f"{owner}.", record_type(address), address


def read(path: Path, domain: str) -> Zone:
    """Read and parse the zone.conf at ``path``.

    Raises:
        OSError: the file cannot be read.
        FileError: it is not a valid zone.conf of ``domain``.

    """
    return parse(files.read(path, limits.MAX_SIZE), domain, str(path))


def parse(content: bytes, domain: str | None, path: str) -> Zone:
    """Parse the ``content`` of a zone.conf; ``path`` names the file in messages.

    Accepted are what `render` writes and, with serial 0, what clan-core's own dm-dns writes: no
    header, lines in any order and possibly twice, names in any case.

    Args:
        content: what the file contains.
        domain: the domain (canonical) that the zone must have; None: the one that the file names.
        path: the file.

    Raises:
        FileError: the content is anything else.

    """
    return _Parser(content, domain, path).parse()


def read_domain(content: bytes, path: str) -> str:
    """Return the domain (canonical) that a zone.conf names; only lines up to that are checked.

    Raises:
        FileError: the header is not valid, or the file names no domain.

    """
    return _Parser(content, None, path).start_of_zone()[1]


def read_serial(content: bytes, path: str) -> int:
    """Return the serial of a zone.conf, of which only the header and the domain are checked.

    Raises:
        FileError: the header is not valid, or the file names no domain.

    """
    return _Parser(content, None, path).start_of_zone()[0]


class _Parser:
    """One run over one file."""

    def __init__(self, content: bytes, domain: str | None, path: str) -> None:
        self.content = content
        self.expected = domain
        self.path = path
        self.count = content.count(b"\n")  # of lines
        # clan-core's dm-dns writes no header, and neither sorts the lines nor changes the case.
        self.has_header = content.startswith(b"#")
        self.start = len(_HEADER) if self.has_header else 0
        self.check_form()
        self.first = list(islice(self.lines(), len(_HEADER) + 1))
        self.first_record = self.start + 1 + self.count_comments()
        self.cnames: dict[str, str] = {}
        self.addresses: dict[str, tuple[str, ...]] = {}
        # All but the first of each name, in order and once each: most names have only one.
        self.more: dict[str, dict[str, None]] = {}

    def fail(self, line: int, reason: str) -> NoReturn:
        raise FileError(self.path, line, reason)

    def parse(self) -> Zone:
        serial, self.domain = self.start_of_zone()
        self.comments()
        self.records()
        self.rules()
        for owner, more in self.more.items():
            known = (*self.addresses[owner], *more)
            self.addresses[owner] = known if self.has_header else in_order(known)
        return Zone(self.domain, serial, self.cnames, self.addresses, self.sha256())

    def start_of_zone(self) -> tuple[int, str]:
        """Return the serial and the domain, which stand before all records."""
        serial = self.header() if self.has_header else 0
        return serial, self.zone_line()

    def check_form(self) -> None:
        """Check the limits, and that all lines are ASCII and have their newline."""
        content = self.content
        if not content:
            self.fail(1, "the file is empty; a zone.conf has at least its local-zone line")
        if len(content) > limits.MAX_SIZE:
            size = f"it has {len(content)} bytes or more"
            self.fail(1, f"{size}, and the limit is {limits.MAX_SIZE} bytes")
        lines = self.count - self.start - 1
        if lines > limits.MAX_RECORDS:
            line = self.start + limits.MAX_RECORDS + 2
            found = f"it has {lines} records and comments"
            self.fail(line, f"{found}, and the limit is {limits.MAX_RECORDS}")
        start = 0
        # From one newline to the last that is near enough to it.
        while (end := content.rfind(b"\n", start, start + limits.MAX_LINE + 1)) >= 0:
            start = end + 1
        if len(content) - start > limits.MAX_LINE:
            end = content.find(b"\n", start)
            length = (len(content) if end < 0 else end) - start
            line = content.count(b"\n", 0, start) + 1
            self.fail(line, f"the line has {length} bytes, and the limit is {limits.MAX_LINE}")
        if foreign := _NOT_ASCII.search(content):
            line = content.count(b"\n", 0, foreign.start()) + 1
            self.fail(line, f"byte 0x{foreign[0][0]:02x} is not ASCII")
        if start < len(content):
            self.fail(self.count + 1, f"the last line has no newline: {_CUT_SHORT}")

    def lines(self) -> Iterator[str]:
        """Yield all lines, of which only a few are in memory at any time."""
        start = 0
        while start < len(self.content):
            end = self.content.rfind(b"\n", start, start + _PIECE)
            yield from self.content[start:end].decode("ascii").split("\n")
            start = end + 1

    def count_comments(self) -> int:
        """Return the number of comments between the local-zone line and the first record."""
        lines = islice(self.lines(), self.start, None)
        if next(lines, "#").startswith("#"):
            return 0
        return sum(1 for _ in takewhile(lambda line: line.startswith("#"), lines))

    def sha256(self) -> str:
        start = 0
        for _ in range(self.start):
            start = self.content.index(b"\n", start) + 1
        return hashlib.sha256(memoryview(self.content)[start:]).hexdigest()

    def header(self) -> int:
        """Check the header against the file and return its serial."""
        values = []
        for number, (form, pattern) in enumerate(_HEADER.items(), start=1):
            line = self.first[number - 1] if number <= len(self.first) else ""
            match = pattern.fullmatch(line)
            if match is None:
                self.fail(number, f"expected '{form}', found {_shown(line)}")
            values.append(match[1])
            if number == 1 and int(match[1]) != FORMAT:  # whose other lines may be others
                self.fail(1, f"this dm-dns does not know zone format {match[1]}: update dm-dns")
        _version, serial, count, sha256 = values
        if self.count == len(_HEADER):
            self.fail(len(_HEADER), f"the file ends with its header: {_CUT_SHORT}")
        if int(serial) > MAX_SERIAL:
            self.fail(2, f"serial {serial} is larger than {MAX_SERIAL}")
        actual = self.count - self.first_record
        if int(count) != actual:
            self.fail(3, f"the header counts {count} records, the file has {actual}: {_CUT_SHORT}")
        if sha256 != self.sha256():
            self.fail(4, f"the hash is not that of the lines below the header: {_CUT_SHORT}")
        return int(serial)

    def zone_line(self) -> str:
        """Return the domain that the local-zone line names."""
        number = self.start + 1
        line = self.first[self.start] if self.start < len(self.first) else ""
        named = re.fullmatch(r'local-zone: "([^"]*)\." transparent', line)
        domain = self.expected or (named[1] if named else "DOMAIN")
        if line != f'local-zone: "{domain}." transparent':
            expected = f'local-zone: "{domain}." transparent'
            self.fail(number, f"expected '{expected}', found {_shown(line)}")
        if self.expected is None:
            try:
                names.check_domain(domain)
            except names.InvalidNameError as error:
                self.fail(number, f"the domain {_shown(domain)} is not a valid name: {error}")
        return domain

    def comments(self) -> None:
        """Read the comments, of which a newer dm-dns may write more."""
        previous = ""
        lines = islice(self.lines(), self.start + 1, self.first_record)
        for number, line in enumerate(lines, start=self.start + 2):
            match = _COMMENT.fullmatch(line)
            if match is None:
                self.fail(number, f"expected a comment '# key: value', found {_shown(line)}")
            if line <= previous:
                self.fail(number, "the comments are not sorted, or this one is repeated")
            previous = line
            key, value = match.groups()
            if key == _WITHOUT_ADDRESS:
                self.addresses[self.machine(number, value)] = ()

    def machine(self, number: int, value: str) -> str:
        """Return the canonical name of the machine that a comment names."""
        name = value.removesuffix(".")
        if (
            name == value
            or len(name) > names.MAX_NAME
            or not _machine_pattern(self.domain).fullmatch(name)
        ):
            reason = f"is not a machine's name below the domain '{self.domain}.'"
            self.fail(number, f"{_shown(value)} {reason}")
        if name == f"{names.STATUS_LABEL}.{self.domain}":
            self.fail(number, f"{_shown(value)} is reserved for the status of dm-dns")
        return name

    def records(self) -> None:
        """Read all lines below the comments."""
        match_record = _record_pattern(self.domain, any_case=not self.has_header).fullmatch
        cnames = self.cnames
        targets: dict[str, str] = {}  # one string for each machine, not one for each record
        previous = ""
        lines = islice(self.lines(), self.first_record, None)
        for number, line in enumerate(lines, start=self.first_record + 1):
            match = match_record(line)
            if match is None:
                self.fail(number, self.why(line))
            if self.has_header and line <= previous:
                self.fail(number, "the lines are not sorted, or this line is repeated")
            previous = line
            owner, target, kind, address = match.groups()
            owner = owner.lower()
            if len(owner) > names.MAX_NAME:
                self.fail(number, _why(line, self.domain))
            if target is None:
                self.add_address(number, owner, kind, address)
                continue
            if target not in targets:
                targets[target] = self.target(number, target)
            if cnames.setdefault(owner, targets[target]) != targets[target]:
                self.fail(
                    number,
                    f"a second CNAME for {owner}, which already points to {cnames[owner]}: a name"
                    " of several machines needs their addresses instead",
                )

    def add_address(self, number: int, owner: str, kind: str, address: str) -> None:
        if address != canonical_address(address) or kind != record_type(address):
            self.fail(number, f"{_shown(address)} is not an address of type {kind}")
        first = self.addresses.setdefault(owner, (address,))
        if not first:
            self.fail(number, f"an address of {owner}, which a comment says has none")
        if first == (address,):
            return
        more = self.more.setdefault(owner, {})
        more[address] = None
        if len(more) >= limits.MAX_ADDRESSES:
            count = 1 + len(more)
            limit = f"the limit is {limits.MAX_ADDRESSES}"
            self.fail(number, f"{owner} has {count} addresses or more, and {limit}")

    def target(self, number: int, name: str) -> str:
        """Return the canonical target of the CNAME in a line."""
        name = name.lower() if not self.has_header else name
        if len(name) > names.MAX_NAME:  # the pattern has checked all else
            try:
                names.check(name)
            except names.InvalidNameError as error:
                self.fail(number, f"the target {_shown(name)} is not a valid name: {error}")
        if name == f"{names.STATUS_LABEL}.{self.domain}":
            self.fail(number, f"the target {name} is reserved for the status of dm-dns")
        return name

    def why(self, line: str) -> str:
        """Return the rule that a line breaks if it is not a record."""
        if _record_pattern(self.domain, any_case=True).fullmatch(line) and self.has_header:
            return f"upper case, which no line below a header has: {_shown(line)}"
        return _why(line, self.domain)

    def rules(self) -> None:
        """Check the rules that concern more than one line."""
        for owner in sorted(self.cnames.keys() & self.addresses.keys()):
            self.fail(self.find_line(owner), f"a CNAME and an address for one name: {owner}")
        reserved = f"{names.STATUS_LABEL}.{self.domain}"
        if reserved in self.cnames or reserved in self.addresses:
            self.fail(self.find_line(reserved), f"{reserved} is reserved for the status of dm-dns")
        self.check_chains()

    def check_chains(self) -> None:
        """Check that no name is an alias of an alias and so on, or of itself."""
        cnames = self.cnames
        for owner, target in cnames.items():
            name, depth = target, 1
            while name in cnames and depth <= limits.MAX_CHAIN:
                name, depth = cnames[name], depth + 1
            if depth > limits.MAX_CHAIN:
                self.fail_chain(owner)

    def fail_chain(self, start: str) -> NoReturn:
        """Say what is wrong with the chain of CNAMEs that begins at ``start``."""
        chain: set[str] = set()
        owner = start
        while owner in self.cnames:
            if owner in chain:
                reason = f"a CNAME loop: {owner} points to itself, directly or through others"
                self.fail(self.find_line(owner), reason)
            chain.add(owner)
            owner = self.cnames[owner]
        self.fail(
            self.find_line(start),
            f"{start} leads to its addresses through {len(chain)} CNAMEs, and the limit is"
            f" {limits.MAX_CHAIN}",
        )

    def find_line(self, owner: str) -> int:
        """Return the number of the last line about ``owner``, for a message."""
        return max(
            number
            for number, line in enumerate(self.lines(), start=1)
            if line.lower().startswith(f'local-data: "{owner}. ')
        )


@cache
def _record_pattern(domain: str, *, any_case: bool) -> re.Pattern[str]:
    flags = "i" if any_case else ""
    below = rf"(?:\.{names.LABEL})*\.{re.escape(domain)}"
    owner = rf"(?{flags}:(?:\*|{names.LABEL}){below})"
    target = rf"(?{flags}:{names.LABEL}{below})"
    return re.compile(rf'local-data: "({owner})\. (?:CNAME ({target})\.|(A|AAAA) ([0-9a-f.:]+))"')


@cache
def _machine_pattern(domain: str) -> re.Pattern[str]:
    return re.compile(rf"{names.LABEL}\.{re.escape(domain)}")


def _shown(text: str) -> str:
    """Return ``text`` for a message: one line, no control characters, not too long."""
    return ascii(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")


def _why(line: str, domain: str) -> str:  # noqa: PLR0911 - one return for each rule
    """Return the rule that ``line``, which is not a record of ``domain``, breaks."""
    data = re.fullmatch(r'local-data: "([^"]*)"', line)
    if data is None:
        if line.startswith("local-zone:"):
            return "a second local-zone line; a zone.conf has exactly one"
        if line.startswith("#"):
            return "a comment; all comments of a zone.conf stand above its records"
        return f"neither a local-zone nor a local-data line: {_shown(line)}"
    owner, kind, *rdata = [*data[1].split(" "), "", ""][: max(3, data[1].count(" ") + 1)]
    try:
        if not names.is_below(owner.lower(), f"{domain}."):
            return f"{_shown(owner)} is not below the domain '{domain}.'"
        names.check(owner.lower().removesuffix("."))
    except names.InvalidNameError as error:
        return f"{_shown(owner)} is not a valid name: {error}"
    if kind not in {"CNAME", *_FAMILIES}:
        return f"expected CNAME, A or AAAA after the name, found {_shown(kind)}"
    if len(rdata) != 1 or kind != "CNAME":
        what = "name" if kind == "CNAME" else "address"
        return f"expected one {what} after {kind}, found {_shown(' '.join(rdata))}"
    return f"the target {_shown(rdata[0])} is not a name below the domain '{domain}.'"
