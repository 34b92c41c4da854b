"""`make nodes`, `make shell` on its machines, and `make nodes-down`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from checks.containers import debian_root
from checks.containers.container_errors import UnavailableError
from checks.containers.tests.test_clan import check_gone
from checks.scenarios.foreign import ADDRESS

ROOT = Path(__file__).parents[3]
STATE = Path("/run/dm-dns-nodes.json")
LOG = Path("/run/dm-dns-nodes.log")
SECONDS = 300
SETTINGS = {
    # devices, reverse
    "getent hosts 192.168.1.20 | xargs": "192.168.1.20 printer.spell",
    "dm-dns doctor 192.168.1.3 | tail --lines=1": (
        "zoltraak: no fault was found: getnameinfo(192.168.1.3) is nephtear.spell"
    ),
    # search, localNetworks
    "getent ahosts nephtear | cut -d ' ' -f 1 | uniq": "192.168.1.3",
    # listen
    "dig @192.168.1.4 +short printer.spell": "192.168.1.20",
    # wholeDomain
    "dig +short nosuch.spell www.spell": ADDRESS,
    "dm-dns doctor printr | tail --lines=1": "type: dm-dns doctor printer.spell",
}
"""What shows that a setting of the example clan is on, and what that prints."""


def nodes(*arguments: str) -> str:
    """Run a command, and return what it printed once all that has its output open has ended."""
    return subprocess.run(
        [sys.executable, "-m", "checks.containers", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    ).stdout


def shell(machine: str, command: str = "") -> subprocess.CompletedProcess[str]:
    """Run `make shell`, as a user does who types ``command`` between single quotes."""
    make = ["make", "--no-print-directory", "shell", f"MACHINE={machine}"]
    return subprocess.run(
        [*make, f"RUN={command}"] if command else make,
        check=False,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        input="echo typed: $PWD\n",
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def test_the_example_clan_is_up_until_it_is_ended() -> None:
    try:
        debian_root.check()
    except UnavailableError as error:
        pytest.skip(str(error))
    if STATE.exists():
        pytest.skip("`make nodes` is up")

    printed = nodes("up")
    try:
        state = json.loads(STATE.read_text())
        assert "beszel.spell" in printed
        assert "make shell MACHINE=zoltraak\n" in printed
        assert shell("zoltraak", "hostname").stdout == "zoltraak\n"
        assert "  printer.spell     192.168.1.20\n" in printed
        assert "  nephtear.spell    192.168.1.3\n" in printed
        for command, expected in SETTINGS.items():
            # A machine that has booted later was silent, and is asked again after a minute.
            shell("zoltraak", f"until [ \"$({command})\" = '{expected}' ]; do sleep 0.1; done")
        quoted = shell("zoltraak", """printf '%s|' "$HOME" '$(pwd)' "it's" $$ | sed 's/[0-9]//g'""")
        assert quoted.stdout == "/root|$(pwd)|it's||"
        failing = shell("zoltraak", "false | true; exit 3")
        assert failing.returncode != 0
        assert "Error 3" in failing.stderr
        assert "typed: /\n" in shell("zoltraak").stdout
        unknown = shell("kiwi")
        assert unknown.returncode != 0
        assert unknown.stderr.startswith(
            "MACHINE=kiwi: no such machine."
            " These are booted: catastravia, judradjim, nephtear, zoltraak.\n"
        )
        sent = shell(state["pusher"], "dm-send-dns --force")
        assert sent.stdout.startswith("pushed spell: ")
    finally:
        nodes("down")
    assert not STATE.exists()
    assert not LOG.exists()
    check_gone(str(state["host"]), [])


def test_a_shell_needs_machines_that_are_booted() -> None:
    if STATE.exists():
        pytest.skip("`make nodes` is up")
    run = shell("zoltraak", "hostname")
    assert run.returncode != 0
    assert run.stderr.startswith("No machines are booted. `make nodes` boots them.\n")
