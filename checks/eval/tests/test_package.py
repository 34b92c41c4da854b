"""That a machine runs the dm-dns that its configuration names."""

import json
import re

import pytest

from checks.eval.record import Machine, load

PATCHED = "dm-dns-patched"
STORE_PATH = re.compile("/nix/store/(dm-dns[a-z-]*)")


def programs(machine: Machine) -> dict[str, str]:
    """What the units of dm-dns start, by unit."""
    return {
        key.removeprefix("systemd.services."): unit["serviceConfig"]["ExecStart"]
        for key, unit in machine.items()
        if key.startswith("systemd.services.dm-dns-")
    }


def store_paths(case: str) -> set[str]:
    """The packages of dm-dns that anything on the machine refers to."""
    return set(STORE_PATH.findall(json.dumps(load(case)["server"])))


def test_the_units_of_both_roles_run_it() -> None:
    found = programs(load("package")["server"])
    assert found.keys() == programs(load("two")["server"]).keys()
    assert "dm-dns-push" in found
    for command in found.values():
        assert command.removeprefix("-").startswith(f"/nix/store/{PATCHED}/")


@pytest.mark.parametrize("name", ["dm-dns", "dm-dns-signing-key"])
def test_the_generators_run_it(name: str) -> None:
    generator = load("package")["server"][f"clan.core.vars.generators.{name}"]
    assert generator["runtimeInputs"] == [f"/nix/store/{PATCHED}"]


def test_dm_send_dns_runs_it() -> None:
    command = load("package")["server"]["environment.systemPackages.dm-send-dns"]
    assert f"/nix/store/{PATCHED}" in command["runtimeInputs"]


def test_it_is_the_dm_dns_in_the_machines_path() -> None:
    machine = load("package")["server"]
    start = "environment.systemPackages."
    packages = {key.removeprefix(start) for key in machine if key.startswith(start)}
    assert packages == {PATCHED, "data-mesher", "dm-send-dns"}


def test_no_other_dm_dns_is_on_the_machine() -> None:
    assert store_paths("package") == {PATCHED}


def test_without_the_option_the_machine_has_the_dm_dns_of_this_project() -> None:
    assert store_paths("two") == {"dm-dns"}
