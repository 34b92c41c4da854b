"""Which mesh copy is no longer served, because the key that signed it has been replaced.

Whoever had that key may have pushed a zone with any serial up to a day ahead, and the file stays
where data-mesher has put it. So when a machine is deployed with other keys, it stops serving the
mesh copy that it has, until the mesh brings another one.
"""

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
    keys = sorted(config.keys)
    if not keys or known.keys == keys:
        return known
    distrusted, serial = known.distrusted, known.serial
    if set(known.keys) - set(keys):
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
