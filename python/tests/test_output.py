# ruff: noqa: E501 - messages stand here as they are printed
"""What others wrote is shown without what a terminal would obey."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns import cli, output
from dm_dns.node import judge
from dm_dns.zone import conf

# A control sequence of a terminal, its form in C1, DEL, a bell, what reverses the text's direction,
# and what a terminal shows as nothing.
HOSTILE = "\x1b[31m\x9b1mA\x7f\x07\u202eB\u2066\u200b\u2028\r"
ESCAPED = r"\x1b[31m\x9b1mA\x7f\x07\u202eB\u2066\u200b\u2028\r"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in tmp_path, so that messages have short paths."""
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """Run a command that must fail; return what it prints, which must all be printable."""
    try:
        status = cli.main(command)
    except SystemExit as exited:
        status = exited.code  # type: ignore[assignment]
    assert status in {1, 2}
    printed = "".join(capsys.readouterr())
    assert [line for line in printed.split("\n") if not line.isprintable()] == []
    return printed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain \u00fc \u4e2d\ntext\n", "plain \u00fc \u4e2d\ntext\n"),
        (HOSTILE, ESCAPED),
        ("a\tb\0", r"a\tb\x00"),
        ("\ud800 \U000e0001", r"\ud800 \U000e0001"),
        ("\u00a0", r"\xa0"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, expected: str) -> None:
    assert output.printable(text) == expected


def test_every_control_character_and_every_override_is_escaped() -> None:
    c0_c1 = [*range(0x20), *range(0x7F, 0xA0)]
    bidi = [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    for code in {*c0_c1, *bidi} - {ord("\n")}:
        assert output.printable(chr(code)).isascii()
        assert output.printable(chr(code)).startswith("\\")


def test_text_for_one_line_has_no_newline() -> None:
    assert output.one_line("a\x1b[31m\n\u202e\u00e9 b") == "a\\x1b[31m\\n\\u202e\u00e9 b"


SPEC = {
    "domain": "pin",
    "machines": {"kiwi": {"addresses": []}},
    "endpoints": [
        {"host": "a.pin", "machine": "kiwi", "service": "s", "instance": "i", "role": "r"}
    ],
}


@pytest.mark.parametrize("place", ["domain", "machines", "host", "machine", "service", "role"])
def test_a_zone_spec(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = json.loads(json.dumps(SPEC))
    if place == "domain":
        hostile["domain"] = HOSTILE
    elif place == "machines":
        hostile["machines"][HOSTILE] = {"addresses": [HOSTILE]}
    else:
        hostile["endpoints"][0] |= {"host": "-.pin", place: f"{HOSTILE}.pin"}
    Path("spec.json").write_text(json.dumps(hostile))
    assert r"\x1b[31m" in run(capsys, "render", "spec.json", "-o", "zone.conf")


def test_a_zone_spec_that_is_only_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    endpoint = SPEC["endpoints"][0]  # type: ignore[index]
    others = [{**endpoint, "machine": machine} for machine in ("kiwi", "kfbox")]
    machines = {"kiwi": {"addresses": []}, "kfbox": {"addresses": ["fd00::2"]}}
    Path(f"{HOSTILE}.json").write_text(
        json.dumps({**SPEC, "machines": machines, "endpoints": others})
    )
    assert cli.main(["render", f"{HOSTILE}.json", "-o", "zone.conf"]) == 0
    assert capsys.readouterr().err == snapshot(
        "dm-dns: warning: \\x1b[31m\\x9b1mA\\x7f\\x07\\u202eB\\u2066\\u200b\\u2028\\r.json: a.pin does not resolve to kiwi.pin, which has no known address; set `addresses` in the role default of dm-dns\n"
    )


@pytest.mark.parametrize(
    "content",
    [
        HOSTILE.encode(),
        f"# {HOSTILE}\n".encode("ascii", "ignore"),
        f'local-zone: "pin." transparent\nlocal-data: "{HOSTILE}"\n'.encode("ascii", "ignore"),
    ],
)
def test_a_zone_conf(content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    Path("zone.conf").write_bytes(content)
    assert run(capsys, "check", "zone.conf", "--domain", "pin")


def test_the_name_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert ESCAPED in run(capsys, "check", HOSTILE, "--domain", "pin")
    Path(HOSTILE).write_bytes(b"x")
    assert ESCAPED in run(capsys, "check", HOSTILE, "--domain", "pin")
    assert ESCAPED in run(capsys, "history", "--domain", "pin", "--directory", HOSTILE)


def test_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert ESCAPED in run(capsys, "check", "zone.conf", "--domain", "pin", HOSTILE)
    assert r"\x1b" in run(capsys, "check", "zone.conf", "--domain", HOSTILE)
    assert r"\x1b" in run(capsys, HOSTILE)


def test_the_configuration_of_another_machine(capsys: pytest.CaptureFixture[str]) -> None:
    Path("zone.conf").write_text(conf.render(conf.Zone("pin", 7, {}, {})))
    Path("apply.json").write_text(json.dumps({"domain": HOSTILE, "mesh": HOSTILE}))
    plan = ["plan", "zone.conf", "--domain", "pin", "--mesh-file", "mesh"]
    assert r"\x1b" in run(capsys, *plan, "--config", "apply.json")


@pytest.mark.parametrize("program", ["data-mesher", "ssh"])
def test_what_another_program_prints(program: str) -> None:
    Path("zone.conf").write_text(conf.render(conf.Zone("pin", 7, {}, {})))
    Path(program).write_text(
        f"#!{sys.executable}\n"
        "import sys, pathlib\n"
        f"text = {HOSTILE.replace(chr(13), '')!a}\n"
        # ssh writes what it says to the file that -E names.
        "args = sys.argv\n"
        "if '-E' in args: pathlib.Path(args[args.index('-E') + 1]).write_text(text)\n"
        "print(text, file=sys.stderr)\n"
        "exit(1)\n"
    )
    Path(program).chmod(0o755)
    script = (
        "import sys\n"
        "from dm_dns import cli\n"
        "from dm_dns.push import data_mesher\n"
        "data_mesher.wait_until_answering = lambda *_args, **_more: None\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    Path("id").write_text("")
    options = ["--domain", "pin", "--key", "id", "--network-id", "id", "--mesh-file", "mesh"]
    via = ["--via", "kiwi"] if program == "ssh" else []
    done = subprocess.run(
        [sys.executable, "-c", script, "push", "zone.conf", *options, *via],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env={"PATH": str(Path.cwd()), "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert r"\x1b[31m\x9b1mA\x7f\x07\u202eB\u2066\u200b" in said
    assert [line for line in said.split("\n") if not line.isprintable()] == []


def test_what_the_server_reports_is_escaped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "judge", lambda *_: judge.Finding([f"problem {HOSTILE}"]))
    values = {
        "domain": "pin",
        "mesh": "/mesh",
        "hosts": "/hosts",
        "state": "/state",
        "unbound": {"control": "/ctl", "address": "127.0.0.1", "port": 53},
    }
    Path("apply.json").write_text(json.dumps(values))
    assert run(capsys, "apply", "--check", "--config", "apply.json") == (
        f"dm-dns: problem {ESCAPED}\n"
    )


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-1, "0 s"), (0.5, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (90000, "1 d")],
)
def test_a_time_is_told_in_its_largest_unit(seconds: float, expected: str) -> None:
    assert output.lasting(seconds) == expected
