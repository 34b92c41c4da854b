"""Which mesh copy is no longer served, because the key that signed it has been replaced.

Whoever had that key may have pushed a zone with any serial up to a day ahead, and the file stays
where data-mesher has put it. So when a machine is deployed with other keys, it stops serving the
mesh copy that it has, until the mesh brings another one.
"""

import base64
import hashlib
import json
from typing import Final

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.files import ReadFile
from dm_dns.node import history
from dm_dns.node.config import KEYS_FILE, NO_TRUST, Config, Trust
from dm_dns.zone import limits

_UNKNOWN: Final = "unknown"
_KEY_SIZE: Final = 32
"""Octets of a public key (RFC 8032, section 5.1.5)."""
_DER_PREFIX: Final = bytes.fromhex("302a300506032b6570032100")
"""What precedes them in a PEM file (RFC 8410, section 4)."""


def update(config: Config, mesh: ReadFile) -> Trust:
    """Return what is remembered, after a look at the keys that this machine is deployed with.

    If one of the keys that it had is gone, the mesh copy is no longer used, and the kept copy is
    removed: it may have been made from the same zone.

    Args:
        config: the machine's.
        mesh: the mesh copy.

    Raises:
        OSError: a file cannot be read, written or removed.

    """
    path = config.state / KEYS_FILE
    try:
        known = Trust.parse(files.read(path, limits.MAX_SETTINGS), str(path))
    except FileNotFoundError:
        known = NO_TRUST
    except Error:
        # As if all keys had been replaced: what the machine was deployed with can be trusted.
        known = Trust([_UNKNOWN], "", 0)
    keys = sorted(set(map(_canonical, config.keys)))
    # An older version may have written them as they were deployed.
    had = sorted(set(map(_canonical, known.keys)))
    if not keys or had == keys:
        return known
    distrusted, serial = known.distrusted, known.serial
    if set(had) - set(keys):
        files.remove(config.kept)
        if mesh.may_be_read_later:
            # It must be known which one it was when it can be read. It is not used meanwhile.
            return known
        if mesh.content is not None:
            distrusted = hashlib.sha256(mesh.content).hexdigest()
        serial = max([serial, *history.serials(config.history)])
    trust = Trust(keys, distrusted, serial)
    files.write(path, json.dumps(trust._asdict(), indent=2).encode() + b"\n")
    return trust


def _canonical(key: str) -> str:
    """Return one text for all in which data-mesher takes the same public key.

    That is the PEM file, with or without its last newline, or its 32 octets in base64. What is
    neither stands for itself.
    """
    lines = [line.strip() for line in key.splitlines()]
    text = "".join(line for line in lines if not line.startswith("-----"))
    try:
        octets = base64.b64decode(text, validate=True).removeprefix(_DER_PREFIX)
    except ValueError:
        octets = b""
    return base64.b64encode(octets).decode() if len(octets) == _KEY_SIZE else key.strip()
