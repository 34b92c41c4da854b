"""The reverse names that this machine gives: a file that `apply` writes and the hook reads.

Each line has an address and the name of the machine that has it. The hook knows them all, because
it has to tell systemd-resolved which reverse names it wants: with whole networks in place of them,
every lookup of another address there would have to wait for it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.node.config import Config
from dm_dns.zone import conf, limits, names, reverse

_MAX_BYTES: Final = limits.MAX_REVERSE * 300
"""A name has 253 characters, and an IPv6 address 39."""
_NONE: Final = "# "
"""How a file begins that has no addresses, because there are too many; the reason follows."""


def content(served: conf.Zone, addresses: Mapping[str, tuple[str, ...]]) -> bytes:
    """Return the content of the file.

    Args:
        served: the zone.
        addresses: what its names have on this machine.

    """
    found = reverse.owners(served, addresses)
    if found is None:
        reason = f"there would be more than the limit, {limits.MAX_REVERSE}"
        return f"{_NONE}no address has a reverse name: {reason}\n".encode("ascii")
    return "".join(f"{address} {found[address]}\n" for address in sorted(found)).encode("ascii")


def problems(config: Config) -> list[str]:
    """Return why there are no reverse names although there should be; empty if there are."""
    if config.reverse:
        try:
            first = files.first_line(config.reverse_names).decode("ascii", "replace")
        except OSError as error:
            return [f"{config.reverse_names}: {error.strerror}; run `systemctl restart dm-dns`"]
        if first.startswith(_NONE):
            return [first.removeprefix(_NONE)]
    return []


def read(path: Path, domain: str) -> dict[str, str]:
    """Return the name of the machine for each reverse name; none if the file is not a valid one.

    Whatever is in the file, no other name than these can be given, and no other address can have
    one: it was made from what was received.
    """
    found = {}
    try:
        text = files.read(path, _MAX_BYTES).decode("ascii")
        for line in text.splitlines():
            if line.startswith(_NONE):
                break
            address, owner = line.split(" ")
            pointer = reverse.name(address)
            names.check(owner)
            if pointer is None or not names.is_below(owner, domain):
                return {}
            found[pointer] = owner
    except (OSError, ValueError, names.InvalidNameError):
        return {}
    return found
