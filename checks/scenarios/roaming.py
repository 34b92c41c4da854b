"""A laptop is given the address of a machine at home while it is at home, and only there.

It moves from home to a cafe, whose network has the same addresses, to no network, and home again.
The places are networks on the laptop itself, each with a router, a printer, and a NAS or a
stranger.
"""

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from checks.scenarios import zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Spec

_PROGRAM: Final = "/tmp/roaming.py"  # noqa: S108 - machines have no users
_PORT: Final = 8077
_ROUTERS: Final = {"home": "02:00:00:00:77:01", "cafe": "02:00:00:00:77:02"}
_LINK: Final = "wlan0"
_OWN: Final = "10.77.0.50/24"
_SERVER: Final = (
    "import socket, sys; server = socket.create_server(('::', {port}), family=socket.AF_INET6,"
    " dualstack_ipv6=True)\\nwhile True:\\n connection, _ = server.accept();"
    " connection.sendall(b'{name}'); connection.close()"
)
_STAY: Final = 2
"""Seconds at a place, after the first lookup that found what it should there."""
_SETTLED: Final = 1
"""The last seconds at a place, in which all lookups find that."""

_LEAVE: Final = "ip -n air link set ap down"
_CONNECT: Final = (
    f"ip address flush dev {_LINK} scope global;"
    " ip -n air link set ap master {place}; ip -n air link set ap up; sleep 0.2"
)
_ENTER: Final = f"ip address add {_OWN} dev {_LINK}"
_ROAM: Final = "ip -n air link set ap down; ip -n air link set ap master {place} up"
"""So fast that the kernel does not notice, and keeps what it knows of the place before."""


class Moved(NamedTuple):
    """How a move ended."""

    to: str
    followed: float
    """Seconds after the move from which on all lookups found what they should: on a machine that
    does nothing else less than 1, as the issue asks that introduced local networks."""
    at_stranger: float | None
    """The same of the last lookup by which a program reached the stranger; None: none did."""

    def __str__(self) -> str:
        """Return one line for people."""
        stranger = (
            "no program reached the stranger"
            if self.at_stranger is None
            else f"the stranger was reached for {1000 * self.at_stranger:.0f} ms"
        )
        return f"{self.to}: followed within {1000 * self.followed:.0f} ms; {stranger}"


def run(machines: Machines, spec: Spec, tell: Callable[[str], None] = print) -> None:
    """Run the scenario.

    Args:
        machines: `laptop` and `nas`, with python3; they are booting or up.
        spec: the zone spec that they serve.
        tell: takes a line for each move.

    """
    laptop, nas = machines["laptop"], machines["nas"]
    domain = spec["domain"]
    for machine in machines.values():
        zones.wait_for(machine, domain, "serial=")
    [vpn] = [each for each in spec["machines"]["nas"]["addresses"] if "@" not in each]
    [local] = [each for each in spec["machines"]["nas"]["addresses"] if "@" in each]
    at_home = local.partition("@")[0]
    _serve(nas, "vpn")
    _make_places(laptop)

    laptop.succeed(_CONNECT.format(place="home"), _ENTER)
    _wait_for(laptop, f"nas.{domain}", at_home)
    _check_commands(laptop, domain, is_at_home=True)
    expected = {"home": ([at_home], "home"), "cafe": ([vpn], "vpn"), "nowhere": ([vpn], "vpn")}
    moves = [("home", "true", "true")]
    for place in ("cafe", "home", "cafe", "home"):
        moves += [("nowhere", "true", _LEAVE), (place, _CONNECT.format(place=place), _ENTER)]
    moves.append(("cafe", "true", _ROAM.format(place="cafe")))
    result = _roam(laptop, f"files.{domain}", moves, expected)
    for moved in _judge(result, expected):
        tell(str(moved))
    _check_commands(laptop, domain, is_at_home=False)

    laptop.succeed(
        f"ip link delete {_LINK}",
        *(f"ip netns delete {namespace}" for namespace in ("air", *_ROUTERS)),
    )
    laptop.succeed("systemctl stop 'roaming-*.service'")
    nas.succeed("systemctl stop roaming-vpn.service")
    _wait_for(laptop, f"nas.{domain}", vpn)
    laptop.succeed("systemctl start dm-dns-health.service")
    laptop.wait_until_fails("systemctl is-failed 'dm-dns*.service' unbound.service")


def _serve(machine: Machine, name: str, namespace: str | None = None) -> None:
    """Start a server that says its name to everybody."""
    code = _SERVER.format(port=_PORT, name=name).replace("\\n", "\n")
    program = base64.b64encode(code.encode()).decode()
    network = f"--property=NetworkNamespacePath=/run/netns/{namespace}" if namespace else ""
    machine.succeed(
        f"echo {program} | base64 --decode > /tmp/{name}.py",
        f"systemd-run --quiet --unit=roaming-{name} {network} $(command -v python3) /tmp/{name}.py",
    )


def _make_places(laptop: Machine) -> None:
    """Make the places, and the link of the laptop, which is at none of them."""
    laptop.succeed("ip netns add air")
    for place, router in _ROUTERS.items():
        laptop.succeed(
            f"ip -n air link add {place} type bridge forward_delay 0",
            f"ip -n air link set {place} up",
            f"ip netns add {place}",
            f"ip -n air link add {place}-port type veth peer name eth0 address {router}"
            f" netns {place}",
            f"ip -n air link set {place}-port master {place} up",
            f"ip -n {place} link set lo up",
            f"ip -n {place} link set eth0 up",
            *(f"ip -n {place} address add 10.77.0.{number}/24 dev eth0" for number in (1, 10, 20)),
        )
        _serve(laptop, place, place)
    laptop.succeed(
        f"ip link add {_LINK} type veth peer name ap netns air",
        f"ip link set {_LINK} up",
    )


def _wait_for(machine: Machine, name: str, address: str) -> None:
    """Wait until programs find this address, and no other."""
    machine.wait_until_succeeds(
        f'test "$(getent ahosts {name} | cut -d " " -f 1 | sort -u)" = {address}'
    )


def _roam(
    laptop: Machine,
    name: str,
    moves: Sequence[tuple[str, str, str]],
    expected: dict[str, tuple[list[str], str]],
) -> dict[str, Any]:
    """Return what the program says that looks a name up during moves, and 2 s after each."""
    program = base64.b64encode(Path(__file__).with_name("_roaming.py").read_bytes()).decode()
    events = [
        {
            "label": to,
            "prepare": prepare,
            "command": command,
            "found": expected[to][0],
            "seconds": _STAY,
        }
        for to, prepare, command in moves
    ]
    encoded = base64.b64encode(json.dumps(events).encode()).decode()
    printed = laptop.succeed(
        f"echo {program} | base64 --decode > {_PROGRAM}",
        f"echo {encoded} | base64 --decode | python3 {_PROGRAM} {name} {_PORT}",
    )
    result: dict[str, Any] = json.loads(printed)
    return result


def _judge(result: dict[str, Any], expected: dict[str, tuple[list[str], str]]) -> list[Moved]:
    """Return how each move ended; check that no lookup was lost, and each place was reached."""
    lookups, events = result["lookups"], result["events"]
    lost = [each for each in lookups if not isinstance(each["found"], list) or not each["found"]]
    if lost or len(lookups) != result["asked"]:
        raise AssertionError(f"{len(lost)} of {result['asked']} lookups were lost: {lost[:3]}")
    moved = []
    for event, following in zip(events, [*events[1:], None], strict=True):
        found, server = expected[event["label"]]
        end = following["begun"] if following else max(each["begun"] for each in lookups)
        during = [each for each in lookups if event["at"] <= each["begun"] < end]
        wrong = [each["begun"] for each in during if each["found"] != found]
        strange = [each["begun"] for each in during if each["reached"] == "cafe"]
        if any(begun > end - _SETTLED for begun in wrong):
            raise AssertionError(f"in {event}, a lookup found something else in the end")
        if all(each["reached"] != server for each in during):
            raise AssertionError(f"in {event}, nobody reached {server}")
        followed = max(wrong, default=event["at"]) - event["at"]
        at_stranger = max(strange) - event["at"] if strange else None
        moved.append(Moved(event["label"], followed, at_stranger))
    return moved


def _check_commands(laptop: Machine, domain: str, *, is_at_home: bool) -> None:
    """Check that people are told where the laptop is, and which addresses are given."""
    status = json.loads(laptop.succeed("dm-dns status --json"))
    [network] = status["networks"]
    router = _ROUTERS["home" if is_at_home else "cafe"]
    if network["on"] != is_at_home or f"10.77.0.1 is {router}" not in network["reason"]:
        raise AssertionError(f"status says {network}")
    for name in ("files", "printer"):
        shown = json.loads(laptop.succeed(f"dm-dns show --json {name}"))["names"][0]
        [local] = shown["local"]
        if local["given"] != is_at_home or local["reason"] != network["reason"]:
            raise AssertionError(f"show {name} says {local}")
    printed = laptop.execute(f"dm-dns doctor --json printer.{domain}")[1]
    checks = {each["check"]: each for each in json.loads(printed)["checks"]}
    verdict = checks["name-address"]["verdict"]
    if checks["local-networks"]["verdict"] != "ok" or (verdict == "ok") != is_at_home:
        raise AssertionError(f"doctor says {checks}")
