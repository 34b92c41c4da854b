"""Running a program and measuring all of it, from its start until it has ended."""

import os
import resource
import subprocess
import tempfile
import time
from typing import NamedTuple

_KIB = 1024


class Usage(NamedTuple):
    """What one process took."""

    wall: float
    """Seconds from before it was started until it was gone."""
    cpu: float
    """Seconds, user and system."""
    peak: int | None
    """Most memory resident at once, in bytes; None where it is no more than this process's own
    peak: Linux counts what the parent had in use into the child's figure (getrusage(2),
    execve(2))."""


def run(command: list[str], *, status: int = 0) -> Usage:
    """Run ``command``, which must end with ``status``, and measure it.

    Raises:
        RuntimeError: it ended with another one; the message has what it printed.

    """
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            # Not wait(), which does not tell what the child used.
            _, ended, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(ended)
        if process.returncode != status:
            output.seek(0)
            said = output.read().decode(errors="replace")
            raise RuntimeError(f"exit status {process.returncode} of {command}: {said}")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = used.ru_maxrss * _KIB if used.ru_maxrss > own else None
    return Usage(wall, used.ru_utime + used.ru_stime, peak)
