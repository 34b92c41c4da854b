"""The process that containers live in: `unshare … python -m checks.containers.host CASE ROOT`.

A case is one of checks/module, or the path of a JSON file with machines as `snapshot.load` returns
them. With the argument `--without-vpns` after these, machines lack the addresses that the zone has.

It is process 1 of a PID namespace of its own, with its own mounts and its own network: when it
ends, for whatever reason, the kernel ends all processes, mounts, bridges and interfaces that it or
its children made. Files are in memory, on mounts that end as well. All that it must remove itself
are cgroups.

It ends when its stdin does, so when whoever started it ends. On stdout it prints one line of JSON
when the containers boot: see `Booted`.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from checks import world
from checks.containers import cgroups, image, nixos
from checks.containers.container_errors import ContainerError
from checks.containers.evaluated import STORE
from checks.containers.image import Image
from checks.module import snapshot

WITHOUT_VPNS: Final = "--without-vpns"

_FILES: Final = Path("/run/dm-dns")
"""Where all files are: in memory, on a mount of this process's own."""

# systemd-nspawn that keeps its unit ends with this status when the machine reboots, for whoever
# started it to start it again.
_SUPERVISE: Final = """\
mount -t tmpfs tmpfs /tmp  # systemd-nspawn leaves folders there when it is killed
for group in $1; do echo $$ > "$group/cgroup.procs"; done
shift
while status=0; "$@" || status=$?; [ "$status" = 133 ]; do :; done
"""

_NSPAWN: Final = {
    # Else it gives the machine the cgroups that this one has, and systemd 258 needs version 2.
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    # The machine's own settings of the kernel's network, as with a network that nspawn makes.
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
}


@dataclass(frozen=True, kw_only=True)
class Booted:
    """What the starter of this process must know."""

    pid: int
    """Of this process, outside of its namespace."""
    supervisors: dict[str, int]
    """Of each machine, the process that runs systemd-nspawn, inside of the namespace."""
    spec: dict[str, Any]
    """The zone spec that the machines are deployed with."""
    key: str
    """Where the push machine has the signing key."""
    network_id: str
    """Where machines have the mesh network's public key."""
    pusher: str
    """The machine with the role push."""
    cgroups: list[str]
    """The folders of the machines' cgroups."""


def main() -> int:
    """Boot the machines of a case, and stay until stdin ends. Returns the exit status."""
    case, root, *flags = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # nothing is the default for process 1
    pid = int(Path("/proc/self").readlink().name)  # still the /proc of outside
    with ExitStack() as stack:
        try:
            machines = json.loads(Path(case).read_text()) if "/" in case else snapshot.load(case)
            booted = _boot(machines, Path(root), pid, stack, has_vpns=WITHOUT_VPNS not in flags)
        except ContainerError as error:
            print(error, file=sys.stderr)
            return 1
        except subprocess.CalledProcessError as error:
            print(f"{error}: {(error.stderr or b'').decode().strip()}", file=sys.stderr)
            return 1
        else:
            print(json.dumps(asdict(booted)), flush=True)
            while os.read(sys.stdin.fileno(), 1):
                pass
            return 0
        finally:
            _kill_all()  # before their cgroups are removed


def _boot(
    machines: Mapping[str, Any], root: Path, pid: int, stack: ExitStack, *, has_vpns: bool
) -> Booted:
    for kind, target in (("proc", "/proc"), ("tmpfs", "/run")):
        _run("mount", "-t", kind, kind, target)
    _FILES.mkdir()
    shared = _FILES / "shared"
    shared.mkdir()
    made = image.build(machines, root, shared)
    links = {name: nixos.link_address(number) for number, name in enumerate(machines, 1)}
    addresses = {
        name: list(dict.fromkeys([links[name], *(_plain(values["addresses"]) if has_vpns else [])]))
        for name, values in made.spec["machines"].items()
    }
    _make_network(list(machines))
    world.start(nixos.GATEWAY)
    supervisors = {}
    folders: list[str] = []
    for name, machine in machines.items():
        groups = cgroups.make(f"dm-dns.{pid}.{name}")
        for group in groups:
            stack.callback(cgroups.remove, group)
        folders += map(str, groups)
        secrets = [f"--bind-ro={made.certificate}:{path}" for path in _certificates(machine)]
        if image.is_pusher(machine):
            secrets.append(f"--bind-ro={made.signing_key}:{made.key_path}")
        supervisors[name] = _start(
            name,
            _file_system(name, machine, addresses, made),
            secrets,
            groups,
        )
    return Booted(
        pid=pid,
        supervisors=supervisors,
        spec=made.spec,
        key=made.key_path,
        network_id=made.network_id,
        cgroups=folders,
        pusher=next(name for name, machine in machines.items() if image.is_pusher(machine)),
    )


def _certificates(machine: Mapping[str, Any]) -> list[str]:
    """Return where a machine has data-mesher's certificate, if dm-dns looks at it."""
    config = machine.get("environment.etc.dm-dns/apply.json")
    path = json.loads(config["text"])["certificate"] if config else None
    return [path] if path else []


def _plain(addresses: list[str]) -> list[str]:
    """Return addresses without those on local networks, which scenarios make."""
    return [address for address in addresses if "@" not in address]


def _make_network(names: list[str]) -> None:
    """Make a bridge, and for each machine a namespace with an interface that leads to it."""
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "bridge", "type", "bridge", "forward_delay", "0")
    _run("ip", "link", "set", "bridge", "address", nixos.GATEWAY_LINK)
    _run("ip", "address", "add", f"{nixos.GATEWAY}/24", "dev", "bridge")
    _run("ip", "link", "set", "bridge", "up")
    for number, name in enumerate(names):
        port = f"port{number}"
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", port, "type", "veth", "peer", "name", "host0", "netns", name)
        _run("ip", "link", "set", port, "master", "bridge", "up")


def _file_system(
    name: str, machine: Mapping[str, Any], addresses: Mapping[str, list[str]], shared: Image
) -> Path:
    """Make what one machine has of its own; return where its files are mounted."""
    directory = _FILES / name
    upper, work, root = (directory / part for part in ("upper", "work", "root"))
    for folder in (directory, upper, work, root):
        folder.mkdir()
    image.write_own(upper, name, machine, addresses, shared)
    image.mount(root, upper=upper, work=work, lower=shared.layers)
    return root


def _start(name: str, root: Path, key: list[str], groups: list[Path]) -> int:
    """Start one machine; return the process that runs systemd-nspawn."""
    command = [
        "systemd-nspawn",
        "--quiet",
        "--boot",
        "--keep-unit",
        "--register=no",
        "--console=read-only",
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        "--capability=CAP_NET_ADMIN",
        f"--directory={root}",
        f"--machine={name}",
        f"--network-namespace-path=/run/netns/{name}",
        f"--bind-ro=+{STORE}:{STORE}",  # as NixOS does
        *key,
    ]
    supervise = ["unshare", "--mount", "sh", "-euc", _SUPERVISE, "sh"]
    with (root.parent / "console").open("wb") as console:
        process = subprocess.Popen(
            [*supervise, " ".join(map(str, groups)), *command],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env={**os.environ, **_NSPAWN},
        )
    return process.pid


def _kill_all() -> None:
    """End all other processes of the namespace."""
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
