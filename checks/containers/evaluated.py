"""An evaluated machine (checks/module/snapshots) as the files that NixOS would make of it."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from checks.containers.container_errors import ContainerError

STORE: Final = "/nix/store"
UNITS: Final = f"{STORE}/etc/systemd/system"
"""What /etc/systemd/system is a link to."""

_SECTIONS: Final = {
    "services": "Service",
    "paths": "Path",
    "sockets": "Socket",
    "timers": "Timer",
}
_SUFFIXES: Final = {"services": "service", "paths": "path", "sockets": "socket", "timers": "timer"}
# NixOS's options of a unit, and what they are in its [Unit] section.
_UNIT_KEYS: Final = {
    "after": "After",
    "before": "Before",
    "conflicts": "Conflicts",
    "description": "Description",
    "onFailure": "OnFailure",
    "onSuccess": "OnSuccess",
    "requires": "Requires",
    "startLimitBurst": "StartLimitBurst",
    "startLimitIntervalSec": "StartLimitIntervalSec",
    "wants": "Wants",
}
_LISTEN: Final = {"listenDatagrams": "ListenDatagram", "listenStreams": "ListenStream"}
# NixOS has these units itself.
_NIXOS: Final = {"systemd-resolved", "unbound"}
# NixOS's units have coreutils, findutils, gnugrep, gnused and systemd on their PATH.
_SYSTEM_PATH: Final = "/usr/bin:/bin"
# And these variables; what the first one names is not there, as with other locales than C.
ENVIRONMENT: Final = (
    f"LOCALE_ARCHIVE={STORE}/glibc-locales/lib/locale/locale-archive",
    "TZDIR=/usr/share/zoneinfo",
)
# What counts when a running machine changes to another configuration, which containers never do.
_SWITCH_KEYS: Final = {"reloadTriggers", "restartIfChanged", "restartTriggers", "stopIfChanged"}


def files(machine: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of a machine's units, of /etc, and of unbound's settings, by their path.

    Raises:
        ContainerError: there is something in the snapshot that this would leave out.

    """
    found = {"/etc/unbound/unbound.conf": unbound_conf(machine["services.unbound"])}
    for name, value in machine.items():
        prefix, _, rest = name.partition(".")
        kind, _, unit = rest.partition(".")
        if prefix == "systemd":
            if kind not in _SECTIONS:
                raise ContainerError(f"{name} is configured, and containers know no systemd.{kind}")
            path = f"{unit}.{_SUFFIXES[kind]}"
            is_drop_in = kind == "services" and (unit in _NIXOS or "serviceConfig" not in value)
            if is_drop_in:
                path += ".d/dm-dns.conf"
            found[f"{UNITS}/{path}"] = _unit(name, kind, value, is_drop_in=is_drop_in)
        elif name.startswith("environment.etc."):
            # A link into the store, as on NixOS: see `links`.
            found[value["source"]] = value["text"]
    for section, settings in machine["services.resolved"].get("settings", {}).items():
        lines = [f"{key}={' '.join(values)}\n" for key, values in settings.items()]
        found["/etc/systemd/resolved.conf.d/nixos.conf"] = f"[{section}]\n{''.join(lines)}"
    found["/etc/sysctl.d/60-nixos.conf"] = "".join(
        f"{name}={_scalar(value, '1', '0')}\n"
        for name, value in machine["boot.kernel.sysctl"].items()
    )
    found["/etc/sysusers.d/dm-dns.conf"] = "".join(_users(machine))
    return found


def links(machine: Mapping[str, Any]) -> dict[str, str]:
    """Return the symbolic links of a machine, from their path to where they lead."""
    found = {}
    for name, value in machine.items():
        if name.startswith("environment.etc."):
            found[f"/etc/{name.removeprefix('environment.etc.')}"] = value["source"]
        elif name.startswith("systemd."):
            _, kind, unit = name.split(".", 2)
            file = f"{unit}.{_SUFFIXES[kind]}"
            for target in value.get("wantedBy", []):
                found[f"{UNITS}/{target}.wants/{file}"] = f"{UNITS}/{file}"
    return found


def _unit(name: str, kind: str, value: Mapping[str, Any], *, is_drop_in: bool) -> str:
    settings = f"{_SUFFIXES[kind]}Config"
    own = {settings, "path", "unitConfig", "wantedBy"}
    unknown = set(value) - set(_UNIT_KEYS) - _SWITCH_KEYS - own - set(_LISTEN)
    if unknown:
        raise ContainerError(f"{name} has settings that containers do not know: {sorted(unknown)}")
    lines = ["[Unit]"]
    for key, setting in _UNIT_KEYS.items():
        if key in value:
            entry = value[key]
            lines.append(f"{setting}={' '.join(entry) if isinstance(entry, list) else entry}")
    for key, entry in value.get("unitConfig", {}).items():
        lines.append(f"{key}={_scalar(entry, 'true', 'false')}")
    if settings in value:
        lines += ["", f"[{_SECTIONS[kind]}]"]
        if kind == "services" and not is_drop_in:
            programs = [f"{package}/bin" for package in value.get("path", [])]
            lines.append(f"Environment=PATH={':'.join([*programs, _SYSTEM_PATH])}")
            lines += [f"Environment={variable}" for variable in ENVIRONMENT]
        for option, setting in _LISTEN.items():
            lines += [f"{setting}={address}" for address in value.get(option, [])]
        for key, entry in value[settings].items():
            entries = entry if isinstance(entry, list) else [entry]
            lines += [f"{key}={_scalar(single, 'true', 'false')}" for single in entries]
    return "\n".join(lines) + "\n"


def unbound_conf(service: Mapping[str, Any]) -> str:
    """Return unbound.conf: the evaluated settings, and those that NixOS adds to any."""
    own = service["settings"]
    server = {
        **own["server"],
        "chroot": '""',
        "directory": '"/var/lib/unbound"',
        "do-daemonize": False,
        "pidfile": '""',
        "tls-cert-bundle": "/etc/ssl/certs/ca-certificates.crt",
        "username": '""',
    }
    keys = {
        f"{who}-{what}-file": f"/var/lib/unbound/unbound_{who}.{suffix}"
        for who in ("control", "server")
        for what, suffix in (("cert", "pem"), ("key", "key"))
    }
    control = {
        "control-enable": True,
        "control-interface": service["localControlSocketPath"],
        **keys,
    }
    settings = {**own, "server": server, "remote-control": control}
    return "\n".join(_clauses(settings)) + "\n"


def _clauses(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        for clause in value if isinstance(value, list) else [value]:
            yield f"{name}:"
            for key, entry in clause.items():
                entries = entry if isinstance(entry, list) else [entry]
                yield from (f"  {key}: {_scalar(single, 'yes', 'no')}" for single in entries)


def _scalar(value: object, true: str, false: str) -> str:
    if isinstance(value, bool):
        return true if value else false
    return str(value)


def _users(machine: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines of sysusers.d(5): groups first."""
    for name in machine:
        if name.startswith("users.groups."):
            yield f"g {name.removeprefix('users.groups.')} -\n"
    for name, value in machine.items():
        if name.startswith("users.users."):
            user = PurePosixPath(name.removeprefix("users.users.")).name
            if "group" in value:
                yield f'u {user} -:{value["group"]} "{value.get("description", "")}"\n'
            yield from (f"m {user} {group}\n" for group in value.get("extraGroups", []))
