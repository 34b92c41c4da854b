"""`make nodes`, a shell on one of its machines, and `make nodes-down`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from checks.nodes import root
from checks.nodes.errors import UnavailableError
from checks.nodes.tests.test_clan import check_gone

STATE = Path("/run/dm-dns-nodes.json")


def nodes(*arguments: str) -> str:
    command = [sys.executable, "-m", "checks.nodes", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def test_the_example_clan_is_up_until_it_is_ended() -> None:
    try:
        root.check()
    except UnavailableError as error:
        pytest.skip(str(error))
    if STATE.exists():
        pytest.skip("`make nodes` is up")

    printed = nodes("up")
    try:
        state = json.loads(STATE.read_text())
        assert "beszel.spell" in printed
        assert ".venv/bin/python -m checks.nodes shell zoltraak" in printed
        assert nodes("shell", "zoltraak", "hostname") == "zoltraak\n"
        sent = nodes("shell", state["pusher"], "dm-send-dns", "--force")
        assert sent.startswith("pushed spell: ")
    finally:
        nodes("down")
    assert not STATE.exists()
    check_gone(str(state["host"]), [])
