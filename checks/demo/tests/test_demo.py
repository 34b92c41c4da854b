"""The demo as a whole, as a person or CI runs it."""

import re
import signal
import socket
import socketserver
import threading
from pathlib import Path
from xml.etree import ElementTree as ET

import dns.message
import dns.rcode
import pytest

from checks.demo.tests.conftest import SECONDS, Demo, stop
from checks.processes import unbound

ESCAPE = "\x1b"
MS = r"\d+\.\d\d ms"
ZOLTRAAK = "202:a538:c672:d157:d586:18b:6bba:2959 fd35:f254:ab26:d7ec:8d99:931b:b832:28fb"
ROWS = {
    "beszel.spell": f"{ZOLTRAAK}",
    "shoko.spell": f"{ZOLTRAAK}",
    "catastravia.spell": (
        "202:ebe8:522e:cb5f:a92f:bda:c198:69fd fd35:f254:ab26:d7ec:8d99:9335:f254:ab26"
    ),
    "judradjim.spell": (
        "203:d9cc:a197:fb04:9b7c:72c2:85d9:f53c fd35:f254:ab26:d7ec:8d99:930f:ba15:c9fc"
    ),
    "nephtear.spell": (
        "200:d578:5dd6:bff5:a504:8869:39ed:49dc fd35:f254:ab26:d7ec:8d99:9371:d62e:29c0"
    ),
    "zoltraak.spell": f"{ZOLTRAAK}",
    "printer.spell": "192.168.1.20",
    "nosuch.spell": "NXDOMAIN does not exist",
    "example.org": "REFUSED not forwarded",
}


def line(start: str, text: str) -> str:
    """Return the line of ``text`` that starts so, with single spaces."""
    (found,) = (each for each in text.splitlines() if each.startswith(f"{start} "))
    return " ".join(found.split())


def test_piped_it_prints_plain_lines_with_every_fact(demo: Demo) -> None:
    done = demo.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert ESCAPE not in done.stdout
    assert "the fake data-mesher of checks/fake_data_mesher, NOT the real one" in done.stdout
    assert "3 of its 4 machines run here" in done.stdout
    for name, facts in ROWS.items():
        row = line(name, done.stdout)
        assert re.fullmatch(rf"{re.escape(f'{name} {facts}')}( {MS}){{3}}", row)
    for node in ("judradjim", "catastravia", "zoltraak"):
        row = line(node, done.stdout)
        found = re.fullmatch(rf"{node} (\d+) ms (\d+) ms (\d+) ms \d+ times, all right", row)
        assert found
        to_file, to_answer, from_file = map(int, found.groups())
        assert 0 < to_file <= to_answer
        assert abs(to_answer - to_file - from_file) <= 1  # each is rounded
    assert re.search(r"^All \d+ answers were right\.$", done.stdout, re.MULTILINE)
    assert demo.has_left_nothing()


def test_on_a_narrow_terminal_no_address_is_broken(demo: Demo) -> None:
    shown = demo.run_on_terminal(80)
    assert f"{ESCAPE}[1;32mAll " in shown  # bold green
    for facts in ROWS.values():
        for value in facts.split():
            assert value in shown
    assert demo.has_left_nothing()


def test_the_picture_shows_what_was_printed_and_loads_nothing(demo: Demo, tmp_path: Path) -> None:
    picture = tmp_path / "demo.svg"
    assert demo.run("--picture", str(picture)).returncode == 0
    svg = ET.fromstring(picture.read_bytes())  # noqa: S314 - the demo's own
    shown = "".join(svg.itertext()).replace("\N{NO-BREAK SPACE}", " ")
    assert "NOT the real one" in shown
    assert "answers were right." in shown
    for name, facts in ROWS.items():
        for value in (name, *facts.split()):
            assert value in shown
    assert "url(" not in shown  # in its style: a font
    assert demo.has_left_nothing()


def test_no_color_is_honoured(demo: Demo) -> None:
    demo.environment["NO_COLOR"] = "1"
    shown = demo.run_on_terminal(120)
    assert "answers were right" in shown
    assert not re.search(rf"{ESCAPE}\[[0-9;]*[349][0-9]m", shown)


@pytest.mark.parametrize(
    ("said", "with_signal"),
    [
        ("port 5353", signal.SIGHUP),
        ("CNAMEs as recorded", signal.SIGTERM),  # while the machines start
        ("three machines started", signal.SIGINT),  # during the push
        ("Every name", signal.SIGTERM),
    ],
)
def test_a_signal_at_any_time_leaves_nothing(
    demo: Demo, said: str, with_signal: signal.Signals
) -> None:
    process = demo.start_until(said)
    assert stop(process, with_signal) == 128 + with_signal
    assert demo.has_left_nothing()


def test_a_reader_that_goes_away_leaves_nothing(demo: Demo) -> None:
    process = demo.start_until("three machines started")
    assert process.stdout
    process.stdout.close()
    assert process.wait(SECONDS) != 0
    assert process.stderr
    process.stderr.close()
    assert demo.has_left_nothing()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_is_taken_is_named(demo: Demo, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.1.2", 5353))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        done = demo.run()
    assert done.returncode == 1
    protocol = "TCP" if kind is socket.SOCK_STREAM else "UDP"
    assert done.stderr.startswith(f"demo: 127.0.1.2 port 5353 ({protocol}) is taken")
    assert demo.has_left_nothing()


def test_a_program_that_shares_the_mdns_port_does_not_disturb(demo: Demo) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as avahi:
        avahi.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        avahi.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        avahi.bind(("0.0.0.0", 5353))  # noqa: S104 - as avahi does
        assert demo.run().returncode == 0


def test_a_second_demo_gives_way_to_the_first(demo: Demo) -> None:
    first = demo.start_until("port 5353")
    second = demo.run()
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.startswith("demo: 127.0.1.1 port 5353 is taken by another demo")
    _, stderr = first.communicate(timeout=SECONDS)
    assert (first.returncode, stderr) == (0, "")
    assert demo.has_left_nothing()


def test_a_missing_program_is_named_with_its_package(demo: Demo) -> None:
    demo.replace("unbound", "exit 1")
    demo.environment["PATH"] = f"{demo.tmpdir}/bin"
    done = demo.run()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("demo: openssl is not installed.")
    assert "apt-get install openssl" in done.stderr


# The configuration comes as `-d -c FILE`; sed's command changes it.
UNBOUND = '[ "$1" = -V ] || sed -i "{}" "$3"\nexec {} "$@"'


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            r"s/\"\.\" refuse/\".\" static/",
            "example.org on zoltraak: expected REFUSED; got NXDOMAIN",
        ),
        (
            r"/^server:/a local-data: \"shoko.spell. AAAA fd00::1\"",
            (
                "shoko.spell on zoltraak: expected NOERROR,"
                " shoko.spell AAAA 202:a538:c672:d157:d586:18b:6bba:2959,"
                " shoko.spell AAAA fd35:f254:ab26:d7ec:8d99:931b:b832:28fb;"
                " got NOERROR, shoko.spell AAAA fd00::1"
            ),
        ),
    ],
)
def test_a_wrong_answer_is_shown_with_what_was_expected(
    demo: Demo, change: str, problem: str
) -> None:
    demo.replace("unbound", UNBOUND.format(change, unbound.find()))
    done = demo.run()
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search(rf"^WRONG: {re.escape(problem)}$", done.stdout, re.MULTILINE)
    assert " WRONG" in line(problem.partition(" ")[0], done.stdout)
    assert "answers were right" not in done.stdout
    assert demo.has_left_nothing()


class Refusing(socketserver.BaseRequestHandler):
    """A DNS server that refuses every query."""

    def handle(self) -> None:
        query, server = self.request
        response = dns.message.make_response(dns.message.from_wire(query))
        response.set_rcode(dns.rcode.REFUSED)
        server.sendto(response.to_wire(), self.client_address)


def test_an_unbound_that_asks_other_servers_is_reported(demo: Demo) -> None:
    with socketserver.UDPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        # Without the refusal of names outside the clan; its only server is this one.
        change = (
            r"s/local-zone: \"\.\" refuse/do-not-query-localhost: no/;"
            r" \$ a forward-zone:\n  name: \".\"\n"
            f"  forward-addr: 127.0.0.1@{server.server_address[1]}"
        )
        demo.replace("unbound", UNBOUND.format(change, unbound.find()))
        done = demo.run()
        server.shutdown()
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search(
        r"^WRONG: unbound of zoltraak wanted to ask other servers \d+ times$",
        done.stdout,
        re.MULTILINE,
    )
    assert "WRONG: example.org on zoltraak: expected REFUSED; got " in done.stdout
    assert demo.has_left_nothing()


def test_an_unbound_that_does_not_start_is_reported_with_its_log(demo: Demo) -> None:
    demo.replace("unbound", '[ "$1" = -V ] && exec echo Version 0\necho no such option >&2; exit 1')
    done = demo.run()
    assert done.returncode == 1
    assert "demo: judradjim: unbound did not start: no such option" in done.stderr
    assert "Traceback" not in done.stderr
    assert demo.has_left_nothing()


def test_a_zone_that_is_not_the_recorded_one_is_reported(demo: Demo) -> None:
    swap = r"sed -i 's/\"machine\": \"zoltraak\"/\"machine\": \"nephtear\"/' \"$2\""
    demo.replace_dm_dns(f'[ "$1" = render ] && {swap}\nexec "$real" "$@"'.replace('\\"', '"'))
    done = demo.run()
    assert (done.returncode, done.stderr) == (1, "")
    assert "WRONG: CNAMEs of the zone of 2026-07-03 18:39: expected " in done.stdout
    assert "WRONG: shoko.spell on judradjim: expected NOERROR, shoko.spell AAAA 202:a538:" in (
        done.stdout
    )
    assert re.search("WRONG: beszel.spell on zoltraak, while it moved: [0-9]+ times", done.stdout)
    assert demo.has_left_nothing()


def test_a_command_that_fails_is_reported_with_what_it_said(demo: Demo) -> None:
    demo.replace_dm_dns('[ "$1" = push ] && { echo no luck >&2; exit 3; }\nexec "$real" "$@"')
    done = demo.run()
    assert done.returncode == 1
    assert done.stderr.startswith("demo: `dm-dns push ")
    assert done.stderr.endswith("failed with exit status 3: no luck\n")
    assert demo.has_left_nothing()
