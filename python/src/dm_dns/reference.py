"""References to what is pinned: as Nix's flake commands take them, and as a plain URL."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from dm_dns.errors import Error
from dm_dns.lock import Attribute, Pin

# Attributes of `git` and `hg` that say which files are meant; all others follow from them.
_GIT: Final = (
    *("ref", "rev", "shallow", "submodules", "lfs", "exportIgnore", "allRefs"),
    *("verifyCommit", "keytype", "publicKey", "publicKeys"),
)
# What Nix itself downloads (src/libfetchers/github.cc), without a token.
_ARCHIVES: Final = {
    "github": ("github.com", "https://{host}/{owner}/{repo}/archive/{rev}.tar.gz"),
    "gitlab": (
        "gitlab.com",
        "https://{host}/api/v4/projects/{owner}%2F{repo}/repository/archive.tar.gz?sha={rev}",
    ),
    "sourcehut": ("git.sr.ht", "https://{host}/{owner}/{repo}/archive/{rev}.tar.gz"),
}
_HOSTED_GITHUB: Final = "https://{host}/api/v3/repos/{owner}/{repo}/tarball/{rev}"


def of(pin: Pin, *, with_hash: bool = False) -> str:
    """Return the flake reference of exactly what is pinned.

    With its hash, Nix takes the files from its store if they are there; ``git`` and ``hg``
    references have no place for it.

    Raises:
        Error: there are none for this type, or the lock lacks what they need.

    """
    locked = pin.locked
    if pin.type in _ARCHIVES:
        path = "/".join(quote(part, safe="%~") for part in _parts(pin).values())
        text = f"{pin.type}:{path}"
        query: dict[str, str] = {"host": str(locked["host"])} if "host" in locked else {}
    elif pin.type in {"tarball", "file"}:
        text, query = f"{pin.type}+{_get(pin, 'url')}", {}
    elif pin.type in {"git", "hg"}:
        text, query = f"{pin.type}+{_get(pin, 'url')}", _query(locked)
    elif pin.type == "path":
        text, query = f"path:{quote(_get(pin, 'path'))}", {}
    else:
        raise Error(
            f"inputs of type {pin.type!a} are not known here; see `nix flake archive --help`"
        )
    if with_hash and pin.hash and pin.type not in {"git", "hg"}:
        query["narHash"] = pin.hash
    separator = "&" if "?" in text else "?"
    return text + (separator + urlencode(query) if query else "")


def url(pin: Pin) -> str:
    """Return the URL of the archive, or whatever else tells people where it is from.

    Raises:
        Error: the lock lacks what it needs.

    """
    if pin.type in _ARCHIVES:
        host, template = _ARCHIVES[pin.type]
        if pin.type == "github" and pin.locked.get("host", host) != host:
            template = _HOSTED_GITHUB
        parts = {name: quote(part, safe="%~") for name, part in _parts(pin).items()}
        return template.format(host=pin.locked.get("host", host), **parts)
    return pin.text("url") or of(pin)


def _parts(pin: Pin) -> dict[str, str]:
    return {name: _get(pin, name) for name in ("owner", "repo", "rev")}


def _get(pin: Pin, attribute: str) -> str:
    value = pin.text(attribute)
    if not value:
        raise Error(f"the lock has no {attribute!r} for it, which type {pin.type!r} needs")
    return value


def _query(locked: Mapping[str, Attribute]) -> dict[str, str]:
    values = {name: locked[name] for name in _GIT if locked.get(name)}
    return {name: "1" if value is True else str(value) for name, value in values.items()}
