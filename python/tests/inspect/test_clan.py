# ruff: noqa: E501 - messages stand here as they are printed
"""The clan file: what is read from a machine, and what Nix evaluates in a checkout."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from dm_dns.errors import Error
from dm_dns.inspect import clan

from .clans import SPEC, clan_json, clan_of


def test_it_has_the_spec_and_the_machines_that_serve() -> None:
    found = clan.parse(clan_json(kiwi=["192.0.2.1"]).encode(), "clan.json")
    assert found.spec.domain == "pin"
    assert found.serving == {"kiwi": ("192.0.2.1",), "pear": (), "fig": ()}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], snapshot("clan.json: the top level must be an object, not []")),
        ({"spec": SPEC}, snapshot("clan.json: serving must be an object, not null")),
        (
            {"spec": {}, "serving": {}},
            snapshot(
                "clan.json: the top level must have the keys domain, endpoints, machines (and may have devices, localNetworks), and no others; it has none"
            ),
        ),
        (
            {"spec": SPEC, "serving": {}, "devices": {"nas": "kiwi"}},
            snapshot('clan.json: devices.nas must be a list, not "kiwi"'),
        ),
        (
            {"spec": SPEC, "serving": {"kiwi": {"listen": "x"}}},
            snapshot('clan.json: serving.kiwi.listen must be a list, not "x"'),
        ),
    ],
)
def test_anything_else_is_refused(value: Any, message: str) -> None:  # noqa: ANN401 - JSON
    with pytest.raises(Error) as caught:
        clan.parse(json.dumps(value).encode(), "clan.json")
    assert str(caught.value) == message


FLAKE = """\
{
  outputs = _: {
    nixosConfigurations = {
      # Without dm-dns, and with the role push alone.
      a.config.services = { };
      b.config.services.dm-dns.clan = null;
      fig.config.services.dm-dns.clan = builtins.readFile ./clan.json;
      kiwi = throw "this one must not be evaluated";
    };
  };
}
"""


@pytest.fixture
def flake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if shutil.which("nix") is None:
        pytest.skip("needs Nix with flakes")
    for name in ("store", "state", "log"):
        variable = {"store": "NIX_STORE_DIR", "state": "NIX_STATE_DIR", "log": "NIX_LOG_DIR"}[name]
        monkeypatch.setenv(variable, str(tmp_path / "nix" / name))
    monkeypatch.setenv("NIX_REMOTE", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "flake"
    folder.mkdir()
    (folder / "flake.nix").write_text(FLAKE)
    (folder / "clan.json").write_text(clan_json())
    return folder


def test_nix_evaluates_the_first_machine_with_dm_dns_and_no_other(flake: Path) -> None:
    assert clan.evaluate(flake) == clan_of()
    assert sorted(path.name for path in flake.iterdir()) == ["clan.json", "flake.nix"]


def test_a_flake_without_dm_dns_is_told(flake: Path) -> None:
    (flake / "flake.nix").write_text("{ outputs = _: { nixosConfigurations = { }; }; }")
    with pytest.raises(Error, match="no machine of this flake has the role default of dm-dns"):
        clan.evaluate(flake)


def program(folder: Path, script: str) -> None:
    path = folder / "nix"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_what_nix_says_cannot_control_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, r"printf 'trace: x\n\033[31;1merror:\033[0m it broke\n' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(Error) as caught:
        clan.evaluate(tmp_path)
    assert str(caught.value).replace(str(tmp_path), "DIR") == snapshot(
        "`nix eval .#nixosConfigurations` in DIR failed: \\x1b[31;1merror:\\x1b[0m it broke; correct the flake, or name a copy of a machine's /etc/dm-dns/clan.json with --clan FILE"
    )


def test_without_nix_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Error) as caught:
        clan.evaluate(tmp_path)
    assert str(caught.value) == snapshot(
        "nix cannot be run: put it on PATH, or name a copy of a machine's /etc/dm-dns/clan.json with --clan FILE"
    )
