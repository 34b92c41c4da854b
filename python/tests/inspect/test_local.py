"""Whether this machine gives the addresses on local networks, and what people are told of it."""

import pytest

from dm_dns.inspect import inventory, local
from dm_dns.inspect.inventory import Name
from dm_dns.inspect.local import LocalAddress
from dm_dns.node.presence import Presence

from .clans import SPEC, clan_of, zone

HOME = {
    "only": False,
    "prefix": "192.168.1.0/24",
    "router": {"address": "192.168.1.1", "linkAddress": "52:54:00:12:34:56"},
}
LOCAL_SPEC = {
    **SPEC,
    "machines": {
        "kiwi": {"addresses": ["fd00::1", "192.168.1.10@home", "10.1.0.10@office"]},
        "pear": {"addresses": ["192.168.1.11@home"]},
        "fig": {"addresses": []},
    },
    "localNetworks": {
        "home": HOME,
        "office": {
            "only": True,
            "prefix": "10.1.0.0/16",
            "router": {"address": "10.1.0.1", "linkAddress": "52:54:00:12:34:57"},
        },
    },
}
ON_HOME = Presence("home", "wlan0", "on wlan0 192.168.1.1 is the router")
OFF_HOME = Presence("home", None, "no link has an address of 192.168.1.0/24")
ON_OFFICE = Presence("office", "eth0", "on eth0 10.1.0.1 is the router", ("10.1.0.10",))
OFF_OFFICE = Presence("office", None, "no link has an address of 10.1.0.0/16")


def names(*presences: Presence, hosts: tuple[str, ...] = ()) -> dict[str, Name]:
    own = dict.fromkeys(hosts, ("10.9.0.1",))
    made = inventory.make(zone(LOCAL_SPEC), clan_of(LOCAL_SPEC), {}, own, presences or None)
    return {name.name: name for name in made}


def test_a_checkout_has_them_and_gives_none() -> None:
    found = names()
    assert found["git.pin"].local == (
        LocalAddress("192.168.1.10", "home", None, None),
        LocalAddress("10.1.0.10", "office", None, None),
    )
    assert found["git.pin"].addresses == ("fd00::1",)
    assert found["pear.pin"].addresses == ()
    assert found["pear.pin"].all_addresses == ["192.168.1.11@home"]
    assert [each.address for each in found["mirror.pin"].local] == [
        "192.168.1.10",
        "10.1.0.10",
        "192.168.1.11",
    ]
    assert found["fig.pin"].local == ()


def test_on_a_network_they_are_given_and_no_others() -> None:
    found = names(ON_HOME, OFF_OFFICE)
    assert found["git.pin"].addresses == found["kiwi.pin"].addresses == ("192.168.1.10",)
    assert found["mirror.pin"].addresses == ("192.168.1.10", "192.168.1.11")
    assert found["git.pin"].local == (
        LocalAddress("192.168.1.10", "home", is_given=True, reason=ON_HOME.reason),
        LocalAddress("10.1.0.10", "office", is_given=False, reason=OFF_OFFICE.reason),
    )
    assert found["git.pin"].all_addresses == ["192.168.1.10", "10.1.0.10@office"]


@pytest.mark.parametrize(
    ("presence", "hosts", "expected"),
    [
        (
            ON_HOME._replace(silent=("192.168.1.10",)),
            (),
            (False, "it does not answer on wlan0 (`ip neigh show 192.168.1.10`)"),
        ),
        (ON_HOME, ("kiwi.pin",), (False, "/etc/hosts has another address of kiwi.pin")),
        (OFF_HOME, ("kiwi.pin",), (False, OFF_HOME.reason)),
        (OFF_OFFICE, (), (None, None)),
    ],
    ids=["silent", "hosts", "elsewhere", "not known"],
)
def test_why_one_is_not_given_is_told(
    presence: Presence, hosts: tuple[str, ...], expected: tuple[bool | None, str | None]
) -> None:
    found = names(presence, hosts=hosts)["git.pin"].local[0]
    assert (found.is_given, found.reason) == expected


def test_who_has_no_other_may_be_silent() -> None:
    silent = ON_HOME._replace(silent=("192.168.1.11",))
    assert names(silent)["pear.pin"].local[0].is_given
    assert names(silent)["pear.pin"].addresses == ("192.168.1.11",)
    assert names(ON_OFFICE)["kiwi.pin"].local[1].is_given  # `only`
    assert names(ON_OFFICE)["kiwi.pin"].addresses == ("10.1.0.10",)


def test_people_are_told_in_a_sentence() -> None:
    found = LocalAddress("192.168.1.10", "home", is_given=False, reason="no link is up")
    assert str(found) == "192.168.1.10 on network 'home' is not given: no link is up"
    assert str(found._replace(is_given=True)).startswith(
        "192.168.1.10 on network 'home' is given: "
    )
    assert str(found._replace(is_given=None)) == "192.168.1.10 on network 'home'"
    assert local.text(ON_HOME) == "home: on it: on wlan0 192.168.1.1 is the router"
    assert local.text(OFF_HOME) == "home: not on it: no link has an address of 192.168.1.0/24"
    assert found.json() == {
        "address": "192.168.1.10",
        "network": "home",
        "given": False,
        "reason": "no link is up",
    }
