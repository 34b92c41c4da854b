"""Which mesh copies are no longer served, because the key that signed them has been replaced.

Whoever had that key may have pushed zones with any serial up to a day ahead, and the file stays
where data-mesher has put it. So when a machine is deployed with other keys, it stops serving the
mesh copy that it has, and all that it remembers of those before, which a peer that was off may
bring again. Which key signed a copy is not known here: a zone of the old key that this machine
never had is served if data-mesher takes it, as it does until it has restarted with the new keys.
"""

import base64
import json
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.files import ReadFile
from dm_dns.node import history
from dm_dns.node.config import KEYS_FILE, NO_TRUST, Config, Trust
from dm_dns.zone import limits

_MAX_DISTRUSTED: Final = 1000
"""Copies that are remembered, those of the last keys: the history has at most 40."""
_KEY_SIZE: Final = 32
"""Octets of a public key (RFC 8032, section 5.1.5)."""
_DER_PREFIX: Final = bytes.fromhex("302a300506032b6570032100")
"""What precedes them in a PEM file (RFC 8410, section 4)."""


def update(config: Config, mesh: ReadFile, deployed: ReadFile | None = None) -> Trust:
    """Return what is remembered, after a look at the keys that this machine is deployed with.

    If one of the keys that it had is gone, neither the mesh copy nor those in the history are used
    any more, and the kept copy is removed: it may have been made from one of them. The zone that
    the machine is deployed with may be among them, and can be trusted, whoever pushed it.

    Args:
        config: the machine's.
        mesh: the mesh copy.
        deployed: the deployed copy.

    Raises:
        OSError: a file cannot be read, written or removed.

    """
    known = _read(config.state / KEYS_FILE)
    keys = sorted(set(map(_canonical, config.keys)))
    if not keys:
        return known
    # An older version may have written them as they were deployed.
    had = set(map(_canonical, known.keys))
    distrusted, serial = dict.fromkeys(known.distrusted), known.serial
    if had - set(keys):
        files.remove(config.kept)
        if mesh.may_be_read_later:
            # It must be known which one it was when it can be read. It is not used meanwhile.
            return known
        distrusted.update(dict.fromkeys(history.digests(config.history)))
        if mesh.content is not None:
            distrusted[mesh.digest().hex()] = None
        serial = max([serial, *history.serials(config.history)])
    if distrusted and deployed and deployed.content is not None:
        distrusted.pop(deployed.digest().hex(), None)
    trust = Trust(keys, list(distrusted)[-_MAX_DISTRUSTED:], serial)
    if trust != known:
        content = json.dumps(trust._asdict(), indent=2).encode() + b"\n"
        files.write(config.state / KEYS_FILE, content)
    return trust


def _read(path: Path) -> Trust:
    """Return what is remembered; nothing if the file is missing, or does not say it.

    What is written is complete, so it is the disk or a person that has damaged it. The mesh copy
    is as good as on a machine that is new: to distrust it would take names away for nothing.

    Raises:
        OSError: it cannot be read.

    """
    try:
        return Trust.parse(files.read(path, limits.MAX_SETTINGS), str(path))
    except (FileNotFoundError, Error):
        return NO_TRUST


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
