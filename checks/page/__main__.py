"""`make picture`: the picture of the page in README.md, of a made-up clan."""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dm_dns.inspect import page

from checks.page import sample
from checks.page.browser import MISSING, Browser, find

_WIDTH: Final = 1120
_HEIGHT: Final = 1000


def main() -> int:
    """Write the pictures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m checks.page", description=__doc__)
    parser.add_argument("light", type=Path, help="the PNG of the light scheme")
    parser.add_argument("dark", type=Path, help="the PNG of the dark scheme")
    parser.add_argument(
        "--names", type=int, help="of a clan with that many names, and all of the page"
    )
    args = parser.parse_args()
    if find() is None:
        print(f"page: {MISSING}", file=sys.stderr)
        return 1
    facts = sample.of_size(args.names) if args.names else sample.made_up()
    # The time stands below what the picture shows.
    text = page.render(facts, datetime.now(UTC))
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        path = Path(folder) / "page.html"
        path.write_text(text)
        for scheme, picture in (("light", args.light), ("dark", args.dark)):
            browser.look(scheme=scheme, width=_WIDTH)
            browser.open(path)
            height = None if args.names else _HEIGHT
            browser.screenshot(picture.absolute(), width=_WIDTH, height=height)
    return 0


if __name__ == "__main__":
    sys.exit(main())
