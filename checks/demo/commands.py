"""The programs that the demo runs, each to its end."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from checks.demo import signals
from checks.processes import unbound

_STOP_SECONDS: Final = 5.0

_VENV: Final = str(Path(sys.executable).parent)
"""Where `dm-dns` and the fake `data-mesher` are; before all others of these names."""


class DemoError(Exception):
    """The demo cannot go on; `str(e)` says why and what to do."""


def require_installed() -> None:
    """Check that the programs of other projects are there.

    Raises:
        DemoError: one is missing; the message names its package.

    """
    programs = {"unbound": unbound.find(), "openssl": shutil.which("openssl")}
    if missing := [program for program, path in programs.items() if path is None]:
        packages = " ".join(missing)
        raise DemoError(
            f"{' and '.join(missing)} is not installed. Debian's package has the same name:"
            f" apt-get install {packages} (`make demo` does that as root,"
            " and does not start unbound's service)."
        )


def unbound_version() -> str:
    """Return the version of the unbound that is run, such as 1.22.0."""
    first = run(unbound.find() or "unbound", "-V").partition("\n")[0]
    return first.removeprefix("Version").strip()


def run(program: str, *args: str | Path) -> str:
    """Run a program, and return what it printed on stdout.

    It is alone in its session, and ends with all that it started if this is interrupted.

    Raises:
        DemoError: it cannot be run, or failed; the message has what it printed on stderr.

    """
    process = None
    try:
        with signals.held():
            process = subprocess.Popen(
                [program, *map(str, args)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PATH": f"{_VENV}{os.pathsep}{os.environ.get('PATH', '')}"},
                start_new_session=True,
            )
        stdout, stderr = process.communicate()
    except BaseException as error:
        if process:
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=_STOP_SECONDS)
        elif isinstance(error, OSError):
            raise DemoError(f"{program} cannot be run: {error.strerror}") from None
        raise
    if process.returncode != 0:
        said = stderr.strip() or "it printed nothing"
        shown = " ".join([Path(program).name, *map(str, args)])
        raise DemoError(f"`{shown}` failed with exit status {process.returncode}: {said}")
    return stdout


def dm_dns(*args: str | Path) -> str:
    """Run `dm-dns`; return and raise as `run` does."""
    return run(f"{_VENV}/dm-dns", *args)
