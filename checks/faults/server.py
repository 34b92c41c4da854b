"""`dm-dns apply --watch`, which dm-dns.service is, with a fault at one of its system calls."""

import signal
from typing import Final

from dm_dns.errors import Error
from dm_dns.node import state

from checks.faults.machine import DisturbedMachine, end_wrong
from checks.faults.situations import zone_conf
from checks.faults.tracing import Ended, Fault
from checks.processes.plain_machine import replace
from checks.processes.wait import until

WHAT: Final = "the server, for two new zones"

# It waits less: the faults are many.
_IMPATIENT: Final = """
from dm_dns.node import server
server._CHECK_SECONDS = 2.0
server._CONFIRM_SECONDS = 0.1
server._PROBLEM_SECONDS = 0.3
server._RETRY_SECONDS = 0.1
"""


class DisturbedServer(DisturbedMachine):
    """A machine whose server is disturbed, while it serves two new zones."""

    def __init__(self, prelude: str = _IMPATIENT) -> None:
        """Start the machine, but not its server."""
        super().__init__(prelude)

    def undisturbed_server(self) -> Ended:
        """Return how the server ends that meets no fault."""
        ended, wrong = self._serve(None, is_traced=True)
        if wrong:
            raise RuntimeError(f"{WHAT}: {wrong}")
        return ended

    def disturb_server(self, fault: Fault) -> tuple[Ended, list[str]]:
        """Return how the server ends that meets the fault, and what was wrong then and later."""
        ended, wrong = self._serve(fault)
        wrong += end_wrong(ended, fault, expected={-signal.SIGTERM, 1})
        _ended, later = self._serve(None)  # as systemd starts it again
        return ended, [*wrong, *(f"then: {each}" for each in later)]

    def _serve(self, fault: Fault | None, *, is_traced: bool = False) -> tuple[Ended, list[str]]:
        """Run the server until it serves two new zones; return how it ended, and what is wrong."""
        self.state_file.unlink(missing_ok=True)
        _python, _m, _package, *arguments = self.apply_command("--watch")
        wrong = []
        self._bring()
        run = self._subject.start(arguments, fault=fault, is_traced=is_traced)
        for number in range(2):
            if number:
                self._bring()
            try:
                until(lambda: self._has_served() or run.has_ended(), "")
            except TimeoutError:
                wrong.append(f"it does not serve serial {self._serial}")
        wrong += self._answers_wrong({self._serial, self._serial - 1, self._serial - 2})
        run.terminate()
        return run.finish(), wrong

    def _bring(self) -> None:
        self._serial += 1
        replace(self.mesh_file, zone_conf(self._serial))

    def _has_served(self) -> bool:
        """Tell whether the server has found that the last zone is served, and nothing wrong."""
        try:
            found = state.read(self.state_file)
        except (OSError, Error):
            return False
        served = found.served
        return found.problems == [] and served is not None and served.serial == self._serial
