import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
from dm_dns.node import state
from dm_dns.zone import conf

from checks.processes import unbound
from checks.processes.plain_machine import PlainMachine, replace
from checks.processes.wait import until

DOMAIN = "pin"
OLD, NEW = "fd00::1", "fd00::2"


def zone_conf(
    serial: int,
    cnames: Mapping[str, str] | None = None,
    addresses: Mapping[str, tuple[str, ...]] | None = None,
    shared: Mapping[str, tuple[str, ...]] | None = None,
) -> str:
    """Return a zone.conf: by default irc.pin and mail.pin on kiwi.pin."""
    return conf.render(
        conf.Zone(
            DOMAIN,
            serial,
            cnames or {"irc.pin": "kiwi.pin", "mail.pin": "kiwi.pin"},
            {"kiwi.pin": (OLD,)} if addresses is None else addresses,
            shared=shared or {},
        )
    )


def many(serial: int, address: str, names: int = 200) -> str:
    """Return a zone.conf whose first, last and all other names have this one address."""
    hosts = {f"host{number}.pin": "kiwi.pin" for number in range(names)}
    return zone_conf(serial, hosts | {"a.pin": "kiwi.pin"}, {"kiwi.pin": (address,)})


def bring(machine: PlainMachine, text: str) -> None:
    """Put a zone.conf where the mesh puts it."""
    replace(machine.mesh_file, text)


def served(machine: PlainMachine, name: str, kind: str = "AAAA") -> list[str]:
    """Return all records of an answer, as `TYPE DATA`, in the order of the answer."""
    return [
        f"{dns.rdatatype.to_text(rrset.rdtype)} {data}"
        for rrset in machine.unbound.ask(name, kind).answer
        for data in sorted(str(record) for record in rrset)
    ]


def rcode(machine: PlainMachine, name: str, kind: str = "AAAA") -> str:
    return dns.rcode.to_text(machine.unbound.ask(name, kind).rcode())


def status(machine: PlainMachine) -> dict[str, str]:
    """Return what the TXT record has: serial, sha256, source, file; nothing without a zone."""
    records = served(machine, f"_dm-dns.{DOMAIN}", "TXT")
    return dict(re.findall(r"(\w+)=(\w+)", " ".join(records)))


def unchanged(machine: PlainMachine) -> str:
    """Return what apply prints if the machine already serves its zone, one of three records."""
    copy, serial = source(machine)
    return f"pin: serial {serial}, 3 records, source {copy}, unchanged\n"


def source(machine: PlainMachine) -> tuple[str, str]:
    fields = status(machine)
    return fields.get("source", "none"), fields.get("serial", "none")


def wait_for_serial(machine: PlainMachine, serial: int) -> None:
    """Wait until the machine serves this zone, from the mesh."""
    until(
        lambda: source(machine) == ("mesh", str(serial)), f"{machine.name} serves serial {serial}"
    )


def applied(machine: PlainMachine, *options: str) -> str:
    """Run apply, which must succeed; return what it prints."""
    run = machine.apply(*options)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


def written(machine: PlainMachine) -> str:
    """Write the zone file as the server does before unbound starts; return what is served then."""
    program = (
        "import sys; from pathlib import Path; from dm_dns.node.apply import apply\n"
        "from dm_dns.node.config import Config\n"
        "print(apply(Config.read(Path(sys.argv[1])), write_only=True).served)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(machine.config)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


def problems(machine: PlainMachine) -> list[str]:
    """Return what the server has found to be wrong."""
    return state.read(machine.state_file).problems


def failed(run: subprocess.CompletedProcess[str]) -> str:
    """Return what a run said that must have failed as a user is told of it."""
    assert run.returncode == 1
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    return run.stderr


def files(machine: PlainMachine) -> set[str]:
    """Return the names in the state directory, without the zones it remembers."""
    return {path.name for path in machine.state.iterdir() if path.is_file()}


def version() -> tuple[int, int]:
    program = unbound.find()
    assert program
    text = subprocess.run([program, "-V"], check=True, capture_output=True, text=True).stdout
    match = re.match(r"Version (\d+)\.(\d+)", text)
    assert match
    return int(match[1]), int(match[2])


def loading() -> list[str]:
    """Return the commands by which one apply loads the zone into this unbound."""
    if version() >= (1, 23):
        return ["fast_reload"]
    return ["fast_reload", f"auth_zone_reload {DOMAIN}."]


class Asker(threading.Thread):
    """Asks for names all the time, and notes each answer that is not one of ``values``."""

    def __init__(self, machine: PlainMachine, names: list[str], values: set[str]) -> None:
        super().__init__()
        self.machine = machine
        self.names = names
        self.values = values
        self.asked = 0
        self.wrong: list[str] = []
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            for name in self.names:
                try:
                    message = self.machine.unbound.ask(name, "AAAA")
                except (OSError, dns.exception.DNSException) as error:
                    self.wrong.append(f"{name}: {error!r}")
                    continue
                self.asked += 1
                addresses = {str(record) for record in message.answer[-1]} if message.answer else ()
                if len(addresses) != 1 or not self.values.issuperset(addresses):
                    self.wrong.append(str(message))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.join()


def foreign_unbound(
    machine: PlainMachine, *, domain: str, zonefile: Path
) -> unbound.UnboundProcess:
    """Return an unbound in the place of the machine's, which loads something else."""
    return unbound.UnboundProcess(
        machine.directory,
        domain=domain,
        zonefile=zonefile,
        address=machine.unbound.address,
        port=machine.unbound.port,
    )


def processes_with(text: str) -> list[str]:
    """Return the command lines of the processes that have a text in theirs."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:  # it has ended, or is not a process
            continue
        line = command.decode(errors="replace").replace("\0", " ")
        if text in line:
            found.append(line)
    return found
