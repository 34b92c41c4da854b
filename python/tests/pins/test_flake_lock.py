import json
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from dm_dns.cli import main
from dm_dns.errors import Error
from dm_dns.pins import flake_lock


def locked(name: str) -> dict[str, Any]:
    return {
        "type": "github",
        "owner": "o",
        "repo": name,
        "rev": "1" * 40,
        "narHash": f"sha256-{name}",
    }


NODES: dict[str, Any] = {
    "root": {
        "inputs": {
            "core": "core",
            "pkgs": ["core", "pkgs"],
            "other": "other",
            "deep": ["pkgs", "lib"],
        }
    },
    "core": {
        "inputs": {"pkgs": "pkgs", "tool": "tool", "other": "other_2"},
        "locked": locked("core"),
    },
    "pkgs": {"inputs": {"lib": "lib"}, "locked": locked("pkgs")},
    "tool": {"inputs": {"pkgs": ["core", "pkgs"], "other": "other_2"}, "locked": locked("tool")},
    "lib": {"locked": locked("lib")},
    "other": {"locked": locked("other")},
    "other_2": {"locked": {**locked("other"), "rev": "2" * 40}},
}


NO_TARGET = "nodes.root.inputs.a must be the key of a node or the path of an input"


def parse(nodes: dict[str, Any], **fields: Any) -> flake_lock.FlakeLock:  # noqa: ANN401 - any JSON value
    values = {"nodes": nodes, "root": "root", "version": 7, **fields}
    return flake_lock.parse(json.dumps(values).encode(), "flake.lock")


def changed(**nodes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    return {**NODES, **nodes}


def test_every_node_is_a_pin_once_by_its_shortest_path() -> None:
    assert [(pin.name, pin.text("repo")) for pin in parse(NODES).pins()] == [
        ("core", "core"),
        ("other", "other"),
        ("core/other", "other"),
        ("core/pkgs", "pkgs"),
        ("core/tool", "tool"),
        ("core/pkgs/lib", "lib"),
    ]


def test_the_flakes_own_inputs_may_follow_others() -> None:
    made = parse(NODES)
    assert [(pin.name, pin.text("repo")) for pin in made.followers()] == [
        ("deep", "lib"),
        ("pkgs", "pkgs"),
    ]
    assert made.names() == "core, other, core/other, core/pkgs, core/tool, core/pkgs/lib"


def test_paths_lead_through_inputs_that_follow() -> None:
    made = parse(NODES)
    for name in ("pkgs/lib", "core/tool/pkgs/lib", "deep"):
        pin = made.pin(name)
        assert pin
        assert pin.text("repo") == "lib"
    assert made.pin("core/none") is None
    assert made.pin("none/core") is None
    assert (made.followed("pkgs"), made.followed("core/tool/pkgs")) == ("core/pkgs", "core/pkgs")
    assert (made.followed("core"), made.followed("none"), made.followed("none/a")) == (None,) * 3


def test_an_input_may_follow_the_flake_itself() -> None:
    made = parse(changed(tool={"inputs": {"all": []}, "locked": locked("tool")}))
    assert made.pin("core/tool/all") is None
    assert made.find(["core", "tool", "all", "core"]) == "core"


def test_a_flake_without_inputs_has_no_pins() -> None:
    made = parse({"root": {}})
    assert (made.pins(), made.followers(), made.names()) == ([], [], "none")


def test_a_revision_is_told_with_what_is_known() -> None:
    known = {"rev": "d7c35d9127af3f773b57d8e792818597a9aaa29c", "lastModified": 1787393006}
    hashed = {"narHash": "sha256-SeDDCkjR5WQnJTlPm3DZ7R3k4/nNiyEHDi4ueLQTaic="}
    some: list[dict[str, Any]] = [{**known, **hashed}, hashed, {"path": "./sub"}]
    told = [flake_lock.Pin("a", {"type": "tarball", **attributes}).revision for attributes in some]
    assert told == ["d7c35d9127af (2026-08-22)", "sha256-SeDDCkjR5WQn", "./sub"]


@pytest.mark.parametrize(
    ("nodes", "fields", "reason"),
    [
        (NODES, {"version": 6}, "version must be 7, not 6"),
        (NODES, {"version": None}, "version must be 7, not null"),
        ([], {}, "nodes must be an object, not []"),
        (NODES, {"root": 1}, "root must be a string, not 1"),
        (NODES, {"root": "x"}, 'root must be the key of a node, not "x"'),
        (changed(lib=1), {}, "nodes.lib must be an object, not 1"),
        (changed(lib={}), {}, "nodes.lib.locked must be an object, not null"),
        (changed(lib={"locked": {}}), {}, "nodes.lib.locked.type must be a string, not null"),
        (
            changed(lib={"locked": {"type": "git", "url": []}}),
            {},
            "nodes.lib.locked.url must be a string, a number, true or false, not []",
        ),
        (changed(lib={"inputs": []}), {}, "nodes.lib.inputs must be an object, not []"),
        (changed(root={"inputs": {"a": 1}}), {}, "nodes.root.inputs.a must be a string, not 1"),
        (
            changed(root={"inputs": {"a": [1]}}),
            {},
            "nodes.root.inputs.a[0] must be a string, not 1",
        ),
        (
            changed(root={"inputs": {"a": "x"}}),
            {},
            f'{NO_TARGET}, not "x"',
        ),
        (
            changed(root={"inputs": {"a": ["x", "y"]}}),
            {},
            f'{NO_TARGET}, not ["x", "y"]',
        ),
        (
            changed(root={"inputs": {"a": ["b"], "b": ["a"]}}),
            {},
            f'{NO_TARGET}, not ["b"]',
        ),
    ],
)
def test_what_is_not_a_lock_is_refused_with_a_remedy(
    nodes: dict[str, Any], fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Error) as caught:
        parse(nodes, **fields)
    assert str(caught.value) == (
        f"flake.lock: {reason}. Restore the file from git, or have Nix write it again:"
        " `nix flake lock`."
    )


def test_what_is_not_json_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flake.lock").write_text('{\n  "nodes": {\n<<<<<<< HEAD\n')
    assert main(["prefetch", "show"]) == 1
    assert capsys.readouterr().err == snapshot(
        "flake.lock:3: not JSON: Expecting property name enclosed in double quotes\n"
    )
