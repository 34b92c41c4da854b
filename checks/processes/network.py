"""A network of one's own: links and addresses that nobody else has, and that end with it."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_CLONE_NEWNET: Final = 0x40000000


@contextmanager
def own_network() -> Iterator[None]:
    """Have this thread, and the processes and threads that it starts, in a network of their own.

    It has nothing but `lo`, which is up.

    Raises:
        OSError: this user may not make one.

    """
    libc = ctypes.CDLL(None, use_errno=True)  # os.unshare is Python 3.12's
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.unshare(_CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        try:
            ip("link", "set", "lo", "up")
            yield
        finally:
            libc.setns(before, _CLONE_NEWNET)
    finally:
        os.close(before)


def ip(*words: str) -> str:
    """Run the command ip, and return what it prints."""
    command = ["ip", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def assign(*addresses: str, link: str = "lo") -> None:
    """Give a link addresses, without looking for duplicates."""
    for address in addresses:
        ip("address", "add", *_with_length(address), "dev", link)


def take(*addresses: str, link: str = "lo") -> None:
    """Take addresses from a link."""
    for address in addresses:
        ip("address", "delete", _with_length(address)[0], "dev", link)


def without_ipv6() -> None:
    """Switch IPv6 off, as NixOS's networking.enableIPv6 does."""
    Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")


def _with_length(address: str) -> list[str]:
    return [f"{address}/128", "nodad"] if ":" in address else [f"{address}/32"]
