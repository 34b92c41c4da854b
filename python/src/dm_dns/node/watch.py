"""`dm-dns apply --watch`: serve each change the moment it comes.

To start a process for each takes systemd longer than all the rest; and its path units miss what
happens while the service they have started runs, or while units are reloaded. So this one waits.
"""

import os
import sys
import time
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn

from dm_dns.errors import exit_status
from dm_dns.node.config import Config
from dm_dns.node.copies import Version, version
from dm_dns.node.inotify import Notifier
from dm_dns.node.unit_status import Verdict

_PATIENCE: Final = 1.0  # seconds: dm-dns-apply runs after most changes by itself
_LONGEST_PATIENCE: Final = 60.0
_NEVER: Final = float("inf")


class _Look(NamedTuple):
    """What was found at one time."""

    versions: list[Version]
    """Of the files that it depends on, from before it."""
    is_served: bool
    verdict: Version
    """What the unit had said before."""


def watch(config: Config, apply: Callable[[], int]) -> NoReturn:
    """Apply whenever something changes that the served zone is made from, or unbound has started.

    Each run is a process of its own, for which all is loaded already: whatever happens in it, and
    however large the zone is, nothing of it stays.

    Args:
        config: the node's.
        apply: serves the best zone; returns its exit status.

    """
    verdict = Verdict.of_unit()
    inputs = [config.mesh, config.hosts, config.unbound.control]
    folders = _folders([*inputs, verdict.failed] if verdict else inputs)
    notifier = Notifier()
    last: _Look | None = None
    patience, deadline = _PATIENCE, _NEVER
    while True:
        # First, so that whatever comes after the look ends the wait.
        notifier.watch(folders)
        is_overdue = time.monotonic() >= deadline
        versions = [version(path) for path in inputs]
        if not os.path.exists(config.unbound.control):
            # There is nobody to tell. When it starts it loads the zone file, and is looked at.
            last = None
        elif last is None or last.versions != versions or is_overdue:
            before = verdict.version() if verdict else ()
            last = _Look(versions, _succeeds(apply, is_quiet=bool(verdict)), before)
        if not last or not verdict or verdict.holds(served=last.is_served, before=last.verdict):
            patience, deadline = _PATIENCE, _NEVER
        elif is_overdue:
            verdict.ask()
            patience = min(2 * patience, _LONGEST_PATIENCE)
            deadline = time.monotonic() + patience
        elif deadline == _NEVER:
            deadline = time.monotonic() + patience
        notifier.wait(deadline - time.monotonic())


def _folders(paths: list[str]) -> list[str]:
    """Return all folders that the way to any of these files leads through, parents first."""
    return sorted(
        {path[:at] or "/" for path in paths for at, char in enumerate(path) if char == "/"}
    )


def _succeeds(apply: Callable[[], int], *, is_quiet: bool) -> bool:
    """Run ``apply`` in a process of its own; if quiet, what is wrong is left to the unit to say."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    status = 1
    try:
        if is_quiet:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        status = exit_status(apply)
        sys.stdout.flush()
    except Exception:  # noqa: BLE001 - the process ends here, whatever it is
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)
