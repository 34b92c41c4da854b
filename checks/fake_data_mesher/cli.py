"""The command `data-mesher` of the fake."""

import argparse
import sys
import time
from http import HTTPStatus
from pathlib import Path

from checks.fake_data_mesher import config, daemon, keys
from checks.fake_data_mesher.client import call
from checks.fake_data_mesher.gotime import parse_duration
from checks.fake_data_mesher.mesh_errors import MeshError
from checks.fake_data_mesher.mesh_port import FILES, MAX_BODY
from checks.fake_data_mesher.statement import MAX_CONTENT, MeshEntry, check_name, sign


def _duration(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


def _send(args: argparse.Namespace, entry: MeshEntry) -> None:
    url = args.url.rstrip("/")
    status, answer = call("POST", url + FILES, entry.dump(), limit=MAX_BODY)
    reason = answer.decode(errors="replace").strip()
    if status != HTTPStatus.OK:
        raise MeshError(f"{url} refused {entry.statement.name!r}: {reason}")


def _server(args: argparse.Namespace) -> None:
    daemon.run(config.load(args.config))


def _update(args: argparse.Namespace) -> None:
    name = args.path.name if args.name is None else args.name
    try:
        content = args.path.read_bytes()
    except OSError as e:
        raise MeshError(f"{args.path}: cannot read the file: {e.strerror}") from None
    if len(content) > MAX_CONTENT:
        raise MeshError(f"{args.path}: over {MAX_CONTENT} bytes")
    entry = sign(
        keys.read_private(args.key),
        network=keys.read_public(args.network_id),
        name=check_name(name),
        content=content,
        now=time.time_ns(),
        valid_for=args.valid_for,
    )
    _send(args, entry)
    sys.stderr.write(f"updated {name} ({len(content)} bytes)\n")


def _delete(args: argparse.Namespace) -> None:
    entry = sign(
        keys.read_private(args.key),
        network=keys.read_public(args.network_id),
        name=check_name(args.name),
        content=None,
        now=time.time_ns(),
    )
    _send(args, entry)
    sys.stderr.write(f"deleted {args.name}\n")


def _generate(args: argparse.Namespace) -> None:
    keys.generate(args.private_key_path, args.public_key_path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="data-mesher", description="A fake data-mesher v2, for tests.", allow_abbrev=False
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    server = commands.add_parser("server", help="run the daemon", allow_abbrev=False)
    server.add_argument("--config", type=Path, required=True, help="JSON: see checks/README.md")
    server.set_defaults(run=_server)

    file = commands.add_parser("file", help="change a file of the mesh", allow_abbrev=False)
    actions = file.add_subparsers(required=True, metavar="ACTION")
    sender = argparse.ArgumentParser(add_help=False)
    sender.add_argument("--url", default="http://localhost:7331", help="HTTP of a daemon")
    sender.add_argument("--key", type=Path, required=True, help="private key, PEM")
    sender.add_argument("--network-id", type=Path, required=True, help="network's public key, PEM")
    update = actions.add_parser("update", parents=[sender], allow_abbrev=False)
    update.add_argument("path", type=Path)
    update.add_argument("--name", help="name in the mesh (default: the base name of PATH)")
    update.add_argument("--valid-for", type=_duration, metavar="DURATION", help='such as "12h"')
    update.set_defaults(run=_update)
    delete = actions.add_parser("delete", parents=[sender], allow_abbrev=False)
    delete.add_argument("name")
    delete.set_defaults(run=_delete)

    generate = commands.add_parser("generate", help="make a pair of keys", allow_abbrev=False)
    kinds = generate.add_subparsers(required=True, metavar="KIND")
    for kind in ("signing-key", "network", "identity-key"):
        pair = kinds.add_parser(kind, allow_abbrev=False)
        pair.add_argument("--private-key-path", type=Path, required=True)
        pair.add_argument("--public-key-path", type=Path, required=True)
        pair.set_defaults(run=_generate)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns 0, or 1 after an error on stderr; misuse exits with 2."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except MeshError as e:
        sys.stderr.write(f"data-mesher: {e}\n")
        return 1
    return 0
