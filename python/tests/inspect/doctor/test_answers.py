"""What doctor finds that others answer."""

import socket
from threading import Event

import pytest

from dm_dns.inspect.doctor import answers


def test_a_program_that_never_gets_an_answer_does_not_keep_doctor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers, "SECONDS", 0.1)
    ends = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: [ends.wait()][1:])
    assert answers.of_programs("git.pin").problem == "no answer within 0.1 s"
    ends.set()
