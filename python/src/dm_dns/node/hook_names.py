"""Which names systemd-resolved asks the hook for on a socket, and the replies without an answer."""

import base64
from collections.abc import Iterable
from typing import Final, Protocol

from dm_dns.node import dns_message
from dm_dns.node.dns_message import Record
from dm_dns.node.hook_calls import Key
from dm_dns.node.reverse_watcher import Watcher
from dm_dns.zone import names
from dm_dns.zone.zonefile import TTL

Reply = dict[str, object]

UNAVAILABLE: Final = "unavailable.dm-dns.internal"
"""What names are aliases of while unbound stays silent, unless the whole domain is the clan's.

It is outside of the domain: at an alias into it resolved 262 would ask the hook again and fail
(EBUSY). ``internal`` is reserved for private use, so nobody can have the name."""

PASS_ON: Final[Reply] = {}
"""What leaves a lookup to resolved's other sources."""

_DS: Final = 43
_OF_ZONES: Final = (dns_message.NS, dns_message.SOA, _DS, 48)
"""With DNSKEY: who looks these types up at a single label means a top-level domain."""
_NOT_DATA: Final = (41, *range(249, 255))
"""OPT, TKEY, TSIG, IXFR, AXFR, MAILB and MAILA: no name has records of these types (RFC 6895,
section 3.1), and unbound refuses them, as it does every class but IN."""


class Names(Protocol):
    """The names that resolved asks for on one socket."""

    @property
    def filter(self) -> Reply:
        """What tells resolved which names these are. It asks for all until it knows that."""

    def update(self) -> bool:
        """Take what has changed since the last call; tell whether the filter has."""

    @property
    def include_empty(self) -> bool:
        """Whether a name without a record, which exists because names below it do, is ours."""

    @property
    def waits_for_restart(self) -> bool:
        """Whether a lookup waits while unbound may be restarting, because it would fail."""

    def may_be_ours(self, key: Key) -> bool:
        """Tell whether unbound is to be asked."""

    def without_unbound(self, keys: list[Key]) -> Reply:
        """Return the reply for names that unbound is not asked for."""

    def full(self, name: str) -> str:
        """Return the name that unbound is asked for."""

    def unknown(self) -> Reply:
        """Return the reply for a name that the clan does not have."""

    def unavailable(self, keys: Iterable[Key]) -> Reply:
        """Return the reply if unbound stays silent."""


class FullNames:
    """Names in the clan's domain, and the reverse names of the clan's addresses.

    If unbound stays silent, resolved finds the DNS delegate of the module, which fails the lookup
    as a temporary error: the delegate is for the whole domain, and the hook passes the lookup on.

    If others have names of the domain as well (the setting ``wholeDomain`` is false), the hook
    passes on what the zone does not have, and resolved looks that up as it would without dm-dns.
    The delegate is then for another domain, and the hook answers with a CNAME to it if
    unbound stays silent: passed on, a name of the clan would be asked of the world. SERVFAIL is not
    a temporary error for programs: the C library tells them that the name is not known
    (nss-resolve(8)).
    """

    waits_for_restart = True

    def __init__(
        self, domain: str, *, whole_domain: bool = True, reverse: Watcher | None = None
    ) -> None:
        """Take what tells the names.

        Args:
            domain: of the clan.
            whole_domain: whether nobody else has names of it.
            reverse: knows the reverse names; None: there are none.

        """
        self._domain = domain
        self._whole_domain = whole_domain
        self._watcher = reverse
        self._reverse: dict[str, str] = reverse.names if reverse else {}
        """The name of the machine for each reverse name that resolved has been told."""

    @property
    def filter(self) -> Reply:
        """See `Names`."""
        return {"filterDomains": [self._domain, *self._reverse]}

    def update(self) -> bool:
        """See `Names`."""
        if self._watcher is None or self._watcher.names is self._reverse:
            return False
        self._reverse = self._watcher.names
        return True

    @property
    def include_empty(self) -> bool:
        """See `Names`."""
        return self._whole_domain

    def may_be_ours(self, key: Key) -> bool:
        """See `Names`."""
        return self._is_in_domain(key) and _is_data(key) and not self._is_of_parent(key)

    def _is_in_domain(self, key: Key) -> bool:
        name = _bare(key)
        if name == self._domain:
            return self._whole_domain
        before = name.removesuffix(f".{self._domain}")
        # A backslash, itself not escaped, makes the dot part of a label (RFC 1035, section 5.1).
        is_escaped = (len(before) - len(before.rstrip("\\"))) % 2 == 1
        return names.is_below(name, self._domain) and not is_escaped

    def _is_of_parent(self, key: Key) -> bool:
        """Tell whether the parent of the domain has the records (RFC 4035, section 3.1.4.1)."""
        return key.kind == _DS and _bare(key) == self._domain

    def without_unbound(self, keys: list[Key]) -> Reply:
        """See `Names`."""
        if all(map(self._is_in_domain, keys)):
            # unbound refuses the parent's too. Nobody vouches for a zone that is not signed.
            return answer([]) if all(map(_is_data, keys)) else {"rcode": dns_message.REFUSED}
        [key, *others] = keys
        owner = self._reverse.get(_bare(key))
        if owner is None or others or key.kind not in (dns_message.PTR, dns_message.ANY):
            return PASS_ON
        return answer([dns_message.alias(key.name, dns_message.PTR, owner, ttl=TTL)])

    def full(self, name: str) -> str:
        """See `Names`."""
        return name

    def unknown(self) -> Reply:
        """See `Names`."""
        return {"rcode": dns_message.NXDOMAIN} if self._whole_domain else PASS_ON

    def unavailable(self, keys: Iterable[Key]) -> Reply:
        """See `Names`."""
        if self._whole_domain:
            return PASS_ON
        asked = dict.fromkeys(key.name for key in keys)
        return answer(dns_message.alias(name, dns_message.CNAME, UNAVAILABLE) for name in asked)


class ShortNames:
    """Names of one label, which are looked up in the clan's domain.

    resolved asks hooks for a name as it is, and for no search domain. What the clan does not have
    is passed on: other search domains and LLMNR then have their turn, as without the hook.
    """

    filter: Reply = {"filterLabelsMin": 1, "filterLabelsMax": 1}  # noqa: RUF012 - of a Protocol
    include_empty = False
    waits_for_restart = False

    def __init__(self, domain: str) -> None:
        """Take the clan's domain."""
        self._domain = domain

    def may_be_ours(self, key: Key) -> bool:
        """See `Names`."""
        name = _bare(key)
        # resolved itself has localhost, and names such as _gateway (systemd-resolved.service(8)).
        is_of_resolved = name == "localhost" or name.startswith("_")
        is_one_label = bool(name) and "." not in name
        is_wanted = _is_data(key) and key.kind not in _OF_ZONES
        return is_one_label and is_wanted and not is_of_resolved

    def update(self) -> bool:
        """See `Names`."""
        return False

    def without_unbound(self, _keys: list[Key]) -> Reply:
        """See `Names`."""
        return PASS_ON

    def full(self, name: str) -> str:
        """See `Names`."""
        return f"{name.removesuffix('.')}.{self._domain}"

    def unknown(self) -> Reply:
        """See `Names`."""
        return PASS_ON

    def unavailable(self, _keys: Iterable[Key]) -> Reply:
        """See `Names`."""
        return PASS_ON


def _bare(key: Key) -> str:
    """Return the name that is asked for, in lower case and without a last dot."""
    return key.name.lower().removesuffix(".")


def _is_data(key: Key) -> bool:
    """Tell whether a name may have such records."""
    return key.dns_class == dns_message.IN and key.kind not in _NOT_DATA


def answer(records: Iterable[Record]) -> Reply:
    """Return the reply with these records."""
    raw = [{"raw": base64.b64encode(record.wire()).decode()} for record in records]
    return {"rcode": dns_message.NOERROR, "answer": raw}
