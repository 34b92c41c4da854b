"""The limits of a zone: how much whoever signs a zone can make a machine do.

A file's size, and the number and length of its lines, are checked before any work is done on them.
`dm-dns render` keeps to all limits, so no zone that it makes is refused. docs/limits.md has what
the worst zone of each kind costs, and what it costs to refuse one.

No real clan meets one. The factors below compare with the largest clan that was evaluated for
measurements: 1000 machines with 10 names each.
"""

from typing import Final

MAX_SIZE: Final = 32 * 2**20
"""Bytes of a zone.conf. 10,000 records have 0.5 MB: factor 60."""

MAX_LINE: Final = 1000
"""Bytes of a line, without its newline. Two names of 253 characters make a line of 529: factor 1.9
to the longest line that can be valid."""

MAX_RECORDS: Final = 500_000
"""Records and comments of a zone: factor 45. With more, the worst zones would take longer than the
boot waits for, and more than a second to refuse."""

MAX_UNSORTED: Final = 4 * 2**20
"""Bytes of a zone.conf without header, whose lines have to be sorted before they can be checked:
factor 8 to 10,000 records. Only clan-core's own dm-dns writes one."""

MAX_MACHINES: Final = 20_000
"""Names that CNAMEs point to, and as many machines without an address: factor 20."""

MAX_SHARED: Final = 20_000
"""Comments about names that several machines share, one for each of these: factor 20 to a name that
all 1000 machines answer on."""

MAX_REVERSE: Final = 20_000
"""Addresses that may have a reverse name on a machine where programs are to get it: factor 5 to
1000 machines with an address in each of four networks. systemd-resolved is told all of these names
(`node.reverse_names`): 20,000 are a message of 1.5 MB, and it takes at most 16 MB."""

MAX_ADDRESSES: Final = 2000
"""Addresses of one name. A name that all 1000 machines answer on, with an address in each of two
networks, has 2000: factor 1. Nobody can have many more: an answer has at most 65,535 bytes (RFC
1035, section 4.2.2), and an AAAA record takes 28 of them. For 20 machines with 4 addresses each:
factor 25."""

MAX_NETWORKS: Final = 100
"""Local networks. A machine with addresses in all of them asks the router of each: factor 20 to a
clan with five."""

MAX_LOCAL: Final = 20_000
"""Comments about addresses in local networks: factor 20 to 1000 machines with one each."""

MAX_CHAIN: Final = 8
"""CNAMEs from a name to its addresses: unbound follows that many, and answers with CNAMEs alone if
there are more. `dm-dns render` makes one: factor 8."""

MAX_SERVED: Final = 2 * MAX_RECORDS
"""Records of a zone file. It has more of them than its zone where names have the addresses of a
machine instead of a CNAME (`zonefile.compile_zone`)."""

MAX_HOSTS: Final = 64 * 2**20
"""Bytes of /etc/hosts. A list of a million blocked names has 30 MB: factor 2."""

MAX_SETTINGS: Final = 2**20
"""Bytes of a JSON file that dm-dns or its module writes for a machine: factor 500."""

MAX_SPEC: Final = 512 * 2**20
"""Bytes of a zone spec. 10,000 endpoints have 1.2 MB: factor 400."""
