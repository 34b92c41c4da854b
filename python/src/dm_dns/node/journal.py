"""What dm-dns-health.service says in the journal: a problem once, and once that it is over.

It runs every minute, so it must remember what it has said.
"""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.json_fields import JsonFields
from dm_dns.output import lasting
from dm_dns.zone import limits

NAME: Final = "said.json"
"""Beside the state. It has each problem that is not over, and since when in seconds since 1970."""


def changes(path: Path, problems: Sequence[str]) -> list[str]:
    """Return what there is to say of problems, and remember it in the file at ``path``.

    Where nothing can be remembered, everything is said.
    """
    before, now = _read(path), int(time.time())
    lines = [problem for problem in problems if problem not in before]
    lines += [
        f"over after {lasting(now - since)}: {problem}"
        for problem, since in before.items()
        if problem not in problems
    ]
    if lines:
        known = {problem: before.get(problem, now) for problem in problems}
        with suppress(OSError):
            files.write(path, json.dumps(known, indent=2).encode())
    return lines


def _read(path: Path) -> dict[str, int]:
    try:
        fields = JsonFields(str(path), files.read_json(path, limits.MAX_SETTINGS))
        return fields.members(JsonFields.integer)
    except (OSError, Error):
        return {}
