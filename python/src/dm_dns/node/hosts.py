"""/etc/hosts: the addresses that a machine itself knows for names of the clan."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.zone import conf, limits, names, networks

_MAX_PROBLEMS: Final = 10  # to tell of; the file may have any number
_MAX_SHOWN: Final = 10  # addresses of a name, to people


class Hosts(NamedTuple):
    """What hosts(5) says of the names directly below a domain."""

    addresses: dict[str, tuple[str, ...]]
    """The names that have addresses which are of use to other machines too, and those: NixOS has
    the machine's own name on loopback, and 0.0.0.0 blocks a name."""
    names: dict[str, tuple[str, ...]]
    """All names, with all their addresses."""
    problems: list[str]
    """Which names are left out, and why."""

    def shown(self, name: str) -> str:
        """Return, for people, what a name has that is one of `names`."""
        several = self.names[name]
        more = f" and {len(several) - _MAX_SHOWN} more" if len(several) > _MAX_SHOWN else ""
        return f"{' '.join(several[:_MAX_SHOWN])}{more}"


def read(path: Path) -> str:
    """Return the text of the file at ``path``; none if it cannot be read."""
    try:
        return files.read(path, limits.MAX_HOSTS).decode("utf-8", "replace")
    except OSError:
        return ""


def parse(text: str, domain: str) -> Hosts:
    """Return the names directly below ``domain`` in hosts(5) ``text``.

    Every line that is not valid is left out: other programs write the file, and a line of theirs
    must not stop anything. What looks like a name that can be served, but cannot, is a problem.
    """
    found: dict[str, set[str]] = {}
    known: dict[str, set[str]] = {}
    problems = []
    for name, address in _entries(text, domain):
        if len(name) > names.MAX_NAME:
            problems.append(
                f"{name} has {len(name)} characters, and a name has at most {names.MAX_NAME}"
            )
            continue
        known.setdefault(name, set()).add(address)
        if not networks.is_useless(address):
            found.setdefault(name, set()).add(address)
    for name, several in sorted(found.items()):
        if len(several) > limits.MAX_ADDRESSES:
            limit = limits.MAX_ADDRESSES
            problems.append(f"{name} has {len(several)} addresses, and the limit is {limit}")
            del found[name]
    return Hosts(_in_order(found), _in_order(known), sorted(set(problems))[:_MAX_PROBLEMS])


def has(text: str, host: str) -> bool:
    """Tell whether hosts(5) ``text`` has an address for ``host``, whatever that is."""
    return any(host.lower() in map(str.lower, hosts) for _address, *hosts in _lines(text))


def has_address(text: str, address: str) -> bool:
    """Tell whether hosts(5) ``text`` has a name for ``address``, in the form of inet_ntop(3)."""
    return any(conf.canonical_address(each) == address for each, *hosts in _lines(text) if hosts)


def _lines(text: str) -> Iterator[list[str]]:
    """Yield an address and the names of it, as they are written, for each line that has any.

    Only what ends a line, or separates words, for both glibc (isspace(3) in the C locale, and lines
    to the newline) and systemd-resolved (blanks, tabs) does so here: str.splitlines and str.split
    know many more characters, and text in a comment would become an entry.
    """
    for line in text.replace("\r\n", "\n").replace("\t", " ").split("\n"):
        if words := list(filter(None, line.partition("#")[0].split(" "))):
            yield words


def _in_order(addresses: dict[str, set[str]]) -> dict[str, tuple[str, ...]]:
    return {name: conf.in_order(several) for name, several in addresses.items()}


def _entries(text: str, domain: str) -> Iterator[tuple[str, str]]:
    """Yield each name directly below ``domain``, with an address of it in canonical form."""
    for address, *hosts in _lines(text):
        canonical = conf.canonical_address(address)
        if canonical is None:
            continue
        for host in hosts:
            if name := _machine_name(host, domain):
                yield name, canonical


def _machine_name(host: str, domain: str) -> str | None:
    """Return the canonical name of a host directly below ``domain``."""
    label, _, rest = host.removesuffix(".").partition(".")
    try:
        label = names.canonical_label(label)
    except names.InvalidNameError:
        return None
    return f"{label}.{domain}" if rest.lower() == domain and label != names.STATUS_LABEL else None
