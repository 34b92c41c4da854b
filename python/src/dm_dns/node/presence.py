"""Which of the zone's local networks this machine is on.

A prefix alone tells nothing: half of all home networks have the same. A machine is on a network if
packets to the network's router leave through a link that has an address of the prefix, and the host
at that address has the router's link address, by the kernel's neighbour table (arp(7)).

The kernel forgets the neighbours of a link that loses its carrier, or its last address. Where it
does not (arp_evict_nocarrier), an entry that was there before counts only when the host has
answered again. A change of which the kernel does not know, as when a cable is moved behind a
switch, is found when it asks the router again. It does so when something is sent there, so an empty
datagram is, if nothing was heard of the router for _CONFIRM_SECONDS. The same goes for the machines
there, of which the kernel may know that they do not answer.
"""

import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Final, NamedTuple

from dm_dns.node import netlink
from dm_dns.node.netlink import Address, Link, Neighbour, Prefix, Told
from dm_dns.zone import networks
from dm_dns.zone.networks import Network

NEVER: Final = float("inf")

_CONFIRM_SECONDS: Final = 60.0
"""When a host is asked again of which nothing was heard."""
_TOGETHER_SECONDS: Final = 15.0
"""Machines that are to be asked within this time are asked together. Earlier the kernel might not
do it: for 45 s at most, it counts those as there that it has heard of (base_reachable_time,
arp(7))."""
_VALID_SECONDS: Final = 180.0
"""For how long a router may be silent while its link does not change: one that restarts is."""
_FIRST_SECONDS: Final = 0.1
"""When to look again, and then after twice as long: a route may come after its address."""
_ASK_SECONDS: Final = 1.0
"""How often a router is asked at most: the kernel repeats the question itself."""
_SAME_SECONDS: Final = 0.05
"""By how much two times may differ that are the same: the kernel counts hundredths."""
_RETRY_SECONDS: Final = 10.0
"""When to look again after the kernel did not tell."""
_MOST_ASKED: Final = 64
"""Machines of a network that are asked whether they are there; of more, only silent ones are."""
_THERE: Final = netlink.KNOWN | netlink.PERMANENT
"""States of a host of which nobody says that it does not answer."""
_DISCARD: Final = 9  # the port whose service throws everything away (RFC 863)


class Watched(NamedTuple):
    """A local network of the zone."""

    name: str
    network: Network
    addresses: tuple[str, ...]
    """Those that machines have there."""


class Presence(NamedTuple):
    """Whether this machine is on a local network."""

    name: str
    link: str | None
    """The link through which it is; None: it is not."""
    reason: str
    """Why it is, or is not."""
    silent: tuple[str, ...] = ()
    """The addresses of machines there that do not answer, sorted."""
    remedy: str = ""
    """What to type if it is not there and should be; empty: it is there."""


class _Kernel:
    """What the kernel tells during one look; it is asked for each thing once, if at all."""

    def __init__(self) -> None:
        self.now = time.monotonic()
        self.addresses = netlink.assigned()
        self.link = cache(netlink.link)
        self.neighbours = cache(netlink.neighbours)


class _Found(NamedTuple):
    """What was found of a network."""

    presence: Presence
    look_at: float = NEVER
    """When to look again, by time.monotonic(), if nothing happens before."""
    to_ask: tuple[str, ...] = ()
    """Of which hosts the kernel should find out whether they answer."""


class _Machines:
    """What is known of the machines of a network, on a link that is on it."""

    def __init__(self, router: str) -> None:
        self._router = router
        self._silent: frozenset[str] = frozenset()
        self._asked: dict[str, float] = {}
        """When each was asked last."""

    def silent(self, hosts: Iterable[str], known: Mapping[str, Neighbour]) -> frozenset[str]:
        """Return which hosts do not answer: one that was silent still is until the kernel knows it.

        The kernel deletes what it has found out of a host that does not answer: in all cases after
        a while, and within 15 s if its table has gc_thresh1 entries (arp(7)), which is 128.
        """
        states = {host: known[host].state if host in known else 0 for host in hosts}
        self._silent = frozenset(
            host
            for host, state in states.items()
            if state == netlink.FAILED or (host in self._silent and not state & _THERE)
        )
        return self._silent

    def to_ask(
        self, hosts: Sequence[str], known: Mapping[str, Neighbour], now: float
    ) -> tuple[float, tuple[str, ...]]:
        """Return when to look again, and which hosts to ask now: those not heard of for a minute.

        Of very many only the silent ones are asked, and those first of which that is longest ago.
        """
        if len(hosts) > _MOST_ASKED:
            hosts = [host for host in hosts if host in self._silent]
        due = {host: self._due(host, known.get(host), now) for host in hosts}
        due.pop(self._router, None)  # it is asked anyway
        # Those that were asked before that may be asked again.
        before = now + _TOGETHER_SECONDS - _CONFIRM_SECONDS
        self._asked = {host: at for host, at in self._asked.items() if host in due or at > before}
        chosen: list[str] = []
        if min(due.values(), default=NEVER) <= now:
            together = (host for host, at in due.items() if at <= now + _TOGETHER_SECONDS)
            room = _MOST_ASKED - sum(at > before for at in self._asked.values())
            chosen = sorted(together, key=due.__getitem__)[:room]
        self._asked |= dict.fromkeys(chosen, now)
        due |= dict.fromkeys(chosen, now + _CONFIRM_SECONDS)
        # Those for which there was no room have to wait as well.
        later = (at if at > now else now + _CONFIRM_SECONDS for at in due.values())
        return min(later, default=NEVER), tuple(chosen)

    def _due(self, host: str, entry: Neighbour | None, now: float) -> float:
        """Return when to ask a host whether it is there."""
        if entry and entry.state & netlink.PERMANENT:
            return NEVER  # the kernel does not ask it
        asked = self._asked.get(host)
        if asked is None:
            return 0.0  # before all others
        heard = now - entry.confirmed if entry and entry.state & netlink.KNOWN else asked
        return max(asked, heard) + _CONFIRM_SECONDS


class _Router:
    """What is known of a network's router on a link, and of the machines beside it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.machines = _Machines(network.router)
        self.carrier: int | None = None
        """Which connection of the link that was; None: the next one is another."""
        self.confirmed: float | None = None
        """When it was heard from; None: not since the link has changed."""
        self._own: frozenset[tuple[str, int]] = frozenset()
        self._entry_changed: float | None = None
        """When the kernel's entry of it changed; None: there was none."""
        self._distrusted: float | None = None
        """The same of an entry that may be of the network where the link was before. Only one that
        has changed since, because the router has answered, counts."""
        self._unclear_since: float | None = None
        """Since when it is not clear whether it is there; None: it is clear."""
        self._asked_at: float | None = None
        """When it was asked last since then."""

    def compare(self, link: Link, addresses: Iterable[Address]) -> None:
        """Forget everything if the link may be on another network now.

        That is so if it has lost its carrier, or no longer has any of its addresses. An address
        more or less says nothing: IPv6 has temporary ones (RFC 8981).
        """
        own = frozenset((each.text, each.created) for each in addresses)
        if link.carrier_changes != self.carrier or not own & self._own:
            self.confirmed = self._unclear_since = self._asked_at = None
            self._distrusted = self._entry_changed
            self.machines = _Machines(self.network.router)
        self.carrier, self._own = link.carrier_changes, own

    def forget(self) -> None:
        """Take note that the kernel has forgotten it: the next entry is a new one."""
        self._entry_changed = self._distrusted = None

    def take(self, entry: Neighbour | None, now: float) -> None:
        """Note what the neighbour table says of the router."""
        if entry is None or not entry.state & netlink.KNOWN:
            self.forget()
            return
        distrusted, self._entry_changed = self._distrusted, now - entry.updated
        if entry.link_address != self.network.link_address:
            self._distrusted = self.confirmed = None
        elif distrusted is None:
            self.confirmed = max(self.confirmed or 0.0, now - entry.confirmed)
        elif entry.state == netlink.REACHABLE and self._entry_changed - distrusted > _SAME_SECONDS:
            self._distrusted, self.confirmed = None, now - entry.confirmed
        else:
            self._distrusted = self._entry_changed

    def plan(self, now: float, clear_until: float) -> tuple[float, tuple[str, ...]]:
        """Return when to look again, and the router if it is to be asked now.

        Args:
            now: by time.monotonic().
            clear_until: when it will no longer be clear whether the router is there.

        """
        if now < clear_until:
            self._unclear_since = self._asked_at = None
            return clear_until, ()
        since = self._unclear_since = now if self._unclear_since is None else self._unclear_since
        look_at, last = now + _pause(now - since), self._asked_at
        if last is not None and now - last < _pause(last - since, _ASK_SECONDS):
            return look_at, ()
        self._asked_at = now
        return look_at, (self.network.router,)

    def why_not(self, name: str, entry: Neighbour | None, link: str) -> tuple[Presence, bool]:
        """Return why the machine is not on the network, and whether that is clear."""
        router, expected = self.network.router, self.network.link_address
        here = f"on {link} {router}"
        ask = f"ping -c 3 {router}; ip neigh show {router} dev {link}  # {_if_on(name)}"
        if entry and entry.state & netlink.PERMANENT:
            reason = f"{here} is set by hand (ip neigh), which says nothing"
            remedy = f"sudo ip neigh del {router} dev {link}  # {_if_on(name)}"
            return Presence(name, None, reason, remedy=remedy), True
        if entry is None or not entry.state & netlink.KNOWN:
            return Presence(name, None, f"{here} does not answer", remedy=ask), False
        if entry.link_address != expected:
            reason = f"{here} is {entry.link_address}, and not {expected}, the router of network"
            remedy = (
                f'localNetworks.{name}.router.linkAddress = "{entry.link_address}";'
                f"  # of dm-dns, in the checkout: {_if_on(name)}, and the router was replaced"
            )
            is_clear = entry.state == netlink.REACHABLE
            return Presence(name, None, f"{reason} {name!a}", remedy=remedy), is_clear
        if self._distrusted is not None:
            reason = f"{here} has not answered since the link has changed"
            return Presence(name, None, reason, remedy=ask), False
        return Presence(name, None, f"{here} does not answer", remedy=ask), False


class Presences:
    """Finds out which local networks this machine is on, and remembers what that takes."""

    def __init__(self, allow: Sequence[str] | None = None) -> None:
        """Watch no network yet.

        Args:
            allow: the networks whose devices this machine answers; None: it answers none. They get
                the addresses of a local network too, so only one that has all of these counts.

        """
        self._watched: tuple[Watched, ...] | None = None
        self._prefixes: frozenset[Prefix] = frozenset()
        """Those of the routes to the routers."""
        self.next_look = NEVER
        """When to look again, by time.monotonic(), if nothing happens before."""
        self._allow = allow
        self._routers: dict[tuple[str, int], _Router] = {}
        self._near: frozenset[str] = frozenset()
        """The addresses of routers, whose every change matters."""
        self._answering: frozenset[str] = frozenset()
        """Those of machines which matter if they no longer answer."""
        self._silent: frozenset[str] = frozenset()
        """Those of machines which matter if they answer."""
        self._without_route: dict[str, float] = {}
        """Since when no link leads to a network of which this machine has an address."""
        self._suspended = _suspended()

    @property
    def watched(self) -> tuple[Watched, ...] | None:
        """The networks to look for; None: not known yet."""
        return self._watched

    @watched.setter
    def watched(self, watched: tuple[Watched, ...]) -> None:
        self._watched = watched
        routers = {each.network.router for each in watched}
        self._prefixes = frozenset[Prefix]().union(*map(netlink.prefixes, routers))

    def is_about_routes(self, datagram: bytes) -> bool:
        """Tell whether what the kernel tells of routes may change what `look` finds."""
        try:
            return netlink.may_change_route(datagram, self._prefixes)
        except OSError:
            return True

    def is_about(self, datagram: bytes) -> bool:
        """Tell whether what the kernel tells may change what `look` finds."""
        try:
            told = netlink.told(datagram)
        except OSError:
            return True
        matters = False
        for each in told:
            if each is None or self._changes_something(each):
                matters = True
            if each and each.is_gone:
                self._forget(each.link, each.address)
        return matters

    def _changes_something(self, told: Told) -> bool:
        if told.address in self._near:
            return True
        # A machine that is asked whether it is there changes its state several times anyway.
        if told.address in self._silent and told.state & _THERE and not told.is_gone:
            return True
        return told.address in self._answering and told.state == netlink.FAILED

    def _forget(self, link: int, address: str) -> None:
        for (_name, index), router in self._routers.items():
            if index == link and router.network.router == address:
                router.forget()

    def look(self, *, ask: bool = False) -> tuple[Presence, ...]:
        """Return for each network whether this machine is on it now.

        Args:
            ask: whether to have the kernel find out more, where something is not clear.

        Raises:
            OSError: the kernel does not tell.

        """
        self.next_look = NEVER
        if not self.watched:
            return ()
        self._notice_suspension()
        kernel = _Kernel()
        self._forget_links(kernel)
        found = [(watched, self._find(watched, kernel)) for watched in self.watched]
        here = [(watched, each.presence.silent) for watched, each in found if each.presence.link]
        self._near = frozenset(watched.network.router for watched in self.watched)
        self._silent = frozenset(each for _watched, silent in here for each in silent)
        self._answering = frozenset(
            each for watched, silent in here for each in watched.addresses if each not in silent
        )
        self.next_look = min(each.look_at for _watched, each in found)
        for _watched, each in found:
            _ask(each.to_ask if ask else ())
        return tuple(each.presence for _watched, each in found)

    def retry_later(self) -> None:
        """Take note that the kernel did not tell something, such as what `look` needs."""
        self.next_look = time.monotonic() + _RETRY_SECONDS

    def _answers_elsewhere(self, network: Network) -> tuple[str, str] | None:
        """Return why a machine that answers devices counts as elsewhere, and what to type.

        None: it does not.
        """
        local = [watched.network for watched in self.watched or ()]
        prefixes = networks.prefixes_of_place(network, local)
        outside = networks.outside_of(prefixes, self._allow or ())
        if not outside:
            return None
        reason = (
            "this machine counts as elsewhere, because it answers devices in"
            f" {' and '.join(outside)} (setting allow), which may be"
        )
        allow = " ".join(f'"{prefix}"' for prefix in prefixes)
        return reason, (
            f"allow = [ {allow} ];  # of dm-dns, in the checkout, in the settings of this machine"
        )

    def _notice_suspension(self) -> None:
        # Neither the neighbour table nor its times know of it.
        suspended = _suspended()
        if suspended - self._suspended > 1:
            for router in self._routers.values():
                router.carrier = None
        self._suspended = suspended

    def _forget_links(self, kernel: _Kernel) -> None:
        """Forget the links that are gone, as that of a VPN is which comes back with a new number.

        One that only has no address any more is to be remembered: see `_Router.compare`.
        """
        names = {watched.name for watched in self.watched or ()}
        self._routers = {
            (name, index): router
            for (name, index), router in self._routers.items()
            if name in names and kernel.link(index)
        }

    def _find(self, watched: Watched, kernel: _Kernel) -> _Found:
        name, network, _hosts = watched
        if found := self._answers_elsewhere(network):
            reason, remedy = found
            return _Found(Presence(name, None, reason, remedy=remedy))
        own = [each for each in kernel.addresses if network.contains(each.text)]
        if not own:
            self._without_route.pop(name, None)
            remedy = f"ip -brief address  # {_if_on(name)}, it must have one of {network.prefix}"
            reason = f"no link has an address of {network.prefix}"
            return _Found(Presence(name, None, reason, remedy=remedy))
        route = netlink.route(network.router)
        if route is None:
            return self._wait(watched, f"there is no route to {network.router}", kernel.now)
        index = route.link
        if route.is_own:  # through loopback
            index = next((each.link for each in own if each.text == network.router), index)
        here = frozenset(each for each in own if each.link == index)
        link = kernel.link(index)
        if not (route.is_direct or route.is_own):
            reason = f"packets to {network.router} go through another router"
            return self._wait(watched, reason, kernel.now)
        if link is None or not here:
            leave = f"packets to {network.router} do not leave through a link that has an address"
            return self._wait(watched, f"{leave} of {network.prefix}", kernel.now)
        self._without_route.pop(name, None)
        router = self._routers.get((name, index))
        if router is None or router.network != network:
            router = self._routers[name, index] = _Router(network)
        router.compare(link, here)
        itself = Neighbour(link.link_address, netlink.PERMANENT, 0.0, 0.0)
        known = {**kernel.neighbours(index), **{each.text: itself for each in own}}
        if route.is_own:
            known[network.router] = itself._replace(state=netlink.REACHABLE)
        return _on_link(watched, router, link, known, kernel.now)

    def _wait(self, watched: Watched, reason: str, now: float) -> _Found:
        """Return that this machine is not on a network; a route may follow its address."""
        name, network, _hosts = watched
        since = self._without_route.setdefault(name, now)
        remedy = f'ip route get {network.router}  # {_if_on(name)}, the route must have no "via"'
        return _Found(Presence(name, None, reason, remedy=remedy), now + _pause(now - since))


def _on_link(
    watched: Watched, router: _Router, link: Link, known: Mapping[str, Neighbour], now: float
) -> _Found:
    """Return whether a link is on a network, by its neighbours."""
    name, network, hosts = watched
    entry = known.get(network.router)
    router.take(entry, now)
    if not link.is_running:
        remedy = f"ip -brief link  # {_if_on(name)}, {link.name} must be connected"
        return _Found(Presence(name, None, f"{link.name} has no carrier", remedy=remedy))
    if router.confirmed is None or now - router.confirmed > _VALID_SECONDS:
        absence, is_clear = router.why_not(name, entry, link.name)
        return _Found(absence, *router.plan(now, NEVER if is_clear else now))
    silent = tuple(sorted(router.machines.silent(hosts, known)))
    is_silent = entry is None or not entry.state & netlink.KNOWN
    is_it = (
        f"on {link.name} {network.router} {'was' if is_silent else 'is'} {network.link_address}"
        f"{' when it answered last' if is_silent else ''}, the router of network"
    )
    look_at, to_ask = router.plan(now, now if is_silent else router.confirmed + _CONFIRM_SECONDS)
    hosts_at, hosts_to_ask = router.machines.to_ask(hosts, known, now)
    presence = Presence(name, link.name, f"{is_it} {name!a}", silent)
    return _Found(presence, min(look_at, hosts_at), to_ask + hosts_to_ask)


def _if_on(name: str) -> str:
    return f"if this machine is on network {name!a}"


def _pause(passed: float, least: float = _FIRST_SECONDS) -> float:
    """Return for how long to wait again after this time has passed without an answer."""
    return min(max(passed, least), _CONFIRM_SECONDS)


def _ask(hosts: Iterable[str]) -> None:
    """Have the kernel find out whether these hosts answer: it does before it sends them anything.

    Where nothing can be sent, as from a sandbox, it finds out when somebody else sends something.
    """
    for host in hosts:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as opened:
            opened.settimeout(0)
            opened.sendto(b"", (host, _DISCARD))


def _suspended() -> float:
    """Return for how long this machine has been suspended since it booted, in seconds."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
