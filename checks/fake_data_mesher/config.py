"""The daemon's configuration file, in JSON.

Its keys are those of clan-core's `services.data-mesher.settings` and a few that only the fake
needs; every one is in checks/README.md.
"""

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from checks.fake_data_mesher.gotime import parse_duration
from checks.fake_data_mesher.keys import decode_allowed, read_public
from checks.fake_data_mesher.mesh_errors import MeshError
from checks.fake_data_mesher.rules import Rules
from checks.fake_data_mesher.statement import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG_LEVELS = ("fatal", "error", "warn", "info", "debug")

_MAX_PORT = 65535


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """What the daemon runs with. Addresses are (host, port), the interval is in seconds."""

    log_level: str
    state_dir: Path
    write_in_place: bool
    rules: Rules
    http: tuple[str, int]
    cluster: tuple[str, int]
    peers: tuple[str, ...]
    interval: float
    ignored: tuple[str, ...]


class _Section:
    """One JSON object of the file; `path` is how messages call it.

    `known` is None where the keys are names of the user's choice.
    """

    def __init__(self, file: Path, path: str, value: object, known: frozenset[str] | None) -> None:
        self.file = file
        self.path = path
        if not isinstance(value, dict):
            raise self.error("", "must be an object")
        self.values: Mapping[str, object] = value
        for key in value:
            if known is not None and key not in known:
                raise self.error(key, f"is unknown; known here: {', '.join(sorted(known))}")

    def error(self, key: str, reason: str) -> MeshError:
        path = ".".join(part for part in (self.path, key) if part)
        return MeshError(f"{self.file}: {path or 'the file'}: {reason}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str) or not value:
            raise self.error(key, "must be a string that is not empty")
        return value

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, "must be true or false")
        return value

    def port(self, default: int) -> int:
        value = self.values.get("port", default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _MAX_PORT:
            raise self.error("port", f"must be a number from 1 to {_MAX_PORT}")
        return value

    def texts(self, key: str) -> list[str]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(key, "must be a list of strings")
        return cast("list[str]", value)


_ROOT = frozenset({"log_level", "state_dir", "write_in_place", "cluster", "network", "http"})
_HTTP = frozenset({"address", "port", "interfaces"})
_NETWORK = frozenset({"id", "files", "namespaces"})
# Accepted because clan-core sets them; nothing here acts on them.
_CLUSTER_IGNORED = ("bootstrap_peers", "identity_key", "identity_cert", "certificate_authorities")
_CLUSTER = frozenset({"address", "port", "interfaces", "peers", "push_pull_interval"})


def _peer(cluster: _Section, peer: str) -> str:
    try:
        url = urlsplit(f"http://{peer}")
        valid = bool(url.hostname) and bool(url.port) and url.netloc == peer and "@" not in peer
    except ValueError:
        valid = False
    if not valid:
        raise cluster.error("peers", f'{peer!r} is not "host:port"')
    return f"http://{peer}"


def _allowlist(network: _Section) -> dict[str, frozenset[bytes]]:
    files = _Section(network.file, "network.files", network.values.get("files", {}), None)
    allowed = {}
    for name in files.values:
        try:
            check_name(name)
            allowed[name] = frozenset(decode_allowed(key) for key in files.texts(name))
        except (MeshError, ValueError) as e:
            raise files.error(name, str(e)) from None
    for name in allowed:
        for folder in PurePosixPath(name).parents:
            if str(folder) in allowed:
                raise files.error(name, f"{str(folder)!r} cannot be both a file and a folder")
    return allowed


def load(file: Path) -> ServerConfig:
    """Read a configuration file. Raises MeshError, which names the file and the key."""
    try:
        value: object = json.loads(file.read_bytes())
    except OSError as e:
        raise MeshError(f"{file}: cannot read the configuration: {e.strerror}") from None
    except (ValueError, RecursionError) as e:
        raise MeshError(f"{file}: not JSON: {e}") from None
    root = _Section(file, "", value, _ROOT)
    http = _Section(file, "http", root.values.get("http", {}), _HTTP)
    network = _Section(file, "network", root.values.get("network", {}), _NETWORK)
    cluster = _Section(
        file, "cluster", root.values.get("cluster", {}), _CLUSTER | set(_CLUSTER_IGNORED)
    )
    log_level = root.text("log_level", "info")
    if log_level not in LOG_LEVELS:
        raise root.error("log_level", f"must be one of {', '.join(LOG_LEVELS)}")
    try:
        interval = parse_duration(cluster.text("push_pull_interval", "30s")) / 1e9
    except ValueError as e:
        raise cluster.error("push_pull_interval", str(e)) from None
    ignored = [
        f"{section.path}.{key}"
        for section, keys in (
            (cluster, ("interfaces", *_CLUSTER_IGNORED)),
            (network, ("namespaces",)),
            (http, ("interfaces",)),
        )
        for key in keys
        if section.values.get(key)
    ]
    return ServerConfig(
        log_level=log_level,
        state_dir=Path(root.text("state_dir", "/var/lib/data-mesher")),
        write_in_place=root.flag("write_in_place"),
        rules=Rules(read_public(Path(network.text("id"))), _allowlist(network)),
        http=(http.text("address", "127.0.0.1"), http.port(7331)),
        cluster=(cluster.text("address", "0.0.0.0"), cluster.port(7946)),  # noqa: S104 - as the real one
        peers=tuple(_peer(cluster, peer) for peer in cluster.texts("peers")),
        interval=interval,
        ignored=tuple(ignored),
    )
