"""Whether unbound runs, answers, and serves the zone file."""

import shlex
import socket
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.inspect.doctor import answers, units
from dm_dns.inspect.doctor.check import Found, fault, well
from dm_dns.inspect.doctor.files import Written
from dm_dns.inspect.doctor.units import Systemd
from dm_dns.node import dns_message
from dm_dns.node.config import Config
from dm_dns.node.dns_message import MessageError
from dm_dns.zone import zonefile

_MAX_SOCKETS: Final = 2**22  # bytes of a table in /proc/net


def loopback(config: Config) -> Found:
    """Return whether what is sent to the address at which unbound answers arrives there."""
    address = config.unbound.address
    try:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        ):
            receiver.bind((address, 0))
            receiver.settimeout(answers.SECONDS)
            sender.connect(receiver.getsockname())
            sender.send(b"dm-dns")
            receiver.recv(16)
    except OSError as error:
        return fault(
            f"what is sent to {address} does not arrive there ({error.strerror or error}): the"
            " interface lo is down, or a rule for routes or of a firewall stops it",
            "sudo ip link set lo up; ip route get 127.0.0.1; sudo nft list ruleset",
        )
    return well(f"what is sent to {address} arrives there")


def port(config: Config, systemd: Systemd) -> Found:
    """Return whether another program has the port of unbound."""
    address, number = config.unbound.address, config.unbound.port
    held = units.held_for_unbound(systemd, number)
    holder = systemd.unit(held or units.UNBOUND)
    sockets = _bound(address, number)
    if holder.is_active or not sockets:
        return well(f"no other program has {address} port {number}")
    processes = _processes(sockets)
    again = (
        units.restart(held, units.UNBOUND) if held else f"sudo systemctl restart {units.UNBOUND}"
    )
    if processes and units.unit_of(processes[0]) == units.UNBOUND:
        return well(f"unbound itself has {address} port {number}, and not systemd")
    if not processes:
        return fault(
            f"another program has {address} port {number}; root would see which",
            f"sudo ss --listening --udp --tcp --numeric --processes 'sport = :{number}'",
        )
    process = processes[0]
    with suppress(OSError):
        name = Path(f"/proc/{process}/comm").read_text().strip()
        unit = units.unit_of(process)
        stop = f"sudo systemctl stop {shlex.quote(unit)}" if unit else f"sudo kill {process}"
        what = f"{name} (process {process}{f', {unit}' if unit else ''})"
        return fault(f"{what} has {address} port {number}", f"{stop} && {again}")
    return fault(f"process {process} has {address} port {number}", f"sudo kill {process}; {again}")


def _bound(address: str, number: int) -> set[str]:
    """Return the inodes of the sockets that are bound to an address (proc_net(5))."""
    local = f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}:{number:04X}"
    found = set()
    for table, states in (("udp", {"07"}), ("tcp", {"0A"})):  # of no peer; listening
        with suppress(OSError):
            text = files.read(Path(f"/proc/net/{table}"), _MAX_SOCKETS).decode("ascii", "replace")
            for line in text.splitlines()[1:]:
                fields = line.split()
                if fields[1] == local and fields[3] in states:
                    found.add(fields[9])
    return found


def _processes(inodes: set[str]) -> list[int]:
    """Return the processes that have one of these sockets, as far as this user may see."""
    links = {f"socket:[{inode}]" for inode in inodes}
    found = set()
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with suppress(OSError):
                if any(str(each.readlink()) in links for each in (process / "fd").iterdir()):
                    found.add(int(process.name))
    return sorted(found - {1})


def runs(config: Config, systemd: Systemd) -> Found:
    """Return whether unbound runs, or systemd starts it for a query."""
    held = units.held_for_unbound(systemd, config.unbound.port)
    if held is None:
        return systemd.look([units.UNBOUND])
    name = zonefile.status_name(config.domain)
    wake = partial(answers.of_server, config.unbound, name, dns_message.TXT)
    return units.look_at_asked(systemd, (held, units.UNBOUND), wake)


def answers_queries(config: Config) -> Found:
    """Return whether unbound answers queries."""
    where = "{} port {}".format(*config.unbound.endpoint)
    try:
        answers.of_server(config.unbound, zonefile.status_name(config.domain), dns_message.TXT)
    except (OSError, MessageError) as error:
        text = f"unbound does not answer on {where}: {error}"
        if isinstance(error, TimeoutError):
            text += ", so it hangs, or a firewall stops what is sent to that port"
        return fault(text, "sudo systemctl restart unbound; sudo nft list ruleset")
    return well(f"unbound answers on {where}")


def serves(config: Config, written: Written) -> Found:
    """Return whether unbound serves the zone file."""
    name, expected = zonefile.status_name(config.domain), answers.expected(written)
    response = answers.of_server(config.unbound, name, dns_message.TXT)
    answer = dns_message.first_txt(response.answer)
    if answer == expected:
        return well(f"unbound serves {answer}")
    has = f"has no zone for {config.domain} (RCODE {response.rcode})"
    return fault(
        f"unbound serves {answer!a}, and not {expected!a}" if answer else f"unbound {has}",
        "sudo systemctl restart dm-dns unbound",
    )
