"""What came of fetching, for people and as JSON."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dm_dns import fetch, nix


def counts(results: Iterable[fetch.Result]) -> str:
    """Return the number of inputs of each outcome, for people."""
    number = Counter(result.outcome for result in results)
    found = [f"{number[outcome]} {outcome}" for outcome in fetch.OUTCOMES if number[outcome]]
    return ", ".join(found) or "no inputs"


def problem(result: fetch.Result) -> list[str]:
    """Return what is wrong with an input, for people."""
    pin, attempts = result.pin, result.attempts
    hashes = list(dict.fromkeys(attempt.hash for attempt in attempts if attempt.hash))
    return [
        f"{pin.name}: {result.outcome}",
        f"  URL      {result.url}",
        f"  locked   {pin.hash or 'nothing'}",
        f"  fetched  {', '.join(hashes) or 'nothing'}",
        *(
            f"  try {number}    {attempt.outcome}: {fetch.describe(attempt)}"
            for number, attempt in enumerate(attempts, start=1)
        ),
        f"  {_remedy(result, len(hashes))}",
    ]


def _remedy(result: fetch.Result, hashes: int) -> str:
    name = result.pin.name
    if result.outcome == fetch.MISMATCH and hashes == 1 and len(result.attempts) > 1:
        return (
            "Every try gave the same: the files at this URL are not those that were locked. Find"
            f" out why, then lock them: `dm-dns prefetch update {name}`."
        )
    if result.outcome in {fetch.MISMATCH, fetch.TRUNCATED}:
        return (
            "The server, or what is between, breaks the archive. Try again later, or with more"
            f" --tries; the lock need not change. `dm-dns prefetch check {name}` tries only this."
        )
    if fetch.is_unreachable(result.attempts[-1].reason):
        return (
            "Is this machine online? What it has in its Nix store can be compared without a"
            f" network: `dm-dns prefetch check --cached {name}`."
        )
    return (
        "Does the URL open in a browser, from here? If the revision is gone for good, lock"
        f" another: `dm-dns prefetch update {name}`."
    )


def as_json(path: Path, version: nix.Version, results: Sequence[fetch.Result]) -> dict[str, Any]:
    """Return what `prefetch.add_arguments` documents."""
    number = Counter(result.outcome for result in results)
    return {
        "lock": str(path),
        "nix": version.text,
        "ok": all(result.is_good for result in results),
        "counts": {outcome: number[outcome] for outcome in fetch.OUTCOMES},
        "inputs": [
            {
                "input": result.pin.name,
                "type": result.pin.type,
                "url": result.url,
                "outcome": result.outcome,
                "locked": result.pin.hash,
                "attempts": [
                    {
                        "outcome": attempt.outcome,
                        "hash": attempt.hash,
                        "received": attempt.received,
                        "announced": attempt.announced,
                        "unpacked": attempt.unpacked,
                        "reason": attempt.reason or None,
                    }
                    for attempt in result.attempts
                ],
            }
            for result in results
        ],
    }
