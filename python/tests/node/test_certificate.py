"""When data-mesher's certificate ends, and what monitoring is told of it."""

import base64
import struct
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dm_dns.node import certificate, metrics

BEGINS, ENDS = 1795602829, 1803378829  # 90 days


def made(begins: int = BEGINS, ends: int = ENDS) -> bytes:
    return struct.pack(">32sQQ64s64s", b"\1" * 32, begins, ends, b"data-mesher", b"\2" * 64)


def armoured(content: bytes) -> bytes:
    text = base64.encodebytes(content)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("content", [made(), armoured(made())])
def test_it_says_when_it_ends(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "identity.cert"
    path.write_bytes(content)
    assert certificate.read_end(path) == ENDS


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"missing",
        made()[:-1],
        made() + b"\n",
        made(begins=ENDS),
        made(begins=0),
        made(ends=2**40),
        made(ends=ENDS * 10**9),
        struct.pack("<32sQQ64s64s", b"", BEGINS, ENDS, b"", b""),
        armoured(b"0123"),
        b"-----BEGIN CERTIFICATE-----\nA===\n-----END CERTIFICATE-----\n",
    ],
)
def test_of_what_may_be_something_else_nothing_is_said(content: bytes) -> None:
    assert certificate.end(content) is None


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "identity.cert"
    path.write_bytes(made() * 1000)
    with pytest.raises(OSError, match="the limit is 4096 bytes"):
        certificate.read_end(path)


def test_the_metric_has_the_end() -> None:
    (family,) = text_string_to_metric_families(metrics.render_certificate("pin", ENDS))
    (sample,) = family.samples
    assert family.type == "gauge"
    assert sample.name == "dm_dns_certificate_end_seconds"
    assert sample.labels == {"domain": "pin"}
    assert sample.value == ENDS


def test_a_message_about_one_that_has_ended_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "kiwi.pin")
    assert certificate.ended(ENDS) == (
        "data-mesher's certificate ended at 2027-02-23 10:33 UTC: other machines may refuse its"
        " connections, and changes then do not arrive; run `clan vars generate kiwi --generator"
        " data-mesher-node-identity --regenerate && clan machines update kiwi` in the checkout"
    )
