"""The tests for NixOS as far as they can run without it: their scripts, from the snapshot."""

import ast
import json
import pkgutil
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from checks import scenarios
from checks.module.snapshot import read
from checks.module.sources import ROOT
from checks.scenarios import networks

TESTS: dict[str, Any] = read("vm")
SCENARIOS = {
    module.name
    for module in pkgutil.iter_modules(scenarios.__path__)
    if hasattr(import_module(f"checks.scenarios.{module.name}"), "run")
}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """How the script of each test runs its scenario."""
    folder = tmp_path_factory.mktemp("scenarios")
    flake = (ROOT / "checks/flake-module.nix").read_text()
    given = re.search(r"import \./vm \{\s+scenarios = sourceOf \[(.*?)\]", flake, re.DOTALL)
    assert given
    for path in ("__init__.py", *given[1].split()):
        source, target = ROOT / "checks" / path, folder / "checks" / path
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    scripts = {
        name: (test["script"].replace('"/scenarios"', repr(str(folder))), list(test["machines"]))
        for name, test in TESTS.items()
    }
    run = subprocess.run(
        [sys.executable, "-I", "-S", Path(__file__).with_name("driver.py"), folder],
        check=True,
        input=json.dumps(scripts),
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_every_scenario_is_run_on_nixos(calls: dict[str, Any]) -> None:
    assert {call["scenario"] for called in calls.values() for call in called} == SCENARIOS
    assert [name for name, called in calls.items() if len(called) != 1] == []


def test_every_scenario_is_run_on_containers() -> None:
    run = set()
    for file in (ROOT / "checks/containers/tests").glob("test_*.py"):
        tree = ast.parse(file.read_text())
        names = {
            alias.asname or alias.name: alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "checks.scenarios"
            for alias in node.names
        }
        run |= {
            names[node.func.value.id]
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "run"
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in names
        }
    assert run == SCENARIOS


@pytest.mark.parametrize("name", TESTS)
def test_a_script_runs_its_scenario_on_all_machines(name: str, calls: dict[str, Any]) -> None:
    (call,) = calls[name]
    machines = TESTS[name]["machines"]
    # Each one that boots again when it is told to.
    assert call["machines"] == dict.fromkeys(machines, True)
    assert call["spec"]["machines"].keys() == machines.keys()
    if "push" in call:
        machine, key, network_id = call["push"]
        assert machine in machines
        assert key.startswith("/run/")
        assert network_id.startswith("/nix/store/")


@pytest.mark.parametrize("name", TESTS)
def test_a_machine_fails_no_assertion_and_warns_of_nothing(name: str) -> None:
    for machine in TESTS[name]["machines"].values():
        assert machine["assertions"] == []
        assert machine["warnings"] == []
        assert machine["networking.domain"] is None


# The driver is built with these two checks; ruff has the rules of pyflakes as F.


def check(*arguments: str | Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *arguments], check=False, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert run.returncode == 0, run.stdout


def test_scripts_have_the_types_of_scenarios(tmp_path: Path) -> None:
    files = []
    for name, test in TESTS.items():
        file = tmp_path / f"{name.replace('-', '_')}.py"
        declared = "".join(f"{machine}: DriverMachine\n" for machine in test["machines"])
        script = test["script"].replace("  # type: ignore", "")
        file.write_text(f"from checks.vm.tests.driver import DriverMachine\n{declared}{script}")
        files.append(file)
    check("mypy", "--config-file=python/pyproject.toml", *files)


@pytest.mark.parametrize("name", TESTS)
def test_a_script_has_no_unused_or_unknown_name(name: str, tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(TESTS[name]["script"])
    builtins = f"builtins = {json.dumps(list(TESTS[name]['machines']))}"
    check("ruff", "check", "--isolated", "--no-cache", "--select=F", "--config", builtins, file)


def address(machine: str, machines: dict[str, Any]) -> str:
    """The address of the link of a machine: NixOS tests number machines by their names."""
    return f"192.168.1.{sorted(machines).index(machine) + 1}"


def test_the_world_answers_on_the_machine_with_its_address(calls: dict[str, Any]) -> None:
    machines = TESTS["vm-foreign"]["machines"]
    ((name, unit),) = (
        (name, machine["systemd.services.world"])
        for name, machine in machines.items()
        if "systemd.services.world" in machine
    )
    server, link = calls["vm-foreign"][0]["world"]
    assert server == address(name, machines)
    assert link == "eth1"
    assert unit["serviceConfig"]["ExecStart"].endswith(f"/bin/python -m checks.world {server}")
    assert "dnspython" in unit["serviceConfig"]["ExecStart"]
    assert unit["wantedBy"] == ["multi-user.target"]
    assert machines[name]["networking.firewall.allowedUDPPorts"] == [53]


def test_machines_have_the_addresses_of_their_vpns_on_their_link(calls: dict[str, Any]) -> None:
    machines = TESTS["vm-networks"]["machines"]
    expected = calls["vm-networks"][0]["spec"]["machines"]
    for name, machine in machines.items():
        found = machine["networking.interfaces.eth1"]["ipv6"]["addresses"]
        assert {entry["address"] for entry in found} == set(expected[name]["addresses"])
    _yggdrasil, zerotier = expected[networks.SERVER]["addresses"]
    assert {networks.LAN, networks.VPN} == {address(networks.SERVER, machines), zerotier}
    assert {way.to for way in networks.WAYS} == {networks.LAN, networks.VPN}
    assert machines[networks.SERVER]["networking.firewall.allowedUDPPorts"] == [53]


def test_machines_boot_without_the_vpn_that_one_of_them_listens_in() -> None:
    for machine in TESTS["vm-listening"]["machines"].values():
        assert "networking.interfaces.eth1" not in machine or not any(
            machine["networking.interfaces.eth1"]["ipv6"]["addresses"]
        )


def test_avahi_is_there_and_not_started() -> None:
    for machine in TESTS["vm-avahi"]["machines"].values():
        assert machine["services.avahi"]["enable"] is True
        for unit in ("services", "sockets"):
            assert "wantedBy" not in machine[f"systemd.{unit}.avahi-daemon"]
