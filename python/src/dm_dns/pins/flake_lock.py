"""flake.lock: the inputs of a flake, and the revision that each is pinned to.

The format is Nix's, version 7: ``nix flake --help``, section "Lock files".
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.json_fields import JsonFields

FILE_NAME: Final = "flake.lock"

Attribute = str | int | bool
"""The value of an attribute of a locked reference."""

_VERSION: Final = 7
_MOST_FOLLOWED: Final = 100
"""The longest chain of inputs that follow each other; a longer one is taken for a circle."""
_REMEDY: Final = "Restore the file from git, or have Nix write it again: `nix flake lock`."


@dataclass(frozen=True)
class Pin:
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
        """Whether it is a folder of the flake that names it, and so not downloaded."""
        return self.type == "path" and not str(self.locked.get("path", "")).startswith("/")

    @property
    def revision(self) -> str:
        """The revision and its date for people, as far as they are known; else hash or path."""
        rev = self.text("rev")
        known = rev[:12] if rev else (self.hash or "")[:19]
        seconds = self.locked.get("lastModified")
        if isinstance(seconds, int):
            known += f" ({datetime.fromtimestamp(seconds, UTC):%Y-%m-%d})"
        return known or str(self.locked.get("path", "?"))

    def text(self, attribute: str) -> str | None:
        """Return the text of an attribute; None if there is none."""
        value = self.locked.get(attribute)
        return value if isinstance(value, str) else None


@dataclass(frozen=True)
class Node:
    """A node of the graph of inputs."""

    inputs: Mapping[str, str | tuple[str, ...]]
    """For each input the key of its node, or the path from the root to the input it follows."""
    locked: Mapping[str, Attribute] | None
    """None: the node is the flake itself."""


@dataclass(frozen=True)
class FlakeLock:
    """A flake's inputs, those of its inputs, and so on."""

    root: str
    """The key of the flake itself."""
    nodes: Mapping[str, Node]

    def pins(self) -> list[Pin]:
        """Return every pinned input once, by its shortest path, the flake's own inputs first."""
        return [Pin("/".join(path), locked) for path, locked in self._shortest_paths() if locked]

    def names(self) -> str:
        """Return the names of all pins for people."""
        return ", ".join(pin.name for pin in self.pins()) or "none"

    def _shortest_paths(self) -> Iterator[tuple[tuple[str, ...], Mapping[str, Attribute] | None]]:
        seen = {self.root}
        queue: deque[tuple[tuple[str, ...], str]] = deque([((), self.root)])
        while queue:
            path, key = queue.popleft()
            yield path, self.nodes[key].locked
            for name, target in sorted(self.nodes[key].inputs.items()):
                # What an input follows is reached on the path that it names.
                if isinstance(target, str) and target not in seen:
                    seen.add(target)
                    queue.append(((*path, name), target))

    def followers(self) -> list[Pin]:
        """Return those of the flake's own inputs that follow another one, as what that pins."""
        names = sorted(self.nodes[self.root].inputs)
        return [pin for name in names if self.followed(name) and (pin := self.pin(name))]

    def pin(self, name: str) -> Pin | None:
        """Return what the input with the path ``name`` is pinned to; None if there is none."""
        key = self.find(name.split("/"))
        locked = self.nodes[key].locked if key else None
        return Pin(name, locked) if locked else None

    def followed(self, name: str) -> str | None:
        """Return the path of the input that this one follows; None if it has its own pin."""
        *parents, last = name.split("/")
        key = self.find(parents)
        target = self.nodes[key].inputs.get(last) if key else None
        return "/".join(target) if isinstance(target, tuple) else None

    def find(self, path: Sequence[str], *, _depth: int = 0) -> str | None:
        """Return the key of the node at a path of inputs; None if there is none."""
        key = self.root
        for name in path:
            target = self.nodes[key].inputs.get(name)
            if isinstance(target, tuple):
                target = self.find(target, _depth=_depth + 1) if _depth < _MOST_FOLLOWED else None
            if target is None or target not in self.nodes:
                return None
            key = target
        return key


EMPTY: Final = FlakeLock("root", {"root": Node({}, None)})
"""The lock of a flake without inputs."""


def parse(content: bytes, path: str) -> FlakeLock:
    """Return the lock file with this ``content``; messages call it ``path``.

    Raises:
        Error: it is not a lock file as Nix 2.18 and later write it.

    """
    value = files.parse_json(content, path)
    try:
        return _lock(JsonFields(path, value))
    except Error as error:
        raise Error(f"{error}. {_REMEDY}") from None


def _lock(fields: JsonFields) -> FlakeLock:
    if fields.value("version") != _VERSION:
        raise fields.error("version", str(_VERSION))
    nodes = fields.object("nodes")
    lock = FlakeLock(fields.text("root"), nodes.members(_node))
    if lock.root not in lock.nodes:
        raise fields.error("root", "the key of a node")
    for key, node in lock.nodes.items():
        if node.locked is None and key != lock.root:
            raise nodes.object(key).error("locked", "an object")
        for name, target in node.inputs.items():
            if (target if isinstance(target, str) else lock.find(target)) not in lock.nodes:
                expected = "the key of a node or the path of an input"
                raise nodes.object(key).object("inputs").error(name, expected)
    return lock


def _node(nodes: JsonFields, key: str) -> Node:
    fields = nodes.object(key)
    inputs = fields.object("inputs").members(_target) if fields.has("inputs") else {}
    if not fields.has("locked"):
        return Node(inputs, None)
    locked = fields.object("locked")
    locked.text("type")
    return Node(inputs, locked.members(_attribute))


def _target(inputs: JsonFields, name: str) -> str | tuple[str, ...]:
    is_path = isinstance(inputs.value(name), list)
    return tuple(inputs.texts(name)) if is_path else inputs.text(name)


def _attribute(locked: JsonFields, name: str) -> Attribute:
    value = locked.value(name)
    if not isinstance(value, Attribute):
        raise locked.error(name, "a string, a number, true or false")
    return value
