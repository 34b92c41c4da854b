"""Push: sign a zone.conf and give it to the mesh."""

import argparse
import stat
import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from dm_dns import arguments, mesh, zone
from dm_dns.errors import Error, FileError

_LONGEST_WAIT: Final = 86400.0  # seconds

# The start of each Ed25519 private key in base64, with or without its PEM lines (RFC 8410).
_KEY_TEXT: Final = "MC4CAQAwBQYDK2Vw"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to push, and how."""

    zone_conf: Path
    domain: str
    """Canonical (see `names`)."""
    key: Path
    """The private key's file."""
    network_id: Path
    """The file with the mesh network's public key."""
    url: str
    """The HTTP address of this machine's data-mesher."""
    name: str
    """The mesh file's name."""
    mesh_file: Path
    """This machine's copy of the mesh file."""
    wait: float
    """Seconds to wait for data-mesher to answer, and again for the zone to arrive."""


def push(options: Options) -> str:
    """Sign and send a zone; return a line that says what the mesh has now.

    Raises:
        FileError: the zone.conf is not one of the domain; nothing was sent.
        Error: the zone could not be sent, or did not arrive.

    """
    _check_readable(options.zone_conf, "ZONE.conf")
    content = options.zone_conf.read_bytes()
    parsed = zone.parse(content, options.domain, str(options.zone_conf))
    _check_readable(options.key, "--key")
    _check_readable(options.network_id, "--network-id")
    before = _read_mesh_file(options)
    mesh.wait_until_answering(options.url, seconds=options.wait, report=_report)
    mesh.update(
        options.zone_conf,
        name=options.name,
        key=options.key,
        network_id=options.network_id,
        url=options.url,
    )
    _wait_for(content, before, options)
    return f"pushed {options.domain}: {_summary(parsed)}, in {options.mesh_file}"


def _wait_for(content: bytes, before: bytes | None, options: Options) -> None:
    """Wait until the mesh file is ``content``; it was ``before`` when nothing was sent yet."""
    state = ""
    for pause in mesh.pauses(options.wait):
        found = _read_mesh_file(options)
        if found == content:
            return
        if found is None:
            state = "it is missing"
        elif found == before:
            state = f"it is unchanged: {_describe(found, options)}"
        else:
            state = f"another push replaced it: {_describe(found, options)}"
        if pause:
            _report(f"waiting for the zone in {options.mesh_file}: {state}")
            time.sleep(pause)
    raise Error(
        f"the zone did not arrive in {options.mesh_file} within {options.wait:g} s: {state}.\n"
        "The newest signature wins: if the wrong zone is there, check the clocks (`timedatectl`)"
        " and push again. If there is none, check that --mesh-file belongs to --name; data-mesher's"
        " log is `journalctl -u data-mesher`."
    )


def _check_readable(path: Path, argument: str) -> None:
    if _KEY_TEXT in str(path):
        raise Error(
            f"{argument} takes the path of a file, and got a private key. Every user of this"
            " machine could read it in the process list: make a new key with `dm-dns keygen`."
        )
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
        if is_file:
            path.open("rb").close()
    except OSError as error:
        raise _unreadable(path, argument, error) from None
    if not is_file:  # data-mesher opens it again: a pipe, as of <(...), would be empty by then
        raise Error(f"{argument} {path}: not a regular file. Give the path of one.")


def _unreadable(path: Path, argument: str, error: OSError) -> Error:
    remedy = "Check the path."
    if isinstance(error, PermissionError):
        remedy = "Are you root? Run this with sudo, or as a user who may read the file."
    return Error(f"{argument} {path}: {error.strerror}. {remedy}")


def _read_mesh_file(options: Options) -> bytes | None:
    try:
        return options.mesh_file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(options.mesh_file, "--mesh-file", error) from None


def _describe(content: bytes, options: Options) -> str:
    try:
        return _summary(zone.parse(content, options.domain, str(options.mesh_file)))
    except FileError as error:
        return f"no zone of {options.domain} ({error})"


def _summary(parsed: zone.Zone) -> str:
    return f"serial {parsed.serial}, {parsed.records} records, sha256 {parsed.sha256[:12]}"


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``dm-dns push``."""
    parser.add_argument("zone_conf", metavar="ZONE.conf", type=Path, help="the zone to push")
    parser.add_argument("--domain", required=True, type=arguments.domain, help="the clan's domain")
    parser.add_argument(
        "--key", required=True, metavar="PATH", type=Path, help="file with the private signing key"
    )
    parser.add_argument(
        "--network-id",
        required=True,
        metavar="PATH",
        type=Path,
        help="file with the mesh network's public key",
    )
    parser.add_argument(
        "--url", default="http://localhost:7331", help="address of data-mesher (%(default)s)"
    )
    parser.add_argument("--name", default="dns/cnames", help="the mesh file's name (%(default)s)")
    parser.add_argument(
        "--mesh-file",
        metavar="PATH",
        type=Path,
        default=Path("/var/lib/data-mesher/files/home/dns/cnames"),
        help="this machine's copy of the mesh file (%(default)s)",
    )
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=_seconds,
        default=60.0,
        help="how long to wait for data-mesher, and again for the zone to arrive (%(default)g)",
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= _LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"{text!a} is no number from 0 to {_LONGEST_WAIT:g}")
    return seconds


def run(args: argparse.Namespace) -> int:
    """Run ``dm-dns push``; return its exit status."""
    options = Options(**{field.name: getattr(args, field.name) for field in fields(Options)})
    print(push(options))
    return 0
