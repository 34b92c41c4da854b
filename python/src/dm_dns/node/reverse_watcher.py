"""Follows the file of reverse names, for the hook."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread

from dm_dns import files
from dm_dns.node import reverse_names
from dm_dns.node.inotify import Notifier


class Watcher(Thread):
    """Reads the file whenever it changes."""

    def __init__(self, path: Path, domain: str, report: Callable[[str], None]) -> None:
        """Read the file at ``path``, and watch it once the thread is started.

        Args:
            path: the file.
            domain: of the clan.
            report: takes a line if the kernel does not tell of changes.

        """
        super().__init__(daemon=True)
        self._path = path
        self._domain = domain
        self._report = report
        self._version: files.Version = ()
        self.names: dict[str, str] = {}
        """The name of the machine for each reverse name: another object after each change."""
        self.changed: Callable[[], object] = lambda: None
        """Is called in this thread when ``names`` is another one."""
        self._read()

    def run(self) -> None:
        """Read the file, and wait for its next change, as long as the process runs."""
        notifier = Notifier(self._report)
        while True:
            # First: whatever happens after it ends the wait.
            notifier.watch([self._path.parent.parent, self._path.parent])
            if self._read():
                self.changed()
            notifier.wait(float("inf"))

    def _read(self) -> bool:
        """Read the file if it has changed; tell whether it has."""
        if (now := files.version(self._path)) == self._version:
            return False
        self._version = now
        self.names = reverse_names.read(self._path, self._domain)
        return True
