"""Processes that are started for a while."""

import signal
import subprocess
from typing import Final

_SECONDS: Final = 30.0


def end(process: subprocess.Popen[bytes], with_signal: signal.Signals = signal.SIGTERM) -> None:
    """End a process with a signal, and if it does not end within 30 s by force.

    Raises:
        TimeoutExpired: it had to be forced.

    """
    process.send_signal(with_signal)
    try:
        process.wait(_SECONDS)
    finally:
        process.kill()
        process.wait()
