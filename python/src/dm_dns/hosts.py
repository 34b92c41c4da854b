"""/etc/hosts: the addresses that a node itself knows for names of the clan."""

from dm_dns import names, zone

# The node's own name on loopback, as NixOS writes it, is of no use to others that ask this node;
# 0.0.0.0 and :: block a name.
_NO_ADDRESSES = ("0.0.0.0", "::1", "::")  # noqa: S104 - nothing is bound to it


def addresses(text: str, domain: str) -> dict[str, tuple[str, ...]]:
    """Return the addresses of the names directly below ``domain`` in hosts(5) ``text``.

    Loopback addresses are left out, and so is every line that is none of hosts(5): programs other
    than this one write the file, and a line that is of no use here must not stop anything.
    """
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        address, *hosts = line.partition("#")[0].split() or [""]
        usable = zone.canonical_address(address)
        if usable is None or usable in _NO_ADDRESSES or usable.startswith("127."):
            continue
        for host in hosts:
            name = host.lower().removesuffix(".")
            if _is_machine_name(name, domain):
                found.setdefault(name, set()).add(usable)
    return {name: zone.in_order(known) for name, known in found.items()}


def _is_machine_name(name: str, domain: str) -> bool:
    label, _, rest = name.partition(".")
    try:
        names.check_label(label)
    except names.InvalidNameError:
        return False
    return rest == domain and label != names.STATUS_LABEL
