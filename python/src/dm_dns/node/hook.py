"""dm-dns-hook.service: answer systemd-resolved's lookups of the clan's names.

systemd-resolved has hooks: before a lookup leaves the machine it asks programs that listen in
/run/systemd/resolve.hook (systemd-resolved.service(8), interface io.systemd.Resolve.Hook). What a
hook answers counts whatever else is configured: DNSSEC, DNS over TLS, the domains of other links,
or no network. A DNS server that resolved is configured to ask depends on all of these.

This hook relays lookups to unbound (`hook_lookups`). `hook_names` has the names that it is asked
for, and what it replies without an answer.

The reverse names of the clan's addresses, if programs are to get them, do not come from unbound.
resolved is told each of them, and which they are whenever that changes, so that it asks this hook
for no other ones.

resolved keeps connections open and uses them again. If the hook closed one while resolved sends a
call, that lookup would be lost. So systemd keeps them while the service restarts, and the next
process answers what has been sent on them.
"""

import errno
import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns.errors import Error
from dm_dns.node import notify
from dm_dns.node.dns_message import MessageError
from dm_dns.node.hook_calls import INTERFACE, Call, Key, parse
from dm_dns.node.hook_lookups import MAX_LOOKUPS, Lookup, Lookups
from dm_dns.node.hook_names import Names, Reply
from dm_dns.node.reverse_watcher import Watcher
from dm_dns.node.unbound import Unbound
from dm_dns.node.varlink import END

_MAX_CALL: Final = 65536
"""Bytes of a call: resolved's have less than 2,000."""
_READ: Final = selectors.EVENT_READ
_WRITE: Final = selectors.EVENT_WRITE
_TOO_MANY: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Why accept(2) fails while the connection stays where it is."""
_PAUSE_SECONDS: Final = 0.05
"""When to try again to accept it."""
_END_SECONDS: Final = 8.0
"""How long it may take to end: a lookup takes less, but resolved may be slow to read an answer."""
_FIRST_SOCKET: Final = 3
"""Where systemd passes sockets (sd_listen_fds(3))."""


class _Connection:
    """A connection of resolved, on which one call after the other is answered."""

    def __init__(self, stream: socket.socket, names: Names) -> None:
        self.stream = stream
        self.names = names
        """Those that resolved asks for on it."""
        self.received = b""
        self.to_send = b""
        self.lookup: Lookup | None = None


class Hook:
    """Answers calls on a socket, in one thread and without ever waiting for one lookup only."""

    def __init__(
        self,
        unbound: Unbound,
        listeners: Mapping[socket.socket, Names],
        connections: Mapping[socket.socket, Names],
        reverse: Watcher | None = None,
    ) -> None:
        """Take what it works with, without answering anything yet.

        Args:
            unbound: which has the zone.
            listeners: the sockets that resolved connects to, each with the names that it asks for.
            connections: those that an earlier process accepted, with the same.
            reverse: tells when the reverse names have changed; None: there are none.

        """
        self._earlier = connections
        self._connections: dict[_Connection, None] = {}
        self._watcher = reverse
        self._told: dict[_Connection, None] = {}
        """Those on which resolved waits for another filter."""
        self._listeners = listeners
        self._selector = selectors.DefaultSelector()
        self._lookups = Lookups(lambda: unbound.endpoint, self._selector)
        self._paused: dict[socket.socket, Names] = {}
        """The listeners on which nothing is accepted until `_resume_at`."""
        self._resume_at = 0.0
        self._end_by: float | None = None
        """When it ends at the latest, as time.monotonic() has it; None: nobody has ended it."""

    def run(self) -> None:
        """Answer until `end` is called."""
        notify.clear_store()
        for listener, names in self._listeners.items():
            self._listen(listener, names)
        for stream, names in self._earlier.items():
            self._connect(stream, names)
        # Each signal writes to it, which ends the wait.
        waker, woken = socket.socketpair()
        waker.settimeout(0)
        signal.set_wakeup_fd(waker.fileno())
        self._selector.register(woken, _READ, lambda _events: self._woken(woken))
        if self._watcher:
            self._watcher.changed = lambda: _wake(waker)
            self._watcher.start()
        while not self._has_ended():
            for key, events in self._selector.select(self._timeout()):
                # What came first may have closed what comes next, and another socket may have its
                # number now.
                current = self._selector.get_map().get(key.fd)
                if current and current.data is key.data:
                    key.data(events)
            self._lookups.repeat()
            self._resume()
        notify.store([each.stream for each in self._connections if self._is_idle(each)])

    def end(self) -> None:
        """Have `run` answer the calls that it has read, and return: a signal handler may."""
        self._end_by = time.monotonic() + _END_SECONDS

    def _has_ended(self) -> bool:
        """Tell whether all that was read is answered, or it is too late for that."""
        if self._end_by is None:
            return False
        is_busy = self._lookups or any(each.to_send for each in self._connections)
        return not is_busy or time.monotonic() >= self._end_by

    def _woken(self, woken: socket.socket) -> None:
        """Take a signal, or tell resolved that it is to ask for other names."""
        woken.recv(1)
        if self._end_by is not None:
            return
        changed = [names for names in self._listeners.values() if names.update()]
        for connection in list(self._told):
            if connection.names in changed:
                try:
                    self._tell_filter(connection, continues=True)
                except OSError:
                    self._close(connection)

    def _timeout(self) -> float | None:
        repeat_at = self._lookups.repeat_at
        times = [] if repeat_at is None else [repeat_at]
        if self._paused:
            times.append(self._resume_at)
        if self._end_by is not None:
            times.append(self._end_by)
        return max(0.0, min(times) - time.monotonic()) if times else None

    # -- calls

    def _listen(self, listener: socket.socket, names: Names) -> None:
        listener.settimeout(0)
        self._selector.register(listener, _READ, lambda _events: self._accept(listener, names))

    def _accept(self, listener: socket.socket, names: Names) -> None:
        if self._end_by is not None:
            self._selector.unregister(listener)  # the next process answers them
            return
        try:
            stream, _ = listener.accept()
        except OSError as error:
            if error.errno in _TOO_MANY:
                self._selector.unregister(listener)  # it would not wait for anything else
                self._paused[listener] = names
                self._resume_at = time.monotonic() + _PAUSE_SECONDS
            return  # else it has gone already
        self._connect(stream, names)

    def _connect(self, stream: socket.socket, names: Names) -> None:
        """Answer calls on a connection."""
        stream.settimeout(0)
        connection = _Connection(stream, names)
        self._connections[connection] = None
        self._selector.register(stream, _READ, lambda events: self._serve(connection, events))

    def _resume(self) -> None:
        """Accept connections again after there were too many."""
        if self._paused and time.monotonic() >= self._resume_at:
            paused, self._paused = self._paused, {}
            for listener, names in paused.items():
                self._listen(listener, names)

    def _serve(self, connection: _Connection, events: int) -> None:
        try:
            if events & _WRITE:
                self._send(connection)
            is_busy = connection.lookup or connection.to_send
            if events & _READ and self._end_by is not None and not is_busy:
                self._selector.unregister(connection.stream)  # the next process reads it
            elif events & _READ:
                data = connection.stream.recv(_MAX_CALL)
                if not data:
                    raise ConnectionResetError
                connection.received += data
                self._calls(connection)
        except BlockingIOError:
            pass
        except (OSError, ValueError):
            self._close(connection)

    def _calls(self, connection: _Connection) -> None:
        """Answer what has been received, up to a lookup that has to wait."""
        while connection.lookup is None and END in connection.received:
            call, _, connection.received = connection.received.partition(END)
            self._call(connection, parse(call))
        if len(connection.received) > _MAX_CALL:
            raise ValueError("a call is too long")

    def _call(self, connection: _Connection, call: Call) -> None:
        if call.method == f"{INTERFACE}.ResolveRecord":
            self._look_up(connection, call.keys)
        elif call.method == f"{INTERFACE}.QueryFilter":
            if call.wants_more:
                self._told[connection] = None
            self._tell_filter(connection, continues=call.wants_more)
        else:
            error = "org.varlink.service.MethodNotFound"
            self._reply(connection, error=error, parameters={"method": call.method})

    def _look_up(self, connection: _Connection, keys: list[Key]) -> None:
        """Ask unbound; for names that are not the clan's, or cannot be, pass the lookup on."""
        names = connection.names
        if not all(map(names.may_be_ours, keys)):
            self._reply(connection, parameters=names.without_unbound(keys))
        elif len(self._lookups) >= MAX_LOOKUPS:
            self._reply(connection, parameters=names.unavailable(keys))
        else:
            try:
                lookup = Lookup(names, keys, lambda reply: self._finish(connection, reply))
                connection.lookup = lookup
                self._lookups.begin(lookup)
            except MessageError:
                connection.lookup = None
                self._reply(connection, parameters=names.unknown())

    def _finish(self, connection: _Connection, reply: Reply) -> None:
        connection.lookup = None
        try:
            self._reply(connection, parameters=reply)
            self._calls(connection)
        except (OSError, ValueError):
            self._close(connection)

    def _tell_filter(self, connection: _Connection, *, continues: bool) -> None:
        """Tell which names the hook wants."""
        self._reply(connection, parameters=connection.names.filter, continues=continues)

    def _reply(self, connection: _Connection, **reply: object) -> None:
        connection.to_send += json.dumps(reply).encode() + END
        self._send(connection)

    def _send(self, connection: _Connection) -> None:
        try:
            sent = connection.stream.send(connection.to_send)
        except BlockingIOError:
            sent = 0
        connection.to_send = connection.to_send[sent:]
        events = _READ | (_WRITE if connection.to_send else 0)
        key = self._selector.get_key(connection.stream)
        if key.events != events:
            self._selector.modify(connection.stream, events, key.data)

    def _is_idle(self, connection: _Connection) -> bool:
        """Tell whether resolved waits for nothing, and has not sent a part of a call."""
        in_use = connection.lookup or connection.received or connection.to_send
        return not in_use and connection not in self._told

    def _close(self, connection: _Connection) -> None:
        if connection.lookup:
            self._lookups.cancel(connection.lookup)
        del self._connections[connection]
        self._told.pop(connection, None)
        self._selector.unregister(connection.stream)
        connection.stream.close()


def _wake(waker: socket.socket) -> None:
    with suppress(BlockingIOError):  # it has been woken already
        waker.send(b"\0")


class Passed(NamedTuple):
    """The sockets that systemd has passed (sd_listen_fds(3))."""

    listeners: dict[Path, socket.socket]
    """Those to accept connections on, by where they are."""
    connections: list[tuple[Path, socket.socket]]
    """Those that an earlier process has accepted (`notify.store`), with where that was."""


def passed() -> Passed:
    """Return the sockets that systemd has passed.

    Raises:
        Error: it has passed none.

    """
    numbers = range(int(os.environ.get("LISTEN_FDS", "0")))
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not numbers:
        raise Error("systemd has passed no socket; run `systemctl restart dm-dns-hook.socket`")
    found = Passed({}, [])
    for each in (socket.socket(fileno=_FIRST_SOCKET + number) for number in numbers):
        path = Path(each.getsockname())
        if each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            found.listeners[path] = each
        else:
            found.connections.append((path, each))
    return found
