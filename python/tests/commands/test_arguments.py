import argparse
import json
from pathlib import Path

import pytest

from dm_dns.commands import arguments

# The fake data-mesher of checks reads the same cases.
DURATIONS: list[tuple[str, float | None]] = json.loads(
    Path(__file__).with_name("go-durations.json").read_bytes()
)


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_a_duration_is_written_as_in_go(text: str, seconds: float | None) -> None:
    if seconds is None:
        with pytest.raises(argparse.ArgumentTypeError, match="is not a duration such as 30s"):
            arguments.duration(text)
    else:
        assert arguments.duration(text) == pytest.approx(seconds)
