import json
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.node import state
from dm_dns.node.apply import Served
from dm_dns.node.state import State

SERVED = Served(7, 3, "mesh", "0" * 64, "serial=7 sha256=00 source=mesh file=11")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in tmp_path, so that messages have short paths."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "found",
    [
        State("pin", SERVED, 1795433611, [], {"/etc/hosts": (1, 2, 3)}),
        State("pin", None, None, ["there is no zone"], {}),
    ],
)
def test_a_state_that_is_written_is_read_again(found: State) -> None:
    found.write(Path("state.json"))
    assert state.read(Path("state.json")) == found


def test_what_others_read_has_these_keys() -> None:
    State("pin", SERVED, 1795433611, ["a problem"], {"hosts": (2,)}).write(Path("state.json"))
    assert json.loads(Path("state.json").read_text()) == snapshot(
        {
            "domain": "pin",
            "served": {
                "serial": 7,
                "records": 3,
                "source": "mesh",
                "sha256": "0000000000000000000000000000000000000000000000000000000000000000",
                "status": "serial=7 sha256=00 source=mesh file=11",
                "since": 1795433611,
            },
            "problems": ["a problem"],
            "inputs": {"hosts": [2]},
        }
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"served": 5}, snapshot("state.json: served must be an object, not 5")),
        ({"problems": None}, snapshot("state.json: problems must be a list, not null")),
        ({"inputs": {"h": ["x"]}}, snapshot('state.json: inputs.h[0] must be a number, not "x"')),
        (
            {"served": {"since": -1}},
            snapshot("state.json: served.since must be a number from 0, not -1"),
        ),
        (
            {"served": {"since": True}},
            snapshot("state.json: served.since must be a number from 0, not true"),
        ),
    ],
    ids=str,
)
def test_what_is_not_a_state_is_refused(change: dict[str, Any], message: str) -> None:
    State("pin", None, None, [], {}).write(Path("state.json"))
    values = json.loads(Path("state.json").read_text()) | change
    Path("state.json").write_text(json.dumps(values))
    with pytest.raises(Error) as caught:
        state.read(Path("state.json"))
    assert str(caught.value) == message


def test_a_state_is_outdated_when_a_file_has_changed_or_is_gone() -> None:
    Path("hosts").write_text("")
    found = State("pin", None, None, [], {"hosts": files.version(Path("hosts"))})
    assert not found.is_outdated()
    Path("hosts").write_text("127.0.0.1 localhost\n")
    assert found.is_outdated()
    Path("hosts").unlink()
    assert found.is_outdated()
