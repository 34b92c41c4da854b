import json
import time
from pathlib import Path

import pytest
from dm_dns import cli
from dm_dns.errors import Error
from dm_dns.node.config import Config
from dm_dns.zone import conf, spec

from checks.fuzz import corpus

ZONES = dict(corpus.zones())
SPECS = dict(corpus.specs())
CONFIGS = dict(corpus.configs())


def test_the_corpus_is_large_and_made_of_what_is_valid() -> None:
    assert len(ZONES) >= 400
    assert len(SPECS) >= 190
    assert len(CONFIGS) >= 80
    assert len(set(ZONES.values())) >= len(ZONES) - 10  # a line may be cut to what another is
    assert conf.parse(corpus.GOOD_ZONE, "pin", "f").records == 3
    assert spec.to_zone(spec.from_json(corpus.GOOD_SPEC), 7)[0].records == 3
    with_local = corpus.with_header(corpus.body(*corpus.LOCAL), records=0)
    assert conf.parse(with_local, "pin", "f").shared == {"www.pin": ("kfbox.pin",)}
    assert spec.to_zone(spec.from_json(corpus.GOOD_LOCAL_SPEC), 7)[0].local.networks.keys() == {
        "home"
    }
    assert Config.parse(json.dumps(corpus.GOOD_CONFIG).encode(), "f").domain == "pin"


def refused(capsys: pytest.CaptureFixture[str], content: bytes, *command: str) -> str:
    """Run a command on a file with ``content``, which it must refuse soon; return what it says."""
    Path("file").write_bytes(content)
    start = time.process_time()
    assert cli.main([command[0], "file", *command[1:]]) == 1
    assert time.process_time() - start < 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err
    assert len(said.err) < 10_000
    assert [line for line in said.err.split("\n") if not line.isprintable()] == []
    return said.err


@pytest.mark.parametrize("name", ZONES)
def test_a_hostile_zone_is_refused_with_the_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused(capsys, ZONES[name], "check", "--domain", "pin")
    _file, line, reason = said.split(":", 2)
    assert 1 <= int(line) <= ZONES[name].count(b"\n") + 5
    assert reason.strip()


@pytest.mark.parametrize("name", SPECS)
def test_a_hostile_zone_spec_is_refused_and_nothing_is_made_of_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "file" in refused(capsys, SPECS[name], "render", "-o", "zone.conf")
    assert not Path("zone.conf").exists()


@pytest.mark.parametrize("name", CONFIGS)
def test_a_hostile_configuration_is_refused(name: str) -> None:
    with pytest.raises(Error, match=r"apply\.json"):
        Config.parse(CONFIGS[name], "apply.json")
