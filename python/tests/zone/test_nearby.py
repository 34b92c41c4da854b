import pytest

from dm_dns.zone import conf, nearby
from dm_dns.zone.local_lines import Local
from dm_dns.zone.nearby import On
from dm_dns.zone.networks import Network

HOME = Network("192.168.1.0/24", "192.168.1.1", "52:54:00:12:34:56")
PARENTS = Network("192.168.1.0/24", "192.168.1.1", "02:00:00:00:00:01")
NAS = "192.168.1.10"
ZONE = conf.Zone(
    "pin",
    7,
    {"git.pin": "nas.pin"},
    {
        "kfbox.pin": ("fd00::2",),
        "laptop.pin": ("fd00::4",),
        "nas.pin": ("10.9.0.1", "fd00::1"),
        "printer.pin": (),
        "scan.pin": (),
        "www.pin": ("10.9.0.1", "fd00::1", "fd00::2"),
    },
    shared={"scan.pin": ("nas.pin", "printer.pin"), "www.pin": ("kfbox.pin", "nas.pin")},
    local=Local(
        {"home": HOME, "parents": PARENTS},
        {
            "laptop.pin": (("home", "192.168.1.30"), ("parents", "192.168.1.31")),
            "nas.pin": (("home", NAS),),
            "printer.pin": (("home", "192.168.1.20"),),
        },
    ),
)
AT_HOME = {
    "laptop.pin": ("192.168.1.30",),
    "nas.pin": (NAS,),
    "printer.pin": ("192.168.1.20",),
    "scan.pin": (NAS, "192.168.1.20"),
    "www.pin": (NAS, "fd00::2"),
}


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ({}, {}),
        ({"another": ()}, {}),
        ({"home": ()}, AT_HOME),
        ({"parents": ()}, {"laptop.pin": ("192.168.1.31",)}),
        (
            {"home": (), "parents": ()},
            {**AT_HOME, "laptop.pin": ("192.168.1.30", "192.168.1.31")},
        ),
    ],
    ids=["nowhere", "elsewhere", "home", "same prefix", "both"],
)
def test_who_is_on_a_network_has_its_address_there_alone(
    on: On, expected: dict[str, tuple[str, ...]]
) -> None:
    assert nearby.given(ZONE, on) == expected


def test_who_does_not_answer_there_has_its_other_addresses() -> None:
    found = nearby.given(ZONE, {"home": {NAS}})
    assert found == {
        "laptop.pin": ("192.168.1.30",),
        "printer.pin": ("192.168.1.20",),
        "scan.pin": ("192.168.1.20",),
    }
    assert nearby.given(ZONE, {"home": {"192.168.1.30"}, "parents": ()})["laptop.pin"] == (
        "192.168.1.31",
    )


def test_who_has_no_other_address_has_this_one_though_it_does_not_answer() -> None:
    assert nearby.given(ZONE, {"home": {"192.168.1.20"}}) == AT_HOME


def test_a_network_may_give_no_other_addresses() -> None:
    only = ZONE.local._replace(networks={"home": HOME._replace(only=True), "parents": PARENTS})
    zone = ZONE._replace(local=only)
    assert nearby.given(zone, {"home": {NAS, "192.168.1.20", "192.168.1.30"}}) == AT_HOME


def test_what_etc_hosts_has_wins() -> None:
    found = nearby.given(ZONE, {"home": ()}, {"nas.pin"})
    assert found == {
        "laptop.pin": ("192.168.1.30",),
        "printer.pin": ("192.168.1.20",),
        "scan.pin": ("192.168.1.20",),
    }
    assert "www.pin" not in nearby.given(ZONE, {"home": ()}, {"www.pin"})


def test_a_shared_name_keeps_the_address_of_who_is_elsewhere() -> None:
    """That of a router, which forwards some ports to each of several machines behind it."""
    nat = ("203.0.113.7",)
    addresses = dict.fromkeys(("kfbox.pin", "laptop.pin", "nas.pin", "www.pin"), nat)
    zone = ZONE._replace(addresses={**ZONE.addresses, **addresses})
    one = zone._replace(shared={"www.pin": ("laptop.pin", "nas.pin")})
    assert nearby.given(one, {"home": ()})["www.pin"] == (NAS, "192.168.1.30")
    assert nearby.given(one, {"home": {NAS}})["www.pin"] == ("192.168.1.30", *nat)
    assert nearby.given(one, {"parents": ()})["www.pin"] == ("192.168.1.31", *nat)
    other = zone._replace(shared={"www.pin": ("kfbox.pin", "nas.pin")})
    assert nearby.given(other, {"home": ()})["www.pin"] == (NAS, *nat)
