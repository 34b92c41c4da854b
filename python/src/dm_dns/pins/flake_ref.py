"""References to pins: as Nix's flake commands take them, and as the URL of the archive."""

from typing import Final
from urllib.parse import quote, urlencode

from dm_dns.errors import Error
from dm_dns.pins.flake_lock import Pin

# Attributes of `git` and `hg` that say which files are meant; all others follow from them.
_REPOSITORY: Final = (
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


def flake_ref(pin: Pin, *, with_hash: bool = False) -> str:
    """Return the flake reference of exactly what is pinned.

    With its hash, Nix takes the files from its store if they are there; references of type ``git``
    and ``hg`` cannot have one.

    Raises:
        Error: the type is not supported, or the lock lacks an attribute.

    """
    locked = pin.locked
    query: dict[str, str] = {}
    if pin.type in _ARCHIVES:
        text = f"{pin.type}:{'/'.join(_parts(pin).values())}"
        if "host" in locked:
            query["host"] = str(locked["host"])
    elif pin.type in {"tarball", "file", "git", "hg"}:
        text = f"{pin.type}+{_get(pin, 'url')}"
    elif pin.type == "path":
        text = f"path:{quote(_get(pin, 'path'))}"
    else:
        raise Error(f"inputs of type {pin.type!a} are not supported")
    if pin.type in {"git", "hg"}:
        found = {name: locked[name] for name in _REPOSITORY if locked.get(name)}
        query = {name: "1" if value is True else str(value) for name, value in found.items()}
    elif with_hash and pin.hash:
        query["narHash"] = pin.hash
    separator = "&" if "?" in text else "?"
    return text + (separator + urlencode(query) if query else "")


def source_url(pin: Pin) -> str:
    """Return the URL of the archive or repository, or whatever else tells people the source."""
    if pin.is_local:
        return str(pin.locked.get("path"))
    try:
        if pin.type not in _ARCHIVES:
            return pin.text("url") or flake_ref(pin)
        host, template = _ARCHIVES[pin.type]
        if pin.type == "github" and pin.locked.get("host", host) != host:
            template = _HOSTED_GITHUB
        return template.format(host=pin.locked.get("host", host), **_parts(pin))
    except Error:
        return pin.type


def _parts(pin: Pin) -> dict[str, str]:
    return {name: quote(_get(pin, name), safe="%~") for name in ("owner", "repo", "rev")}


def _get(pin: Pin, attribute: str) -> str:
    value = pin.text(attribute)
    if not value:
        raise Error(f"flake.lock has no {attribute!r} for it, which type {pin.type!r} needs")
    return value
