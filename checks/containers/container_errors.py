"""Why nodes do not run."""


class NodesError(Exception):
    """Something went wrong while making, booting or asking nodes; the message says what."""


class UnavailableError(NodesError):
    """Nodes cannot run on this machine at all."""
