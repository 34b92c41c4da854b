# ruff: noqa: E501 - messages stand here as they are printed
import argparse
import json
import time
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns.cli import main
from dm_dns.commands import plan as command
from dm_dns.push import plan
from dm_dns.push.destination import MeshCopy
from dm_dns.zone import conf, diff
from dm_dns.zone.local_lines import Local
from dm_dns.zone.networks import Network

OLD = conf.Zone(
    "pin",
    5,
    {
        "irc.pin": "kfbox.pin",
        "gone.pin": "kfbox.pin",
        "stays.pin": "kiwi.pin",
        "one.pin": "kiwi.pin",
    },
    {"kiwi.pin": ("fd00::1",), "kfbox.pin": ("fd00::2",), "two.pin": ("fd00::1", "fd00::2")},
)
NEW = conf.Zone(
    "pin",
    7,
    {"irc.pin": "kiwi.pin", "stays.pin": "kiwi.pin", "two.pin": "kiwi.pin", "new.pin": "kiwi.pin"},
    {
        "kiwi.pin": ("10.0.0.1", "fd00::9"),
        "kfbox.pin": ("fd00::2",),
        "one.pin": ("fd00::2", "fd00::9"),
    },
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("zone.conf").write_text(conf.render(NEW))


def run(*more: str) -> int:
    return main(["plan", "zone.conf", "--domain", "pin", "--mesh-file", "mesh", *more])


def many(serial: int, names: int, first: int = 0) -> conf.Zone:
    """Return a zone with so many names."""
    cnames = {f"n{i}.pin": "kiwi.pin" for i in range(first, first + names - 1)}
    return conf.Zone("pin", serial, cnames, {"kiwi.pin": ("fd00::1",)})


def compare(new: conf.Zone, old: conf.Zone | None) -> plan.Plan:
    content = conf.render(old).encode() if old else None
    return plan.make(new, MeshCopy(content, "mesh"))


def test_each_kind_of_change_is_a_line_of_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mesh").write_text(conf.render(OLD))
    assert run() == 2
    assert tuple(capsys.readouterr()) == snapshot(
        (
            """\
removed      gone.pin  kfbox.pin
moved        irc.pin  kfbox.pin -> kiwi.pin
readdressed  kiwi.pin  fd00::1 -> 10.0.0.1 fd00::9
added        new.pin  kiwi.pin
shared       one.pin  kiwi.pin -> fd00::2 fd00::9
unshared     two.pin  fd00::1 fd00::2 -> kiwi.pin
pin: 1 added, 1 removed, 1 moved, 1 readdressed, 1 shared, 1 unshared, 2 unchanged; serial 5 -> 7
""",
            "",
        )
    )


def test_json_has_the_same_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mesh").write_text(conf.render(OLD))
    assert run("--json") == 2
    assert json.loads(capsys.readouterr().out) == snapshot(
        {
            "domain": "pin",
            "sends": True,
            "serial": {"mesh": 5, "zone": 7},
            "problem": None,
            "refusals": [],
            "counts": {
                "added": 1,
                "removed": 1,
                "moved": 1,
                "readdressed": 1,
                "unshared": 1,
                "shared": 1,
                "declared": 0,
                "redeclared": 0,
                "undeclared": 0,
                "unchanged": 2,
            },
            "changes": [
                {
                    "name": "gone.pin",
                    "kind": "removed",
                    "before": {"cname": "kfbox.pin"},
                    "after": None,
                },
                {
                    "name": "irc.pin",
                    "kind": "moved",
                    "before": {"cname": "kfbox.pin"},
                    "after": {"cname": "kiwi.pin"},
                },
                {
                    "name": "kiwi.pin",
                    "kind": "readdressed",
                    "before": {"addresses": ["fd00::1"]},
                    "after": {"addresses": ["10.0.0.1", "fd00::9"]},
                },
                {
                    "name": "new.pin",
                    "kind": "added",
                    "before": None,
                    "after": {"cname": "kiwi.pin"},
                },
                {
                    "name": "one.pin",
                    "kind": "shared",
                    "before": {"cname": "kiwi.pin"},
                    "after": {"addresses": ["fd00::2", "fd00::9"]},
                },
                {
                    "name": "two.pin",
                    "kind": "unshared",
                    "before": {"addresses": ["fd00::1", "fd00::2"]},
                    "after": {"cname": "kiwi.pin"},
                },
            ],
        }
    )


HOME = Network("192.168.1.0/24", "192.168.1.1", "52:54:00:12:34:56")
OFFICE = Network("10.1.0.0/16", "10.1.0.1", "02:00:00:00:00:01")
OLD_LOCAL = OLD._replace(
    shared={"two.pin": ("kiwi.pin", "lime.pin")},
    local=Local(
        {"home": HOME, "gone": OFFICE},
        {"kiwi.pin": (("home", "192.168.1.10"),), "kfbox.pin": (("gone", "10.1.0.2"),)},
    ),
)
NEW_LOCAL = OLD._replace(
    shared={"two.pin": ("kiwi.pin", "lime.pin")},
    serial=7,
    local=Local(
        {"home": HOME._replace(only=True), "office": OFFICE},
        {"kiwi.pin": (("home", "192.168.1.11"),), "kfbox.pin": (("office", "10.1.0.2"),)},
    ),
)


def test_what_changes_on_local_networks_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mesh").write_text(conf.render(OLD_LOCAL))
    Path("zone.conf").write_text(conf.render(NEW_LOCAL))
    assert run() == 2
    assert capsys.readouterr().out == snapshot("""\
readdressed  kfbox.pin  fd00::2 10.1.0.2@gone -> fd00::2 10.1.0.2@office
readdressed  kiwi.pin  fd00::1 192.168.1.10@home -> fd00::1 192.168.1.11@home
readdressed  two.pin  fd00::1 fd00::2 192.168.1.10@home -> fd00::1 fd00::2 192.168.1.11@home
undeclared   gone  10.1.0.0/16 10.1.0.1 02:00:00:00:00:01
redeclared   home  192.168.1.0/24 192.168.1.1 52:54:00:12:34:56 -> 192.168.1.0/24 192.168.1.1 52:54:00:12:34:56 only
declared     office  10.1.0.0/16 10.1.0.1 02:00:00:00:00:01
pin: 3 readdressed, 1 declared, 1 redeclared, 1 undeclared, 4 unchanged; serial 5 -> 7
""")
    assert run("--json") == 2
    assert json.loads(capsys.readouterr().out)["changes"][2:5] == snapshot(
        [
            {
                "name": "two.pin",
                "kind": "readdressed",
                "before": {"addresses": ["fd00::1", "fd00::2", "192.168.1.10@home"]},
                "after": {"addresses": ["fd00::1", "fd00::2", "192.168.1.11@home"]},
            },
            {
                "name": "gone",
                "kind": "undeclared",
                "before": {
                    "network": {
                        "prefix": "10.1.0.0/16",
                        "router": "10.1.0.1",
                        "link_address": "02:00:00:00:00:01",
                        "only": False,
                    }
                },
                "after": None,
            },
            {
                "name": "home",
                "kind": "redeclared",
                "before": {
                    "network": {
                        "prefix": "192.168.1.0/24",
                        "router": "192.168.1.1",
                        "link_address": "52:54:00:12:34:56",
                        "only": False,
                    }
                },
                "after": {
                    "network": {
                        "prefix": "192.168.1.0/24",
                        "router": "192.168.1.1",
                        "link_address": "52:54:00:12:34:56",
                        "only": True,
                    }
                },
            },
        ]
    )


def test_a_network_alone_is_a_change_that_is_sent() -> None:
    alone = OLD_LOCAL._replace(
        local=OLD_LOCAL.local._replace(networks={"home": HOME, "gone": OFFICE._replace(only=True)})
    )
    made = compare(alone, OLD_LOCAL)
    assert made.has_changes
    assert made.unchanged == 7
    assert made.counts() == "pin: 1 redeclared, 7 unchanged; serial 5 -> 5"
    assert "another zone with the same serial" in plan.refusals(made)[0]
    assert not compare(OLD_LOCAL, OLD_LOCAL).has_changes


def test_networks_do_not_count_as_names_that_are_removed() -> None:
    networks = {f"n{number}": HOME for number in range(20)}
    before = many(5, 20)._replace(local=Local(networks, {}))
    made = compare(many(7, 20), before)
    assert diff.count(made.changes)["undeclared"] == 20
    assert plan.refusals(made) == []


def test_every_kind_is_counted_and_counts_add_up_to_the_zones() -> None:
    made = compare(NEW, OLD)
    counts = diff.count(made.changes)
    networks = diff.count(compare(NEW_LOCAL, OLD_LOCAL).changes)
    assert all(counts[kind] == 1 or networks[kind] == 1 for kind in diff.KINDS)
    old_names = len(OLD.cnames) + len(OLD.addresses)
    assert sum(counts.values()) - counts["added"] + made.unchanged == old_names


def test_without_a_mesh_file_everything_is_added(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    output = capsys.readouterr()
    *names, counts = output.out.splitlines()
    assert [line.split()[0] for line in names] == ["added"] * 7
    assert counts == snapshot("pin: 7 added, 0 unchanged; serial none -> 7")
    assert output.err == ""


def test_where_the_mesh_files_folder_is_a_file_there_is_no_mesh_file() -> None:
    Path("mesh").write_text("")
    assert main(["plan", "zone.conf", "--domain", "pin", "--mesh-file", "mesh/cnames"]) == 2


def test_the_same_zone_is_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mesh").write_bytes(Path("zone.conf").read_bytes())
    assert run() == 0
    assert capsys.readouterr().out == snapshot("pin: no name changes, 7 unchanged; serial 7 -> 7\n")
    assert run("--json") == 0
    assert json.loads(capsys.readouterr().out)["sends"] is False


def test_the_same_names_under_a_newer_serial_are_sent(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mesh").write_text(conf.render(NEW._replace(serial=6)))
    assert run() == 2
    assert capsys.readouterr().out == snapshot("pin: no name changes, 7 unchanged; serial 6 -> 7\n")


def test_the_same_names_under_an_older_serial_are_nothing_to_do() -> None:
    Path("mesh").write_text(conf.render(NEW._replace(serial=8)))
    assert run() == 0


def test_the_same_records_without_header_are_nothing_to_do() -> None:
    body = conf.render(NEW).splitlines(keepends=True)[4:]
    Path("zone.conf").write_text("".join(body))
    Path("mesh").write_text("".join([body[0], *reversed(body[1:])]))
    assert run() == 0


def test_a_mesh_file_that_is_not_a_zone_is_said_and_everything_is_added(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("mesh").write_text(conf.render(OLD)[:-1])
    assert run() == 2
    lines = capsys.readouterr().out.splitlines()
    assert [lines[0], lines[-1]] == snapshot(
        [
            "the mesh's copy is not a valid zone and will be replaced: mesh:13: the last line has no newline: it was cut short or changed; send it again",
            "pin: 7 added, 0 unchanged; serial none -> 7",
        ]
    )
    assert run("--json") == 2
    found = json.loads(capsys.readouterr().out)
    assert [found["serial"], found["problem"]] == snapshot(
        [
            {"mesh": None, "zone": 7},
            "mesh:13: the last line has no newline: it was cut short or changed; send it again",
        ]
    )


def test_a_mesh_file_of_another_domain_is_not_a_zone() -> None:
    made = plan.make(NEW, MeshCopy(b'local-zone: "other." transparent\n', "mesh"))
    assert made.old is None
    assert made.problem == snapshot(
        "mesh:1: expected 'local-zone: \"pin.\" transparent', found 'local-zone: \"other.\" transparent'"
    )


def test_a_zone_that_does_not_check_is_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    Path("zone.conf").write_text("nonsense\n")
    assert run() == 1
    assert tuple(capsys.readouterr()) == snapshot(
        ("", "zone.conf:1: expected 'local-zone: \"pin.\" transparent', found 'nonsense'\n")
    )


def test_a_mesh_file_that_cannot_be_read_is_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mesh").mkdir()
    assert run() == 1
    assert tuple(capsys.readouterr()) == snapshot(
        ("", "dm-dns: --mesh-file mesh: Is a directory. Check the path.\n")
    )


def test_what_a_push_refuses_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mesh").write_text(conf.render(OLD._replace(serial=9)))
    assert run() == 2
    assert capsys.readouterr().out.splitlines()[0] == snapshot(
        "a push refuses this: its serial 7 is older than the mesh's, 9: this is an outdated deployment or checkout, or a checkout that lacks that zone. Push from the checkout that has it, or merge that one into this and generate the zone again with `clan vars generate MACHINE --generator dm-dns --regenerate`. If no checkout has it, as after a rollback, generate the zone again, with a clock that is right. --force sends the older zone anyway; machines that were deployed with a newer one keep that."
    )


def test_an_older_serial_is_refused_unless_forced() -> None:
    made = compare(many(6, 3), many(7, 4))
    assert plan.refusals(made) == snapshot(
        [
            "its serial 6 is older than the mesh's, 7: this is an outdated deployment or checkout, or a checkout that lacks that zone. Push from the checkout that has it, or merge that one into this and generate the zone again with `clan vars generate MACHINE --generator dm-dns --regenerate`. If no checkout has it, as after a rollback, generate the zone again, with a clock that is right. --force sends the older zone anyway; machines that were deployed with a newer one keep that."
        ]
    )
    assert plan.refusals(made, force=True) == []


def test_an_older_serial_than_one_that_is_ahead_of_the_clock_is_refused_with_that_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1795433611.5)
    # A zone that is generated within the same second would have the same serial.
    now = " after 2026-11-23 11:33:31 UTC, with"
    for ahead, expected in (
        (3600, " after 2026-11-23 12:33:31 UTC, with"),
        (0, now),
        (-1, ", with"),
    ):
        (reason,) = plan.refusals(compare(many(6, 3), many(1795433611 + ahead, 4)))
        assert f"generate the zone again{expected} a clock that is right" in reason


def test_what_a_machine_was_deployed_with_is_not_called_the_meshs() -> None:
    deployed = MeshCopy(conf.render(many(7, 11)).encode(), "kept.conf", from_mesh=False)
    reasons = [
        *plan.refusals(plan.make(many(6, 12), deployed)),
        *plan.refusals(plan.make(many(7, 12), deployed)),
        *plan.refusals(plan.make(many(8, 2), deployed)),
        plan.make(many(6, 11), deployed).up_to_date_reason(many(7, 11)),
    ]
    assert [reason.partition(":")[0].partition(",")[0] for reason in reasons] == snapshot(
        [
            "its serial 6 is older than the machine's",
            "the machine has another zone with the same serial 7",
            "it removes 9 of the machine's 11 names",
            "the machine has the same names with serial 7",
        ]
    )


def test_an_equal_serial_with_other_names_is_refused_even_if_forced() -> None:
    made = compare(many(7, 3), many(7, 4))
    assert plan.refusals(made) == snapshot(
        [
            "the mesh has another zone with the same serial 7, so neither is newer: they were generated from two checkouts, of which neither has the other's. Merge them, and generate the zone again, which gives it a higher serial, with `clan vars generate MACHINE --generator dm-dns --regenerate`; --force does not override this."
        ]
    )
    assert plan.refusals(made, force=True) == plan.refusals(made)


def test_a_serial_too_far_ahead_is_refused_even_if_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.5)
    assert plan.refusals(compare(many(1000 + 86400, 3), None)) == []
    made = compare(many(1001 + 86400, 3), None)
    assert plan.refusals(made) == snapshot(
        [
            "its serial 87401 is more than a day ahead of this machine's clock (1000): every zone generated before that time would count as older. Check the clock with `timedatectl`. If it is wrong, set it and push again. If it is right, the zone was generated with a wrong one: remove vars/shared/dm-dns/zone.conf from the checkout, as the next zone would be newer still, generate it with `clan vars generate MACHINE --generator dm-dns`, and deploy all machines that have this one; --force does not override this."
        ]
    )
    assert plan.refusals(made, force=True) == plan.refusals(made)


def test_a_serial_too_far_ahead_that_the_mesh_has_is_not_refused() -> None:
    ahead = many(2**32 - 1, 3)
    made = compare(ahead, ahead)
    assert plan.refusals(made) == []
    assert not made.has_changes
    assert len(plan.refusals(made, force=True)) == 1  # which would send it again


def test_the_removal_of_many_names_is_refused_unless_forced() -> None:
    made = compare(many(7, 6), many(6, 10))
    assert plan.refusals(made) == snapshot(
        [
            "it removes 4 of the mesh's 10 names, more than 30 %. Review them with --dry-run; if they should go, push with --force."
        ]
    )
    assert plan.refusals(made, force=True) == []


@pytest.mark.parametrize(
    ("before", "after", "is_refused"),
    [(10, 7, False), (10, 6, True), (9, 2, False), (100, 70, False), (100, 69, True)],
)
def test_many_are_more_than_30_percent_of_10_or_more(
    before: int, after: int, *, is_refused: bool
) -> None:
    assert bool(plan.refusals(compare(many(7, after), many(6, before)))) is is_refused


def test_names_that_are_added_do_not_make_up_for_those_removed() -> None:
    made = compare(many(7, 20, first=5), many(6, 10))
    assert diff.count(made.changes)["removed"] == 5
    assert "removes 5 of the mesh's 10 names" in plan.refusals(made)[0]


def test_all_refusals_are_told_at_once() -> None:
    assert len(plan.refusals(compare(many(6, 2), many(7, 20)))) == 2


def test_the_default_mesh_file_is_the_nodes() -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    args = parser.parse_args(["zone.conf", "--domain", "pin"])
    assert str(args.mesh_file) == snapshot("/var/lib/data-mesher/files/home/dns/cnames")


@pytest.mark.parametrize(
    ("serial", "names", "sends", "refused"),
    [(6, 3, True, 1), (6, 2, False, 0), (7, 2, True, 0), (7, 3, True, 1), (8, 2, True, 0)],
)
def test_what_a_machine_was_deployed_with_is_not_in_the_mesh_yet(
    serial: int, names: int, *, sends: bool, refused: int
) -> None:
    deployed = MeshCopy(conf.render(many(7, 2)).encode(), "kept.conf", from_mesh=False)
    made = plan.make(many(serial, names), deployed)
    assert (made.has_changes, len(plan.refusals(made))) == (sends, refused)
