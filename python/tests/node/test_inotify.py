import ctypes
import errno
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dm_dns.node.inotify import Listener, Notifier, folders_to

SOON = 20.0
"""Seconds that are never waited for where something has happened."""


def ends_early(notifier: Notifier) -> bool:
    start = time.monotonic()
    notifier.wait(SOON)
    return time.monotonic() - start < SOON / 2


def lasts(notifier: Notifier, happens: Callable[[], object] = bool) -> bool:
    """Tell whether it waits for all of its time when only this happens.

    Mounts end a wait, and other programs of this machine mount. So one of several counts.
    """
    for _ in range(100):
        happens()
        start = time.monotonic()
        notifier.wait(0.2)
        if time.monotonic() - start >= 0.19:
            return True
    return False


def test_parents_are_watched_before_their_children() -> None:
    # Otherwise a folder that appears between the two is noticed by neither.
    folders = folders_to([Path("/no/lib/a/b"), Path("/no/lib-2/c"), Path("/f")])
    assert list(folders) == [
        Path("/"),
        Path("/no"),
        Path("/no/lib"),
        Path("/no/lib/a"),
        Path("/no/lib-2"),
    ]


def below(folder: Path, paths: list[Path]) -> list[str]:
    """Return the folders below ``folder`` that are watched for these files."""
    return [str(each.relative_to(folder)) for each in folders_to(paths) if folder in each.parents]


def test_folders_behind_links_are_watched(tmp_path: Path) -> None:
    for name in ("etc", "run/a/b", "run/c"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/hosts").symlink_to("../run/./static/x/../hosts")
    (tmp_path / "run/static").symlink_to(tmp_path / "run/a")
    (tmp_path / "run/a/hosts").symlink_to("missing/hosts")
    (tmp_path / "run/a/x").mkdir()
    found = below(tmp_path, [tmp_path / "etc/hosts"])
    assert found == ["etc", "run", "run/a", "run/a/x", "run/a/missing"]


def test_a_link_that_leads_to_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("a")
    (tmp_path / "b").symlink_to("b/c")
    assert below(tmp_path.parent, [tmp_path / "a/f", tmp_path / "b"]) == [tmp_path.name]


def test_nixs_store_is_not_watched_but_what_it_links_to() -> None:
    assert list(folders_to([Path("/nix/store/no-etc/hosts")])) == [Path("/"), Path("/nix")]


def test_a_link_is_read_when_its_folder_is_watched(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("a")
    folders = folders_to([link / "f"])
    assert any(folder == tmp_path for folder in folders)
    link.unlink()
    link.symlink_to("b")
    assert list(folders) == [tmp_path / "b"]


def test_a_change_in_a_watched_folder_ends_the_wait(tmp_path: Path) -> None:
    notifier = Notifier(pytest.fail)
    notifier.watch([tmp_path])
    (tmp_path / "file").write_text("")
    assert ends_early(notifier)
    notifier.wait(0.05)
    (tmp_path / "file").chmod(0o600)
    assert ends_early(notifier)


def test_without_a_change_it_waits_as_long_as_it_may(tmp_path: Path) -> None:
    notifier = Notifier(pytest.fail)
    notifier.watch([tmp_path])
    (tmp_path / "file").write_text("")
    notifier.wait(SOON)
    assert lasts(notifier, (tmp_path.parent / "elsewhere").touch)


def test_a_time_that_is_over_is_not_waited_for() -> None:
    Notifier(pytest.fail).wait(-1)


def test_a_folder_that_is_not_there_is_told_by_its_parent(
    tmp_path: Path,
) -> None:
    notifier = Notifier(pytest.fail)
    folders = [tmp_path, tmp_path / "a", tmp_path / "a/b"]
    notifier.watch(folders)
    (tmp_path / "a/b").mkdir(parents=True)
    assert ends_early(notifier)
    notifier.watch(folders)
    notifier.wait(0.05)
    (tmp_path / "a/b/file").write_text("")
    assert ends_early(notifier)


def test_what_else_has_changed_ends_the_wait_once() -> None:
    told, tells = socket.socketpair()
    with told, tells:
        told.settimeout(0)
        notifier = Notifier(pytest.fail, {told: Listener(bool)})
        tells.send(b"changed")
        assert ends_early(notifier)
        assert lasts(notifier)


def test_what_does_not_matter_does_not_end_the_wait_nor_hide_what_does(tmp_path: Path) -> None:
    told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    asked: list[bytes] = []

    def matters(datagram: bytes) -> bool:
        asked.append(datagram)
        return datagram == b"it does"

    with told, tells:
        told.settimeout(0)
        notifier = Notifier(pytest.fail, {told: Listener(matters)})
        notifier.watch([tmp_path])
        assert lasts(notifier, lambda: [tells.send(each) for each in (b"one", b"two")])
        assert asked[:2] == [b"one", b"two"]
        del asked[2:]
        tells.send(b"it does")
        tells.send(b"three")
        assert ends_early(notifier)
        (tmp_path / "new").touch()
        tells.send(b"four")
        assert ends_early(notifier)
        assert asked == [b"one", b"two", b"it does", b"three", b"four"]


def test_who_pauses_is_read_once_in_that_time() -> None:
    told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    asked: list[bytes] = []
    with told, tells:
        told.settimeout(0)

        def does_matter(datagram: bytes) -> bool:
            asked.append(datagram)
            return True

        notifier = Notifier(pytest.fail, {told: Listener(does_matter, pause=1.0)})
        tells.send(b"one")
        start = time.monotonic()
        assert ends_early(notifier)
        tells.send(b"two")
        tells.send(b"three")
        while asked == [b"one"]:  # what others mount ends a wait as well
            assert ends_early(notifier)
        assert time.monotonic() - start >= 1
        assert asked == [b"one", b"two", b"three"]


def test_who_pauses_hides_nobody_else(tmp_path: Path) -> None:
    told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with told, tells:
        told.settimeout(0)
        others = {told: Listener(bool, pause=2 * SOON)}
        notifier = Notifier(pytest.fail, others)
        notifier.watch([tmp_path])
        tells.send(b"one")
        assert ends_early(notifier)
        tells.send(b"two")
        (tmp_path / "new").touch()
        assert ends_early(notifier)
        del others[told]
        assert lasts(notifier)


def test_what_was_dropped_may_have_mattered() -> None:
    """The kernel says so when a program reads too slowly (netlink(7), ENOBUFS).

    It does so once until all that it has not dropped is read.
    """
    told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    class Dropping(socket.socket):
        has_dropped = True

        def recv(self, *arguments: int) -> bytes:
            if self.has_dropped:
                self.has_dropped = False
                raise OSError(errno.ENOBUFS, "No buffer space available")
            return super().recv(*arguments)

    with told, tells, Dropping(fileno=os.dup(told.fileno())) as dropping:
        dropping.settimeout(0)
        tells.send(b"kept")
        asked: list[bytes] = []

        def does_matter(datagram: bytes) -> bool:
            asked.append(datagram)
            return False

        notifier = Notifier(pytest.fail, {dropping: Listener(does_matter)})
        assert ends_early(notifier)
        assert asked == [b"kept"]
        assert lasts(notifier)


def test_who_cannot_be_read_any_more_may_have_mattered() -> None:
    told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    class Broken(socket.socket):
        def recv(self, *_: int) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    with told, tells, Broken(fileno=os.dup(told.fileno())) as broken:
        tells.send(b"changed")
        assert ends_early(Notifier(pytest.fail, {broken: Listener(lambda _: False)}))


LIBRARY = ctypes.CDLL(None)


class NoInotify:
    """A C library without inotify."""


class TooMany:
    """A C library whose kernel gives no more watches."""

    @staticmethod
    def inotify_init1(_flags: int) -> int:
        return int(LIBRARY.inotify_init1(_flags))

    @staticmethod
    def inotify_add_watch(*_: object) -> int:
        ctypes.set_errno(errno.ENOSPC)
        return -1


@pytest.mark.parametrize(
    ("library", "reason"),
    [
        (NoInotify, "'NoInotify' object has no attribute 'inotify_init1'"),
        (TooMany, "/: No space left on device"),
    ],
)
def test_without_inotify_it_says_so_once_and_looks_each_second(
    library: type[Any],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = library()
    reports: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(ctypes, "CDLL", lambda *_, **__: made)
        notifier = Notifier(reports.append)
    for _ in range(2):
        notifier.watch([Path("/")])
    assert ends_early(notifier)
    polls = "polling every 1 s instead. See inotify(7) for fs.inotify.max_user_watches."
    assert reports == [f"inotify is unavailable ({reason}); {polls}"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_mount_ends_the_wait(tmp_path: Path) -> None:
    # In a mount namespace of its own, where this test leaves nothing behind.
    program = (
        "import subprocess, sys, time\n"
        "from dm_dns.node.inotify import Notifier\n"
        "notifier = Notifier(print)\n"
        "notifier.wait(0.2)\n"
        "subprocess.run(['mount', '-t', 'tmpfs', 'none', sys.argv[1]], check=True)\n"
        "start = time.monotonic()\n"
        "notifier.wait(20)\n"
        "notifier.wait(0.2)\n"
        "print(time.monotonic() - start < 10)\n"
    )
    command = ["unshare", "--mount", sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip("mounting is not allowed here")
    assert (done.stdout, done.stderr) == ("True\n", "")
