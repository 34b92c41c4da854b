import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from dm_dns.errors import Error
from dm_dns.pins import nix as dm_dns_nix

from .nix_outputs import VERSIONS, Replay, output, real_output


def quiet(_: str) -> None:
    """Report nothing."""


def error(version: str, case: str, nix: Replay) -> str:
    nix.prints(real_output(version, case))
    return dm_dns_nix.run(["flake", "prefetch"], report=quiet).error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nix (Nix) 2.18.9", (2, 18)),
        ("nix (Nix) 2.34.8", (2, 34)),
        ("nix (Nix) 2.25.0pre20241001_abcdef0", (2, 25)),
        ("nix (Nix) 3.0.0", (3, 0)),
        ("nix (Lix, like Nix) 2.93.0", (2, 93)),
        ("nix (Determinate Nix 3.5.2) 2.28.3", (2, 28)),
    ],
)
def test_versions_that_are_new_enough(text: str, expected: tuple[int, int], nix: Replay) -> None:
    nix.prints(output(f"{text}\n"))
    found = dm_dns_nix.version()
    assert (found[:2], found.text) == (expected, text)
    assert nix.commands() == [["--version"]]


REMEDY = "Install Nix 2.18 or later (https://nixos.org/download), or put it first on PATH."


@pytest.mark.parametrize(
    ("text", "stderr", "status", "reason"),
    [
        ("nix (Nix) 2.8.0", "", 0, "nix (Nix) 2.8.0 is too old."),
        ("nix (Nix) 2.17.1", "", 0, "nix (Nix) 2.17.1 is too old."),
        ("nix (Nix) 1.11", "", 0, "nix (Nix) 1.11 is too old."),
        (
            "hello",
            "",
            0,
            "`nix --version` does not print a version, but: hello.",
        ),
        (
            "",
            "no libnixutil.so",
            127,
            "`nix --version` does not print a version, but: no libnixutil.so.",
        ),
    ],
)
def test_other_versions_are_refused_with_a_remedy(
    text: str, stderr: str, status: int, reason: str, nix: Replay
) -> None:
    nix.prints(output(text, [stderr], status))
    with pytest.raises(Error) as caught:
        dm_dns_nix.version()
    assert str(caught.value) == f"{reason} {REMEDY}"


def test_without_nix_there_is_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for run in (dm_dns_nix.version, lambda: dm_dns_nix.run([], report=quiet)):
        with pytest.raises(Error) as caught:
            run()
        assert REMEDY in str(caught.value)


def test_features_are_turned_on_before_their_settings(nix: Replay) -> None:
    nix.prints(output())
    dm_dns_nix.run(["flake", "prefetch", "--option", "flake-registry", ""], report=quiet)
    (command,) = nix.commands()
    assert command[:2] == ["--extra-experimental-features", "nix-command flakes"]
    assert command[-5:] == ["flake", "prefetch", "--option", "flake-registry", ""]


@pytest.mark.parametrize("version", VERSIONS)
def test_errors_are_told_in_one_line(version: str, nix: Replay) -> None:
    url = "'http://127.0.0.1:8123/gone.tar.gz'"
    assert error(version, "gone", nix) == f"unable to download {url}: HTTP error 404"
    assert error(version, "overloaded", nix).endswith("overloaded.tar.gz': HTTP error 503")
    for case in ("connection", "archive", "page", "refused", "no such host", "cached, wrong hash"):
        told = error(version, case, nix)
        assert told
        assert not set("\n\x1b") & set(told)
        assert told.count("(") == told.count(")")
        assert "error:" not in told.replace("curl error:", "")


def test_what_curl_says_does_not_hide_the_url(nix: Replay) -> None:
    assert error(VERSIONS[-1], "connection", nix) == (
        "unable to download 'http://127.0.0.1:8123/connection.tar.gz': HTTP error 200"
        " (curl error: Transferred a partial file)"
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_bytes_of_downloads_are_counted(version: str, nix: Replay) -> None:
    nix.prints(real_output(version, "good"))
    done = dm_dns_nix.run([], report=quiet)
    assert (done.status, done.error) == (0, "")
    assert done.received == done.announced
    assert done.received
    assert done.received > 100


def event(**fields: object) -> str:
    return f"@nix {json.dumps(fields)}"


def test_of_several_downloads_the_last_counts(nix: Replay) -> None:
    nix.prints(
        output(
            "",
            [
                event(action="start", id=1, type=101, fields=["http://a"], text="x"),
                event(action="start", id=2, type=0, text="unpacking"),
                event(action="result", id=1, type=105, fields=[3, 9, 0, 0]),
                event(action="start", id=3, type=101, fields=["http://b"], text="x"),
                event(action="result", id=3, type=105, fields=[4, 0, 0, 0]),
                event(action="result", id=2, type=105, fields=[8, 8, 0, 0]),
                event(action="result", id=3, type=106, fields=[]),
                "@nix {not JSON",
                "@nix 7",
            ],
        )
    )
    done = dm_dns_nix.run([], report=quiet)
    assert (done.received, done.announced) == (4, None)


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        ([], "exit code 3"),
        (["nix: cannot open shared object"], "nix: cannot open shared object"),
        (["error: one", "error: two"], "two"),
        ([event(action="msg", level=0, msg="error: a\n       error: b"), "junk"], "b"),
        (
            [event(action="msg", level=0, msg="warning: a"), event(action="msg", level=1)],
            "exit code 3",
        ),
    ],
)
def test_a_failure_always_says_something(stderr: list[str], expected: str, nix: Replay) -> None:
    nix.prints(output("", stderr, 3))
    assert dm_dns_nix.run([], report=quiet).error == expected


def test_what_takes_long_is_told_and_ends_with_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"
    program = tmp_path / "nix"
    events = [
        event(action="start", id=1, type=101, fields=["http://a"]),
        event(action="result", id=1, type=105, fields=[1234567, 2000000]),
    ]
    program.write_text(
        f"#!{sys.executable} -IB\n"
        "import os, pathlib, sys, time\n"
        f"pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n"
        f"print(*{events!r}, sep='\\n', file=sys.stderr, flush=True)\n"
        "time.sleep(600)\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("dm_dns.pins.nix._PROGRESS_SECONDS", 0.02)
    lines: list[str] = []

    def interrupt(line: str) -> None:
        lines.append(line)
        if "MB" in line:
            threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()
            time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        dm_dns_nix.run([], report=interrupt)

    assert lines[-1].startswith("1.2 MB of 2.0 MB, ")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
