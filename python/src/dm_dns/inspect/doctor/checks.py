"""All checks, in the order of the way of the data: from the mesh to programs."""

import os
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from dm_dns.errors import Error, describe
from dm_dns.inspect import status
from dm_dns.inspect.doctor import files, hook, programs, unbound, units
from dm_dns.inspect.doctor.address import AskedAddress
from dm_dns.inspect.doctor.check import Check, Found, Result, fault, not_asked, run, well
from dm_dns.inspect.doctor.name import BROWSERS, Asked
from dm_dns.inspect.text import instant
from dm_dns.node import certificate
from dm_dns.node.config import Config
from dm_dns.output import lasting
from dm_dns.zone import conf

KEYS: Final = (
    "configuration",
    "clock",
    "loopback",
    "data-mesher",
    "certificate",
    "push",
    "server",
    "state",
    "local-networks",
    "mesh-copy",
    "deployed-copy",
    "hosts",
    "state-directory",
    "served",
    "zone-file",
    "port",
    "unbound",
    "unbound-answers",
    "unbound-serves",
    "hook",
    "hook-answers",
    "search",
    "resolved",
    "resolved-answers",
    "resolv-conf",
    "stub",
    "nsswitch",
    "programs",
    "monitoring",
)
"""The checks of a machine, without those of a name."""

_SOON: Final = 0.7
"""A fault that is found within so many seconds is looked at again,"""
_PAUSE: Final = 0.2
"""so many later."""


class Report(NamedTuple):
    """What doctor has found."""

    machine: str
    domain: str | None
    """None: the configuration cannot be read."""
    name: str | None
    """The name or the address that was asked about."""
    is_root: bool
    """Whether root has asked: others may not ask everything."""
    results: list[Result]

    @property
    def first(self) -> Result | None:
        """The first fault."""
        return next((each for each in self.results if each.found.verdict == "fault"), None)

    @property
    def answer(self) -> str | None:
        """What programs get, if there is no fault; or why they get no name of an address."""
        found = {each.check: each.found for each in self.results}
        for check in ("name-programs", "address-programs"):
            if check in found and found[check].verdict == "ok":
                told = [found[key].text for key in (check, BROWSERS) if key in found]
                return "; but ".join(told)
        return found["address-reverse"].text if "address-reverse" in found else None

    def json(self) -> dict[str, Any]:
        """Return what ``dm-dns doctor --json`` prints (documented in `commands.doctor`)."""
        return {
            "machine": self.machine,
            "domain": self.domain,
            "name": self.name,
            "root": self.is_root,
            "fault": self.first.check if self.first else None,
            "checks": [each.json() for each in self.results],
        }


def examine(config_file: Path, state_file: Path, clan_file: Path, name: str | None) -> Report:
    """Make all checks of this machine, and of ``name`` if there is one.

    A fault is looked at again: something may just be restarting, or serving a change. What did not
    come in time is not, so that this takes less than 2 s.
    """
    start = time.monotonic()
    found, systemd = _examine(config_file, state_file, clan_file, name)
    is_soon = time.monotonic() - start < _SOON
    if found.first and (is_soon or not systemd.is_calm):
        time.sleep(_PAUSE)
        found, _ = _examine(config_file, state_file, clan_file, name, systemd)
    return found


def _examine(
    config_file: Path,
    state_file: Path,
    clan_file: Path,
    name: str | None,
    earlier: units.Systemd = units.SILENT,
) -> tuple[Report, units.Systemd]:
    here, is_root = status.own_name(), os.geteuid() == 0
    try:
        config = Config.read(config_file)
    except Error as error:
        found = fault(f"{error}", units.DEPLOY)
        others = [Result(key, not_asked("it depends on configuration")) for key in KEYS[1:]]
        report = Report(here, None, name, is_root, [Result(KEYS[0], found), *others])
        return report, units.SILENT
    names = [
        *units.sockets_of_unbound(config.unbound.port),
        units.UNBOUND,
        *units.HOOK,
        units.SEARCH,
        *units.MONITORING,
    ]
    names += [units.SERVER, units.RESOLVED, units.MESH, units.PUSH]
    systemd = units.ask(names, earlier)
    written = files.read_state(state_file)
    checks = [
        Check("configuration", lambda: well(f"{config_file} is of {config.domain}")),
        Check("clock", lambda: files.clock(config, written)),
        Check("loopback", lambda: unbound.loopback(config)),
        Check("data-mesher", lambda: units.mesh(systemd)),
        *(
            [Check("certificate", lambda: certificate_ends(config))]
            if systemd.unit(units.MESH).is_loaded
            else []
        ),
        *(
            [Check("push", lambda: units.push(systemd.unit(units.PUSH)))]
            if _pushes(systemd)
            else []
        ),
        Check("server", lambda: systemd.look([units.SERVER])),
        Check("state", lambda: written.problem, ("server", "loopback")),
        *(
            [Check("local-networks", lambda: files.local_networks(written), ("state",))]
            if written.state and written.state.local.networks
            else []
        ),
        Check("mesh-copy", lambda: files.mesh_copy(config, written), ("state",)),
        Check("deployed-copy", lambda: files.deployed_copy(config, written), ("state",)),
        Check("hosts", lambda: files.hosts(config, written), ("state",)),
        Check("state-directory", lambda: files.state_directory(config, written)),
        Check(
            "served",
            lambda: files.served(config, written),
            ("clock", "mesh-copy", "deployed-copy", "hosts", "state-directory"),
        ),
        Check("zone-file", lambda: files.zone_file(config, written), ("state", "state-directory")),
        Check("port", lambda: unbound.port(config, systemd)),
        Check("unbound", lambda: unbound.runs(config, systemd), ("port",)),
        Check("unbound-answers", lambda: unbound.answers_queries(config), ("unbound", "loopback")),
        Check(
            "unbound-serves",
            lambda: unbound.serves(config, written),
            ("unbound-answers", "zone-file", "mesh-copy"),
        ),
        Check("hook", lambda: hook.runs(config, systemd)),
        Check(
            "hook-answers",
            lambda: hook.answers_resolved(config, written),
            ("hook", "unbound-serves"),
        ),
        *_search(config, systemd),
        Check("resolved", lambda: systemd.look([units.RESOLVED])),
        Check(
            "resolved-answers",
            lambda: hook.is_asked(config, systemd, written),
            ("resolved", "hook-answers"),
        ),
        Check("resolv-conf", programs.resolv_conf),
        Check(
            "stub",
            lambda: programs.stub(config, written),
            ("resolved-answers", "resolv-conf", "loopback"),
        ),
        Check("nsswitch", programs.nsswitch),
        Check(
            "programs",
            lambda: programs.get(config.resolved, _others(config, here)),
            ("resolved-answers", "nsswitch", "stub"),
        ),
        Check("monitoring", lambda: systemd.look(units.MONITORING)),
    ]
    asked = None
    if name is not None:
        asked, of_it = _asked(name, config, written, clan_file, here)
        checks += of_it
    return Report(here, config.domain, asked, is_root, run(checks)), systemd


def _asked(
    text: str, config: Config, written: files.Written, clan_file: Path, here: str
) -> tuple[str, list[Check]]:
    """Return the name or the address that was asked about, with its checks."""
    if address := conf.canonical_address(text):
        about = AskedAddress(address, config, written, clan_file)
        return about.name, about.checks(here)
    asked = Asked(text, config, written, clan_file)
    return asked.name, asked.checks(here)


def _pushes(systemd: units.Systemd) -> bool:
    return systemd.unit(units.PUSH).is_loaded


def _search(config: Config, systemd: units.Systemd) -> list[Check]:
    path = config.search
    if path is None:
        return []
    return [Check("search", lambda: hook.short_names(path, systemd), ("hook",))]


def certificate_ends(config: Config) -> Found:
    """Return whether data-mesher's certificate is valid, and how long."""
    path = config.certificate
    if path is None:
        return not_asked("data-mesher's configuration names no certificate")
    try:
        end = certificate.read_end(path)
    except PermissionError:
        return not_asked("only root may read it: run this with sudo")
    except OSError as error:
        return fault(describe(error), "clan machines update  # in the checkout")
    if end is None:
        return not_asked(f"{path} has a form that dm-dns does not know")
    if end < time.time():
        return fault(certificate.ended(end), f"{certificate.remedy()}  # in the checkout")
    return well(
        f"data-mesher's certificate ends in {lasting(end - time.time())}, at {instant(end)}"
    )


def _others(config: Config, here: str) -> list[str]:
    """Return the full names of other machines and devices, of those that have addresses."""
    try:
        zone = conf.read(config.kept, config.domain)
    except (Error, OSError):
        return []
    own = f"{here}.{config.domain}".lower()
    targets = set(zone.cnames.values())
    # First those with addresses that this machine can use, whichever family it has.
    families = {
        name: len({conf.record_type(address) for address in known})
        for name, known in zone.addresses.items()
        if known and name != own and "*" not in name
    }
    return sorted(families, key=lambda name: (-families[name], name not in targets, name))
