# ruff: noqa: E501 - output stands here as it is printed
import json
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from dm_dns.cli import main
from dm_dns.pins import download

from .nix_outputs import VERSIONS, Replay, real_output, version_output

VERSION = VERSIONS[-1]
GOOD = "sha256-VN2WM1/l2Xeh2tsXeMIwPfBzUqnJNb+Yt09yoRNjZ+Q="
NIX = version_output(VERSION)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flake.nix").touch()


def write_lock(*names: str) -> None:
    nodes: dict[str, Any] = {
        name: {
            "locked": {"type": "tarball", "url": f"http://127.0.0.1:8123/{name}", "narHash": GOOD}
        }
        for name in names
    }
    nodes["root"] = {"inputs": {**{name: name for name in names}, "also": [names[0]]}}
    Path("flake.lock").write_text(json.dumps({"nodes": nodes, "root": "root", "version": 7}))


def check(nix: Replay, *cases: str) -> list[str]:
    """Have Nix print what it did in these cases; return the command that then goes with them."""
    nix.prints(NIX, *(real_output(VERSION, case) for case in cases))
    return ["prefetch", "check", "--pause", "0", "--tries", "2"]


def test_a_good_lock_is_told_in_one_line(nix: Replay, capsys: pytest.CaptureFixture[str]) -> None:
    write_lock("a", "b")
    assert main(check(nix, "good", "good")) == 0
    output = capsys.readouterr()
    assert output.out == "flake.lock: 2 ok\n"
    assert output.err == snapshot("""\
[1/2] a: fetching http://127.0.0.1:8123/a
[1/2] a: ok: 184 of 184 announced bytes received
[2/2] b: fetching http://127.0.0.1:8123/b
[2/2] b: ok: 184 of 184 announced bytes received
""")
    assert len(nix.commands()) == 3


def test_problems_are_told_with_what_to_do(nix: Replay, capsys: pytest.CaptureFixture[str]) -> None:
    write_lock("a", "b", "c")
    assert main(check(nix, "archive", "connection", "cached, wrong hash", "empty", "gone")) == 1
    assert capsys.readouterr().out == snapshot("""\
a: truncated
  URL      http://127.0.0.1:8123/a
  locked   sha256-VN2WM1/l2Xeh2tsXeMIwPfBzUqnJNb+Yt09yoRNjZ+Q=
  fetched  nothing
  try 1    truncated: Failed to open archive (truncated gzip input), 92 of 92 announced bytes received
  try 2    truncated: unable to download 'http://127.0.0.1:8123/connection.tar.gz': HTTP error 200 (curl error: Transferred a partial file), 92 of 184 announced bytes received
  The server or a proxy breaks the archive; the lock is not to blame. Retry later, or with more --tries: `dm-dns prefetch check a`.
b: mismatch
  URL      http://127.0.0.1:8123/b
  locked   sha256-VN2WM1/l2Xeh2tsXeMIwPfBzUqnJNb+Yt09yoRNjZ+Q=
  fetched  sha256-VN2WM1/l2Xeh2tsXeMIwPfBzUqnJNb+Yt09yoRNjZ+Q=, sha256-pQpattmS9VmO3ZIQUFn66az8GSmB4IvYhTTCFn6SUmo=
  try 1    mismatch: the hash is sha256-VN2WM1/l2Xeh2tsXeMIwPfBzUqnJNb+Yt09yoRNjZ+Q=, 184 of 184 announced bytes received
  try 2    mismatch: the hash is sha256-pQpattmS9VmO3ZIQUFn66az8GSmB4IvYhTTCFn6SUmo=, 0 bytes received
  The server or a proxy breaks the archive; the lock is not to blame. Retry later, or with more --tries: `dm-dns prefetch check b`.
c: failed
  URL      http://127.0.0.1:8123/c
  locked   sha256-VN2WM1/l2Xeh2tsXeMIwPfBzUqnJNb+Yt09yoRNjZ+Q=
  fetched  nothing
  try 1    failed: unable to download 'http://127.0.0.1:8123/gone.tar.gz': HTTP error 404
  Does the URL open in a browser on this machine? If the revision is gone for good, lock another one: `dm-dns prefetch update c`.
flake.lock: 1 mismatch, 1 truncated, 1 failed
""")


def test_one_try_is_not_taken_for_changed_content(
    nix: Replay, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lock("a")
    lock = Path("flake.lock")
    lock.write_text(lock.read_text().replace(GOOD, f"sha256-{'A' * 43}="))
    for tries, remedy in (("1", "One try does not tell "), ("2", "All tries returned the same ")):
        assert main([*check(nix, *["good"] * int(tries)), "--tries", tries]) == 1
        assert f"\n  {remedy}" in capsys.readouterr().out


def test_without_a_network_what_is_in_the_store_is_pointed_to(
    nix: Replay, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lock("a")
    assert main(check(nix, "no such host")) == 1
    assert (
        "  Is this machine online? Without a network, what is in the Nix store "
        in capsys.readouterr().out
    )


def test_json_has_the_documented_keys(nix: Replay, capsys: pytest.CaptureFixture[str]) -> None:
    write_lock("a", "b")
    assert main([*check(nix, "archive", "good", "gone"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == snapshot(
        {
            "lock": "flake.lock",
            "nix": "nix (Nix) 2.34.8",
            "ok": False,
            "counts": {"ok": 1, "local": 0, "mismatch": 0, "truncated": 0, "failed": 1},
            "inputs": [
                {
                    "input": "a",
                    "type": "tarball",
                    "url": "http://127.0.0.1:8123/a",
                    "outcome": "ok",
                    "locked": "sha256-VN2WM1/l2Xeh2tsXeMIwPfBzUqnJNb+Yt09yoRNjZ+Q=",
                    "attempts": [
                        {
                            "outcome": "truncated",
                            "hash": None,
                            "received": 92,
                            "announced": 92,
                            "unpacked": None,
                            "reason": "Failed to open archive (truncated gzip input)",
                        },
                        {
                            "outcome": "ok",
                            "hash": "sha256-VN2WM1/l2Xeh2tsXeMIwPfBzUqnJNb+Yt09yoRNjZ+Q=",
                            "received": 184,
                            "announced": 184,
                            "unpacked": None,
                            "reason": None,
                        },
                    ],
                },
                {
                    "input": "b",
                    "type": "tarball",
                    "url": "http://127.0.0.1:8123/b",
                    "outcome": "failed",
                    "locked": "sha256-VN2WM1/l2Xeh2tsXeMIwPfBzUqnJNb+Yt09yoRNjZ+Q=",
                    "attempts": [
                        {
                            "outcome": "failed",
                            "hash": None,
                            "received": None,
                            "announced": None,
                            "unpacked": None,
                            "reason": "unable to download 'http://127.0.0.1:8123/gone.tar.gz': HTTP error 404",
                        }
                    ],
                },
            ],
        }
    )


def test_only_the_named_inputs_are_checked(nix: Replay, capsys: pytest.CaptureFixture[str]) -> None:
    write_lock("a", "b")
    assert main([*check(nix, "good"), "also"]) == 0
    assert capsys.readouterr().out == "flake.lock: 1 ok\n"
    assert len(nix.commands()) == 2
    assert main([*check(nix), "a", "x"]) == 1
    assert capsys.readouterr().err == "dm-dns: no such input: x. The inputs are: a, b.\n"


def test_pins_are_shown_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    write_lock("first", "b")
    assert main(["prefetch", "show"]) == 0
    assert capsys.readouterr().out == snapshot("""\
b      sha256-VN2WM1/l2Xeh  tarball  http://127.0.0.1:8123/b
first  sha256-VN2WM1/l2Xeh  tarball  http://127.0.0.1:8123/first
also   follows first
""")


def test_the_folder_of_the_flake_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    write_lock("a")
    Path("sub").mkdir()
    assert main(["prefetch", "show", "--flake", "sub"]) == 1
    assert capsys.readouterr().err == (
        "dm-dns: sub/flake.lock does not exist. Give the flake's folder with --flake, or make the"
        " file with `dm-dns prefetch update`.\n"
    )
    Path("flake.lock").rename("sub/flake.lock")
    assert main(["prefetch", "show", "--flake", "sub"]) == 0


def test_what_is_not_a_flake_is_not_updated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prefetch", "update", "--flake", "none"]) == 1
    assert capsys.readouterr().err == (
        "dm-dns: none has no flake.nix. Give the flake's folder with --flake.\n"
    )


def test_without_nix_the_lock_can_be_shown_and_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lock("a")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["prefetch", "show"]) == 0
    before = Path("flake.lock").read_bytes()
    capsys.readouterr()
    for command in ("check", "update"):
        assert main(["prefetch", command]) == 1
        assert capsys.readouterr().err.startswith(
            "dm-dns: there is no Nix on PATH. Install Nix 2.18"
        )
    assert Path("flake.lock").read_bytes() == before


def update(nix: Replay, *outputs: dict[str, Any]) -> int:
    nix.prints(NIX, *outputs)
    return main(["prefetch", "update", "--pause", "0", "--tries", "1", "a"])


def update_outputs(again: str = "") -> tuple[str, str, list[dict[str, Any]]]:
    """Return a lock, the lock that Nix writes for it, and what Nix prints for both downloads.

    The second download is as the lock has it, or as in the case ``again``.
    """
    before = real_output(VERSION, "update: no lock")["written"]
    updated = real_output(VERSION, "update: one")
    if again:
        return before, updated["written"], [updated, real_output(VERSION, again)]
    locked = json.loads(updated["written"])["nodes"]["a"]["locked"]["narHash"]
    good = real_output(VERSION, "good")
    second = {**good, "stdout": good["stdout"].replace(GOOD, locked)}
    return before, updated["written"], [updated, second]


def test_what_moved_is_locked_when_it_came_twice(
    nix: Replay, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after, outputs = update_outputs()
    Path("flake.lock").write_text(before)
    assert update(nix, *outputs) == 0
    assert capsys.readouterr().out == snapshot("""\
a: sha256-VN2WM1/l2Xeh (2023-11-14) -> sha256-r6S8V/nZG1/o (2023-11-14)
""")
    assert Path("flake.lock").read_text() == after
    assert len(nix.commands()) == 3


def test_a_lock_that_is_a_link_stays_one(nix: Replay) -> None:
    before, after, outputs = update_outputs()
    Path("elsewhere").write_text(before)
    Path("flake.lock").symlink_to("elsewhere")
    assert update(nix, *outputs) == 0
    assert Path("flake.lock").is_symlink()
    assert Path("elsewhere").read_text() == after


def test_a_lock_that_changes_meanwhile_is_left_alone(
    nix: Replay, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, _, outputs = update_outputs()
    Path("flake.lock").write_text(before)
    download_all = download.download_all

    def change(*arguments: Any) -> list[download.Result]:  # noqa: ANN401 - as it is called
        Path("flake.lock").write_text("by another")
        return download_all(*arguments)

    monkeypatch.setattr("dm_dns.pins.download.download_all", change)
    assert update(nix, *outputs) == 1
    assert "was changed by something else meanwhile, and was left alone" in capsys.readouterr().err
    assert Path("flake.lock").read_text() == "by another"


def test_what_does_not_come_again_is_not_locked(
    nix: Replay, capsys: pytest.CaptureFixture[str]
) -> None:
    before, _, outputs = update_outputs("connection")
    Path("flake.lock").write_text(before)
    assert update(nix, *outputs) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "\na: truncated\n" in output.err
    assert "is unchanged: what Nix would lock differs from what a second download" in output.err
    assert Path("flake.lock").read_text() == before


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fetch"],
        ["check", "--tries", "0"],
        ["check", "--tries", "x"],
        ["check", "--pause", "-1"],
        ["check", "--pause", "nan"],
        ["check", "a b"],
        *(["check", text] for text in ("", "/", "a/", "/a", "a//b", "9a", "a.b", "a\n", "ä")),
        ["update", "github:o/r"],
        ["update", "--", "--help"],
        ["show", "a"],
    ],
    ids=" ".join,
)
def test_misuse_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["prefetch", *arguments])
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: dm-dns ")
