"""Checkout: an admin's checkout of the clan's flake, and what its vars hold for a push."""

import argparse
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dm_dns.errors import Error
from dm_dns.push import data_mesher, key_source, user_files
from dm_dns.zone import conf

_GENERATOR: Final = "dm-dns-signing-key"
_SECRET: Final = f"{_GENERATOR}/signing.key"


class Checkout:
    """A directory with a clan's flake and its vars."""

    def __init__(self, directory: Path) -> None:
        """Look at nothing yet."""
        # A path that starts with a - would be an option of data-mesher.
        self.directory = directory.absolute()

    @property
    def zone_conf(self) -> Path:
        """The zone of the clan."""
        return self._public("dm-dns/zone.conf")

    @property
    def network_id(self) -> Path:
        """The public key of data-mesher's network."""
        return self._public("data-mesher-network/network.pub")

    @property
    def public_key(self) -> Path:
        """The public key that nodes know."""
        return self._public(f"{_GENERATOR}/signing.pub")

    def _public(self, var: str) -> Path:
        """Return the file of a public var that all machines share.

        Raises:
            Error: there is none.

        """
        path = self.directory / "vars/shared" / var / "value"
        try:
            path.open("rb").close()
        except (FileNotFoundError, NotADirectoryError):
            raise Error(
                f"--flake {self.directory} has no vars/shared/{var}/value. Is it the directory of"
                " the clan's vars, and does the clan have a push machine? `clan vars generate`"
                " makes them."
            ) from None
        except OSError as error:
            raise user_files.unreadable(str(path), error) from None
        return path

    def push_machine(self) -> str:
        """Return a machine that has the private key.

        Raises:
            Error: the checkout does not show one.

        """
        found = self._machines_of_sops() or self._machines_of_age()
        if not found:
            raise Error(
                f"--flake {self.directory} does not show which machines have the private key, as"
                " it does where sops or age keep it. Name one that has the role push with"
                " --machine NAME."
            )
        return found[0]

    def _machines_of_sops(self) -> list[str]:
        """Return the machines for which sops encrypted the key."""
        folder = self.directory / "vars/shared" / _SECRET / "machines"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def _machines_of_age(self) -> list[str]:
        """Return the machines among those for which the store age encrypted the key."""
        secrets = self.directory / "secrets"
        name = Path(_SECRET).name
        try:
            lines = secrets / "clan-vars/shared" / _SECRET / f"{name}.age.recipients"
            recipients = lines.read_text().split()
            keys = {path: path.read_text() for path in secrets.glob("age-keys/machines/*/pub")}
        except (OSError, UnicodeDecodeError):
            return []
        return sorted(path.parent.name for path, key in keys.items() if key.strip() in recipients)


def zone_of(args: argparse.Namespace) -> tuple[Path | None, str]:
    """Return the zone.conf and the domain that the parsed arguments say; misuse if none.

    Where neither is needed nor given, there is no zone.conf.

    Raises:
        FileError: the checkout's zone.conf names no domain.
        Error: the checkout has no zone.conf.

    """
    path, domain = args.zone_conf, args.domain
    if args.flake and path is None and not (domain and _needs_no_zone(args)):
        path = Checkout(args.flake).zone_conf
    if args.flake and domain is None:
        user_files.check(path, "ZONE.conf")
        domain = conf.domain_of(path.read_bytes(), str(path))
    if domain is None:
        args.misuse("without --flake, --domain is required")
    return path, domain


def _needs_no_zone(args: argparse.Namespace) -> bool:
    return getattr(args, "delete", False) or getattr(args, "rollback", None) is not None


@contextmanager
def key_of(args: argparse.Namespace, public_key: Path | None) -> Iterator[data_mesher.Key]:
    """Return the private key that the parsed arguments say, while its file is there.

    One that a command printed has been checked by then.

    Args:
        args: the parsed arguments, of which --flake, --key or --key-command is given.
        public_key: the file of the public key that the private one must belong to, if any.

    Raises:
        Error: there is no key, or not the right one.

    """
    if args.key:
        yield data_mesher.Key.of(args.key)
        return
    if args.key_command:
        name, remedy = "--key-command", "It must print the clan's signing.key, and nothing else."
        printed = key_source.output_of(["sh", "-c", args.key_command], name, remedy=remedy)
    else:
        checkout = Checkout(args.flake)
        command = ["clan", "vars", "get", args.machine or checkout.push_machine(), _SECRET]
        name = f"`{shlex.join(command)}`"
        remedy = (
            f"Try it in {checkout.directory}, in its development shell: it must print the key."
            " Another machine with the role push can be given with --machine, and any other way to"
            " the key with --key-command."
        )
        # clan takes this for the flake, and then does not look where it runs.
        environment = {key: value for key, value in os.environ.items() if key != "CLAN_DIR"}
        printed = key_source.output_of(
            command,
            name,
            remedy=remedy,
            directory=checkout.directory,
            environment=environment,
        )
    pem = key_source.check(printed, name, remedy=remedy, public_key=public_key)
    with key_source.in_memory(pem) as descriptor:
        yield data_mesher.Key(Path(f"/dev/fd/{descriptor}"), f"printed by {name}", [descriptor])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--flake``."""
    parser.set_defaults(misuse=parser.error)
    parser.add_argument(
        "--flake",
        metavar="DIR",
        type=Path,
        help="a checkout of the clan's flake; the zone, the domain and the keys that are not given"
        " are taken from it",
    )


def add_key_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that say where the private key is from."""
    group = parser.add_argument_group(
        "the private key", "With --flake and no --key or --key-command, `clan vars get` prints it."
    )
    source = group.add_mutually_exclusive_group()
    source.add_argument("--key", metavar="PATH", type=Path, help="the key's file")
    source.add_argument(
        "--key-command",
        metavar="COMMAND",
        type=_command,
        help="a shell command that prints the key",
    )
    source.add_argument(
        "--machine",
        metavar="NAME",
        type=_machine,
        help="a machine with the role push, for `clan vars get`",
    )


def _command(text: str) -> str:
    if user_files.has_key(text):
        raise argparse.ArgumentTypeError(user_files.key_in_arguments("a command"))
    return text


def _machine(text: str) -> str:
    if not text or text.startswith("-"):
        raise argparse.ArgumentTypeError(f"{text!a} is no machine's name")
    return text
