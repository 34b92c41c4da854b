"""What NixOS and clan-core add to an evaluated machine, which no snapshot has: by hand.

Each is what NixOS 26.05 does, as far as dm-dns can tell. checks/README.md has the rest.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from ipaddress import IPv6Network, ip_address
from typing import Any, Final

from checks.containers.evaluated import ENVIRONMENT, STORE, UNITS

DATA_MESHER: Final = f"{STORE}/data-mesher"
UNBOUND: Final = f"{STORE}/unbound/bin/unbound"
GATEWAY: Final = "192.168.1.254"
"""The address of this machine in the network of the containers; a DNS server answers there."""
GATEWAY_LINK: Final = "02:00:00:00:01:fe"
"""Its link address, by which machines know their local network (checks/module/cases/nodes.nix)."""
_YGGDRASIL: Final = IPv6Network("200::/7")
MESH_CONFIG: Final = f"{STORE}/data-mesher.json"

_MESH_PORT: Final = 7946

# Without After=network.target, which the module takes away; a drop-in cannot (systemd.unit(5)).
_UNBOUND_SERVICE: Final = f"""\
[Unit]
Description=Unbound recursive Domain Name Server
Before=nss-lookup.target

[Service]
Type=notify
NotifyAccess=main
Environment="{ENVIRONMENT[0]}" "{ENVIRONMENT[1]}"
ExecStartPre={UNBOUND}-control-setup -d /var/lib/unbound
ExecStart={UNBOUND} -p -d -c /etc/unbound/unbound.conf
ExecReload=+/bin/kill -HUP $MAINPID
User=unbound
Group=unbound
ConfigurationDirectory=unbound
RuntimeDirectory=unbound
StateDirectory=unbound
Restart=on-failure
RestartSec=5s
AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_NET_RAW
CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_NET_RAW
LockPersonality=true
MemoryDenyWriteExecute=true
NoNewPrivileges=true
PrivateDevices=true
PrivateTmp=true
ProcSubset=pid
ProtectClock=true
ProtectControlGroups=true
ProtectHome=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectProc=invisible
ProtectSystem=strict
ReadWritePaths=/var/lib/unbound
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""

_DATA_MESHER_SERVICE: Final = f"""\
[Unit]
Description=Fake data-mesher
After=network.target

[Service]
Environment="{ENVIRONMENT[0]}" "{ENVIRONMENT[1]}"
ExecStart={DATA_MESHER}/bin/data-mesher server --config {MESH_CONFIG}
User=data-mesher
Group=data-mesher
StateDirectory=data-mesher
StateDirectoryMode=0750
UMask=0027
Restart=on-failure
RestartSec=1s

[Install]
WantedBy=multi-user.target
"""

# NixOS's nsswitch.conf with systemd-resolved.
_NSSWITCH: Final = """\
passwd:    files systemd
group:     files [success=merge] systemd
shadow:    files
sudoers:   files
hosts:     mymachines resolve [!UNAVAIL=return] files myhostname dns
networks:  files
ethers:    files
services:  files
protocols: files
rpc:       files
"""

# NixOS has none of these, and what they start takes time that belongs to the containers.
_MASKED: Final = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "dpkg-db-backup.timer",
    "fstrim.timer",
    "systemd-networkd-persistent-storage.service",
    "systemd-networkd-wait-online.service",
    "unbound-resolvconf.service",
)
# Newer than /usr: nothing is to be rebuilt at the first boot.
_UPDATED: Final = ("/etc/.updated", "/var/.updated")
# What NixOS has in /etc too as files, and not as links.
_WRITABLE: Final = {"/etc/machine-id", *_UPDATED}
_ENABLED: Final = {
    "multi-user.target": ("data-mesher.service", "unbound.service"),
    "nss-lookup.target": ("unbound.service",),
    "sysinit.target": ("systemd-networkd.service",),
}


def files() -> dict[str, str]:
    """Return the files that all machines have."""
    return {
        f"{UNITS}/data-mesher.service": _DATA_MESHER_SERVICE,
        f"{UNITS}/unbound.service": _UNBOUND_SERVICE,
        **dict.fromkeys(_UPDATED, ""),
        "/etc/nsswitch.conf": _NSSWITCH,
        "/etc/sysusers.d/data-mesher.conf": "u data-mesher -\n",
    }


def links() -> dict[str, str]:
    """Return the symbolic links that all machines have."""
    wanted = {
        f"{UNITS}/{target}.wants/{unit}": (
            f"/usr/lib/systemd/system/{unit}" if unit.startswith("systemd-") else f"{UNITS}/{unit}"
        )
        for target, units in _ENABLED.items()
        for unit in units
    }
    masked = {f"{UNITS}/{unit}": "/dev/null" for unit in _MASKED}
    etc = {
        "/etc/resolv.conf": "../run/systemd/resolve/stub-resolv.conf",
        "/etc/systemd/system": UNITS,
    }
    return {**wanted, **masked, **etc}


def in_store(files: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return files with those of /etc in the store, where NixOS has them, and the links to them."""
    links = {
        path: f"{STORE}{path}"
        for path in files
        if path.startswith("/etc/") and path not in _WRITABLE
    }
    return {links.get(path, path): text for path, text in files.items()}, links


def link_address(number: int) -> str:
    """Return the address that a machine has on its link, as NixOS tests number machines from 1."""
    return f"192.168.1.{number}"


def certificate(begins: int) -> bytes:
    """Return what is a certificate of data-mesher as far as dm-dns can tell, for 90 days."""
    ends = begins + 90 * 86400
    return struct.pack(">32sQQ64s64s", b"key", begins, ends, b"data-mesher", b"signature")


def own_files(  # noqa: PLR0913 - each is a fact of its own
    name: str,
    addresses: Mapping[str, list[str]],
    machine: Mapping[str, Any],
    signing_pub: str,
    network_id: str,
    *,
    domain: str,
) -> dict[str, str]:
    """Return the files that one machine has.

    Args:
        name: of the machine.
        domain: of the clan.
        addresses: of all machines, that of the link first.
        machine: its snapshot.
        signing_pub: the key that signs the zone; nobody has the private one of the snapshot's.
        network_id: the path of the mesh network's public key.

    """
    mesh = {
        "cluster": {
            "peers": [
                f"{link}:{_MESH_PORT}" for peer, (link, *_) in addresses.items() if peer != name
            ],
            "push_pull_interval": machine[
                "services.data-mesher.settings.cluster.push_pull_interval"
            ],
        },
        "network": {
            "id": network_id,
            "files": {
                file: [signing_pub]
                for file in machine["services.data-mesher.settings.network.files"]
            },
        },
    }
    # As NixOS with clan-core's default: networking.domain is the clan's.
    own = f"{name}.{domain} {name}"
    hosts = ["127.0.0.1 localhost", "::1 localhost", f"127.0.0.2 {own}", f"::1 {own}"]
    if not machine["networking.enableIPv6"]:
        hosts = [line for line in hosts if not line.startswith("::1")]
    # Only `compare` evaluates this: checks/compare/sides.nix.
    for address, names in machine.get("networking.hosts", {}).items():
        hosts.append(f"{address} {' '.join(names)}")
    network = [
        "[Match]",
        "Name=host0",
        "[Network]",
        f"DNS={GATEWAY}",
        "LinkLocalAddressing=no",
        "IPv6AcceptRA=no",
        *_address_sections(addresses[name]),
    ]
    return {
        MESH_CONFIG: json.dumps(mesh),
        "/etc/hostname": f"{name}\n",
        "/etc/hosts": "\n".join(hosts) + "\n",
        "/etc/systemd/network/10-host0.network": "\n".join(network) + "\n",
    }


def _address_sections(addresses: list[str]) -> Iterator[str]:
    """Yield the lines that give a link addresses: those of VPNs too, which need no VPN here."""
    for address in addresses:
        length = 24 if "." in address else 7 if ip_address(address) in _YGGDRASIL else 64
        yield "[Address]"
        yield f"Address={address}/{length}"
        yield "DuplicateAddressDetection=none"
