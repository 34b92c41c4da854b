"""/etc/hosts: the addresses that a machine itself knows for names of the clan."""

from collections.abc import Iterator

from dm_dns.zone import conf, names

# NixOS writes the machine's own name with loopback addresses, which are of no use to other devices.
_LOOPBACK = ("127.", "::ffff:127.")
# The last two block a name.
_NO_ADDRESSES = ("::1", "0.0.0.0", "::")  # noqa: S104 - nothing is bound to it


def addresses(text: str, domain: str) -> dict[str, tuple[str, ...]]:
    """Return the addresses of the names directly below ``domain`` in hosts(5) ``text``.

    Loopback addresses are left out, and so is every line that is not valid: other programs write
    the file, and a line of theirs must not stop anything.
    """
    found: dict[str, set[str]] = {}
    for name, address in _entries(text, domain):
        if not address.startswith(_LOOPBACK) and address not in _NO_ADDRESSES:
            found.setdefault(name, set()).add(address)
    return {name: conf.in_order(known) for name, known in found.items()}


def names_in(text: str, domain: str) -> set[str]:
    """Return the names directly below ``domain`` in hosts(5) ``text``, whatever their addresses."""
    return {name for name, _address in _entries(text, domain)}


def _entries(text: str, domain: str) -> Iterator[tuple[str, str]]:
    """Yield each name directly below ``domain``, with an address of it in canonical form."""
    for line in text.splitlines():
        address, *hosts = line.partition("#")[0].split() or [""]
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
