"""The containers' file systems: overlays over the Debian root, with what the module configures.

One layer has what all machines share: the packages at their paths in the store, and what the
evaluated generators made. A second one, for each machine, has the rest.
"""

import itertools
import json
import re
import shlex
import shutil
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dm_dns

import checks
from checks.containers import evaluated, nixos, web_servers
from checks.containers.container_errors import ContainerError

_PYTHON: Final = "/usr/bin/python3"
_SITE_PACKAGES: Final = "lib/python3/site-packages"
_DM_DNS: Final = f"{evaluated.STORE}/dm-dns"
_SOURCE: Final = Path(checks.__file__).parents[1]
_GENERATOR: Final = "clan.core.vars.generators."

_ENTRY: Final = """\
#!{python} -B
import sys
sys.path.insert(0, "{site_packages}")
from {module} import main
sys.exit(main())
"""
_SHELL_APPLICATION: Final = """\
#!/bin/bash
set -o errexit -o nounset -o pipefail
export PATH="{path}:$PATH"
{text}"""


@dataclass(frozen=True, kw_only=True)
class Image:
    """What all machines share."""

    layers: tuple[Path, ...]
    """The folders to overlay, uppermost first."""
    spec: dict[str, Any]
    """The zone spec they are deployed with."""
    signing_key: Path
    signing_pub: str
    key_path: str
    """Where the push machine has the signing key."""
    network_id: str
    """Where all machines have the mesh network's public key."""
    certificate: Path
    """data-mesher's, for all machines."""


def build(machines: Mapping[str, Any], root: Path, directory: Path) -> Image:
    """Make the layer that all machines share, in an empty folder.

    Raises:
        ContainerError: a program of the image failed, or the snapshot is not as expected.

    """
    layer, work, merged = (directory / name for name in ("layer", "work", "merged"))
    for folder in (layer, work, merged):
        folder.mkdir()
    mount(merged, upper=layer, work=work, lower=(root,))
    try:
        _install_packages(merged)
        everyone = next(iter(machines.values()))
        disabled = "avahi-daemon.service avahi-daemon.socket caddy.service nginx.service"
        _chroot(merged, f"systemctl --quiet disable {disabled}")
        # NixOS leaves mDNS on, so that resolved owns UDP port 5353 as well.
        (merged / "usr/lib/systemd/resolved.conf.d/00-disable-mdns.conf").unlink()
        # What Debian has enabled, to where the units of NixOS are.
        shutil.move(merged / "etc/systemd/system", merged / evaluated.UNITS.lstrip("/"))
        files, links = nixos.in_store(
            {**nixos.files(), **evaluated.files(everyone), **web_servers.files(everyone)}
        )
        write(merged, files, {**links, **nixos.links()})
        _chroot(merged, "systemd-sysusers")
        _chroot(merged, f"{_PYTHON} -m compileall -q {_DM_DNS} {nixos.DATA_MESHER}")
        return _generate(machines, merged, (layer, root), directory)
    finally:
        subprocess.run(["umount", merged], check=True)


def write(root: Path, files: Mapping[str, str], links: Mapping[str, str]) -> None:
    """Write files and symbolic links below ``root``."""
    for path, text in files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)
    for path, target in links.items():
        link = root / path.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def write_own(
    root: Path,
    name: str,
    machine: Mapping[str, Any],
    addresses: Mapping[str, list[str]],
    image: Image,
) -> None:
    """Write what one machine has of its own below ``root``."""
    # Nobody has the private half of the evaluated key.
    (key,) = machine["services.data-mesher.settings.network.files"]["dns/cnames"]
    own = {
        path: text.replace(_as_json(key), _as_json(image.signing_pub))
        for path, text in evaluated.files(machine).items()
    }
    files, links = nixos.in_store(
        {
            "/etc/machine-id": f"{uuid.uuid4().hex}\n",
            **nixos.own_files(
                name,
                addresses,
                machine,
                image.signing_pub,
                image.network_id,
                domain=image.spec["domain"],
            ),
            **own,
            **web_servers.files(machine),
        }
    )
    links |= {**evaluated.links(machine), **web_servers.links(machine)}
    for key, value in machine.items():
        if key.startswith("environment.systemPackages.") and "text" in value:
            command = key.removeprefix("environment.systemPackages.")
            path = ":".join(f"{package}/bin" for package in value["runtimeInputs"])
            files[f"/usr/local/bin/{command}"] = _SHELL_APPLICATION.format(
                path=path, text=value["text"]
            )
    write(root, files, links)
    for program in (root / "usr/local/bin").glob("dm-*"):
        program.chmod(0o755)


def _as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def is_pusher(machine: Mapping[str, Any]) -> bool:
    """Tell whether a machine has the role push."""
    return f"{_GENERATOR}dm-dns-signing-key" in machine


def mount(target: Path, *, upper: Path, work: Path, lower: tuple[Path, ...]) -> None:
    """Mount an overlay."""
    options = f"lowerdir={':'.join(map(str, lower))},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", target], check=True)


def _install_packages(root: Path) -> None:
    package = root / _DM_DNS.lstrip("/")
    sources = package / _SITE_PACKAGES / "dm_dns"
    _copy(Path(dm_dns.__file__).parent, sources)
    fake = root / nixos.DATA_MESHER.lstrip("/")
    _copy(_SOURCE / "checks/fake_data_mesher", fake / _SITE_PACKAGES / "checks/fake_data_mesher")
    shutil.copy(checks.__file__, fake / _SITE_PACKAGES / "checks")
    for folder, program, module in (
        (_DM_DNS, "dm-dns", "dm_dns.cli"),
        (nixos.DATA_MESHER, "data-mesher", "checks.fake_data_mesher.cli"),
    ):
        path = f"{folder}/bin/{program}"
        entry = _ENTRY.format(
            python=_PYTHON, site_packages=f"{folder}/{_SITE_PACKAGES}", module=module
        )
        _write_program(root / path.lstrip("/"), entry)
        write(root, {}, {f"/usr/local/bin/{program}": path})
    write(root, {}, {f"{evaluated.STORE}/coreutils/bin": "/usr/bin"})
    # At a path of its own, because a profile of this machine's AppArmor may be for Debian's.
    unbound = root / nixos.UNBOUND.lstrip("/")
    unbound.parent.mkdir(parents=True)
    for program in ("unbound", "unbound-control", "unbound-control-setup"):
        shutil.copy(root / "usr/sbin" / program, unbound.parent)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "tests"))


def _write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _generate(
    machines: Mapping[str, Any], root: Path, layers: tuple[Path, ...], directory: Path
) -> Image:
    """Run the evaluated generators, and put what they make where it is deployed."""
    pusher = next(machine for machine in machines.values() if is_pusher(machine))
    command = shlex.split(pusher["environment.systemPackages.dm-send-dns"]["text"])
    options = dict(itertools.pairwise(command))
    zone_conf, key_path, network_id = options["push"], options["--key"], options["--network-id"]

    generator = pusher[f"{_GENERATOR}dm-dns"]
    spec: dict[str, Any] = generator["validation"]["zoneContent"]
    spec_file = re.search(r"/nix/store/\S+\.json", generator["script"])
    if spec_file is None:
        raise ContainerError("the generator dm-dns reads no zone spec")
    write(root, {spec_file[0]: json.dumps(spec)}, {})
    (root / "tmp/out").mkdir()
    for name in ("dm-dns", "dm-dns-signing-key"):
        _chroot(root, f"out=/tmp/out; {pusher[_GENERATOR + name]['script']}")
    _chroot(
        root,
        "cd /tmp/out && data-mesher generate network --private-key-path network.key"
        " --public-key-path network.pub",
    )
    made = root / "tmp/out"
    write(
        root,
        {
            zone_conf: (made / "zone.conf").read_text(),
            options["--public-key"]: (made / "signing.pub").read_text(),
            network_id: (made / "network.pub").read_text(),
        },
        {},
    )
    signing_key = directory / "signing.key"
    shutil.copy(made / "signing.key", signing_key)
    certificate = directory / "identity.cert"
    certificate.write_bytes(nixos.certificate(int(time.time())))
    certificate.chmod(0o400)
    image = Image(
        layers=layers,
        spec=spec,
        signing_key=signing_key,
        signing_pub=(made / "signing.pub").read_text(),
        key_path=key_path,
        network_id=network_id,
        certificate=certificate,
    )
    shutil.rmtree(made)
    return image


def _chroot(root: Path, script: str) -> None:
    run = subprocess.run(
        ["chroot", root, "/bin/bash", "-euc", script],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    if run.returncode:
        raise ContainerError(f"in the image, {script!r} failed: {run.stderr.strip()}")
