# ruff: noqa: E501 - messages stand here as they are printed
"""`dm-dns show` and `dm-dns status` in a checkout, and how they are misused."""

import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns.cli import main
from dm_dns.inspect import clan
from dm_dns.zone import conf

SERIAL = 1795589653
SPEC = {
    "domain": "pin",
    "machines": {"kiwi": {"addresses": ["fd00::1"]}},
    "endpoints": [
        {
            "host": "git.pin",
            "machine": "kiwi",
            "service": "forgejo\x1b[31m",
            "instance": "forgejo",
            "role": "s\u00e9rver",
        }
    ],
}
FLAKE = ["--flake", "checkout", "--clan", "clan.json"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a checkout and a clan file."""
    monkeypatch.chdir(tmp_path)
    value = Path("checkout/vars/shared/dm-dns/zone.conf/value")
    value.parent.mkdir(parents=True)
    zone = conf.Zone("pin", SERIAL, {"git.pin": "kiwi.pin"}, {"kiwi.pin": ("fd00::1",)})
    value.write_text(conf.render(zone))
    Path("clan.json").write_text(json.dumps({"spec": SPEC, "serving": {"kiwi": {"listen": []}}}))


def printed(capsys: pytest.CaptureFixture[str], *args: str, status: int = 0) -> tuple[str, str]:
    """Return what a command prints, on stdout and on stderr."""
    assert main(list(args)) == status
    output = capsys.readouterr()
    return output.out, output.err


def test_a_checkout_has_all_names_and_what_others_wrote_cannot_control_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, err = printed(capsys, "show", *FLAKE)
    assert err == ""
    assert [line.rpartition("  ")[0].rstrip() for line in out.splitlines()] == snapshot(
        [
            "NAME      KIND     ON    ADDRESSES  EXPORTED BY",
            "git.pin   service  kiwi  fd00::1    forgejo\\x1b[31m (forgejo, s\u00e9rver)",
            "kiwi.pin  machine  kiwi  fd00::1    -",
        ]
    )


def test_its_json_has_no_source_and_every_text_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = json.loads(printed(capsys, "show", "git", "--json", *FLAKE)[0])
    (name,) = found.pop("names")
    assert found == {"domain": "pin", "serial": SERIAL, "source": None, "notes": []}
    assert name.pop("since")["at_least"] is True
    assert name == {
        "name": "git.pin",
        "kind": "service",
        "machines": ["kiwi"],
        "addresses": ["fd00::1"],
        "local": [],
        "exports": SPEC["endpoints"],
        "devices": [],
        "served": True,
    }


def write_devices() -> None:
    """Give the clan a printer, and a machine's name to it as well."""
    devices = {"printer": {"addresses": ["192.0.2.20"], "names": ["print.pin", "git.pin"]}}
    zone = conf.Zone(
        "pin",
        SERIAL,
        {"print.pin": "printer.pin"},
        {
            "git.pin": ("192.0.2.20", "fd00::1"),
            "kiwi.pin": ("fd00::1",),
            "printer.pin": ("192.0.2.20",),
        },
    )
    Path("checkout/vars/shared/dm-dns/zone.conf/value").write_text(conf.render(zone))
    known = {"spec": {**SPEC, "devices": devices}, "serving": {}, "devices": {"printer": ["kiwi"]}}
    Path("clan.json").write_text(json.dumps(known))


def test_devices_are_shown_with_who_sets_them(capsys: pytest.CaptureFixture[str]) -> None:
    write_devices()
    out, err = printed(capsys, "show", *FLAKE)
    assert err == ""
    assert [line.rpartition("  ")[0].rstrip() for line in out.splitlines()] == snapshot(
        [
            "NAME         KIND     ON            ADDRESSES           EXPORTED BY",
            "git.pin      shared   kiwi printer  192.0.2.20 fd00::1  forgejo\\x1b[31m (forgejo, sérver), setting devices",
            "kiwi.pin     machine  kiwi          fd00::1             -",
            "print.pin    device   printer       192.0.2.20          setting devices",
            "printer.pin  device   printer       192.0.2.20          setting devices",
        ]
    )
    out, _err = printed(capsys, "show", "printer", *FLAKE)
    assert out.partition("since")[0] == snapshot("""\
name         printer.pin
kind         device
devices      printer
addresses    192.0.2.20
exported by  setting devices of machine kiwi
""")
    out, _err = printed(capsys, "show", "git", *FLAKE)
    assert out.partition("since")[0] == snapshot("""\
name         git.pin
kind         shared
machines     kiwi
devices      printer
addresses    192.0.2.20
             fd00::1
exported by  service forgejo\\x1b[31m, instance forgejo, role sérver, on kiwi
             setting devices of machine kiwi
""")
    found = json.loads(printed(capsys, "show", "print", "--json", *FLAKE)[0])["names"][0]
    assert (found["kind"], found["machines"], found["exports"]) == ("device", [], [])
    assert found["devices"] == [{"device": "printer", "machines": ["kiwi"]}]


def test_a_name_that_does_not_exist_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = printed(capsys, "show", "chat", *FLAKE, status=1)
    assert (out, err) == snapshot(
        (
            "",
            "dm-dns: chat is not one of the 2 names of pin, serial 1795589653; `dm-dns show` lists all names; names that no service exports are set with `names` and `devices`\n",
        )
    )


def test_what_is_no_name_is_told_in_plain_characters(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["show", "gi\x1b[31mt", *FLAKE])
    assert caught.value.code == 2
    assert r"argument NAME: 'gi\x1b[31mt' is not a name: " in capsys.readouterr().err


def test_a_clan_file_of_another_clan_is_not_used(capsys: pytest.CaptureFixture[str]) -> None:
    other = {**SPEC, "domain": "other", "endpoints": []}
    Path("clan.json").write_text(json.dumps({"spec": other, "serving": {}}))
    out, err = printed(capsys, "show", *FLAKE)
    assert "git.pin" in out
    assert err == snapshot(
        "dm-dns: not known who exports a name: the clan file is of 'other', and not of pin\n"
    )


def test_where_the_flake_cannot_be_evaluated_the_names_are_shown_anyway(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    out, err = printed(capsys, "show", "--flake", "checkout")
    assert "git.pin" in out
    assert err == snapshot(
        "dm-dns: not known who exports a name: nix cannot be run: put it on PATH, or name a copy of a machine's /etc/dm-dns/clan.json with --clan FILE\n"
    )


def test_and_status_asks_the_machines_that_a_name_points_to(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    out, err = printed(capsys, "status", "--all", "--flake", "checkout", status=1)
    assert out == snapshot("""\
pin: the newest serial is 1795589653 (2026-11-25 06:54:13 UTC)
kiwi  unreachable           -  -         -     ssh cannot be run: put OpenSSH's ssh on PATH.
0 of 1 machines were reached; the newest zone is served by 0
""")
    assert err == snapshot("""\
dm-dns: nix cannot be run: put it on PATH, or name a copy of a machine's /etc/dm-dns/clan.json with --clan FILE
dm-dns: asking the machines that a name of the zone points to
""")


def test_progress_is_shown_on_a_terminal_and_leaves_nothing_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    _out, err = printed(capsys, "status", "--all", *FLAKE, status=1)
    assert err.replace("\r\x1b[K", "|") == "|asking 1 machines|1 of 1 machines are done|"


def test_a_checkout_without_a_zone_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["show"], ["status", "--all"]):
        out, err = printed(capsys, *command, "--flake", "elsewhere", status=1)
        assert out == ""
        assert "has no vars/shared/dm-dns/zone.conf/value" in err


def test_a_machine_without_configuration_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["show"], ["status"], ["status", "--all"]):
        _out, err = printed(capsys, *command, "--config", "missing.json", status=1)
        assert err == snapshot(
            "dm-dns: missing.json: cannot be read: No such file or directory; name another file with --config\n"
        )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["status", "--flake", "."], snapshot("--flake, --clan and --user need --all")),
        (["status", "--user", "root"], snapshot("--flake, --clan and --user need --all")),
        (
            ["status", "--all", "--user=-x"],
            snapshot("argument --user: '-x' is not the name of a machine"),
        ),
        (
            ["show", "git", "--html", "x"],
            snapshot("--html shows all names: leave NAME out"),
        ),
        (
            ["show", "--json", "--html", "x"],
            snapshot("argument --html: not allowed with argument --json"),
        ),
    ],
)
def test_misuse_is_told(args: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(args)
    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].partition("error: ")[2] == message
    assert not Path("x").exists()


def test_the_page_of_a_checkout_says_where_it_is_from(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert printed(capsys, "show", "--html", "page.html", *FLAKE) == ("", "")
    text = Path("page.html").read_text()
    assert f"in the checkout {Path.cwd()}/checkout" in text
    assert clan.PATH.name not in text
