"""systemd-resolved: ask it as programs do."""

from pathlib import Path

from dm_dns.errors import Error
from dm_dns.node import dns_message, varlink
from dm_dns.node.varlink import VarlinkError


def txt(path: Path, name: str, *, seconds: float) -> str | None:
    """Return the strings of the TXT record at ``name`` as systemd-resolved answers programs.

    Args:
        path: its socket for Varlink.
        name: of the record.
        seconds: how long to wait for the answer.

    Returns:
        The strings joined by spaces; None if there is no such record.

    Raises:
        Error: systemd-resolved does not answer.

    """
    try:
        reply = varlink.call(
            path,
            "io.systemd.Resolve.ResolveRecord",
            {"name": name, "type": dns_message.TXT},
            seconds=seconds,
        )
        items = [record["rr"].get("items") or [] for record in reply.get("rrs") or []]
    except VarlinkError:
        return None
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise Error(
            f"systemd-resolved does not answer at {path}: {error};"
            " see `systemctl status systemd-resolved`"
        ) from None
    return " ".join(map(str, items[0])) if items else None
