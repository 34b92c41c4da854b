import json
from collections.abc import Callable
from typing import Any

import pytest

from dm_dns.errors import Error
from dm_dns.pins import download
from dm_dns.pins.flake_lock import Pin

from .nix_outputs import VERSIONS, Replay, output, real_output

GOOD = "sha256-VN2WM1/l2Xeh2tsXeMIwPfBzUqnJNb+Yt09yoRNjZ+Q="
EMPTY = "sha256-pQpattmS9VmO3ZIQUFn66az8GSmB4IvYhTTCFn6SUmo="
WRONG = f"sha256-{'A' * 43}="
URL = "http://127.0.0.1:8123/good.tar.gz"
ONCE = download.Options(tries=1, pause=0)


def pin(found: str = WRONG, **locked: Any) -> Pin:  # noqa: ANN401 - any attribute
    return Pin("a", {"type": "tarball", "url": URL, "narHash": found, **locked})


def quiet(_: str) -> None:
    """Report nothing."""


def fetch(
    pin: Pin, options: download.Options, report: Callable[[str], None] = quiet
) -> download.Result:
    (result,) = download.download_all([pin], options, report)
    return result


def attempt(version: str, case: str, nix: Replay, found: str = WRONG) -> download.Attempt:
    nix.prints(real_output(version, case))
    result = fetch(pin(found), ONCE)
    (made,) = result.attempts
    assert result.outcome == made.outcome
    return made


@pytest.mark.parametrize("version", VERSIONS)
def test_the_locked_hash_is_good(version: str, nix: Replay) -> None:
    made = attempt(version, "good", nix, GOOD)
    assert (made.outcome, made.hash, made.reason, made.is_final) == ("ok", GOOD, None, True)
    assert made.received == made.announced
    ((*_, option, substitute, value, _, store),) = nix.commands()
    assert store.startswith("/")  # an empty one
    assert (option, substitute, value) == ("--option", "substitute", "false")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("good", ("mismatch", GOOD, False)),
        ("cached, wrong hash", ("mismatch", GOOD, False)),
        ("connection", ("truncated", None, False)),
        ("archive", ("truncated", None, False)),
        ("page", ("failed", None, False)),
        ("overloaded", ("failed", None, False)),
        ("refused", ("failed", None, False)),
        ("gone", ("failed", None, True)),
        ("no such host", ("failed", None, True)),
    ],
)
def test_what_nix_prints_tells_what_came(
    version: str, case: str, expected: tuple[str, str | None, bool], nix: Replay
) -> None:
    made = attempt(version, case, nix)
    assert (made.outcome, made.hash, made.is_final) == expected
    assert made.reason


@pytest.mark.parametrize("version", VERSIONS)
def test_sizes_tell_how_much_of_an_archive_came(version: str, nix: Replay) -> None:
    whole = attempt(version, "good", nix).received
    assert whole
    cut = attempt(version, "connection", nix)
    assert (cut.received, cut.announced) == (whole - whole // 2, whole)
    short = attempt(version, "archive", nix)
    assert (short.received, short.announced) == (whole // 2, whole // 2)
    for case in ("gone", "overloaded", "refused"):
        assert attempt(version, case, nix).received is None


@pytest.mark.parametrize("version", VERSIONS)
def test_an_empty_archive_is_tried_again(version: str, nix: Replay) -> None:
    made = attempt(version, "empty", nix)
    if version.startswith("2.18."):
        assert (made.outcome, made.hash) == ("failed", None)
        assert "contains an unexpected number of top-level files" in str(made.reason)
    else:
        assert (made.outcome, made.hash) == ("mismatch", EMPTY)
    assert not made.is_final


def test_an_empty_archive_is_truncated_though_nix_takes_it(
    nix: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    nix.prints(real_output(VERSIONS[-1], "empty"))
    monkeypatch.setattr("dm_dns.pins.download._size", lambda _: 0)
    (made,) = fetch(pin(EMPTY), ONCE).attempts
    assert (made.outcome, made.hash) == ("truncated", EMPTY)
    assert made.reason == "it has no files"


def test_tries_go_on_until_it_is_good(nix: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    version = VERSIONS[-1]
    cases = ("archive", "connection", "overloaded", "good")
    nix.prints(*(real_output(version, case) for case in cases))
    slept: list[float] = []
    monkeypatch.setattr("dm_dns.pins.download.sleep", slept.append)
    lines: list[str] = []

    result = fetch(pin(GOOD), download.Options(5, 30), lines.append)

    assert result.is_good
    assert [made.outcome for made in result.attempts] == ["truncated", "truncated", "failed", "ok"]
    assert slept == [30, 60, 60]
    first, *waits, last = lines
    assert first == "[1/1] a: fetching http://127.0.0.1:8123/good.tar.gz"
    assert [line.partition("; ")[2] for line in waits] == [
        "try 2 of 5 in 30 s",
        "try 3 of 5 in 60 s",
        "try 4 of 5 in 60 s",
    ]
    assert last == "[1/1] a: ok: 184 of 184 announced bytes received"
    assert len(nix.commands()) == 4


def test_a_cache_is_asked_once_only(nix: Replay) -> None:
    nix.prints(real_output(VERSIONS[-1], "cached, wrong hash"), real_output(VERSIONS[-1], "good"))
    result = fetch(pin(), download.Options(2, 0, cached=True))
    assert [made.hash for made in result.attempts] == [GOOD, GOOD]
    first, second = nix.commands()
    assert ("--store" in first, "--store" in second) == (False, True)
    assert [any("narHash=" in part for part in command) for command in (first, second)] == [
        True,
        False,
    ]


def test_what_is_gone_with_the_hash_may_be_there_without(nix: Replay) -> None:
    nix.prints(real_output(VERSIONS[0], "gone"), real_output(VERSIONS[0], "good"))
    assert fetch(pin(GOOD), download.Options(2, 0, cached=True)).is_good
    assert len(nix.commands()) == 2


@pytest.mark.parametrize(
    ("locked", "outcome", "reason"),
    [
        ({"type": "path", "path": "./sub"}, "local", "part of the flake that names it"),
        ({"type": "zip"}, "failed", "inputs of type 'zip' are not supported"),
        ({"narHash": 1}, "failed", "flake.lock has no narHash for it"),
    ],
)
def test_what_cannot_be_fetched_runs_no_nix(
    locked: dict[str, Any], outcome: str, reason: str, nix: Replay
) -> None:
    nix.prints()
    (made,) = fetch(pin(**locked), download.Options(3, 0)).attempts
    assert made.outcome == outcome
    assert made.reason == reason
    assert nix.commands() == []


@pytest.mark.parametrize("stdout", ["", "{}", "[]", json.dumps({"hash": {}, "storePath": "/a"})])
def test_output_of_another_form_is_told(stdout: str, nix: Replay) -> None:
    nix.prints(output(stdout))
    with pytest.raises(Error, match="which is not an object with hash and storePath"):
        fetch(pin(), ONCE)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("unable to download 'http://a': HTTP error 500", True),
        ("unable to download 'http://a': HTTP error 599", True),
        ("unable to download 'http://a': HTTP error 429", True),
        ("unable to download 'http://a': HTTP error 408", True),
        ("unable to download 'http://a': HTTP error 404", False),
        ("unable to download 'http://a': HTTP error 499", False),
        ("unable to download 'http://a': Could not connect to server", True),
        ("unable to download 'http://a': Could not resolve host: a", False),
        ("cannot read a.tar: Unexpected EOF", True),
        ("syntax error, unexpected ';'", False),
        ("", False),
    ],
)
def test_only_some_errors_are_transient(error: str, *, expected: bool) -> None:
    assert download.is_transient(error) is expected
