"""The zone file: what unbound loads (a master file, RFC 1035, section 5)."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from dm_dns.zone import conf, limits, names, nearby
from dm_dns.zone.nearby import On

# unbound answers from the zone itself, so the TTL matters only to caches behind it (phones, other
# resolvers). It is short, so that a name that moved resolves again immediately. systemd-resolved
# does not cache what comes from a server on loopback.
TTL: Final = 5
"""Seconds for which others may cache an answer, including a negative one (RFC 2308)."""

_FAMILIES: Final = 2
_MOST_REPEATED: Final = 8
"""Addresses that are written in place of each CNAME: many would make the file far larger."""

_LOOPBACK: Final = ("127.0.0.1", "::1")

# Nobody transfers this zone, so refresh, retry and expire have no effect; unbound requires them.
_APEX: Final = """\
$TTL {ttl}
{domain}. SOA localhost. nobody.invalid. {serial} 3600 600 86400 {ttl}
{domain}. NS localhost.
"""


class ZoneFile(NamedTuple):
    """A compiled zone."""

    text: str
    status: str
    """The text of the TXT record that distinguishes this file from all others (`status_name`)."""
    addresses: Mapping[str, tuple[str, ...]]
    """Those of each name that is not a CNAME in it."""


class OwnMachine(NamedTuple):
    """The machine on which a zone file is served, as it can be reached from itself."""

    name: str
    """Its full name."""
    assigned: Collection[str]
    """The addresses that its links have now, with those of loopback."""
    deprecated: Collection[str] = ()
    """Those of them that are still there for who uses them already (RFC 4862, section 5.5.4)."""

    def reachable(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return which of its addresses are assigned; if none is, those of loopback.

        One that is deprecated only counts if no other is assigned. If there is no loopback either,
        as before `lo` is up, return them as they are.
        """
        usable = [address for address in known if address in self.assigned]
        usable = [address for address in usable if address not in self.deprecated] or usable
        usable = usable or [address for address in _LOOPBACK if address in self.assigned]
        return tuple(usable) or known


def status_name(domain: str) -> str:
    """Return the name of the TXT record that tells what a machine serves."""
    return f"{names.STATUS_LABEL}.{domain}"


def compile_zone(  # noqa: PLR0913 - all that a zone file is made from
    served: conf.Zone,
    from_hosts: Mapping[str, tuple[str, ...]],
    in_hosts: Collection[str] = (),
    machine: OwnMachine | None = None,
    on: On = nearby.NOWHERE,
    *,
    source: str,
    inputs: str,
) -> ZoneFile:
    """Compile ``served`` to a zone file.

    A CNAME is compiled to the addresses of its target

    - if the target lacks A or AAAA records: unbound adds no SOA to an empty answer behind a CNAME,
      and without one caches do not know for how long it is valid (RFC 2308, section 2.2);
    - if the target is in /etc/hosts: systemd-resolved would follow the CNAME into that file, where
      NixOS has the machine's own name with loopback addresses;
    - if the target is ``machine``: its own name keeps its addresses, and its services get those at
      which they answer now.

    On a local network, machines have their addresses there (`nearby.given`).

    Args:
        served: what to serve.
        from_hosts: what the machine's /etc/hosts has for any names (`Hosts.addresses`); it replaces
            the zone's addresses of every name that is not a CNAME.
        in_hosts: the names in the machine's /etc/hosts (`Hosts.names`).
        machine: the one whose services get other addresses than the zone has for them; None: none.
        on: the local networks of ``served`` that the machine is on.
        source: where ``served`` is from: ``mesh``, ``deployed`` or ``kept``.
        inputs: what the file was made from, for the comment in its first line.

    """
    compiled = _compile(served, from_hosts, in_hosts, machine, on)
    cnames, addresses = compiled.cnames, compiled.addresses
    lines = [_APEX.format(ttl=TTL, domain=served.domain, serial=served.serial)]
    lines += [f"{owner}. CNAME {target}.\n" for owner, target in cnames.items()]
    lines += [
        f"{owner}. {conf.record_type(address)} {address}\n"
        for owner, known in sorted(addresses.items())
        for address in known
    ]
    # A name without an address must exist anyway: otherwise a wildcard would answer for it, in a
    # loop if the wildcard points to that machine.
    without = {name for name, known in addresses.items() if not known}
    without |= {*cnames.values(), *compiled.targets} - addresses.keys()
    lines += [
        f'{name}. TXT "dm-dns knows no address of this machine"\n'
        for name in sorted(without - cnames.keys())
    ]
    body = "".join(lines)
    status = f"serial={served.serial} sha256={served.sha256} source={source}"
    file = f"file={hashlib.sha256(body.encode('ascii')).hexdigest()}"
    txt = f'{status_name(served.domain)}. TXT "{status}" "{file}"\n'
    counts = f"names={served.names} records={served.records}"
    first = f"; inputs={inputs} {counts} {status} {file}\n"
    return ZoneFile(f"{first}{body}{txt}", f"{status} {file}", addresses)


def excess(
    served: conf.Zone,
    from_hosts: Mapping[str, tuple[str, ...]],
    in_hosts: Collection[str],
    machine: OwnMachine | None = None,
    on: On = nearby.NOWHERE,
) -> str | None:
    """Return why a zone file would have too many records for unbound; None if it would not.

    Args:
        served: as `compile_zone` takes it, as all others are.
        from_hosts: what the machine's /etc/hosts has for any names.
        in_hosts: the names in the machine's /etc/hosts.
        machine: the one whose services get other addresses than the zone has for them.
        on: the local networks that the machine is on.

    """
    # Far fewer than the limit are not counted one by one: the boot waits for it.
    lengths = [len(known) for known in (*served.addresses.values(), *from_hosts.values())]
    if on:
        lengths += [
            len(served.local.of(name, *served.shared.get(name, ())))
            for name in {*served.local.addresses, *served.shared}
        ]
    # A machine's services, and the names that it shares, have all addresses at which it answers.
    mine = served.local.addresses.get(machine.name, ()) if machine else ()
    longest = max(len(_LOOPBACK), max(lengths, default=0) + len(mine))
    most = sum(lengths) + (len(served.shared) + len(served.cnames)) * longest
    if most <= limits.MAX_SERVED:
        return None
    compiled = _compile(served, from_hosts, in_hosts, machine, on)
    records = len(compiled.cnames) + sum(map(len, compiled.addresses.values()))
    if records <= limits.MAX_SERVED:
        return None
    return f"with it the zone has {records} records, and the limit is {limits.MAX_SERVED}"


class _Compiled(NamedTuple):
    """The names of a zone file."""

    cnames: dict[str, str]
    addresses: dict[str, tuple[str, ...]]
    targets: Collection[str]
    """Those of the CNAMEs in whose place there are addresses."""


def _compile(
    served: conf.Zone,
    from_hosts: Mapping[str, tuple[str, ...]],
    in_hosts: Collection[str],
    machine: OwnMachine | None,
    on: On,
) -> _Compiled:
    addresses = {
        **served.addresses,
        **{name: some for name, some in from_hosts.items() if name not in served.cnames},
    }
    known = addresses.get(machine.name, ()) if machine else ()
    addresses |= nearby.given(served, on, from_hosts)
    behind_cnames, unfit = addresses, in_hosts
    if machine:
        mine = () if machine.name in from_hosts else served.local.addresses.get(machine.name, ())
        # What is sent to an address of its own does not leave it, on whichever network it is.
        here = machine.reachable((*known, *(address for _network, address in mine)))
        # An address of a network where it is not may be another machine's where it is.
        near = (address for network, address in mine if network in on)
        own = {*served.addresses.get(machine.name, ()), *known, *near}
        addresses |= {
            name: conf.in_order((*others, *here))
            for name, others in _of_others(served, machine.name, addresses, own).items()
            if name not in from_hosts
        }
        behind_cnames = {**addresses, machine.name: here}
        unfit = {*in_hosts, machine.name}
    replaced = _replaced_cnames(served.cnames, behind_cnames, unfit)
    cnames = {owner: target for owner, target in served.cnames.items() if owner not in replaced}
    addresses |= {owner: behind_cnames.get(target, ()) for owner, target in replaced.items()}
    return _Compiled(cnames, addresses, replaced.values())


def _of_others(
    served: conf.Zone,
    machine: str,
    addresses: Mapping[str, tuple[str, ...]],
    own: Collection[str],
) -> dict[str, set[str]]:
    """Return each name that a machine shares, with the addresses that others have who share it.

    Args:
        served: tells who shares which names.
        machine: whose names they are.
        addresses: of all names.
        own: those of the machine.

    """
    # Others may have an address of the machine as well, such as one of the router before them.
    also: dict[str, set[str]] = {}
    found = {}
    for name, machines in served.shared.items():
        if machine in machines:
            several = set(addresses[name])
            found[name] = several.difference(own)
            for other in machines:
                if other != machine:
                    if other not in also:
                        also[other] = set(addresses.get(other, ())).intersection(own)
                    found[name] |= also[other] & several
    return found


def _replaced_cnames(
    cnames: Mapping[str, str], addresses: Mapping[str, tuple[str, ...]], unfit: Collection[str]
) -> dict[str, str]:
    """Return the names that are compiled to addresses in place of a CNAME, with the last target.

    Args:
        cnames: owner to target.
        addresses: of all names.
        unfit: names that no CNAME may point to, directly or through others.

    """
    # Far fewer names are targets than have a CNAME, so whatever depends on the target alone is
    # computed once for each target.
    ends = _ends(cnames, unfit)
    lacking = {
        target
        for target, (last, _is_unfit) in ends.items()
        if _lacks_family(addresses.get(last, ()))
    }
    required: dict[str, str] = {}
    better: dict[str, str] = {}
    for owner, target in cnames.items():
        last, is_unfit = ends[target]
        if is_unfit:
            required[owner] = last
        if is_unfit or target in lacking:
            better[owner] = last
    # To replace a CNAME whose target lacks a family is not worth a zone file that is too large.
    return better if _count(cnames, addresses, better) <= limits.MAX_SERVED else required


def _ends(cnames: Mapping[str, str], unfit: Collection[str]) -> dict[str, tuple[str, bool]]:
    """Return where each target leads: its last one, and whether one on the way is ``unfit``."""
    ends: dict[str, tuple[str, bool]] = {}
    for target in cnames.values():
        chain = []
        name = target
        while name not in ends and name in cnames:
            chain.append(name)
            name = cnames[name]
        last, is_unfit = ends.setdefault(name, (name, name in unfit))
        for passed in reversed(chain):
            is_unfit = is_unfit or passed in unfit
            ends[passed] = last, is_unfit
    return ends


def _count(
    cnames: Mapping[str, str],
    addresses: Mapping[str, tuple[str, ...]],
    replaced: Mapping[str, str],
) -> int:
    """Return the number of records of a zone file with these names."""
    repeated = sum(len(addresses.get(target, ())) for target in replaced.values())
    return len(cnames) - len(replaced) + sum(map(len, addresses.values())) + repeated


def _lacks_family(known: tuple[str, ...]) -> bool:
    """Tell whether one of A and AAAA has no records, and the other has few."""
    kinds = {conf.record_type(address) for address in known}
    return len(kinds) < _FAMILIES and len(known) <= _MOST_REPEATED


class FirstLine(NamedTuple):
    """The comment in the first line of a zone file."""

    inputs: str
    """What the file was made from."""
    names: int
    """The number of names of the zone."""
    records: int
    """The number of its records."""
    status: str
    """As `ZoneFile.status`."""

    @classmethod
    def parse(cls, line: str) -> "FirstLine":
        """Read the first line of a zone file.

        Raises:
            ValueError: the line is not the first one of a zone file.

        """
        comment, inputs, known, records, status = line.rstrip("\n").split(" ", 4)
        if comment != ";":
            raise ValueError(line)
        return cls(
            inputs=inputs.removeprefix("inputs="),
            names=int(known.removeprefix("names=")),
            records=int(records.removeprefix("records=")),
            status=status,
        )

    def field(self, name: str) -> str:
        """Return a field of the status, such as ``source``; empty if the status lacks it."""
        fields = dict(field.split("=", 1) for field in self.status.split(" ") if "=" in field)
        return fields.get(name, "")


def parse_source(served: conf.Zone, line: str) -> str | None:
    """Return the source of ``served`` that the first line of its zone file names.

    None if the file was compiled from another zone.
    """
    try:
        first = FirstLine.parse(line)
    except ValueError:
        return None
    return first.field("source") if first.field("sha256") == served.sha256 else None
