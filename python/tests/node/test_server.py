import errno
import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from dm_dns.errors import Error, TransientError
from dm_dns.node import inotify, server
from dm_dns.node.apply import Outcome, Served
from dm_dns.node.config import Config
from dm_dns.node.local_view import LocalView
from dm_dns.node.server import Server
from dm_dns.node.state import State
from dm_dns.node.unbound import Unbound

SERVED = Served(5, 2, 3, "mesh", "abc", "serial=5 sha256=abc source=mesh file=def")
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
        local=LocalView(("10.9.0.1", "::1"), None, (), ("::1",)),
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


def test_a_run_that_is_interrupted_ends_and_does_not_go_on_as_a_second_server(
    config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server_process = os.getpid()
    try:
        with pytest.raises(TransientError):
            result_of(config, monkeypatch, raised(KeyboardInterrupt()))
    finally:
        if os.getpid() != server_process:
            (tmp_path / "second").touch()
            os._exit(1)
    assert not (tmp_path / "second").exists()


def open_files() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("name", ["pipe", "fork", "read"])
def test_a_run_for_which_there_is_no_process_is_a_problem(
    config: Config, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*_arguments: object) -> NoReturn:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    before = open_files()
    monkeypatch.setattr(os, name, fail)
    with pytest.raises(TransientError) as caught:
        result_of(config, monkeypatch, lambda: OUTCOME)
    monkeypatch.undo()
    assert str(caught.value) == (
        "a process to serve the zone in cannot be run: Resource temporarily unavailable; it is"
        " retried"
    )
    assert open_files() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_server_that_cannot_wait_for_changes_says_so(
    config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_arguments: object) -> NoReturn:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(inotify.Notifier, "wait", fail)
    monkeypatch.setattr(server, "apply", lambda *_, **__: OUTCOME)
    one = Server(
        config, tmp_path / "state.json", ready=lambda: None, tell=print, complain=pytest.fail
    )
    with pytest.raises(Error, match=r"^waiting for changes failed: Input/output error$"):
        one.run()


def test_it_is_ready_in_time_although_the_run_began_late(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """unbound, and with it the boot, waits from the start of the process."""
    reader, writer = os.pipe()

    def ready() -> None:
        os.write(writer, b"x")

    late = OUTCOME._replace(problems=["nobody was told"])

    def run() -> Outcome:
        return OUTCOME if select.select([reader], [], [], 20)[0] else late

    monkeypatch.setattr(server, "apply", lambda *_, **__: run())
    monkeypatch.setattr(server, "_READY_SECONDS", LONG)
    one = Server(
        config,
        Path("state.json"),
        ready=ready,
        tell=pytest.fail,
        complain=pytest.fail,
    )
    # As much as is waited, has passed before the run begins.
    now = time.monotonic
    monkeypatch.setattr(server, "_RUN_SECONDS", 300.0)
    monkeypatch.setattr(
        server, "time", SimpleNamespace(monotonic=lambda: now() + 100, time=time.time)
    )
    try:
        assert one._outcome_of_child().problems == []  # noqa: SLF001 - as in result_of
    finally:
        os.close(reader)
        os.close(writer)


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
    reader, writer = os.pipe()

    def run() -> Outcome:
        assert os.read(reader, 1) == b"!"  # it takes until the server is ready
        return OUTCOME

    ready: list[int] = []
    try:
        result_of(config, monkeypatch, run, lambda: ready.append(os.write(writer, b"!")))
    finally:
        os.close(reader)
        os.close(writer)
    assert ready == [1]


class StoppedError(Exception):
    """The end of a server, in the place of a signal."""


class Clock:
    """A clock that passes only where the server waits for events, of which there are none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.end = self.now
        self.folders: list[Path] = []
        self.is_set_at = float("inf")
        """When the clock of the machine, which begins in 1970, is set."""
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("time.time", self.time)
        monkeypatch.setattr(server, "Notifier", lambda *_: self)

    def time(self) -> float:
        return self.now + (1.8e9 if self.now >= self.is_set_at else 0)

    def watch(self, folders: Iterable[Path]) -> None:
        self.folders = list(folders)

    def wait(self, seconds: float) -> None:
        self.now += max(0.0, seconds)
        if self.now >= self.end:
            raise StoppedError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def run_until_the_end(config: Config, state_file: Path) -> None:
    one = Server(config, state_file, ready=lambda: None, tell=lambda _: None, complain=pytest.fail)
    with pytest.raises(StoppedError):
        one.run()


@pytest.mark.parametrize(
    ("run", "pause"),
    [
        (lambda: OUTCOME, 60),
        (raised(Error("no zone")), 10),
        (raised(TransientError("killed")), 1),
    ],
    ids=["all is well", "a problem", "killed"],
)
def test_it_runs_again_after_a_while_without_any_event(
    config: Config,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[[], Outcome],
    pause: int,
) -> None:
    config.state.mkdir()
    config.zonefile.touch()
    config.kept.touch()
    runs: list[float] = []

    def note_and_run(_: Server) -> Outcome:
        runs.append(clock.now - 1000)
        return run()

    monkeypatch.setattr(Server, "_outcome_of_child", note_and_run)
    clock.end += 3.5 * pause
    run_until_the_end(config, config.state / "state.json")
    assert runs == [0, pause, 2 * pause, 3 * pause]


def test_a_changed_state_is_written_a_second_time_and_then_left_alone(
    config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.state.mkdir()
    config.zonefile.touch()
    config.kept.touch()
    outcomes = [OUTCOME, OUTCOME._replace(served=SERVED._replace(serial=6))]
    written: list[float] = []
    write = State.write

    def note_and_write(found: State, path: Path) -> None:
        written.append(clock.now - 1000)
        write(found, path)

    monkeypatch.setattr(State, "write", note_and_write)
    monkeypatch.setattr(
        Server, "_outcome_of_child", lambda _: outcomes[0 if clock.now < 1100 else 1]
    )
    clock.end += 200
    run_until_the_end(config, config.state / "state.json")
    assert written == [0, 2, 60, 120, 122, 180]


@pytest.mark.parametrize(
    ("problems", "then"),
    [([], 60), (["the zone is from the future"], 22)],
    ids=["all is well", "a problem"],
)
def test_a_clock_that_is_set_while_something_is_wrong_causes_a_run(
    config: Config,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    problems: list[str],
    then: int,
) -> None:
    config.state.mkdir()
    config.zonefile.touch()
    config.kept.touch()
    runs: list[float] = []

    def note(_: Server) -> Outcome:
        runs.append(clock.now - 1000)
        return OUTCOME._replace(problems=problems)

    monkeypatch.setattr(Server, "_outcome_of_child", note)
    clock.is_set_at = 1021
    clock.end += 61
    run_until_the_end(config, config.state / "state.json")
    assert runs == [0, then]


def test_nixs_store_which_has_the_deployed_copy_and_changes_all_the_time_is_not_watched(
    config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store, runtime = tmp_path / "nix/store", tmp_path / "run"
    config.state.mkdir()
    runtime.mkdir()
    monkeypatch.setattr(Server, "_outcome_of_child", lambda _: OUTCOME)
    run_until_the_end(config._replace(deployed=store / "zone.conf"), runtime / "state.json")
    assert not {store, store.parent} & set(clock.folders)
    assert set(clock.folders) >= {runtime, config.state, config.mesh.parent, config.hosts.parent}


def test_the_folder_that_a_file_is_linked_to_is_watched(
    config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config.state.mkdir()
    (tmp_path / "persist").mkdir()
    config.hosts.symlink_to("persist/hosts")
    monkeypatch.setattr(Server, "_outcome_of_child", lambda _: OUTCOME)
    run_until_the_end(config, tmp_path / "state.json")
    assert tmp_path / "persist" in clock.folders
