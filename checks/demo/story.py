"""What the demo does, in order, and what it finds."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from rich.text import Text

from checks.demo import ask, commands, example_clan, machines
from checks.demo.ask import MachineAnswer
from checks.demo.commands import DemoError
from checks.demo.show import Screen, milliseconds, verdict
from checks.demo.transition import Transition, Watch
from checks.processes.plain_machine import PlainMachine

_BEFORE: Final = 3
_AFTER: Final = 4
"""The recorded zones between which an endpoint moved."""

_FOREIGN: Final = "example.org"


class Story:
    """One run of the demo."""

    def __init__(self, screen: Screen) -> None:
        """Read what the example clan is."""
        self.screen = screen
        self.clan = example_clan.load()
        self.before, self.after = self.clan.zone(_BEFORE), self.clan.zone(_AFTER)
        (self.moved,) = (
            host
            for host, machine in self.after.endpoints.items()
            if self.before.endpoints[host] != machine
        )
        # The one that pushes, and those between which the endpoint moves.
        self.new_machine = self.after.endpoints[self.moved]
        self.old_machine = self.before.endpoints[self.moved]
        self.running = [self.clan.push_machines[0], self.new_machine, self.old_machine]
        self.answers = 0
        """How many answers were checked."""
        self.problems: list[str] = []
        self.since_push = self.since_file = 0.0
        """Seconds that the slowest machine took to the new answer."""

    def tell(self) -> None:
        """Run it all; ``problems`` has what was wrong.

        Raises:
            DemoError: it cannot go on.

        """
        commands.require_installed()
        addresses = [machines.address(index) for index in range(len(self.running))]
        with ExitStack() as stack:
            stack.enter_context(machines.reserved(addresses))
            self._introduce(addresses)
            directory = stack.enter_context(machines.folder())
            with self.screen.step("making keys", "keys made (dm-dns keygen)") as details:
                network = machines.make_network(directory)
                details.append("openssl reads the same pair")
            zone_conf = self._render(directory, self.before)
            with self.screen.step("starting three machines", "three machines started") as details:
                self.nodes = [
                    machines.make_node(stack, name, self.clan.domain, address, network)
                    for name, address in zip(self.running, addresses, strict=True)
                ]
                machines.boot(self.nodes)
                details.append("no zone on them yet")
            self._push(zone_conf)
            self._ask_names()
            self._move(self._render(directory, self.after))
            self._ask_others()
            self._look_at_runs()
            with self.screen.step("stopping", "all processes stopped, all files removed"):
                stack.close()
            if directory.exists():
                self.problems.append(f"{directory} was not removed")

    def _introduce(self, addresses: Sequence[str]) -> None:
        others = sorted(self.clan.machines.keys() - set(self.running))
        self.screen.line(f"dm-dns demo: the clan {self.clan.domain!r} on this machine", "bold")
        self.screen.line(
            f"A real clan's machines and zones, as its repository records them. {len(addresses)}"
            f" of its {len(self.clan.machines)} machines run here, each with its own unbound"
            f" {commands.unbound_version()}; {', '.join(others)} does not run, but its name is"
            f" asked too. Made up: the device {', '.join(self.clan.devices)}."
        )
        self.screen.line(
            "The mesh between them is the fake data-mesher of checks/fake_data_mesher,"
            " NOT the real one.",
            "yellow",
        )
        self.screen.line()
        for name, address in zip(self.running, addresses, strict=True):
            role = "  pushes" if name == self.running[0] else ""
            self.screen.line(f"  {name:<12} {address} port {machines.PORT}{role}")
        self.screen.line()

    def _render(self, directory: Path, zone: example_clan.ExampleZone) -> Path:
        """Render a recorded zone, and compare its CNAMEs with those recorded."""
        spec, zone_conf = directory / "spec.json", directory / f"zone-{zone.serial}.conf"
        date = f"{zone.date:%Y-%m-%d %H:%M}"
        with self.screen.step(
            f"rendering the zone of {date}", f"zone of {date} rendered (dm-dns render)"
        ) as details:
            spec.write_text(zone.spec())
            commands.dm_dns("render", spec, "-o", zone_conf, "--serial", str(zone.serial))
            commands.dm_dns("check", zone_conf, "--domain", self.clan.domain)
            made, recorded = (
                example_clan.aliases(zone_conf.read_text()),
                example_clan.aliases(zone.zone_conf),
            )
            if made == recorded:
                details.append("CNAMEs as recorded")
            else:
                details.append("WRONG CNAMEs")
                self.problems.append(
                    f"CNAMEs of the zone of {date}: expected {sorted(recorded)};"
                    f" rendered {sorted(made)}"
                )
        return zone_conf

    def _push(self, zone_conf: Path) -> None:
        machine = self.running[0]
        with self.screen.step(
            f"pushing on {machine}", f"pushed on {machine} (dm-dns push)"
        ) as details:
            start = time.monotonic()
            machines.push(self.nodes[0], zone_conf)
            self._wait_until_served(self.before.serial)
            seconds = time.monotonic() - start
            details.append(f"served everywhere after {milliseconds(seconds)}")

    def _wait_until_served(self, serial: int) -> None:
        waiting = list(self.nodes)

        def nobody_waits() -> bool:
            waiting[:] = [node for node in waiting if not ask.serves(node, serial)]
            return not waiting

        if not ask.wait_for(nobody_waits):
            names = ", ".join(node.name for node in waiting)
            logs = "\n".join(map(machines.diagnosis, waiting))
            raise DemoError(f"{names}: the zone with serial {serial} is not served.\n{logs}")

    def _ask(
        self, node: PlainMachine, name: str, zone: example_clan.ExampleZone
    ) -> tuple[MachineAnswer, bool]:
        """Ask for a name of the zone; return the answer and whether it is right."""
        answer, expected = ask.ask(node, name), zone.expected(name)
        right = MachineAnswer("NOERROR", expected, 0)
        return answer, self._judge(node, name, answer, right)

    def _judge(
        self, node: PlainMachine, name: str, answer: MachineAnswer, right: MachineAnswer
    ) -> bool:
        self.answers += 1
        if answer[:2] == right[:2]:
            return True
        self.problems.append(f"{name} on {node.name}: expected {right}; got {answer}")
        return False

    def _ask_names(self) -> None:
        answers = {
            name: [self._ask(node, name, self.before) for node in self.nodes]
            for name in self.before.names
        }
        title = "Every name, asked on every machine (for AAAA and A: the slower one's time)"
        self.screen.names(title, self.running, answers)

    def _move(self, zone_conf: Path) -> None:
        old, new = self.before.expected(self.moved), self.after.expected(self.moved)
        watch = Watch(self.nodes, self.moved, old=old, new=new)
        with self.screen.step(
            f"pushing on {self.running[0]}, asking all machines meanwhile",
            f"{self.moved} moved from {self.old_machine} to {self.new_machine}, pushed",
        ):
            with watch.running():
                start = time.monotonic()
                machines.push(self.nodes[0], zone_conf)
            rows = [self._change(change, start) for change in watch.changes]
            self._wait_until_served(self.after.serial)
        title = f"How long until {self.moved} was on {self.new_machine}, on each machine"
        headings = [
            "machine",
            "push to file",
            "push to answer",
            "file to answer",
            "asked meanwhile",
        ]
        self.screen.table(title, headings, rows, numbers=4)
        for name in self.after.names:
            for node in self.nodes:
                self._ask(node, name, self.after)

    def _change(self, change: Transition, start: float) -> list[Text]:
        node = change.node.name
        if change.arrived is None or change.answered is None:
            logs = machines.diagnosis(change.node)
            raise DemoError(f"{node}: {self.moved} did not get its new answer.\n{logs}")
        since_push, since_file = change.answered - start, change.answered - change.arrived
        self.since_push = max(self.since_push, since_push)
        self.since_file = max(self.since_file, since_file)
        self.answers += change.asked
        for answer, times in Counter(map(str, change.wrong)).items():
            self.problems.append(f"{self.moved} on {node}, while it moved: {times} times {answer}")
        lost = Text(f"{len(change.wrong)} WRONG", "bold red") if change.wrong else Text("all right")
        return [
            Text(node, "bold"),
            Text(milliseconds(change.arrived - start)),
            Text(milliseconds(since_push)),
            Text(milliseconds(since_file), "bold green"),
            Text.assemble(f"{change.asked} times, ", lost),
        ]

    def _ask_others(self) -> None:
        queries = {
            f"nosuch.{self.clan.domain}": ("NXDOMAIN", "does not exist"),
            _FOREIGN: ("REFUSED", "not forwarded"),
        }
        rows = []
        for name, (rcode, meaning) in queries.items():
            row = [Text(name, "bold"), Text(rcode), Text(meaning)]
            for node in self.nodes:
                answer = ask.ask(node, name)
                is_right = self._judge(node, name, answer, MachineAnswer(rcode, frozenset(), 0))
                row.append(verdict(answer, is_right))
            rows.append(row)
        headings = ["name", "expected", "meaning", *self.running]
        self.screen.table("Names that are not the clan's", headings, rows, numbers=len(self.nodes))
        for node in self.nodes:
            if times := ask.recursions(node):
                self.problems.append(
                    f"unbound of {node.name} wanted to ask other servers {times} times"
                )

    def _look_at_runs(self) -> None:
        """Every run of `dm-dns apply` must have succeeded, but for those before the first push."""
        for node in self.nodes:
            self.problems += [
                f"`dm-dns apply` on {node.name} failed: {line}" for line in node.complaints()
            ]
