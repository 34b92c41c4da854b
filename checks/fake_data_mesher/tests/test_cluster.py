import time
from collections.abc import Iterator

import pytest

from checks.fake_data_mesher.statement import DELETE
from checks.fake_data_mesher.tests.helpers import (
    NAME,
    SECOND,
    DaemonProcess,
    NetworkKeys,
    start,
    stop,
    until,
)


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[DaemonProcess]]:
    """Three running peers whose interval never comes: what arrives was pushed immediately."""
    network = NetworkKeys(tmp_path_factory.mktemp("trio"))
    nodes = [DaemonProcess(network, f"node{number}") for number in range(3)]
    for node in nodes:
        node.peer_with(*(other for other in nodes if other is not node))
        node.config["cluster"]["push_pull_interval"] = "1h"
    start(*nodes)
    yield nodes
    stop(*nodes)


def test_three_nodes_follow_updates_and_deletions_from_any_of_them_at_once(
    trio: list[DaemonProcess], fresh: str
) -> None:
    for step, sender in enumerate(trio):
        content = f"from {step}".encode()
        sender.update(fresh, content)
        for node in trio:
            node.has(content, fresh)
        sender.delete(fresh)
        for node in trio:
            node.has(None, fresh)


def test_update_crosses_a_node_in_between(nodes: list[DaemonProcess]) -> None:
    first, middle, last = nodes
    first.peer_with(middle)
    middle.peer_with(last)
    last.peer_with()
    for node in nodes:
        node.config["cluster"]["push_pull_interval"] = "1h"
    start(last, middle, first)
    first.update(NAME, b"through")
    last.has(b"through")


def test_interval_alone_brings_what_a_peer_has(nodes: list[DaemonProcess]) -> None:
    holder, asker, _ = nodes
    holder.peer_with()
    asker.peer_with(holder)
    start(holder, asker)
    holder.update(NAME, b"asked for")
    asker.has(b"asked for")


def test_node_that_was_down_pulls_when_it_starts(nodes: list[DaemonProcess]) -> None:
    up, down, _ = nodes
    up.peer_with()
    down.peer_with(up)
    down.config["cluster"]["push_pull_interval"] = "1h"
    start(up)
    up.update(NAME, b"missed")
    start(down)
    down.has(b"missed")


def test_node_that_was_down_is_pushed_to_at_the_interval(nodes: list[DaemonProcess]) -> None:
    up, down, _ = nodes
    up.peer_with(down)
    down.peer_with()
    start(down, up)
    up.update(NAME, b"seen")
    down.has(b"seen")
    assert down.stop() == 0
    up.update(NAME, b"missed")
    up.update("test_file", b"also missed")
    start(down)
    down.has(b"missed")
    down.has(b"also missed", "test_file")


def test_tombstone_reaches_a_node_that_was_down_and_its_file_does_not_come_back(
    nodes: list[DaemonProcess],
) -> None:
    start(*nodes)
    nodes[0].update(NAME, b"to be deleted")
    for node in nodes:
        node.has(b"to be deleted")
    nodes[2].stop()
    nodes[0].delete(NAME)
    nodes[1].has(None)
    start(nodes[2])
    nodes[2].has(None)
    nodes[2].update("test_file", b"after the exchange")
    for node in nodes:
        node.has(b"after the exchange", "test_file")
        assert node.read() is None


def test_nodes_agree_on_one_of_two_entries_of_the_same_instant(nodes: list[DaemonProcess]) -> None:
    first, second, _ = nodes
    first.peer_with(second)
    second.peer_with()
    now = time.time_ns() - SECOND
    contents = [(b"x", b"y"), (b"y", b"x"), (b"x", None), (None, b"x")]
    pairs = {
        f"fresh/{number}": [
            first.network.sign(content, f"fresh/{number}", now=now) for content in pair
        ]
        for number, pair in enumerate(contents)
    }
    start(first)
    for entries in pairs.values():
        assert first.send(entries[0])[0] == 200
    first.stop()
    start(second)
    for entries in pairs.values():
        assert second.send(entries[1])[0] == 200
    start(first)
    for name, entries in pairs.items():
        winner = max(entries, key=lambda entry: entry.statement.rank)
        content = None if winner.statement.kind == DELETE else winner.content
        first.has(content, name)
        second.has(content, name)


def test_expired_file_is_removed_everywhere_and_an_older_one_does_not_return(
    trio: list[DaemonProcess], fresh: str
) -> None:
    older = trio[0].network.sign(b"older", fresh, now=time.time_ns() - SECOND)
    trio[0].update(fresh, b"short-lived", valid_for=2 * SECOND)
    for node in trio:
        until(lambda: f"{fresh} expired" in node.log(), "it has come, and is over")  # noqa: B023
        node.has(None, fresh)
        assert node.send(older, as_peer=True)[0] == 409
    trio[1].update(fresh, b"newer")
    for node in trio:
        node.has(b"newer", fresh)


def test_nodes_of_two_networks_do_not_mix(network: NetworkKeys, nodes: list[DaemonProcess]) -> None:
    (network.folder / "other").mkdir()
    foreign = NetworkKeys(network.folder / "other")
    here, there, _ = nodes
    here.peer_with(there)
    there.peer_with(here)
    there.config["network"]["id"] = str(foreign.id_path)
    start(here, there)
    here.update(NAME, b"ours")
    until(lambda: "another network" in there.log(), "the other network's node refuses")
    assert there.read() is None


def test_peer_that_is_down_is_logged_once_and_again_when_it_is_back(
    nodes: list[DaemonProcess],
) -> None:
    here, away, _ = nodes
    here.peer_with(away)
    away.peer_with()
    start(here)
    until(lambda: "peer not reached" in here.log(), "the peer is missed")
    start(away)
    until(lambda: f"peer http://{away.cluster} reached" in here.log(), "the peer is back")
    assert here.log().count("not reached") == 1
