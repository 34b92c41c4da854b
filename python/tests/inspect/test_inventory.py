"""All names of a clan: what each is, and which one a user means."""

from typing import Any

import pytest

from dm_dns.inspect import inventory
from dm_dns.inspect.clan import Clan
from dm_dns.inspect.inventory import Name

from .clans import SPEC, clan_of, with_endpoints, zone


def names(
    values: dict[str, Any] = SPEC,
    known: Clan | None = None,
    own: dict[str, tuple[str, ...]] | None = None,
) -> dict[str, Name]:
    made = inventory.make(zone(values), known, {}, own or {})
    assert [name.name for name in made] == sorted(name.name for name in made)
    return {name.name: name for name in made}


def kinds(found: dict[str, Name]) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {name.name: (name.kind, name.machines) for name in found.values()}


EXPECTED = {
    "*.app.pin": ("service", ("pear",)),
    "fig.pin": ("machine", ("fig",)),
    "git.pin": ("service", ("kiwi",)),
    "kiwi.pin": ("machine", ("kiwi",)),
    "mirror.pin": ("shared", ("kiwi", "pear")),
    "pear.pin": ("machine", ("pear",)),
}


def test_with_the_clan_file_all_is_known() -> None:
    found = names(known=clan_of())
    assert kinds(found) == EXPECTED
    assert found["mirror.pin"].addresses == ("192.0.2.1", "fd00::1", "fd00::2")
    assert found["git.pin"].addresses == ("192.0.2.1", "fd00::1")
    assert [export.instance for export in found["mirror.pin"].exports] == ["cache", "cache"]
    assert found["kiwi.pin"].exports == ()


def test_without_it_the_zone_tells_what_it_can() -> None:
    found = kinds(names())
    assert found == {**EXPECTED, "mirror.pin": ("shared", ())}  # nobody knows by whom


def test_without_it_a_machine_that_no_name_points_to_is_one_too() -> None:
    found = kinds(names(with_endpoints([])))
    assert found == {f"{name}.pin": ("machine", (name,)) for name in ("fig", "kiwi", "pear")}


def test_a_name_that_is_exported_and_not_in_the_zone_is_not_served() -> None:
    made = inventory.make(zone(with_endpoints([])), clan_of(), {}, {})
    served = {name.name: name.is_served for name in made}
    assert served == {
        "*.app.pin": False,
        "fig.pin": True,
        "git.pin": False,
        "kiwi.pin": True,
        "mirror.pin": False,
        "pear.pin": True,
    }
    (git,) = [name for name in made if name.name == "git.pin"]
    assert git.machines == ("kiwi",)


def test_a_name_that_the_zone_has_and_nobody_exports_is_served() -> None:
    found = names(known=clan_of(with_endpoints([])))
    assert found["git.pin"].exports == ()
    assert (found["git.pin"].kind, found["git.pin"].machines) == ("service", ("kiwi",))
    assert (found["mirror.pin"].kind, found["mirror.pin"].machines) == ("shared", ())


def test_the_addresses_in_the_hosts_file_of_this_machine_win() -> None:
    own: dict[str, tuple[str, ...]] = {
        "kiwi.pin": ("10.0.0.1",),
        "printer.pin": ("10.0.0.9",),
        "git.pin": ("10.0.0.2",),
    }
    found = names(known=clan_of(), own=own)
    assert found["kiwi.pin"].addresses == found["git.pin"].addresses == ("10.0.0.1",)
    assert (found["printer.pin"].kind, found["printer.pin"].addresses) == ("local", ("10.0.0.9",))


def test_a_host_that_is_not_a_name_or_not_in_the_domain_is_left_out() -> None:
    other = {**SPEC["endpoints"][0], "host": "example.org"}
    bad = {**SPEC["endpoints"][0], "host": "a b.pin"}
    found = names(known=clan_of(with_endpoints([*SPEC["endpoints"], other, bad])))
    assert kinds(found) == EXPECTED


WITH_DEVICES: dict[str, Any] = {
    **SPEC,
    "devices": {
        "NAS": {"addresses": ["192.0.2.30"], "names": ["*.files.pin"]},
        "left": {"addresses": ["192.0.2.21"], "names": ["left.pin", "print.pin"]},
        "right": {"addresses": ["192.0.2.22"], "names": ["print.pin", "mirror.pin"]},
    },
}


def test_devices_are_told_from_machines() -> None:
    found = names(WITH_DEVICES, clan_of(WITH_DEVICES))
    leads_to = {
        name.name: (name.kind, name.owners) for name in found.values() if name.name not in EXPECTED
    }
    assert leads_to == {
        "*.files.pin": ("device", ["NAS"]),
        "left.pin": ("device", ["left"]),
        "nas.pin": ("device", ["NAS"]),
        "print.pin": ("shared", ["left", "right"]),
        "right.pin": ("device", ["right"]),
    }
    assert found["mirror.pin"].owners == ["kiwi", "pear", "right"]
    assert found["print.pin"].addresses == ("192.0.2.21", "192.0.2.22")
    assert found["*.files.pin"].addresses == found["nas.pin"].addresses == ("192.0.2.30",)
    assert not any(found[name].exports for name in leads_to)
    assert all(found[name].is_served for name in leads_to)


def test_a_device_that_is_not_in_the_zone_yet_is_not_served() -> None:
    found = names(known=clan_of(WITH_DEVICES))
    assert [name.name for name in found.values() if name.devices and not name.is_served] == [
        "*.files.pin",
        "left.pin",
        "nas.pin",
        "print.pin",
        "right.pin",
    ]
    assert found["nas.pin"].kind == "device"
    assert kinds({name: found[name] for name in EXPECTED if name != "mirror.pin"}) == {
        name: what for name, what in EXPECTED.items() if name != "mirror.pin"
    }


@pytest.mark.parametrize(
    ("machines", "setting"),
    [
        ([], "setting devices of the role default"),
        (["kiwi"], "setting devices of machine kiwi"),
        (["kiwi", "pear"], "setting devices of machines kiwi, pear"),
    ],
)
def test_who_sets_a_device_is_told(machines: list[str], setting: str) -> None:
    known = clan_of(WITH_DEVICES)._replace(devices={"NAS": tuple(machines)})
    (device,) = names(WITH_DEVICES, known)["nas.pin"].devices
    assert (device.device, device.setting) == ("NAS", setting)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("git", "git.pin"),
        ("GIT.pin.", "git.pin"),
        ("git.pin", "git.pin"),
        ("kiwi", "kiwi.pin"),
        ("x.app", "*.app.pin"),
        ("a.b.app.pin", "*.app.pin"),
        ("*.app", "*.app.pin"),
        ("app", None),
        ("gitx", None),
        ("git.example.org", None),
        ("pin", None),
        ("", None),
        ("a b", None),
        ("x" * 300, None),
        ("\x1b[31m", None),
    ],
)
def test_a_name_is_found_in_full_without_the_domain_or_below_a_wildcard(
    text: str, expected: str | None
) -> None:
    found = inventory.find(names(known=clan_of()).values(), text, "pin")
    assert (found.name if found else None) == expected


def test_a_wildcard_answers_for_no_name_below_one_that_exists() -> None:
    # RFC 4592, section 2.2.1: deep.app.pin exists, so x.deep.app.pin is not *.app.pin's.
    endpoints = [*SPEC["endpoints"], {**SPEC["endpoints"][0], "host": "deep.app.pin"}]
    found = names(with_endpoints(endpoints), clan_of(with_endpoints(endpoints))).values()
    assert inventory.find(found, "x.deep.app.pin", "pin") is None
    assert inventory.find(found, "x.app.pin", "pin") is not None


def test_similar_names_are_suggested() -> None:
    found = names(known=clan_of()).values()
    assert inventory.similar(found, "gitx", "pin") == ["git.pin"]
    assert inventory.similar(found, "mirrors.pin", "pin") == ["mirror.pin"]
    assert inventory.similar(found, "nothing-like-it", "pin") == []
