"""data-mesher's certificate, with which it proves that its machine belongs to the mesh.

The clan's network key signs it for a limited time, in clan-core for 90 days, and nothing renews it.
It has 176 bytes (data-mesher's decision record 8, "Signed Namespaces"):

    public key 32 | not before 8 | not after 8 | name 64 | signature 64

What the record does not say is assumed: times are in seconds since 1970, big-endian as in
everything else that data-mesher signs. What has no plausible times is therefore not taken for a
certificate, and nothing is said of it.
"""

import base64
import binascii
import re
import socket
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dm_dns import files

_SIZE: Final = 176
_TIMES: Final = struct.Struct(">32xQQ")
_PEM: Final = re.compile(rb"\s*-----BEGIN [A-Z0-9 ]+-----\s+([A-Za-z0-9+/=\s]+)-----END ")
_FIRST: Final = 1577836800  # 2020-01-01: there was no data-mesher before
_LAST: Final = 2**33  # in the year 2242
_MAX_SIZE: Final = 4096


def read_end(path: Path) -> int | None:
    """Return when the certificate in a file ends, as `end` does.

    Raises:
        OSError: the file cannot be read.

    """
    return end(files.read(path, _MAX_SIZE))


def ended(end: int) -> str:
    """Return what is wrong where the certificate has ended, and the remedy."""
    when = f"{datetime.fromtimestamp(end, UTC):%Y-%m-%d %H:%M} UTC"
    return (
        f"data-mesher's certificate ended at {when}: other machines may refuse its connections, and"
        f" changes then do not arrive; run `{remedy()}` in the checkout"
    )


def remedy() -> str:
    """Return the command that makes another certificate for this machine."""
    machine = socket.gethostname().partition(".")[0]
    return (
        f"clan vars generate {machine} --generator data-mesher-node-identity --regenerate"
        f" && clan machines update {machine}"
    )


def end(content: bytes) -> int | None:
    """Return when a certificate ends, in seconds since 1970; None: it is not of a known form."""
    if armoured := _PEM.match(content):
        try:
            content = base64.b64decode(armoured[1])
        except binascii.Error:
            return None
    if len(content) != _SIZE:
        return None
    begins, ends = _TIMES.unpack_from(content)
    return int(ends) if _FIRST < begins < ends < _LAST else None
