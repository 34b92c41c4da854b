"""Types of command line arguments that several commands take."""

import argparse

from dm_dns import names


def domain(text: str) -> str:
    """Return a clan's domain in canonical form."""
    try:
        return names.canonical_domain(text)
    except names.InvalidNameError as error:
        raise argparse.ArgumentTypeError(f"{text!a} is no domain: {error}") from None
