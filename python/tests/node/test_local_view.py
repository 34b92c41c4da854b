import errno
import os
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns.node import netlink
from dm_dns.node.config import Config
from dm_dns.node.local_view import NOTHING, LocalView
from dm_dns.node.unbound import Unbound

CONFIG = Config(
    domain="pin",
    mesh=Path("/mesh"),
    deployed=None,
    hosts=Path("/hosts"),
    state=Path("/state"),
    unbound=Unbound(Path("/ctl"), "127.0.0.1", 5353),
    hook=None,
    machine="kiwi.pin",
)


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netlink, "addresses", lambda: ("10.9.0.1", "::1"))


def test_the_view_is_that_of_the_kernel() -> None:
    assert LocalView.read(CONFIG) == (("10.9.0.1", "::1"), None)


def test_who_serves_others_has_none() -> None:
    assert LocalView.read(CONFIG._replace(machine=None)) == NOTHING


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT)), "Address family not supp"),
        (TimeoutError("timed out"), "timed out"),
    ],
)
def test_a_kernel_that_does_not_tell_is_a_reason_and_not_an_error(
    error: OSError, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> tuple[str, ...]:
        raise error

    monkeypatch.setattr(netlink, "addresses", refuse)
    addresses, problem = LocalView.read(CONFIG)
    assert addresses is None
    assert problem
    assert f"(netlink: {reason}" in problem


def test_the_problem_says_what_follows_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> tuple[str, ...]:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(netlink, "addresses", refuse)
    assert LocalView.of_links().problem == snapshot(
        "the kernel does not tell this machine's addresses (netlink: Operation not permitted): its"
        " own services resolve to those in the zone, even while they are not assigned"
    )


def test_each_view_has_another_digest() -> None:
    views = [NOTHING, LocalView((), None), LocalView(("::1",), None), LocalView(("::2",), None)]
    assert len({view.digest() for view in views}) == 4
