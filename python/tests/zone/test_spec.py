# ruff: noqa: E501 - messages stand here as they are printed
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from dm_dns.errors import Error, FileError
from dm_dns.zone import conf, limits, spec

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("naming-cases.json").read_text(encoding="utf-8")
)
ENDPOINT = {
    "host": "irc.pin",
    "machine": "kfbox",
    "service": "thelounge",
    "instance": "chat",
    "role": "server",
}
SPEC = {
    "domain": "pin",
    "machines": {"kfbox": {"addresses": ["fd00::2"]}},
    "endpoints": [ENDPOINT],
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in tmp_path, so that messages have short paths."""
    monkeypatch.chdir(tmp_path)


def endpoint(host: str, machine: str = "kfbox") -> spec.Endpoint:
    return spec.Endpoint(host, machine, "thelounge", "chat", "server")


def records(made: conf.Zone) -> list[str]:
    lines = conf.render(made).splitlines()
    return [line.split('"')[1] for line in lines if line.startswith("local-data:")]


def comments(made: conf.Zone) -> list[str]:
    lines = conf.render(made).splitlines()[4:]
    return [line.removeprefix("# ") for line in lines if line.startswith("#")]


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_naming_rule(case: dict[str, Any]) -> None:
    read = spec.from_json(case["spec"])
    if "records" in case:
        made, _warnings = spec.to_zone(read, 7)
        assert records(made) == case["records"]
        assert case.get("comments") in (None, comments(made))
    else:
        with pytest.raises(Error) as caught:
            spec.to_zone(read, 7)
        missing = [part for part in case["error"] if part not in str(caught.value)]
        assert not missing, str(caught.value)


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_naming_case_is_well_formed(case: dict[str, Any]) -> None:
    assert case.keys() - {"records", "comments", "error"} == {"title", "rule", "nix", "spec"}
    assert ("records" in case) != ("error" in case)
    assert case.get("error") != []


def test_the_order_of_a_spec_does_not_matter() -> None:
    hosts = ["irc.pin", "git.pin", "www.pin", "*.pin"]
    machines = {"kfbox": ["fd00::2", "192.0.2.2"], "kiwi": ["fd00::1"]}
    endpoints = [endpoint(host) for host in hosts] + [endpoint("www.pin", "kiwi")]
    one, _ = spec.to_zone(spec.Spec("pin", machines, endpoints), 7)
    other_machines = {name: machines[name][::-1] for name in reversed(machines)}
    other, _ = spec.to_zone(spec.Spec("pin", other_machines, endpoints[::-1]), 7)
    assert one == other
    assert conf.render(one) == conf.render(other)


def test_the_zone_has_the_domain_and_the_serial() -> None:
    made, warnings = spec.to_zone(spec.from_json(SPEC), 1795433611)
    assert made == conf.Zone(
        "pin", 1795433611, {"irc.pin": "kfbox.pin"}, {"kfbox.pin": ("fd00::2",)}
    )
    assert warnings == []


def test_a_shared_name_is_told_from_a_machine_with_the_same_addresses() -> None:
    machines = {"kiwi": ["fd00::1"], "fig": []}
    hosts = [("www.pin", "kiwi"), ("www.pin", "fig"), ("irc.pin", "kiwi"), ("kiwi.pin", "kiwi")]
    endpoints = [spec.Endpoint(host, machine, "s", "i", "r") for host, machine in hosts]
    made, _ = spec.to_zone(spec.Spec("pin", machines, endpoints), 7)
    assert made.addresses["www.pin"] == made.addresses["kiwi.pin"]
    assert made.shared == {"www.pin": ("fig.pin", "kiwi.pin")}


def test_a_shared_name_that_leads_past_a_machine_is_a_warning() -> None:
    read = spec.Spec(
        "pin",
        {"kfbox": ["fd00::2"], "kiwi": [], "apfel": []},
        [endpoint("www.pin", machine) for machine in ("kfbox", "kiwi", "apfel")],
    )
    made, warnings = spec.to_zone(read, 7)
    assert made.addresses["www.pin"] == ("fd00::2",)
    assert warnings == snapshot(
        [
            "www.pin does not resolve to apfel.pin, kiwi.pin, which has no known address; set `addresses` in the role default of dm-dns"
        ]
    )


@pytest.mark.parametrize(
    ("machines", "endpoints", "message"),
    [
        pytest.param(
            {"kfbox": []},
            [endpoint("pin")],
            snapshot(
                "host 'pin' of service 'thelounge', instance 'chat', role 'server' on machine 'kfbox': it is the domain itself, which cannot be an alias (RFC 1034, section 3.6.2); use a name below it, such as www.pin"
            ),
            id="apex",
        ),
        pytest.param(
            {"kfbox": []},
            [endpoint("irc..pin")],
            snapshot(
                "host 'irc..pin' of service 'thelounge', instance 'chat', role 'server' on machine 'kfbox': it is not a valid name: it has an empty label (two dots in a row, or one at its start); correct the service's host"
            ),
            id="invalid",
        ),
        pytest.param(
            {"kfbox": []},
            [endpoint("_dm-dns.pin")],
            snapshot(
                "host '_dm-dns.pin' of service 'thelounge', instance 'chat', role 'server' on machine 'kfbox': it is reserved for the status of dm-dns; use another name"
            ),
            id="reserved",
        ),
        pytest.param(
            {},
            [endpoint("irc.pin")],
            snapshot(
                "host 'irc.pin' of service 'thelounge', instance 'chat', role 'server' on machine 'kfbox': the clan has no such machine; add it to the inventory"
            ),
            id="unknown-machine",
        ),
        pytest.param(
            {"kfbox": [], "kiwi": []},
            [endpoint("kiwi.pin")],
            snapshot(
                "host 'kiwi.pin' of service 'thelounge', instance 'chat', role 'server' on machine 'kfbox': it is the name of machine 'kiwi', and must resolve to that; use another name"
            ),
            id="other",
        ),
        pytest.param(
            {"kfbox": ["x"]},
            [],
            snapshot("machine 'kfbox': 'x' is not an IP address; correct `addresses`"),
            id="address",
        ),
        pytest.param(
            {"kf.box": []},
            [],
            snapshot(
                "machine 'kf.box' has no valid name: it has a '.'; it must be a single label; rename the machine"
            ),
            id="machine",
        ),
        pytest.param(
            {"_dm-dns": []},
            [],
            snapshot(
                "machine '_dm-dns' has no valid name: it is reserved for the status of dm-dns; rename the machine"
            ),
            id="machine-reserved",
        ),
        pytest.param(
            {"kiwi": [], "Kiwi": []},
            [],
            snapshot(
                "machine 'Kiwi' has the name kiwi.pin, as another machine has that differs only in upper and lower case; rename one of them"
            ),
            id="machine-case",
        ),
        pytest.param(
            {"kfbox": [], "kiwi": []},
            [endpoint("www.pin"), endpoint("www.pin", "kiwi")],
            snapshot("""\
www.pin is exported by several machines, none of which has a known address; set `addresses` for them in the role default of dm-dns:
  host 'www.pin' of service 'thelounge', instance 'chat', role 'server' on machine 'kfbox'
  host 'www.pin' of service 'thelounge', instance 'chat', role 'server' on machine 'kiwi'\
"""),
            id="shared-without-address",
        ),
        pytest.param(
            {"kfbox": ["x"], "-": []},
            [endpoint("a\nb.pin"), endpoint("pin"), endpoint("irc.pin", "-")],
            snapshot("""\
machine '-' has no valid name: label '-' starts or ends with '-'; rename the machine
machine 'kfbox': 'x' is not an IP address; correct `addresses`
host 'a\\nb.pin' of service 'thelounge', instance 'chat', role 'server' on machine 'kfbox': it is not a valid name: '\\n' is not allowed in a name; use letters, digits, '-' and '_'; correct the service's host
host 'pin' of service 'thelounge', instance 'chat', role 'server' on machine 'kfbox': it is the domain itself, which cannot be an alias (RFC 1034, section 3.6.2); use a name below it, such as www.pin\
"""),
            id="all-at-once",
        ),
    ],
)
def test_a_broken_rule_is_told_with_who_breaks_it_and_the_remedy(
    machines: dict[str, list[str]], endpoints: list[spec.Endpoint], message: str
) -> None:
    with pytest.raises(Error) as caught:
        spec.to_zone(spec.Spec("pin", machines, endpoints), 7)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        pytest.param(
            {"nas": spec.Device([], [])},
            snapshot("device 'nas' has no address; set its `addresses`"),
            id="no-address",
        ),
        pytest.param(
            {"nas": spec.Device(["x"], [])},
            snapshot("device 'nas': 'x' is not an IP address; correct `addresses`"),
            id="address",
        ),
        pytest.param(
            {"n.as": spec.Device(["fd00::9"], [])},
            snapshot(
                "device 'n.as' has no valid name: it has a '.'; it must be a single label; rename the device"
            ),
            id="label",
        ),
        pytest.param(
            {"kfbox": spec.Device(["fd00::9"], [])},
            snapshot(
                "device 'kfbox' has the name kfbox.pin, which is that of machine 'kfbox'; rename the device"
            ),
            id="machine",
        ),
        pytest.param(
            {name: spec.Device(["fd00::9"], []) for name in ("nas", "NAS")},
            snapshot(
                "device 'NAS' has the name nas.pin, as another device has that differs only in upper and lower case; rename one of them"
            ),
            id="case",
        ),
        pytest.param(
            {"nas": spec.Device(["fd00::9"], ["files", "kfbox.pin", "a b.pin", "irc.pin"])},
            snapshot("""\
name 'a b.pin' of device 'nas': it is not a valid name: ' ' is not allowed in a name; use letters, digits, '-' and '_'; correct `names`
name 'files' of device 'nas': it is not below pin; write a whole name below it, such as print.pin, or remove this one
name 'kfbox.pin' of device 'nas': it is the name of machine 'kfbox', and must resolve to that; use another name\
"""),
            id="names",
        ),
        pytest.param(
            {"irc": spec.Device(["fd00::9"], [])},
            snapshot(
                "host 'irc.pin' of service 'thelounge', instance 'chat', role 'server' on machine 'kfbox': it is the name of device 'irc', and must resolve to that; use another name"
            ),
            id="host",
        ),
    ],
)
def test_a_rule_that_a_device_breaks_is_told_with_the_remedy(
    devices: dict[str, spec.Device], message: str
) -> None:
    with pytest.raises(Error) as caught:
        spec.to_zone(spec.Spec("pin", {"kfbox": ["fd00::2"]}, [endpoint("irc.pin")], devices), 7)
    assert str(caught.value) == message


def test_a_device_has_no_more_addresses_than_the_limit() -> None:
    addresses = [f"fd00::{number:x}" for number in range(limits.MAX_ADDRESSES + 1)]
    with pytest.raises(Error) as caught:
        spec.to_zone(spec.Spec("pin", {}, [], {"nas": spec.Device(addresses, [])}), 7)
    assert str(caught.value) == snapshot(
        "device 'nas' has 2001 addresses, and the limit is 2000; remove some from `addresses`"
    )


def test_a_domain_that_is_not_a_name_is_refused() -> None:
    with pytest.raises(Error) as caught:
        spec.to_zone(spec.Spec("p in", {}, []), 7)
    assert str(caught.value) == snapshot(
        "the domain 'p in' is not a valid name: ' ' is not allowed in a name; use letters, digits, '-' and '_'"
    )


def changed(*path: str | int, to: object) -> dict[str, Any]:
    values: Any = copy.deepcopy(SPEC)
    parent = values
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = to
    return dict(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(
            [], snapshot("the zone spec: the top level must be an object, not []"), id="list"
        ),
        pytest.param(
            None, snapshot("the zone spec: the top level must be an object, not null"), id="null"
        ),
        pytest.param(
            {},
            snapshot(
                "the zone spec: the top level must have the keys domain, endpoints, machines (and may have devices, localNetworks), and no others; it has none"
            ),
            id="empty",
        ),
        pytest.param(
            changed("serial", to=1),
            snapshot(
                "the zone spec: the top level must have the keys domain, endpoints, machines (and may have devices, localNetworks), and no others; it has domain, endpoints, machines, serial"
            ),
            id="extra-key",
        ),
        pytest.param(
            changed("domain", to=None),
            snapshot("the zone spec: domain must be a string, not null"),
            id="domain",
        ),
        pytest.param(
            changed("machines", to=[]),
            snapshot("the zone spec: machines must be an object, not []"),
            id="machines",
        ),
        pytest.param(
            changed("machines", "kfbox", to=[]),
            snapshot("the zone spec: machines.kfbox must be an object, not []"),
            id="machine",
        ),
        pytest.param(
            changed("machines", "kfbox", to={}),
            snapshot(
                "the zone spec: machines.kfbox must have the keys addresses, and no others; it has none"
            ),
            id="no-addresses",
        ),
        pytest.param(
            changed("machines", "kfbox", "addresses", to="fd00::2"),
            snapshot('the zone spec: machines.kfbox.addresses must be a list, not "fd00::2"'),
            id="addresses",
        ),
        pytest.param(
            changed("machines", "kfbox", "addresses", 0, to=1),
            snapshot("the zone spec: machines.kfbox.addresses[0] must be a string, not 1"),
            id="address",
        ),
        pytest.param(
            changed("devices", to=[]),
            snapshot("the zone spec: devices must be an object, not []"),
            id="devices",
        ),
        pytest.param(
            changed("devices", to={"nas": []}),
            snapshot("the zone spec: devices.nas must be an object, not []"),
            id="device",
        ),
        pytest.param(
            changed("devices", to={"nas": {"addresses": ["fd00::9"]}}),
            snapshot(
                "the zone spec: devices.nas must have the keys addresses, names, and no others; it has addresses"
            ),
            id="device-key",
        ),
        pytest.param(
            changed("devices", to={"nas": {"addresses": [9], "names": []}}),
            snapshot("the zone spec: devices.nas.addresses[0] must be a string, not 9"),
            id="device-address",
        ),
        pytest.param(
            changed("devices", to={"nas": {"addresses": [], "names": "files.pin"}}),
            snapshot('the zone spec: devices.nas.names must be a list, not "files.pin"'),
            id="device-names",
        ),
        pytest.param(
            changed("endpoints", to={}),
            snapshot("the zone spec: endpoints must be a list, not {}"),
            id="endpoints",
        ),
        pytest.param(
            changed("endpoints", 0, to="irc.pin"),
            snapshot('the zone spec: endpoints[0] must be an object, not "irc.pin"'),
            id="endpoint",
        ),
        pytest.param(
            changed("endpoints", 0, "host", to=True),
            snapshot("the zone spec: endpoints[0].host must be a string, not true"),
            id="host",
        ),
        pytest.param(
            changed("endpoints", 0, "port", to=80),
            snapshot(
                "the zone spec: endpoints[0] must have the keys host, instance, machine, role, service, and no others; it has host, instance, machine, port, role, service"
            ),
            id="endpoint-key",
        ),
        pytest.param(
            changed("domain", to=["x" * 99]),
            snapshot(
                'the zone spec: domain must be a string, not ["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'
            ),
            id="long-value",
        ),
    ],
)
def test_json_of_another_form_is_refused_with_its_place(values: object, message: str) -> None:
    with pytest.raises(Error) as caught:
        spec.from_json(values)
    assert str(caught.value) == message


def test_a_spec_is_read_from_a_file() -> None:
    Path("spec.json").write_text(json.dumps(SPEC))
    assert spec.read(Path("spec.json")) == spec.Spec(
        "pin", {"kfbox": ["fd00::2"]}, [endpoint("irc.pin")]
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", snapshot("spec.json:1: not JSON: Expecting value"), id="empty"),
        pytest.param(
            b'{\n"domain": pin}', snapshot("spec.json:2: not JSON: Expecting value"), id="not-json"
        ),
        pytest.param(b'"\xff"', snapshot("spec.json:1: not JSON: it is not UTF-8"), id="not-utf8"),
    ],
)
def test_a_file_that_is_not_json_is_refused_with_its_line(content: bytes, message: str) -> None:
    Path("spec.json").write_bytes(content)
    with pytest.raises(FileError) as caught:
        spec.read(Path("spec.json"))
    assert str(caught.value) == message


@pytest.mark.parametrize("content", [b"[" * 100_000, b"1" * 5000], ids=["deep", "long-number"])
def test_json_that_python_cannot_hold_is_refused(content: bytes) -> None:
    Path("spec.json").write_bytes(content)
    with pytest.raises(Error, match=r"^spec\.json"):
        spec.read(Path("spec.json"))


def test_json_of_another_form_in_a_file_is_refused_with_the_file() -> None:
    Path("spec.json").write_text("{}")
    with pytest.raises(Error) as caught:
        spec.read(Path("spec.json"))
    assert str(caught.value) == snapshot(
        "spec.json: the top level must have the keys domain, endpoints, machines (and may have devices, localNetworks), and no others; it has none"
    )
