"""`make demo`: three machines of a real clan, as processes, and one of its names that moves."""

import argparse
import sys
import tempfile
from pathlib import Path

from checks.demo import signals
from checks.demo.commands import DemoError
from checks.demo.show import Screen, milliseconds
from checks.demo.story import Story


def main() -> int:
    """Run the demo; return its exit status: 1 if anything was not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m checks.demo", description=__doc__)
    parser.add_argument(
        "--picture", metavar="FILE", type=Path, help="write an SVG of what is printed as well"
    )
    args = parser.parse_args()
    tempfile.gettempdir()  # writes a file the first time, which a signal could leave behind
    signals.handle()
    screen = Screen(args.picture)
    story = Story(screen)
    failure = None
    try:
        story.tell()
    except DemoError as error:
        failure = error
    if failure is None or story.problems:
        screen.line()
    for problem in story.problems:
        screen.line(f"WRONG: {problem}", "red")
    if story.problems:
        screen.line(f"{len(story.problems)} problems; {story.answers} answers checked.", "bold red")
    if failure:
        print(f"demo: {failure}", file=sys.stderr)
    if failure or story.problems:
        return 1
    screen.line(f"All {story.answers} answers were right.", "bold green")
    screen.line(
        "A moved name had its new answer on all machines"
        f" {milliseconds(story.since_push)} after the push began,\n"
        f"{milliseconds(story.since_file)} after the mesh brought the file."
    )
    screen.line("Not shown: the real data-mesher (a fake one ran instead), and NixOS.")
    screen.line("Next: README.md tells how to use it in a clan; `make test` runs the tests.")
    screen.save_picture()
    return 0


if __name__ == "__main__":
    status = main()
    sys.exit(128 + signals.received[0] if signals.received else status)
