"""Whether programs ask systemd-resolved, and get what it answers."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.inspect.doctor import answers, units
from dm_dns.inspect.doctor.check import Found, fault, not_asked, well
from dm_dns.inspect.doctor.files import Written
from dm_dns.node import dns_message
from dm_dns.node.config import Config
from dm_dns.node.dns_message import MessageError
from dm_dns.node.unbound import Unbound
from dm_dns.zone import zonefile

RESOLV_CONF: Final = Path("/etc/resolv.conf")
NSSWITCH: Final = Path("/etc/nsswitch.conf")

_STUB: Final = {"127.0.0.53", "127.0.0.54"}
_STUB_RESOLV_CONF: Final = Path("/run/systemd/resolve/stub-resolv.conf")
_NO_STUB: Final = (
    "systemd-resolved does not answer at 127.0.0.53, perhaps because of DNSStubListener=: programs"
    " that read /etc/resolv.conf, such as dig and those in Go, do not find the clan's names"
)
_SHOW_STUB: Final = (
    "grep -rn DNSStubListener /etc/systemd/resolved.conf* /run/systemd/resolved.conf.d"
    "  # remove that, and restart systemd-resolved"
)
_DNS_PORT: Final = 53
_WORDS: Final = re.compile(r"\[[^\]]*\]|[^\s\[]+")
_RETURNS: Final = re.compile(r"(NOTFOUND|!SUCCESS|!UNAVAIL|!TRYAGAIN)=return", re.IGNORECASE)
_MAX_CONFIG: Final = 2**16  # bytes


def resolv_conf() -> Found:
    """Return whether programs that read /etc/resolv.conf themselves ask systemd-resolved."""
    remedy = f"sudo ln -sfn /run/systemd/resolve/stub-resolv.conf {RESOLV_CONF}"
    try:
        text = files.read(RESOLV_CONF, _MAX_CONFIG).decode("utf-8", "replace")
    except OSError as error:
        return fault(f"{RESOLV_CONF}: {error.strerror}", remedy)
    lines = [line.split() for line in text.splitlines()]
    servers = [words[1] for words in lines if words[:1] == ["nameserver"] and words[1:]]
    others = [server for server in servers if server not in _STUB]
    if others or not servers:
        if RESOLV_CONF.resolve() == _STUB_RESOLV_CONF.resolve():
            # systemd-resolved itself names others there while it does not listen.
            return fault(_NO_STUB, _SHOW_STUB)
        ones = "" if len(others) == len(servers) else " beside systemd-resolved"
        return fault(
            f"{RESOLV_CONF} names {', '.join(others) or 'no server'}{ones}: programs that read it,"
            " such as dig and those in Go, do not find the clan's names, or not always",
            remedy,
        )
    return well(f"{RESOLV_CONF} names systemd-resolved")


def stub(config: Config, written: Written) -> Found:
    """Return whether systemd-resolved answers programs that read /etc/resolv.conf."""
    server = Unbound(config.unbound.control, "127.0.0.53", _DNS_PORT)
    try:
        name = zonefile.status_name(config.domain)
        response = answers.of_server(server, name, dns_message.TXT, is_recursive=True)
    except (OSError, MessageError) as error:
        return fault(f"{_NO_STUB} ({error})", _SHOW_STUB)
    answer = dns_message.first_txt(response.answer)
    if answer != answers.expected(written):
        return fault(
            f"systemd-resolved answers {answer!a} at 127.0.0.53, and programs another",
            "sudo systemctl restart systemd-resolved",
        )
    return well("systemd-resolved answers at 127.0.0.53 too")


def nsswitch() -> Found:
    """Return whether the C library asks systemd-resolved."""
    try:
        text = files.read(NSSWITCH, _MAX_CONFIG).decode("utf-8", "replace")
    except OSError as error:
        return fault(f"{NSSWITCH}: {error.strerror}", units.DEPLOY)
    for line in text.splitlines():
        key, _, services = line.partition("#")[0].partition(":")
        if key.strip() == "hosts":
            words = _WORDS.findall(services)
            if ends := _ends_before_resolve(words):
                return fault(
                    f"{NSSWITCH} has `{line.strip()}`: with {ends} programs do not get as far as"
                    " the service resolve",
                    units.DEPLOY,
                )
            if "resolve" in words:
                return well(f"{NSSWITCH} has the service resolve for hosts")
            return fault(
                f"{NSSWITCH} has `{line.strip()}`, without the service resolve: programs do not"
                " ask systemd-resolved",
                units.DEPLOY,
            )
    return fault(f"{NSSWITCH} has no line for hosts", units.DEPLOY)


def _ends_before_resolve(words: Sequence[str]) -> str | None:
    """Return what ends a search for names before the service resolve (nsswitch.conf(5))."""
    service = ""
    for word in words:
        if word == "resolve":
            return None
        if not word.startswith("["):
            service = word
        # mDNS's own finds that a name is not there only where it is one of its domain.
        elif not service.startswith("mdns") and _RETURNS.search(word):
            return f"{service} {word}"
    return None


def get(path: Path | None, names: Sequence[str]) -> Found:
    """Return whether programs get what systemd-resolved answers, by the first of these names."""
    if not names:
        return not_asked("the zone has no name of another machine to try")
    name = names[0]
    theirs, answer = answers.of_programs(name), answers.of_resolved(path, name)
    if theirs.addresses and theirs.addresses == answer.addresses:
        return well(f"getaddrinfo({name}) is {theirs}")
    return fault(
        f"programs get {theirs} for {name}, and systemd-resolved answers {answer}",
        f"getent ahosts {name}; resolvectl query {name}",
    )
