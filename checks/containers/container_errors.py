"""Why containers do not run."""


class ContainerError(Exception):
    """Something went wrong while making, booting or asking containers; the message says what."""


class UnavailableError(ContainerError):
    """Containers cannot run on this machine at all."""
