"""What doctor finds of the hook, and of systemd-resolved that asks it."""

import subprocess
import sys
from pathlib import Path

import pytest

from dm_dns.inspect.doctor import hook, units
from dm_dns.inspect.doctor.check import well
from dm_dns.inspect.doctor.files import Written
from dm_dns.inspect.doctor.units import Systemd, Unit
from dm_dns.node.config import Config
from dm_dns.node.unbound import Unbound


def test_an_older_systemd_is_the_cause_where_the_hook_is_not_asked(tmp_path: Path) -> None:
    script = (
        "import socket, sys\n"
        "server = socket.socket(socket.AF_UNIX)\n"
        "server.bind(sys.argv[1])\n"
        "server.listen()\n"
        "print(flush=True)\n"
        "stream, _ = server.accept()\n"
        "stream.recv(4096)\n"
        """stream.sendall(b'{"error": "io.systemd.Resolve.NoNameServers"}\\0')\n"""
    )
    path = tmp_path / "resolved"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        server.stdout.readline()
        config = Config(
            "pin",
            tmp_path,
            None,
            tmp_path,
            tmp_path,
            [],
            Unbound(tmp_path, "127.0.0.1", 53),
            None,
            path,
        )
        written = Written(None, well(""))
        found = hook.is_asked(config, Systemd("257.9", {}), written)
    assert found.verdict == "fault"
    assert found.text == (
        "systemd-resolved does not ask the hook: it answers NoNameServers, because it has hooks"
        " since systemd 259, and this is 257.9"
    )


@pytest.mark.parametrize(
    ("whole_domain", "does"),
    [
        (True, "finds no name of the clan"),
        (False, "asks its other DNS servers for the clan's names"),
    ],
)
def test_what_resolved_does_without_the_hook_is_told(
    tmp_path: Path, *, whole_domain: bool, does: str
) -> None:
    unbound = Unbound(tmp_path, "127.0.0.1", 53)
    config = Config(
        "pin", tmp_path, None, tmp_path, tmp_path, [], unbound, tmp_path / "hook",
        whole_domain=whole_domain,
    )  # fmt: skip
    failed = {"LoadState": "loaded", "ActiveState": "failed", "Result": "start-limit-hit"}
    found = hook.runs(config, Systemd("262", {name: Unit(name, failed) for name in units.HOOK}))
    assert found.verdict == "fault"
    assert found.text == (
        "dm-dns-hook.service has failed (start-limit-hit): systemd-resolved does without the hook,"
        f" and {does}"
    )
