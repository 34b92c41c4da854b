"""Every rule, for what comes from the command line and for what comes from a peer."""

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from nacl.signing import SigningKey

from checks.fake_data_mesher.client import call
from checks.fake_data_mesher.rules import MAX_AHEAD
from checks.fake_data_mesher.statement import MeshEntry, content_hash
from checks.fake_data_mesher.tests.helpers import (
    LIMIT,
    NAME,
    SECOND,
    DaemonProcess,
    NetworkKeys,
    tampered,
    until,
)

Forgery = Callable[[NetworkKeys], MeshEntry]


def flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def signed(net: NetworkKeys, entry: MeshEntry, key: SigningKey | None = None) -> MeshEntry:
    """Sign changed fields properly, so that only the rule in question can refuse them."""
    statement = entry.statement
    signature = (key or net.signer).sign(statement.buffer()).signature
    return MeshEntry(replace(statement, signature=signature), entry.content)


def other_signature(net: NetworkKeys) -> MeshEntry:
    entry = net.sign(b"x")
    return tampered(entry, signature=flipped(entry.statement.signature))


def other_content(net: NetworkKeys) -> MeshEntry:
    return MeshEntry(net.sign(b"good").statement, b"evil")


def other_hash(net: NetworkKeys) -> MeshEntry:
    return tampered(MeshEntry(net.sign(b"good").statement, b"evil"), digest=content_hash(b"evil"))


def other_size(net: NetworkKeys) -> MeshEntry:
    return signed(net, tampered(net.sign(b"abc"), size=4))


def name_with_dots(net: NetworkKeys) -> MeshEntry:
    return net.sign(b"x", "../../etc/passwd")


def other_name(net: NetworkKeys) -> MeshEntry:
    return tampered(net.sign(b"x", "test_file"), name=NAME)


def name_outside_the_allowlist(net: NetworkKeys) -> MeshEntry:
    return net.sign(b"x", "dns/other")


def foreign_key(net: NetworkKeys) -> MeshEntry:
    return net.sign(b"x", key=SigningKey.generate())


def foreign_key_that_claims_to_be_ours(net: NetworkKeys) -> MeshEntry:
    entry = net.sign(b"x", key=SigningKey.generate())
    return tampered(entry, signer=bytes(net.signer.verify_key))


def network_key_itself(net: NetworkKeys) -> MeshEntry:
    return net.sign(b"x", key=net.key)


def foreign_network(net: NetworkKeys) -> MeshEntry:
    return net.sign(b"x", network=bytes(32))


def network_replaced(net: NetworkKeys) -> MeshEntry:
    return tampered(net.sign(b"x", network=bytes(32)), network=net.id)


def time_replaced(net: NetworkKeys) -> MeshEntry:
    return tampered(
        net.sign(b"x", now=time.time_ns() - 60 * SECOND),
        signed_at=net.sign(b"x").statement.signed_at,
    )


def validity_added(net: NetworkKeys) -> MeshEntry:
    return tampered(net.sign(b"x"), valid_for=3600 * SECOND)


def validity_dropped(net: NetworkKeys) -> MeshEntry:
    return tampered(net.sign(b"x", valid_for=3600 * SECOND), valid_for=None)


def tombstone_of_an_update(net: NetworkKeys) -> MeshEntry:
    return tampered(net.sign(b""), kind=2)


def tombstone_with_content(net: NetworkKeys) -> MeshEntry:
    return signed(net, tampered(net.sign(b"x"), kind=2))


def tombstone_with_validity(net: NetworkKeys) -> MeshEntry:
    return net.sign(None, valid_for=3600 * SECOND)


def far_future(net: NetworkKeys) -> MeshEntry:
    return net.sign(b"x", now=time.time_ns() + MAX_AHEAD + 60 * SECOND)


def expired(net: NetworkKeys) -> MeshEntry:
    return net.sign(b"x", now=time.time_ns() - SECOND, valid_for=SECOND)


FORGERIES: list[tuple[Forgery, str]] = [
    (other_signature, "signature does not match"),
    (other_content, "hash"),
    (other_hash, "signature does not match"),
    (other_size, "size: 4 bytes were signed, 3 came"),
    (name_with_dots, "does not match ^[a-z0-9_]"),
    (other_name, "signature does not match"),
    (name_outside_the_allowlist, "not in network.files"),
    (foreign_key, "not allowed to sign"),
    (foreign_key_that_claims_to_be_ours, "signature does not match"),
    (network_key_itself, "not allowed to sign"),
    (foreign_network, "another network"),
    (network_replaced, "signature does not match"),
    (time_replaced, "signature does not match"),
    (validity_added, "signature does not match"),
    (validity_dropped, "signature does not match"),
    (tombstone_of_an_update, "signature does not match"),
    (tombstone_with_content, "tombstone"),
    (tombstone_with_validity, "tombstone"),
    (far_future, "signed in the future"),
    (expired, "validity time is over"),
]
each_forgery = pytest.mark.parametrize(
    ("forge", "reason"), FORGERIES, ids=[forge.__name__ for forge, _ in FORGERIES]
)


@each_forgery
@pytest.mark.parametrize("as_peer", [False, True], ids=["command line", "peer"])
def test_forgery_is_refused_with_its_reason(
    shared: DaemonProcess, forge: Forgery, reason: str, *, as_peer: bool
) -> None:
    status, answer = shared.send(forge(shared.network), as_peer=as_peer)
    assert status == 403
    assert reason in answer
    assert shared.read() == b"kept"


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "A", "a.b", "a-b", "a\n", "\u00e4", "a" * 256, "a b", "."]
)
def test_name_outside_the_rule_is_refused(shared: DaemonProcess, name: str) -> None:
    status, answer = shared.send(shared.network.sign(b"x", name))
    assert (status, "does not match" in answer) == (403, True)


@pytest.mark.parametrize("as_peer", [False, True], ids=["command line", "peer"])
def test_older_and_equal_signatures_are_refused(
    shared: DaemonProcess, fresh: str, *, as_peer: bool
) -> None:
    now = time.time_ns()
    current = shared.network.sign(b"current", fresh, now=now)
    older = shared.network.sign(b"older", fresh, now=now - 1)
    late_tombstone = shared.network.sign(None, fresh, now=now - 1)
    assert shared.send(current)[0] == 200
    for entry in (current, older, late_tombstone):
        status, answer = shared.send(entry, as_peer=as_peer)
        assert (status, "not newer" in answer) == (409, True)
    assert shared.read(fresh) == b"current"


def test_command_line_cannot_replace_a_file_with_another_of_the_same_instant(
    shared: DaemonProcess, fresh: str
) -> None:
    now = time.time_ns()
    assert shared.send(shared.network.sign(b"first", fresh, now=now))[0] == 200
    for content in (b"a", b"b", b"c", None):
        assert shared.send(shared.network.sign(content, fresh, now=now))[0] == 409
    assert shared.read(fresh) == b"first"


def test_clock_that_is_a_little_ahead_is_accepted(shared: DaemonProcess, fresh: str) -> None:
    shared.update(fresh, b"x", now=time.time_ns() + MAX_AHEAD - 60 * SECOND)
    assert shared.read(fresh) == b"x"


def test_every_key_of_the_allowlist_may_sign_in_either_form(network: NetworkKeys) -> None:
    second = SigningKey.generate()
    network.files[NAME].append(base64.b64encode(bytes(second.verify_key)).decode())
    node = DaemonProcess(network, "node")
    node.start()
    try:
        node.update(NAME, b"signed by the PEM key")
        assert node.read() == b"signed by the PEM key"
        node.update(NAME, b"signed by the base64 key", key=second)
        assert node.read() == b"signed by the base64 key"
    finally:
        node.stop()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\x00", b"[" * 100_000])
def test_garbage_is_refused_and_the_daemon_goes_on(shared: DaemonProcess, body: bytes) -> None:
    for url in (shared.url, f"http://{shared.cluster}"):
        status, reason = call("POST", f"{url}/v1/files", body, limit=LIMIT)
        assert (status, b"JSON" in reason) == (403, True)
    assert shared.ready()


class LyingPeer:
    """Lists statements, and hands out any entry for each of their names."""

    def __init__(self, address: str, offers: list[tuple[MeshEntry, MeshEntry]]) -> None:
        self.asked: list[str] = []
        peer = self
        listed = json.dumps(
            {"statements": [entry.statement.to_json() for entry, _ in offers]}
        ).encode()
        given = {f"/v1/files/{entry.statement.name}": other.dump() for entry, other in offers}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                peer.asked.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(given.get(self.path, listed))

            def log_message(self, *_args: object) -> None:
                pass

        self.server = HTTPServer((address, 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextmanager
def pulling(
    network: NetworkKeys, *offers: tuple[MeshEntry, MeshEntry]
) -> Iterator[tuple[DaemonProcess, LyingPeer]]:
    """Run a node whose only peer offers each first entry and hands out the second."""
    node = DaemonProcess(network, "pulling")
    peer = LyingPeer(node.address, list(offers))
    node.config["cluster"]["peers"] = [f"{node.address}:{peer.server.server_port}"]
    try:
        node.start()
        yield node, peer
    finally:
        node.stop()
        peer.close()


def test_forged_entries_behind_an_honest_list_are_refused_and_a_true_one_is_taken(
    network: NetworkKeys,
) -> None:
    now = time.time_ns()
    foreign = SigningKey.generate()
    forged = [
        MeshEntry(network.sign(b"good", "fresh/0").statement, b"evil"),
        tampered(network.sign(b"x", "fresh/1"), signature=bytes(64)),
        network.sign(b"x", "fresh/2", key=foreign),
        network.sign(b"x", "fresh/3", now=now - SECOND, valid_for=SECOND),
        network.sign(b"x", "fresh/4", network=bytes(32)),
        network.sign(b"x", "fresh/5", now=now + MAX_AHEAD + 60 * SECOND),
    ]
    true = network.sign(b"true", "test_file")
    offers = [(network.sign(b"promised", entry.statement.name), entry) for entry in forged]
    with pulling(network, *offers, (true, true)) as (node, _peer):
        node.has(b"true", "test_file")
        for entry in forged:
            name = entry.statement.name
            assert re.search(f"refused from .*: {name}: ", node.log())
            assert node.read(name) is None


def test_statement_that_breaks_a_rule_is_not_even_fetched(network: NetworkKeys) -> None:
    entry = foreign_key(network)
    with pulling(network, (entry, entry)) as (node, peer):
        until(lambda: len(peer.asked) >= 3, "three exchanges")
        assert set(peer.asked) == {"/v1/statements"}
        assert node.read() is None
        assert "not allowed to sign" in node.log()
