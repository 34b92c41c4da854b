import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from dm_dns.errors import Error
from dm_dns.node import netlink, state
from dm_dns.node.apply import Served
from dm_dns.node.local_view import NOTHING, LocalView
from dm_dns.node.presence import Presence
from dm_dns.node.state import State

SERVED = Served(5, 2, 3, "mesh", "abc", "serial=5 sha256=abc source=mesh file=def", 4)
HOME = Presence("home", "wlan0", "on wlan0 192.168.1.1 is the router", ("192.168.1.10",))
CAFE = Presence("cafe", None, "no link has an address of 10.1.0.0/16")
LOCAL = LocalView(("10.9.0.1", "::1"), None, (HOME, CAFE), ("::1",))
STATE = State(
    "pin",
    7,
    SERVED,
    1795433611,
    ["a problem"],
    {"/etc/hosts": (1, 2), "/mesh": (2,)},
    9,
    LOCAL,
)
VALUES: dict[str, Any] = {
    "domain": "pin",
    "pid": 7,
    "written": 9,
    "served": {**SERVED._asdict(), "since": 1795433611},
    "problems": ["a problem"],
    "inputs": {"/etc/hosts": [1, 2], "/mesh": [2]},
    "local": {
        "addresses": ["10.9.0.1", "::1"],
        "problem": None,
        "deprecated": ["::1"],
        "networks": [
            {
                "name": "home",
                "link": "wlan0",
                "reason": "on wlan0 192.168.1.1 is the router",
                "silent": ["192.168.1.10"],
                "remedy": "",
            },
            {
                "name": "cafe",
                "link": None,
                "reason": "no link has an address of 10.1.0.0/16",
                "silent": [],
                "remedy": "",
            },
        ],
    },
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in tmp_path, so that messages have short paths."""
    monkeypatch.chdir(tmp_path)


def read(values: object) -> State:
    Path("state.json").write_text(json.dumps(values))
    return state.read(Path("state.json"))


def test_a_state_is_written_with_the_keys_that_others_read() -> None:
    STATE.write(Path("state.json"))
    assert json.loads(Path("state.json").read_text()) == VALUES
    assert state.read(Path("state.json")) == STATE


def test_a_state_of_before_it_had_the_deployed_serial_is_read() -> None:
    served = {key: value for key, value in VALUES["served"].items() if key != "deployed"}
    assert read({**VALUES, "served": served}).served == SERVED._replace(deployed=None)


def test_a_state_of_before_it_had_a_local_view_is_read() -> None:
    values = {key: value for key, value in VALUES.items() if key != "local"}
    assert read(values).local == NOTHING


def test_a_state_of_before_there_were_local_networks_is_read() -> None:
    before = {"addresses": ["::1"], "problem": None}
    assert read({**VALUES, "local": before}).local == LocalView(("::1",), None)


@pytest.mark.parametrize("local", [NOTHING, LocalView(None, "a problem")])
def test_the_addresses_may_be_unknown(local: LocalView) -> None:
    STATE._replace(local=local).write(Path("state.json"))
    assert state.read(Path("state.json")).local == local


@pytest.mark.parametrize(
    ("deployed", "said"),
    [
        (None, ""),
        (5, ""),
        (6, ""),
        (4, ", newer than serial 4, with which this machine was deployed"),
    ],
)
def test_what_is_served_says_if_it_is_newer_than_what_was_deployed(
    deployed: int | None, said: str
) -> None:
    line = f"serial 5, 3 records, source mesh{said}"
    assert str(SERVED._replace(deployed=deployed)) == line


def test_a_machine_may_serve_nothing() -> None:
    nothing = STATE._replace(served=None, since=None)
    nothing.write(Path("state.json"))
    assert json.loads(Path("state.json").read_text()) == {**VALUES, "served": None}
    assert state.read(Path("state.json")) == nothing


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], snapshot("state.json: the top level must be an object, not []")),
        ({}, snapshot("state.json: domain must be a string, not null")),
        ({**VALUES, "pid": -1}, snapshot("state.json: pid must be a number from 0, not -1")),
        (
            {**VALUES, "served": {}},
            snapshot("state.json: served.since must be a number from 0, not null"),
        ),
        (
            {**VALUES, "served": {**VALUES["served"], "serial": "5"}},
            snapshot('state.json: served.serial must be a number from 0, not "5"'),
        ),
        (
            {**VALUES, "problems": "none"},
            snapshot('state.json: problems must be a list, not "none"'),
        ),
        (
            {**VALUES, "inputs": {"/\0": [1]}},
            snapshot('state.json: inputs."/\\u0000" must be a path, not [1]'),
        ),
        (
            {**VALUES, "inputs": {"/mesh": [None]}},
            snapshot("state.json: inputs./mesh[0] must be a number, not null"),
        ),
        (
            {**VALUES, "local": {"addresses": [7]}},
            snapshot("state.json: local.addresses[0] must be a string, not 7"),
        ),
        (
            {**VALUES, "local": {"networks": [{"name": "home", "reason": "x", "silent": "all"}]}},
            snapshot('state.json: local.networks[0].silent must be a list, not "all"'),
        ),
    ],
)
def test_an_invalid_state_is_an_error_that_names_the_field(values: object, message: str) -> None:
    with pytest.raises(Error) as caught:
        read(values)
    assert str(caught.value) == message


def test_a_state_is_outdated_when_a_file_has_changed() -> None:
    file = Path("file")
    file.write_text("")
    stat = file.stat()
    version = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    current = STATE._replace(inputs={"file": version, "missing": (2,)})
    assert not current.is_outdated()
    file.write_text("changed")
    assert current.is_outdated()
    file.unlink()
    assert current.is_outdated()


def raised() -> tuple[str, ...]:
    raise OSError(97, "Address family not supported by protocol")


@pytest.mark.parametrize(
    ("local", "now", "expected"),
    [
        (LOCAL, lambda: LOCAL.addresses, False),
        (LOCAL, lambda: ("::1",), True),
        (LOCAL, raised, False),
        (NOTHING, lambda: ("::1",), False),
    ],
    ids=["same", "other", "this user may not know", "they do not matter"],
)
def test_a_state_tells_whether_the_machine_has_other_addresses(
    local: LocalView,
    now: Callable[[], tuple[str, ...]],
    expected: bool,  # noqa: FBT001 - what is returned
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(netlink, "addresses", now)
    assert STATE._replace(local=local).has_other_addresses() == expected


def test_a_state_has_a_writer_as_long_as_its_process_exists() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    written = STATE._replace(pid=process.pid)
    assert written.has_writer()
    process.communicate()
    assert not written.has_writer()
    assert not STATE._replace(pid=2**40).has_writer()


@pytest.mark.usefixtures("not_root")
def test_the_process_may_be_another_users() -> None:
    assert os.geteuid() != 0
    assert STATE._replace(pid=1).has_writer()


def test_a_state_ages() -> None:
    now = int(time.monotonic())
    assert 100 <= STATE._replace(written=now - 100).age() < 110
