"""`dm-dns prefetch`: keep flake.lock."""

from typing import Final

from dm_dns.prefetch import add_arguments, run

__all__ = ["add_arguments", "run"]

SUMMARY: Final = "keep flake.lock: check, update and show what it pins"
EXAMPLE: Final = "dm-dns prefetch check"
