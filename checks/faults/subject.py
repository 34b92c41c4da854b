"""Runs dm-dns in children for which everything is imported already, as dm-dns.service does.

A fault in Python's own start would say nothing about dm-dns. For each line of JSON on stdin, with
the arguments and where the output goes, a child is started and its id is printed; when it has
ended, its exit status, as in `subprocess`. A child that is to be traced first stops itself.
"""

import ctypes
import json
import os
import signal
import sys
from typing import Any, Final, NoReturn

from dm_dns import cli

_PR_SET_PTRACER: Final = 0x59616D61  # prctl(2)
_ANY: Final = ctypes.c_ulong(-1)


def main() -> None:
    """Run what stdin says, until its end."""
    cli.build_parser(["apply"]).format_help()  # which imports what argparse needs
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if not child:
            _be_child(job)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _be_child(job: dict[str, Any]) -> NoReturn:
    """Run one command and end."""
    for number, name in enumerate((os.devnull, job["stdout"], job["stderr"])):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644), number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    if job["is_traced"]:
        # Where only parents may trace (Yama), whoever started this process is not one.
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANY, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
    sys.exit(cli.main(job["arguments"]))


if __name__ == "__main__":
    main()
