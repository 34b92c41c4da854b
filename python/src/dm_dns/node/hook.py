"""dm-dns-hook.service: answer systemd-resolved's lookups of the clan's names.

systemd-resolved has hooks: before a lookup leaves the machine it asks programs that listen in
/run/systemd/resolve.hook (systemd-resolved.service(8), interface io.systemd.Resolve.Hook). What a
hook answers counts whatever else is configured: DNSSEC, DNS over TLS, the domains of other links,
or no network. A DNS server that resolved is configured to ask depends on all of these.

This hook relays lookups to unbound. unbound may be restarting, so a query is repeated until it is
answered. `hook_names` has the names that it is asked for, and what it replies without an answer.

The reverse names of the clan's addresses, if programs are to get them, do not come from unbound.
resolved is told each of them, and which they are whenever that changes, so that it asks this hook
for no other ones.

resolved keeps connections open and uses them again. One that the hook closes while resolved sends a
call takes that lookup away. So systemd keeps them while the service restarts, and the next process
answers what has been sent on them.
"""

import errno
import json
import os
import selectors
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns.errors import Error
from dm_dns.node import dns_message, notify
from dm_dns.node.dns_message import MessageError, Record
from dm_dns.node.hook_calls import INTERFACE, Call, Key, parse
from dm_dns.node.hook_names import Names, answer
from dm_dns.node.reverse_watcher import Watcher
from dm_dns.node.unbound import Unbound, datagrams, stream_to
from dm_dns.node.varlink import END

_MAX_CALL: Final = 65536
"""Bytes of a call: resolved's have less than 2,000."""
_GIVE_UP_SECONDS: Final = 0.8
"""How long to ask unbound: it restarts in less, and a lookup that fails takes less than 1 s."""
_REPEAT_SECONDS: Final = 0.15
"""When to repeat a query. Those that are sent while unbound restarts wait in its socket, which
systemd holds; only one that unbound had already read is lost."""
_TOO_MANY: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Why accept(2) fails while the connection stays where it is."""
_PAUSE_SECONDS: Final = 0.05
"""When to try again to accept it."""
MAX_LOOKUPS: Final = 4096
"""More at a time are passed on: resolved itself begins 2048 at most."""
_KINDS: Final = (dns_message.A, dns_message.AAAA, dns_message.TXT)
"""The types that a zone file has, beside the CNAMEs, which are in each answer. Every name of the
clan has one of these (`zonefile.compile_zone`)."""
_ANY_KINDS: Final = (*_KINDS, dns_message.NS, dns_message.SOA)
"""What is asked for in the place of ANY: its answer may be a part of what there is (RFC 8482), such
as an alias without what that leads to. The domain itself has NS and SOA."""
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
        self.lookup: _Lookup | None = None


class _Query(NamedTuple):
    """A question to unbound."""

    key: Key
    message: bytes


class _Lookup:
    """A call that waits for unbound."""

    def __init__(self, connection: _Connection, keys: list[Key]) -> None:
        self.connection = connection
        self.keys = keys
        now = time.monotonic()
        self.repeat_at = now + _REPEAT_SECONDS
        self.give_up_at = now + _GIVE_UP_SECONDS
        self.queries: dict[int, _Query] = {}
        """The queries that are not answered, by their id."""
        self.rcodes: set[int] = set()
        self.has_records = False
        """Whether one of the names has a record, of whatever type."""
        self.asks_for_any = False
        """Whether it is being found out if the names have records of other types."""
        self.records: dict[Record, None] = {}
        """The answer: each record once."""
        self.streams: dict[int, _Stream] = {}
        """The queries that are asked with TCP as well, by their id."""


class _Stream:
    """A query with TCP, whose answer is too long for UDP."""

    def __init__(self, query: bytes, address: str) -> None:
        self.socket = stream_to(address)
        self.socket.settimeout(0)
        self.to_send = struct.pack(">H", len(query)) + query  # RFC 1035, section 4.2.2
        self.received = b""

    def answer(self) -> bytes | None:
        """Return the answer; None if it is not complete."""
        length = int.from_bytes(self.received[:2], "big")
        return self.received[2:] if length and len(self.received) == 2 + length else None


class Hook:
    """Answers calls on a socket, in one thread and without ever waiting for one lookup only."""

    def __init__(
        self,
        unbound: Unbound,
        listeners: Mapping[socket.socket, Names],
        connections: Mapping[socket.socket, Names],
        reverse: Watcher | None = None,
    ) -> None:
        """Take what it works with, without doing anything yet.

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
        self._unbound = unbound
        self._listeners = listeners
        self._selector = selectors.DefaultSelector()
        self._lookups: dict[_Lookup, None] = {}
        """In the order in which they began."""
        self._waiting: dict[int, _Lookup] = {}
        """By the id of each query that is not answered."""
        self._paused: dict[socket.socket, Names] = {}
        """The listeners on which nothing is accepted until `_resume_at`."""
        self._resume_at = 0.0
        self._is_ending = False
        self._next_id = int.from_bytes(os.urandom(2), "big")

    def run(self) -> None:
        """Answer until `end` is called."""
        notify.clear_store()
        for listener, names in self._listeners.items():
            self._listen(listener, names)
        for stream, names in self._earlier.items():
            self._connect(stream, names)
        self._endpoint = self._unbound.endpoint
        self._datagrams = datagrams(*self._endpoint)
        self._datagrams.settimeout(0)
        self._watch(self._datagrams, selectors.EVENT_READ, self._receive)
        # Each signal writes to it, which ends the wait.
        waker, woken = socket.socketpair()
        waker.settimeout(0)
        signal.set_wakeup_fd(waker.fileno())
        self._watch(woken, selectors.EVENT_READ, lambda _events: self._woken(woken))
        if self._watcher:
            self._watcher.changed = lambda: _wake(waker)
            self._watcher.start()
        while True:
            happened = self._selector.select(self._timeout())
            for key, events in happened:
                # What came first may have closed what comes next, and another socket may have its
                # number now.
                current = self._selector.get_map().get(key.fd)
                if current and current.data is key.data:
                    key.data(events)
            self._repeat()
            self._resume()
            if self._is_ending and not happened and not self._lookups:
                break
        notify.store([each.stream for each in self._connections if self._is_idle(each)])

    def end(self) -> None:
        """Have `run` answer the calls that have been received, and return: a signal handler may."""
        self._is_ending = True

    def _watch(self, fileobj: socket.socket, events: int, then: Callable[[int], object]) -> None:
        self._selector.register(fileobj, events, then)

    def _woken(self, woken: socket.socket) -> None:
        """Take a signal, or tell resolved that it is to ask for other names."""
        woken.recv(1)
        changed = [names for names in self._listeners.values() if names.update()]
        for connection in list(self._told):
            if connection.names in changed:
                try:
                    self._tell_filter(connection, continues=True)
                except OSError:
                    self._close(connection)

    def _timeout(self) -> float | None:
        times = [found.repeat_at for found in self._lookups]
        if self._paused:
            times.append(self._resume_at)
        if not times:
            return 0 if self._is_ending else None
        return max(0.0, min(times) - time.monotonic())

    # -- calls

    def _listen(self, listener: socket.socket, names: Names) -> None:
        listener.settimeout(0)
        self._watch(listener, selectors.EVENT_READ, lambda _events: self._accept(listener, names))

    def _accept(self, listener: socket.socket, names: Names) -> None:
        if self._is_ending:
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
        self._watch(stream, selectors.EVENT_READ, lambda events: self._serve(connection, events))

    def _resume(self) -> None:
        """Accept connections again after there were too many."""
        if self._paused and time.monotonic() >= self._resume_at:
            paused, self._paused = self._paused, {}
            for listener, names in paused.items():
                self._listen(listener, names)

    def _serve(self, connection: _Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._send(connection)
            if events & selectors.EVENT_READ:
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
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.to_send else 0)
        key = self._selector.get_key(connection.stream)
        if key.events != events:
            self._selector.modify(connection.stream, events, key.data)

    def _is_idle(self, connection: _Connection) -> bool:
        """Tell whether resolved waits for nothing, and has not sent a part of a call."""
        in_use = connection.lookup or connection.received or connection.to_send
        return not in_use and connection not in self._told

    def _close(self, connection: _Connection) -> None:
        if connection.lookup:
            self._end(connection.lookup)
        del self._connections[connection]
        self._told.pop(connection, None)
        self._selector.unregister(connection.stream)
        connection.stream.close()

    # -- lookups

    def _look_up(self, connection: _Connection, keys: list[Key]) -> None:
        """Ask unbound; for names that are not the clan's, or cannot be, pass the lookup on."""
        names = connection.names
        if not all(map(names.may_be_ours, keys)):
            self._reply(connection, parameters=names.without_unbound(keys))
            return
        if len(self._lookups) >= MAX_LOOKUPS:
            self._reply(connection, parameters=names.unavailable(keys))
            return
        lookup = _Lookup(connection, keys)
        try:
            self._add_queries(lookup, keys)
        except MessageError:
            self._end(lookup)
            self._reply(connection, parameters=names.unknown())
            return
        connection.lookup = lookup
        self._lookups[lookup] = None
        self._ask(lookup)

    def _add_queries(self, lookup: _Lookup, keys: Iterable[Key]) -> None:
        for key in _expand(keys):
            message_id = self._free_id()
            full = lookup.connection.names.full(key.name)
            message = dns_message.query(message_id, full, key.kind, key.dns_class)
            lookup.queries[message_id] = _Query(key, message)
            self._waiting[message_id] = lookup

    def _free_id(self) -> int:
        while self._next_id in self._waiting:
            self._next_id = (self._next_id + 1) % 65536
        message_id = self._next_id
        self._next_id = (self._next_id + 1) % 65536
        return message_id

    def _ask(self, lookup: _Lookup) -> None:
        for query in lookup.queries.values():
            try:
                self._datagrams.send(query.message)
            except OSError:
                return  # nothing listens, or the buffer is full; it is repeated

    def _receive(self, _events: int) -> None:
        try:
            message = self._datagrams.recv(65536)
        except OSError:
            return  # nothing listens: the query is repeated
        self._take(message)

    def _take(self, message: bytes) -> None:
        """Take an answer of unbound."""
        try:
            response = dns_message.parse(message)
        except MessageError:
            return
        lookup = self._waiting.get(response.message_id)
        if lookup is None:
            return  # to a query that was repeated
        if response.is_truncated:
            self._ask_with_tcp(lookup, response.message_id)
            return
        if response.rcode not in (dns_message.NOERROR, dns_message.NXDOMAIN):
            return  # the zone is not loaded yet; it is asked again
        query = lookup.queries.pop(response.message_id)
        del self._waiting[response.message_id]
        self._drop(lookup, response.message_id)
        lookup.rcodes.add(response.rcode)
        lookup.has_records |= bool(response.answer)
        if not lookup.asks_for_any:
            # Without aliases: where one leads to a machine without an address of one of the two
            # families, resolved 262 would ask the hook again and fail (EBUSY).
            lookup.records.update(dict.fromkeys(response.resolved(query.key.name, query.key.kind)))
        if not lookup.queries:
            self._answer(lookup)

    def _ask_with_tcp(self, lookup: _Lookup, message_id: int) -> None:
        if message_id in lookup.streams:
            return
        try:
            stream = _Stream(lookup.queries[message_id].message, self._endpoint[0])
        except OSError:
            return  # too many are open; the answer to the repeated query tries again
        lookup.streams[message_id] = stream

        def go_on(events: int) -> None:
            try:
                self._go_on(stream, events)
            except OSError:
                self._drop(lookup, message_id)  # the answer to the repeated query tries again
            else:
                if answer := stream.answer():
                    self._take(answer)

        stream.socket.connect_ex(self._endpoint)
        self._watch(stream.socket, selectors.EVENT_WRITE, go_on)

    def _go_on(self, stream: _Stream, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            stream.to_send = stream.to_send[stream.socket.send(stream.to_send) :]
            if not stream.to_send:
                key = self._selector.get_key(stream.socket)
                self._selector.modify(stream.socket, selectors.EVENT_READ, key.data)
        else:
            data = stream.socket.recv(65536)
            if not data:
                raise ConnectionResetError
            stream.received += data

    def _drop(self, lookup: _Lookup, message_id: int) -> None:
        if stream := lookup.streams.pop(message_id, None):
            self._selector.unregister(stream.socket)
            stream.socket.close()

    def _repeat(self) -> None:
        """Repeat queries that are not answered, and pass on lookups for which it is too late."""
        now = time.monotonic()
        for lookup in list(self._lookups):
            if now >= lookup.give_up_at:
                self._finish(lookup, lookup.connection.names.unavailable(lookup.keys))
            elif now >= lookup.repeat_at:
                lookup.repeat_at = now + _REPEAT_SECONDS
                self._ask(lookup)

    def _answer(self, lookup: _Lookup) -> None:
        # The name exists if any of the questions says so: with IDNA there are two names.
        exists = dns_message.NOERROR in lookup.rcodes
        names = lookup.connection.names
        if exists and (names.include_empty or lookup.has_records):
            self._finish(lookup, answer(lookup.records))
        elif exists and not lookup.asks_for_any:
            self._ask_for_any(lookup)
        else:
            self._finish(lookup, names.unknown())

    def _ask_for_any(self, lookup: _Lookup) -> None:
        """Find out whether a name has any record, or exists only because names below it do.

        The latter has an empty answer as well (RFC 8020, section 2), and is not the clan's.
        """
        lookup.asks_for_any = True
        asked = dict.fromkeys((key.name, key.dns_class) for key in lookup.keys)
        keys = [Key(name, kind, dns_class) for name, dns_class in asked for kind in _KINDS]
        self._add_queries(lookup, keys)
        self._ask(lookup)

    def _finish(self, lookup: _Lookup, parameters: dict[str, object]) -> None:
        connection = lookup.connection
        self._end(lookup)
        try:
            self._reply(connection, parameters=parameters)
            self._calls(connection)
        except (OSError, ValueError):
            self._close(connection)

    def _end(self, lookup: _Lookup) -> None:
        lookup.connection.lookup = None
        self._lookups.pop(lookup, None)
        for message_id in lookup.queries:
            self._waiting.pop(message_id, None)
            self._drop(lookup, message_id)


def _expand(keys: Iterable[Key]) -> Iterator[Key]:
    """Yield the keys, and in the place of one for ANY those for each type."""
    for key in keys:
        kinds = _ANY_KINDS if key.kind == dns_message.ANY else [key.kind]
        yield from (key._replace(kind=kind) for kind in kinds)


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
