"""What becomes of one name: who exports it, and what each stage makes of it."""

import errno
import selectors
import shlex
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.errors import Error, describe
from dm_dns.inspect import clan, editions, inventory, local, status
from dm_dns.inspect.doctor import answers, units
from dm_dns.inspect.doctor.answers import Answer
from dm_dns.inspect.doctor.check import Check, Found, fault, not_asked, well
from dm_dns.inspect.doctor.files import Written
from dm_dns.inspect.editions import Edition
from dm_dns.inspect.inventory import Name
from dm_dns.node import hook_calls, hosts
from dm_dns.node.config import Config
from dm_dns.node.dns_message import MessageError
from dm_dns.node.unbound import datagrams, stream_to
from dm_dns.zone import conf, limits, zonefile

BROWSERS: Final = "name-browsers"
"""The check that tells of a browser to which the name is lost."""
PORTS: Final = (443, 80, 22)
"""Where a name is tried: HTTPS, HTTP and ssh."""

_NO_FAMILY: Final = "NoSuchResourceRecord"
"""What systemd-resolved answers where a name has no address of a family that the machine has."""
_PUBLIC_IPV6: Final = ("2001:4860:4860::8888", 53)
_CONNECT_SECONDS: Final = 0.8
_HISTORY_SECONDS: Final = 0.3


class Asked:
    """A name that was asked about, and what is known of it."""

    def __init__(self, text: str, config: Config, written: Written, clan_file: Path) -> None:
        """Read the zone that is served, and the clan file.

        Args:
            text: the name, in full or without the domain.
            config: the machine's.
            written: what dm-dns.service found.
            clan_file: where the clan file is.

        """
        self._text = text
        self._config = config
        found = written.state
        served = found.served if found else None
        self._deployed = served.deployed if served else None
        self._current = status.served_edition(config, served, found.since if found else None)
        self._clan: clan.Clan | None = None
        self._no_clan = ""
        try:
            self._clan = clan.read(clan_file)
        except (Error, OSError) as error:
            self._no_clan = describe(error)
        self._own = hosts.parse(hosts.read(config.hosts), config.domain)
        self._known: list[Name] = []
        self._expected: frozenset[str] = frozenset()
        """What the zone file has: not what the zone has for this machine's own services."""
        if self._current:
            zone, own = self._current.zone, self._own.addresses
            presences = found.local.networks if found else None
            self._known = inventory.make(zone, self._clan, {}, own, presences)
        self._name = inventory.find(self._known, text, config.domain)
        candidates = inventory.candidates(text, config.domain)
        self.name = candidates[0] if candidates else text
        full = text.lower().removesuffix(".")
        self._may_be_ours = "." not in full or f".{full}".endswith(f".{config.domain}")
        """Whether it has one label, or is in the domain."""
        self._is_others = False
        """Whether it resolves as without dm-dns."""
        if self._current and self._name is None and not config.whole_domain:
            if full == config.domain:
                self.name = config.domain
            is_status = self.name == zonefile.status_name(config.domain)
            self._is_others = self._may_be_ours and not is_status
        self._short = text.removesuffix(".") if candidates else ""

    def checks(self, here: str) -> list[Check]:
        """Return the checks of the name on the machine ``here``."""
        if self._is_others:
            return [
                Check("name-known", self._is_known, ("state",)),
                Check("name-hook", self._passed_on, ("name-known", "hook-answers")),
                Check("name-programs", self._as_without, ("name-hook", "nsswitch")),
            ]
        return [
            Check("name-known", self._is_known, ("state",)),
            Check("name-exported", self._is_exported, ("name-known",)),
            *([Check("name-local", self._local, ("name-known",))] if self._has_local else []),
            Check("name-address", self._has_address, ("name-known",)),
            Check("name-mesh-copy", lambda: self._in_copy(self._config.mesh), ("name-known",)),
            Check(
                "name-deployed-copy", lambda: self._in_copy(self._config.deployed), ("name-known",)
            ),
            Check("name-zone-file", self._in_zone_file, ("name-address", "zone-file")),
            Check("name-unbound", self._unbound, ("name-zone-file", "unbound-serves")),
            Check("name-hook", self._hook, ("name-unbound", "hook-answers")),
            Check("name-hosts", lambda: self._in_hosts(here), ("name-known",)),
            Check("name-resolved", self._resolved, ("name-hook", "name-hosts", "resolved-answers")),
            Check("name-programs", self._programs, ("name-resolved", "nsswitch")),
            *self._of_short_name(here),
            *([Check(BROWSERS, _chromium, ("name-programs",))] if self._is_hidden else []),
            Check("name-reached", self._reached, ("name-programs",)),
        ]

    def _of_short_name(self, here: str) -> list[Check]:
        if not self._short or "." in self._short:
            return []
        needs = ("name-programs", *(["search"] if self._config.search else []))
        return [Check("name-short", lambda: self._short_name(here), needs)]

    @property
    def _is_hidden(self) -> bool:
        """Whether Chromium does not look for the addresses of the name."""
        addresses = self._name.addresses if self._name else ()
        return bool(addresses) and all(":" in each for each in addresses) and not _reaches_ipv6()

    def _is_known(self) -> Found:
        current = self._current
        if current is None:
            return not_asked(f"the zone that is served cannot be read from {self._config.kept}")
        if self._name is None:
            return self._unknown(current.zone.serial)
        if not self._name.is_served:
            return fault(
                f"{self.name} is exported by {_exporters(self._name)}, but the zone that is"
                f" served, serial {current.zone.serial}, does not have it",
                "dm-send-dns  # as root on a push machine, after a deployment",
            )
        return well(f"{self._name.name} is a name of kind {self._name.kind}{self._since(current)}")

    def _unknown(self, serial: int) -> Found:
        what = f"{self.name} is not one of the {len(self._known)} names of serial {serial}"
        if self._is_others:
            return well(f"{what}: it resolves as without dm-dns")
        if self._may_be_ours or self._similar():
            return self._mistyped(what)
        return fault(
            f"{self._text} is not below {self._config.domain}, and {what}",
            f"getent ahosts {shlex.quote(self._text)}  # it resolves as without dm-dns",
        )

    def _mistyped(self, text: str) -> Found:
        """Return that there is no such name, with those that may be meant."""
        if similar := self._similar():
            return fault(
                f"{text}; did you mean {' or '.join(similar)}?",
                f"dm-dns doctor {shlex.quote(similar[0])}",
            )
        return fault(text, "dm-dns show  # lists all names of the clan")

    def _similar(self) -> list[str]:
        return inventory.similar(self._known, self._text, self._config.domain)

    def _since(self, current: Edition) -> str:
        """Return since when the name has been as it is, as far as that is found out soon."""
        end = time.monotonic() + _HISTORY_SECONDS
        is_now = _value(current.zone, self.name)
        if is_now is None:
            return ""  # below a wildcard, or only of this machine
        last = current
        for edition in editions.of_machine(self._config, current):
            if _value(edition.zone, self.name) != is_now:
                return (
                    f", as it is since serial {last.zone.serial} ({last.when:%Y-%m-%d %H:%M} UTC)"
                )
            last = edition
            if time.monotonic() > end:
                break
        when = f"{last.when:%Y-%m-%d %H:%M} UTC"
        return f", as it is since serial {last.zone.serial} ({when}) or before"

    def _is_exported(self) -> Found:
        name, current = self._name, self._current
        if name is None or current is None:
            return not_asked("it is not known")
        if name.kind in {"machine", "local"}:
            return well(f"it is {'a machine' if name.kind == 'machine' else 'in /etc/hosts'}")
        if self._clan is None:
            return not_asked(f"who exports it is not known: {self._no_clan}")
        if name.exports or name.devices:
            return well(f"by {_exporters(name)}")
        if self._deployed is None or current.zone.serial > self._deployed:
            return not_asked(
                "no service or device of this machine's deployment has it, but the zone is newer"
                " than the deployment"
            )
        return fault(
            f"no service or device has {name.name} any more, but the zone, serial"
            f" {current.zone.serial}, has it",
            "clan vars generate && clan machines update  # in the checkout",
        )

    @property
    def _has_local(self) -> bool:
        return self._name is not None and bool(self._name.local)

    def _local(self) -> Found:
        return well("; ".join(map(str, self._name.local if self._name else ())))

    def _has_address(self) -> Found:
        name = self._name
        if name is None:
            return not_asked("it is not known")
        if name.addresses:
            return well(f"{', '.join(name.owners) or name.name}: {' '.join(name.addresses)}")
        if name.local:
            return fault(
                f"{' or '.join(name.owners) or name.name} has no other address than on local"
                f" networks: {'; '.join(map(str, name.local))}",
                next((each.remedy for each in name.local if each.remedy), "dm-dns status"),
            )
        return fault(
            f"no address of {' or '.join(name.machines) or name.name} is known",
            f'roles.default.{_settings(name)}.addresses = [ "ADDRESS" ];'
            "  # of dm-dns, in the checkout",
        )

    def _in_copy(self, path: Path | None) -> Found:
        """Return whether a copy has the name: one of them must, and it may be another's turn."""
        if path is None:
            return not_asked("there is none")
        try:
            zone = conf.read(path, self._config.domain)
        except FileNotFoundError:
            return not_asked("there is none")
        except PermissionError:
            return not_asked("only root may read it: run this with sudo")
        except (Error, OSError) as error:
            return not_asked(f"it is not a valid zone: {describe(error)}")
        value = _value(zone, self._name.name if self._name else self.name)
        has = f"has {value}" if value else "does not have the name"
        return well(f"serial {zone.serial} {has}")

    def _in_zone_file(self) -> Found:
        path = self._config.zonefile
        owner = self._name.name if self._name else self.name
        records = _records(files.read(path, 2 * limits.MAX_SIZE).decode("ascii", "replace"))
        found = records.get(owner, [])
        if not found:
            return fault(f"{path} does not have {owner}", "sudo systemctl restart dm-dns")
        while found and found[0][0] == "CNAME":  # without a loop, which the parser refuses
            found = records.get(found[0][1].removesuffix("."), [])
        self._expected = frozenset(data for kind, data in found if kind in {"A", "AAAA"})
        return well("; ".join(" ".join(record) for record in records[owner]))

    def _unbound(self) -> Found:
        answer = answers.of_unbound(self._config.unbound, self.name)
        return _compare("unbound", answer, self._expected, "sudo systemctl restart dm-dns unbound")

    def _hook(self) -> Found:
        if self._config.hook is None:
            return not_asked("this machine has none")
        answer = answers.of_hook(self._config.hook, self.name)
        if answer is None:
            return not_asked("only root and systemd-resolved may: run this with sudo")
        remedy = "sudo systemctl restart dm-dns-hook"
        return _compare("the hook", answer, self._expected, remedy)

    def _passed_on(self) -> Found:
        if self._config.hook is None:
            return not_asked("this machine has none")
        try:
            is_passed_on = hook_calls.passes_on(
                self._config.hook, self.name, seconds=answers.SECONDS
            )
        except PermissionError:
            return not_asked("only root and systemd-resolved may: run this with sudo")
        except (Error, MessageError) as error:
            return fault(str(error), "sudo systemctl restart dm-dns-hook")
        if not is_passed_on:
            return fault(
                f"the hook answers for {self.name}, which the zone does not have",
                "sudo systemctl restart dm-dns dm-dns-hook",
            )
        return well("the hook passes it on")

    def _as_without(self) -> Found:
        answer = answers.of_programs(self.name)
        if not answer.is_unknown:
            return well(f"getaddrinfo({self.name}) is {answer}")
        return self._mistyped(f"{self.name} is not a name of the clan, and nobody else has it")

    def _in_hosts(self, here: str) -> Found:
        path = self._config.hosts
        if self._is_own(here):
            return well(f"{path} may have this machine's own name")
        if self.name not in self._own.names:
            return well(f"{path} does not have it")
        there = frozenset(self._own.addresses.get(self.name, ()))
        zone = self._current.zone.addresses.get(self.name, ()) if self._current else ()
        if there and there <= set(zone):
            return well(f"{path} has addresses of it: {' '.join(conf.in_order(there))}")
        # Its entries for machines are meant to win: the clan may not know their addresses.
        if there and self._name and self._name.kind in {"machine", "local"}:
            text = f"{path} has {' '.join(conf.in_order(there))}, which this machine uses"
            return well(f"{text} in place of {' '.join(zone)}" if zone else text)
        value = _value(self._current.zone, self.name) if self._current else None
        return fault(
            f"{path} has {self._own.shown(self.name)} for {self.name}, which programs get in place"
            " of what the clan has" + (f": {value}" if value else ""),
            f"grep -nwF {shlex.quote(self.name)} {path}"
            "  # remove that line from networking.hosts or networking.extraHosts, and deploy",
        )

    def _is_own(self, here: str) -> bool:
        return self.name == f"{here}.{self._config.domain}".lower()

    def _resolved(self) -> Found:
        answer = answers.of_resolved(self._config.resolved, self.name)
        if answer.addresses:
            return well(f"systemd-resolved answers {answer}")
        families = {":" in address for address in self._expected}
        if answer.problem == _NO_FAMILY and len(families) == 1:
            family, other = ("IPv6", "IPv4") if families == {True} else ("IPv4", "IPv6")
            return fault(
                f"{self.name} has addresses of {family} only, and this machine has none",
                f'roles.default.{_settings(self._name)}.addresses = [ "ADDRESS" ];'
                f"  # of dm-dns, in the checkout: an address of {other}",
            )
        return fault(
            f"systemd-resolved answers {answer} for {self.name}",
            "sudo resolvectl flush-caches && sudo systemctl restart systemd-resolved",
        )

    def _programs(self) -> Found:
        answer, other = (
            answers.of_programs(self.name),
            answers.of_resolved(self._config.resolved, self.name),
        )
        if answer.addresses and answer.addresses == other.addresses:
            return well(f"getaddrinfo({self.name}) is {answer}")
        return fault(
            f"programs get {answer} for {self.name}, and systemd-resolved answers {other}",
            f"getent ahosts {self.name}; resolvectl query {self.name}",
        )

    def _short_name(self, here: str) -> Found:
        """Return whether programs find the name without the domain."""
        short, config = self._short, self._config
        if self._is_own(here):
            return well(f"{config.hosts} may have this machine's own name")
        is_in_hosts = hosts.has(hosts.read(config.hosts), short)
        if config.search is None and not is_in_hosts:
            return not_asked(
                f"programs on this machine need the full name, {self.name}: its setting search is"
                " false"
            )
        theirs, full = answers.of_programs(short), answers.of_programs(self.name)
        if theirs.addresses and theirs.addresses == full.addresses:
            return well(f"getaddrinfo({short}) is {theirs}")
        if is_in_hosts:
            return fault(
                f"{config.hosts} has {short}, which programs get in place of {self.name}",
                f"grep -nwF {shlex.quote(short)} {config.hosts}"
                "  # remove that line from networking.hosts or networking.extraHosts, and deploy",
            )
        return fault(
            f"programs get {theirs} for {short}, and {full} for {self.name}",
            f"sudo systemctl restart {units.HOOK[1]}",
        )

    def _reached(self) -> Found:
        addresses = conf.in_order(answers.of_programs(self.name).addresses)
        said = _connect(addresses)
        tried = ", ".join(map(str, PORTS))
        listening = sorted({f"{address} port {port}" for address, port, ok in said if ok})
        if listening:
            return well(f"something listens: {', '.join(listening)}")
        if said:
            who = ", ".join(sorted({address for address, _port, _ok in said}))
            return well(f"reached: {who}; nothing listens there on ports {tried}")
        return fault(
            f"nothing answers at {' '.join(addresses)} on ports {tried}: {self._owner()} is"
            " down, or its network or firewall lets nothing through",
            f"ip route get {addresses[0]}; ping -c 3 {addresses[0]}" if addresses else "ip route",
        )

    def _owner(self) -> str:
        """Return the first machine or device that the name resolves to, for people."""
        name = self._name
        if name and name.devices and not name.machines:
            return f"the device {name.devices[0].device}"
        return f"the machine {name.machines[0] if name and name.machines else self.name}"


def _reaches_ipv6() -> bool:
    """Tell whether Chromium looks for IPv6 addresses: whether there is a route to a public one.

    It connects a socket for datagrams, by which nothing is sent (net/dns/host_resolver_manager.cc).
    """
    try:
        with datagrams(*_PUBLIC_IPV6):
            return True
    except OSError:
        return False


def _chromium() -> Found:
    return well(
        "Chromium does not open it (ERR_NAME_NOT_RESOLVED), because it has IPv6 addresses only and"
        " this machine has no route to the IPv6 internet; this lets it:"
        " programs.chromium.extraOpts.IPv6ReachabilityOverrideEnabled = true;"
    )


def _records(text: str) -> dict[str, list[tuple[str, str]]]:
    """Return the types and data of all records of a zone file, by their owners."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in text.splitlines():
        owner, _, record = line.partition(" ")
        kind, _, data = record.partition(" ")
        found.setdefault(owner.removesuffix("."), []).append((kind, data))
    return found


def _value(zone: conf.Zone, name: str) -> str | None:
    """Return what a zone has at a name, for people."""
    if target := zone.cnames.get(name):
        return f"CNAME {target}"
    if name in zone.addresses:
        near = [str(each) for each in local.addresses_of(zone, name, None, ())]
        return " ".join([*zone.addresses[name], *near]) or "no address"
    return None


def _settings(name: Name | None) -> str:
    """Return where in the role default the addresses of a name are set."""
    if name and name.devices and not name.machines:
        device = name.devices[0]
        of = f"machines.{device.machines[0]}.settings" if device.machines else "settings"
        return f"{of}.devices.{device.device}"
    return f"machines.{name.machines[0] if name and name.machines else 'MACHINE'}.settings"


def _exporters(name: Name) -> str:
    services = [
        f"service {export.service} (instance {export.instance}, role {export.role}) on"
        f" {export.machine}"
        for export in name.exports
    ]
    return ", ".join([*services, *dict.fromkeys(device.setting for device in name.devices)])


def _compare(who: str, answer: Answer, expected: frozenset[str], remedy: str) -> Found:
    if answer.addresses == expected:
        return well(f"{who} answers {answer}")
    return fault(
        f"{who} answers {answer}, and the zone file has {' '.join(sorted(expected))}", remedy
    )


def _connect(addresses: Sequence[str]) -> list[tuple[str, int, bool]]:
    """Return the addresses and ports that answer, and whether they accept a connection."""
    found = []
    end = time.monotonic() + _CONNECT_SECONDS
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        for address in addresses[:8]:
            for port in PORTS:
                with suppress(OSError):  # no IPv6, or no route
                    stream = stack.enter_context(stream_to(address))
                    stream.settimeout(0)
                    try:
                        stream.connect((address, port))
                    except BlockingIOError:
                        pass
                    except ConnectionRefusedError:
                        found.append((address, port, False))
                        continue
                    selector.register(stream, selectors.EVENT_WRITE, (address, port, stream))
        while selector.get_map() and (left := end - time.monotonic()) > 0:
            for key, _events in selector.select(left):
                address, port, stream = key.data
                selector.unregister(stream)
                error = stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error in {0, errno.ECONNREFUSED}:
                    found.append((address, port, error == 0))
    return found
