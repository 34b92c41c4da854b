"""dm-dns-health.service: judge what dm-dns.service has found, and what unbound answers.

A service that keeps running cannot be a failed one, so a short-lived one fails in its place. This
module only reads: `commands/apply` writes what the unit has said and when the certificate ends.
"""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns.errors import DOCTOR, Error, describe
from dm_dns.node import certificate, hook_calls, resolved, state
from dm_dns.node.config import Config
from dm_dns.node.dns_message import MessageError
from dm_dns.node.state import State
from dm_dns.node.unbound import ANSWER_TRIES
from dm_dns.zone import zonefile

_PATIENCE: Final = 5.0
"""Seconds in which dm-dns.service and unbound may agree: either may just be starting."""
_POLL: Final = 0.2
HANGS_SECONDS: Final = 240.0
"""dm-dns.service writes the state every minute, and a run of it may take two."""


class Finding(NamedTuple):
    """What is wrong with what a machine serves."""

    problems: list[str]
    """Empty if nothing is."""
    state: State | None = None
    """What dm-dns.service wrote; None: that cannot be read."""
    lasts: bool = False
    """Whether waiting cannot help."""

    @property
    def meanwhile(self) -> str | None:
        """What is served despite the problems that dm-dns.service has found; None: nothing."""
        if not self.lasts or self.state is None or self.state.served is None:
            return None
        return f"meanwhile {self.state.domain} is served: {self.state.served}"


def judge(config: Config, state_file: Path, ends: int | None = None) -> Finding:
    """Return what is wrong with what this machine serves.

    A problem that dm-dns.service has found is returned immediately, anything else if it lasts.

    Args:
        config: the machine's.
        state_file: what dm-dns.service found.
        ends: when data-mesher's certificate does, in seconds since 1970; None: not known.

    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = look(config, state_file)
        if found.lasts or not found.problems or time.monotonic() > deadline:
            break
        time.sleep(_POLL)
    if ends is not None and ends < time.time():
        return found._replace(problems=[*found.problems, certificate.ended(ends)])
    return found


def look(config: Config, state_file: Path, *, tries: int = ANSWER_TRIES) -> Finding:
    """Return what is wrong now; unbound and the hook have ``tries`` seconds each to answer."""
    try:
        found = state.read(state_file)
    except FileNotFoundError:
        return Finding([f"{state_file} does not exist: dm-dns.service does not run{DOCTOR}"])
    except (Error, OSError) as error:
        return Finding([f"{describe(error)}; run `systemctl restart dm-dns`"])
    if problem := _problem_of_writer(found):
        return Finding([f"dm-dns.service {problem}{DOCTOR}"], found)
    if found.problems:
        return Finding(found.problems, found, lasts=True)
    return Finding(_ask(config, found, tries), found)


def _problem_of_writer(found: State) -> str | None:
    """Return why the state is not what dm-dns.service finds now; None if it is."""
    if not found.has_writer():
        return "no longer runs"
    if found.age() > HANGS_SECONDS:
        return f"hangs: for {HANGS_SECONDS:.0f} s it has not written what it found"
    if found.is_outdated():
        return "does not serve a file that has changed"
    if found.has_other_addresses():
        return "has not followed a change of this machine's addresses"
    return None


def _ask(config: Config, found: State, tries: int) -> list[str]:
    """Return who of unbound, the hook and resolved does not answer what the state says, and why."""
    if found.served is None:
        return [f"dm-dns.service serves nothing{DOCTOR}"]
    name, expected = zonefile.status_name(config.domain), found.served.status
    try:
        answers = {"unbound": config.unbound.txt(name, tries=tries)}
        if config.hook:
            with suppress(PermissionError):
                answers["systemd-resolved's hook"] = hook_calls.txt(
                    config.hook, name, seconds=tries
                )
        if config.search:
            with suppress(PermissionError):
                hook_calls.check_short_names(config.search, seconds=tries)
        # It may have a hook that answers, and not know it.
        if config.resolved:
            answers["systemd-resolved"] = resolved.txt(config.resolved, name, seconds=tries)
    except (Error, MessageError) as error:
        return [str(error)]
    return [
        f"{who} {_wrong(name, answer, expected)}{DOCTOR}"
        for who, answer in answers.items()
        if answer != expected
    ]


def _wrong(name: str, answer: str | None, expected: str) -> str:
    if answer is None:
        return f"has no TXT record {name}, but the zone that dm-dns.service loaded does"
    return (
        "does not serve the zone that dm-dns.service loaded: the TXT record"
        f" {name} is {answer!a}, not {expected!a}"
    )
