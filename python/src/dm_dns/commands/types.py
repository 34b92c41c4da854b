"""Types of command line arguments that several commands take."""

import argparse
from typing import Final

from dm_dns.zone import names

_MOST_SECONDS: Final = 86400.0


def domain(text: str) -> str:
    """Return a clan's domain in canonical form."""
    try:
        return names.canonical_domain(text)
    except names.InvalidNameError as error:
        raise argparse.ArgumentTypeError(f"{text!a} is no domain: {error}") from None


def seconds(text: str) -> float:
    """Return a number of seconds of up to a day."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!a} is no number from 0 to {_MOST_SECONDS:g}")
    return number
