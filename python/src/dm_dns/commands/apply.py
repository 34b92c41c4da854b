"""`dm-dns apply`: serve the best zone that this machine has."""

from typing import Final

from dm_dns.node.apply import add_arguments, run

__all__ = ["add_arguments", "run"]

SUMMARY: Final = "serve the best zone that this machine has"
EXAMPLE: Final = "dm-dns apply"
