"""The configuration of dm-dns on a machine: written by the module, read by `dm-dns apply`."""

import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.json_fields import JsonFields
from dm_dns.node.unbound import Unbound
from dm_dns.zone import conf, limits, names, networks

DEFAULT_PATH: Final = Path("/etc/dm-dns/apply.json")

KEYS_FILE: Final = "keys.json"
"""The file in the state directory that has a `Trust`."""

REPLACED: Final = "was pushed before the signing key was replaced, and is not used"
"""What is wrong with a mesh copy that is not trusted."""


class Trust(NamedTuple):
    """What a machine remembers of the keys that may sign the zone (`node.trust`)."""

    keys: list[str]
    """Those that may sign it: each as `node.trust` writes it, or as data-mesher takes it."""
    distrusted: list[str]
    """The SHA-256, in hexadecimal, of each mesh copy that is not used."""
    serial: int
    """The highest serial that the mesh had had when a key was replaced."""

    def is_distrusted(self, content: bytes | None) -> bool:
        """Tell whether a mesh copy with this content, if it is known, is not to be used."""
        return content is not None and hashlib.sha256(content).hexdigest() in self.distrusted

    @classmethod
    def parse(cls, content: bytes, path: str) -> "Trust":
        """Return what the ``content`` of a file says; ``path`` names it in messages.

        Raises:
            Error: it is not valid.

        """
        fields = JsonFields(path, files.parse_json(content, path))
        return cls(fields.texts("keys"), fields.texts("distrusted"), fields.integer("serial"))


NO_TRUST: Final = Trust([], [], 0)
"""What a machine remembers that was never deployed with a key."""


class Config(NamedTuple):
    """What dm-dns reads and writes on this machine."""

    domain: str
    mesh: Path
    """The mesh copy of zone.conf; the file may come and go."""
    deployed: Path | None
    """The deployed copy; None: the machine was deployed before there was a zone."""
    hosts: Path
    """/etc/hosts."""
    state: Path
    """The directory of what is served."""
    keys: list[str]
    """The public keys that may sign the zone, as data-mesher takes them; empty: not known."""
    unbound: Unbound
    hook: Path | None
    """The socket on which systemd-resolved asks; None: it does not."""
    resolved: Path | None = None
    """The socket on which systemd-resolved answers; None: it is not to be asked."""
    machine: str | None = None
    """The machine's own full name; None: it serves its own services as it serves all others."""
    whole_domain: bool = True
    """Whether nobody else has names of the domain: other names resolve as without dm-dns if not."""
    reverse: bool = False
    """Whether programs get the machine's name for an address of the clan."""
    search: Path | None = None
    """The socket on which systemd-resolved asks for names of one label; None: it does not."""
    allow: list[str] | None = None
    """The networks whose devices it answers; None: it answers none."""
    certificate: Path | None = None
    """Of data-mesher, which only root and data-mesher may read; None: it has none."""

    @property
    def inputs(self) -> list[Path]:
        """The files that a zone file is made from."""
        return [path for path in (self.mesh, self.deployed, self.hosts) if path]

    @property
    def zonefile(self) -> Path:
        """The zone file, which unbound loads."""
        return self.state / f"{self.domain}.zone"

    @property
    def previous(self) -> Path:
        """The zone file that unbound served last, until it serves a newer one."""
        return self.state / f"{self.domain}.zone.previous"

    @property
    def reverse_names(self) -> Path:
        """The file of the addresses that have a reverse name (`node.reverse_names`)."""
        return self.state / "reverse"

    @property
    def history(self) -> Path:
        """The directory of the zones that the mesh brought, each named ``<serial>.conf``."""
        return self.state / "history"

    @property
    def kept(self) -> Path:
        """The kept copy: the zone.conf from which the zone file was made."""
        return self.state / "kept.conf"

    @property
    def written(self) -> list[Path]:
        """What a run of `apply` leaves."""
        files = [self.zonefile, self.kept]
        return [*files, self.reverse_names] if self.reverse else files

    @classmethod
    def read(cls, path: Path) -> "Config":
        """Read the configuration at ``path``.

        Raises:
            Error: it cannot be read, or is not a valid configuration.

        """
        try:
            content = files.read(path, limits.MAX_SETTINGS)
        except OSError as error:
            raise Error(
                f"{path}: cannot be read: {error.strerror}; name another file with --config"
            ) from None
        return cls.parse(content, str(path))

    @classmethod
    def parse(cls, content: bytes, path: str) -> "Config":
        """Return the configuration in the ``content`` of a file; ``path`` names it in messages.

        Raises:
            Error: it is not a valid configuration.

        """
        fields = JsonFields(path, files.parse_json(content, path))
        domain = fields.text("domain")
        try:
            names.check_domain(domain)
        except names.InvalidNameError as error:
            raise Error(f"{path}: domain {domain!a} is not a valid name: {error}") from None
        machine = None
        if fields.has("machine"):
            try:
                machine = f"{names.canonical_label(fields.text('machine'))}.{domain}"
            except names.InvalidNameError:
                raise fields.error("machine", "the name of a machine") from None
        allow = None
        if fields.has("allow"):
            found = [networks.with_length(text) for text in fields.texts("allow")]
            allow = [prefix for prefix in found if prefix]
            if len(allow) < len(found):
                raise fields.error("allow", "a list of networks, such as 192.168.1.0/24")
        unbound = fields.object("unbound")
        address, port = _endpoint(unbound)
        return cls(
            domain=domain,
            mesh=Path(fields.path("mesh")),
            deployed=Path(fields.path("deployed")) if fields.has("deployed") else None,
            hosts=Path(fields.path("hosts")),
            state=Path(fields.path("state")),
            keys=fields.texts("keys") if fields.has("keys") else [],
            unbound=Unbound(
                control=Path(unbound.path("control")),
                address=address,
                port=port,
                privileged=_endpoint(unbound.object("privileged"))
                if unbound.has("privileged")
                else None,
            ),
            hook=Path(fields.path("hook")) if fields.has("hook") else None,
            resolved=Path(fields.path("resolved")) if fields.has("resolved") else None,
            machine=machine,
            whole_domain=fields.boolean("wholeDomain") if fields.has("wholeDomain") else True,
            reverse=fields.boolean("reverse") if fields.has("reverse") else False,
            search=Path(fields.path("search")) if fields.has("search") else None,
            allow=allow,
            certificate=Path(fields.path("certificate")) if fields.has("certificate") else None,
        )


def _endpoint(fields: JsonFields) -> tuple[str, int]:
    address = fields.text("address")
    if conf.canonical_address(address) is None:
        raise fields.error("address", "an IP address")
    return address, fields.port("port")
