"""Errors whose text is meant for the user or, as the reason of a refusal, for the sender."""


class MeshError(Exception):
    """Base: `str(e)` says what is wrong and with which file, name or address."""


class RefusedError(MeshError):
    """A statement breaks a rule."""


class NotNewerError(RefusedError):
    """A statement is valid, but what the node has of this name is as new or newer."""


class UnreachableError(MeshError):
    """A daemon did not answer, or not in a way that can be used."""
