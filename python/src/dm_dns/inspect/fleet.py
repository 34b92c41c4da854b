"""All machines of the clan: what each serves, which are behind, and why.

All machines are asked at the same time, and each has a few seconds. Where a machine answers other
devices (the setting ``listen``), its unbound is asked; ssh is used where that gives no answer, and
where the answer is not the newest zone: only ``dm-dns status`` there knows why.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from typing import Any, Final, NamedTuple

from dm_dns.errors import DOCTOR, Error
from dm_dns.inspect.asking import Answer, Machine, Query, ask
from dm_dns.inspect.clan import Clan
from dm_dns.zone import conf, names

VERDICTS: Final = ("newest", "behind", "differs", "faulty", "unreachable")
"""What can be found of a machine: it serves the newest zone; an older one; another one with the
same serial; the newest, but something is wrong; it was not reached."""

_DOCTOR: Final = DOCTOR.replace("says", "there says")
_PARALLEL: Final = 64


class Row(NamedTuple):
    """What was found of a machine."""

    machine: str
    verdict: str
    """One of VERDICTS."""
    answer: Answer | None
    """None: it was not reached."""
    reason: str | None
    """Why it does not serve the newest zone, or was not reached."""

    def json(self) -> dict[str, Any]:
        """Return the machine for ``dm-dns status --all --json``."""
        answer = self.answer
        return {
            "machine": self.machine,
            "verdict": self.verdict,
            "via": answer.via if answer else None,
            "serial": answer.serial if answer else None,
            "source": answer.source if answer else None,
            "sha256": answer.sha256 if answer else None,
            "reason": self.reason,
        }


class Fleet(NamedTuple):
    """What was found of all machines."""

    domain: str
    newest: int | None
    """The highest serial that a machine serves or that the checkout has; None: there is none."""
    rows: list[Row]
    """Sorted by machine."""

    @property
    def is_well(self) -> bool:
        """Whether every machine serves the newest zone, and has no problem."""
        return all(row.verdict == "newest" for row in self.rows)

    def json(self) -> dict[str, Any]:
        """Return what ``dm-dns status --all --json`` prints (documented in `commands.status`)."""
        return {
            "domain": self.domain,
            "newest": self.newest,
            "machines": [row.json() for row in self.rows],
        }


def machines(zone: conf.Zone, clan: Clan | None) -> list[Machine]:
    """Return the machines that should serve ``zone``.

    Args:
        zone: the clan's.
        clan: what the clan file says; None: the machines are those that a name of the zone points
            to, because a name with addresses may be one of several machines.

    """
    if clan is None:
        targets = {host.removesuffix(f".{zone.domain}") for host in zone.cnames.values()}
        serving: Mapping[str, tuple[str, ...]] = dict.fromkeys(targets, ())
    else:
        serving = clan.serving
    found = []
    for name, listen in sorted(serving.items()):
        host = f"{name.lower()}.{zone.domain}"
        with suppress(names.InvalidNameError):  # ssh must not take it for an option
            names.check(host)
            found.append(Machine(name, host, zone.addresses.get(host, ()), listen))
    return found


def ask_all(asked: Sequence[Machine], query: Query, progress: Callable[[int], None]) -> Fleet:
    """Ask all machines, and return what was found; ``progress`` gets the number that is done."""
    found: dict[str, Answer | Error] = {}
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        futures = {pool.submit(ask, machine, query): machine for machine in asked}
        for future in as_completed(futures):
            found[futures[future].name] = future.result()
            progress(len(found))
    return _compare(query.domain, found, query.wanted)


def _compare(domain: str, found: Mapping[str, Answer | Error], wanted: conf.Zone | None) -> Fleet:
    """Return the verdict on each machine."""
    answers = [answer for answer in found.values() if isinstance(answer, Answer)]
    serials = [answer.serial for answer in answers if answer.serial is not None]
    newest = max([*serials, *([wanted.serial] if wanted else [])], default=None)
    hashes = Counter(sorted(answer.sha256 or "" for answer in answers if answer.serial == newest))
    if wanted and wanted.serial == newest:
        expected = wanted.sha256
    else:
        expected = hashes.most_common(1)[0][0] if hashes else ""
    rows = [
        _row(name, answer, newest, expected, is_served=newest in serials)
        for name, answer in sorted(found.items())
    ]
    return Fleet(domain, newest, rows)


def _row(
    name: str, answer: Answer | Error, newest: int | None, expected: str, *, is_served: bool
) -> Row:
    """Return the verdict on a machine.

    Args:
        name: the machine's.
        answer: what it serves, or why it was not reached.
        newest: the highest serial.
        expected: the hash of the zone with that serial.
        is_served: whether any machine serves that.

    """
    if isinstance(answer, Error):
        return Row(name, "unreachable", None, str(answer))
    problem = answer.problems[0].replace(DOCTOR, _DOCTOR) if answer.problems else None
    if answer.serial is None or (newest is not None and answer.serial < newest):
        return Row(name, "behind", answer, problem or _why_behind(answer, newest, is_served))
    if answer.sha256 != expected:
        reason = "another zone has the same serial: generate the zone again, and push it"
        return Row(name, "differs", answer, problem or reason)
    return Row(name, "faulty" if problem else "newest", answer, problem)


def _why_behind(answer: Answer, newest: int | None, is_served: bool) -> str:  # noqa: FBT001
    """Return why a machine without problems serves an older zone."""
    if answer.serial is None:
        return f"it serves nothing{_DOCTOR}"
    if not is_served:
        return f"nobody has pushed serial {newest} yet"
    if answer.source == "mesh":
        return (
            f"the mesh has brought it nothing newer than serial {answer.serial}; see `systemctl"
            " status data-mesher` there"
        )
    return (
        "it has no mesh copy, and serves what it was deployed with; see `systemctl status"
        " data-mesher` there"
    )
