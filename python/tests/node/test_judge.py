import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dm_dns.errors import Error
from dm_dns.files import version
from dm_dns.node import hook_calls, judge, netlink, resolved
from dm_dns.node.apply import Served
from dm_dns.node.config import Config
from dm_dns.node.dns_message import MessageError
from dm_dns.node.local_view import LocalView
from dm_dns.node.state import State
from dm_dns.node.unbound import Unbound

STATUS = "serial=5 sha256=abc source=mesh file=def"
SERVED = Served(5, 2, 3, "mesh", "abc", STATUS)
FILE = Path("state.json")
HOOK, RESOLVED = Path("hook"), Path("resolved")
NOW = 10_000.0
SEE = "`dm-dns doctor` says what to type"
OTHER = "does not serve the zone that dm-dns.service loaded: the TXT record"
RESTART = "run `systemctl restart dm-dns`"


class Clock:
    """A clock that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []
        self.events = {0: lambda: None}

    def at(self, number: int, action: Callable[[], None]) -> None:
        """Do something at the end of the sleep with this number."""
        self.events[number] = action

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.events.get(len(self.slept), self.events[0])()


@pytest.fixture(autouse=True)
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("time.monotonic", lambda: made.now)
    monkeypatch.setattr("time.sleep", made.sleep)
    monkeypatch.chdir(tmp_path)
    return made


class Answers:
    """What unbound, the hook and systemd-resolved answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by: dict[str, str | Exception | None] = dict.fromkeys(
            ("unbound", "hook", "resolved"), STATUS
        )
        self.seconds: dict[str, float] = {}
        monkeypatch.setattr(
            Unbound, "txt", lambda _, name, *, tries: self.of("unbound", name, tries)
        )
        monkeypatch.setattr(
            hook_calls, "txt", lambda path, name, *, seconds: self.of(path.name, name, seconds)
        )
        monkeypatch.setattr(
            resolved, "txt", lambda path, name, *, seconds: self.of(path.name, name, seconds)
        )

    def of(self, who: str, name: str, seconds: float) -> str | None:
        assert name == "_dm-dns.pin"
        self.seconds[who] = seconds
        answer = self.by[who]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(monkeypatch)


def config(hook: Path | None = HOOK, resolved: Path | None = RESOLVED) -> Config:
    return Config(
        domain="pin",
        mesh=Path("mesh"),
        deployed=None,
        hosts=Path("hosts"),
        state=Path("state"),
        keys=[],
        unbound=Unbound(Path("ctl"), "127.0.0.1", 5353),
        hook=hook,
        resolved=resolved,
    )


def write(**changes: Any) -> None:  # noqa: ANN401 - fields of State
    found = State("pin", os.getpid(), SERVED, 1, [], {}, int(NOW))
    found._replace(**changes).write(FILE)


def judged(of: Config | None = None, ends: int | None = None) -> list[str]:
    """Return the problems, and what is served despite them."""
    found = judge.judge(of or config(), FILE, ends)
    return [*found.problems, *([found.meanwhile] if found.meanwhile else [])]


def test_nothing_is_wrong_and_nothing_is_waited_for_if_all_answer_what_was_served(
    clock: Clock, answers: Answers
) -> None:
    write()
    assert judged() == []
    assert clock.slept == []
    assert answers.seconds == {"unbound": 5, "hook": 5, "resolved": 5}


def test_who_looks_may_give_them_less_time(answers: Answers) -> None:
    write()
    assert judge.look(config(), FILE, tries=2).problems == []
    assert answers.seconds == {"unbound": 2, "hook": 2, "resolved": 2}


@pytest.mark.parametrize("who", ["unbound", "hook", "resolved"])
@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            "serial=4",
            f"{OTHER} _dm-dns.pin is 'serial=4', not '{STATUS}'",
        ),
        (None, "has no TXT record _dm-dns.pin, but the zone that dm-dns.service loaded does"),
    ],
)
def test_whoever_answers_something_else_is_named(
    answers: Answers, who: str, answer: str | None, text: str
) -> None:
    write()
    answers.by[who] = answer
    names = {"hook": "systemd-resolved's hook", "resolved": "systemd-resolved"}
    (found,) = judged()
    assert found == f"{names.get(who, who)} {text}; {SEE}"


def test_each_that_answers_something_else_is_named(answers: Answers) -> None:
    write()
    answers.by = dict.fromkeys(answers.by, "serial=4")
    assert len(judged()) == 3


@pytest.mark.parametrize("error", [Error("it is down"), MessageError("it is down")])
@pytest.mark.parametrize("who", ["unbound", "hook", "resolved"])
def test_whoever_does_not_answer_is_a_problem(answers: Answers, who: str, error: Error) -> None:
    write()
    answers.by[who] = error
    assert judged() == ["it is down"]


def test_a_hook_that_this_user_may_not_ask_is_passed_over(answers: Answers) -> None:
    write()
    answers.by["hook"] = PermissionError()
    assert judged() == []
    answers.by["resolved"] = "serial=4"
    assert len(judged()) == 1


def test_only_those_that_the_machine_has_are_asked(answers: Answers) -> None:
    write()
    answers.by |= {"hook": Error("no hook"), "resolved": Error("no resolved")}
    assert judged(config(hook=None, resolved=None)) == []
    assert judged(config(resolved=None)) == ["no hook"]
    assert judged(config(hook=None)) == ["no resolved"]


def test_a_problem_of_the_server_is_told_immediately_and_what_is_served_meanwhile(
    clock: Clock,
) -> None:
    write(problems=["a copy is not valid", "another problem"])
    assert judged() == [
        "a copy is not valid",
        "another problem",
        "meanwhile pin is served: serial 5, 3 records, source mesh",
    ]
    assert clock.slept == []
    write(problems=["a copy is not valid"], served=None)
    assert judged() == ["a copy is not valid"]


def test_a_server_that_serves_nothing_is_a_problem() -> None:
    write(served=None)
    assert judged() == [f"dm-dns.service serves nothing; {SEE}"]


def test_a_missing_state_is_a_problem() -> None:
    assert judged() == [f"state.json does not exist: dm-dns.service does not run; {SEE}"]


def test_a_state_that_is_not_valid_is_a_problem() -> None:
    FILE.write_text("{}")
    assert judged() == [f"state.json: domain must be a string, not null; {RESTART}"]
    FILE.unlink()
    FILE.mkdir()
    assert judged() == [f"state.json: Is a directory; {RESTART}"]


def test_a_server_that_has_ended_is_a_problem_whatever_it_found() -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    write(pid=ended.pid, problems=["a problem of before"])
    assert judged() == [f"dm-dns.service no longer runs; {SEE}"]


def test_a_server_that_writes_nothing_for_four_minutes_hangs(clock: Clock) -> None:
    write()
    clock.now += 240
    assert judged() == []
    clock.now += 1
    assert judge.look(config(), FILE).problems == [
        f"dm-dns.service hangs: for 240 s it has not written what it found; {SEE}"
    ]


def test_a_file_that_the_server_has_not_noticed_is_a_problem() -> None:
    Path("hosts").touch()
    write(inputs={"hosts": version(Path("hosts"))})
    assert judged() == []
    Path("hosts").write_text("::1 localhost\n")
    assert judged() == [f"dm-dns.service does not serve a file that has changed; {SEE}"]


def test_addresses_that_the_server_has_not_noticed_are_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(netlink, "addresses", lambda: ("::1",))
    write(local=LocalView(("::1",), None))
    assert judged() == []
    write(local=LocalView(("10.0.0.1", "::1"), None))
    assert judged() == [
        f"dm-dns.service has not followed a change of this machine's addresses; {SEE}"
    ]


def test_what_lasts_for_five_seconds_is_a_problem_and_is_polled_for_meanwhile(clock: Clock) -> None:
    assert judged() != []
    assert 5 < clock.now - NOW < 5.5
    assert set(clock.slept) == {0.2}


def test_what_gets_over_in_time_is_not_a_problem(clock: Clock, answers: Answers) -> None:
    def restart() -> None:
        answers.by["unbound"] = STATUS

    write()
    answers.by["unbound"] = Error("it is down")
    clock.at(20, restart)
    assert judged() == []
    assert time.monotonic() == pytest.approx(NOW + 4)


def test_a_server_that_writes_a_problem_while_it_is_waited_for_is_not_waited_for(
    clock: Clock,
) -> None:
    clock.at(3, lambda: write(problems=["a problem"], served=None))
    assert judged() == ["a problem"]
    assert len(clock.slept) == 3


def test_a_certificate_that_has_ended_is_a_problem_too(answers: Answers) -> None:
    write()
    now = int(time.time())
    assert judged(ends=now + 60) == []
    (found,) = judged(ends=now - 60)
    assert found.startswith("data-mesher's certificate ended at ")
    answers.by["hook"] = Error("it is down")
    assert judged(ends=now - 60) == ["it is down", found]
