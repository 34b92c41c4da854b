"""The node's configuration: written by the module, read by `apply`."""

import json
from typing import Any, NamedTuple

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.node.unbound import Unbound
from dm_dns.zone import names


class Config(NamedTuple):
    """What `apply` reads and writes on this machine."""

    domain: str
    mesh: str
    """The mesh's copy of zone.conf; the file may come and go."""
    deployed: str | None
    """The copy this machine was deployed with."""
    hosts: str
    state: str
    """The directory for what is served."""
    unbound: Unbound

    @property
    def zonefile(self) -> str:
        """What unbound loads."""
        return f"{self.state}/{self.domain}.zone"

    @property
    def previous(self) -> str:
        """The zone file that unbound served last, for as long as it does not serve a newer one."""
        return f"{self.zonefile}.previous"

    @property
    def history(self) -> str:
        """The directory of the zones that the mesh brought, each named ``<serial>.conf``."""
        return f"{self.state}/history"

    @property
    def kept(self) -> str:
        """The zone.conf from which the zone file was made."""
        return f"{self.state}/kept.conf"

    @classmethod
    def read(cls, path: files.StrPath) -> "Config":
        """Read the configuration at ``path``.

        Raises:
            Error: it cannot be read, or is not a configuration.

        """
        try:
            content = files.read(path)
        except OSError as error:
            raise Error(
                f"{path}: cannot be read: {error.strerror}; name another file with --config"
            ) from None
        return cls.parse(content, str(path))

    @classmethod
    def parse(cls, content: bytes, path: str) -> "Config":
        """Return the configuration that a file's ``content`` is; ``path`` is for messages.

        Raises:
            Error: it is none.

        """
        fields = _Fields(path, files.parse_json(content, path))
        domain = fields.text("domain")
        try:
            names.check_domain(domain)
        except names.InvalidNameError as error:
            raise Error(f"{path}: domain '{domain}' is no valid name: {error}") from None
        unbound = fields.fields("unbound")
        return cls(
            domain=domain,
            mesh=fields.path("mesh"),
            deployed=fields.path("deployed") if fields.has("deployed") else None,
            hosts=fields.path("hosts"),
            state=fields.path("state"),
            unbound=Unbound(
                control=unbound.text("control"),
                address=unbound.text("address"),
                port=unbound.port("port"),
            ),
        )


class _Fields:
    """The fields of one JSON object, each read as the type it must have."""

    def __init__(self, path: str, values: Any) -> None:  # noqa: ANN401 - any JSON value
        if not isinstance(values, dict):
            raise Error(f"{path}: expected an object, found {json.dumps(values)}")
        self.file = path
        self.values = values

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def fields(self, key: str) -> "_Fields":
        return _Fields(f"{self.file}: {key}", self.values.get(key))

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str):
            raise Error(f"{self.file}: {key} must be a string, not {json.dumps(value)}")
        return value

    def path(self, key: str) -> str:
        text = self.text(key)
        if not text.startswith("/") or "\0" in text:
            raise Error(f"{self.file}: {key} must be an absolute path, not {json.dumps(text)}")
        return text

    def port(self, key: str) -> int:
        value = self.values.get(key)
        if type(value) is not int or not 0 < value < 2**16:
            raise Error(f"{self.file}: {key} must be a port number, not {json.dumps(value)}")
        return value
