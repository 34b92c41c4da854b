# ruff: noqa: E501 - messages stand here as they are printed
import json
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.node.config import Config
from dm_dns.node.unbound import Unbound

VALUES: dict[str, Any] = {
    "domain": "pin",
    "mesh": "/var/lib/data-mesher/files/home/dns/cnames",
    "deployed": "/run/deployed/zone.conf",
    "hosts": "/etc/hosts",
    "state": "/var/lib/dm-dns",
    "unbound": {"control": "/run/unbound/unbound.ctl", "address": "127.0.0.1", "port": 5353},
    "hook": "/run/systemd/resolve.hook/dm-dns",
    "search": "/run/systemd/resolve.hook/dm-dns-search",
    "resolved": "/run/systemd/resolve/io.systemd.Resolve",
    "machine": "Kiwi",
    "certificate": "/run/secrets/identity.cert",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in tmp_path, so that messages have short paths."""
    monkeypatch.chdir(tmp_path)


def read(values: object) -> Config:
    Path("apply.json").write_text(json.dumps(values))
    return Config.read(Path("apply.json"))


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in VALUES.items() if name != key}


def unbound(**changes: object) -> dict[str, Any]:
    return {**VALUES, "unbound": {**VALUES["unbound"], **changes}}


def test_a_configuration_is_read() -> None:
    assert read(VALUES) == Config(
        domain="pin",
        mesh=Path("/var/lib/data-mesher/files/home/dns/cnames"),
        deployed=Path("/run/deployed/zone.conf"),
        hosts=Path("/etc/hosts"),
        state=Path("/var/lib/dm-dns"),
        keys=[],
        unbound=Unbound(Path("/run/unbound/unbound.ctl"), "127.0.0.1", 5353),
        hook=Path("/run/systemd/resolve.hook/dm-dns"),
        search=Path("/run/systemd/resolve.hook/dm-dns-search"),
        resolved=Path("/run/systemd/resolve/io.systemd.Resolve"),
        machine="kiwi.pin",
        certificate=Path("/run/secrets/identity.cert"),
    )


def test_files_of_the_state_directory() -> None:
    config = read(VALUES)
    assert config.zonefile == Path("/var/lib/dm-dns/pin.zone")
    assert config.kept == Path("/var/lib/dm-dns/kept.conf")


@pytest.mark.parametrize("values", [without("deployed"), {**VALUES, "deployed": None}])
def test_a_machine_may_have_no_deployed_zone(values: dict[str, Any]) -> None:
    assert read(values).deployed is None


@pytest.mark.parametrize("values", [without("machine"), {**VALUES, "machine": None}])
def test_a_machine_may_have_no_local_view(values: dict[str, Any]) -> None:
    assert read(values).machine is None


def test_the_whole_domain_is_the_clans_unless_that_is_denied() -> None:
    assert read(VALUES).whole_domain is True
    assert read({**VALUES, "wholeDomain": None}).whole_domain is True
    assert read({**VALUES, "wholeDomain": False}).whole_domain is False


def test_reverse_names_are_given_where_that_is_wanted() -> None:
    assert read(VALUES).reverse is False
    config = read({**VALUES, "reverse": True})
    assert config.reverse is True
    assert config.written == [config.zonefile, config.kept, Path("/var/lib/dm-dns/reverse")]


def test_resolved_may_have_no_hook() -> None:
    assert read(without("hook")).hook is None
    assert read(without("search")).search is None
    assert read(without("resolved")).resolved is None


def test_unbound_may_have_a_port_that_only_root_can_bind() -> None:
    assert read(VALUES).unbound.privileged is None
    assert read(unbound(privileged=None)).unbound.privileged is None
    found = read(unbound(privileged={"address": "::1", "port": 553}))
    assert found.unbound.privileged == ("::1", 553)
    with pytest.raises(Error) as caught:
        read(unbound(privileged={"address": "lo", "port": 553}))
    assert str(caught.value) == snapshot(
        'apply.json: unbound.privileged.address must be an IP address, not "lo"'
    )


@pytest.mark.parametrize("port", [1, 65535])
def test_every_port_can_be_set(port: int) -> None:
    assert read(unbound(port=port)).unbound.port == port


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(
            [], snapshot("apply.json: the top level must be an object, not []"), id="list"
        ),
        pytest.param(
            {**VALUES, "machine": "a.b"},
            snapshot('apply.json: machine must be the name of a machine, not "a.b"'),
            id="machine",
        ),
        pytest.param(
            {**VALUES, "wholeDomain": "no"},
            snapshot('apply.json: wholeDomain must be true or false, not "no"'),
            id="whole-domain",
        ),
        pytest.param(
            {**VALUES, "reverse": 1},
            snapshot("apply.json: reverse must be true or false, not 1"),
            id="reverse",
        ),
        pytest.param({}, snapshot("apply.json: domain must be a string, not null"), id="empty"),
        pytest.param(
            {**VALUES, "domain": 1},
            snapshot("apply.json: domain must be a string, not 1"),
            id="domain",
        ),
        pytest.param(
            {**VALUES, "domain": "Pin"},
            snapshot(
                "apply.json: domain 'Pin' is not a valid name: 'P' is not allowed in a name; use letters, digits, '-' and '_'"
            ),
            id="domain-case",
        ),
        pytest.param(
            {**VALUES, "domain": "../pin"},
            snapshot(
                "apply.json: domain '../pin' is not a valid name: it has an empty label (two dots in a row, or one at its start)"
            ),
            id="domain-path",
        ),
        pytest.param(
            without("mesh"), snapshot("apply.json: mesh must be a string, not null"), id="no-mesh"
        ),
        pytest.param(
            {**VALUES, "mesh": "dns/cnames"},
            snapshot('apply.json: mesh must be an absolute path, not "dns/cnames"'),
            id="relative",
        ),
        pytest.param(
            {**VALUES, "deployed": 1},
            snapshot("apply.json: deployed must be a string, not 1"),
            id="deployed",
        ),
        pytest.param(
            {**VALUES, "hosts": ""},
            snapshot('apply.json: hosts must be an absolute path, not ""'),
            id="empty-path",
        ),
        pytest.param(
            {**VALUES, "state": ["/"]},
            snapshot('apply.json: state must be a string, not ["/"]'),
            id="state",
        ),
        pytest.param(
            without("unbound"),
            snapshot("apply.json: unbound must be an object, not null"),
            id="no-unbound",
        ),
        pytest.param(
            {**VALUES, "unbound": 5353},
            snapshot("apply.json: unbound must be an object, not 5353"),
            id="unbound",
        ),
        pytest.param(
            unbound(control=None),
            snapshot("apply.json: unbound.control must be a string, not null"),
            id="control",
        ),
        pytest.param(
            unbound(address=1),
            snapshot("apply.json: unbound.address must be a string, not 1"),
            id="address",
        ),
        pytest.param(
            unbound(port="5353"),
            snapshot('apply.json: unbound.port must be a port number, not "5353"'),
            id="port-text",
        ),
        pytest.param(
            unbound(port=0),
            snapshot("apply.json: unbound.port must be a port number, not 0"),
            id="port-0",
        ),
        pytest.param(
            unbound(port=65536),
            snapshot("apply.json: unbound.port must be a port number, not 65536"),
            id="port-65536",
        ),
        pytest.param(
            unbound(port=True),
            snapshot("apply.json: unbound.port must be a port number, not true"),
            id="port-true",
        ),
        pytest.param(
            unbound(port=53.0),
            snapshot("apply.json: unbound.port must be a port number, not 53.0"),
            id="port-float",
        ),
    ],
)
def test_a_wrong_field_is_refused_with_its_name(values: object, message: str) -> None:
    with pytest.raises(Error) as caught:
        read(values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", snapshot("apply.json:1: not JSON: Expecting value"), id="empty"),
        pytest.param(
            b'{\n"domain": pin}',
            snapshot("apply.json:2: not JSON: Expecting value"),
            id="not-json",
        ),
        pytest.param(
            b'{"domain": "\xff"}',
            snapshot("apply.json:1: not JSON: it is not UTF-8"),
            id="not-utf8",
        ),
    ],
)
def test_a_file_that_is_not_json_is_refused_with_its_line(content: bytes, message: str) -> None:
    Path("apply.json").write_bytes(content)
    with pytest.raises(Error) as caught:
        Config.read(Path("apply.json"))
    assert str(caught.value) == message


@pytest.mark.parametrize("key", ["domain", "mesh", "deployed", "hosts", "state", "unbound"])
@pytest.mark.parametrize(
    "value",
    [1, -1, 1.5, True, [], {}, "", "x y", "\ud800", "/\ud800", "/\0", "\x1b[31m", "a." * 150],
)
def test_nonsense_is_an_error_that_names_the_field(key: str, value: object) -> None:
    with pytest.raises(Error, match=rf"^apply\.json: {key}"):
        read({**VALUES, key: value})


@pytest.mark.parametrize(
    "address", ["localhost", "1.2.3", "::1%lo", "1.2.3.4:53", "", "\0", "a" * 300, "\ud800", 1]
)
def test_unbound_answers_on_an_ip_address(address: object) -> None:
    with pytest.raises(Error, match=r"^apply\.json: unbound\.address must be "):
        read(unbound(address=address))


def test_a_file_name_with_the_longest_domain_can_be_made() -> None:
    label = "a" * 63
    domain = ".".join([label, label, label, "b" * 48])
    config = read({**VALUES, "domain": domain, "state": str(Path.cwd())})
    files.write(config.zonefile, b"")
    config.previous.hardlink_to(config.zonefile)
    with pytest.raises(Error, match="at most 240"):
        read({**VALUES, "domain": f"b{domain}"})


@pytest.mark.parametrize("content", [b"[" * 100_000, b"1" * 5000], ids=["deep", "long-number"])
def test_json_that_python_cannot_hold_is_refused(content: bytes) -> None:
    Path("apply.json").write_bytes(content)
    with pytest.raises(Error, match=r"^apply\.json"):
        Config.read(Path("apply.json"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "missing.json",
            snapshot(
                "missing.json: cannot be read: No such file or directory; name another file with --config"
            ),
        ),
        (".", snapshot(".: cannot be read: Is a directory; name another file with --config")),
    ],
    ids=["missing", "dir"],
)
def test_a_file_that_cannot_be_read_is_named(path: str, message: str) -> None:
    with pytest.raises(Error) as caught:
        Config.read(Path(path))
    assert str(caught.value) == message
