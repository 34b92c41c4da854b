"""The lines of a zone.conf below its local-zone line: comments, and then records.

Whoever signs a zone decides how much there is to check before it is refused, and what is refused
should cost less than what is served. So lines are checked in pieces of many, of which nothing is
kept but a few names, of which there is a limit. One expression for a whole piece takes a fraction
of the time of one for each line. Only a piece that it does not match is checked line by line, which
finds the line and the rule.
"""

import re
from collections.abc import Collection, Iterator
from functools import cache
from itertools import chain, repeat
from operator import lt
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final, NamedTuple

from dm_dns.zone import limits, local_lines, names
from dm_dns.zone.local_lines import LocalLines
from dm_dns.zone.reasons import (
    record_pattern,
    shown,
    why_not_a_machine,
    why_not_a_name,
    why_not_a_record,
    why_reserved,
)

WITHOUT_ADDRESS: Final = "machine-without-address"
"""The key of a comment that names a machine of which no address is known."""

SHARED: Final = "shared-name"
"""The key of a comment that names what has the addresses of several machines, and one of them."""

_PIECE: Final = 2**16  # bytes; longer than any line
_FAMILIES: Final = {"A": AF_INET, "AAAA": AF_INET6}
_COMMENT: Final = re.compile(rb"# [a-z][a-z0-9-]*+: (?! )[ -~]++(?<! )")
_COMMENTS: Final = re.compile(rb"(?:%b\n)*+" % _COMMENT.pattern)
_MACHINE: Final = f"# {WITHOUT_ADDRESS}: ".encode()
_SHARED: Final = f"# {SHARED}: ".encode()
_LOCAL: Final = f"# {local_lines.START}".encode()
_LETTERS: Final = b"abcdefghijklmnopqrstuvwxyz0123456789_-"
_LETTERS_TO_A: Final = bytes.maketrans(_LETTERS, b"a" * len(_LETTERS))
_LONG_LABEL: Final = b"a" * (names.MAX_LABEL + 1)


class Broken(NamedTuple):
    """A line of a piece that breaks a rule."""

    after: int
    """The number of lines that stand before it in the piece."""
    reason: str


def pieces(content: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a part of ``content``, many at a time, with the offset of the first."""
    while start < end:
        stop = content.rfind(b"\n", start, min(start + _PIECE, end)) + 1
        yield start, content[start:stop]
        start = stop


def fields(piece: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield owner, type and data of each record of a piece; names have their final dot."""
    # Each line is: local-data: "OWNER TYPE DATA"
    words = piece.translate(None, b'"').decode("ascii").split()
    return zip(words[1::4], words[2::4], words[3::4], strict=True)


class Comments:
    """Checks comments that follow each other; a newer dm-dns may write other kinds of them."""

    def __init__(self, domain: str) -> None:
        """Take the domain of the zone."""
        self.machines: dict[str, None] = {}
        """The full names of those without an address, in order."""
        self.shared: dict[str, list[str]] = {}
        """The full names that several machines share, and those of the machines, in order."""
        self.local: LocalLines | None = None
        """What is said of local networks; None: nothing."""
        self._domain = domain
        self._previous = b""
        self._count = 0  # of the machines of shared names

    def check(self, piece: bytes) -> Broken | None:
        """Return what is wrong with the next lines, which are ASCII; None if nothing is."""
        lines = _lines(piece)
        are_comments = _COMMENTS.fullmatch(piece) and _are_sorted(self._previous, lines)
        for after, line in enumerate(lines):
            if not are_comments and (reason := self._why_not(line)):
                return Broken(after, reason)
            if line.startswith(_MACHINE) and (reason := self._why_not_machine(line)):
                return Broken(after, reason)
            if line.startswith(_SHARED) and (reason := self._why_not_shared(line)):
                return Broken(after, reason)
            if line.startswith(_LOCAL):
                self.local = self.local or LocalLines(self._domain)
                if reason := self.local.check(line.decode("ascii")):
                    return Broken(after, reason)
            self._previous = line
        return None

    def _why_not(self, line: bytes) -> str | None:
        """Return the rule for all comments that the next line breaks."""
        if not _COMMENT.fullmatch(line):
            return f"expected a comment '# key: value', found {shown(line.decode('ascii'))}"
        if line <= self._previous:
            return "the comments are not sorted, or this one is repeated"
        return None

    def _why_not_machine(self, line: bytes) -> str | None:
        """Return the rule that the name in the next line breaks; remember it if it breaks none."""
        value = line.removeprefix(_MACHINE).decode("ascii")
        if reason := why_not_a_machine(value, self._domain):
            return reason
        if len(self.machines) == limits.MAX_MACHINES:
            return (
                f"there are more machines without an address than the limit, {limits.MAX_MACHINES}"
            )
        self.machines[value.removesuffix(".")] = None
        return None

    def _why_not_shared(self, line: bytes) -> str | None:
        """Return the rule that the names in the next line break; remember them if none."""
        words = line.removeprefix(_SHARED).decode("ascii").split(" ")
        if len(words) != len(("name", "machine")):
            return f"expected NAME MACHINE after {SHARED}"
        name, machine = words
        reason = (
            why_not_a_name(name, self._domain)
            or why_reserved(name, self._domain)
            or why_not_a_machine(machine, self._domain)
        )
        if reason:
            return reason
        if name == machine:
            return f"{name[:-1]} is a name of several machines, and not one of these"
        self._count += 1
        if self._count > limits.MAX_SHARED:
            return f"more machines share names than the limit, {limits.MAX_SHARED}"
        self.shared.setdefault(name[:-1], []).append(machine[:-1])
        return None


class Records:
    """Checks records that follow each other: sorted, each once, and in lower case."""

    def __init__(self, domain: str, without_address: Collection[str]) -> None:
        """Take the domain, and the machines of which comments say that they have no address."""
        self.targets: set[str] = set()
        """What CNAMEs point to: full names with their final dot."""
        self._domain = domain
        self._without_address = {f"{name}." for name in without_address}
        self._previous = b""
        self._owner = ""
        self._count = 0  # of the records of that owner so far

    def check(self, piece: bytes) -> Broken | None:
        """Return what is wrong with the next lines, which are ASCII; None if nothing is."""
        lines = _lines(piece)
        if not self._are_valid(piece, lines):
            for index, line in enumerate(lines):
                if reason := self._why_not(line):
                    return Broken(index, reason)
                self._previous = line
        self._previous = lines[-1]
        return None

    def _are_valid(self, piece: bytes, lines: list[bytes]) -> bool:
        """Tell whether the next lines break no rule; then remember what rules need later."""
        if (
            not _records_pattern(self._domain).fullmatch(piece)
            or _has_bad_label(piece)
            or not _are_sorted(self._previous, lines)
        ):
            return False
        last, count = self._owner, self._count
        targets: set[str] = set()
        addresses: dict[str, list[str]] = {kind: [] for kind in _FAMILIES}
        # All records of a name follow each other, and a CNAME follows its addresses.
        for owner, kind, data in fields(piece):
            if owner != last:
                last, count = owner, 1
                if owner in self._without_address:
                    return False
            else:
                count += 1
                if kind == "CNAME" or count > limits.MAX_ADDRESSES:
                    return False
            if kind == "CNAME":
                targets.add(data)
            else:
                addresses[kind].append(data)
        targets -= self.targets
        if len(self.targets) + len(targets) > limits.MAX_MACHINES:
            return False
        if not all(_are_addresses(kind, texts) for kind, texts in addresses.items()):
            return False
        self._owner, self._count = last, count
        self.targets |= targets
        return True

    def _why_not(self, text: bytes) -> str | None:
        """Return the rule that the next line breaks; if it breaks none, remember it as above."""
        line = text.decode("ascii")
        match = record_pattern(self._domain, any_case=False).fullmatch(line)
        if match is None or len(match[1]) > names.MAX_NAME:
            return why_not_a_record(line, self._domain)
        if text <= self._previous:
            return "the lines are not sorted, or this line is repeated"
        name, target, kind, address = match.groups()
        if name == f"{names.STATUS_LABEL}.{self._domain}":
            return f"{name} is reserved for the status of dm-dns"
        owner = f"{name}."
        self._count = self._count + 1 if owner == self._owner else 1
        self._owner = owner
        if target is None:
            return self._why_not_address(name, kind, address)
        return self._why_not_alias(name, target)

    def _why_not_address(self, name: str, kind: str, address: str) -> str | None:
        if not _are_addresses(kind, [address]):
            return f"{shown(address)} is not an address of type {kind}"
        if self._owner in self._without_address:
            return f"an address of {name}, which a comment says has none"
        if self._count > limits.MAX_ADDRESSES:
            limit = f"the limit is {limits.MAX_ADDRESSES}"
            return f"{name} has {self._count} addresses or more, and {limit}"
        return None

    def _why_not_alias(self, name: str, target: str) -> str | None:
        if self._count > 1:
            [(_owner, kind, before)] = fields(self._previous)
            if kind == "CNAME":
                return (
                    f"a second CNAME for {name}, which already points to {before[:-1]}: a name of"
                    " several machines needs their addresses instead"
                )
        if self._count > 1 or self._owner in self._without_address:
            return f"a CNAME and an address for one name: {name}"
        try:
            names.check(target)
        except names.InvalidNameError as error:
            return f"the target {shown(target)} is not a valid name: {error}"
        if target == f"{names.STATUS_LABEL}.{self._domain}":
            return f"the target {target} is reserved for the status of dm-dns"
        self.targets.add(f"{target}.")
        if len(self.targets) > limits.MAX_MACHINES:
            return f"CNAMEs point to more names than the limit, {limits.MAX_MACHINES}"
        return None


def _lines(piece: bytes) -> list[bytes]:
    return piece.split(b"\n")[:-1]


def _are_sorted(previous: bytes, lines: list[bytes]) -> bool:
    """Tell whether each line is greater than the one before it."""
    return all(map(lt, chain([previous], lines), lines))


def _has_bad_label(piece: bytes) -> bool:
    """Tell whether a label is empty, too long, or begins or ends with a hyphen.

    An expression takes several times as long.
    """
    ends = (b"..", b".-", b"-.")
    return any(end in piece for end in ends) or _LONG_LABEL in piece.translate(_LETTERS_TO_A)


def _are_addresses(kind: str, texts: list[str]) -> bool:
    """Tell whether all are addresses of that type, in the text form of inet_ntop(3)."""
    family = repeat(_FAMILIES[kind])
    try:
        return list(map(inet_ntop, family, map(inet_pton, family, texts))) == texts
    except OSError:
        return False


@cache
def _records_pattern(domain: str) -> re.Pattern[bytes]:
    """Return what matches lines that are records, as far as `_has_bad_label` does not say more."""
    end = rf"\.{re.escape(domain)}\."
    rest = rf"[a-z0-9_.-]{{0,{names.MAX_NAME}}}+(?<={end})"
    reserved = rf'(?!{names.STATUS_LABEL}{end}[ "])'
    owner = rf"{reserved}(?:\*(?=\.)|[a-z0-9_]){rest}"
    target = rf"{reserved}[a-z0-9_]{rest}"
    line = rf'local-data: "{owner} (?:CNAME {target}|(?:A|AAAA) [0-9a-f.:]++)"\n'
    return re.compile(f"(?:{line})*+".encode())
