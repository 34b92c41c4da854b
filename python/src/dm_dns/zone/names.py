"""Names: the rules for the names that a clan's zone can contain.

A *canonical* name is lower case, has no trailing dot and consists of ASCII labels only. Everything
after the zone spec works on canonical names.
"""

import re
from typing import Final

from dm_dns.errors import Error

MAX_LABEL: Final = 63
"""Octets in a label (RFC 1035, section 2.3.4)."""

MAX_NAME: Final = 253
"""Characters in a name without its trailing dot: 255 octets on the wire (RFC 1035, 2.3.4)."""

MAX_DOMAIN: Final = 240
"""Characters in a clan's domain: the longest file name with it (`node.config.Config.previous`) has
14 more, and a file name has at most 255 (NAME_MAX, pathconf(3))."""

# Letters, digits and hyphens (RFC 1123, section 2.1), and the underscore: names that are not host
# names (RFC 2181, section 11; RFC 8552) are common in zones and are harmless here.
LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
"""A regular expression for one label, for grammars that contain names."""

DOMAIN: Final = re.compile(rf"(?=.{{1,{MAX_DOMAIN}}}\Z){LABEL}(?:\.{LABEL})*")
"""The domains of a clan that `check_domain` accepts."""

STATUS_LABEL: Final = "_dm-dns"
"""The label, directly below the domain, of the TXT record that tells what a machine serves."""

_LABEL = re.compile(LABEL)
_FOREIGN_CHARACTER = re.compile(r"[^a-z0-9_-]")


class InvalidNameError(Error):
    """A name that breaks a rule; the message is the rule, without the name."""


def canonical(name: str) -> str:
    """Return ``name`` in canonical form.

    Upper case and one trailing dot do not matter (RFC 4343; RFC 1034, section 3.1). Labels with
    other than ASCII characters become A-labels by IDNA 2008 (RFC 5891), after the mapping of
    UTS 46. ``*`` may stand for the whole first label (RFC 4592).

    Raises:
        InvalidNameError: the name breaks one of the rules.

    """
    name = (name if name.isascii() else _to_ascii(name)).lower().removesuffix(".")
    check(name)
    return name


def check(name: str) -> None:
    """Check a name that is in canonical form already.

    Raises:
        InvalidNameError: the name breaks one of the rules.

    """
    if len(name) > MAX_NAME:
        raise InvalidNameError(f"it has {len(name)} characters; a name has at most {MAX_NAME}")
    first, *others = name.split(".")
    for label in others if first == "*" else (first, *others):
        _check_label(label)


def canonical_domain(name: str) -> str:
    """Return the domain of a clan in canonical form.

    Raises:
        InvalidNameError: it breaks one of the rules, or leaves no room for the status record.

    """
    domain = canonical(name)
    check_domain(domain)
    return domain


def check_domain(domain: str) -> None:
    """Check a clan's domain that is in canonical form already.

    Raises:
        InvalidNameError: it breaks one of the rules, or leaves no room for the status record.

    """
    if domain.startswith("*"):
        raise InvalidNameError("a wildcard is not a domain")
    if len(domain) > MAX_DOMAIN:
        raise InvalidNameError(
            f"it has {len(domain)} characters; the domain of a clan has at most {MAX_DOMAIN}"
        )
    check(f"{STATUS_LABEL}.{domain}")


def canonical_label(label: str) -> str:
    """Return a name of one label, such as a machine's, in canonical form.

    Raises:
        InvalidNameError: it breaks one of the rules.

    """
    if "." in label:
        raise InvalidNameError("it has a '.'; it must be a single label")
    # Only ASCII has no second form: the Kelvin sign, for one, has k as its lower case.
    label = label.lower() if label.isascii() else label
    _check_label(label)
    return label


def _check_label(label: str) -> None:
    if _LABEL.fullmatch(label):
        return
    if not label:
        raise InvalidNameError("it has an empty label (two dots in a row, or one at its start)")
    if "*" in label:
        raise InvalidNameError("'*' is allowed only as the whole first label")
    if foreign := _FOREIGN_CHARACTER.search(label):
        raise InvalidNameError(
            f"{foreign[0]!a} is not allowed in a name; use letters, digits, '-' and '_'"
        )
    if len(label) > MAX_LABEL:
        raise InvalidNameError(
            f"a label of it has {len(label)} characters; a label has at most {MAX_LABEL}"
        )
    raise InvalidNameError(f"label '{label}' starts or ends with '-'")


def is_below(name: str, domain: str) -> bool:
    """Tell whether ``name`` lies below ``domain`` (both canonical); the apex itself does not."""
    return name.endswith(f".{domain}")


def _to_ascii(name: str) -> str:
    import idna

    try:
        mapped = idna.uts46_remap(name, std3_rules=False)
        return ".".join(
            label if label.isascii() else idna.alabel(label).decode("ascii")
            for label in mapped.split(".")
        )
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidNameError(
            f"it is not a valid internationalized name (IDNA 2008): {error}"
        ) from None
