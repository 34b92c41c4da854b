"""zone.conf, the file in which a zone travels: its model, parser and renderer.

The file is a comment header and, below it, a ``local-zone`` line, comments and ``local-data``
lines, so that unbound and clan-core's own dm-dns can include it as it is. Nothing else is accepted:
the file comes over the network, and whoever can sign it must be able to name hosts and nothing
else.

What only dm-dns understands is in the comments, each ``# key: value``. A reader ignores those whose
key it does not know. ``machine-without-address`` names a machine that has no local-data.
``shared-name`` has a name whose addresses are those of several machines or devices, and one of
these. Others are about local networks (`local_lines`).
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn

from dm_dns import files
from dm_dns.errors import FileError
from dm_dns.zone import conf_lines, limits, names
from dm_dns.zone.conf_lines import SHARED, WITHOUT_ADDRESS, Comments, Records
from dm_dns.zone.local_lines import NO_LOCAL, Local, LocalLines, too_many
from dm_dns.zone.reasons import shown

MAX_SERIAL: Final = 2**32 - 1
"""Largest serial: it becomes the SOA's, which has 32 bits (RFC 1035, section 3.3.13)."""

DAY: Final = 86400
"""Seconds by which a serial may be ahead: clocks differ, and serials are raised by one."""

FORMAT: Final = 1
"""Version of the format, in the header's first line."""

_CUT_SHORT: Final = "it was cut short or changed; send it again"
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
_FAMILIES: Final = {"A": AF_INET, "AAAA": AF_INET6}
_END_OF_COMMENTS: Final = re.compile(rb"\n(?!#)")
_HEADER: Final = {
    "# dm-dns zone VERSION": re.compile(r"# dm-dns zone (0|[1-9][0-9]{0,9})"),
    "# serial: NUMBER": re.compile(r"# serial: (0|[1-9][0-9]{0,19})"),
    "# records: NUMBER": re.compile(r"# records: (0|[1-9][0-9]{0,19})"),
    "# sha256: 64 hexadecimal digits": re.compile(r"# sha256: ([0-9a-f]{64})"),
}


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
    shared: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """The names that have the addresses of several machines or devices, and the full names of
    these, sorted."""
    local: Local = NO_LOCAL
    """The local networks, and the addresses there, which no record has."""

    def is_from_the_future(self, now: float, known: int = 0) -> bool:
        """Tell whether this zone would keep all others away: see the function of this name."""
        return is_from_the_future(self.serial, now, known)

    @property
    def names(self) -> int:
        """The number of names."""
        return len(self.cnames) + len(self.addresses)

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
    without = (name for name, known in zone.addresses.items() if not known)
    # Where several machines have local addresses only, these say that the name exists.
    comments = [f"# {WITHOUT_ADDRESS}: {name}." for name in without if name not in zone.shared]
    comments += [
        f"# {SHARED}: {name}. {machine}." for name in zone.shared for machine in zone.shared[name]
    ]
    comments += zone.local.lines()
    body = f'local-zone: "{zone.domain}." transparent\n'
    body += "".join(f"{comment}\n" for comment in sorted(comments))
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
    """One run over one file: each step checks more of it, and the last makes a zone of it."""

    def __init__(self, content: bytes, domain: str | None, path: str) -> None:
        self.content = content
        self.expected = domain
        self.path = path
        self.count = content.count(b"\n")  # of lines
        # clan-core's dm-dns writes no header, and neither sorts the lines nor changes the case.
        self.has_header = content.startswith(b"#")
        self.start = len(_HEADER) if self.has_header else 0
        self.check_form()
        self.first, ends = self.first_lines()
        self.body_at = ends[min(self.start, len(self.first))]
        self.comments_at = ends[-1]
        self.records_at = self.end_of_comments()
        self.numbers: list[int] = []  # of the lines of records, if they had to be sorted

    def fail(self, line: int, reason: str) -> NoReturn:
        raise FileError(self.path, line, reason)

    def fail_at(self, offset: int, reason: str, *, after: int = 0) -> NoReturn:
        """Fail at the line that begins at ``offset``, or so many lines after it."""
        if self.numbers and offset >= self.records_at:
            index = self.content.count(b"\n", self.records_at, offset)
            self.fail(self.numbers[index + after], reason)
        self.fail(self.content.count(b"\n", 0, offset) + 1 + after, reason)

    def parse(self) -> Zone:
        serial, domain = self.start_of_zone()
        sha256 = self.sha256()
        if not self.has_header:
            self.sort()
        comments = Comments(domain)
        self.check(comments, self.comments_at, self.records_at)
        records = Records(domain, comments.machines)
        self.check(records, self.records_at, len(self.content))
        self.check_chains(records.targets)
        addresses: dict[str, tuple[str, ...]] = dict.fromkeys(comments.machines, ())
        cnames = self.read_records(records.targets, addresses)
        local = NO_LOCAL
        if comments.local:
            local = self.read_local(comments.local, addresses, cnames)
        shared = {name: tuple(machines) for name, machines in comments.shared.items()}
        self.check_shared(shared, addresses, cnames, local)
        for name in shared:
            addresses.setdefault(name, ())
        return Zone(domain, serial, cnames, addresses, sha256, shared, local)

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
        if not self.has_header and len(content) > limits.MAX_UNSORTED:
            limit = f"without a header the limit is {limits.MAX_UNSORTED} bytes"
            self.fail(1, f"it has {len(content)} bytes, and {limit}")
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
            reason = f"the line has {length} bytes, and the limit is {limits.MAX_LINE}"
            self.fail(content.count(b"\n", 0, start) + 1, reason)
        if not content.isascii() and (foreign := _NOT_ASCII.search(content)):
            line = content.count(b"\n", 0, foreign.start()) + 1
            self.fail(line, f"byte 0x{foreign[0][0]:02x} is not ASCII")
        if start < len(content):
            self.fail(self.count + 1, f"the last line has no newline: {_CUT_SHORT}")

    def first_lines(self) -> tuple[list[str], list[int]]:
        """Return the lines up to the local-zone line, and the offsets between them."""
        offsets = [0]
        for _ in range(min(self.start + 1, self.count)):
            offsets.append(self.content.index(b"\n", offsets[-1]) + 1)
        lines = [self.content[at : end - 1].decode("ascii") for at, end in pairwise(offsets)]
        return lines, offsets

    def end_of_comments(self) -> int:
        """Return the offset of the first record."""
        # A comment in the place of the local-zone line is told as that.
        if self.first[-1].startswith("#") or not self.content.startswith(b"#", self.comments_at):
            return self.comments_at
        end = _END_OF_COMMENTS.search(self.content, self.comments_at)
        return end.end() if end else len(self.content)

    def sha256(self) -> str:
        return hashlib.sha256(memoryview(self.content)[self.body_at :]).hexdigest()

    def header(self) -> int:
        """Check the header against the file and return its serial."""
        values = []
        for number, (form, pattern) in enumerate(_HEADER.items(), start=1):
            line = self.first[number - 1] if number <= len(self.first) else ""
            match = pattern.fullmatch(line)
            if match is None:
                self.fail(number, f"expected '{form}', found {shown(line)}")
            values.append(match[1])
            if number == 1 and int(match[1]) != FORMAT:  # whose other lines may be others
                self.fail(1, f"this dm-dns does not know zone format {match[1]}: update dm-dns")
        _version, serial, count, sha256 = values
        if self.count == len(_HEADER):
            self.fail(len(_HEADER), f"the file ends with its header: {_CUT_SHORT}")
        if int(serial) > MAX_SERIAL:
            self.fail(2, f"serial {serial} is larger than {MAX_SERIAL}")
        actual = self.content.count(b"\n", self.records_at)
        if int(count) != actual:
            self.fail(3, f"the header counts {count} records, the file has {actual}: {_CUT_SHORT}")
        if sha256 != self.sha256():
            self.fail(4, f"the hash is not that of the lines below the header: {_CUT_SHORT}")
        return int(serial)

    def zone_line(self) -> str:
        """Return the domain that the local-zone line names."""
        number = self.start + 1
        line = self.first[self.start]
        named = re.fullmatch(r'local-zone: "([^"]*)\." transparent', line)
        domain = self.expected or (named[1] if named else "DOMAIN")
        if line != f'local-zone: "{domain}." transparent':
            expected = f'local-zone: "{domain}." transparent'
            self.fail(number, f"expected '{expected}', found {shown(line)}")
        if self.expected is None and not names.DOMAIN.fullmatch(domain):
            try:
                names.check_domain(domain)
            except names.InvalidNameError as error:
                self.fail(number, f"the domain {shown(domain)} is not a valid name: {error}")
        return domain

    def sort(self) -> None:
        """Bring the records into the form that they have below a header."""
        lines = self.content[self.records_at :].decode("ascii").split("\n")[:-1]
        first = self.content.count(b"\n", 0, self.records_at) + 1
        numbers: dict[str, int] = {}
        for number, line in enumerate(lines, first):
            numbers.setdefault(_in_lower_case(line), number)
        lines = sorted(numbers)
        self.numbers = [numbers[line] for line in lines]
        records = "".join(f"{line}\n" for line in lines)
        self.content = self.content[: self.records_at] + records.encode("ascii")

    def check(self, checker: Comments | Records, start: int, end: int) -> None:
        """Check the lines of a part of the file."""
        for offset, piece in conf_lines.pieces(self.content, start, end):
            if broken := checker.check(piece):
                self.fail_at(offset, broken.reason, after=broken.after)

    def check_chains(self, targets: Iterable[str]) -> None:
        """Check that no name is an alias of an alias and so on, or of itself."""
        # What is not a target can only be the first name of a chain.
        found = ((target, self.target_of(target)) for target in sorted(targets))
        aliases = {owner: target for owner, target in found if target}
        for start in aliases:
            name, length = start, 1
            while name in aliases and length <= limits.MAX_CHAIN:
                name, length = aliases[name], length + 1
            if length > limits.MAX_CHAIN:
                self.fail_chain(start, aliases)

    def fail_chain(self, start: str, aliases: Mapping[str, str]) -> NoReturn:
        """Say what is wrong with the chain of CNAMEs from a name that points to ``start``."""
        chain: set[str] = set()
        name = start
        while name in aliases:
            if name in chain:
                loop = f"a CNAME loop: {name[:-1]} points to itself, directly or through others"
                self.fail_at(self.find(name), loop)
            chain.add(name)
            name = aliases[name]
        end = self.content.index(f' CNAME {start}"\n'.encode(), self.records_at)
        offset = self.content.rindex(b"\n", 0, end) + 1
        [(first, _kind, _target)] = conf_lines.fields(self.line(offset))
        length = f"{first[:-1]} leads to its addresses through {len(chain) + 1} CNAMEs"
        self.fail_at(offset, f"{length}, and the limit is {limits.MAX_CHAIN}")

    def target_of(self, owner: str) -> str | None:
        """Return what the CNAME of a name points to; None if the name has none."""
        for found, kind, data in conf_lines.fields(self.line(self.find(owner))):
            if (found, kind) == (owner, "CNAME"):
                return data
        return None

    def line(self, offset: int) -> bytes:
        """Return the line that begins at ``offset``; empty at the end of the file."""
        return self.content[offset : self.content.find(b"\n", offset) + 1]

    def find(self, owner: str) -> int:
        """Return the offset of the first record of a name, or of where it would be."""
        start = f'local-data: "{owner} '.encode()
        low, high = self.records_at, len(self.content)
        while low < high:
            # The line that has the byte in the middle.
            line = max(low, self.content.rfind(b"\n", low, (low + high) // 2) + 1)
            if self.content[line : line + len(start)] < start:
                low = self.content.index(b"\n", line) + 1
            else:
                high = line
        return low

    def read_local(
        self,
        lines: LocalLines,
        addresses: dict[str, tuple[str, ...]],
        cnames: Collection[str],
    ) -> Local:
        """Return what comments say of local networks; names exist because of them."""
        if problem := lines.problem(addresses, cnames):
            line, reason = problem
            self.fail_at(self.content.index(f"\n{line}\n".encode()) + 1, reason)
        for name in lines.owners:
            addresses.setdefault(name, ())
        return lines.local()

    def check_shared(
        self,
        shared: Mapping[str, tuple[str, ...]],
        addresses: Mapping[str, Collection[str]],
        cnames: Collection[str],
        local: Local,
    ) -> None:
        """Check what comments say of the names that several machines share."""
        total = 0
        for name, machines in shared.items():
            if name in cnames or name in local.addresses:
                self.fail_shared(name, machines[0], f"{name} is not a name of several machines")
            count = len(addresses.get(name, ()))
            for machine in machines:
                more = len(local.addresses.get(machine, ()))
                count, total = count + more, total + more
                if count > limits.MAX_ADDRESSES:
                    self.fail_shared(name, machine, too_many(name, count))
                if total > limits.MAX_RECORDS:
                    limit = f"the limit is {limits.MAX_RECORDS}"
                    reason = f"shared names have {total} local addresses or more, and {limit}"
                    self.fail_shared(name, machine, reason)

    def fail_shared(self, name: str, machine: str, reason: str) -> NoReturn:
        line = f"\n# {SHARED}: {name}. {machine}.\n"
        self.fail_at(self.content.index(line.encode()) + 1, reason)

    def read_records(
        self, targets: Iterable[str], addresses: dict[str, tuple[str, ...]]
    ) -> dict[str, str]:
        """Return the CNAMEs, and put the other names into ``addresses``; all has been checked."""
        cnames: dict[str, str] = {}
        # Most names have one address: a tuple is smaller than a list.
        more: dict[str, list[str]] = {}
        # One string for all CNAMEs that point to it.
        shared = {target: target[:-1] for target in targets}
        last = ""
        for _offset, piece in conf_lines.pieces(self.content, self.records_at, len(self.content)):
            for owner, kind, data in conf_lines.fields(piece):
                if kind == "CNAME":
                    cnames[owner[:-1]] = shared[data]
                elif owner == last:
                    more.setdefault(owner[:-1], []).append(data)
                else:
                    addresses[owner[:-1]] = (data,)
                    last = owner
        for name, others in more.items():
            addresses[name] += tuple(others)
        return cnames


def _in_lower_case(line: str) -> str:
    """Return a line with the names of its record in lower case."""
    fields = line.split(" ")
    if fields[0] == "local-data:" and len(fields) == len(("key", "owner", "type", "data")):
        fields[1] = fields[1].lower()
        if fields[2] == "CNAME":
            fields[3] = fields[3].lower()
    return " ".join(fields)
