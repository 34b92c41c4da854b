"""What ends the demo before its end."""


class DemoError(Exception):
    """The demo cannot go on; `str(e)` says why and what to do."""
