from contextlib import suppress
from pathlib import Path

import pytest
from dm_dns.errors import Error
from dm_dns.zone import conf

from checks.fuzz import __main__ as fuzz
from checks.fuzz import corpus, loop
from checks.fuzz.targets import TARGETS, seeds

RUNS = 2000


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_a_short_time(name: str) -> None:
    assert loop.run(TARGETS[name], seeds(name), seed=1, runs=RUNS) == RUNS


def test_some_of_the_inputs_are_zones_and_not_only_those_that_it_began_with() -> None:
    """Fuzzing is worth little if nearly everything is refused, or nothing."""
    accepted = []

    def count(content: bytes) -> None:
        with suppress(Error):
            conf.parse(corpus.with_header(content), "pin", "f")
            accepted.append(content)

    loop.run(count, seeds("zone"), seed=1, runs=RUNS)
    assert 20 < len(set(accepted)) < RUNS / 2


def failing(content: bytes) -> None:
    if b"\xff" in content:
        raise ValueError(content)


def test_a_failure_is_found_and_told_and_the_input_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(TARGETS, "key", failing)
    assert fuzz.main(["--own", "--seconds", "60", "--target", "key"]) == 1
    assert "key: FAILED on .cache/fuzz/key-" in capsys.readouterr().out
    [kept] = (tmp_path / ".cache/fuzz").iterdir()
    assert b"\xff" in kept.read_bytes()


def test_one_seed_tries_the_same_inputs() -> None:
    def tried(seed: int) -> list[bytes]:
        inputs: list[bytes] = []
        loop.run(inputs.append, [b"one", b"other"], seed=seed, runs=50)
        return inputs

    assert tried(1) == tried(1)
    assert tried(1) != tried(2)
    assert tried(1)[:2] == [b"one", b"other"]
