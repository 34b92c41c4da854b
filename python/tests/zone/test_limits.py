# ruff: noqa: E501 - messages stand here as they are printed
"""Each limit: what just keeps to it is accepted, and what does not is refused soon."""

import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns import cli
from dm_dns.errors import Error, FileError
from dm_dns.zone import conf, limits, names, spec

ZONE_LINE = 'local-zone: "pin." transparent\n'
MODULE = Path(__file__).parents[3] / "modules/dm-dns"
HEADER = [True, False]


def zone_conf(records: Iterable[str], *, header: bool = True) -> bytes:
    body = "".join(f'local-data: "{record}"\n' for record in sorted(records)).encode()
    return with_header(body) if header else ZONE_LINE.encode() + body


def with_header(lines: bytes, *, comments: int = 0) -> bytes:
    """Return lines, of which so many are comments, below a local-zone line and a header."""
    body = ZONE_LINE.encode() + lines
    count, sha256 = lines.count(b"\n") - comments, hashlib.sha256(body).hexdigest()
    start = f"# dm-dns zone 1\n# serial: 7\n# records: {count}\n# sha256: {sha256}\n"
    return start.encode() + body


def chain(length: int) -> list[str]:
    return [f"n{number}.pin. CNAME n{number + 1}.pin." for number in range(length)]


def addresses(count: int) -> list[str]:
    return [f"kiwi.pin. A 10.0.{number // 256}.{number % 256}" for number in range(count)]


def accepted(content: bytes) -> conf.Zone:
    return conf.parse(content, "pin", "f")


def refusal(content: bytes) -> str:
    with pytest.raises(FileError) as caught:
        accepted(content)
    return str(caught.value)


@pytest.mark.parametrize("header", HEADER)
def test_the_size_of_a_zone(monkeypatch: pytest.MonkeyPatch, *, header: bool) -> None:
    content = zone_conf(addresses(3), header=header)
    monkeypatch.setattr(limits, "MAX_SIZE", len(content))
    assert accepted(content).records == 3
    monkeypatch.setattr(limits, "MAX_SIZE", 100)
    size = len(content)
    assert refusal(content) == f"f:1: it has {size} bytes or more, and the limit is 100 bytes"


@pytest.mark.parametrize("header", HEADER)
def test_the_records_of_a_zone(monkeypatch: pytest.MonkeyPatch, *, header: bool) -> None:
    monkeypatch.setattr(limits, "MAX_RECORDS", 3)
    assert accepted(zone_conf(addresses(3), header=header)).records == 3
    line = 9 if header else 5
    expected = f"f:{line}: it has 4 records and comments, and the limit is 3"
    assert refusal(zone_conf(addresses(4), header=header)) == expected


def test_comments_count_like_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_RECORDS", 4)
    machines = {f"m{number}.pin": () for number in range(3)}
    made = conf.Zone("pin", 7, {}, {"kiwi.pin": ("fd00::1",), **machines})
    assert accepted(conf.render(made).encode()).addresses == made.addresses
    more = made._replace(cnames={"a.pin": "kiwi.pin"})
    assert refusal(conf.render(more).encode()) == snapshot(
        "f:10: it has 5 records and comments, and the limit is 4"
    )


@pytest.mark.parametrize("end", [b"\n", b"", b"\nmore\n"])
def test_the_length_of_a_line(end: bytes) -> None:
    line = b"x" * limits.MAX_LINE
    assert "limit" not in refusal(ZONE_LINE.encode() + line + end)
    assert refusal(ZONE_LINE.encode() + line + b"x" + end) == snapshot(
        "f:2: the line has 1001 bytes, and the limit is 1000"
    )


@pytest.mark.parametrize("header", HEADER)
def test_the_longest_line_that_can_be_valid_is_accepted(*, header: bool) -> None:
    label = "a" * 63
    name = f"{label}.{label}.{label}.{'b' * 57}.pin"
    assert len(name) == names.MAX_NAME
    target = name.replace("b", "c")
    assert accepted(zone_conf([f"{name}. CNAME {target}."], header=header)).cnames == {name: target}


@pytest.mark.parametrize("header", HEADER)
def test_the_addresses_of_a_name(*, header: bool) -> None:
    most = limits.MAX_ADDRESSES
    assert accepted(zone_conf(addresses(most), header=header)).records == most
    assert re.sub(r"^f:\d+: ", "", refusal(zone_conf(addresses(most + 1), header=header))) == (
        snapshot("kiwi.pin has 2001 addresses or more, and the limit is 2000")
    )


def test_an_address_that_is_repeated_counts_once_below_no_header() -> None:
    repeated = addresses(limits.MAX_ADDRESSES) * 3
    assert accepted(zone_conf(repeated, header=False)).records == limits.MAX_ADDRESSES


@pytest.mark.parametrize("header", HEADER)
def test_the_length_of_a_chain_of_aliases(*, header: bool) -> None:
    assert len(accepted(zone_conf(chain(limits.MAX_CHAIN), header=header)).cnames) == 8
    assert re.sub(r"^f:\d+: ", "", refusal(zone_conf(chain(9), header=header))) == snapshot(
        "n0.pin leads to its addresses through 9 CNAMEs, and the limit is 8"
    )


def test_many_aliases_of_the_end_of_a_chain_are_accepted() -> None:
    records = [*chain(7), *(f"m{number}.pin. CNAME n0.pin." for number in range(100))]
    assert accepted(zone_conf(records)).records == 107
    assert "o.pin leads to its addresses through 10 CNAMEs" in refusal(
        zone_conf([*records, "o.pin. CNAME m0.pin.", "n7.pin. CNAME n8.pin."])
    )


def test_the_size_of_a_zone_without_header(monkeypatch: pytest.MonkeyPatch) -> None:
    content = zone_conf(addresses(3), header=False)
    monkeypatch.setattr(limits, "MAX_UNSORTED", len(content))
    assert accepted(content).records == 3
    assert refusal(zone_conf(addresses(4), header=False)) == snapshot(
        "f:1: it has 171 bytes, and without a header the limit is 136 bytes"
    )
    assert accepted(zone_conf(addresses(4))).records == 4


@pytest.mark.parametrize("header", HEADER)
def test_the_targets_of_a_zone(monkeypatch: pytest.MonkeyPatch, *, header: bool) -> None:
    records = [f"a{number}.pin. CNAME m{number % 5}.pin." for number in range(10)]
    monkeypatch.setattr(limits, "MAX_MACHINES", 5)
    assert accepted(zone_conf(records, header=header)).records == 10
    monkeypatch.setattr(limits, "MAX_MACHINES", 4)
    message = refusal(zone_conf(records, header=header))
    assert re.sub(r"^f:\d+: ", "", message) == snapshot(
        "CNAMEs point to more names than the limit, 4"
    )
    assert message.startswith("f:10: " if header else "f:6: ")


def test_the_machines_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = b"".join(b"# machine-without-address: m%d.pin.\n" % number for number in range(5))
    content = with_header(b"# another: a\n" + machines, comments=6)
    monkeypatch.setattr(limits, "MAX_MACHINES", 5)
    assert len(accepted(content).addresses) == 5
    monkeypatch.setattr(limits, "MAX_MACHINES", 4)
    assert refusal(content) == snapshot(
        "f:11: there are more machines without an address than the limit, 4"
    )


def test_the_machines_of_shared_names(monkeypatch: pytest.MonkeyPatch) -> None:
    comments = b"".join(b"# shared-name: s%d.pin. kiwi.pin.\n" % number for number in range(5))
    content = with_header(comments, comments=5)
    monkeypatch.setattr(limits, "MAX_SHARED", 5)
    assert len(accepted(content).shared) == 5
    monkeypatch.setattr(limits, "MAX_SHARED", 4)
    assert refusal(content) == snapshot("f:10: more machines share names than the limit, 4")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(zone_conf(chain(100_000)), id="chain"),
        pytest.param(zone_conf(f"kiwi.pin. AAAA fd00::{n:x}" for n in range(1, 60_000)), id="name"),
        pytest.param(
            zone_conf((f"kiwi.pin. AAAA fd00::{n:x}" for n in range(1, 60_000)), header=False),
            id="name below no header",
        ),
        pytest.param(
            zone_conf((f"k.pin. AAAA fd00::{n % 2000:x}" for n in range(60_000)), header=False)
            + b"x\n",
            id="repeated addresses",
        ),
        pytest.param(ZONE_LINE.encode() + b"a" * 10_000_000 + b"\n", id="line"),
        pytest.param(ZONE_LINE.encode() + b"\n" * 450_000, id="empty lines"),
        pytest.param(
            ZONE_LINE.encode() + b'local-data: "' + b"a." * 480 + b'pin. CNAME x"\n', id="labels"
        ),
        pytest.param(ZONE_LINE.encode() + b'local-data: "' + b"a-" * 480 + b'"\n', id="hyphens"),
        pytest.param(ZONE_LINE.encode() + b"#\n" * 450_000, id="empty comments"),
        pytest.param(
            ZONE_LINE.encode() + b"".join(b"# a: %07d\n" % n for n in range(450_000)) + b"x\n",
            id="comments",
        ),
    ],
)
def test_no_content_takes_more_than_linear_time(content: bytes) -> None:
    start = time.process_time()
    refusal(content)
    assert time.process_time() - start < 2  # seconds; each of the first took a minute or more


CHECK = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "dm_dns", "check", "zone.conf", "--domain", "pin"])
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def many_aliases(last: str) -> bytes:
    """Return a zone of the most records, of which the last is this."""
    aliases = (
        b'local-data: "a%07d.pin. CNAME kiwi.pin."\n' % n for n in range(limits.MAX_RECORDS - 1)
    )
    return with_header(b"".join(aliases) + f'local-data: "{last}"\n'.encode())


def many_addresses() -> bytes:
    """Return a zone of the most names, of which the last has an address of the other type."""
    lines = (
        b'local-data: "a%07d.pin. AAAA fd00::1:%x"\n' % (n, n % 65535 + 1)
        for n in range(limits.MAX_RECORDS - 1)
    )
    return with_header(b"".join(lines) + b'local-data: "b.pin. AAAA 192.0.2.1"\n')


def many_targets() -> bytes:
    """Return a zone with as many aliases as there may be, each of another name."""
    lines = (
        b'local-data: "a%07d.pin. CNAME b%07d.pin."\n' % (n, n) for n in range(limits.MAX_RECORDS)
    )
    return with_header(b"".join(lines))


def many_comments(last: bytes) -> bytes:
    comments = (b"# key: a%07d\n" % number for number in range(limits.MAX_RECORDS - 1))
    return with_header(b"".join(comments) + last, comments=limits.MAX_RECORDS)


def longest_lines(end: bytes) -> bytes:
    """Return a zone of nearly the size that one may have."""
    return (b"# dm-dns zone 1\n" + (b"x" * 999 + b"\n") * 30_000)[:-1] + end


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: b"\n" * (limits.MAX_SIZE + 1), "and the limit is 33554432 bytes"),
        (lambda: b"#" + b"\n" * (limits.MAX_SIZE - 1), "and the limit is 500000"),
        (lambda: b"#" + b"x" * (limits.MAX_SIZE - 99), "and the limit is 1000"),
        (lambda: longest_lines(b"\n"), "expected '# serial: NUMBER'"),
        (lambda: longest_lines(b"\xff"), "byte 0xff is not ASCII"),
        (
            lambda: many_aliases("z.pin. CNAME b.pin.").replace(b"0\n", b"1\n", 1),
            "the header counts",
        ),
        (
            lambda: many_aliases("z.pin. CNAME b.pin.").replace(b"b.pin", b"c.pin"),
            "the hash is not",
        ),
        (lambda: many_aliases("z.pin. TXT x"), "expected CNAME, A or AAAA"),
        (lambda: many_aliases("a.pin. CNAME kiwi.pin."), "not sorted"),
        (lambda: many_aliases(f"a{limits.MAX_RECORDS - 2:07}.pin. CNAME z.pin."), "a second CNAME"),
        (lambda: many_aliases("kiwi.pin. CNAME kiwi.pin."), "a CNAME loop"),
        (many_addresses, "is not an address of type AAAA"),
        (many_targets, "CNAMEs point to more names"),
        (lambda: many_comments(b"# Key: x\n"), "expected a comment"),
        (lambda: many_comments(b"# key: a\n"), "the comments are not sorted"),
        (
            lambda: zone_conf(["z.pin. A 192.0.2.1.", *addresses(2000)] * 50, header=False),
            "is not an address of type A",
        ),
    ],
)
def test_what_is_refused_takes_less_than_100_megabytes(
    make: Callable[[], bytes], message: str, tmp_path: Path
) -> None:
    """How long that takes is measured in checks/bench."""
    (tmp_path / "zone.conf").write_bytes(make())
    # A small process starts it: Linux counts the memory of the parent too (getrusage(2)).
    done = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    status, memory = map(int, done.stdout.split())
    assert message in done.stderr
    assert status == 1
    assert memory < 100e6


def with_machines(number: int, per_machine: int = 1) -> spec.Spec:
    """Return a clan of which each machine answers on ``a.pin``."""
    machines = {
        f"m{machine}": [f"fd00:{machine:x}::{address:x}" for address in range(per_machine)]
        for machine in range(number)
    }
    endpoints = [spec.Endpoint("a.pin", machine, "s", "i", "r") for machine in machines]
    return spec.Spec("pin", machines, endpoints)


def test_a_name_of_as_many_machines_as_the_limit_allows_is_rendered_and_accepted() -> None:
    made, warnings = spec.to_zone(with_machines(limits.MAX_ADDRESSES), 7)
    assert warnings == []
    assert accepted(conf.render(made).encode()).records == 2 * limits.MAX_ADDRESSES


@pytest.mark.parametrize(
    ("clan", "message"),
    [
        (
            with_machines(1001, 2),
            snapshot(
                "a.pin is a name of 1001 machines or devices, which have 2002 addresses, and the limit is 2000; give it to fewer"
            ),
        ),
        (
            with_machines(1, 2001),
            snapshot(
                "machine 'm0' has 2001 addresses, and the limit is 2000; remove some from `addresses`"
            ),
        ),
    ],
)
def test_more_addresses_of_a_name_are_not_rendered(clan: spec.Spec, message: str) -> None:
    with pytest.raises(Error) as caught:
        spec.to_zone(clan, 7)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ("MAX_RECORDS", snapshot("it has 6 records and comments, and the limit is 3")),
        ("MAX_SIZE", snapshot("it has 354 bytes or more, and the limit is 3 bytes")),
    ],
)
def test_a_zone_that_machines_would_refuse_is_not_rendered(
    limit: str,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(limits, limit, 3)
    clan = with_machines(2)
    machines = {name: {"addresses": known} for name, known in clan.machines.items()}
    endpoints = [endpoint._asdict() for endpoint in clan.endpoints]
    value = {"domain": "pin", "machines": machines, "endpoints": endpoints}
    Path("spec.json").write_text(json.dumps(value))
    assert cli.main(["render", "spec.json", "-o", "zone.conf"]) == 1
    assert capsys.readouterr().err == (
        f"dm-dns: spec.json makes a zone that machines would refuse: {reason}. Export fewer hosts.\n"
    )
    assert not Path("zone.conf").exists()


def test_evaluation_has_the_same_limits() -> None:
    text = (MODULE / "zone/limits.nix").read_text()
    found = {
        name: int(value) for name, value in re.findall(r"^  (\w+) = (\d+);$", text, re.MULTILINE)
    }
    assert found == {
        "addresses": limits.MAX_ADDRESSES,
        "domain": names.MAX_DOMAIN,
        "label": names.MAX_LABEL,
        "name": names.MAX_NAME,
        "networks": limits.MAX_NETWORKS,
    }
