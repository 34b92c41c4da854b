"""/etc/hosts: the addresses that a machine itself knows for names of the clan."""

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
    for line in text.splitlines():
        address, *hosts = line.partition("#")[0].split() or [""]
        usable = conf.canonical_address(address)
        if usable is None or usable.startswith(_LOOPBACK) or usable in _NO_ADDRESSES:
            continue
        for host in hosts:
            if name := _machine_name(host, domain):
                found.setdefault(name, set()).add(usable)
    return {name: conf.in_order(known) for name, known in found.items()}


def _machine_name(host: str, domain: str) -> str | None:
    """Return the canonical name of a host directly below ``domain``."""
    label, _, rest = host.removesuffix(".").partition(".")
    try:
        label = names.canonical_label(label)
    except names.InvalidNameError:
        return None
    return f"{label}.{domain}" if rest.lower() == domain and label != names.STATUS_LABEL else None
