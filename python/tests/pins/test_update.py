import json
import re
from pathlib import Path

import pytest

from dm_dns.errors import Error
from dm_dns.pins import download, flake_lock, update

from .nix_outputs import VERSIONS, Replay, output, real_output, version_output

ONCE = download.Options(tries=1, pause=0)
OLD = '{"version": 7}'


def quiet(_: str) -> None:
    """Report nothing."""


@pytest.fixture
def flake(tmp_path: Path) -> Path:
    (tmp_path / "flake.lock").write_text(OLD)
    return tmp_path


@pytest.mark.parametrize("version", VERSIONS)
def test_what_nix_writes_is_returned_as_it_is(version: str, flake: Path, nix: Replay) -> None:
    for case, inputs in (("update: no lock", ()), ("update: one", ("a",))):
        written = real_output(version, case)
        nix.prints(version_output(version), written)
        assert update.compute(flake, inputs, ONCE, quiet).decode() == written["written"]
    assert (flake / "flake.lock").read_text() == OLD


@pytest.mark.parametrize("version", VERSIONS)
def test_locks_of_all_versions_are_read(version: str) -> None:
    before, after = (
        flake_lock.parse(real_output(version, case)["written"].encode(), "flake.lock")
        for case in ("update: no lock", "update: one")
    )
    assert [str(move) for move in update.moves(flake_lock.EMPTY, before)] == [
        "a: added, sha256-VN2WM1/l2Xeh (2023-11-14)",
        "b: added, sha256-VN2WM1/l2Xeh (2023-11-14)",
    ]
    (move,) = update.moves(before, after)
    assert str(move).startswith("a: sha256-VN2WM1/l2Xeh (2023-11-14) -> sha256-")
    assert [str(gone) for gone in update.moves(before, flake_lock.EMPTY)] == [
        "a: removed, was sha256-VN2WM1/l2Xeh (2023-11-14)",
        "b: removed, was sha256-VN2WM1/l2Xeh (2023-11-14)",
    ]


@pytest.mark.parametrize(
    ("version", "inputs", "expected"),
    [
        ("2.18.9", [], ["flake", "update", "."]),
        (
            "2.18.9",
            ["a", "b"],
            ["flake", "lock", ".", "--update-input", "a", "--update-input", "b"],
        ),
        ("2.19.0", [], ["flake", "update", "--flake", "."]),
        ("2.34.8", ["a", "b"], ["flake", "update", "a", "b", "--flake", "."]),
    ],
)
def test_each_version_gets_its_own_command(
    version: str, inputs: list[str], expected: list[str], flake: Path, nix: Replay
) -> None:
    nix.prints(version_output(version), {**output(), "written": "the lock"})
    update.compute(flake, inputs, ONCE, quiet)
    _, command = nix.commands()
    start = command.index("flake")
    assert command[start : start + len(expected)] == expected
    rest = command[start + len(expected) :]
    assert rest[0] == "--output-lock-file"
    assert rest[2:4] == ["--reference-lock-file", str(flake / "flake.lock")]


def test_without_a_lock_there_is_none_to_refer_to(tmp_path: Path, nix: Replay) -> None:
    nix.prints(version_output("2.34.8"), {**output(), "written": "the lock"})
    assert update.compute(tmp_path, [], ONCE, quiet) == b"the lock"
    assert "--reference-lock-file" not in nix.commands()[-1]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", ["update: connection", "update: gone", "update: broken flake"])
def test_only_what_may_pass_is_tried_again(
    case: str, version: str, flake: Path, nix: Replay
) -> None:
    tries, reason = {
        "update: connection": (2, "truncated gzip input|partial file"),
        "update: gone": (1, "b.tar.gz': HTTP error 404"),
        "update: broken flake": (1, "syntax error, unexpected ';'"),
    }[case]
    nix.prints(version_output(version), *([real_output(version, case)] * tries))
    with pytest.raises(Error) as caught:
        update.compute(flake, ["b"], download.Options(tries=2, pause=0), quiet)
    assert str(caught.value).startswith(f"Nix could not update {flake}/flake.lock: ")
    assert re.search(reason, str(caught.value))
    assert len(nix.commands()) == 1 + tries


@pytest.mark.parametrize(
    "text",
    [
        "unable to download 'http://a': HTTP error 503; using cached version",
        "could not get HEAD ref for repository 'http://a'; using expired cached ref 'main'",
        "could not update local clone of Git repository; continuing with the most recent version",
    ],
)
def test_what_nix_got_earlier_is_not_taken_for_the_newest(
    text: str, flake: Path, nix: Replay
) -> None:
    event = json.dumps({"action": "msg", "level": 1, "msg": f"\x1b[35;1mwarning:\x1b[0m {text}"})
    nix.prints(
        version_output("2.34.8"), {**output("", [f"@nix {event}"]), "written": "the old lock"}
    )
    with pytest.raises(Error) as caught:
        update.compute(flake, [], ONCE, quiet)
    assert f"{text} (Nix would take an older download)" in str(caught.value)


def test_where_nix_writes_nothing_the_reason_is_told(flake: Path, nix: Replay) -> None:
    nix.prints(version_output("2.34.8"), output())
    with pytest.raises(Error, match="uncommitted changes"):
        update.compute(flake, [], ONCE, quiet)


def test_inputs_must_have_pins_of_their_own() -> None:
    locked = {"type": "github", "owner": "o", "repo": "r", "rev": "1" * 40}
    nodes = {
        "root": {"inputs": {"core": "core", "pkgs": ["core", "pkgs"]}},
        "core": {"inputs": {"pkgs": "pkgs"}, "locked": locked},
        "pkgs": {"locked": locked},
    }
    values = {"nodes": nodes, "root": "root", "version": 7}
    made = flake_lock.parse(json.dumps(values).encode(), "flake.lock")
    update.check_inputs(["core", "core/pkgs"], made)
    with pytest.raises(Error, match="input pkgs follows core/pkgs and has no pin of its own"):
        update.check_inputs(["core", "pkgs"], made)
    with pytest.raises(Error, match=r"the flake has no input core/x\. Its inputs: core, core/pkgs"):
        update.check_inputs(["core/x"], made)
