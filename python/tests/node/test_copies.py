# ruff: noqa: E501 - messages stand here as they are printed
import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.files import ReadFile, version
from dm_dns.node import copies
from dm_dns.node.config import NO_TRUST, Config, Trust
from dm_dns.node.copies import Choice, Inputs, choose, keep
from dm_dns.node.local_view import LocalView
from dm_dns.node.unbound import Unbound
from dm_dns.zone import conf

NOW = 1795433611.0
CONFIG = Config(
    domain="pin",
    mesh=Path("mesh"),
    deployed=Path("deployed"),
    hosts=Path("hosts"),
    state=Path("state"),
    keys=[],
    unbound=Unbound(Path("ctl"), "127.0.0.1", 5353),
    hook=None,
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in tmp_path, so that messages have short paths, and unprivileged users reach it."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    Path("state").mkdir(mode=0o755)


def zone_conf(serial: int, host: str = "irc.pin") -> bytes:
    return conf.render(conf.Zone("pin", serial, {host: "kfbox.pin"}, {})).encode()


def write(**files: bytes | int) -> None:
    """Write files; a number stands for a zone of that serial."""
    for name, content in files.items():
        path = Path(CONFIG.kept if name == "kept" else name)
        path.write_bytes(zone_conf(content) if isinstance(content, int) else content)


def chosen(config: Config = CONFIG, trust: Trust = NO_TRUST, now: float = NOW) -> Choice:
    return choose(config, Inputs.read(config), trust, now)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"mesh": 2, "deployed": 1}, "mesh 2", id="mesh newer"),
        pytest.param({"mesh": 1, "deployed": 2}, "deployed 2", id="deployed newer"),
        pytest.param({"mesh": 1}, "mesh 1", id="only mesh"),
        pytest.param({"deployed": 1}, "deployed 1", id="only deployed"),
        pytest.param(
            {"mesh": 1, "deployed": 2, "kept": 9}, "deployed 2", id="kept is not looked at"
        ),
        pytest.param({"deployed": 2, "kept": 9}, "deployed 2", id="withdrawn from the mesh"),
        pytest.param({"mesh": b"x", "deployed": 2}, "deployed 2", id="bad mesh"),
        pytest.param({"mesh": 1, "deployed": b"x"}, "mesh 1", id="bad deployed"),
        pytest.param({"mesh": b"x", "deployed": 1, "kept": 2}, "kept 2", id="kept newer"),
        pytest.param({"mesh": b"x", "deployed": 2, "kept": 1}, "deployed 2", id="kept older"),
        pytest.param({"mesh": b"x", "deployed": 2, "kept": 2}, "deployed 2", id="kept as old"),
        pytest.param({"mesh": b"x", "kept": 1}, "kept 1", id="bad mesh, kept"),
        pytest.param({"mesh": b"x", "deployed": b"x", "kept": 1}, "kept 1", id="all bad, kept"),
        pytest.param({"mesh": b"x", "deployed": 1, "kept": b"x"}, "deployed 1", id="bad kept"),
        pytest.param({"kept": 1}, "kept 1", id="only kept"),
        pytest.param({"mesh": 0, "deployed": 1}, "deployed 1", id="serial 0"),
        pytest.param(
            {"mesh": int(NOW) + conf.DAY, "deployed": 1},
            f"mesh {int(NOW) + conf.DAY}",
            id="largest serial",
        ),
    ],
)
def test_the_valid_copy_with_the_highest_serial_is_served(
    files: dict[str, bytes | int], expected: str
) -> None:
    write(**files)
    choice = chosen()
    assert f"{choice.source} {choice.zone.serial}" == expected
    assert choice.content == zone_conf(choice.zone.serial)


def test_of_copies_with_one_serial_the_mesh_copy_is_served() -> None:
    write(mesh=zone_conf(7, "a.pin"), deployed=zone_conf(7, "b.pin"))
    assert (chosen().source, chosen().zone.cnames) == ("mesh", {"a.pin": "kfbox.pin"})


def test_copies_with_one_serial_and_other_names_are_a_problem_and_the_kept_one_is_not_served() -> (
    None
):
    write(mesh=zone_conf(7, "a.pin"), deployed=zone_conf(7, "b.pin"), kept=9)
    choice = chosen()
    assert (choice.source, choice.zone.serial) == ("mesh", 7)
    assert choice.problems == snapshot(
        [
            "the zone that came over the mesh, mesh, and the one that this machine was deployed with, deployed, have the same serial 7 and other names, so neither is newer: they were generated from two checkouts, of which neither has the other's. Merge them, generate the zone again with `clan vars generate MACHINE --generator dm-dns --regenerate`, and deploy this machine and a push machine"
        ]
    )


def test_copies_with_one_serial_and_the_same_names_in_other_bytes_are_not_a_problem() -> None:
    lines = ['local-data: "a.pin. A 192.0.2.1"\n', 'local-data: "b.pin. A 192.0.2.1"\n']
    zone_line = 'local-zone: "pin." transparent\n'
    mesh, deployed = (zone_line + "".join(part) for part in (lines, lines[::-1]))
    write(mesh=mesh.encode(), deployed=deployed.encode())
    assert chosen().problems == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"mesh": 9, "deployed": 5}, 5),
        ({"mesh": 5, "deployed": 9}, 9),
        ({"mesh": 5}, None),
        ({"mesh": 5, "deployed": b"x"}, None),
    ],
)
def test_the_serial_of_the_deployed_copy_is_known(
    files: dict[str, bytes | int], expected: int | None
) -> None:
    write(**files)
    assert chosen().deployed == expected


def test_copies_with_other_serials_and_other_names_are_not_a_problem() -> None:
    write(mesh=zone_conf(2, "a.pin"), deployed=zone_conf(1, "b.pin"))
    assert chosen().problems == []


def test_a_zone_without_header_yields_to_one_with_a_serial() -> None:
    write(mesh=b'local-zone: "pin." transparent\n', deployed=1)
    assert chosen().source == "deployed"


def test_a_machine_without_deployed_zone_takes_the_mesh_copy() -> None:
    write(mesh=1, deployed=2)
    assert chosen(CONFIG._replace(deployed=None)).source == "mesh"


def test_without_problems_there_are_none() -> None:
    write(mesh=1)
    assert chosen().problems == []


def test_a_zone_of_another_domain_is_not_served() -> None:
    other = conf.render(conf.Zone("example", 9, {}, {})).encode()
    write(mesh=other, deployed=1)
    choice = chosen()
    assert choice.source == "deployed"
    assert choice.problems == snapshot(
        [
            "mesh:5: expected 'local-zone: \"pin.\" transparent', found 'local-zone: \"example.\" transparent'"
        ]
    )


def test_problems_of_all_copies_are_told_beside_what_is_served() -> None:
    write(mesh=b"x", deployed=b"", kept=1)
    assert chosen().problems == snapshot(
        [
            "mesh:1: the last line has no newline: it was cut short or changed; send it again",
            "deployed:1: the file is empty; a zone.conf has at least its local-zone line",
        ]
    )


def test_no_copy_at_all_is_an_error_with_a_remedy() -> None:
    with pytest.raises(Error) as caught:
        chosen()
    assert str(caught.value) == snapshot(
        "there is no zone for pin: the mesh has not brought one to mesh, and this machine was deployed without one; run `clan vars generate` and deploy, or run `dm-send-dns` on a push machine"
    )


def test_no_usable_copy_is_an_error_with_all_reasons() -> None:
    write(mesh=b"x", deployed=b"y", kept=b"z")
    with pytest.raises(Error) as caught:
        chosen()
    assert str(caught.value) == snapshot("""\
mesh:1: the last line has no newline: it was cut short or changed; send it again
deployed:1: the last line has no newline: it was cut short or changed; send it again
state/kept.conf:1: the last line has no newline: it was cut short or changed; send it again\
""")


def test_what_was_kept_is_served_with_a_problem_where_both_copies_are_gone() -> None:
    write(kept=1)
    [problem] = chosen().problems
    assert problem.startswith("there is no zone for pin")


def test_a_copy_that_cannot_be_read_is_a_problem() -> None:
    Path("mesh").mkdir()
    write(deployed=1)
    choice = chosen()
    assert choice.source == "deployed"
    assert choice.problems == snapshot(["mesh: cannot be read: Is a directory"])


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("deep"), KeyError("x")])
def test_a_copy_that_cannot_be_parsed_for_any_reason_is_a_problem_and_another_is_served(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = conf.parse

    def fail(content: bytes, domain: str, path: str) -> conf.Zone:
        if path == "mesh":
            raise error
        return parse(content, domain, path)

    monkeypatch.setattr(conf, "parse", fail)
    write(mesh=3, deployed=1, kept=2)
    choice = chosen()
    assert (choice.source, choice.zone.serial) == ("kept", 2)
    assert choice.problems == [f"mesh: reading the zone failed unexpectedly: {error!r}"]


def test_a_kept_copy_that_cannot_be_read_for_once_does_not_give_way_to_an_older_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(mesh=b"x", deployed=1, kept=2)
    parse, read = conf.parse, files.read

    def fail_to_read(path: Path, limit: int) -> bytes:
        if path == CONFIG.kept:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return read(path, limit)

    def fail_to_parse(content: bytes, domain: str | None, path: str) -> conf.Zone:
        if path == str(CONFIG.kept):
            raise MemoryError
        return parse(content, domain, path)

    for module, name, function in ((files, "read", fail_to_read), (conf, "parse", fail_to_parse)):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, function)
            with pytest.raises(Error, match=r"mesh:1: .*\nstate/kept\.conf: "):
                chosen()
    assert chosen().source == "kept"


def test_a_pipe_in_the_place_of_a_copy_is_a_problem_until_it_is_gone() -> None:
    os.mkfifo("mesh")
    write(deployed=1)
    inputs = Inputs.read(CONFIG)
    choice = choose(CONFIG, inputs, NO_TRUST, NOW)
    assert choice.source == "deployed"
    assert choice.problems == snapshot(["mesh: cannot be read: it is a pipe, not a regular file"])
    Path("mesh").unlink()
    write(mesh=2)
    assert inputs.outdated() == [Path("mesh")]
    assert (chosen().source, chosen().problems) == ("mesh", [])


@pytest.mark.usefixtures("not_root")
def test_a_copy_without_permission_is_a_problem() -> None:
    effective = os.geteuid()
    os.seteuid(os.getuid())
    write(mesh=2, deployed=1)
    Path("mesh").chmod(0)
    os.seteuid(effective)
    choice = chosen()
    assert choice.source == "deployed"
    assert choice.problems == snapshot(["mesh: cannot be read: Permission denied"])


def test_a_file_below_a_file_is_absent() -> None:
    write(hosts=b"")
    found = ReadFile.read(Path("hosts/mesh"), 10)
    assert (found.content, found.problem) == (None, None)


def rewritten() -> None:
    write(mesh=2)


def replaced() -> None:
    Path("new").write_bytes(Path("mesh").read_bytes())
    Path("new").replace("mesh")


def appended() -> None:
    with Path("deployed").open("ab") as file:
        file.write(b"#")


def touched() -> None:
    os.utime("deployed", ns=(1, 1))


def removed() -> None:
    Path("mesh").unlink()


def appeared() -> None:
    write(hosts=b"fd00::1 kiwi.pin\n")


@pytest.mark.parametrize("change", [rewritten, replaced, appended, touched, removed, appeared])
def test_a_change_is_noticed(change: Callable[[], None]) -> None:
    write(mesh=1, deployed=1)
    inputs = Inputs.read(CONFIG)
    assert inputs.outdated() == []
    change()
    assert inputs.outdated()


def test_a_machine_without_deployed_zone_notices_changes_too() -> None:
    write(mesh=1)
    inputs = Inputs.read(CONFIG._replace(deployed=None))
    assert inputs.outdated() == []
    removed()
    assert inputs.outdated()


def test_a_machine_without_deployed_zone_has_a_fingerprint_too() -> None:
    write(mesh=1)
    without = Inputs.read(CONFIG._replace(deployed=None))
    assert without.fingerprint(NO_TRUST) == Inputs.read(CONFIG).fingerprint(NO_TRUST)
    write(deployed=1)
    assert without.fingerprint(NO_TRUST) != Inputs.read(CONFIG).fingerprint(NO_TRUST)


def test_another_local_view_has_another_fingerprint() -> None:
    write(mesh=1)
    inputs = Inputs.read(CONFIG)
    views = [
        inputs._replace(local=LocalView(addresses, None)).fingerprint(NO_TRUST)
        for addresses in (None, (), ("::1",), ("127.0.0.1", "::1"))
    ]
    assert len(set(views)) == len(views)


def test_the_version_of_each_file_is_known_by_its_path() -> None:
    write(mesh=1, hosts=b"")
    versions = Inputs.read(CONFIG).versions()
    assert versions == {name: version(Path(name)) for name in ("mesh", "deployed", "hosts")}
    without = Inputs.read(CONFIG._replace(deployed=None)).versions()
    assert without.keys() == {"mesh", "hosts"}


def test_the_fingerprint_is_of_the_content() -> None:
    write(mesh=1, deployed=1, hosts=b"a")
    before = Inputs.read(CONFIG).fingerprint(NO_TRUST)
    replaced()
    touched()
    assert Inputs.read(CONFIG).fingerprint(NO_TRUST) == before


@pytest.mark.parametrize(
    "other",
    [
        {"mesh": b"b", "deployed": b"a", "hosts": b"c"},
        {"mesh": b"a", "deployed": b"b", "hosts": b"d"},
        {"mesh": b"a", "hosts": b"c"},
        {"mesh": b"a", "deployed": b"", "hosts": b"c"},
        {"deployed": b"b", "hosts": b"c"},
        {},
    ],
)
def test_other_content_has_another_fingerprint(other: dict[str, bytes]) -> None:
    write(mesh=b"a", deployed=b"b", hosts=b"c")
    before = Inputs.read(CONFIG).fingerprint(NO_TRUST)
    for name in ("mesh", "deployed", "hosts"):
        Path(name).unlink()
    write(**other)
    assert Inputs.read(CONFIG).fingerprint(NO_TRUST) != before


def test_an_empty_file_has_another_fingerprint_than_none() -> None:
    write(mesh=b"a")
    before = Inputs.read(CONFIG).fingerprint(NO_TRUST)
    write(deployed=b"")
    assert Inputs.read(CONFIG).fingerprint(NO_TRUST) != before


def test_content_that_is_in_another_copy_has_another_fingerprint() -> None:
    write(mesh=b"a")
    before = Inputs.read(CONFIG).fingerprint(NO_TRUST)
    Path("mesh").rename("deployed")
    assert Inputs.read(CONFIG).fingerprint(NO_TRUST) != before


def test_another_build_of_the_program_has_another_fingerprint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(mesh=1)
    before = Inputs.read(CONFIG).fingerprint(NO_TRUST)
    monkeypatch.setattr(copies, "__file__", "/nix/store/another/dm_dns/node/copies.py")
    assert Inputs.read(CONFIG).fingerprint(NO_TRUST) != before


@pytest.mark.parametrize(
    ("files", "expected", "is_late"),
    [
        ({"mesh": int(NOW) + conf.DAY, "deployed": 5}, "mesh", False),
        ({"mesh": int(NOW) + conf.DAY + 1, "deployed": 5}, "deployed", True),
        # The deployed copy can be trusted, whatever the clock says.
        ({"mesh": int(NOW) + 3 * conf.DAY, "deployed": int(NOW) + 2 * conf.DAY}, "mesh", False),
        (
            {"mesh": int(NOW) + 3 * conf.DAY + 1, "deployed": int(NOW) + 2 * conf.DAY},
            "deployed",
            True,
        ),
        ({"mesh": b"bad\n", "kept": 2**32 - 1, "deployed": 5}, "deployed", True),
        # Names of which nothing better is known are better than none.
        ({"mesh": 2**32 - 1}, "mesh", True),
    ],
)
def test_a_serial_from_the_future_counts_as_the_lowest(
    files: dict[str, bytes | int], expected: str, *, is_late: bool
) -> None:
    write(**files)
    choice = chosen()
    assert choice.source == expected
    is_told = any("more than a day ahead" in problem for problem in choice.problems)
    assert is_told == is_late


def test_a_serial_from_the_future_is_told_with_what_to_do() -> None:
    write(mesh=2**32 - 1, deployed=5)
    problems = chosen().problems
    assert problems == snapshot(
        [
            "the serial 4294967295 of mesh is more than a day ahead of this machine's clock, so it counts as the lowest. Check the clock with `timedatectl`. If it is right, that zone was made by a wrong one, or by somebody who has the key; run `dm-send-dns` on a push machine to replace it"
        ]
    )


def test_a_problem_has_the_same_text_at_any_time() -> None:
    write(mesh=2**32 - 1, deployed=5)
    assert chosen(now=NOW).problems == chosen(now=NOW + 60).problems != []


LAST = int(NOW)
"""The serial of the zone that was served last, in the tests below."""
FIRST = LAST - 30 * conf.DAY
"""The serial of the zone that the machine was deployed with."""
BOOT = 12.0
"""A clock that began in 1970."""


def write_kept(serial: int, clock: float) -> None:
    """Write the kept copy, as what was served by this clock."""
    write(kept=serial)
    os.utime(CONFIG.kept, (clock, clock))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"mesh": LAST, "deployed": FIRST}, "mesh", id="the same"),
        pytest.param({"mesh": LAST - 9 * conf.DAY, "deployed": FIRST}, "mesh", id="older"),
        pytest.param({"mesh": LAST + 1, "deployed": FIRST}, "kept", id="newer"),
        pytest.param({"mesh": 2**32 - 1, "deployed": FIRST}, "kept", id="from the future"),
        pytest.param({"mesh": b"bad\n", "deployed": FIRST}, "kept", id="not valid"),
        pytest.param({"deployed": FIRST}, "deployed", id="withdrawn"),
        pytest.param({"mesh": LAST, "deployed": LAST + 1}, "deployed", id="deployed since then"),
        pytest.param({"mesh": LAST + 1}, "kept", id="not deployed"),
    ],
)
def test_a_clock_that_is_behind_brings_no_old_names_back(
    files: dict[str, bytes | int], expected: str
) -> None:
    write(**files)
    write_kept(LAST, NOW)
    assert chosen(now=BOOT).source == expected


def test_what_was_served_before_is_not_a_problem_with_a_clock_that_is_behind() -> None:
    write(mesh=LAST, deployed=FIRST)
    write_kept(LAST, NOW)
    assert chosen(now=BOOT).problems == []


@pytest.mark.parametrize("now", [BOOT, NOW])
@pytest.mark.parametrize("mesh", ["the same", "bad"])
def test_a_zone_that_was_from_the_future_when_it_was_served_does_not_keep_others_away(
    mesh: str, now: float
) -> None:
    """It was served because there was no other one."""
    future = LAST + 9 * conf.DAY
    write(mesh=future if mesh == "the same" else b"bad\n", deployed=FIRST)
    write_kept(future, NOW)
    choice = chosen(now=now)
    assert choice.source == "deployed"
    late = [problem for problem in choice.problems if "more than a day ahead" in problem]
    assert len(late) == 1


def test_each_zone_cannot_be_a_day_ahead_of_the_one_before() -> None:
    serial = LAST
    write(deployed=FIRST)
    for _ in range(5):
        serial += conf.DAY
        write(mesh=serial)
        keep(CONFIG, chosen(), NOW)
        os.utime(CONFIG.kept, (NOW, NOW))
    assert chosen().zone.serial == LAST + conf.DAY
    assert chosen(now=BOOT).zone.serial == LAST + conf.DAY


def test_a_zone_that_is_served_when_the_clock_is_right_was_served_by_a_right_clock() -> None:
    write(mesh=LAST)
    now = NOW - 40 * conf.DAY  # the only one there is
    keep(CONFIG, chosen(now=now), now)
    os.utime(CONFIG.kept, (now, now))
    write(deployed=FIRST)
    assert chosen(now=BOOT).source == "deployed"
    keep(CONFIG, chosen(now=NOW), NOW)
    assert CONFIG.kept.stat().st_mtime == NOW
    assert chosen(now=BOOT).source == "mesh"


def test_a_kept_copy_that_cannot_be_read_for_once_does_not_give_way_to_the_deployed_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(mesh=LAST, deployed=FIRST)
    write_kept(LAST, NOW)
    read = files.read

    def fail(path: Path, limit: int) -> bytes:
        if path == CONFIG.kept:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return read(path, limit)

    with monkeypatch.context() as patched:
        patched.setattr(files, "read", fail)
        with pytest.raises(Error, match=r"state/kept\.conf: "):
            chosen(now=BOOT)
    assert chosen(now=BOOT).source == "mesh"


def test_a_copy_that_was_pushed_with_a_replaced_key_does_not_count() -> None:
    write(mesh=9, deployed=5)
    trust = Trust(["new"], [hashlib.sha256(Path("mesh").read_bytes()).hexdigest()], 9)
    choice = chosen(trust=trust)
    assert (choice.source, choice.zone.serial) == ("deployed", 5)
    assert choice.problems == snapshot(
        [
            "mesh was pushed before the signing key was replaced, and is not used; run `dm-send-dns` on a push machine to replace it"
        ]
    )
    write(mesh=4)
    choice = chosen(trust=trust)
    assert (choice.source, choice.problems) == ("deployed", [])
    write(mesh=6)
    assert chosen(trust=trust).source == "mesh"


def test_what_is_not_trusted_has_another_fingerprint() -> None:
    write(mesh=5)
    inputs = Inputs.read(CONFIG)
    assert inputs.fingerprint(NO_TRUST) != inputs.fingerprint(NO_TRUST._replace(distrusted=["ab"]))
