"""`dm-dns prefetch check` with a real Nix."""

import gzip
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dm_dns.cli import main

from checks.pins.archive_server import Answer, ArchiveServer, archive
from checks.pins.tests.helpers import (
    LOCK,
    change_lock,
    give_release,
    locked,
    nix,
    source,
    write_flake,
    write_repository,
)

GOOD = source()
REVISIONS = ("1" * 40, "2" * 40)
WRONG = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def check(*arguments: str) -> int:
    return main(["prefetch", "check", "--pause", "0.01", *arguments])


def check_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Return the exit status, and what is printed, which is about one input."""
    capsys.readouterr()
    status = check("--json", *arguments)
    values = json.loads(capsys.readouterr().out)
    assert values["ok"] is (status == 0)
    (found,) = values["inputs"]
    return status, found


@pytest.fixture
def pinned(server: ArchiveServer) -> ArchiveServer:
    """A server, from which the flake's one input has been locked."""
    server.give("/a.tar.gz", GOOD)
    write_flake({"a": server.url("/a.tar.gz")})
    nix("flake", "lock")
    server.asked.clear()
    return server


def test_every_input_is_fetched_once(
    server: ArchiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.give("/b.tar.gz", source("b"))
    inner = f'{{ inputs.b.url = "{server.url("/b.tar.gz")}"; outputs = _: {{ }}; }}'
    server.give("/a.tar.gz", source("a", inner))
    server.give("/c.tar.gz", source("c"))
    write_flake({"a": server.url("/a.tar.gz"), "b": "=a/b", "c": server.url("/c.tar.gz")})
    nix("flake", "lock")
    before = LOCK.read_bytes()
    server.asked.clear()

    assert check() == 0

    output = capsys.readouterr()
    assert output.out == "flake.lock: 3 ok\n"
    assert [line.partition("]")[0] for line in output.err.splitlines()] == [
        f"[{number}/3" for number in (1, 1, 2, 2, 3, 3)
    ]
    assert sorted(server.asked) == ["/a.tar.gz", "/b.tar.gz", "/c.tar.gz"]
    assert LOCK.read_bytes() == before


def test_a_redirect_is_followed(server: ArchiveServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.give("/a.tar.gz", Answer(status=302, headers={"Location": "/elsewhere"}))
    server.give("/elsewhere", GOOD)
    write_flake({"a": server.url("/a.tar.gz")})
    nix("flake", "lock")

    status, found = check_json(capsys)

    assert (status, found["outcome"]) == (0, "ok")
    assert found["attempts"][0]["received"] == len(GOOD)


def test_a_new_revision_elsewhere_changes_nothing(server: ArchiveServer) -> None:
    give_release(server, "a", REVISIONS[0], GOOD)
    write_flake({"a": server.url("/a/main.tar.gz")})
    nix("flake", "lock")
    assert locked("a")["rev"] == REVISIONS[0]
    give_release(server, "a", REVISIONS[1], source("two"))
    server.asked.clear()

    assert check() == 0
    assert server.asked == [f"/a/archive/{REVISIONS[0]}.tar.gz"]


def test_other_files_at_the_locked_url_are_a_mismatch(
    pinned: ArchiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = source("two, and longer")
    pinned.give("/a.tar.gz", moved)

    status, found = check_json(capsys, "--tries", "3")

    assert (status, found["outcome"]) == (1, "mismatch")
    assert found["locked"] == locked("a")["narHash"]
    new = {attempt["hash"] for attempt in found["attempts"]}
    assert len(new) == 1
    assert found["locked"] not in new
    assert len(found["attempts"]) == len(pinned.asked) == 3
    assert found["attempts"][0]["received"] == found["attempts"][0]["announced"] == len(moved)
    files = Path("files")
    files.mkdir()
    subprocess.run(["tar", "xz", "-C", files], input=moved, check=True)
    assert found["attempts"][0]["unpacked"] == sum(
        path.stat().st_size for path in files.rglob("*") if path.is_file()
    )


def test_a_wrong_hash_is_told_with_both_hashes_sizes_and_the_url(
    pinned: ArchiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    right = locked("a")["narHash"]
    change_lock("a", narHash=WRONG)

    assert check("--tries", "2") == 1

    out = capsys.readouterr().out
    assert f"  locked   {WRONG}\n" in out
    assert f"  fetched  {right}\n" in out
    assert f"  URL      {pinned.url('/a.tar.gz')}\n" in out
    assert out.count(f"{len(GOOD)} of {len(GOOD)} announced bytes received") == 2
    assert "All tries returned the same files, which differ from the locked ones" in out
    assert out.endswith("flake.lock: 1 mismatch\n")


# A connection that ends early; an archive that was cut off before it was sent; one that ends
# between two files, of which only the hash tells.
CUT = {
    "connection": Answer(GOOD, cut=len(GOOD) // 2),
    "archive": Answer(GOOD[: len(GOOD) // 2]),
    "between files": Answer(gzip.compress(gzip.decompress(GOOD)[:1536] + bytes(1024))),
}


@pytest.mark.parametrize("name", CUT)
def test_a_truncated_archive_is_fetched_again(
    name: str, pinned: ArchiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    pinned.give("/a.tar.gz", CUT[name], CUT[name], GOOD)

    status, found = check_json(capsys)

    assert status == 0
    bad = "mismatch" if name == "between files" else "truncated"
    assert [attempt["outcome"] for attempt in found["attempts"]] == [bad, bad, "ok"]
    assert len(pinned.asked) == 3


@pytest.mark.parametrize("name", CUT)
def test_a_truncated_archive_is_told_with_its_sizes(
    name: str, pinned: ArchiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    pinned.give("/a.tar.gz", CUT[name])

    status, found = check_json(capsys, "--tries", "2")

    assert status == 1
    assert found["outcome"] == ("mismatch" if name == "between files" else "truncated")
    assert len(found["attempts"]) == len(pinned.asked) == 2
    attempt = found["attempts"][-1]
    assert attempt["received"] == len(CUT[name].body) - CUT[name].cut
    assert attempt["announced"] == len(CUT[name].body)
    assert attempt["reason"]


def test_a_slow_server_is_waited_for_with_signs_of_life(
    pinned: ArchiveServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dm_dns.pins.nix._PROGRESS_SECONDS", 0.05)
    noise = archive({"noise": "".join(str(number) for number in range(20_000))})
    pinned.give("/a.tar.gz", Answer(noise, pause=0.1), Answer(GOOD, pause=0.1))

    assert check() == 0

    lines = capsys.readouterr().err.splitlines()
    total = f"{len(noise) / 1000:.1f} kB"
    seen = [found[1] for line in lines if (found := re.search(rf"(\S+) kB of {total}, ", line))]
    assert seen == sorted(seen, key=float)
    assert float(seen[-1]) > float(seen[0]) > 0


def test_a_server_that_stalls_is_given_up_and_asked_again(
    pinned: ArchiveServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The user's own setting.
    monkeypatch.setenv("NIX_CONFIG", "stalled-download-timeout = 1")
    pinned.give("/a.tar.gz", Answer(GOOD, pause=5), GOOD)

    status, found = check_json(capsys)

    assert status == 0
    first, second = found["attempts"]
    assert first["outcome"] in {"failed", "truncated"}
    assert re.search("[Tt]imeout was reached|too slow", first["reason"])
    assert second["outcome"] == "ok"


def test_what_is_gone_is_asked_for_once(
    pinned: ArchiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    del pinned.answers["/a.tar.gz"]

    status, found = check_json(capsys)

    assert (status, found["outcome"]) == (1, "failed")
    (attempt,) = found["attempts"]
    assert attempt["reason"].endswith("HTTP error 404")
    assert (attempt["received"], attempt["hash"]) == (None, None)
    assert pinned.asked == ["/a.tar.gz"]


def test_an_overloaded_server_is_asked_again(pinned: ArchiveServer) -> None:
    pinned.give("/a.tar.gz", Answer(b"later", 503), GOOD)

    assert check() == 0
    assert len(pinned.asked) == 2


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "NIX_CACHE_HOME"])
def test_what_is_cached_hides_nothing(
    variable: str,
    pinned: ArchiveServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, f"{tmp_path}/cache")
    url = pinned.url("/a.tar.gz")
    path = json.loads(nix("flake", "prefetch", "--json", "--flake-registry", "", url))["storePath"]
    assert path
    pinned.give("/a.tar.gz", CUT["archive"])

    status, found = check_json(capsys, "--tries", "1")

    assert (status, found["outcome"]) == (1, "truncated")


def test_with_cached_nothing_is_downloaded_that_is_there(
    pinned: ArchiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check("--cached") == 0
    del pinned.answers["/a.tar.gz"]
    pinned.asked.clear()

    status, found = check_json(capsys, "--cached")

    assert (status, found["outcome"]) == (0, "ok")
    assert pinned.asked == []


def test_with_cached_what_is_wrong_is_downloaded(
    pinned: ArchiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    change_lock("a", narHash=WRONG)

    status, found = check_json(capsys, "--cached", "--tries", "2")

    assert (status, found["outcome"]) == (1, "mismatch")
    url = pinned.url("/a.tar.gz")
    fetched = json.loads(nix("flake", "prefetch", "--json", "--flake-registry", "", url))
    assert found["attempts"][-1]["hash"] == fetched["hash"]


def test_a_git_repository_is_fetched(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    write_repository(repository)
    write_flake({"a": f"git+file://{repository}?ref=main"})
    nix("flake", "lock")

    status, found = check_json(capsys)
    assert (status, found["outcome"]) == (0, "ok")

    change_lock("a", narHash=WRONG)
    status, found = check_json(capsys, "--tries", "1")
    assert (status, found["outcome"]) == (1, "mismatch")
