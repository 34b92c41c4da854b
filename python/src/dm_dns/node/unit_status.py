"""What the unit dm-dns-apply said last: whether all is well, or it failed.

`dm-dns apply --watch` serves what changes, but a unit that goes on running cannot be a failed one.
That is what dm-dns-apply is for. It runs after a change as well, but may miss one; this file is how
the watcher knows what the unit says, and how it has it look again where that is no longer true.
"""

import os
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.node.copies import Version, version

_DIRECTORY: Final = "RUNTIME_DIRECTORY"  # of the units; systemd.exec(5)


class Verdict(NamedTuple):
    """The folder that the unit and the watcher share."""

    directory: str

    @classmethod
    def of_unit(cls) -> "Verdict | None":
        """Return that of the unit this process is of, if it is of any."""
        directory = os.environ.get(_DIRECTORY)
        return cls(directory) if directory else None

    @property
    def failed(self) -> str:
        """A file that is there if the last run failed, and another one after each such run."""
        return f"{self.directory}/failed"

    def record(self, *, failed: bool) -> None:
        """Say how a run of the unit ended.

        Raises:
            OSError: that cannot be written.

        """
        if failed:
            files.write(self.failed, b"")
        else:
            files.remove(self.failed)

    def version(self) -> Version:
        """Return a value that changes with each failed run, and with the first that is none."""
        return version(self.failed)

    def holds(self, *, served: bool, before: Version) -> bool:
        """Tell whether the unit has said what was found meanwhile.

        Args:
            served: whether the zone is served that should be.
            before: `version` as it was before that was found.

        """
        has_failed = os.path.exists(self.failed)
        if served:
            return not has_failed
        return has_failed and self.version() != before

    def ask(self) -> None:
        """Have the unit look again: its path unit watches this file.

        Raises:
            OSError: it cannot be written.

        """
        files.write(f"{self.directory}/look", b"")
