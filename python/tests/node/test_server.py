import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from dm_dns.errors import Error, TransientError
from dm_dns.node import server
from dm_dns.node.apply import Outcome, Served
from dm_dns.node.config import Config
from dm_dns.node.local_view import LocalView
from dm_dns.node.server import Server
from dm_dns.node.unbound import Unbound

SERVED = Served(5, 3, "mesh", "abc", "serial=5 sha256=abc source=mesh file=def")
OUTCOME = Outcome(SERVED, [], {}, is_new=True)
LONG = 60.0
"""Seconds that are never waited for."""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        domain="pin",
        mesh=tmp_path / "mesh",
        deployed=None,
        hosts=tmp_path / "hosts",
        state=tmp_path / "state",
        keys=[],
        unbound=Unbound(tmp_path / "unbound.ctl", "127.0.0.1", 5353),
        hook=None,
    )


def result_of(
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[[], Outcome],
    ready: Callable[[], None] = lambda: None,
) -> Outcome:
    """Return what a server gets from a run that does ``run`` in the place of `apply`."""
    monkeypatch.setattr(server, "apply", lambda *_, **__: run())
    one = Server(config, Path("state.json"), ready=ready, tell=pytest.fail, complain=pytest.fail)
    return one._outcome_of_child()  # noqa: SLF001 - one run alone, without waiting for events


def test_the_outcome_of_a_run_is_what_it_returned(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than a pipe holds.
    outcome = Outcome(
        SERVED,
        ["a problem" * 20_000],
        {"/etc/hosts": (1, 2)},
        is_new=True,
        local=LocalView(("10.9.0.1", "::1"), None),
    )
    assert result_of(config, monkeypatch, lambda: outcome) == outcome


def raised(error: BaseException) -> Callable[[], NoReturn]:
    def run() -> NoReturn:
        raise error

    return run


def killed() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.parametrize(
    ("run", "kind", "problem"),
    [
        (raised(Error("no zone")), Error, "no zone"),
        (
            raised(OSError(28, "No space left on device", "/f")),
            Error,
            "/f: No space left on device",
        ),
        (
            raised(ZeroDivisionError("x")),
            Error,
            "serving the zone failed unexpectedly: ZeroDivisionError('x')",
        ),
        (
            raised(KeyboardInterrupt()),
            TransientError,
            "serving the zone ended without a result; it is retried",
        ),
        (killed, TransientError, "serving the zone was ended by signal 9; it is retried"),
    ],
    ids=["Error", "OSError", "mistake", "interrupted", "killed"],
)
def test_whatever_ends_a_run_is_a_problem_and_not_the_end_of_the_server(
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[[], Outcome],
    kind: type[Error],
    problem: str,
) -> None:
    with pytest.raises(Error) as caught:
        result_of(config, monkeypatch, run)
    assert type(caught.value) is kind
    assert str(caught.value) == problem


def test_a_run_that_takes_too_long_is_killed(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_READY_SECONDS", 0.1)
    monkeypatch.setattr(server, "_RUN_SECONDS", 0.2)
    start = time.monotonic()

    def run() -> Outcome:
        time.sleep(LONG)
        return OUTCOME

    with pytest.raises(Error, match=r"took longer than 0\.2 s"):
        result_of(config, monkeypatch, run)
    assert time.monotonic() - start < LONG / 2
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_boot_does_not_wait_for_a_long_run(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_READY_SECONDS", 0.1)
    start = time.monotonic()
    ready: list[float] = []

    def run() -> Outcome:
        time.sleep(1)
        return OUTCOME

    result_of(config, monkeypatch, run, lambda: ready.append(time.monotonic() - start))
    assert len(ready) == 1
    assert ready[0] < 0.9
    assert time.monotonic() - start >= 1


def test_parents_are_watched_before_their_children() -> None:
    # Otherwise a folder that appears between the two is noticed by neither.
    folders = server._folders([Path("/var/lib/a/b"), Path("/var/lib-2/c"), Path("/f")])  # noqa: SLF001
    assert folders == [
        Path("/"),
        Path("/var"),
        Path("/var/lib"),
        Path("/var/lib/a"),
        Path("/var/lib-2"),
    ]
