"""The command `dm-dns`."""

import argparse
import importlib
import sys

from dm_dns.errors import exit_status

# Modules are imported only when their command is given: `apply` starts in milliseconds.
COMMANDS = {
    "keygen": ("push.keys", "make the key pair that zones are signed with"),
    "render": ("commands.render", "make zone.conf from a zone spec"),
    "check": ("commands.check", "check a zone.conf"),
    "plan": ("push.plan", "show what a push would change: exit status 2 if anything, 0 if not"),
    "push": ("push.push", "sign a zone.conf and send it to every node"),
    "history": ("push.history", "list the zones that the mesh has had"),
    "prefetch": ("commands.prefetch", "check, update and show what flake.lock pins"),
    "apply": ("node.apply", "serve the best zone that this machine has"),
}


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv`` and return its exit status.

    0, 1 (failed), 2 (misuse, or what a plan found to do).
    """
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="dm-dns", description="Names for a clan.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        if argv[:1] == [name]:
            stage = importlib.import_module(f"dm_dns.{module}")
            stage.add_arguments(command)
            command.set_defaults(run=stage.run)
    arguments = parser.parse_args(argv)
    if "run" not in arguments:  # found only behind a `--`
        parser.error(f"the first argument must be a command: {', '.join(COMMANDS)}")
    return exit_status(lambda: arguments.run(arguments))
