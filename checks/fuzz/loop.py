"""A fuzzer of our own, for where atheris cannot be had: it changes seeds and puts them together."""

import random
import time
from collections.abc import Callable
from typing import Final

from checks.fuzz import corpus

_MOST_CHANGES: Final = 4
_LONGEST: Final = 20_000
_MIXED: Final = 0.5

DICTIONARY: Final = tuple(
    token.encode("utf-8", "surrogatepass")
    for token in (*corpus.LINES, *corpus.OWNERS, *corpus.RDATA, *'"\\{}[]:,.#*-_ \n\r\t\0abz019')
    if len(token) < 100  # noqa: PLR2004 - none that makes every text too long
)


class Found(Exception):  # noqa: N818 - not an error of the fuzzer
    """An input on which a target failed."""

    def __init__(self, content: bytes, number: int) -> None:
        """Take the input, and the number of inputs that were tried before."""
        super().__init__(f"input {number} of the target fails: {content!r}")
        self.content = content


def run(
    target: Callable[[bytes], None],
    seeds: list[bytes],
    *,
    seed: int,
    runs: int | None = None,
    seconds: float | None = None,
) -> int:
    """Try the seeds and what is made of them, and return the number of inputs.

    Args:
        target: what to try.
        seeds: to begin with.
        seed: of the random numbers: the same seed tries the same inputs.
        runs: how many to try; None: no end.
        seconds: how long to try; None: no end.

    Raises:
        Found: the target failed.

    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    end = None if seconds is None else time.monotonic() + seconds
    number = 0
    while (runs is None or number < runs) and (end is None or time.monotonic() < end):
        content = seeds[number] if number < len(seeds) else change(chance, seeds)
        try:
            target(content)
        except Exception as error:
            raise Found(content, number) from error
        number += 1
    return number


def change(chance: random.Random, seeds: list[bytes]) -> bytes:
    """Return a changed seed."""
    content = chance.choice(seeds)
    if chance.random() < _MIXED:
        content = _mix(chance, content, chance.choice(seeds))
    for _ in range(chance.randint(0, _MOST_CHANGES)):
        start = chance.randint(0, len(content))
        end = min(len(content), start + chance.choice((0, 0, 1, 4, 40)))
        match chance.randint(0, 5):
            case 0:
                new = chance.choice(DICTIONARY)
            case 1:
                new = chance.randbytes(chance.randint(1, 4))
            case 2:
                new = b""
            case 3:
                other = chance.choice(seeds)
                at = chance.randint(0, len(other))
                new = other[at : at + chance.choice((1, 10, 100, 1000))]
            case 4:
                new = content[start:end] * chance.randint(2, 50)
            case _:
                new = content[start:end].swapcase()
        content = content[:start] + new + content[end:]
    return content[:_LONGEST]


def _mix(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """Return some lines of both, in order below the first, as the lines of a zone are."""
    first, *lines = content.splitlines(keepends=True) or [b""]
    lines += other.splitlines(keepends=True)[1:]
    return b"".join([first, *sorted(chance.sample(lines, chance.randint(0, len(lines))))])
