"""nginx and caddy as NixOS has them: their units, and configurations with the virtual hosts.

The units have the settings of NixOS's modules, by hand. Of a virtual host, a configuration has what
checks/module/nixos-options.nix knows.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from checks.containers.evaluated import STORE, UNITS

_NGINX_CONF: Final = f"{STORE}/nginx.conf"
_NGINX: Final = f"/usr/sbin/nginx -c {_NGINX_CONF}"
_CADDYFILE: Final = "/etc/caddy/caddy_config"

_NGINX_SERVICE: Final = f"""\
[Unit]
Description=Nginx Web Server
After=network.target
StartLimitIntervalSec=60

[Service]
ExecStartPre={_NGINX} -t
ExecStart={_NGINX}
ExecReload={_NGINX} -t
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=10s
User=nginx
Group=nginx
RuntimeDirectory=nginx
RuntimeDirectoryMode=0750
CacheDirectory=nginx
CacheDirectoryMode=0750
LogsDirectory=nginx
LogsDirectoryMode=0750
ProcSubset=pid
ProtectProc=invisible
UMask=0027
AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_SYS_RESOURCE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SYS_RESOURCE
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true
PrivateDevices=true
ProtectHostname=true
ProtectClock=true
ProtectKernelTunables=true
ProtectKernelModules=true
ProtectKernelLogs=true
ProtectControlGroups=true
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=true
LockPersonality=true
MemoryDenyWriteExecute=true
RestrictRealtime=true
RestrictSUIDSGID=true
RemoveIPC=true
PrivateMounts=true
SystemCallArchitectures=native
SystemCallFilter=~@cpu-emulation @debug @keyring @mount @obsolete @privileged @setuid
SystemCallFilter=~@ipc
"""
# Where NixOS's nginx has these by its build, and Debian's has others.
_NGINX_PATHS: Final = "".join(
    f"{kind}_temp_path /tmp/nginx_{kind};\n"
    for kind in ("client_body", "fastcgi", "proxy", "scgi", "uwsgi")
)

# What NixOS adds to caddy's own unit, which Debian has too.
_CADDY_OVERRIDES: Final = f"""\
[Unit]
StartLimitBurst=10
StartLimitIntervalSec=14400

[Service]
ExecStart=
ExecStart=/usr/bin/caddy run --config {_CADDYFILE} --adapter caddyfile
ExecReload=
ExecReload=/usr/bin/caddy reload --config {_CADDYFILE} --adapter caddyfile --force
User=caddy
Group=caddy
ReadWritePaths=/var/lib/caddy
StateDirectory=caddy
LogsDirectory=caddy
Restart=on-failure
RestartPreventExitStatus=1
RestartSec=5s
NoNewPrivileges=true
PrivateDevices=true
ProtectHome=true
"""


def files(machine: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of the web servers that a machine has, by their path."""
    found = {}
    if machine["services.nginx.enable"]:
        found[f"{UNITS}/nginx.service"] = _NGINX_SERVICE
        found[_NGINX_CONF] = _nginx_conf(machine)
        found["/etc/sysusers.d/nginx.conf"] = "u nginx -\n"
    if machine["services.caddy.enable"]:
        found[f"{UNITS}/caddy.service.d/overrides.conf"] = _CADDY_OVERRIDES
        found[_CADDYFILE] = "".join(_caddyfile(machine["services.caddy.virtualHosts"]))
    return found


def links(machine: Mapping[str, Any]) -> dict[str, str]:
    """Return the symbolic links that start them."""
    units = {"nginx": f"{UNITS}/nginx.service", "caddy": "/usr/lib/systemd/system/caddy.service"}
    return {
        f"{UNITS}/multi-user.target.wants/{name}.service": unit
        for name, unit in units.items()
        if machine[f"services.{name}.enable"]
    }


def _nginx_conf(machine: Mapping[str, Any]) -> str:
    default = machine["services.nginx.defaultListenAddresses"]
    servers = (
        _server(name, host, host.get("listenAddresses", default))
        for name, host in machine["services.nginx.virtualHosts"].items()
    )
    return (
        "pid /run/nginx/nginx.pid;\nerror_log stderr;\ndaemon off;\nevents {\n}\n"
        f"http {{\n{_NGINX_PATHS}{''.join(servers)}}}\n"
    )


def _server(name: str, host: Mapping[str, Any], addresses: list[str]) -> str:
    names = " ".join([host.get("serverName", name), *host.get("serverAliases", [])])
    lines = [
        *(f"listen {address}:80;" for address in addresses),
        f"server_name {names};",
        host.get("extraConfig", ""),
    ]
    return "server {\n" + "\n".join(lines) + "\n}\n"


def _caddyfile(virtual_hosts: Mapping[str, Any]) -> Iterator[str]:
    yield "{\nlog {\nlevel ERROR\n}\n}\n"
    for name, host in virtual_hosts.items():
        host_name = host.get("hostName", name)
        names = " ".join([host_name, *host.get("serverAliases", [])])
        addresses = host.get("listenAddresses")
        bind = f"bind {' '.join(addresses)}\n" if addresses else ""
        log = f"log {{\noutput file /var/log/caddy/access-{host_name.replace('/', '_')}.log\n}}\n"
        yield f"{names} {{\n{bind}{log}{host.get('extraConfig', '')}\n}}\n"
