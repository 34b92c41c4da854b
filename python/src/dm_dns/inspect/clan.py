"""The clan file: which machines there are, and who exports which name.

The module writes it to every machine, where `zone.conf` has no more than names and addresses. In a
checkout it is evaluated. Its keys: ``spec``, the zone spec; ``serving``, an object that has a key
for each machine with the role default, with the addresses in its setting ``listen``; ``devices``,
an object that has a key for each device, with the machines whose settings have it: no machine if it
is set for the role, and so for all; and ``wholeDomain``, as the setting.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.json_fields import JsonFields
from dm_dns.output import one_line
from dm_dns.zone import limits, spec
from dm_dns.zone.spec import Spec

PATH: Final = Path("/etc/dm-dns/clan.json")

# Of the machines, the first that has dm-dns; the others are not evaluated.
_EXPRESSION: Final = """\
machines:
let
  clan = name: machines.${name}.config.services.dm-dns.clan or null;
  find =
    names:
    if names == [ ] then
      throw "no machine of this flake has the role default of dm-dns"
    else if clan (builtins.head names) == null then
      find (builtins.tail names)
    else
      clan (builtins.head names);
in
find (builtins.attrNames machines)
"""
_FEATURES: Final = ("--extra-experimental-features", "nix-command flakes")


class Clan(NamedTuple):
    """What the clan file says."""

    spec: Spec
    serving: Mapping[str, tuple[str, ...]]
    """The machines with the role default, with the addresses where they answer other devices."""
    devices: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """The machines whose settings have a device, by its name; none: the settings of the role."""
    whole_domain: bool = True
    """Whether nobody else has names of the domain."""


def read(path: Path) -> Clan:
    """Read the clan file at ``path``.

    Raises:
        OSError: it cannot be read.
        Error: it is not a valid clan file.

    """
    return parse(files.read(path, limits.MAX_SPEC), str(path))


def parse(content: bytes, where: str) -> Clan:
    """Return what the ``content`` of a clan file says; messages begin with ``where``.

    Raises:
        Error: it is not a valid clan file.

    """
    fields = JsonFields(where, files.parse_json(content, where))
    return Clan(
        spec=spec.from_json(fields.value("spec"), where),
        serving=fields.object("serving").members(_listen),
        devices=fields.object("devices").members(_machines) if fields.has("devices") else {},
        whole_domain=fields.boolean("wholeDomain") if fields.has("wholeDomain") else True,
    )


def _listen(machines: JsonFields, name: str) -> tuple[str, ...]:
    return tuple(machines.object(name).texts("listen"))


def _machines(devices: JsonFields, name: str) -> tuple[str, ...]:
    return tuple(devices.texts(name))


def evaluate(directory: Path) -> Clan:
    """Return what the clan file of the flake in ``directory`` says.

    Raises:
        Error: Nix is missing, or the flake cannot be evaluated.

    """
    command = ["nix", *_FEATURES, "eval", "--raw", "--no-write-lock-file", ".#nixosConfigurations"]
    try:
        done = subprocess.run(
            [*command, "--apply", _EXPRESSION],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise Error(
            "nix cannot be run: put it on PATH, or name a copy of a machine's"
            f" {PATH} with --clan FILE"
        ) from None
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").splitlines()
        said = next((line for line in reversed(lines) if "error:" in line), "it gave no reason")
        raise Error(
            f"`nix eval .#nixosConfigurations` in {directory} failed: {one_line(said.strip())};"
            f" correct the flake, or name a copy of a machine's {PATH} with --clan FILE"
        )
    return parse(done.stdout, f"what Nix evaluated in {directory}")
