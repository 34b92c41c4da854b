"""Lookups of the hook: what unbound answers, and what it makes of that.

unbound may be restarting, so a query is repeated until it is answered, or it is too late.
"""

import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from dm_dns.node import dns_message
from dm_dns.node.dns_message import MessageError, Record
from dm_dns.node.hook_calls import Key
from dm_dns.node.hook_names import Names, Reply, answer
from dm_dns.node.unbound import datagrams, stream_to

_READ: Final = selectors.EVENT_READ
_WRITE: Final = selectors.EVENT_WRITE
_GIVE_UP_SECONDS: Final = 0.8
"""How long to ask an unbound that stays away: a lookup that fails then takes less than 1 s."""
_RESTART_SECONDS: Final = 5.0
"""For how long after its last answer, or the start of this process, unbound may be restarting: a
lookup waits until then. A switch may restart all of dm-dns's units, one after the other. unbound is
away for 0.7 s then, and on a small machine for some seconds."""
_MAX_PATIENT: Final = 32
"""More at a time do not wait that long. resolved 262 takes 128 lookups of programs at a time: who
comes then learns nothing for 20 s."""
_REPEAT_SECONDS: Final = 0.15
"""When to repeat a query. Those that are sent while unbound restarts wait in its socket, which
systemd holds; only one that unbound had already read is lost."""
MAX_LOOKUPS: Final = 4096
"""More at a time are passed on: resolved itself begins 2048 at most."""
_KINDS: Final = (dns_message.A, dns_message.AAAA, dns_message.TXT)
"""The types that a zone file has, beside the CNAMEs, which are in each answer. Every name of the
clan has one of these (`zonefile.compile_zone`)."""
_ANY_KINDS: Final = (*_KINDS, dns_message.NS, dns_message.SOA)
"""What is asked for in the place of ANY: its answer may be a part of what there is (RFC 8482), such
as an alias without what that leads to. The domain itself has NS and SOA."""


class _Query(NamedTuple):
    """A question to unbound."""

    key: Key
    message: bytes


class Lookup:
    """What resolved looks up in one call."""

    def __init__(self, names: Names, keys: list[Key], then: Callable[[Reply], object]) -> None:
        """Take what is looked up, which may be answered from now on.

        Args:
            names: which the socket is for that the call came on.
            keys: for which records.
            then: takes the reply.

        """
        self.names = names
        self.keys = keys
        self.then = then
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


class Lookups:
    """Those that wait for unbound, without ever waiting for one only."""

    def __init__(
        self, endpoint: Callable[[], tuple[str, int]], selector: selectors.BaseSelector
    ) -> None:
        """Take where to ask.

        Args:
            endpoint: tells the address and port at which to ask unbound now.
            selector: tells what has come; the data of a file is called with the events.

        """
        self._find_endpoint = endpoint
        self._selector = selector
        self._endpoint: tuple[str, int] | None = None
        """Where it was asked last."""
        self._datagrams: socket.socket | None = None
        self._lookups: dict[Lookup, None] = {}
        """In the order in which they began."""
        self._answered_at = time.monotonic()
        """When unbound answered last, or this process started."""
        self._waiting: dict[int, Lookup] = {}
        """By the id of each query that is not answered."""
        self._next_id = int.from_bytes(os.urandom(2), "big")

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._lookups)

    @property
    def repeat_at(self) -> float | None:
        """When to call `repeat`, as time.monotonic() has it; None: nothing waits."""
        return min((lookup.repeat_at for lookup in self._lookups), default=None)

    def begin(self, lookup: Lookup) -> None:
        """Ask unbound.

        Raises:
            MessageError: DNS cannot have such a name.

        """
        try:
            self._add_queries(lookup, lookup.keys)
        except MessageError:
            self.cancel(lookup)
            raise
        if lookup.names.waits_for_restart and len(self._lookups) < _MAX_PATIENT:
            restarted_at = self._answered_at + _RESTART_SECONDS
            lookup.give_up_at = max(lookup.give_up_at, restarted_at)
        self._lookups[lookup] = None
        self._ask(lookup)

    def repeat(self) -> None:
        """Repeat queries that are not answered, and end lookups for which it is too late."""
        now = time.monotonic()
        for lookup in list(self._lookups):
            if now >= lookup.give_up_at:
                self._finish(lookup, lookup.names.unavailable(lookup.keys))
            elif now >= lookup.repeat_at:
                lookup.repeat_at = now + _REPEAT_SECONDS
                self._ask(lookup)

    def cancel(self, lookup: Lookup) -> None:
        """Forget a lookup: nobody waits for its reply."""
        self._lookups.pop(lookup, None)
        for message_id in lookup.queries:
            self._waiting.pop(message_id, None)
            self._drop(lookup, message_id)

    def _finish(self, lookup: Lookup, reply: Reply) -> None:
        self.cancel(lookup)
        lookup.then(reply)

    def _add_queries(self, lookup: Lookup, keys: Iterable[Key]) -> None:
        for key in _expand(keys):
            message_id = self._free_id()
            full = lookup.names.full(key.name)
            message = dns_message.query(message_id, full, key.kind, key.dns_class)
            lookup.queries[message_id] = _Query(key, message)
            self._waiting[message_id] = lookup

    def _free_id(self) -> int:
        while self._next_id in self._waiting:
            self._next_id = (self._next_id + 1) % 65536
        message_id = self._next_id
        self._next_id = (self._next_id + 1) % 65536
        return message_id

    def _ask(self, lookup: Lookup) -> None:
        try:
            server = self._server()
            for query in lookup.queries.values():
                server.send(query.message)
        except OSError:
            pass  # nothing listens, or the buffer is full; it is repeated

    def _server(self) -> socket.socket:
        """Return a socket to where unbound is to be asked now.

        IPv6 may be taken from lo, or come later.

        Raises:
            OSError: nothing can be sent there.

        """
        endpoint = self._find_endpoint()
        if self._datagrams is None or endpoint != self._endpoint:
            server = datagrams(*endpoint)
            server.settimeout(0)
            if self._datagrams:
                self._selector.unregister(self._datagrams)
                self._datagrams.close()
            self._endpoint, self._datagrams = endpoint, server
            self._selector.register(server, _READ, lambda _events: self._receive(server))
        return self._datagrams

    def _receive(self, server: socket.socket) -> None:
        try:
            message = server.recv(65536)
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
        self._answered_at = time.monotonic()
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

    def _ask_with_tcp(self, lookup: Lookup, message_id: int) -> None:
        endpoint = self._endpoint
        if message_id in lookup.streams or endpoint is None:
            return
        try:
            stream = _Stream(lookup.queries[message_id].message, endpoint[0])
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

        stream.socket.connect_ex(endpoint)
        self._selector.register(stream.socket, _WRITE, go_on)

    def _go_on(self, stream: _Stream, events: int) -> None:
        if events & _WRITE:
            stream.to_send = stream.to_send[stream.socket.send(stream.to_send) :]
            if not stream.to_send:
                key = self._selector.get_key(stream.socket)
                self._selector.modify(stream.socket, _READ, key.data)
        else:
            data = stream.socket.recv(65536)
            if not data:
                raise ConnectionResetError
            stream.received += data

    def _drop(self, lookup: Lookup, message_id: int) -> None:
        if stream := lookup.streams.pop(message_id, None):
            self._selector.unregister(stream.socket)
            stream.socket.close()

    def _answer(self, lookup: Lookup) -> None:
        # The name exists if any of the questions says so: with IDNA there are two names.
        exists = dns_message.NOERROR in lookup.rcodes
        names = lookup.names
        if exists and (names.include_empty or lookup.has_records):
            self._finish(lookup, answer(lookup.records))
        elif exists and not lookup.asks_for_any:
            self._ask_for_any(lookup)
        else:
            self._finish(lookup, names.unknown())

    def _ask_for_any(self, lookup: Lookup) -> None:
        """Find out whether a name has any record, or exists only because names below it do.

        The latter has an empty answer as well (RFC 8020, section 2), and is not the clan's.
        """
        lookup.asks_for_any = True
        asked = dict.fromkeys((key.name, key.dns_class) for key in lookup.keys)
        keys = [Key(name, kind, dns_class) for name, dns_class in asked for kind in _KINDS]
        self._add_queries(lookup, keys)
        self._ask(lookup)


def _expand(keys: Iterable[Key]) -> Iterator[Key]:
    """Yield the keys, and in the place of one for ANY those for each type."""
    for key in keys:
        kinds = _ANY_KINDS if key.kind == dns_message.ANY else [key.kind]
        yield from (key._replace(kind=kind) for kind in kinds)
