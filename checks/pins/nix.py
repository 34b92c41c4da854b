"""A Nix that dm-dns supports: the one on PATH, or that of the Debian root that nodes boot from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dm_dns.errors import Error
from dm_dns.pins import nix

from checks.containers import debian_root

PROGRAMS: Final = ("nix", "nix-instantiate")

# With the root's own loader and libraries they run outside of it, and without being root. Each is
# the same file, and goes by the name that it is called with.
_PROGRAM: Final = """\
#!/bin/sh
exec '{loader}' --library-path '{libraries}' --argv0 {name} '{root}/usr/bin/nix' "$@"
"""


@contextmanager
def programs(directory: Path) -> Iterator[Path | None]:
    """Yield the directory to put first on PATH; None: PATH has a Nix that will do.

    ``directory`` is an empty one.

    Raises:
        UnavailableError: there is none, and the Debian root cannot be made here.

    """
    try:
        nix.version()
    except Error:
        debian_root.check()
        with debian_root.root() as debian:
            _write(directory, debian)
            yield directory
    else:
        yield None


def _write(directory: Path, debian: Path) -> None:
    loader = next(debian.glob("lib*/ld-linux-*.so.*"))
    libraries = next(debian.glob("usr/lib/*-linux-gnu*"))
    for name in PROGRAMS:
        program = directory / name
        program.write_text(
            _PROGRAM.format(loader=loader, libraries=libraries, name=name, root=debian)
        )
        program.chmod(0o755)
