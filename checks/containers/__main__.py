"""`make nodes`: the machines of the scenarios, left up to try things on; `make nodes-down`."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from checks.containers import debian_root
from checks.containers.clan import Clan
from checks.containers.container import Container
from checks.containers.container_errors import ContainerError
from checks.scenarios import zones

_CASE: Final = "nodes"  # the example clan
_NETWORK: Final = "home"
"""The local network that its machines are on here."""
_STATE: Final = Path("/run/dm-dns-nodes.json")
"""What `up` leaves behind, and `down` removes."""
_LOG: Final = Path("/run/dm-dns-nodes.log")
"""What `keep` says: it must hold open no pipe that `up` was started with."""
_KEEP: Final = [sys.executable, "-m", "checks.containers", "keep"]


def main() -> int:
    """Run a command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m checks.containers", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function, text in (
        ("up", _up, "boot the machines"),
        ("keep", _keep, "boot them, and stay until a signal comes (what `up` starts)"),
        ("down", _down, "stop them"),
        ("root", _root, "make the Debian root that they boot, if there is none"),
    ):
        commands.add_parser(name, help=text).set_defaults(run=function)
    shell = commands.add_parser("shell", help="run a shell on a machine, or a command")
    shell.add_argument("machine")
    shell.add_argument("command", nargs="?", help="what its bash runs")
    shell.set_defaults(run=_shell)
    args = parser.parse_args()
    try:
        args.run(args)
    except ContainerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _up(_: argparse.Namespace) -> None:
    if _state() is not None:
        raise ContainerError("The machines are booted already. `make nodes-down` stops them.")
    debian_root.check()
    with debian_root.root():  # so that what takes longest is done before the clock starts
        start = time.monotonic()
    with _LOG.open("wb") as log:
        keeper = subprocess.Popen(
            _KEEP,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    try:
        state = _answering(keeper)
    except BaseException:
        keeper.terminate()
        keeper.wait()
        _LOG.unlink(missing_ok=True)
        raise
    took = time.monotonic() - start
    print(f"All answer after {took:.1f} s. Their names, on the local network {_NETWORK!r}:")
    for name, addresses in sorted(zones.expected(state["spec"], _NETWORK).items()):
        print(f"  {name:<17} {', '.join(sorted(addresses))}")
    sudo = "sudo " if "SUDO_USER" in os.environ else ""
    print("A shell on a machine, or a command:")
    for name in state["supervisors"]:
        print(f"  {sudo}make shell MACHINE={name}")
    print(f"  {sudo}make shell MACHINE={state['pusher']} RUN=dm-send-dns")
    print(f"`{sudo}make nodes-down` stops them and leaves nothing behind.")


def _answering(keeper: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Wait until all machines answer, and return what `keep` wrote."""
    assert keeper.stdout  # noqa: S101 - a pipe, see above
    keeper.stdout.readline()
    state = _state()
    if state is None:
        raise ContainerError(_LOG.read_text().strip() or f"`{' '.join(_KEEP)}` was killed")
    for machine in _machines(state).values():
        zones.wait_for(machine, state["spec"]["domain"], "serial=")
    return state


def _keep(_: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Clan(_CASE) as clan:
        try:
            state = {
                "keeper": os.getpid(),
                "host": clan.booted.pid,
                "supervisors": clan.booted.supervisors,
                "spec": clan.booted.spec,
                "pusher": clan.booted.pusher,
            }
            _STATE.write_text(json.dumps(state))
            sys.stdout.write("up\n")
            sys.stdout.close()
            clan.wait()
        finally:
            _STATE.unlink(missing_ok=True)
            _LOG.unlink()


def _down(_: argparse.Namespace) -> None:
    state = _state()
    if state is None:
        for left in (_STATE, _LOG):  # of a keeper that was killed
            left.unlink(missing_ok=True)
        print("No machines are booted.")
        return
    os.kill(state["keeper"], signal.SIGTERM)
    while _runs(state["keeper"]):
        time.sleep(0.05)


def _root(_: argparse.Namespace) -> None:
    debian_root.check()
    with debian_root.root():
        pass


def _shell(args: argparse.Namespace) -> None:
    state = _state()
    if state is None:
        raise ContainerError("No machines are booted. `make nodes` boots them.")
    machines = _machines(state)
    if args.machine not in machines:
        names = ", ".join(machines)
        raise ContainerError(f"MACHINE={args.machine}: no such machine. These are booted: {names}.")
    if os.geteuid() != 0:
        raise ContainerError("A shell on a machine needs root.")
    os.environ["PATH"] = debian_root.path()
    terminal = f"TERM={os.environ.get('TERM', 'dumb')}"
    bash = ["bash", "-c", args.command] if args.command else ["bash", "-l"]
    command = machines[args.machine].command(terminal, *bash)
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


def _machines(state: dict[str, Any]) -> dict[str, Container]:
    return {
        name: Container(name, state["host"], supervisor)
        for name, supervisor in state["supervisors"].items()
    }


def _state() -> dict[str, Any] | None:
    """Return what `keep` wrote, if it still runs."""
    try:
        state: dict[str, Any] = json.loads(_STATE.read_text())
    except FileNotFoundError:
        return None
    return state if _runs(state["keeper"]) else None


def _runs(keeper: int) -> bool:
    try:
        command = Path(f"/proc/{keeper}/cmdline").read_bytes()
    except OSError:
        return False
    return command.rstrip(b"\0").split(b"\0")[-3:] == [part.encode() for part in _KEEP[1:]]


if __name__ == "__main__":
    sys.exit(main())
