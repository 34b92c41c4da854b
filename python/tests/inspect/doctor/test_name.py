# ruff: noqa: E501 - messages stand here as they are printed
"""What doctor finds of a name that is a device's, as far as files tell, and whether it answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from dm_dns.inspect.doctor import answers
from dm_dns.inspect.doctor.answers import Answer
from dm_dns.inspect.doctor.check import Found, fault, not_asked, well
from dm_dns.inspect.doctor.files import Written
from dm_dns.inspect.doctor.name import Asked
from dm_dns.node.apply import Served
from dm_dns.node.config import Config
from dm_dns.node.local_view import LocalView
from dm_dns.node.presence import Presence
from dm_dns.node.state import State
from dm_dns.zone import conf
from tests.inspect.clans import SERIAL, SPEC, config_in, zone

DEVICES = {
    "printer": {"addresses": ["192.0.2.20"], "names": ["print.pin", "mirror.pin"]},
    "nas": {"addresses": ["fd00::30"], "names": []},
}
WITH_DEVICES: dict[str, Any] = {**SPEC, "devices": DEVICES}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A machine that serves a zone with devices."""
    return config_in(tmp_path, WITH_DEVICES)


def serving(config: Config) -> Written:
    """Return what dm-dns.service writes where what is served is what was deployed."""
    kept = conf.read(config.kept, "pin")
    served = Served(SERIAL, kept.names, kept.records, "deployed", kept.sha256, "", SERIAL)
    return Written(State("pin", 1, served, SERIAL, [], {}, 0), well(""))


def ask(config: Config, name: str, check: str, set_by: list[str] | None = None) -> Found:
    """Return what one check finds, where the clan file has devices."""
    clan = config.state / "clan.json"
    devices = dict.fromkeys(DEVICES, set_by or [])
    clan.write_text(json.dumps({"spec": WITH_DEVICES, "serving": {}, "devices": devices}))
    asked = Asked(name, config, Written(None, well("")), clan)
    (found,) = [each.ask() for each in asked.checks("kiwi") if each.key == check]
    return found


@pytest.mark.parametrize(
    ("name", "set_by", "text"),
    [
        ("printer", [], "by setting devices of the role default"),
        ("print.pin", ["kiwi"], "by setting devices of machine kiwi"),
        (
            "mirror",
            [],
            "by service attic (instance cache, role server) on kiwi, service attic (instance cache, role server) on pear, setting devices of the role default",
        ),
    ],
)
def test_a_device_is_exported_by_its_setting(
    config: Config, name: str, set_by: list[str], text: str
) -> None:
    assert ask(config, name, "name-exported", set_by) == well(text)


def test_a_name_of_a_device_is_of_its_kind_and_has_its_addresses(config: Config) -> None:
    assert ask(config, "print", "name-known").text.startswith("print.pin is a name of kind device,")
    assert ask(config, "print", "name-address") == well("printer: 192.0.2.20")
    assert ask(config, "mirror", "name-address") == well(
        "kiwi, pear, printer: 192.0.2.1 192.0.2.20 fd00::1 fd00::2"
    )


def test_a_device_that_is_not_set_any_more_is_a_fault(config: Config) -> None:
    (config.state / "clan.json").write_text(json.dumps({"spec": SPEC, "serving": {}}))
    asked = Asked("nas", config, serving(config), config.state / "clan.json")
    (found,) = [each.ask() for each in asked.checks("kiwi") if each.key == "name-exported"]
    assert found == snapshot(
        Found(
            verdict="fault",
            text="no service or device has nas.pin any more, but the zone, serial 1795589653, has it",
            remedy="clan vars generate && clan machines update  # in the checkout",
        )
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [("www", "www.pin"), ("WWW.pin.", "www.pin"), ("pin", "pin"), ("a.print.pin", "a.print.pin")],
)
def test_a_name_of_others_is_not_a_fault_where_they_may_have_some(
    config: Config, monkeypatch: pytest.MonkeyPatch, text: str, name: str
) -> None:
    monkeypatch.setattr(answers, "of_programs", lambda name: Answer(frozenset(), f"no {name}"))
    others = config._replace(whole_domain=False)
    asked = Asked(text, others, serving(config), config.state / "clan.json")
    assert asked.name == name
    found = {each.key: each.ask() for each in asked.checks("kiwi")}
    assert list(found) == ["name-known", "name-hook", "name-programs"]
    assert found["name-known"].verdict == "ok"
    assert found["name-known"].text.endswith(": it resolves as without dm-dns")
    assert found["name-programs"] == well(f"getaddrinfo({name}) is no {name}")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "printr",
            fault(
                "printr.pin is not a name of the clan, and nobody else has it; did you mean printer.pin or print.pin?",
                "dm-dns doctor printer.pin",
            ),
        ),
        (
            "qqq",
            fault(
                "qqq.pin is not a name of the clan, and nobody else has it",
                "dm-dns show  # lists all names of the clan",
            ),
        ),
    ],
)
def test_a_name_that_nobody_has_is_a_fault(
    config: Config, monkeypatch: pytest.MonkeyPatch, text: str, found: Found
) -> None:
    nobody = Answer(frozenset(), "Name or service not known", is_unknown=True)
    monkeypatch.setattr(answers, "of_programs", lambda _name: nobody)
    others = config._replace(whole_domain=False)
    asked = Asked(text, others, serving(config), config.state / "clan.json")
    assert [each.ask() for each in asked.checks("kiwi") if each.key == "name-programs"] == [found]


@pytest.mark.parametrize("whole_domain", [True, False])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "www.example.org",
            fault(
                "www.example.org is not below pin, and www.example.org.pin is not one of the 9 names of serial 1795589653",
                "getent ahosts www.example.org  # it resolves as without dm-dns",
            ),
        ),
        (
            "printer.pinn",
            fault(
                "printer.pinn.pin is not one of the 9 names of serial 1795589653; did you mean printer.pin?",
                "dm-dns doctor printer.pin",
            ),
        ),
    ],
)
def test_a_name_outside_of_the_domain_is_a_fault(
    config: Config,
    text: str,
    found: Found,
    whole_domain: bool,  # noqa: FBT001 - the setting
) -> None:
    other = config._replace(whole_domain=whole_domain)
    asked = Asked(text, other, serving(config), config.state / "clan.json")
    known = {each.key: each for each in asked.checks("kiwi")}["name-known"]
    assert known.ask() == found


@pytest.mark.parametrize("text", ["printer", "_dm-dns"])
def test_a_name_of_the_clan_is_never_one_of_others(config: Config, text: str) -> None:
    others = config._replace(whole_domain=False)
    asked = Asked(text, others, serving(config), config.state / "clan.json")
    assert "name-unbound" in [each.key for each in asked.checks("kiwi")]


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("127.0.0.1", well("reached: 127.0.0.1; nothing listens there on ports 1, 2")),
        # connect(2): EACCES, as for any that nothing is sent to.
        (
            "255.255.255.255",
            fault(
                "nothing answers at 255.255.255.255 on ports 1, 2: the device printer is down, or its network or firewall lets nothing through",
                "ip route get 255.255.255.255; ping -c 3 255.255.255.255",
            ),
        ),
    ],
)
def test_a_device_is_reached_or_not(
    config: Config, monkeypatch: pytest.MonkeyPatch, address: str, found: Found
) -> None:
    monkeypatch.setattr("dm_dns.inspect.doctor.name.PORTS", (1, 2))
    monkeypatch.setattr(answers, "of_programs", lambda _name: Answer(frozenset({address})))
    assert ask(config, "printer", "name-reached") == found


@pytest.mark.parametrize(
    ("line", "has"),
    [
        ("192.0.2.66 printer.pin", "192.0.2.66"),
        ("127.0.0.1 printer.pin", "127.0.0.1"),
        ("0.0.0.0 printer.pin\n:: printer.pin", "0.0.0.0 ::"),
        ("127.0.0.1 printer.pin\n192.0.2.66 printer.pin", "127.0.0.1 192.0.2.66"),
    ],
)
def test_what_the_hosts_file_has_in_place_of_the_zone_is_a_fault(
    config: Config, line: str, has: str
) -> None:
    config.hosts.write_text(f"{line}\n")
    assert ask(config, "printer", "name-hosts") == fault(
        f"{config.hosts} has {has} for printer.pin, which programs get in place of what the clan"
        " has: 192.0.2.20",
        f"grep -nwF printer.pin {config.hosts}"
        "  # remove that line from networking.hosts or networking.extraHosts, and deploy",
    )


@pytest.mark.parametrize(
    ("set_by", "where"), [([], "settings"), (["kiwi"], "machines.kiwi.settings")]
)
def test_the_remedy_for_a_device_is_in_its_setting(
    config: Config, monkeypatch: pytest.MonkeyPatch, set_by: list[str], where: str
) -> None:
    monkeypatch.setattr(
        answers, "of_resolved", lambda *_: Answer(frozenset(), "NoSuchResourceRecord")
    )
    clan = config.state / "clan.json"
    devices = {"printer": set_by}
    clan.write_text(json.dumps({"spec": WITH_DEVICES, "serving": {}, "devices": devices}))
    config.zonefile.write_text("printer.pin. A 192.0.2.20\n")
    asked = Asked("printer", config, Written(None, well("")), clan)
    checks = {each.key: each for each in asked.checks("kiwi")}
    assert checks["name-zone-file"].ask().verdict == "ok"
    found = checks["name-resolved"].ask()
    assert found.remedy == (
        f'roles.default.{where}.devices.printer.addresses = [ "ADDRESS" ];'
        "  # of dm-dns, in the checkout: an address of IPv6"
    )


SEARCH = Path("/run/systemd/resolve.hook/dm-dns-search")
ADDRESSES = {"printer.pin": "192.0.2.20", "printer": "192.0.2.20", "nas": "192.0.2.66"}


def ask_short(
    config: Config, monkeypatch: pytest.MonkeyPatch, name: str, here: str = "kiwi"
) -> Found | None:
    """Return what doctor finds of a name without the domain; None if it is not asked for."""
    monkeypatch.setattr(
        answers,
        "of_programs",
        lambda name: (
            Answer(frozenset({ADDRESSES[name]}))
            if name in ADDRESSES
            else Answer(frozenset(), "Name or service not known")
        ),
    )
    asked = Asked(name, config, Written(None, well("")), config.state / "clan.json")
    found = [each.ask() for each in asked.checks(here) if each.key == "name-short"]
    return found[0] if found else None


def test_a_short_name_is_asked_for_where_it_resolves(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching = config._replace(search=SEARCH)
    assert ask_short(searching, monkeypatch, "printer") == well(
        "getaddrinfo(printer) is 192.0.2.20"
    )
    assert ask_short(searching, monkeypatch, "git") == fault(
        "programs get Name or service not known for git, and Name or service not known for git.pin",
        "sudo systemctl restart dm-dns-hook.service",
    )
    for name in ("printer.pin", "x.app", "a b", ""):
        assert ask_short(searching, monkeypatch, name) is None
    own = ask_short(searching, monkeypatch, "kiwi")
    assert own == well(f"{config.hosts} may have this machine's own name")


def test_a_short_name_that_the_hosts_file_has_is_a_fault(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.hosts.write_text("# nas\n192.0.2.66 box NAS # old\n")
    assert ask_short(config._replace(search=SEARCH), monkeypatch, "nas") == fault(
        f"{config.hosts} has nas, which programs get in place of nas.pin",
        f"grep -nwF nas {config.hosts}"
        "  # remove that line from networking.hosts or networking.extraHosts, and deploy",
    )


def test_where_short_names_do_not_resolve_the_full_one_is_told(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ask_short(config, monkeypatch, "printer")
    assert found == Found(
        "not asked",
        "programs on this machine need the full name, printer.pin: its setting search is false",
    )
    assert ask_short(config, monkeypatch, "printer.pin") is None


HOME = {
    "only": False,
    "prefix": "192.168.1.0/24",
    "router": {"address": "192.168.1.1", "linkAddress": "52:54:00:12:34:56"},
}
WITH_LOCAL: dict[str, Any] = {
    **SPEC,
    "machines": {
        "kiwi": {"addresses": ["fd00::1", "192.168.1.10@home"]},
        "pear": {"addresses": ["192.168.1.11@home"]},
        "fig": {"addresses": []},
    },
    "localNetworks": {"home": HOME},
}
ON = Presence("home", "wlan0", "on wlan0 192.168.1.1 is the router")
OFF = Presence("home", None, "no link has an address of 192.168.1.0/24", remedy="ip address")


@pytest.mark.parametrize(
    ("name", "presence", "told", "address"),
    [
        (
            "git",
            ON,
            snapshot("192.168.1.10 on network 'home' is given: on wlan0 192.168.1.1 is the router"),
            snapshot(Found(verdict="ok", text="kiwi: 192.168.1.10")),
        ),
        (
            "git",
            OFF,
            snapshot(
                "192.168.1.10 on network 'home' is not given: no link has an address of 192.168.1.0/24"
            ),
            snapshot(Found(verdict="ok", text="kiwi: fd00::1")),
        ),
        (
            "pear",
            ON,
            snapshot("192.168.1.11 on network 'home' is given: on wlan0 192.168.1.1 is the router"),
            snapshot(Found(verdict="ok", text="pear: 192.168.1.11")),
        ),
        (
            "pear",
            OFF,
            snapshot(
                "192.168.1.11 on network 'home' is not given: no link has an address of 192.168.1.0/24"
            ),
            snapshot(
                Found(
                    verdict="fault",
                    text="pear has no other address than on local networks: 192.168.1.11 on network 'home' is not given: no link has an address of 192.168.1.0/24",
                    remedy="ip address",
                )
            ),
        ),
    ],
)
def test_why_a_local_address_is_given_or_not_is_told(
    config: Config, name: str, presence: Presence, told: str, address: Found
) -> None:
    config.kept.write_text(conf.render(zone(WITH_LOCAL)))
    clan = config.state / "clan.json"
    clan.write_text(json.dumps({"spec": WITH_LOCAL, "serving": {}}))
    written = serving(config)
    assert written.state
    found = written.state._replace(local=LocalView(None, None, (presence,)))
    asked = Asked(name, config, Written(found, well("")), clan)
    checks = {each.key: each for each in asked.checks("kiwi")}
    assert checks["name-local"].ask() == well(told)
    assert checks["name-address"].ask() == address
    assert checks["name-mesh-copy"].ask() == not_asked("there is none")


def test_a_copy_is_told_to_have_local_addresses(config: Config) -> None:
    config.kept.write_text(conf.render(zone(WITH_LOCAL)))
    config.mesh.write_text(conf.render(zone(WITH_LOCAL)))
    asked = Asked("kiwi", config, serving(config), config.state / "clan.json")
    checks = {each.key: each for each in asked.checks("fig")}
    assert checks["name-mesh-copy"].ask() == well(
        f"serial {SERIAL} has fd00::1 192.168.1.10 on network 'home'"
    )


@pytest.mark.parametrize(
    ("text", "has_route", "expected"),
    [("nas", False, True), ("nas", True, False), ("printer", False, False), ("fig", False, False)],
)
def test_chromium_does_not_find_a_name_with_ipv6_only_where_there_is_no_route(
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    has_route: bool,  # noqa: FBT001 - what the kernel says
    expected: bool,  # noqa: FBT001 - what is returned
) -> None:
    monkeypatch.setattr("dm_dns.inspect.doctor.name._reaches_ipv6", lambda: has_route)
    asked = Asked(text, config, serving(config), config.state / "clan.json")
    found = [each.ask() for each in asked.checks("kiwi") if each.key == "name-browsers"]
    assert len(found) == expected
    assert all(each.verdict == "ok" and "ERR_NAME_NOT_RESOLVED" in each.text for each in found)


def test_where_there_is_no_local_address_none_is_asked_for(config: Config) -> None:
    asked = Asked("kiwi", config, serving(config), config.state / "clan.json")
    assert "name-local" not in {each.key for each in asked.checks("kiwi")}
