"""flake.lock: the inputs of a flake, and the revision that each is pinned at.

The format is Nix's, version 7: ``nix flake --help``, section "Lock files".
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from dm_dns import files
from dm_dns.errors import Error

FILE_NAME: Final = "flake.lock"

Attribute = str | int | bool
"""What an attribute of a locked reference has."""

_T = TypeVar("_T")
_VERSION: Final = 7
_MOST_FOLLOWED: Final = 100  # one after the other: more go in circles
_REMEDY: Final = "Restore it from git, or let Nix write it anew: `nix flake lock`."


class Pin(NamedTuple):
    """One input at one revision."""

    name: str
    """The path to it from the flake, as Nix's commands take it: ``clan-core/disko``."""
    locked: Mapping[str, Attribute]
    """The reference as Nix locked it; ``type`` is always there."""

    @property
    def type(self) -> str:
        """The kind of source: ``github``, ``tarball``, ``git``, ..."""
        return str(self.locked["type"])

    @property
    def hash(self) -> str | None:
        """The hash of the files (NAR, SRI notation)."""
        return self.text("narHash")

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of the flake that names it: nothing of its own is fetched."""
        return self.type == "path" and not str(self.locked.get("path", "")).startswith("/")

    @property
    def revision(self) -> str:
        """Which one it is, for people: revision and date, as far as they are known."""
        rev = self.text("rev")
        known = rev[:12] if rev else (self.hash or "")[:19]
        seconds = self.locked.get("lastModified")
        if isinstance(seconds, int):
            known += f" ({datetime.fromtimestamp(seconds, UTC):%Y-%m-%d})"
        return known or str(self.locked.get("path", "?"))

    def text(self, attribute: str) -> str | None:
        """Return the text of an attribute; None where there is none."""
        value = self.locked.get(attribute)
        return value if isinstance(value, str) else None


class Node(NamedTuple):
    """A node of the graph of inputs."""

    inputs: Mapping[str, str | tuple[str, ...]]
    """For each input the key of its node, or the path from the root of the input it follows."""
    locked: Mapping[str, Attribute] | None
    """None: it is the flake itself."""


class Lock:
    """A flake's inputs, those of its inputs, and so on."""

    def __init__(self, root: str, nodes: Mapping[str, Node]) -> None:
        """Take the key of the flake itself, and all nodes by their keys.

        Raises:
            Error: inputs follow each other, or one that there is not.

        """
        self._root = root
        self._nodes = nodes
        for key, node in nodes.items():
            for name, target in node.inputs.items():
                if isinstance(target, tuple) and self.find(target) is None:
                    path = "/".join(target)
                    raise Error(f"nodes.{key}.inputs.{name} follows {path!a}, which leads nowhere")

    def pins(self) -> list[Pin]:
        """Return every pinned input once, by its shortest path, that of the flake's own first."""
        return [
            Pin("/".join(path), locked)
            for path, key in self._shortest_paths()
            if (locked := self._nodes[key].locked) is not None
        ]

    def _shortest_paths(self) -> Iterator[tuple[tuple[str, ...], str]]:
        seen = {self._root}
        queue: deque[tuple[tuple[str, ...], str]] = deque([((), self._root)])
        while queue:
            path, key = queue.popleft()
            yield path, key
            for name, target in sorted(self._nodes[key].inputs.items()):
                # The target of one that follows is reached on the path that it names.
                if isinstance(target, str) and target not in seen:
                    seen.add(target)
                    queue.append(((*path, name), target))

    def names(self) -> dict[str, str]:
        """Return for each of the flake's own inputs the name of its pin."""
        by_key = {key: "/".join(path) for path, key in self._shortest_paths()}
        found = {name: self.find((name,)) for name in sorted(self._nodes[self._root].inputs)}
        return {name: by_key[key] for name, key in found.items() if key}

    def find(self, path: Sequence[str]) -> str | None:
        """Return the key of the node at a path of inputs; None where there is none."""
        return self._find(path, 0)

    def _find(self, path: Sequence[str], depth: int) -> str | None:
        key = self._root
        for name in path:
            target = self._nodes[key].inputs.get(name)
            if isinstance(target, tuple):
                target = self._find(target, depth + 1) if depth < _MOST_FOLLOWED else None
            if target is None:
                return None
            key = target
        return key

    def pin(self, name: str) -> Pin | None:
        """Return what is pinned for the input with this path; None where there is no such input."""
        key = self.find(name.split("/"))
        locked = self._nodes[key].locked if key else None
        return None if locked is None else Pin(name, locked)

    def followed(self, name: str) -> str | None:
        """Return the path of the input that this one follows; None where it has its own pin."""
        *parents, last = name.split("/")
        key = self.find(parents)
        target = self._nodes[key].inputs.get(last) if key else None
        return "/".join(target) if isinstance(target, tuple) else None


def read(path: Path) -> Lock:
    """Read the lock file at ``path``.

    Raises:
        OSError: the file cannot be read.
        Error: it is no lock file that Nix 2.18 or later writes.

    """
    return parse(path.read_bytes(), str(path))


def parse(content: bytes, path: str) -> Lock:
    """Return the lock file in ``content``; messages call it ``path``.

    Raises:
        Error: it is no lock file that Nix 2.18 or later writes.

    """
    values = files.parse_json(content, path)
    try:
        return _lock(values)
    except Error as error:
        raise Error(f"{path}: {error}. {_REMEDY}") from None


def _lock(values: Any) -> Lock:  # noqa: ANN401 - any JSON value
    fields = _expect(values, dict, "the lock file")
    if fields.get("version") != _VERSION:
        raise Error(f"version must be {_VERSION}, not {fields.get('version')!a}")
    nodes = {
        key: _node(node, f"nodes.{key}")
        for key, node in _expect(fields.get("nodes"), dict, "nodes").items()
    }
    root = _expect(fields.get("root"), str, "root")
    if root not in nodes:
        raise Error(f"root is {root!a}, and there is no such node")
    for key, node in nodes.items():
        for name, target in node.inputs.items():
            if isinstance(target, str) and target not in nodes:
                raise Error(f"nodes.{key}.inputs.{name} is {target!a}, and there is no such node")
        if node.locked is None and key != root:
            raise Error(f"nodes.{key}.locked is missing")
    return Lock(root, nodes)


def _node(values: Any, where: str) -> Node:  # noqa: ANN401 - any JSON value
    fields = _expect(values, dict, where)
    inputs = _expect(fields.get("inputs", {}), dict, f"{where}.inputs")
    return Node(
        {name: _target(target, f"{where}.inputs.{name}") for name, target in inputs.items()},
        _locked(fields["locked"], f"{where}.locked") if "locked" in fields else None,
    )


def _target(value: Any, where: str) -> str | tuple[str, ...]:  # noqa: ANN401 - any JSON value
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    return _expect(value, str, where)


def _locked(value: Any, where: str) -> dict[str, Attribute]:  # noqa: ANN401 - any JSON value
    locked = _expect(value, dict, where)
    _expect(locked.get("type"), str, f"{where}.type")
    for name, attribute in locked.items():
        if not isinstance(attribute, str | int):
            raise Error(f"{where}.{name} must be a string, a number, true or false")
    return locked


def _expect(value: Any, kind: type[_T], where: str) -> _T:  # noqa: ANN401 - any JSON value
    if not isinstance(value, kind):
        raise Error(f"{where} must be {'an object' if kind is dict else 'a string'}")
    return value
