"""The Debian that all containers boot: made once, by debootstrap, and kept in the user's cache."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from checks.containers import cgroups
from checks.containers.container_errors import UnavailableError

# With systemd 259 or later, for hooks of resolved, and unbound 1.23 or later, for fast_reload.
SUITE: Final = "forky"
PACKAGES: Final = (
    "avahi-daemon",  # disabled: a scenario starts it
    "bind9-dnsutils",
    "ca-certificates",  # for apt, where its mirror is on HTTPS
    "caddy",  # disabled, as nginx is: where a machine has them, they have NixOS's units
    "curl",
    "dbus",
    "iproute2",
    "libfaketime",
    "libnss-myhostname",
    "libnss-resolve",
    "nginx",
    "procps",
    "python3",
    "python3-cffi-backend",  # of python3-nacl, by the name of an interface that debootstrap ignores
    "python3-idna",
    "python3-jinja2",
    "python3-nacl",
    "python3-requests",
    "systemd",
    "systemd-resolved",
    "systemd-sysv",
    "unbound",
)
# With apt, because debootstrap finds nothing that is needed by the name of an interface. Containers
# run without Nix; it is for the tests of pins, so that they need no Debian root of their own.
LATER: Final = ("nix-bin",)

_PROGRAMS: Final = {
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "systemd-nspawn": "systemd-container",
    "unshare": "util-linux",
}
_SBIN: Final = "/usr/local/sbin:/usr/sbin:/sbin"
# One script makes all of Debian's suites; debootstrap knows only those older than itself by name.
_SCRIPT: Final = "/usr/share/debootstrap/scripts/sid"
_ENVIRONMENT: Final = {
    "DEBIAN_FRONTEND": "noninteractive",
    "DPKG_FORCE": "unsafe-io",  # an unfinished root is thrown away: each file need not be synced
    "LC_ALL": "C",
}
# Debian's Release files may be past their date, which debootstrap does not mind.
_INSTALL: Final = """\
apt-get --option Acquire::Check-Valid-Until=false update
apt-get install --yes --no-install-recommends "$@"
apt-get clean
rm -r /var/lib/apt/lists
"""
# Everything that containers are made of: namespaces, a bridge, veth, tmpfs, and overlays on that.
_PROBE: Final = """\
set -e
mount -t tmpfs none /mnt
mkdir /mnt/a /mnt/b /mnt/c
mount -t overlay -o lowerdir=/,upperdir=/mnt/a,workdir=/mnt/b overlay /mnt/c
ip link add bridge type bridge
ip link add one type veth peer name other
"""


def path() -> str:
    """Return PATH with the folders for root's programs, which a user's may lack."""
    return f"{os.environ.get('PATH', '')}:{_SBIN}"


def check() -> None:
    """Check that this machine can run containers.

    Raises:
        UnavailableError: it cannot.

    """
    if os.geteuid() != 0:
        raise UnavailableError("containers need root")
    missing = {
        package for name, package in _PROGRAMS.items() if not shutil.which(name, path=path())
    }
    if missing:
        raise UnavailableError(f"containers need the Debian packages {', '.join(sorted(missing))}")
    try:
        for cgroup in cgroups.make(f"dm-dns.{os.getpid()}"):
            cgroups.remove(cgroup)
    except OSError as error:
        raise UnavailableError(f"containers need cgroups of their own: {error}") from None
    probe = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", _PROBE],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": path()},
    )
    if probe.returncode:
        raise UnavailableError(
            f"containers need namespaces, overlays and virtual networks: {probe.stderr.strip()}"
        )


@contextmanager
def root() -> Iterator[Path]:
    """Yield the Debian root, which is made if there is none, and not removed meanwhile.

    Raises:
        UnavailableError: it cannot be made: there is no network, for example.

    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dm-dns"
    cache.mkdir(parents=True, exist_ok=True)
    made_from = hashlib.sha256(repr((SUITE, PACKAGES, LATER)).encode()).hexdigest()[:16]
    directory = cache / f"debian-{made_from}"
    with Path(f"{directory}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not directory.exists():
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not directory.exists():  # nobody has made it meanwhile
                _remove_others(cache, directory)
                _make(directory)
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield directory


def _make(directory: Path) -> None:
    unfinished = Path(f"{directory}.new")
    log = Path(f"{directory}.log")
    shutil.rmtree(unfinished, ignore_errors=True)
    include = f"--include={','.join(PACKAGES)}"
    # Where Debian's keys are not installed, it would do without them.
    command = ["debootstrap", "--force-check-gpg", "--variant=minbase", include]
    command += [SUITE, str(unfinished), _mirror()]
    with log.open("w") as output:
        for step in (
            [*command, _SCRIPT],
            ["chroot", str(unfinished), "sh", "-euc", _INSTALL, "sh", *LATER],
        ):
            made = subprocess.run(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", *step],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "PATH": path(), **_ENVIRONMENT},
            )
            if made.returncode:
                lines = log.read_text().splitlines()
                raise UnavailableError(
                    f"{step[0]} could not make Debian {SUITE}:"
                    f" {lines[-1] if lines else 'no output'} (see {log})"
                )
    unfinished.rename(directory)


def _mirror() -> str:
    """Return the mirror that apt uses on this machine; debootstrap's own where that is not Debian.

    An empty argument is the same as none.
    """
    sources = Path("/etc/apt")
    for file in (*sources.glob("sources.list.d/*"), sources / "sources.list"):
        if file.suffix in {".list", ".sources"}:
            text = file.read_text(errors="replace") if file.exists() else ""
            found = re.search(
                r"^(?:URIs:|deb\b(?: \[.*?\])?) *(\S+/debian)/?(?: |$)", text, re.MULTILINE
            )
            if found:
                return found[1]
    return ""


def _remove_others(cache: Path, current: Path) -> None:
    """Remove roots of other package lists, unless containers run from them."""
    for lock in cache.glob("debian-*.lock"):
        directory = lock.with_suffix("")
        if directory != current:
            with lock.open("w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                shutil.rmtree(directory, ignore_errors=True)
                shutil.rmtree(f"{directory}.new", ignore_errors=True)
                Path(f"{directory}.log").unlink(missing_ok=True)
                lock.unlink()
