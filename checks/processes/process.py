"""Processes that are started for a while."""

import signal
import subprocess
from typing import Final

_SECONDS: Final = 10.0


def end(process: subprocess.Popen[bytes], with_signal: signal.Signals = signal.SIGTERM) -> None:
    """End a process with a signal, and if it does not end within 10 s by force.

    Raises:
        TimeoutExpired: it had to be forced.

    """
    process.send_signal(with_signal)
    try:
        process.wait(_SECONDS)
    finally:
        process.kill()
        process.wait()
