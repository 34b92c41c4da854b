"""Why a line of a zone.conf is not a record, or has a wrong name, for the message about it."""

import re
from functools import cache
from typing import Final

from dm_dns.zone import names

ADDRESS_TYPES: Final = ("A", "AAAA")

_LONGEST_SHOWN: Final = 80  # characters of a bad line in a message


@cache
def record_pattern(domain: str, *, any_case: bool) -> re.Pattern[str]:
    """Return what matches a record of ``domain``: owner, target, type and address.

    Only the rules for labels are checked, not the length of names nor whether the address is one.
    """
    flags = "i" if any_case else ""
    below = rf"(?:\.{names.LABEL})*\.{re.escape(domain)}"
    owner = rf"(?{flags}:(?:\*|{names.LABEL}){below})"
    target = rf"(?{flags}:{names.LABEL}{below})"
    return re.compile(rf'local-data: "({owner})\. (?:CNAME ({target})\.|(A|AAAA) ([0-9a-f.:]+))"')


def shown(text: str) -> str:
    """Return ``text`` for a message: one line, no control characters, not too long."""
    return ascii(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")


def why_not_a_machine(name: str, domain: str) -> str | None:
    """Return why ``name``, with its final dot, cannot be a machine's; None if it can."""
    if not _is_one(_machine_pattern(domain), name):
        return f"{shown(name)} is not a machine's name below the domain '{domain}.'"
    return why_reserved(name, domain)


def why_not_a_name(name: str, domain: str) -> str | None:
    """Return why ``name``, with its final dot, is not one in the domain; None if it is."""
    if not _is_one(_name_pattern(domain), name):
        return f"{shown(name)} is not a name below the domain '{domain}.'"
    return None


def why_reserved(name: str, domain: str) -> str | None:
    """Return why nothing in a zone may have this name, with its final dot; None if it may."""
    if name == f"{names.STATUS_LABEL}.{domain}.":
        return f"{shown(name)} is reserved for the status of dm-dns"
    return None


def _is_one(pattern: re.Pattern[str], name: str) -> bool:
    return bool(pattern.fullmatch(name)) and len(name) <= names.MAX_NAME + 1


@cache
def _machine_pattern(domain: str) -> re.Pattern[str]:
    return re.compile(rf"{names.LABEL}\.{re.escape(domain)}\.")


@cache
def _name_pattern(domain: str) -> re.Pattern[str]:
    return re.compile(rf"(?:\*|{names.LABEL})(?:\.{names.LABEL})*\.{re.escape(domain)}\.")


def why_not_a_record(line: str, domain: str) -> str:  # noqa: PLR0911 - one return for each rule
    """Return the rule that ``line`` breaks: it is not a record, or its owner is too long."""
    is_lower_case = record_pattern(domain, any_case=False).fullmatch(line)
    if not is_lower_case and record_pattern(domain, any_case=True).fullmatch(line):
        return f"upper case, which no line below a header has: {shown(line)}"
    data = re.fullmatch(r'local-data: "([^"]*)"', line)
    if data is None:
        if line.startswith("local-zone:"):
            return "a second local-zone line; a zone.conf has exactly one"
        if line.startswith("#"):
            return "a comment; all comments of a zone.conf stand above its records"
        return f"neither a local-zone nor a local-data line: {shown(line)}"
    owner, kind, *rdata = [*data[1].split(" "), "", ""][: max(3, data[1].count(" ") + 1)]
    try:
        if not names.is_below(owner.lower(), f"{domain}."):
            return f"{shown(owner)} is not below the domain '{domain}.'"
        names.check(owner.lower().removesuffix("."))
    except names.InvalidNameError as error:
        return f"{shown(owner)} is not a valid name: {error}"
    if kind not in {"CNAME", *ADDRESS_TYPES}:
        return f"expected CNAME, A or AAAA after the name, found {shown(kind)}"
    if len(rdata) != 1 or kind != "CNAME":
        what = "name" if kind == "CNAME" else "address"
        return f"expected one {what} after {kind}, found {shown(' '.join(rdata))}"
    return f"the target {shown(rdata[0])} is not a name below the domain '{domain}.'"
