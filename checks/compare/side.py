"""One of the two services on booted machines: give it a zone, and ask what it answers."""

import base64
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NamedTuple

from dm_dns.node.hook_names import UNAVAILABLE
from dm_dns.zone import conf, spec

from checks.containers.clan import Clan
from checks.scenarios import deployment, lookups, zones

DOMAIN: Final = "pin"
NAME: Final = f"chat.{DOMAIN}"
ADDRESS: Final = "192.168.1.2"
OWN: Final = f"own.{DOMAIN}"
"""A name of the machine itself."""
OWN_ADDRESS: Final = "192.168.1.1"
MOVES: Final = f"moves.{DOMAIN}"
_BESIDE: Final = 1.0
"""Seconds that another unit takes to restart in a switch."""
_APPLY: Final = "/etc/dm-dns/apply.json"
_DELEGATE: Final = "/etc/systemd/dns-delegate.d/dm-dns.dns-delegate"
_FOLDER: Final = "/var/lib/data-mesher"


class DigAnswer(NamedTuple):
    """What dig got."""

    status: str
    """Such as NOERROR; empty: nothing came."""
    addresses: list[str]
    seconds: float

    def __str__(self) -> str:
        """Return status and time for the table."""
        # dig rounds down to milliseconds.
        return f"{self.status or 'no answer'} after {max(self.seconds, 0.001):.3g} s"


class Side:
    """The service on one of the machines that do not push; its data-mesher is stopped."""

    def __init__(
        self, name: str, clan: Clan, evaluated: Mapping[str, Any], state: str, path: str
    ) -> None:
        """Take a booted clan.

        Args:
            name: for the table.
            clan: its machines; they may still be booting.
            evaluated: what they have, by their names.
            state: the folder that the service, or its unbound, keeps its state in.
            path: the path unit that sees changes.

        """
        self.name, self.state, self.path = name, state, path
        self._spec = clan.booted.spec
        self.machine = next(
            machine for name, machine in clan.machines.items() if name != clan.booted.pusher
        )
        self._serial = int(time.time())
        unbound = evaluated[self.machine.name]["systemd.services.unbound"]
        self._is_stopped: bool = unbound.get("stopIfChanged", True)

    def zone_conf(self, target: str = "server") -> str:
        """Return the clan's zone with one more name, `MOVES`, which points to a machine."""
        moves = {"host": MOVES, "machine": target}
        if self.name == "theirs":
            endpoints = [*self._spec["endpoints"], moves]
            names = (
                f'local-data: "{entry["host"]}. CNAME {entry["machine"]}.{DOMAIN}."'
                for entry in endpoints
            )
            return "\n".join([f'local-zone: "{DOMAIN}." transparent', *names, ""])
        self._serial += 1
        moves = {**self._spec["endpoints"][0], **moves}
        values: dict[str, Any] = {**self._spec, "endpoints": [*self._spec["endpoints"], moves]}
        made, _ = spec.to_zone(spec.from_json(values), serial=self._serial)
        return conf.render(made)

    def write(self, text: str, number: int = 0) -> str:
        """Write a file beside the mesh's folder; return its path there."""
        path = f"{_FOLDER}/new.{number}"
        encoded = base64.b64encode(text.encode("latin-1")).decode()
        self.machine.succeed(
            f"echo {encoded} | base64 -d > {path}; chown data-mesher:data-mesher {path}"
        )
        return path

    def put(self, text: str) -> None:
        """Bring a file, as the mesh does."""
        self.machine.succeed(f"mv {self.write(text)} {zones.MESH}/cnames")

    def change(self, pauses: list[float]) -> None:
        """Bring a zone, and after each pause another one, of which the last leads elsewhere."""
        targets = ["server"] * len(pauses) + ["third"]
        paths = [self.write(self.zone_conf(target), at) for at, target in enumerate(targets)]
        steps = [f"mv {path} {zones.MESH}/cnames" for path in paths]
        for at, pause in enumerate(pauses):
            steps[at] += f"; sleep {pause}"
        self.machine.succeed("; ".join(steps))

    def is_changed(self, seconds: float = 5) -> bool:
        """Tell whether the last zone of `change` is served within some time."""
        return self._within(seconds, self._moves_to("third"))

    def addresses(self, machine: str) -> list[str]:
        """Return a machine's addresses."""
        found: list[str] = self._spec["machines"][machine]["addresses"]
        return found

    @contextmanager
    def shared_domain(self) -> Iterator[None]:
        """Deploy the machine for a domain of which others have names as well, if it can be."""
        delegate = self.machine.execute(f"sed 's/^Domains=.*/Domains=~{UNAVAILABLE}/' {_DELEGATE}")
        with self._deployed({"wholeDomain": False}, {_DELEGATE: delegate[1]}):
            yield

    @contextmanager
    def reverse_names(self) -> Iterator[None]:
        """Deploy the machine for names of addresses, unless it gives these anyway."""
        with self._deployed({"reverse": True}, {}):
            yield

    @contextmanager
    def _deployed(self, settings: Mapping[str, object], files: Mapping[str, str]) -> Iterator[None]:
        """Deploy the machine with other settings and files, if it is ours."""
        if self.name == "theirs":
            yield
            return
        config = json.loads(self.machine.succeed(f"cat {_APPLY}"))
        restart = "systemctl restart dm-dns dm-dns-hook; systemctl reload systemd-resolved"
        with ExitStack() as stack:
            stack.callback(self.machine.succeed, restart)
            for path, text in {_APPLY: json.dumps({**config, **settings}), **files}.items():
                stack.enter_context(deployment.covered(self.machine, path, text))
            self.machine.succeed(restart)
            yield

    def repair(self) -> None:
        """Bring a good zone, and start what no longer runs."""
        self.machine.execute(f"mkdir -p {zones.MESH}; chown -R data-mesher: {_FOLDER}")
        self.put(self.zone_conf())
        for command in ("reset-failed", "restart unbound.service", f"start {self.path}"):
            self.machine.execute(f"systemctl {command}")
        self.machine.wait_until_succeeds(self._moves_to("server"))
        self.machine.succeed("sleep 0.5; systemctl reset-failed")

    def ask(self, name: str, query: str = zones.STUB) -> DigAnswer:
        """Ask for a name's IPv4 addresses, once, and wait 20 s at most."""
        query = query.replace("+time=5", "+time=20")
        start = time.monotonic()
        printed = self.machine.execute(f"{query} A {name}")[1]
        waited = time.monotonic() - start
        status = re.search(r"status: (\w+)", printed)
        spent = re.search(r"Query time: (\d+) msec", printed)
        return DigAnswer(
            status[1] if status else "",
            re.findall(r"^\S+\s+\d+\s+IN\s+A\s+(\S+)$", printed, re.MULTILINE),
            int(spent[1]) / 1000 if spent else waited,
        )

    def looked_up(self, name: str, addresses: str, event: str = "true", seconds: int = 1) -> str:
        """Look a name up as programs do, while something happens; tell what came of it."""
        found, _ = lookups.during(self.machine, name, event, seconds)
        wrong = Counter(found.ends)
        right = wrong.pop(addresses, 0)
        late = f", {found.late} after more than 0.5 s" if found.late else ""
        said = "".join(f"; {number} times: {end}" for end, number in wrong.most_common())
        total = right + wrong.total()
        return f"{right} of {total} right{late}, longest {1000 * found.longest:.0f} ms{said}"

    def switch(self) -> str:
        """Return what NixOS does to unbound when it switches to another configuration of it.

        That is restarting it with the other changed units, or, with `stopIfChanged`, stopping it
        before the activation and starting it when the others have restarted. Here one of these
        takes a while (switch-to-configuration of NixOS 26.05).
        """
        others = f"systemctl daemon-reload; sleep {_BESIDE}"
        if self._is_stopped:
            return f"systemctl stop unbound.service; {others}; systemctl start unbound.service"
        return f"{others}; systemctl restart unbound.service"

    def answers(self) -> str:
        """Tell whether programs get the address of a name of the clan, within 3 s."""
        found = self._within(3, f"timeout 2 getent ahosts {NAME} | grep -Fw {ADDRESS}")
        return "names answer" if found else "names do not answer"

    def name_of(self, address: str) -> str:
        """Tell which name programs get for an address, within 3 s."""
        command = f"timeout 2 getent hosts {address}"
        found = self._within(3, command) and self.machine.execute(command)[1].split()[1]
        return found or "no name"

    def restarted(self) -> str:
        """Restart unbound, and tell what becomes of that."""
        self.machine.execute("systemctl reset-failed unbound || true; systemctl restart unbound")
        state = self.machine.execute("sleep 1; systemctl is-active unbound.service")[1].strip()
        return f"unbound {state}, {self.answers()}"

    def failed(self) -> str:
        """Return the units that failed."""
        command = "systemctl list-units --plain --no-legend --state=failed '*dns*' '*unbound*'"
        units = [line.split()[0] for line in self.machine.execute(command)[1].splitlines()]
        return f"{', '.join(units) or 'no unit'} failed"

    def _moves_to(self, machine: str) -> str:
        """Return a command that fails unless unbound answers `MOVES` with that machine."""
        expected = [f"{machine}.{DOMAIN}.", *self.addresses(machine)]
        patterns = " ".join(f"-e {value}" for value in expected)
        return f"{zones.UNBOUND} +short A {MOVES} AAAA {MOVES} | grep -Fx {patterns}"

    def _within(self, seconds: float, command: str) -> bool:
        end = time.monotonic() + seconds
        while self.machine.execute(command)[0]:
            if time.monotonic() > end:
                return False
        return True
