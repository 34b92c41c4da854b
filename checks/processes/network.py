"""A network of one's own: links and addresses that nobody else has, and that end with it."""

import ctypes
import json
import os
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from checks.processes.process import end

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


class Places:
    """Networks that a link of this one can be on, one at a time.

    A context manager, inside of `own_network`. All places have the same addresses.

        with Places("wlan0", {"home": "02:00:00:00:00:01"}, ["10.77.0.1/24"]) as places:
            places.move("home")
    """

    def __init__(self, link: str, routers: Mapping[str, str], addresses: Collection[str]) -> None:
        """Name the link, the link address of the router at each place, and what it answers for."""
        self._link = link
        self._routers = routers
        self._addresses = addresses

    def __enter__(self) -> Self:
        """Make the places; the link is up, and at none of them."""
        # A process of its own holds their network, which ends with it.
        command = ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"]
        self._holder = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._holder.stdout  # noqa: S101 - a pipe, see above
        self._holder.stdout.readline()
        for name, router in self._routers.items():
            self.ip("link", "add", name, "address", router, "type", "bridge", "forward_delay", "0")
            self.ip("link", "set", name, "up")
            for address in self._addresses:
                flags = ["nodad"] if ":" in address else []
                self.ip("address", "add", address, "dev", name, *flags)
        # After the others, which shift its number: the kernel is slow to notice the carrier of a
        # link that has the same number as its peer (net/core/link_watch.c).
        pid = str(self._holder.pid)
        ip("link", "add", self._link, "type", "veth", "peer", "name", "ap", "netns", pid)
        ip("link", "set", self._link, "up")
        return self

    def __exit__(self, *_: object) -> None:
        """Remove them."""
        assert self._holder.stdout  # noqa: S101 - a pipe, see above
        self._holder.stdout.close()
        end(self._holder)

    def ip(self, *words: str) -> None:
        """Run the command ip at the places."""
        self.run("ip", *words)

    def run(self, *command: str) -> None:
        """Run a program at the places."""
        network = f"--net=/proc/{self._holder.pid}/ns/net"
        subprocess.run(["nsenter", network, *command], check=True, capture_output=True)

    def move(self, place: str | None) -> None:
        """Connect the link to a place, or to none; it loses its carrier in between.

        Nobody moves so fast that the kernel does not notice: it looks at a link a bit later, and
        keeps its neighbours if the carrier is back by then.
        """
        self.ip("link", "set", "ap", "down")
        while json.loads(ip("-json", "link", "show", self._link))[0]["operstate"] != "DOWN":
            time.sleep(0.01)
        if place:
            self.move_silently(place)
            self.ip("link", "set", "ap", "up")

    def move_silently(self, place: str) -> None:
        """Connect the link to a place, as with a switch in between: it notices nothing."""
        self.ip("link", "set", "ap", "master", place)
