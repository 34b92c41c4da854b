"""What becomes of one address: which machine or device has it, and which name programs get."""

from pathlib import Path

from dm_dns.errors import Error
from dm_dns.inspect import clan, inventory, status
from dm_dns.inspect.doctor import answers
from dm_dns.inspect.doctor.check import Check, Found, fault, not_asked, well
from dm_dns.inspect.doctor.files import Written
from dm_dns.node import hosts, reverse_names
from dm_dns.node.config import Config
from dm_dns.zone import reverse


class AskedAddress:
    """An address that was asked about, and what is known of it."""

    def __init__(self, address: str, config: Config, written: Written, clan_file: Path) -> None:
        """Read the zone that is served, and the clan file.

        Args:
            address: in the text form of inet_ntop(3).
            config: the machine's.
            written: what dm-dns.service found.
            clan_file: where the clan file is.

        """
        self.name = address
        self._config = config
        self._hosts = hosts.read(config.hosts)
        self._owners: list[inventory.Name] | None = None
        """The machines and devices that have it; None: the zone cannot be read."""
        self._given: str | None = None
        """The name that it has on this machine."""
        found = written.state
        served = found.served if found else None
        if current := status.served_edition(config, served, found.since if found else None):
            known = inventory.make(
                current.zone,
                _clan(clan_file),
                {},
                hosts.parse(self._hosts, config.domain).addresses,
                found.local.networks if found else None,
            )
            self._owners = [
                each
                for each in inventory.with_address(known, current.zone, address)
                if each.kind in {"machine", "device"} and each.name not in current.zone.cnames
            ]

    def checks(self, here: str) -> list[Check]:
        """Return the checks of the address on the machine ``here``."""
        needs = ("address-reverse", "hook-answers", "resolved-answers", "nsswitch")
        return [
            Check("address-known", self._is_known, ("state",)),
            Check("address-reverse", self._reverse, ("address-known", "zone-file")),
            Check("address-programs", lambda: self._programs(here), needs),
        ]

    def _is_known(self) -> Found:
        if self._owners is None:
            return not_asked(f"the zone that is served cannot be read from {self._config.kept}")
        if not self._owners:
            remedy = "dm-dns show  # lists all names with their addresses"
            return fault(f"no machine or device has {self.name}", remedy)
        return well(f"{self._who()} {'has' if len(self._owners) == 1 else 'have'} {self.name}")

    def _who(self) -> str:
        return " and ".join(each.name for each in self._owners or ())

    def _reverse(self) -> Found:
        """Return whether the address has a name on this machine."""
        config, restart = self._config, "sudo systemctl restart dm-dns"
        pointer = reverse.name(self.name)
        if reason := self._why_not(pointer):
            return not_asked(reason)
        if problems := reverse_names.problems(config):
            return fault(problems[0], restart)
        known = reverse_names.read(config.reverse_names, config.domain)
        self._given = known.get(pointer) if pointer else None
        if self._given:
            return well(f"{self.name} has the name {self._given}")
        return fault(f"{config.reverse_names} does not have {self.name}", restart)

    def _why_not(self, pointer: str | None) -> str | None:
        """Return why the address is to have no name; None: it is to have one."""
        owners = self._owners or []
        if not self._config.reverse:
            off = "programs on this machine get no names of addresses: its setting reverse is false"
            return f"{self._who()} has {self.name}; {off}"
        if pointer is None:
            return f"{self.name} is public: only addresses that are private to the clan have a name"
        if len(owners) > 1:
            return f"{self.name} has no name, because {self._who()} have it"
        near = [each for one in owners for each in one.local if each.address == self.name]
        if near and not any(each.is_given for each in near):
            return f"{self.name} has no name here: {'; '.join(map(str, near))}"
        return None

    def _programs(self, here: str) -> Found:
        if self._given is None:
            return not_asked("it has no name")
        answer = answers.name_of(self.name)
        got = f"getnameinfo({self.name}) is {answer}"
        if answer == self._given:
            return well(got)
        if hosts.has_address(self._hosts, self.name):
            return well(f"{got}, which {self._config.hosts} has")
        if answer and self._given == f"{here}.{self._config.domain}".lower():
            return well(f"{got}, as this machine calls itself")
        return fault(
            f"programs get {answer or 'no name'} for {self.name}",
            "sudo systemctl restart dm-dns-hook && sudo resolvectl flush-caches",
        )


def _clan(path: Path) -> clan.Clan | None:
    """Return what tells machines from devices; None if it cannot be read."""
    try:
        return clan.read(path)
    except (Error, OSError):
        return None
