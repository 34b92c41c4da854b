"""A machine of the clan, without mesh, whose zone is changed and loaded step by step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from dm_dns.node.config import Config

from checks.bench import inputs, usage
from checks.processes.plain_machine import PlainMachine


class MeasuredMachine(PlainMachine):
    """A machine on which nothing runs apply but who calls it."""

    def __init__(self) -> None:
        """Make its directory; nothing runs yet."""
        super().__init__(domain=inputs.DOMAIN)
        self._serial = 0
        self._unbound = Config.read(self.config).unbound

    def bring(self, records: int) -> None:
        """Put a zone of so many records, unlike the last one, where the mesh would."""
        self._serial += 1
        inputs.write_zone(self.mesh_file, records, self._serial)

    def run_apply(self, *options: str) -> usage.Usage:
        """Run `dm-dns apply` as its unit does."""
        return usage.run(self.apply_command(*options))

    def run_python(self, code: str) -> usage.Usage:
        """Run ``code`` with the interpreter that apply is run with."""
        return usage.run([self.apply_command()[0], "-c", code])

    def run_imports(self) -> usage.Usage:
        """Import what apply does, and nothing more."""
        return self.run_python("import dm_dns.cli")

    def reload(self) -> float:
        """Make unbound load the zone file that it has, and return how many seconds that takes."""
        start = time.monotonic()
        self._unbound.load(self.domain)
        return time.monotonic() - start


@contextmanager
def serving(records: int) -> Iterator[MeasuredMachine]:
    """Run a machine that serves a zone of so many records."""
    with MeasuredMachine() as one:
        one.bring(records)
        one.watch().terminate()
        one.unbound.start()
        one.run_apply()
        yield one
