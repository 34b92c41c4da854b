"""The rows of the table: each breaks something, or only asks, and says what came of it."""

import time
from collections.abc import Callable
from typing import Final

from checks import world
from checks.compare.side import ADDRESS, DOMAIN, NAME, OWN, OWN_ADDRESS, Side
from checks.containers import nixos
from checks.scenarios import foreign, surroundings, zones

Row = Callable[[Side], str]
"""Its docstring is its title."""

_INJECTED: Final = f"""\
local-zone: "{DOMAIN}." transparent
local-data: "www.example.org. A 203.0.113.66"
local-data: "{NAME}. CNAME server.{DOMAIN}."
"""
_BAD_ADDRESS: Final = f"""\
local-zone: "{DOMAIN}." transparent
local-data: "a.{DOMAIN}. A 192.0.2"
"""
_CHANGES: Final = 8
_SECONDS: Final = 4
"""How long names are looked up while something is away."""
_GLOBAL: Final = "/run/systemd/resolved.conf.d/compare.conf"


def folder_missing(side: Side) -> str:
    """First boot, the mesh's folder missing."""
    state = side.machine.execute("systemctl is-active unbound.service")[1].strip()
    return f"unbound {state}, {side.answers()}"


def before_any_push(side: Side) -> str:
    """First boot, nobody has pushed."""
    side.machine.execute(
        f"mkdir -p {zones.MESH}; chown -R data-mesher:data-mesher /var/lib/data-mesher;"
        " systemctl reset-failed unbound || true; systemctl restart unbound"
    )
    return side.answers()


def unknown_name(side: Side) -> str:
    """Unknown name of the clan."""
    return str(side.ask(f"unknown.{DOMAIN}"))


def foreign_nxdomain(side: Side) -> str:
    """NXDOMAIN of the internet."""
    return str(side.ask("nothing.example.org"))


def public_name(side: Side) -> str:
    """Public name in the clan's domain; ours with wholeDomain = false."""
    with side.shared_domain():
        return side.looked_up(world.COMPARED, foreign.ADDRESS)


def reverse_name(side: Side) -> str:
    """Name of another machine's address; ours with reverse = true."""
    with side.reverse_names():
        return side.name_of(ADDRESS)


def global_nameserver(side: Side) -> str:
    """Have a global nameserver as well, and restart unbound."""
    set_global = f"mkdir -p {_GLOBAL.rpartition('/')[0]}; printf '[Resolve]\\nDNS=%s\\n'"
    reload = "systemctl reload systemd-resolved"
    side.machine.succeed(f"{set_global} {nixos.GATEWAY} > {_GLOBAL}; {reload}")
    side.ask("nothing.example.org")
    side.machine.execute("systemctl stop unbound")
    side.machine.execute(f"dig {NAME} +time=1")
    side.machine.execute("systemctl start unbound")
    answers = [ADDRESS in side.ask(NAME).addresses for _ in range(10)]
    side.machine.succeed(f"rm {_GLOBAL}; {reload}")
    return f"{sum(answers)} of 10 queries for a name answered"


def address_with_cname(side: Side) -> str:
    """Name asked at unbound directly."""
    answer = side.ask(NAME, zones.UNBOUND)
    return "its address" if ADDRESS in answer.addresses else "a CNAME without address"


def exported_twice(side: Side) -> str:
    """Name that two machines export."""
    return f"{len(side.ask(f'shared.{DOMAIN}').addresses)} of 2 addresses"


def own_service(side: Side) -> str:
    """Service of the machine itself."""
    return side.looked_up(OWN, OWN_ADDRESS)


def dnssec(side: Side) -> str:
    """DNSSEC=yes in resolved.conf."""
    return _set_up(side, "DNSSEC=yes")


def dns_over_tls(side: Side) -> str:
    """DNSOverTLS=yes in resolved.conf."""
    return _set_up(side, "DNSOverTLS=yes")


def _set_up(side: Side, settings: str) -> str:
    with surroundings.resolved(side.machine, settings):
        return side.looked_up(NAME, ADDRESS)


def same_domain_nodata(side: Side) -> str:
    """Link with the same domain, whose server has no addresses."""
    return _same_domain(side, "no addresses")


def same_domain_wildcard(side: Side) -> str:
    """Link with the same domain, whose server has a wildcard."""
    return _same_domain(side, "a wildcard")


def _same_domain(side: Side, says: str) -> str:
    with surroundings.other_link(side.machine, DOMAIN):
        surroundings.answer(side.machine, DOMAIN, surroundings.ANSWERS[says])
        return side.looked_up(NAME, ADDRESS)


def no_network(side: Side) -> str:
    """No network: all links down."""
    with surroundings.without_network(side.machine, surroundings.LINKS_DOWN):
        return side.looked_up(NAME, ADDRESS)


def unbound_restarted(side: Side) -> str:
    """100 lookups a second while unbound restarts."""
    return side.looked_up(NAME, ADDRESS, "systemctl restart unbound", _SECONDS)


def unbound_killed(side: Side) -> str:
    """100 lookups a second while unbound is killed."""
    return side.looked_up(NAME, ADDRESS, "systemctl kill --signal=KILL unbound", _SECONDS)


def switched(side: Side) -> str:
    """100 lookups a second in a switch that changes unbound, and restarts another unit for 1 s."""
    return side.looked_up(NAME, ADDRESS, side.switch(), _SECONDS)


def eight_changes(side: Side) -> str:
    """8 changes in 8 s."""
    return _changes(side, [1.0] * 7)


def twenty_changes(side: Side) -> str:
    """20 changes in 1 s."""
    return _changes(side, [0.05] * 19)


def _changes(side: Side, pauses: list[float]) -> str:
    side.change(pauses)
    served = "last served" if side.is_changed() else "last not served"
    return f"{served}, {side.failed()}"


def change_meanwhile(side: Side) -> str:
    """Change while the service that brings changes runs, which takes it 0.3 s longer here."""
    unit = side.machine.succeed(f"systemctl show --property=Unit --value {side.path}").strip()
    folder = f"/run/systemd/system/{unit}.d"
    side.machine.succeed(
        f"mkdir -p {folder}",
        f"printf '[Service]\\nExecStartPost=/bin/sleep 0.3\\n' > {folder}/slow.conf",
        "systemctl daemon-reload",
    )
    served = 0
    for _ in range(_CHANGES):
        side.repair()
        side.change([0.2])
        served += side.is_changed()
    side.machine.succeed(f"rm -r {folder}; systemctl daemon-reload")
    return f"{served} of {_CHANGES} served"


def injected(side: Side) -> str:
    """Zone with a name of another domain."""
    side.put(_INJECTED)
    time.sleep(2)
    obeyed = "203.0.113.66" in side.ask("www.example.org", zones.UNBOUND).addresses
    return f"{'obeyed' if obeyed else 'refused'}, {side.answers()}"


def garbage(side: Side) -> str:
    """Garbage."""
    return _bad(side, "\N{LATIN SMALL LETTER Y WITH DIAERESIS}\x02garbage")


def cut_short(side: Side) -> str:
    """Zone cut short."""
    return _bad(side, side.zone_conf()[:-20])


def bad_address(side: Side) -> str:
    """Zone with a wrong address."""
    return _bad(side, _BAD_ADDRESS)


def _bad(side: Side, text: str) -> str:
    side.put(text)
    time.sleep(2)
    return f"{side.answers()}; restarted: {side.restarted()}"


def unreadable(side: Side) -> str:
    """Zone that cannot be read."""
    path = side.write(side.zone_conf())
    side.machine.succeed(f"chmod 000 {path}; mv {path} {zones.MESH}/cnames; sleep 2")
    return f"{side.answers()}; restarted: {side.restarted()}"


def state_deleted(side: Side) -> str:
    """State directory deleted."""
    side.machine.succeed(f"rm -rf {side.state}/*")
    return f"{side.answers()}; restarted: {side.restarted()}"


def disk_full(side: Side) -> str:
    """State directory's disk full."""
    side.machine.succeed(
        f"cp -a {side.state} /tmp/state && mount -t tmpfs -o size=512k,mode=755 tmpfs {side.state}",
        f"cp -a /tmp/state/. {side.state}; chown --reference=/tmp/state {side.state}",
        f"! dd if=/dev/zero of={side.state}/full bs=4k; rm -rf /tmp/state",
    )
    side.change([])
    time.sleep(2)
    said = f"{side.answers()}; restarted: {side.restarted()}"
    side.machine.succeed(f"rm {side.state}/full; umount -l {side.state}")
    side.change([])
    return f"{said}; then next change {'served' if side.is_changed() else 'not served'}"


FIRST: Final[tuple[Row, ...]] = (folder_missing, before_any_push)
ALL: Final[tuple[Row, ...]] = (
    unknown_name,
    foreign_nxdomain,
    public_name,
    reverse_name,
    global_nameserver,
    address_with_cname,
    exported_twice,
    own_service,
    dnssec,
    dns_over_tls,
    same_domain_nodata,
    same_domain_wildcard,
    no_network,
    unbound_restarted,
    unbound_killed,
    switched,
    eight_changes,
    twenty_changes,
    change_meanwhile,
    injected,
    garbage,
    cut_short,
    bad_address,
    unreadable,
    state_deleted,
    disk_full,
)
