# ruff: noqa: E501 - messages stand here as they are printed
import errno
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from inline_snapshot import snapshot

from dm_dns.node import netlink
from dm_dns.node.apply import apply
from dm_dns.node.config import Config
from dm_dns.node.local_view import NOTHING, LocalView
from dm_dns.node.netlink import Address
from dm_dns.node.presence import Presence, Presences, Watched
from dm_dns.node.unbound import Unbound
from dm_dns.zone import conf, limits
from dm_dns.zone.networks import Network

HOME = Presence("home", "wlan0", "on wlan0 192.168.1.1 is the router")
CAFE = Presence("cafe", "eth0", "on eth0 10.1.0.1 is the router")
CONFIG = Config(
    domain="pin",
    mesh=Path("/mesh"),
    deployed=None,
    hosts=Path("/hosts"),
    state=Path("/state"),
    keys=[],
    unbound=Unbound(Path("/ctl"), "127.0.0.1", 5353),
    hook=None,
    machine="kiwi.pin",
)


def assign(
    monkeypatch: pytest.MonkeyPatch, *addresses: str, deprecated: Sequence[str] = ()
) -> None:
    known = [Address(each, 1, 0) for each in addresses]
    known += [Address(each, 1, 0, is_deprecated=True) for each in deprecated]
    monkeypatch.setattr(netlink, "assigned", lambda: known)


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    assign(monkeypatch, "10.9.0.1", "::1")


def test_the_view_is_that_of_the_kernel() -> None:
    assert LocalView.read(CONFIG) == (("10.9.0.1", "::1"), None, (), ())


def test_an_address_is_deprecated_if_it_is_nowhere_preferred(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assign(monkeypatch, "10.9.0.1", "fd09::1", deprecated=["fd09::2", "fd09::1"])
    addresses = ("10.9.0.1", "fd09::1", "fd09::2")
    assert LocalView.read(CONFIG) == (addresses, None, (), ("fd09::2",))


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
    def refuse() -> NoReturn:
        raise error

    monkeypatch.setattr(netlink, "assigned", refuse)
    addresses, problem, *_ = LocalView.read(CONFIG)
    assert addresses is None
    assert problem
    assert f"(netlink: {reason}" in problem


@pytest.mark.parametrize("fails", ["assigned", "route"])
def test_after_an_error_it_is_not_read_again_immediately(
    fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign(monkeypatch, "192.168.1.50")

    def refuse(*_: str) -> NoReturn:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    presences = Presences()
    presences.watched = (Watched("home", Network("192.168.1.0/24", "192.168.1.1", "x"), ()),)
    presences.next_look = time.monotonic()  # which is why it is read
    monkeypatch.setattr(netlink, fails, refuse)
    assert LocalView.read(CONFIG, presences, ask=True).problem
    assert 5 < presences.next_look - time.monotonic() <= 10


def test_the_problem_says_what_follows_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> NoReturn:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(netlink, "assigned", refuse)
    assert LocalView.read(CONFIG).problem == snapshot(
        "the kernel does not tell this machine's addresses (netlink: Operation not permitted): its own services resolve to those in the zone, even while they are not assigned, and no address of a local network is given"
    )


def test_each_view_has_another_digest() -> None:
    views = [NOTHING, LocalView((), None), LocalView(("::1",), None), LocalView(("::2",), None)]
    views.append(LocalView(("::1",), None, deprecated=("::1",)))
    views += [view._replace(networks=(HOME,)) for view in views]
    views += [
        NOTHING._replace(networks=(HOME, CAFE)),
        NOTHING._replace(networks=(HOME._replace(silent=("192.168.1.10",)),)),
    ]
    assert len({view.digest() for view in views}) == len(views)


def test_why_a_machine_is_somewhere_changes_no_zone() -> None:
    away = (HOME._replace(link=None, reason="no link"), HOME._replace(link=None, reason="other"))
    assert {view.digest() for view in (NOTHING, *(NOTHING._replace(networks=away),))} == {b""}
    one, other = (
        NOTHING._replace(networks=(HOME._replace(link=link),)) for link in ("wlan0", "eth0")
    )
    assert one.digest() == other.digest()


def test_where_a_machine_is_is_part_of_the_view() -> None:
    view = NOTHING._replace(networks=(HOME, CAFE._replace(link=None)))
    assert view.on == {"home": ()}


@pytest.fixture
def machine(tmp_path: Path) -> Config:
    """A machine with ten services, whose unbound does not run."""
    aliases = {f"n{number}.pin": "kiwi.pin" for number in range(10)}
    served = conf.Zone("pin", 7, aliases, {"kiwi.pin": ("10.9.0.1", "fd09::1")})
    (tmp_path / "mesh").write_text(conf.render(served))
    return CONFIG._replace(
        mesh=tmp_path / "mesh", hosts=tmp_path / "hosts", state=tmp_path / "state"
    )


def test_a_run_serves_the_local_view(machine: Config) -> None:
    outcome = apply(machine, write_only=True)
    assert (outcome.problems, outcome.local) == ([], (("10.9.0.1", "::1"), None, (), ()))
    zone = machine.zonefile.read_text()
    assert (zone.count(" A 10.9.0.1"), zone.count(" AAAA "), zone.count("CNAME")) == (11, 1, 0)
    assert apply(machine, write_only=True) == outcome._replace(is_new=False, watched=None)


def test_a_run_after_a_change_of_addresses_serves_another_zone(
    machine: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = apply(machine, write_only=True)
    assign(monkeypatch, "127.0.0.1", "::1")
    after = apply(machine, write_only=True)
    assert after.is_new
    assert after.served.status != before.served.status
    assert machine.zonefile.read_text().count("127.0.0.1") == 10


def test_a_local_view_that_makes_the_zone_too_large_is_a_problem_and_not_served(
    machine: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign(monkeypatch, "10.9.0.1", "fd09::1")
    monkeypatch.setattr(limits, "MAX_SERVED", 12)
    outcome = apply(machine, write_only=True)
    [problem] = outcome.problems
    assert problem == snapshot(
        "the local view of this machine is not used: with it the zone has 22 records, and the limit is 12"
    )
    assert machine.zonefile.read_text().count("CNAME") == 10
