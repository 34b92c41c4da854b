# ruff: noqa: E501 - messages stand here as they are printed
"""What is found of all machines: by a fake ssh, and servers in place of their unbound."""

import json
import os
import shlex
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from dm_dns.inspect import asking, fleet
from dm_dns.inspect.asking import Answer, Machine, Query
from dm_dns.inspect.status import Status
from dm_dns.node.apply import Served

from .clans import clan_of, zone

HASH, OTHER = "a" * 64, "b" * 64


def printed(serial: int | None = 7, **more: object) -> dict[str, Any]:
    """Return what `dm-dns status --json` prints, as far as it matters."""
    values: dict[str, Any] = {
        "domain": "pin",
        "serial": serial,
        "source": "mesh",
        "sha256": HASH,
        "problems": [],
    }
    return {**values, **more}


def remote(**values: Any) -> str:  # noqa: ANN401 - JSON
    """Return a shell command that does what a login on a machine with dm-dns does."""
    return f"echo motd; echo ---dm-dns---; echo {shlex.quote(json.dumps(printed(**values)))}"


class Ssh:
    """An ssh that runs a shell command for each machine, and notes its arguments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.settings: dict[str, str] = {}
        path = folder / "ssh"
        path.write_text(
            f"#!{sys.executable}\n"
            "import os, sys\n"
            "arguments = sys.argv[1:]\n"
            "host = arguments[arguments.index('--') + 1].rpartition('@')[2]\n"
            f"folder = {str(folder)!r}\n"
            "if '-G' in arguments:\n"
            "    script = f'{folder}/{host}.settings'\n"
            "else:\n"
            f"    with open({str(self.log)!r}, 'a') as log: print(*arguments, file=log)\n"
            "    script = f'{folder}/{host}.login'\n"
            "if '-E' in arguments:\n"  # what ssh itself says
            "    said = arguments[arguments.index('-E') + 1]\n"
            "    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)\n"
            "os.execvp('sh', ['sh', script])\n"
        )
        path.chmod(0o755)

    def machine(
        self, name: str, login: str, *, host_name: str = "elsewhere", port: int = 22
    ) -> None:
        settings = f"echo hostname {host_name}; echo port {port}"
        (self.folder / f"{name}.pin.settings").write_text(settings)
        (self.folder / f"{name}.pin.login").write_text(login)

    def logins(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ssh:
    made = Ssh(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return made


def machine(name: str, *addresses: str, listen: tuple[str, ...] = ()) -> Machine:
    return Machine(name, f"{name}.pin", addresses, listen)


def asked(
    *names: str | Machine,
    query: Query | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> fleet.Fleet:
    machines = [machine(name) if isinstance(name, str) else name for name in names]
    return fleet.ask_all(machines, query or Query("pin"), progress)


def verdicts(found: fleet.Fleet) -> dict[str, tuple[str, str | None]]:
    return {row.machine: (row.verdict, row.reason) for row in found.rows}


def here(serial: int = 7, problems: list[str] | None = None) -> Status:
    served = Served(serial, 1, 1, "mesh", HASH, "")
    return Status("kiwi", "pin", served, None, None, None, problems or [])


def test_the_machines_are_those_with_the_role_default() -> None:
    found = fleet.machines(zone(), clan_of()._replace(serving={"Kiwi": ("192.0.2.9",), "fig": ()}))
    assert found == [
        Machine("Kiwi", "kiwi.pin", ("192.0.2.1", "fd00::1"), ("192.0.2.9",)),
        Machine("fig", "fig.pin", (), ()),
    ]


def test_without_a_clan_file_they_are_those_that_a_name_points_to() -> None:
    assert [found.name for found in fleet.machines(zone(), None)] == ["kiwi", "pear"]


def test_a_machine_whose_name_ssh_would_take_for_an_option_is_left_out() -> None:
    assert fleet.machines(zone(), clan_of()._replace(serving={"-oProxyCommand=x": ()})) == []


def test_machines_that_serve_the_same_zone_are_well(ssh: Ssh) -> None:
    for name in ("kiwi", "pear"):
        ssh.machine(name, remote())
    done: list[int] = []
    found = asked("pear", "kiwi", progress=done.append)
    assert found.is_well
    assert found.newest == 7
    assert [row.machine for row in found.rows] == ["kiwi", "pear"]
    assert done == [1, 2]
    assert found.json() == snapshot(
        {
            "domain": "pin",
            "newest": 7,
            "machines": [
                {
                    "machine": "kiwi",
                    "verdict": "newest",
                    "via": "ssh",
                    "serial": 7,
                    "source": "mesh",
                    "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                    "reason": None,
                },
                {
                    "machine": "pear",
                    "verdict": "newest",
                    "via": "ssh",
                    "serial": 7,
                    "source": "mesh",
                    "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                    "reason": None,
                },
            ],
        }
    )


def test_each_machine_that_differs_has_its_reason(ssh: Ssh) -> None:
    ssh.machine("apple", remote(serial=9))
    ssh.machine("date", remote(serial=8))
    ssh.machine("fig", remote(serial=8, source="deployed"))
    ssh.machine("guava", remote(serial=8, problems=["dns/cnames:3: no zone", "second"]))
    ssh.machine("kiwi", remote(serial=9, problems=["unbound does not answer"]))
    ssh.machine("lime", remote(serial=9, sha256=OTHER))
    ssh.machine("mango", remote(serial=None, source=None, sha256=None))
    ssh.machine(
        "plum", "echo 'ssh: connect to host plum.pin port 22: Connection refused' >&2; exit 255"
    )
    ssh.machine("quince", "echo ---dm-dns---; exit 127")
    ssh.machine("rowan", remote(domain="another"))
    ssh.machine("sloe", "echo ---dm-dns---; echo nonsense")
    found = asked(
        "apple", "date", "fig", "guava", "kiwi", "lime", "mango", "plum", "quince", "rowan", "sloe"
    )
    assert not found.is_well
    assert verdicts(found) == snapshot(
        {
            "apple": ("newest", None),
            "date": (
                "behind",
                "the mesh has brought it nothing newer than serial 8; see `systemctl status data-mesher` there",
            ),
            "fig": (
                "behind",
                "it has no mesh copy, and serves what it was deployed with; see `systemctl status data-mesher` there",
            ),
            "guava": ("behind", "dns/cnames:3: no zone"),
            "kiwi": ("faulty", "unbound does not answer"),
            "lime": (
                "differs",
                "another zone has the same serial: generate the zone again, and push it",
            ),
            "mango": ("behind", "it serves nothing; `dm-dns doctor` there says what to type"),
            "plum": (
                "unreachable",
                "ssh to plum.pin failed: connect to host plum.pin port 22: Connection refused. Check that the machine is up and its sshd runs, or name another machine of the clan.",
            ),
            "quince": (
                "unreachable",
                "`dm-dns status --json` on quince.pin prints nothing: dm-dns is not deployed there, or in another version, or its configuration cannot be read",
            ),
            "rowan": (
                "unreachable",
                "`dm-dns status --json` on rowan.pin is about another clan: its domain is another",
            ),
            "sloe": (
                "unreachable",
                "`dm-dns status --json` on sloe.pin:1: not JSON: Expecting value",
            ),
        }
    )


def test_a_zone_in_the_checkout_that_nobody_serves_was_not_pushed(ssh: Ssh) -> None:
    ssh.machine("kiwi", remote())
    found = asked("kiwi", query=Query("pin", wanted=zone(serial=8)))
    assert found.newest == 8
    assert verdicts(found) == {"kiwi": ("behind", "nobody has pushed serial 8 yet")}


def test_the_zone_in_the_checkout_is_the_right_one_of_two_with_its_serial(ssh: Ssh) -> None:
    wanted = zone(serial=7)
    ssh.machine("kiwi", remote(sha256=wanted.sha256))
    ssh.machine("pear", remote())
    found = asked("kiwi", "pear", query=Query("pin", wanted=wanted))
    assert {name: verdict for name, (verdict, _) in verdicts(found).items()} == {
        "kiwi": "newest",
        "pear": "differs",
    }


def test_this_machine_is_not_asked_through_ssh(ssh: Ssh) -> None:
    found = asked("kiwi", query=Query("pin", here=here(problems=["it broke"])))
    assert verdicts(found) == {"kiwi": ("faulty", "it broke")}
    assert found.rows[0].answer == Answer("here", 7, "mesh", HASH, ["it broke"])
    assert ssh.logins() == []


def test_ssh_asks_nothing_and_logs_in_as_the_user(ssh: Ssh) -> None:
    ssh.machine("kiwi", remote())
    asked("kiwi", query=Query("pin", user="root"))
    (login,) = ssh.logins()
    assert "-o BatchMode=yes" in login
    assert " -- root@kiwi.pin " in login
    assert "HostName" not in login


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_ssh_connects_to_an_address_of_the_zone_so_that_no_name_need_resolve(
    ssh: Ssh, listening: socket.socket
) -> None:
    port = listening.getsockname()[1]
    ssh.machine("kiwi", remote(), host_name="kiwi.pin", port=port)
    # Nothing listens there; 240.0.0.0/4 has no route.
    asked(machine("kiwi", "127.3.2.1", "240.0.0.1", "127.0.0.1"))
    (login,) = ssh.logins()
    assert "-o HostName=127.0.0.1 -o HostKeyAlias=kiwi.pin" in login


def test_where_no_address_answers_ssh_is_not_run(ssh: Ssh) -> None:
    ssh.machine("kiwi", remote(), host_name="kiwi.pin", port=1)
    found = asked(machine("kiwi", "127.3.2.1", "127.3.2.2"))
    assert verdicts(found) == {
        "kiwi": ("unreachable", "nothing answers on port 1 of 127.3.2.1, 127.3.2.2")
    }
    assert ssh.logins() == []


def test_all_machines_are_asked_at_the_same_time(ssh: Ssh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SECONDS", 60.0)
    names = [f"m{number}" for number in range(20)]
    started = ssh.folder / "started"
    started.mkdir()
    for name in names:
        # Each answers when all have been asked.
        wait = f"touch {started}/{name}; until set -- {started}/*; [ $# = 20 ]; do sleep 0.1; done"
        ssh.machine(name, f"{wait}; {remote()}")
    assert asked(*names).is_well


def test_a_machine_that_hangs_is_given_up(ssh: Ssh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SECONDS", 0.5)
    ssh.machine("pear", "exec sleep 600")
    (verdict, reason) = verdicts(asked("pear"))["pear"]
    assert verdict == "unreachable"
    assert reason is not None
    assert reason.startswith("ssh to pear.pin had no answer within 0.")


def test_a_machine_that_prints_without_end_is_cut_off(ssh: Ssh) -> None:
    ssh.machine("kiwi", "echo ---dm-dns---; exec yes")
    (verdict, reason) = verdicts(asked("kiwi"))["kiwi"]
    assert verdict == "unreachable"
    assert reason == "kiwi.pin sends more than 1048576 bytes. Check what it prints."


def test_of_what_a_machine_says_is_wrong_a_few_lines_are_taken(ssh: Ssh) -> None:
    ssh.machine("kiwi", remote(problems=["x" * 2000] * 100))
    (row,) = asked("kiwi").rows
    assert row.answer is not None
    assert row.answer.problems == ["x" * 500] * 10


def test_what_a_machine_says_is_read_strictly(ssh: Ssh) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "a": {"serial": "7"},
        "b": {"serial": -1},
        "c": {"problems": "none"},
        "d": {"source": None},
        "e": {"sha256": 1},
    }
    for name, values in wrong.items():
        ssh.machine(name, remote(**values))
    found = asked("a", "b", "c", "d", "e")
    assert {row.verdict for row in found.rows} == {"unreachable"}


class Resolver(threading.Thread):
    """Answers every query with one TXT record, as unbound does; or not at all."""

    def __init__(self, text: str | None) -> None:
        super().__init__(daemon=True)
        self.text = text
        self.queries = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def run(self) -> None:
        while True:
            query, client = self.socket.recvfrom(4096)
            if not query:
                return
            self.queries += 1
            if self.text is not None:
                strings = bytes([len(self.text)]) + self.text.encode()
                record = b"\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x05"
                record += len(strings).to_bytes(2, "big") + strings
                header = query[:2] + b"\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00"
                question = query[12 : query.index(b"\0", 12) + 5]  # its name ends with a 0
                self.socket.sendto(header + question + record, client)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"", self.socket.getsockname())
        self.join()
        self.socket.close()


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str | None], Resolver]]:
    started: list[Resolver] = []

    def start(text: str | None) -> Resolver:
        made = Resolver(text)
        made.start()
        started.append(made)
        monkeypatch.setattr(asking, "_DNS_PORT", made.port)
        return made

    yield start
    for made in started:
        made.close()


LISTENING = machine("kiwi", listen=("127.0.0.1",))


def test_where_a_machine_answers_others_its_unbound_is_asked_and_not_ssh(
    ssh: Ssh, resolver: Callable[[str | None], Resolver]
) -> None:
    resolver(f"serial=7 sha256={HASH} source=mesh")
    found = asked(LISTENING, query=Query("pin", wanted=zone(serial=7)._replace(sha256=HASH)))
    assert found.rows[0].answer == Answer("dns", 7, "mesh", HASH, [])
    assert found.is_well
    assert ssh.logins() == []


def test_where_that_is_not_the_newest_zone_ssh_asks_for_the_reason(
    ssh: Ssh, resolver: Callable[[str | None], Resolver]
) -> None:
    resolver(f"serial=7 sha256={HASH} source=mesh")
    ssh.machine("kiwi", remote(problems=["the mesh copy is damaged"]))
    found = asked(LISTENING, query=Query("pin", wanted=zone(serial=8)))
    assert verdicts(found) == {"kiwi": ("behind", "the mesh copy is damaged")}


def test_and_where_ssh_fails_the_answer_of_its_unbound_counts(
    ssh: Ssh, resolver: Callable[[str | None], Resolver]
) -> None:
    resolver(f"serial=7 sha256={HASH} source=deployed")
    ssh.machine("kiwi", "exit 255")
    found = asked(LISTENING, query=Query("pin", wanted=zone(serial=8)))
    assert found.rows[0].answer == Answer("dns", 7, "deployed", HASH, [])
    assert found.rows[0].verdict == "behind"


@pytest.mark.parametrize("text", [None, "", "serial=x", f"serial=7 sha256={HASH} source=elsewhere"])
def test_an_unbound_that_gives_no_answer_is_passed_over_for_ssh(
    ssh: Ssh, resolver: Callable[[str | None], Resolver], text: str | None
) -> None:
    server = resolver(text)
    ssh.machine("kiwi", remote())
    found = asked(LISTENING)
    assert server.queries == 1
    assert found.rows[0].answer == Answer("ssh", 7, "mesh", HASH, [])
