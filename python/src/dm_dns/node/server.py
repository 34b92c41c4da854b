"""dm-dns.service: serve every change as soon as it happens, and write down what was found.

It is the only unit that writes. systemd takes longer to start a process for each change than a
process that waits takes to serve it, and a path unit misses events while its service ends and while
systemd reloads its units.
"""

import json
import os
import select
import signal
import socket  # noqa: TC003 - nothing runs faster without it
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from dm_dns import files
from dm_dns.errors import Error, TransientError, describe
from dm_dns.files import Version
from dm_dns.node import local_view, metrics, netlink, state
from dm_dns.node.apply import Outcome, Served, apply
from dm_dns.node.config import Config
from dm_dns.node.inotify import Listener, Notifier, folders_to
from dm_dns.node.local_view import LocalView
from dm_dns.node.presence import Presence, Presences, Watched
from dm_dns.node.state import State
from dm_dns.zone.networks import Network

_READY_SECONDS: Final = 5.0
"""unbound, and with it the boot, waits for the first run so long."""
_RUN_SECONDS: Final = 120.0
"""A run that takes longer is killed."""
_CHECK_SECONDS: Final = 60.0
"""How often to run without an event: unbound may serve something else, or an event be missing."""
_CONFIRM_SECONDS: Final = 2.0
"""When to write a changed state again: a path unit may miss the first time."""
_PROBLEM_SECONDS: Final = 10.0
"""When to run again after a run that failed: what is wrong may not be a file that is watched."""
_RETRY_SECONDS: Final = 1.0
"""When to run again after a run was killed: nothing of what it should do may be done."""
_ROUTES_SECONDS: Final = 0.5
"""How often to read what has changed of routes: a machine that has all of the internet's, or that
is just getting them, has no end of changes."""
_CLOCK_SECONDS: Final = 5.0
"""How often to look, while something is wrong, whether the clock was set: the kernel tells nobody
without a timer for that, which Python has from 3.13 on (timerfd_create(2))."""
_SET_SECONDS: Final = 60.0
"""A clock that has moved by more than that beside the time that has passed was set."""
_NEVER: Final = float("inf")


class Server:
    """Runs `apply` whenever something changes that the zone is made from, or unbound starts.

    Each run is a process of its own for which everything is loaded already: whatever happens in it,
    and however large the zone is, nothing of it remains.
    """

    def __init__(
        self,
        config: Config,
        state_file: Path,
        *,
        ready: Callable[[], None],
        tell: Callable[[str], None],
        complain: Callable[[str], None],
    ) -> None:
        """Take the configuration, without doing anything yet.

        Args:
            config: the machine's.
            state_file: where to write the state.
            ready: called when the zone file for unbound to start with is there, or after
                _READY_SECONDS.
            tell: takes a line for each change of what is served.
            complain: takes a line about what is wrong with the server itself.

        """
        self._config = config
        self._state_file = state_file
        self._metrics_file = state_file.with_name(metrics.NAME)
        self._ready = ready
        self._tell = tell
        self._complain = complain
        self._is_ready = False
        self._ready_at = time.monotonic() + _READY_SECONDS
        try:
            self._state = state.read(state_file)
        except (OSError, Error):
            self._state = State(config.domain, os.getpid(), None, None, [], {}, 0)
        self._told = _for_journal(self._state.served)
        self._failure: str | None = None
        self._local_problem: str | None = None
        """Which the journal has been told last."""
        self._versions: dict[Path, Version] = {}
        self._local = local_view.NOTHING
        self._presences = Presences(config.allow)
        self._kernel: dict[socket.socket, Listener] = {}
        """What tells of changes of the local view."""
        self._told_of_neighbours = False
        self._routes: socket.socket | None = None
        """What of these tells of changes of routes; None: there is no local network."""
        self._state_version: Version = ()
        self._next_check = 0.0
        self._clock_offset = 0.0
        """Of the clock, at the last run, from the time that passes."""
        self._confirm_at = _NEVER

    def run(self) -> NoReturn:
        """Serve until the process is ended.

        Raises:
            Error: one of the unit's directories was removed. Only systemd can make it again, and
                does so when it restarts the unit. Or the process cannot wait for changes.

        """
        try:
            self._serve()
        except OSError as error:
            raise Error(f"waiting for changes failed: {describe(error)}") from None

    def _serve(self) -> NoReturn:
        config = self._config
        notifier = Notifier(self._complain, self._kernel)
        # Without the deployed copy: its folder is Nix's store, which changes all the time, and a
        # switch restarts this process.
        watched = [config.mesh, config.hosts, config.unbound.control]
        watched += [config.zonefile, config.kept, self._state_file]
        while True:
            # First: whatever happens after it ends the wait.
            self._subscribe()
            notifier.watch(folders_to(watched))
            if self._must_run():
                self._run()
            if files.version(self._state_file) != self._state_version:
                self._write_state()
            elif time.monotonic() >= self._confirm_at:
                self._confirm_at = _NEVER
                self._write_state()
            self._become_ready()
            times = [self._next_check, self._confirm_at, self._presences.next_look]
            if self._state.problems:  # such as a zone that is from the future only by this clock
                times.append(time.monotonic() + _CLOCK_SECONDS)
            notifier.wait(min(times) - time.monotonic())

    def _subscribe(self) -> None:
        """Be told when the local view may have changed, if this machine has one."""
        if self._config.machine is not None and not self._kernel:
            with suppress(OSError):  # the local view says so
                self._kernel[netlink.subscribe()] = Listener(self._presences.is_about)

    def _read_local(self) -> LocalView:
        return LocalView.read(self._config, self._presences, ask=True)

    def _watch_networks(self, watched: tuple[Watched, ...]) -> None:
        """Be told what concerns these networks from now on."""
        self._presences.watched = watched
        if watched and not self._told_of_neighbours:
            self._told_of_neighbours = True
            with suppress(OSError):  # the local view says so
                if not self._kernel:
                    self._kernel[netlink.subscribe()] = Listener(self._presences.is_about)
                for opened in self._kernel:
                    netlink.subscribe_to_neighbours(opened)
        self._watch_routes(may_change=bool(watched))

    def _watch_routes(self, *, may_change: bool) -> None:
        """Be told of routes only as long as a change of them matters: there may be very many."""
        if may_change and self._routes is None:
            with suppress(OSError):  # the local view says so
                self._routes = netlink.subscribe_to_routes()
                does_matter = self._presences.is_about_routes
                self._kernel[self._routes] = Listener(does_matter, _ROUTES_SECONDS)
        if self._routes is not None and not may_change:
            del self._kernel[self._routes]
            self._routes.close()
            self._routes = None

    def _must_run(self) -> bool:
        return (
            self._current_versions() != self._versions
            or self._read_local() != self._local
            or time.monotonic() >= self._next_check
            or abs(_clock_offset() - self._clock_offset) > _SET_SECONDS
            or self._has_lost_files()
        )

    def _current_versions(self) -> dict[Path, Version]:
        paths = [*self._config.inputs, self._config.unbound.control]
        return {path: files.version(path) for path in paths}

    def _has_lost_files(self) -> bool:
        """Tell whether somebody has removed what the last run wrote.

        After a run with problems this is left to the next check: the next run may fail as well.
        """
        if self._state.served is None or self._state.problems:
            return False
        return not all(path.exists() for path in self._config.written)

    def _run(self) -> None:
        """Run `apply` once, and write down its outcome."""
        start = time.monotonic()
        self._clock_offset = _clock_offset()
        before, self._versions = self._versions, self._current_versions()
        local = self._local = self._read_local()
        control = self._config.unbound.control
        has_started = control.exists() and before.get(control) != self._versions[control]
        self._next_check = time.monotonic() + _CHECK_SECONDS
        inputs = {str(path): self._versions[path] for path in self._config.inputs}
        served, problems = self._state.served, []
        try:
            outcome = self._outcome_of_child()
        except Error as error:
            _check_directory(self._config.state)
            problems = str(error).splitlines()
            was_killed = isinstance(error, TransientError)
            seconds = _RETRY_SECONDS if was_killed else _PROBLEM_SECONDS
            self._next_check = time.monotonic() + seconds
        else:
            served, problems, inputs = outcome.served, outcome.problems, outcome.inputs
            local = self._local = outcome.local
            if outcome.watched is not None:
                self._watch_networks(outcome.watched)
        since = self._state.since
        if served and (since is None or served != self._state.served):
            since = int(time.time())
        if local.problem and local.problem != self._local_problem:
            self._complain(local.problem)
        self._local_problem = local.problem
        if served and _for_journal(served) != self._told:
            self._told = _for_journal(served)
            took = time.monotonic() - start
            on = "".join(f", on network {name!a}" for name in local.on)
            self._tell(f"{self._config.domain}: {served}{on}, in {1000 * took:.0f} ms")
        written = self._state.written
        found = State(
            self._config.domain, os.getpid(), served, since, problems, inputs, written, local
        )
        # A check may have failed because unbound did not run.
        if found != self._state or has_started:
            self._confirm_at = time.monotonic() + _CONFIRM_SECONDS
        self._state = found
        # Also if nothing has changed: it starts a check, and tells that this process does not hang.
        self._write_state()

    def _write_state(self) -> None:
        self._state = self._state._replace(written=int(time.monotonic()))
        try:
            self._state.write(self._state_file)
            files.write(self._metrics_file, metrics.render(self._state).encode())
        except OSError as error:
            _check_directory(self._state_file.parent)
            self._say_once(f"{self._state_file} cannot be written: {error.strerror}")
        else:
            self._say_once(None)
        self._state_version = files.version(self._state_file)

    def _say_once(self, failure: str | None) -> None:
        """Complain about a failure unless that is known, and tell when there is none any more."""
        if failure and failure != self._failure:
            self._complain(failure)
        if self._failure and not failure:
            self._tell(f"over: {self._failure}")
        self._failure = failure

    def _outcome_of_child(self) -> Outcome:
        """Run `apply` in a process of its own, and return its outcome.

        Raises:
            Error: it failed, was killed, or took too long.

        """
        try:
            result, status = self._run_child()
        except OSError as error:
            reason = f"a process to serve the zone in cannot be run: {error.strerror}"
            raise TransientError(f"{reason}; it is retried") from None
        if result is None:
            raise Error(f"serving the zone took longer than {_RUN_SECONDS:g} s and was stopped")
        if status < 0:
            raise TransientError(f"serving the zone was ended by signal {-status}; it is retried")
        if status > 0:
            raise TransientError("serving the zone ended without a result; it is retried")
        return _parse_result(bytes(result))

    def _run_child(self) -> tuple[bytearray | None, int]:
        """Run `apply` in a child; return what `_read_to_end` does, and the child's exit status.

        Raises:
            OSError: such as where no more processes are allowed; no child is left then.

        """
        reader, writer = os.pipe()
        try:
            try:
                child = os.fork()
                if not child:
                    _be_child(self._config, self._presences, reader, writer)
            finally:
                os.close(writer)
            result = None
            try:
                result = self._read_to_end(reader)
            finally:
                if result is None:
                    os.kill(child, signal.SIGKILL)
                status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        finally:
            os.close(reader)
        return result, status

    def _read_to_end(self, reader: int) -> bytearray | None:
        """Return what a child writes; None if it takes too long."""
        result = bytearray()
        start = time.monotonic()
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        while (now := time.monotonic()) < start + _RUN_SECONDS:
            if now >= self._ready_at:
                self._become_ready()
            end = start + _RUN_SECONDS if self._is_ready else self._ready_at
            if poll.poll(1000 * max(0.0, end - now)):
                data = os.read(reader, 65536)
                if not data:
                    return result
                result += data
        return None

    def _become_ready(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            self._ready()


def _clock_offset() -> float:
    return time.time() - time.monotonic()


def _for_journal(served: Served | None) -> str:
    """Return a text that changes whenever the journal is to have a line."""
    return f"{served.status} {served}" if served else ""


def _check_directory(directory: Path) -> None:
    if not directory.is_dir():
        raise Error(f"{directory} was removed; `systemctl restart dm-dns` makes it again")


def _be_child(config: Config, presences: Presences, reader: int, writer: int) -> NoReturn:
    """Run `apply`, write its result, and end this process: with 0 if the result is complete."""
    status = 1
    try:
        os.close(reader)
        result = json.dumps(_result(config, presences)).encode()
        with open(writer, "wb") as pipe:
            pipe.write(result)
        status = 0
    finally:
        os._exit(status)


def _result(config: Config, presences: Presences) -> dict[str, object]:
    """Run `apply`, and return what `_parse_result` takes."""
    try:
        # Without unbound there is nothing to load the zone: it starts with the zone file.
        write_only = not config.unbound.control.exists()
        return apply(config, write_only=write_only, presences=presences)._asdict()
    except (Error, OSError) as error:
        return {"error": describe(error)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent goes on
        return {"error": f"serving the zone failed unexpectedly: {error!r}"}


def _parse_result(result: bytes) -> Outcome:
    """Return the outcome that a child wrote.

    Raises:
        Error: the child wrote that it failed.

    """
    values = json.loads(result)
    if "error" in values:
        raise Error(values["error"])
    inputs = {path: tuple(version) for path, version in values["inputs"].items()}
    addresses, problem, found, deprecated = values["local"]
    presences = tuple(
        Presence(name, link, reason, tuple(silent), remedy)
        for name, link, reason, silent, remedy in found
    )
    local = LocalView(
        addresses if addresses is None else tuple(addresses), problem, presences, tuple(deprecated)
    )
    watched = values["watched"]
    if watched is not None:
        watched = tuple(
            Watched(name, Network(*network), tuple(known)) for name, network, known in watched
        )
    served = Served(*values["served"])
    return Outcome(served, values["problems"], inputs, values["is_new"], local, watched)
