"""`dm-dns apply` with a real unbound: which zone is served, and what it answers."""

import os
import shutil
import subprocess
from pathlib import Path

import dns.rdatatype
import pytest
from dm_dns.access import history

from checks.processes.control import Control
from checks.processes.plain_machine import PlainMachine
from checks.processes.tests.helpers import (
    NEW,
    OLD,
    applied,
    bring,
    failed,
    files,
    loading,
    rcode,
    served,
    source,
    status,
    unchanged,
    written,
    zone_conf,
)

HEADERLESS = 'local-zone: "pin." transparent\nlocal-data: "Git.pin. CNAME kfbox.pin."\n'
KIWI = [f"AAAA {OLD}"]
UNIT = 65534
"""A user and a group, in the place of dm-dns."""
ANOTHER = zone_conf(9, addresses={"kiwi.pin": (NEW,)})
BAD = {
    "cut short": (ANOTHER[:-20], ":8: the last line has no newline"),
    "cut at a line's end": (ANOTHER.rsplit("\n", 2)[0] + "\n", ":3: the header counts 3 records"),
    "empty": ("", ":1: the file is empty"),
    "no zone at all": ("404 page not found\n", ":1: expected 'local-zone:"),
    "an option": (f"{ANOTHER}include: /etc/passwd\n", ":3: the header counts 3 records"),
    "an option, no header": (f"{HEADERLESS}forward-zone:\n", ":3: neither a local-zone nor"),
    "a foreign name": (
        f'{HEADERLESS}local-data: "example.com. A 192.0.2.1"\n',
        ":3: 'example.com.' is not below the domain",
    ),
    "two CNAMEs": (f'{HEADERLESS}local-data: "git.pin. CNAME kiwi.pin."\n', ":3: a second CNAME"),
}


# -- which zone


def test_the_deployed_zone_is_served_without_a_mesh(machine: PlainMachine) -> None:
    machine.deployed.write_text(zone_conf(5))
    assert applied(machine) == "pin: serial 5, 3 records, source deployed\n"
    assert source(machine) == ("deployed", "5")
    assert served(machine, "irc.pin") == KIWI


@pytest.mark.parametrize(
    ("mesh", "expected"),
    [(6, ("mesh", "6")), (5, ("mesh", "5")), (4, ("deployed", "5"))],
    ids=["newer", "equal", "older"],
)
def test_the_higher_serial_is_served_and_of_equal_ones_the_meshs(
    machine: PlainMachine, mesh: int, expected: tuple[str, str]
) -> None:
    machine.deployed.write_text(zone_conf(5))
    bring(machine, zone_conf(mesh))
    applied(machine)
    assert source(machine) == expected


def test_a_zone_without_header_has_serial_0(machine: PlainMachine) -> None:
    bring(machine, HEADERLESS)
    applied(machine)
    assert source(machine) == ("mesh", "0")
    assert (served(machine, "git.pin"), rcode(machine, "git.pin")) == ([], "NOERROR")
    machine.deployed.write_text(zone_conf(1))
    applied(machine)
    assert source(machine) == ("deployed", "1")


def test_a_lower_serial_is_served_where_it_is_all_there_is(machine: PlainMachine) -> None:
    bring(machine, zone_conf(9))
    applied(machine)
    bring(machine, zone_conf(4))
    applied(machine)
    assert source(machine) == ("mesh", "4")


@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD)
def test_a_bad_zone_leaves_all_names_and_says_why_until_a_good_one_comes(
    machine: PlainMachine, content: str, reason: str
) -> None:
    machine.deployed.write_text(zone_conf(1, {"irc.pin": "kiwi.pin"}))
    bring(machine, zone_conf(5))
    applied(machine)
    bring(machine, content)
    for _ in range(2):  # a run that changes nothing must fail anyway
        message = failed(machine.apply())
        assert message.startswith(f"dm-dns: {machine.mesh_file}{reason}")
        assert message.endswith(
            "\nmeanwhile pin is served: serial 5, 3 records, source kept, newer than serial 1, with"
            " which this machine was deployed\n"
        )
        assert source(machine) == ("kept", "5")
        assert [served(machine, name) for name in ("irc.pin", "mail.pin")] == [KIWI, KIWI]
    bring(machine, zone_conf(6))
    applied(machine)
    assert source(machine) == ("mesh", "6")


def test_a_bad_zone_leaves_the_names_that_unbound_started_with(idle: PlainMachine) -> None:
    idle.deployed.write_text(zone_conf(1, {"irc.pin": "kiwi.pin"}))
    bring(idle, zone_conf(5))
    written(idle)
    idle.unbound.start()
    applied(idle)
    assert source(idle) == ("mesh", "5")
    bring(idle, "bad\n")
    failed(idle.apply())
    assert source(idle) == ("kept", "5")
    assert served(idle, "mail.pin") == KIWI


def test_the_newest_zones_that_the_mesh_brought_are_remembered(machine: PlainMachine) -> None:
    machine.deployed.write_text(zone_conf(1))
    applied(machine)
    assert history.serials(machine.state / "history") == []
    (machine.state / "history").mkdir()
    (machine.state / "history/notes.conf").touch()
    for serial in range(5, 27):
        bring(machine, zone_conf(serial))
        applied(machine)
    # The newest, and the first of the day.
    first = min(history.serials(machine.state / "history"))
    assert history.serials(machine.state / "history") == [*range(26, 6, -1), first]
    assert (machine.state / "history/26.conf").read_text() == zone_conf(26)


def test_a_withdrawn_zone_gives_way_to_the_deployed_one(machine: PlainMachine) -> None:
    machine.deployed.write_text(zone_conf(5))
    bring(machine, zone_conf(6))
    applied(machine)
    machine.mesh_file.unlink()
    applied(machine)
    assert source(machine) == ("deployed", "5")


def test_with_both_zones_bad_the_last_one_is_kept_and_both_are_named(machine: PlainMachine) -> None:
    machine.deployed.write_text(zone_conf(5))
    bring(machine, zone_conf(6))
    applied(machine)
    machine.deployed.write_text("bad\n")
    bring(machine, "bad\n")
    message = failed(machine.apply())
    assert f"{machine.mesh_file}:1: expected" in message
    assert f"{machine.deployed}:1: expected" in message
    assert source(machine) == ("kept", "6")
    assert served(machine, "irc.pin") == KIWI


def test_without_any_zone_it_fails_and_says_what_to_do(machine: PlainMachine) -> None:
    message = failed(machine.apply())
    assert message.startswith("dm-dns: there is no zone for pin: ")
    assert "run `clan vars generate` and deploy, or run `dm-send-dns`" in message
    assert rcode(machine, "irc.pin") == "SERVFAIL"


def test_without_any_zone_the_last_one_stays(machine: PlainMachine) -> None:
    bring(machine, zone_conf(6))
    applied(machine)
    machine.mesh_file.unlink()
    failed(machine.apply())
    assert served(machine, "irc.pin") == KIWI


def test_a_mesh_directory_that_is_missing_is_not_a_zone(machine: PlainMachine) -> None:
    machine.deployed.write_text(zone_conf(5))
    shutil.rmtree(machine.mesh_file.parents[3])
    applied(machine)
    assert source(machine) == ("deployed", "5")


# -- answers


def test_a_cname_comes_with_its_address_and_for_any_case(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5, addresses={"kiwi.pin": ("192.0.2.1", OLD)}))
    applied(machine)
    assert served(machine, "irc.pin") == ["CNAME kiwi.pin.", f"AAAA {OLD}"]
    assert served(machine, "IRC.pin") == ["CNAME kiwi.pin.", f"AAAA {OLD}"]
    assert served(machine, "irc.pin", "A") == ["CNAME kiwi.pin.", "A 192.0.2.1"]
    assert served(machine, "kiwi.pin") == [f"AAAA {OLD}"]


def soa(machine: PlainMachine, name: str, kind: str) -> list[str]:
    """Return the SOA records of an answer, which tell caches for how long an empty one is valid."""
    authority = machine.unbound.ask(name, kind).authority
    return [str(rrset) for rrset in authority if rrset.rdtype == dns.rdatatype.SOA]


@pytest.mark.parametrize(
    ("addresses", "empty"),
    [((OLD,), ["A"]), (("192.0.2.1",), ["AAAA"]), ((), ["A", "AAAA"])],
    ids=["IPv6 only", "IPv4 only", "none"],
)
@pytest.mark.parametrize("name", ["irc.pin", "mail.pin", "any.apps.pin", "kiwi.pin"])
def test_an_empty_answer_has_its_soa(
    machine: PlainMachine, name: str, addresses: tuple[str, ...], empty: list[str]
) -> None:
    cnames = {"irc.pin": "kiwi.pin", "mail.pin": "irc.pin", "*.apps.pin": "kiwi.pin"}
    bring(machine, zone_conf(5, cnames, {"kiwi.pin": addresses}))
    applied(machine)
    for kind in ("A", "AAAA"):
        expected = [] if kind in empty else [f"{kind} {address}" for address in addresses]
        assert served(machine, name, kind) == expected
        assert rcode(machine, name, kind) == "NOERROR"
        assert len(soa(machine, name, kind)) == (kind in empty)


@pytest.mark.parametrize("machine_address", [(), ("fd00::9",)], ids=["unknown", "in /etc/hosts"])
def test_no_wildcard_answers_for_a_machine_without_address(
    machine: PlainMachine, machine_address: tuple[str, ...]
) -> None:
    # As `dm-dns render` makes it where some machines have an address.
    zone = {"kiwi.pin": (OLD,), "kfbox.pin": ()}
    bring(machine, zone_conf(5, {"*.pin": "kiwi.pin"}, zone))
    machine.hosts.write_text("".join(f"{address} kfbox.pin\n" for address in machine_address))
    applied(machine)
    assert served(machine, "any.pin") == KIWI
    assert served(machine, "kfbox.pin") == [f"AAAA {address}" for address in machine_address]
    assert (rcode(machine, "kfbox.pin"), rcode(machine, "kfbox.pin", "A")) == ("NOERROR",) * 2
    assert len(soa(machine, "kfbox.pin", "A")) == 1


def test_an_unknown_name_does_not_exist_and_other_domains_are_refused(
    machine: PlainMachine,
) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    names = ("no.pin", "irc.pin", "example.com", "notpin")
    assert [rcode(machine, name) for name in names] == ["NXDOMAIN", "NOERROR", "REFUSED", "REFUSED"]


def test_a_name_of_several_machines_has_all_their_addresses(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5, addresses={"kiwi.pin": (OLD,), "www.pin": ("192.0.2.1", OLD, NEW)}))
    applied(machine)
    assert served(machine, "www.pin") == [f"AAAA {OLD}", f"AAAA {NEW}"]
    assert served(machine, "www.pin", "A") == ["A 192.0.2.1"]


def test_an_underscore_is_a_character_of_names(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5, {"_matrix._tcp.my_host.pin": "kiwi.pin"}))
    applied(machine)
    assert served(machine, "_matrix._tcp.my_host.pin") == KIWI


def test_a_wildcard_answers_for_every_name_that_is_not_there_itself(machine: PlainMachine) -> None:
    names = {"*.apps.pin": "kiwi.pin", "one.apps.pin": "kfbox.pin"}
    bring(machine, zone_conf(5, names, {"kiwi.pin": (OLD,), "kfbox.pin": (NEW,)}))
    applied(machine)
    assert served(machine, "any.apps.pin") == KIWI
    assert served(machine, "a.b.apps.pin") == KIWI
    assert served(machine, "one.apps.pin") == [f"AAAA {NEW}"]
    assert rcode(machine, "any.pin") == "NXDOMAIN"


def test_a_wildcard_of_a_machine_without_address_leads_nowhere_and_not_in_a_circle(
    machine: PlainMachine,
) -> None:
    bring(machine, zone_conf(5, {"*.pin": "kiwi.pin"}, {"kfbox.pin": (NEW,)}))
    applied(machine)
    assert served(machine, "any.pin") == []
    assert rcode(machine, "any.pin") == "NOERROR"
    assert served(machine, "kiwi.pin") == []


def test_the_apex_has_the_serial_in_its_soa(machine: PlainMachine) -> None:
    bring(machine, zone_conf(1795433611))
    applied(machine)
    [soa] = served(machine, "pin", "SOA")
    assert soa.split()[3] == "1795433611"
    assert served(machine, "pin", "NS") == ["NS localhost."]


def test_the_status_says_serial_hash_and_source(machine: PlainMachine) -> None:
    text = zone_conf(5)
    bring(machine, text)
    applied(machine)
    sha256 = text.split("# sha256: ")[1].split("\n")[0]
    [record] = served(machine, "_dm-dns.pin", "TXT")
    assert record.startswith(f'TXT "serial=5 sha256={sha256} source=mesh"')
    assert status(machine).keys() == {"serial", "sha256", "source", "file"}


# -- /etc/hosts


def test_addresses_in_etc_hosts_win_except_those_on_loopback(machine: PlainMachine) -> None:
    addresses = {"kiwi.pin": ("192.0.2.1", OLD), "kfbox.pin": (OLD,)}
    bring(machine, zone_conf(5, addresses=addresses))
    machine.hosts.write_text(f"127.0.0.2 kfbox.pin kfbox\n::1 kfbox.pin\n{NEW} kiwi.pin kiwi\n")
    applied(machine)
    assert served(machine, "irc.pin") == [f"AAAA {NEW}"]
    assert served(machine, "kiwi.pin", "A") == []
    assert served(machine, "kfbox.pin") == [f"AAAA {OLD}"]


# What NixOS writes by clan-core's default, on the machine kiwi.
NIXOS_HOSTS = """\
127.0.0.1 localhost
::1 localhost
127.0.0.2 kiwi.pin kiwi
::1 kiwi.pin kiwi
"""


@pytest.mark.parametrize("addresses", [(OLD,), ("192.0.2.1",), ("192.0.2.1", OLD), ()])
def test_a_machines_own_services_have_its_addresses_and_no_cname(
    machine: PlainMachine, addresses: tuple[str, ...]
) -> None:
    # systemd-resolved would follow a CNAME into /etc/hosts.
    cnames = {"irc.pin": "kiwi.pin", "a.pin": "irc.pin", "www.pin": "kfbox.pin"}
    zone = {"kiwi.pin": addresses, "kfbox.pin": (NEW,)}
    bring(machine, zone_conf(5, cnames, {name: some for name, some in zone.items() if some}))
    machine.hosts.write_text(NIXOS_HOSTS)
    applied(machine)
    for name in ("irc.pin", "a.pin", "kiwi.pin"):
        for kind in ("A", "AAAA"):
            assert served(machine, name, kind) == [
                f"{kind} {address}" for address in addresses if (":" in address) == (kind == "AAAA")
            ]
            assert rcode(machine, name, kind) == "NOERROR"
    assert served(machine, "www.pin") == [f"AAAA {NEW}"]


def test_a_wildcard_for_the_machine_itself_has_its_addresses(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5, {"*.pin": "kiwi.pin"}))
    machine.hosts.write_text(NIXOS_HOSTS)
    applied(machine)
    assert served(machine, "any.pin") == [f"AAAA {OLD}"]
    assert served(machine, "kiwi.pin") == [f"AAAA {OLD}"]


def test_a_change_of_etc_hosts_is_served(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    machine.hosts.write_text(f"{NEW} kiwi.pin other.pin\n")
    applied(machine)
    assert served(machine, "kiwi.pin") == [f"AAAA {NEW}"]
    assert served(machine, "other.pin") == [f"AAAA {NEW}"]
    machine.hosts.unlink()
    applied(machine)
    assert served(machine, "kiwi.pin") == [f"AAAA {OLD}"]
    assert rcode(machine, "other.pin") == "NXDOMAIN"


def test_etc_hosts_does_not_change_a_cname(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    machine.hosts.write_text(f"{NEW} irc.pin\n")
    applied(machine)
    assert served(machine, "irc.pin") == KIWI


def test_a_hosts_file_that_is_not_text_stops_nothing(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    machine.hosts.write_bytes(b"\xff\xfe\0\n" + NEW.encode() + b" kiwi.pin\n")
    applied(machine)
    assert served(machine, "kiwi.pin") == [f"AAAA {NEW}"]


def test_a_copy_that_cannot_be_read_is_not_a_copy_that_is_gone(machine: PlainMachine) -> None:
    machine.deployed.write_text(zone_conf(5))
    applied(machine)
    machine.mesh_file.symlink_to(machine.mesh_file.name)
    assert f"{machine.mesh_file}: cannot be read" in failed(machine.apply())
    assert f"{machine.mesh_file}: cannot be read" in failed(machine.apply())
    machine.mesh_file.unlink()
    applied(machine)
    assert source(machine) == ("deployed", "5")


# -- what it does not do


def test_unchanged_inputs_are_not_loaded_again(machine: PlainMachine, recorded: Control) -> None:
    bring(machine, zone_conf(5))
    applied(machine)
    assert recorded.commands == loading()
    bring(machine, zone_conf(5))
    assert applied(machine) == unchanged(machine)
    assert recorded.commands == loading()


def test_write_only_asks_unbound_nothing(idle: PlainMachine) -> None:
    bring(idle, zone_conf(5))
    assert written(idle) == "serial 5, 3 records, source mesh\n"
    assert "pin.zone" in files(idle)


def test_what_it_writes_is_readable_by_all_and_holds_no_leftovers(machine: PlainMachine) -> None:
    for serial in (5, 6):
        bring(machine, zone_conf(serial))
        applied(machine)
    assert files(machine) == {"pin.zone", "kept.conf", "lock"}
    assert {oct(path.stat().st_mode & 0o777) for path in readable(machine)} == {"0o644"}
    assert oct((machine.state / "lock").stat().st_mode & 0o777) == "0o600"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_no_other_user_can_hold_the_lock(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    (machine.state / "lock").touch(mode=0o644)  # as an older version made it
    applied(machine)
    other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    held = subprocess.run(
        [*other, "flock", "--nonblock", str(machine.state / "lock"), "true"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert held.returncode != 0
    assert "Permission denied" in held.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run apply by hand as root")
def test_root_writes_nothing_that_the_units_user_cannot_replace(machine: PlainMachine) -> None:
    bring(machine, zone_conf(5))
    secret = machine.directory / "secret"
    secret.touch(mode=0o600)
    # What a user who has got hold of the unit may try.
    (machine.state / "kept.conf.new").symlink_to(secret)
    for path in (machine.state, *machine.state.iterdir()):
        os.chown(path, UNIT, UNIT, follow_symlinks=False)
    message = failed(machine.apply())
    assert message == f"dm-dns: {machine.state}/kept.conf: Permission denied\n"
    assert (secret.read_bytes(), secret.stat().st_mode & 0o777) == (b"", 0o600)
    applied(machine)
    assert source(machine) == ("mesh", "5")
    paths = list(machine.state.rglob("*"))
    assert {path.name for path in paths} >= {"pin.zone", "kept.conf", "lock", "history", "5.conf"}
    assert {(path.stat().st_uid, path.stat().st_gid) for path in paths} == {(UNIT, UNIT)}


def readable(machine: PlainMachine) -> list[Path]:
    return [machine.state / "pin.zone", machine.state / "kept.conf"]
