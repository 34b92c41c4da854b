"""Whether the hook runs, and systemd-resolved asks it."""

import os
import re
import shlex
import stat
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from dm_dns import files
from dm_dns.errors import Error
from dm_dns.inspect.doctor import answers, units
from dm_dns.inspect.doctor.check import Found, fault, not_asked, well
from dm_dns.inspect.doctor.files import Written
from dm_dns.inspect.doctor.units import Systemd
from dm_dns.node import hook_calls, resolved, varlink
from dm_dns.node.config import Config
from dm_dns.node.dns_message import MessageError
from dm_dns.node.varlink import VarlinkError
from dm_dns.zone import zonefile

_SECONDS: Final = 0.3
"""How long another program's hook has to answer."""
_HOOKS_SINCE: Final = 259
_SWITCH: Final = "SYSTEMD_RESOLVED_HOOK"
_MAX_CONFIG: Final = 2**16  # bytes


def runs(config: Config, systemd: Systemd) -> Found:
    """Return whether the hook runs, and its socket is where resolved looks for it."""
    if config.hook is None:
        return systemd.look_at_held(*units.HOOK)
    name = zonefile.status_name(config.domain)
    wake = partial(hook_calls.txt, config.hook, name, seconds=answers.SECONDS)
    found = units.look_at_asked(systemd, units.HOOK, wake)
    if found.verdict != "ok":
        # systemd removes the socket when it gives up: no lookup waits any more.
        return found if config.hook.exists() else _without_hook(config, found)
    remedy = units.restart(*units.HOOK)
    try:
        mode = config.hook.stat().st_mode
    except OSError:
        return fault(f"{config.hook} does not exist, so systemd-resolved asks nobody", remedy)
    if not mode & stat.S_IWUSR:
        text = f"{config.hook} has the mode {stat.filemode(mode)}: systemd-resolved may not ask"
        return fault(text, remedy)
    return found


def _without_hook(config: Config, found: Found) -> Found:
    finds = (
        "finds no name of the clan"
        if config.whole_domain
        else "asks its other DNS servers for the clan's names"
    )
    return found._replace(text=f"{found.text}: systemd-resolved does without the hook, and {finds}")


def short_names(path: Path, systemd: Systemd) -> Found:
    """Return whether the hook answers resolved on its socket for short names, at ``path``."""
    # systemd starts the socket with the service, and not while that is running.
    remedy = f"sudo systemctl restart {units.HOOK[1]}"
    unit = systemd.look([units.SEARCH])
    if unit.verdict == "fault":
        return fault(unit.text, remedy)
    try:
        hook_calls.check_short_names(path, seconds=answers.SECONDS)
    except PermissionError:
        return not_asked("only root and systemd-resolved may: run this with sudo")
    except (Error, MessageError) as error:
        return fault(str(error), f"sudo systemctl stop {units.SEARCH}; {remedy}")
    return well(f"the hook answers at {path}, too")


def answers_resolved(config: Config, written: Written) -> Found:
    """Return whether the hook answers as unbound does."""
    if config.hook is None:
        return not_asked("this machine has none")
    remedy = units.restart(*units.HOOK)
    try:
        answer = hook_calls.txt(
            config.hook, zonefile.status_name(config.domain), seconds=answers.SECONDS
        )
    except PermissionError:
        return not_asked("only root and systemd-resolved may: run this with sudo")
    except (Error, MessageError) as error:
        return fault(str(error), remedy)
    if answer != answers.expected(written):
        return fault(f"the hook answers {answer!a}, and unbound another", remedy)
    return well("the hook answers as unbound does")


def is_asked(config: Config, systemd: Systemd, written: Written) -> Found:
    """Return whether systemd-resolved asks the hook."""
    name = zonefile.status_name(config.domain)
    texts, reason = [], None
    if config.resolved is None:
        return not_asked("this machine's configuration does not name its socket")
    try:
        texts = resolved.texts(config.resolved, name, seconds=answers.SECONDS)
    except VarlinkError as error:
        reason = error.name.rpartition(".")[2]
    except Error as error:
        return _silent_hook(config) or fault(str(error), "sudo systemctl restart systemd-resolved")
    if answers.expected(written) in texts:
        return well("systemd-resolved asks the hook, and answers as unbound does")
    said = reason or " ".join(map(ascii, texts)) or "no record"
    if config.hook and not os.access(config.hook, os.W_OK):
        return fault(
            f"systemd-resolved does not ask the hook, or the hook does not answer it: {said}",
            "sudo dm-dns doctor  # root may ask the hook",
        )
    return _no_hooks(systemd, f"systemd-resolved does not ask the hook: it answers {said}")


def _silent_hook(config: Config) -> Found | None:
    """Return the hook of another program for which systemd-resolved waits, if there is one."""
    folder = config.hook.parent if config.hook else None
    if folder is None or not folder.is_dir():
        return None
    for path in sorted(folder.iterdir()):
        if path != config.hook:
            try:
                varlink.call(path, "io.systemd.Resolve.Hook.QueryFilter", {}, seconds=_SECONDS)
            except TimeoutError:
                return fault(
                    f"systemd-resolved waits for the hook {path}, which is not of dm-dns and does"
                    " not answer",
                    f"sudo ss --listening --unix --processes src {shlex.quote(str(path))}"
                    "  # and stop that program",
                )
            except (OSError, ValueError, VarlinkError):
                pass  # it answers something, or nobody is there
    return None


def _no_hooks(systemd: Systemd, text: str) -> Found:
    unit = systemd.unit(units.RESOLVED)
    restart = "sudo systemctl restart systemd-resolved"
    if unit.environment(_SWITCH) == "0":
        places = [place for place in unit.properties.get("DropInPaths", "").split() if _has(place)]
        remedy = f"sudo rm {shlex.join(places)} && sudo systemctl daemon-reload && {restart}"
        if not places or any(place.startswith(("/etc", "/nix")) for place in places):
            remedy = f"grep -rn {_SWITCH} .  # in the checkout: remove the setting, and deploy"
        return fault(f"{text}, because {units.RESOLVED} has {_SWITCH}=0", remedy)
    major = re.match("[0-9]+", systemd.version or "")
    if major and int(major[0]) < _HOOKS_SINCE:
        return fault(
            f"{text}, because it has hooks since systemd {_HOOKS_SINCE}, and this is"
            f" {systemd.version}",
            "nix flake update nixpkgs && clan machines update  # in the checkout",
        )
    return fault(text, restart)


def _has(place: str) -> bool:
    with suppress(OSError):
        return _SWITCH.encode() in files.read(Path(place), _MAX_CONFIG)
    return False
