"""The results of downloading pins, for people and as JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from dm_dns.json_fields import Json
from dm_dns.pins.download import MISMATCH, OUTCOMES, TRUNCATED, Result, is_unreachable


def counts(results: Sequence[Result]) -> str:
    """Return the number of inputs with each outcome, such as ``2 ok, 1 failed``."""
    return ", ".join(f"{n} {outcome}" for outcome, n in _count(results).items() if n) or "no inputs"


def _count(results: Sequence[Result]) -> dict[str, int]:
    number = Counter(result.outcome for result in results)
    return {outcome: number[outcome] for outcome in OUTCOMES}


def problem(result: Result) -> str:
    """Return what is wrong with an input and what to do, in several lines."""
    pin, attempts = result.pin, result.attempts
    hashes = list(dict.fromkeys(attempt.hash for attempt in attempts if attempt.hash))
    return "\n  ".join(
        (
            f"{pin.name}: {result.outcome}",
            f"URL      {result.url}",
            f"locked   {pin.hash or 'nothing'}",
            f"fetched  {', '.join(hashes) or 'nothing'}",
            *(f"try {number}    {attempt}" for number, attempt in enumerate(attempts, start=1)),
            _remedy(result, len(hashes)),
        )
    )


def _remedy(result: Result, hashes: int) -> str:
    name = result.pin.name
    if result.outcome == MISMATCH and len(result.attempts) == 1:
        return (
            "One try does not tell a broken archive from changed content. Run it with more --tries:"
            f" `dm-dns prefetch check {name}`."
        )
    if result.outcome == MISMATCH and hashes == 1:
        return (
            "All tries returned the same files, which differ from the locked ones: the content at"
            " this URL has changed. Find out why before you lock it:"
            f" `dm-dns prefetch update {name}`."
        )
    if result.outcome in {MISMATCH, TRUNCATED}:
        return (
            "The server or a proxy breaks the archive; the lock is not to blame. Retry later, or"
            f" with more --tries: `dm-dns prefetch check {name}`."
        )
    if is_unreachable(result.attempts[-1].reason or ""):
        return (
            "Is this machine online? Without a network, what is in the Nix store can be compared:"
            f" `dm-dns prefetch check --cached {name}`."
        )
    return (
        "Does the URL open in a browser on this machine? If the revision is gone for good, lock"
        f" another one: `dm-dns prefetch update {name}`."
    )


def as_json(path: Path, nix: str, results: Sequence[Result]) -> dict[str, Json]:
    """Return the object that ``check --json`` prints; docs/pins.md documents its keys."""
    return {
        "lock": str(path),
        "nix": nix,
        "ok": all(result.is_good for result in results),
        "counts": _count(results),
        "inputs": [
            {
                "input": result.pin.name,
                "type": result.pin.type,
                "url": result.url,
                "outcome": result.outcome,
                "locked": result.pin.hash,
                "attempts": [asdict(attempt) for attempt in result.attempts],
            }
            for result in results
        ],
    }
