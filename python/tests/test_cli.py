# ruff: noqa: E501 - messages stand here as they are printed
import argparse
import ast
import json
import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

import dm_dns
from dm_dns.cli import COMMANDS, build_parser, load, main
from dm_dns.zone import conf

SOURCE = Path(dm_dns.__file__).parent.parent
SPEC: dict[str, Any] = {
    "domain": "pin",
    "machines": {"kfbox": {"addresses": ["fd00::2", "192.0.2.2"]}, "kiwi": {"addresses": []}},
    "endpoints": [
        {
            "host": host,
            "machine": machine,
            "service": "thelounge",
            "instance": "chat",
            "role": "server",
        }
        for host, machine in [
            ("www.pin", "kfbox"),
            ("irc.pin", "kfbox"),
            ("*.pin", "kiwi"),
            ("www.pin", "kiwi"),
        ]
    ],
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in tmp_path, so that messages have short paths, and unprivileged users reach it."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o777)
    Path("spec.json").write_text(json.dumps(SPEC))


def run(
    *args: str,
    code: str = "import sys; from dm_dns.cli import main; sys.exit(main())",
    encoding: str = "utf-8",
    seed: int = 0,
) -> subprocess.CompletedProcess[str]:
    """Run dm-dns in a process of its own."""
    env = {
        "PYTHONHASHSEED": str(seed),
        "PYTHONIOENCODING": encoding,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    return subprocess.run(
        [sys.executable, "-c", code, *args], env=env, capture_output=True, text=True, check=False
    )


def render(*args: str) -> int:
    return main(["render", "spec.json", "-o", "zone.conf", *args])


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """Return the message of a command that fails."""
    assert main(list(args)) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "Traceback" not in output.err
    return output.err


def test_render_writes_a_zone_that_check_accepts(capsys: pytest.CaptureFixture[str]) -> None:
    assert render("--serial", "7") == 0
    assert Path("zone.conf").read_text() == snapshot("""\
# dm-dns zone 1
# serial: 7
# records: 6
# sha256: c62ae7fb2fe661a4eb1c49f26b360c0e432e2ab4c4d5148c530b7aa479f3d739
local-zone: "pin." transparent
# machine-without-address: kiwi.pin.
# shared-name: www.pin. kfbox.pin.
# shared-name: www.pin. kiwi.pin.
local-data: "*.pin. CNAME kiwi.pin."
local-data: "irc.pin. CNAME kfbox.pin."
local-data: "kfbox.pin. A 192.0.2.2"
local-data: "kfbox.pin. AAAA fd00::2"
local-data: "www.pin. A 192.0.2.2"
local-data: "www.pin. AAAA fd00::2"
""")
    assert main(["check", "zone.conf", "--domain", "pin"]) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == snapshot(
        "dm-dns: warning: spec.json: www.pin does not resolve to kiwi.pin, which has no known address; set `addresses` in the role default of dm-dns\n"
    )


def test_a_rendered_zone_can_be_read_by_all() -> None:
    before = os.umask(0o077)
    try:
        render()
    finally:
        os.umask(before)
    assert Path("zone.conf").stat().st_mode & 0o777 == 0o644


def test_render_takes_the_time_as_serial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1795433611.9)
    render()
    assert conf.read(Path("zone.conf"), "pin").serial == 1795433611


@pytest.mark.parametrize(
    ("previous", "expected"),
    [
        # An admin whose clock was ahead, or is behind now, by an hour.
        (1795433611 + 3600, 1795433611 + 3601),
        (1795433611, 1795433612),
        (1795433611 - 3600, 1795433611),
        # A zone of clan-core's own dm-dns has no header, and so the serial 0.
        (0, 1795433611),
    ],
)
def test_a_zone_is_newer_than_the_one_that_it_replaces_whatever_the_clock_says(
    monkeypatch: pytest.MonkeyPatch, previous: int, expected: int
) -> None:
    monkeypatch.setattr("time.time", lambda: 1795433611.9)
    text = conf.render(conf.Zone("pin", previous, {}, {}))
    Path("old.conf").write_text(text if previous else "".join(text.splitlines(keepends=True)[4:]))
    assert render("--previous", "old.conf") == 0
    assert conf.read(Path("zone.conf"), "pin").serial == expected


def test_a_previous_zone_that_is_missing_or_damaged_does_not_keep_from_rendering(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.time", lambda: 1795433611.9)
    assert render("--previous", "missing.conf") == 0
    assert "previous" not in capsys.readouterr().err
    Path("old.conf").write_text("nonsense\n")
    assert render("--previous", "old.conf") == 0
    assert "warning: the previous zone has no serial: old.conf:1: " in capsys.readouterr().err
    assert conf.read(Path("zone.conf"), "pin").serial == 1795433611


def test_a_previous_zone_of_a_clock_that_was_days_ahead_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.time", lambda: 1795433611.9)
    for ahead in (86400, 86401):
        Path("old.conf").write_text(conf.render(conf.Zone("pin", 1795433611 + ahead, {}, {})))
        assert render("--previous", "old.conf") == 0
        assert conf.read(Path("zone.conf"), "pin").serial == 1795433611 + ahead + 1
    warnings = [line for line in capsys.readouterr().err.splitlines() if "previous" in line]
    assert warnings == snapshot(
        [
            "dm-dns: warning: the serial of the previous zone, 1795520012, is more than a day ahead of this machine's clock (1795433611), and so is that of this zone: a push refuses it. If the clock is right, remove the previous zone (vars/shared/dm-dns/zone.conf in a clan's checkout) and generate the zone again."
        ]
    )


def test_above_the_highest_serial_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    Path("old.conf").write_text(conf.render(conf.Zone("pin", conf.MAX_SERIAL, {}, {})))
    message = refused(capsys, "render", "spec.json", "-o", "zone.conf", "--previous", "old.conf")
    assert message == snapshot("""\
dm-dns: spec.json breaks these rules:
old.conf has the highest serial that there is, 4294967295, so no zone can be newer. Remove it (vars/shared/dm-dns/zone.conf in a clan's checkout), and run `clan vars generate` again.
""")
    assert not Path("zone.conf").exists()


@pytest.mark.parametrize("serial", ["0", "4294967295"])
def test_render_takes_every_serial_that_a_zone_can_have(serial: str) -> None:
    render("--serial", serial)
    assert conf.read(Path("zone.conf"), "pin").serial == int(serial)


def test_render_writes_the_same_bytes_whatever_the_order_of_its_input() -> None:
    outputs = set()
    for seed, order in [(0, 1), (1, 1), (0, -1), (2, -1)]:
        shuffled = {
            "endpoints": SPEC["endpoints"][::order],
            "machines": {
                name: {"addresses": machine["addresses"][::order]}
                for name, machine in list(SPEC["machines"].items())[::order]
            },
            "domain": "pin",
        }
        Path("spec.json").write_text(json.dumps(shuffled))
        assert (
            run("render", "spec.json", "-o", "zone.conf", "--serial", "7", seed=seed).stdout == ""
        )
        outputs.add(Path("zone.conf").read_bytes())
    assert len(outputs) == 1


def test_check_takes_the_domain_in_any_spelling() -> None:
    render()
    assert main(["check", "zone.conf", "--domain", "PIN."]) == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(
            ["check", "no.conf", "--domain", "pin"],
            snapshot("dm-dns: no.conf: No such file or directory\n"),
            id="check-missing",
        ),
        pytest.param(
            ["check", ".", "--domain", "pin"],
            snapshot("dm-dns: .: Is a directory\n"),
            id="check-directory",
        ),
        pytest.param(
            ["check", "spec.json", "--domain", "pin"],
            snapshot(
                "spec.json:1: the last line has no newline: it was cut short or changed; send it again\n"
            ),
            id="check-no-zone",
        ),
        pytest.param(
            ["check", "spec.json/x", "--domain", "pin"],
            snapshot("dm-dns: spec.json/x: Not a directory\n"),
            id="check-below",
        ),
        pytest.param(
            ["render", "no.json", "-o", "zone.conf"],
            snapshot("dm-dns: no.json: No such file or directory\n"),
            id="render-missing",
        ),
        pytest.param(
            ["render", ".", "-o", "zone.conf"],
            snapshot("dm-dns: .: Is a directory\n"),
            id="render-directory",
        ),
        pytest.param(
            ["render", "bad.json", "-o", "zone.conf"],
            snapshot("bad.json:1: not JSON: Expecting property name enclosed in double quotes\n"),
            id="render-not-json",
        ),
        pytest.param(
            ["render", "apex.json", "-o", "zone.conf"],
            snapshot("""\
dm-dns: apex.json breaks these rules:
host 'pin' of service 'thelounge', instance 'chat', role 'server' on machine 'kfbox': it is the domain itself, which cannot be an alias (RFC 1034, section 3.6.2); use a name below it, such as www.pin
"""),
            id="render-rule",
        ),
        pytest.param(
            ["render", "empty.json", "-o", "zone.conf"],
            snapshot(
                "dm-dns: empty.json: the top level must have the keys domain, endpoints, machines (and may have devices, localNetworks), and no others; it has none\n"
            ),
            id="render-form",
        ),
        pytest.param(
            ["apply", "--config", "no.json"],
            snapshot(
                "dm-dns: no.json: cannot be read: No such file or directory; name another file with --config\n"
            ),
            id="apply-missing",
        ),
        pytest.param(
            ["apply", "--config", "bad.json"],
            snapshot("bad.json:1: not JSON: Expecting property name enclosed in double quotes\n"),
            id="apply-not-json",
        ),
    ],
)
def test_a_failure_is_told_on_stderr_with_status_1(
    args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.json").write_text("{")
    Path("empty.json").write_text("{}")
    apex = {**SPEC["endpoints"][0], "host": "pin"}
    Path("apex.json").write_text(json.dumps({**SPEC, "endpoints": [apex]}))
    assert refused(capsys, *args) == message
    assert not Path("zone.conf").exists()


def test_a_zone_is_not_written_in_place_of_a_pipe_or_a_link(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("spec.json").write_text(json.dumps(SPEC))
    os.mkfifo("pipe")
    Path("to-pipe").symlink_to("pipe")
    for output in ("pipe", "to-pipe"):
        message = refused(capsys, "render", "spec.json", "-o", output)
        assert message.splitlines()[-1] == f"dm-dns: {output}: not a regular file"
    assert Path("pipe").is_fifo()
    Path("to-zone").symlink_to("zone.conf")
    assert main(["render", "spec.json", "-o", "to-zone"]) == 0
    assert Path("to-zone").is_symlink()
    assert Path("zone.conf").read_text().startswith("# dm-dns zone 1\n")


@pytest.mark.parametrize(
    "output", ["missing/zone.conf", "folder", ".", "/", "spec.json/x", "x" * 300]
)
def test_an_output_that_cannot_be_written_is_told_with_status_1(
    output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("folder").mkdir()
    message = refused(capsys, "render", "spec.json", "-o", output)
    assert message.startswith("dm-dns: ")
    assert sorted(path.name for path in Path().iterdir()) == ["folder", "spec.json"]


@pytest.mark.usefixtures("not_root")
def test_a_file_without_permission_is_told_with_status_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    effective = os.geteuid()
    os.seteuid(os.getuid())
    Path("spec.json").chmod(0)
    os.seteuid(effective)
    assert refused(capsys, "render", "spec.json", "-o", "zone.conf") == snapshot(
        "dm-dns: spec.json: Permission denied\n"
    )


def test_a_failure_in_a_process_is_not_a_traceback() -> None:
    done = run("check", "missing.conf", "--domain", "pin")
    assert (done.returncode, done.stdout, done.stderr) == snapshot(
        (1, "", "dm-dns: missing.conf: No such file or directory\n")
    )


PRINTS = """
import sys
from dm_dns import cli
def run(args):
    print("x" * int(sys.argv[1]))
    return 0
cli.load("check").run = run
sys.exit(cli.main(["check", "zone.conf", "--domain", "pin"]))
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("length", [10, 100_000])
def test_an_output_that_takes_nothing_is_told(length: int, unbuffered: str) -> None:
    command = [sys.executable, "-c", PRINTS, str(length)]
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=env
        )
    assert (done.returncode, done.stderr) == (
        1,
        "dm-dns: standard output: No space left on device\n",
    )
    # As a pager does that is left early.
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, env=env
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_an_error_that_cannot_be_told_is_status_1() -> None:
    command = [sys.executable, "-m", "dm_dns", "check", "missing", "--domain", "pin"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


def test_too_little_memory_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_args: argparse.Namespace) -> int:
        raise MemoryError

    monkeypatch.setattr(load("check"), "run", run)
    assert refused(capsys, "check", "x", "--domain", "pin") == "dm-dns: memory is not enough\n"


def test_a_name_that_is_not_ascii_can_be_told_on_any_terminal() -> None:
    spec = {**SPEC, "endpoints": [{**SPEC["endpoints"][0], "host": "\u2603.pin"}]}
    Path("spec.json").write_text(json.dumps(spec))
    done = run("render", "spec.json", "-o", "zone.conf", encoding="ascii")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "host '\\u2603.pin' of service 'thelounge'" in done.stderr


def test_a_failed_render_leaves_the_old_file(capsys: pytest.CaptureFixture[str]) -> None:
    render("--serial", "7")
    before = Path("zone.conf").read_bytes()
    spec = {**SPEC, "endpoints": [{**SPEC["endpoints"][0], "host": "pin"}]}
    Path("spec.json").write_text(json.dumps(spec))
    refused(capsys, "render", "spec.json", "-o", "zone.conf")
    assert Path("zone.conf").read_bytes() == before


def test_a_write_that_fails_leaves_the_old_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    render("--serial", "7")
    before = Path("zone.conf").read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    capsys.readouterr()
    monkeypatch.setattr("os.fsync", full)
    Path("spec.json").write_text(json.dumps({**SPEC, "endpoints": []}))
    assert "No space left on device" in refused(capsys, "render", "spec.json", "-o", "zone.conf")
    assert Path("zone.conf").read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == ["spec.json", "zone.conf"]


def test_a_file_is_replaced_and_never_written_in_place() -> None:
    render("--serial", "7")
    with Path("zone.conf").open("rb") as old:
        before = old.read()
        render("--serial", "8")
        old.seek(0)
        assert old.read() == before
    assert Path("zone.conf").read_bytes() != before


def test_an_interrupt_is_not_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(conf, "read", interrupted)
    assert main(["check", "zone.conf", "--domain", "pin"]) == 130


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["nonsense"],
        ["--nonsense"],
        ["--", "check"],
        ["check"],
        ["check", "zone.conf"],
        ["check", "zone.conf", "--domain"],
        ["check", "zone.conf", "--domain", "p in"],
        ["check", "zone.conf", "--domain", ""],
        ["check", "zone.conf", "--domain", "\u2603"],
        ["check", "zone.conf", "--domain", "*.pin"],
        ["check", "zone.conf", "--domain", "pin", "extra"],
        ["render"],
        ["render", "spec.json"],
        ["render", "spec.json", "-o"],
        ["render", "spec.json", "-o", "zone.conf", "--serial", "-1"],
        ["render", "spec.json", "-o", "zone.conf", "--serial", "4294967296"],
        ["render", "spec.json", "-o", "zone.conf", "--serial", "x"],
        ["render", "spec.json", "-o", "zone.conf", "--serial", ""],
        ["apply", "extra"],
        ["keygen"],
        ["push"],
    ],
    ids=" ".join,
)
def test_misuse_is_status_2_with_the_usage(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        sys.exit(main(args))
    assert caught.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("usage: dm-dns")
    assert not Path("zone.conf").exists()


def test_a_mistyped_command_is_answered_with_the_nearest_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for word in ("psuh", "Plan", "xyzzy"):
        with pytest.raises(SystemExit):
            main([word])
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if ": error: " in line] == snapshot(
        [
            "dm-dns: error: 'psuh' is not a command; did you mean push?",
            "dm-dns: error: 'Plan' is not a command; did you mean plan?",
            "dm-dns: error: 'xyzzy' is not a command; `dm-dns --help` lists the commands",
        ]
    )


def test_alone_it_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    alone = capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--help"])
    assert alone == capsys.readouterr().out
    assert "dm-dns plan --flake . --via kiwi" in alone


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    project = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text())["project"]
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"dm-dns {project['version']}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_of_a_command_is_one_that_it_takes(name: str) -> None:
    args = build_parser().parse_args(shlex.split(load(name).EXAMPLE)[1:])
    assert args.command == name


def test_a_wrong_value_is_told_with_what_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    for args in (
        ["render", "spec.json", "-o", "zone.conf", "--serial", "-1"],
        ["check", "zone.conf", "--domain", "p in"],
    ):
        with pytest.raises(SystemExit):
            main(args)
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if ": error: " in line] == snapshot(
        [
            "dm-dns render: error: argument --serial: must be a number from 0 to 4294967295, not '-1'",
            "dm-dns check: error: argument --domain: 'p in' is not a valid domain: ' ' is not allowed in a name; use letters, digits, '-' and '_'",
        ]
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: dm-dns {command}")


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert set(COMMANDS) <= {line.split()[0] for line in lines if line.startswith("    ")}


def test_the_package_is_a_command() -> None:
    render()
    done = run(
        "check", "zone.conf", "--domain", "pin", code="import runpy; runpy.run_module('dm_dns')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Without site-packages, whatever is installed there.
ISOLATED = [sys.executable, "-I", "-S", "-B", "-c"]
NODE = "import dm_dns.node.judge, dm_dns.node.server; print(list(sys.modules))"


def isolated(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ISOLATED, f"import sys; sys.path.append({str(SOURCE)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_apply_imports_is_in_the_standard_library() -> None:
    done = isolated(NODE)
    assert done.stderr == ""
    tops = {name.partition(".")[0] for name in ast.literal_eval(done.stdout)}
    # Modules that the interpreter itself makes are in no list.
    assert tops - set(sys.stdlib_module_names) <= {"__main__", "dm_dns"}
    assert not tops & {"jinja2", "nacl", "requests", "idna"}


def test_apply_does_not_import_the_other_stages() -> None:
    done = isolated(NODE)
    modules = ast.literal_eval(done.stdout)
    ours = sorted(name for name in modules if name.startswith("dm_dns."))
    assert ours == snapshot(
        [
            "dm_dns.errors",
            "dm_dns.files",
            "dm_dns.json_fields",
            "dm_dns.node",
            "dm_dns.node.apply",
            "dm_dns.node.certificate",
            "dm_dns.node.config",
            "dm_dns.node.copies",
            "dm_dns.node.dns_message",
            "dm_dns.node.history",
            "dm_dns.node.hook_calls",
            "dm_dns.node.hosts",
            "dm_dns.node.inotify",
            "dm_dns.node.judge",
            "dm_dns.node.local_view",
            "dm_dns.node.metrics",
            "dm_dns.node.netlink",
            "dm_dns.node.presence",
            "dm_dns.node.resolved",
            "dm_dns.node.reverse_names",
            "dm_dns.node.rtnetlink",
            "dm_dns.node.server",
            "dm_dns.node.state",
            "dm_dns.node.trust",
            "dm_dns.node.unbound",
            "dm_dns.node.varlink",
            "dm_dns.prometheus",
            "dm_dns.zone",
            "dm_dns.zone.conf",
            "dm_dns.zone.conf_lines",
            "dm_dns.zone.limits",
            "dm_dns.zone.local_lines",
            "dm_dns.zone.names",
            "dm_dns.zone.nearby",
            "dm_dns.zone.networks",
            "dm_dns.zone.reasons",
            "dm_dns.zone.reverse",
            "dm_dns.zone.zonefile",
        ]
    )


def test_apply_writes_a_zone_file_without_site_packages() -> None:
    render("--serial", "7")
    Path("hosts").write_text("fd00::9 kiwi.pin\n")
    config = {
        "domain": "pin",
        "mesh": f"{Path.cwd()}/zone.conf",
        "hosts": f"{Path.cwd()}/hosts",
        "state": f"{Path.cwd()}/state",
        "unbound": {"control": "/missing.ctl", "address": "127.0.0.1", "port": 1},
    }
    Path("apply.json").write_text(json.dumps(config))
    done = isolated(
        "from pathlib import Path; from dm_dns.node.apply import apply\n"
        "from dm_dns.node.config import Config\n"
        "print(apply(Config.read(Path('apply.json')), write_only=True).served)"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == snapshot("serial 7, 6 records, source mesh\n")
    assert "\nkiwi.pin. AAAA fd00::9\n" in Path("state/pin.zone").read_text()
