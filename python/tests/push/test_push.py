# ruff: noqa: E501 - messages stand here as they are printed
import argparse
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns.access import history
from dm_dns.cli import main
from dm_dns.commands import push
from dm_dns.errors import Error
from dm_dns.push import keys, plan
from dm_dns.zone import conf

KEY = keys.private_pem(bytes(range(32)))
ARRIVES = 'cp "$3" mesh'


def zone_conf(serial: int, *hosts: str) -> str:
    cnames = dict.fromkeys(["irc.pin", *hosts], "kiwi.pin")
    return conf.render(conf.Zone("pin", serial, cnames, {"kiwi.pin": ("fd00::1",)}))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in tmp_path with a zone, keys, and a data-mesher whose file arrives immediately."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)  # for an unprivileged user
    Path("zone.conf").write_text(zone_conf(7))
    Path("signing.key").write_text(KEY)
    Path("network.pub").write_text("")
    Path("bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    data_mesher(ARRIVES)


def data_mesher(script: str) -> None:
    command = Path("bin/data-mesher")
    command.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > arguments\n{script}\n")
    command.chmod(0o755)


def run(url: str, *more: str) -> int:
    parser = argparse.ArgumentParser(prog="dm-dns push")
    push.add_arguments(parser)
    needed = "zone.conf --domain pin --key signing.key --network-id network.pub --mesh-file mesh"
    return push.run(parser.parse_args([*needed.split(), "--url", url, "--wait", "0", *more]))


def failure(url: str, *more: str) -> str:
    return failure_of(lambda: run(url, *more))


def failure_of(command: Callable[[], object]) -> str:
    with pytest.raises(Error) as caught:
        command()
    return str(caught.value)


def sent() -> bool:
    return Path("arguments").exists()


def test_a_zone_that_arrives_is_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(url) == 0
    assert tuple(capsys.readouterr()) == snapshot(
        (
            "pushed pin: serial 7, 2 records, 2 added\n",
            """\
added        irc.pin  kiwi.pin
added        kiwi.pin  fd00::1
pin: 2 added, 0 unchanged; serial none -> 7
""",
        )
    )
    assert Path("mesh").read_text() == zone_conf(7)


def test_arguments_name_the_key_and_never_hold_it(url: str) -> None:
    run(url, "--name", "dns/other")
    arguments = Path("arguments").read_text()
    assert arguments.replace(url, "URL").split() == snapshot(
        [
            "file",
            "update",
            "zone.conf",
            "--url",
            "URL",
            "--key",
            "signing.key",
            "--network-id",
            "network.pub",
            "--name",
            "dns/other",
        ]
    )
    assert KEY.split("\n")[1] not in arguments


def test_the_domain_may_be_in_any_case_with_its_dot(url: str) -> None:
    assert run(url, "--domain", "PIN.") == 0


def test_defaults_are_those_of_the_node() -> None:
    parser = argparse.ArgumentParser()
    push.add_arguments(parser)
    args = parser.parse_args(
        ["zone.conf", "--domain", "pin", "--key", "signing.key", "--network-id", "network.pub"]
    )
    assert (args.url, args.name, str(args.mesh_file), args.wait) == snapshot(
        ("http://localhost:7331", "dns/cnames", "/var/lib/data-mesher/files/home/dns/cnames", 60.0)
    )


def test_a_zone_that_arrives_late_is_waited_for_visibly(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_mesher("")
    Path("mesh").write_text(zone_conf(5))
    lines: list[str] = []
    steps = iter([zone_conf(6), zone_conf(7)])

    def report(line: str) -> None:
        if line.startswith("waiting"):
            lines.append(line)
            Path("mesh").write_text(next(steps))

    monkeypatch.setattr(push, "_report", report)
    assert run(url, "--wait", "60") == 0
    assert lines == snapshot(
        [
            (
                "waiting for the zone in mesh: it is unchanged: serial 5, 2 records, sha256 6e42ba9e661b"
            ),
            (
                "waiting for the zone in mesh: another push replaced it: serial 6, 2 records, "
                "sha256 6e42ba9e661b"
            ),
        ]
    )


def test_progress_goes_to_stderr(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    data_mesher("")
    failure(url, "--wait", "0.05")
    assert tuple(capsys.readouterr()) == snapshot(
        (
            "",
            """\
added        irc.pin  kiwi.pin
added        kiwi.pin  fd00::1
pin: 2 added, 0 unchanged; serial none -> 7
waiting for the zone in mesh: it is missing
""",
        )
    )


@pytest.mark.parametrize("more", [[], ["--force"]])
def test_a_zone_that_breaks_a_rule_is_not_sent(url: str, more: list[str]) -> None:
    Path("zone.conf").write_text(zone_conf(7).replace("fd00::1", "fd00::2"))
    assert failure(url, *more) == snapshot(
        "zone.conf:4: the hash is not that of the lines below the header: it was cut "
        "short or changed; send it again"
    )
    assert not sent()


@pytest.mark.parametrize("more", [[], ["--force"]])
def test_a_zone_of_another_domain_is_not_sent(url: str, more: list[str]) -> None:
    assert failure(url, "--domain", "other", *more) == snapshot(
        "zone.conf:5: expected 'local-zone: \"other.\" transparent', found 'local-zone: "
        '"pin." transparent\''
    )
    assert not sent()


@pytest.mark.parametrize("name", ["zone.conf", "signing.key", "network.pub"])
def test_a_missing_file_is_refused(url: str, name: str) -> None:
    Path(name).unlink()
    messages = snapshot(
        {
            "zone.conf": "ZONE.conf zone.conf: No such file or directory. Check the path.",
            "signing.key": "--key signing.key: No such file or directory. Check the path.",
            "network.pub": ("--network-id network.pub: No such file or directory. Check the path."),
        }
    )
    assert failure(url) == messages[name]
    assert not sent()


@pytest.mark.parametrize("name", ["zone.conf", "signing.key", "network.pub"])
def test_a_file_of_another_user_is_refused(
    url: str, name: str, request: pytest.FixtureRequest
) -> None:
    Path(name).chmod(0)
    request.getfixturevalue("not_root")
    assert failure(url).endswith(
        f" {name}: Permission denied. Run this with sudo, or as a user who may read the file."
    )


def test_a_directory_as_key_is_refused(url: str) -> None:
    assert failure(url, "--key", "bin") == snapshot(
        "--key bin is not a regular file. Give the path of one."
    )
    assert not sent()


def test_a_pipe_as_key_is_refused_without_opening_it(url: str) -> None:
    os.mkfifo("pipe")
    assert failure(url, "--key", "pipe") == snapshot(
        "--key pipe is not a regular file. Give the path of one."
    )
    assert not sent()


@pytest.mark.parametrize("text", [KEY, KEY.split("\n")[1]])
def test_a_key_in_the_place_of_its_path_is_refused_without_showing_it(url: str, text: str) -> None:
    assert failure(url, "--key", text) == snapshot(
        "--key takes the path of a file, but got a private key. Every user of this machine could read it in the process list: make a new key with `dm-dns keygen`."
    )
    assert not sent()


def test_a_mesh_file_that_cannot_be_read_is_refused_before_sending(
    url: str, request: pytest.FixtureRequest
) -> None:
    Path("mesh").touch(mode=0)
    request.getfixturevalue("not_root")
    assert failure(url) == snapshot(
        "--mesh-file mesh: Permission denied. Run this with sudo, or as a user who may read the file."
    )
    assert not sent()


def test_a_daemon_that_does_not_answer_is_sent_nothing() -> None:
    assert failure("http://127.0.0.1:1").startswith("http://127.0.0.1:1 did not answer within 0 s")
    assert not sent()


def test_a_refusal_of_data_mesher_is_shown(url: str) -> None:
    data_mesher("echo 'key not allowed' >&2; exit 1")
    assert failure(url) == snapshot(
        """\
data-mesher did not take zone.conf as dns/cnames (exit code 1): key not allowed
data-mesher does not list the key signing.key among those that may sign dns/cnames: the key was generated anew, or its machine was deployed before there was a push machine. Deploy all machines with the same signing.pub, then push again.\
"""
    )


def test_a_zone_that_does_not_arrive_is_an_error(url: str) -> None:
    data_mesher("")
    assert failure(url) == snapshot(
        """\
the zone did not arrive in mesh within 0 s: it is missing.
The newest signature wins: if the wrong zone is there, check the clocks (`timedatectl`) and push again. If the file is missing, check that --mesh-file belongs to --name, and see `journalctl -u data-mesher`.\
"""
    )


def test_a_mesh_that_keeps_its_zone_is_an_error(url: str) -> None:
    data_mesher("")
    Path("mesh").write_text(zone_conf(6))
    assert failure(url) == snapshot(
        """\
the zone did not arrive in mesh within 0 s: it is unchanged: serial 6, 2 records, sha256 6e42ba9e661b.
The newest signature wins: if the wrong zone is there, check the clocks (`timedatectl`) and push again. If the file is missing, check that --mesh-file belongs to --name, and see `journalctl -u data-mesher`.\
"""
    )


def test_another_zone_that_comes_instead_is_said(url: str) -> None:
    data_mesher(f"printf %s {shlex.quote(zone_conf(9))} > mesh")
    Path("mesh").write_text(zone_conf(6))
    assert failure(url) == snapshot(
        """\
the zone did not arrive in mesh within 0 s: another push replaced it: serial 9, 2 records, sha256 6e42ba9e661b.
The newest signature wins: if the wrong zone is there, check the clocks (`timedatectl`) and push again. If the file is missing, check that --mesh-file belongs to --name, and see `journalctl -u data-mesher`.\
"""
    )


def test_a_mesh_file_that_is_not_a_zone_is_said(url: str) -> None:
    data_mesher("echo nonsense > mesh")
    assert failure(url) == snapshot(
        """\
the zone did not arrive in mesh within 0 s: another push replaced it: not a valid zone of pin: mesh:1: expected 'local-zone: "pin." transparent', found 'nonsense'.
The newest signature wins: if the wrong zone is there, check the clocks (`timedatectl`) and push again. If the file is missing, check that --mesh-file belongs to --name, and see `journalctl -u data-mesher`.\
"""
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [("--wait", "nan"), ("--wait", "inf"), ("--wait", "-1"), ("--wait", "x"), ("--domain", "a b")],
)
def test_misuse_exits_with_2(url: str, option: str, value: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run(url, f"{option}={value}")
    assert caught.value.code == 2


def test_what_the_mesh_has_is_not_sent_again(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mesh").write_text(zone_conf(7))
    assert run(url) == 0
    assert tuple(capsys.readouterr()) == snapshot(
        (
            "nothing to do for pin: the mesh has the same names with serial 7\n",
            "pin: no name changes, 2 unchanged; serial 7 -> 7\n",
        )
    )
    assert not sent()


def test_the_same_names_under_a_newer_serial_than_ours_are_enough(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mesh").write_text(zone_conf(8))
    assert run(url) == 0
    assert capsys.readouterr().out == snapshot(
        "nothing to do for pin: the mesh has the same names with serial 8, which is newer\n"
    )
    assert not sent()


def test_the_same_names_under_an_older_serial_than_ours_are_replaced(url: str) -> None:
    Path("mesh").write_text(zone_conf(6))
    assert run(url) == 0
    assert Path("mesh").read_text() == zone_conf(7)


def test_the_same_zone_is_sent_again_if_forced(url: str) -> None:
    Path("mesh").write_text(zone_conf(7))
    assert run(url, "--force") == 0
    assert sent()


def test_the_plan_comes_before_the_line_of_the_outcome(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mesh").write_text(zone_conf(6, "old.pin"))
    assert run(url) == 0
    assert tuple(capsys.readouterr()) == snapshot(
        (
            "pushed pin: serial 7, 2 records, 1 removed\n",
            """\
removed      old.pin  kiwi.pin
pin: 1 removed, 2 unchanged; serial 6 -> 7
""",
        )
    )


def test_a_long_plan_is_cut_short(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("zone.conf").write_text(zone_conf(7, *(f"n{i:03}.pin" for i in range(150))))
    assert run(url) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 102
    assert lines[-3:] == snapshot(
        [
            "added        n097.pin  kiwi.pin",
            "... and 52 more: `dm-dns plan` shows all",
            "pin: 152 added, 0 unchanged; serial none -> 7",
        ]
    )


def test_a_mesh_file_that_is_not_a_zone_is_repaired(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mesh").write_text(zone_conf(9)[:-1])
    assert run(url) == 0
    assert capsys.readouterr().err.splitlines()[0] == snapshot(
        "the mesh's copy is not a valid zone and will be replaced: mesh:7: the last line has no newline: it was cut short or changed; send it again"
    )
    assert Path("mesh").read_text() == zone_conf(7)


def test_an_older_zone_is_refused(url: str) -> None:
    Path("mesh").write_text(zone_conf(8, "new.pin"))
    assert failure(url) == snapshot("""\
the zone is refused, nothing was sent:
its serial 7 is older than the mesh's, 8: this is an outdated deployment or checkout, or a checkout that lacks that zone. Push from the checkout that has it, or merge that one into this and generate the zone again with `clan vars generate MACHINE --generator dm-dns --regenerate`. If no checkout has it, as after a rollback, generate the zone again, with a clock that is right. --force sends the older zone anyway; machines that were deployed with a newer one keep that.\
""")
    assert not sent()


def test_an_older_zone_is_sent_if_forced_and_who_does_not_serve_it_is_said(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mesh").write_text(zone_conf(8, "new.pin"))
    assert run(url, "--force") == 0
    assert Path("mesh").read_text() == zone_conf(7)
    assert capsys.readouterr().out == snapshot(
        "pushed pin: serial 7, 2 records, 1 removed; machines that were deployed with a newer zone keep that\n"
    )


def test_another_zone_with_the_same_serial_is_refused_even_if_forced(url: str) -> None:
    Path("mesh").write_text(zone_conf(7, "new.pin"))
    assert failure(url, "--force") == snapshot("""\
the zone is refused, nothing was sent:
the mesh has another zone with the same serial 7, so neither is newer: they were generated from two checkouts, of which neither has the other's. Merge them, and generate the zone again, which gives it a higher serial, with `clan vars generate MACHINE --generator dm-dns --regenerate`; --force does not override this.\
""")
    assert not sent()


def test_the_removal_of_many_names_is_refused(url: str) -> None:
    Path("mesh").write_text(zone_conf(6, *(f"n{i}.pin" for i in range(8))))
    assert failure(url) == snapshot("""\
the zone is refused, nothing was sent:
it removes 8 of the mesh's 10 names, more than 30 %. Review them with --dry-run; if they should go, push with --force.\
""")
    assert not sent()


def test_the_removal_of_many_names_is_done_if_forced(url: str) -> None:
    Path("mesh").write_text(zone_conf(6, *(f"n{i}.pin" for i in range(8))))
    assert run(url, "--force") == 0
    assert Path("mesh").read_text() == zone_conf(7)


def test_a_zone_of_the_future_is_refused_even_if_forced(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dm_dns.push.plan.time.time", lambda: 7.0)
    Path("zone.conf").write_text(zone_conf(7 + 86401))
    assert failure(url, "--force") == snapshot("""\
the zone is refused, nothing was sent:
its serial 86408 is more than a day ahead of this machine's clock (7): every zone generated before that time would count as older. Check the clock with `timedatectl`. If it is wrong, set it and push again. If it is right, the zone was generated with a wrong one: remove vars/shared/dm-dns/zone.conf from the checkout, as the next zone would be newer still, generate it with `clan vars generate MACHINE --generator dm-dns`, and deploy all machines that have this one; --force does not override this.\
""")
    assert not sent()


def test_a_dry_run_sends_nothing_and_needs_no_daemon(capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = "http://127.0.0.1:1"
    assert run(nowhere, "--dry-run") == plan.CHANGES_STATUS == 2
    assert tuple(capsys.readouterr()) == snapshot(
        (
            "would push pin: serial 7, 2 records, 2 added\n",
            """\
added        irc.pin  kiwi.pin
added        kiwi.pin  fd00::1
pin: 2 added, 0 unchanged; serial none -> 7
""",
        )
    )
    Path("mesh").write_text(zone_conf(7))
    assert run(nowhere, "--dry-run") == 0
    assert not sent()


def test_a_dry_run_fails_where_a_push_is_refused(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mesh").write_text(zone_conf(8, "new.pin"))
    assert "its serial 7 is older than the mesh's, 8" in failure(url, "--dry-run")
    assert capsys.readouterr().err == snapshot("""\
removed      new.pin  kiwi.pin
pin: 1 removed, 2 unchanged; serial 8 -> 7
""")


def automatically(url: str, *more: str) -> int:
    Path("state").mkdir()
    return run(url, "--automatic", "--state", "state", "--interval", "1ms", *more)


def test_an_automatic_push_is_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert automatically(url) == 0
    assert tuple(capsys.readouterr()) == snapshot(
        ("pushed pin: serial 7, 2 records, 2 added\n", "")
    )
    assert Path("mesh").read_text() == zone_conf(7)


@pytest.mark.parametrize(
    ("serial", "mesh", "reason"),
    [
        (7, zone_conf(6, *(f"n{i}.pin" for i in range(8))), "more than 30 %"),
        (7, zone_conf(7, "new.pin"), "another zone with the same serial 7"),
        (2**32 - 1, zone_conf(7), "more than a day ahead"),
    ],
)
def test_an_automatic_push_is_refused_as_another(
    url: str, serial: int, mesh: str, reason: str
) -> None:
    Path("zone.conf").write_text(zone_conf(serial))
    Path("mesh").write_text(mesh)
    assert reason in failure_of(lambda: automatically(url))
    assert not sent()


def test_an_automatic_push_with_a_wrong_key_is_refused(url: str) -> None:
    keys.generate(Path("pair"))
    message = failure_of(lambda: automatically(url, "--public-key", "pair/signing.pub"))
    assert "does not belong to --public-key" in message
    assert not sent()


def test_an_automatic_push_sees_immediately_that_another_one_came_in_between(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data_mesher(f"printf %s {shlex.quote(zone_conf(9, 'new.pin'))} > mesh")
    Path("mesh").write_text(zone_conf(6))
    assert automatically(url, "--wait", "60") == 0
    assert tuple(capsys.readouterr()) == snapshot(
        (
            "nothing to do for pin: the mesh has serial 9, and this machine was deployed with 7, which is older\n",
            "",
        )
    )


def test_a_key_that_belongs_to_the_public_one_may_sign(url: str) -> None:
    keys.generate(Path("pair"))
    assert run(url, "--key", "pair/signing.key", "--public-key", "pair/signing.pub") == 0


def test_a_key_that_belongs_to_another_public_one_is_refused(url: str) -> None:
    keys.generate(Path("pair"))
    message = failure(url, "--public-key", "pair/signing.pub", "--force")
    assert message == snapshot(
        "--key signing.key does not belong to --public-key pair/signing.pub: no machine would accept what it signs. Run `clan vars generate`, then deploy all machines, so that all have the key pair of one generation."
    )
    assert not sent()


@pytest.mark.parametrize("text", ["", KEY[:-1], KEY.replace("PRIVATE", "PUBLIC"), KEY + "#\n"])
def test_a_key_in_another_form_is_refused_without_showing_it(url: str, text: str) -> None:
    keys.generate(Path("pair"))
    Path("signing.key").write_text(text)
    message = failure(url, "--public-key", "pair/signing.pub")
    assert message.startswith("signing.key:")
    assert message.endswith(". Give the signing.key that `dm-dns keygen DIR` wrote, unchanged.")
    assert KEY.split("\n")[1][-40:] not in message
    assert not sent()


def test_a_private_key_as_the_public_one_is_refused_without_showing_it(url: str) -> None:
    assert failure(url, "--public-key", "signing.key") == snapshot(
        "signing.key:1: expected '-----BEGIN PUBLIC KEY-----'. Give the signing.pub that `dm-dns keygen DIR` wrote, unchanged."
    )


def test_a_missing_public_key_is_refused(url: str) -> None:
    assert failure(url, "--public-key", "missing.pub") == snapshot(
        "--public-key missing.pub: No such file or directory. Check the path."
    )


DELETES = "rm mesh"


def test_a_deletion_takes_the_mesh_file_away(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    data_mesher(DELETES)
    Path("mesh").write_text(zone_conf(6))
    assert run(url, "--delete") == 0
    assert tuple(capsys.readouterr()) == snapshot(
        (
            "deleted dns/cnames (serial 6, 2 records, sha256 6e42ba9e661b): machines serve the zone they were deployed with\n",
            "",
        )
    )
    assert Path("arguments").read_text().replace(url, "URL").split() == snapshot(
        [
            "file",
            "delete",
            "dns/cnames",
            "--url",
            "URL",
            "--key",
            "signing.key",
            "--network-id",
            "network.pub",
        ]
    )


def test_a_deletion_needs_no_zone(url: str) -> None:
    data_mesher(DELETES)
    Path("mesh").write_text("no zone")
    Path("zone.conf").unlink()
    assert run(url, "--delete") == 0


def test_where_no_mesh_file_is_there_is_nothing_to_delete(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(url, "--delete") == 0
    assert tuple(capsys.readouterr()) == snapshot(
        ("nothing to do for pin: mesh does not exist\n", "")
    )
    assert not sent()


def test_a_dry_run_deletes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mesh").write_text(zone_conf(6))
    assert run("http://127.0.0.1:1", "--delete", "--dry-run") == 2
    assert tuple(capsys.readouterr()) == snapshot(
        ("would delete dns/cnames (serial 6, 2 records, sha256 6e42ba9e661b)\n", "")
    )
    assert not sent()


def test_a_mesh_file_that_stays_is_an_error(url: str) -> None:
    data_mesher("")
    Path("mesh").write_text(zone_conf(6))
    assert failure(url, "--delete") == snapshot("""\
the deletion did not arrive in mesh within 0 s: it is unchanged: serial 6, 2 records, sha256 6e42ba9e661b.
The newest signature wins: if the wrong zone is there, check the clocks (`timedatectl`) and push again. If the file is missing, check that --mesh-file belongs to --name, and see `journalctl -u data-mesher`.\
""")


def test_a_deletion_is_signed_with_the_right_key_only(url: str) -> None:
    keys.generate(Path("pair"))
    Path("mesh").write_text(zone_conf(6))
    assert "does not belong to" in failure(url, "--delete", "--public-key", "pair/signing.pub")
    assert not sent()


def test_without_a_zone_the_command_is_misused(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = "push --domain pin --key signing.key --network-id network.pub --mesh-file mesh"
    with pytest.raises(SystemExit) as caught:
        main([*needed.split(), "--url", url])
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(
        "dm-dns push: error: ZONE.conf is missing; name it, or a checkout with --flake\n"
    )


def remember(serial: int, *hosts: str) -> None:
    Path("history").mkdir(exist_ok=True)
    Path(f"history/{serial}.conf").write_text(zone_conf(serial, *hosts))


def rollback(url: str, serial: int, *more: str) -> int:
    return run(url, "--rollback", str(serial), "--history", "history", *more)


def test_a_rollback_brings_the_old_names_under_a_new_serial(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dm_dns.push.plan.time.time", lambda: 100.5)
    remember(5, "old.pin")
    Path("mesh").write_text(zone_conf(9, "new.pin"))
    assert rollback(url, 5) == 0
    assert Path("mesh").read_text() == zone_conf(100, "old.pin")
    assert tuple(capsys.readouterr()) == snapshot(
        (
            "pushed pin: serial 100, 3 records, 1 added, 1 removed\n",
            """\
removed      new.pin  kiwi.pin
added        old.pin  kiwi.pin
pin: 1 added, 1 removed, 2 unchanged; serial 9 -> 100
""",
        )
    )


@pytest.mark.parametrize(("mesh", "expected"), [(None, 100), (99, 100), (100, 101), (500, 501)])
def test_the_serial_of_a_rollback_is_above_the_meshs(
    url: str, monkeypatch: pytest.MonkeyPatch, mesh: int | None, expected: int
) -> None:
    monkeypatch.setattr("dm_dns.push.plan.time.time", lambda: 100.5)
    remember(5, "old.pin")
    if mesh is not None:
        Path("mesh").write_text(zone_conf(mesh, "new.pin"))
    assert rollback(url, 5) == 0
    assert Path("mesh").read_text() == zone_conf(expected, "old.pin")


def test_a_zone_of_the_future_is_rolled_back_by_the_serial_of_now(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dm_dns.push.plan.time.time", lambda: 100.5)
    remember(5, "old.pin")
    Path("mesh").write_text(zone_conf(2**32 - 1, "new.pin"))
    assert rollback(url, 5) == 0
    assert Path("mesh").read_text() == zone_conf(100, "old.pin")


def test_a_rollback_that_removes_many_names_is_refused(url: str) -> None:
    remember(5)
    Path("mesh").write_text(zone_conf(6, *(f"n{i}.pin" for i in range(8))))
    message = failure(url, "--rollback", "5", "--history", "history")
    assert message == snapshot("""\
the zone is refused, nothing was sent:
it removes 8 of the mesh's 10 names, more than 30 %. Review them with --dry-run; if they should go, push with --force.\
""")
    assert not sent()


def test_a_rollback_to_what_is_not_kept_names_what_is(url: str) -> None:
    remember(5)
    remember(6)
    assert failure(url, "--rollback", "4", "--history", "history") == snapshot(
        "history/4.conf: no zone with this serial is kept. The serials kept are: 6, 5. Machines with the role default keep the zones that came over the mesh, and no others."
    )
    assert not sent()


def test_the_history_is_where_apply_keeps_it() -> None:
    parser = argparse.ArgumentParser()
    push.add_arguments(parser)
    args = parser.parse_args(["--domain", "pin", "--key", "k", "--network-id", "n", "--delete"])
    assert args.history == history.DIRECTORY
