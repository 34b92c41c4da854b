# ruff: noqa: E501 - messages stand here as they are printed
"""`dm-dns status` and `dm-dns show`, with a real unbound, sshd and git."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from dm_dns.zone import conf
from inline_snapshot import snapshot

from checks.processes import sshd
from checks.processes.plain_machine import PlainMachine
from checks.processes.sshd import Sshd
from checks.processes.tests.helpers import (
    DOMAIN,
    NEW,
    OLD,
    bring,
    wait_for_serial,
    zone_conf,
)

SERIAL = 1795589653
KINDS = {"irc.pin": "kiwi", "mail.pin": "kiwi"}


def clan_json(machines: Mapping[str, list[str]], names: Mapping[str, str] = KINDS) -> str:
    """Return the clan file: the machines with their addresses, the names with their machine."""
    endpoints = [
        {"host": host, "machine": machine, "service": f"service-{host.partition('.')[0]}"}
        for host, machine in names.items()
    ]
    spec = {
        "domain": DOMAIN,
        "machines": {name: {"addresses": addresses} for name, addresses in machines.items()},
        "endpoints": [{**each, "instance": "chat", "role": "server"} for each in endpoints],
    }
    return json.dumps({"spec": spec, "serving": {name: {"listen": []} for name in machines}})


def dm_dns(
    machine: PlainMachine | None, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run dm-dns on a machine, or on one that is not of the clan."""
    command = [sys.executable, "-m", "dm_dns", *arguments]
    env = {**os.environ, **more}
    if machine:
        command += ["--config", str(machine.config)]
        env["RUNTIME_DIRECTORY"] = str(machine.runtime)
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def plain(text: str) -> str:
    """Return a text with the same times and paths in each run."""
    text = re.sub(r"\d+ (d|h|min|s) ago", "N h ago", text)
    text = re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)?", "TIME", text)
    text = re.sub(r"^(machine +).*", r"\1NAME", text)
    return re.sub(r"127\.\d+\.\d+\.\d+ port \d+", "ADDRESS", text)


@pytest.fixture
def serving(idle: PlainMachine) -> PlainMachine:
    """A machine that has served three zones of the mesh."""
    bring(idle, zone_conf(SERIAL - 200))
    idle.boot()
    for serial, names in ((SERIAL - 100, {"irc.pin": "kiwi.pin"}), (SERIAL, None)):
        bring(idle, zone_conf(serial, names))
        wait_for_serial(idle, serial)
    (idle.directory / "clan.json").write_text(clan_json({"kiwi": [OLD]}))
    return idle


def test_status_shows_what_the_machine_serves(serving: PlainMachine) -> None:
    done = dm_dns(serving, "status")
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == snapshot("""\
machine       NAME
domain        pin
serial        1795589653 (rendered TIME UTC, N h ago)
source        mesh
names         3 (3 records)
served since  TIME UTC
last change   TIME UTC, serial 1795589653: 1 added
problems      none
""")


def test_status_and_show_tell_that_others_have_names_as_well(serving: PlainMachine) -> None:
    config = json.loads(serving.config.read_text())
    serving.config.write_text(json.dumps({**config, "wholeDomain": False}))
    status = dm_dns(serving, "status")
    assert "domain        pin, of which others have names as well\n" in status.stdout
    assert json.loads(dm_dns(serving, "status", "--json").stdout)["whole_domain"] is False
    shown = dm_dns(serving, "show", "www.pin")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert re.search(
        r"www\.pin is not one of the 3 names of pin, serial \d+, and resolves as without dm-dns;",
        shown.stderr,
    )


def test_its_json_has_the_documented_keys(serving: PlainMachine) -> None:
    found: dict[str, Any] = json.loads(dm_dns(serving, "status", "--json").stdout)
    change = found.pop("change")
    assert change["serial"] == SERIAL
    assert change["counts"]["added"] == 1
    assert found.pop("age") > 0
    assert isinstance(found.pop("machine"), str)
    assert isinstance(found.pop("since"), str)
    assert found == {
        "domain": DOMAIN,
        "serial": SERIAL,
        "source": "mesh",
        "sha256": conf.parse(zone_conf(SERIAL).encode(), DOMAIN, "").sha256,
        "names": 3,
        "records": 3,
        "networks": [],
        "problems": [],
        "whole_domain": True,
    }


def test_a_problem_is_shown_beside_what_is_served(serving: PlainMachine) -> None:
    serving.unbound.stop()
    done = dm_dns(serving, "status")
    assert done.returncode == 1
    assert "\nserial        1795589653 " in done.stdout
    assert plain(done.stdout).splitlines()[-1] == snapshot(
        "problems      unbound does not answer queries on ADDRESS: Connection refused; `dm-dns doctor` says what to type"
    )


def test_a_machine_that_serves_nothing_says_so(idle: PlainMachine) -> None:
    done = dm_dns(idle, "status")
    assert done.returncode == 1
    assert "serial        none: nothing is served\n" in done.stdout
    assert "dm-dns.service does not run" in done.stdout
    done = dm_dns(idle, "show")
    assert done.returncode == 1
    assert done.stderr.startswith("dm-dns: this machine does not serve pin: ")


def test_a_user_without_rights_sees_the_same(serving: PlainMachine) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    clan = ["--clan", str(serving.directory / "clan.json")]
    for arguments in (["status", "--json"], ["show", "--json", *clan]):
        own = json.loads(dm_dns(serving, *arguments).stdout)
        command = [sys.executable, "-m", "dm_dns", *arguments, "--config", str(serving.config)]
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command],
            env={**os.environ, "RUNTIME_DIRECTORY": str(serving.runtime)},
            capture_output=True,
            text=True,
            check=False,
        )
        if "No module named" in done.stderr or "Permission denied" in done.stderr:
            pytest.skip("another user cannot read this checkout")
        theirs = json.loads(done.stdout)
        own.pop("age", None)
        theirs.pop("age", None)
        assert theirs == own


def test_show_lists_all_names(serving: PlainMachine) -> None:
    done = dm_dns(serving, "show", "--clan", str(serving.directory / "clan.json"))
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == snapshot("""\
NAME      KIND     ON    ADDRESSES  EXPORTED BY                  SINCE
irc.pin   service  kiwi  fd00::1    service-irc (chat, server)   TIME or before
kiwi.pin  machine  kiwi  fd00::1    -                            TIME or before
mail.pin  service  kiwi  fd00::1    service-mail (chat, server)  TIME
""")


def test_show_a_name(serving: PlainMachine) -> None:
    done = dm_dns(serving, "show", "mail", "--clan", str(serving.directory / "clan.json"))
    assert (done.returncode, done.stderr) == (0, "")
    assert plain(done.stdout) == snapshot("""\
name         mail.pin
kind         service
machines     kiwi
addresses    fd00::1
exported by  service service-mail, instance chat, role server, on kiwi
since        TIME UTC, serial 1795589653
""")


def test_show_a_mistyped_name_suggests_the_right_one(serving: PlainMachine) -> None:
    done = dm_dns(serving, "show", "mailx.pin", "--clan", str(serving.directory / "clan.json"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == snapshot(
        "dm-dns: mailx.pin is not one of the 3 names of pin, serial 1795589653; did you mean mail.pin?\n"
    )


def test_show_lists_the_names_that_have_an_address(serving: PlainMachine) -> None:
    clan = str(serving.directory / "clan.json")
    done = dm_dns(serving, "show", "FD00:0::1", "--clan", clan)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == snapshot(
        ["NAME", "irc.pin", "kiwi.pin", "mail.pin"]
    )
    found = json.loads(dm_dns(serving, "show", "fd00::1", "--json", "--clan", clan).stdout)
    assert [each["name"] for each in found["names"]] == ["irc.pin", "kiwi.pin", "mail.pin"]
    nobody = dm_dns(serving, "show", "192.0.2.1", "--clan", clan)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert nobody.stderr == snapshot(
        "dm-dns: none of the 3 names of pin, serial 1795589653, has 192.0.2.1; `dm-dns show` lists all names with their addresses\n"
    )


@pytest.mark.parametrize("command", ["doctor", "show"])
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("https://mail.pin/x", "':' is not allowed in a name"),
        ("mail:443", "':' is not allowed in a name"),
        ("", "it has an empty label"),
        ("fe80::1%eth0", "':' is not allowed in a name"),
    ],
)
def test_what_is_no_name_is_a_misuse(
    serving: PlainMachine, command: str, text: str, rule: str
) -> None:
    done = dm_dns(serving, command, text)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"argument NAME: {text!a} is not a name: {rule}" in done.stderr
    assert "give a host name without scheme, port and path" in done.stderr


def test_without_a_clan_file_show_says_what_is_not_known(serving: PlainMachine) -> None:
    done = dm_dns(serving, "show", "mail", "--clan", "/missing/clan.json")
    assert done.returncode == 0
    assert "exported by" not in done.stdout
    assert done.stderr == snapshot(
        "dm-dns: not known who exports a name: /missing/clan.json: No such file or directory; deploy this machine again\n"
    )


def test_the_hosts_file_of_the_machine_is_what_it_answers_and_what_show_says(
    serving: PlainMachine,
) -> None:
    serving.hosts.write_text(f"{NEW} kiwi.pin\n")
    done = dm_dns(serving, "show", "irc", "--json", "--clan", str(serving.directory / "clan.json"))
    (name,) = json.loads(done.stdout)["names"]
    assert name["addresses"] == [NEW]
    assert name["exports"] == [
        {
            "host": "irc.pin",
            "machine": "kiwi",
            "service": "service-irc",
            "instance": "chat",
            "role": "server",
        }
    ]


@pytest.mark.parametrize(
    ("address", "get"), [("192.0.2.66", "192.0.2.66"), ("127.0.0.1", "127.0.0.1")]
)
def test_show_says_what_programs_get_in_place_of_a_name(
    serving: PlainMachine, address: str, get: str
) -> None:
    serving.hosts.write_text(f"{address} irc.pin\n")
    clan = ["--clan", str(serving.directory / "clan.json")]
    told = f"dm-dns: programs on this machine get {get} for irc.pin, from {serving.hosts}\n"
    assert dm_dns(serving, "show", "irc", *clan).stderr == told
    assert dm_dns(serving, "show", *clan).stderr == told
    assert dm_dns(serving, "show", "mail", *clan).stderr == ""


def test_the_page_is_written_whole_or_not_at_all(serving: PlainMachine) -> None:
    page = serving.directory / "page.html"
    clan = ["--clan", str(serving.directory / "clan.json")]
    done = dm_dns(serving, "show", "--html", str(page), *clan)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    text = page.read_text()
    assert text.startswith("<!DOCTYPE html>")
    assert "mail" in text
    done = dm_dns(serving, "show", "--html", "/missing/page.html", *clan)
    assert (done.returncode, done.stdout) == (1, "")
    assert "No such file or directory" in done.stderr


class Fleet:
    """Machines of a clan, each with its sshd, and an ssh that reaches them by their full names."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.stack = ExitStack()
        self.folder = folder
        self.machines: dict[str, PlainMachine] = {}
        config = ""
        for name in names:
            machine = self.stack.enter_context(PlainMachine(name))
            self.machines[name] = machine
            config += self._reach(name, machine)
        (folder / "ssh_config").write_text(config)
        (folder / "bin").mkdir()
        ssh = folder / "bin/ssh"
        real = subprocess.run(["which", "ssh"], check=True, capture_output=True, text=True).stdout
        ssh.write_text(f'#!/bin/sh\nexec {real.strip()} -F {folder}/ssh_config "$@"\n')
        ssh.chmod(0o755)

    def _reach(self, name: str, machine: PlainMachine) -> str:
        """Start the sshd of a machine; return how a client's configuration names it."""
        programs = machine.directory / "bin"
        programs.mkdir()
        wrapper = programs / "dm-dns"
        command = shlex.join([sys.executable, "-m", "dm_dns"])
        wrapper.write_text(
            f"#!/bin/sh\nexport RUNTIME_DIRECTORY={machine.runtime}\n"
            f'exec {command} "$@" --config {machine.config}\n'
        )
        wrapper.chmod(0o755)
        folder = self.folder / name
        folder.mkdir()
        server = Sshd(folder, options=f"SetEnv PATH={programs}:/usr/bin:/bin")
        self.stack.callback(server.stop)
        server.client(folder, f"{name}.{DOMAIN}")
        server.start()
        return (folder / "ssh_config").read_text()

    def serve(self, **serials: int) -> None:
        for name, serial in serials.items():
            machine = self.machines[name]
            bring(machine, zone_conf(serial))
            machine.boot()
            wait_for_serial(machine, serial)

    def status(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return dm_dns(None, "status", "--all", *arguments, PATH=path)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    if sshd.find() is None:
        pytest.skip(sshd.MISSING)
    made = Fleet(tmp_path, "kiwi", "pear", "plum")
    with made.stack:
        yield made


def checkout(folder: Path, serial: int) -> Path:
    """Return a checkout whose zone has this serial, and the clan file beside it."""
    value = folder / "checkout/vars/shared/dm-dns/zone.conf/value"
    value.parent.mkdir(parents=True)
    value.write_text(zone_conf(serial))
    addresses = {"kiwi": [OLD], "pear": [], "plum": []}
    (folder / "clan.json").write_text(clan_json(addresses))
    return folder / "checkout"


def test_from_a_checkout_all_machines_are_asked(fleet: Fleet, tmp_path: Path) -> None:
    flake = ["--flake", str(checkout(tmp_path, SERIAL)), "--clan", str(tmp_path / "clan.json")]
    fleet.serve(kiwi=SERIAL, pear=SERIAL - 5)
    done = fleet.status(*flake)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.replace(str(fleet.machines["plum"].runtime), "/run") == snapshot("""\
pin: the newest serial is 1795589653 (2026-11-25 06:54:13 UTC)
kiwi  newest       1795589653  mesh      ssh
pear  behind       1795589648  mesh      ssh   the mesh has brought it nothing newer than serial 1795589648; see `systemctl status data-mesher` there
plum  behind                -  -         ssh   /run/state.json does not exist: dm-dns.service does not run; `dm-dns doctor` there says what to type
3 of 3 machines were reached; the newest zone is served by 1
""")
    fleet.serve(plum=SERIAL)
    bring(fleet.machines["pear"], zone_conf(SERIAL))
    wait_for_serial(fleet.machines["pear"], SERIAL)
    done = fleet.status(*flake, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert {row["machine"]: row["verdict"] for row in found["machines"]} == {
        "kiwi": "newest",
        "pear": "newest",
        "plum": "newest",
    }


def test_from_a_machine_too(fleet: Fleet, tmp_path: Path) -> None:
    checkout(tmp_path, SERIAL)
    fleet.serve(kiwi=SERIAL, pear=SERIAL, plum=SERIAL)
    path = f"{fleet.folder / 'bin'}:{os.environ['PATH']}"
    done = dm_dns(
        fleet.machines["kiwi"],
        "status",
        "--all",
        "--clan",
        str(tmp_path / "clan.json"),
        PATH=path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("3 of 3 machines were reached; the newest zone is served by 3\n")


def test_an_sshd_that_lets_nobody_in_is_told_without_a_prompt(fleet: Fleet, tmp_path: Path) -> None:
    checkout(tmp_path, SERIAL)
    fleet.serve(kiwi=SERIAL, pear=SERIAL, plum=SERIAL)
    (tmp_path / "pear/identity.pub").write_text("")
    (tmp_path / "plum/known_hosts").write_text("")
    done = fleet.status(
        "--flake", str(tmp_path / "checkout"), "--clan", str(tmp_path / "clan.json")
    )
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[2].startswith("pear  unreachable ")
    assert "Permission denied" in lines[2]
    assert "Host key verification failed" in lines[3]
    assert lines[4] == "1 of 3 machines were reached; the newest zone is served by 1"
