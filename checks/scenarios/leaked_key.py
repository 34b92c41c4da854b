"""After a key was stolen, a new key and a deployment bring the honest zone back everywhere."""

import json
import shlex
import time
from typing import Final

from checks.scenarios import deployment, zones
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_FOLDER: Final = "/run/dm-dns-scenario"
_AHEAD: Final = 80_000  # seconds: less than the day by which a serial may be ahead
_GARBAGE: Final = "local-zone: . redirect"


def run(machines: Machines, spec: Spec, push: Push) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; two of them push automatically.
        spec: the zone spec that they were deployed with.
        push: where the key is on one that pushes.

    """
    domain = spec["domain"]
    pushers = deployment.pushers(machines)
    for machine in pushers:
        deployment.wait_until_idle(machine)
    pusher = machines[push.machine]
    stolen = f"{_FOLDER}/stolen.key"
    honest = deployment.newer_serial(pusher, domain)
    zones.send(machines, spec, honest, push)
    _wait(machines, f"{domain}", f"serial={honest} .*source=mesh")

    for number in range(2):
        pusher.succeed(f"mkdir -p {_FOLDER}; install -m 600 {push.key} {stolen}")
        thief = push._replace(key=stolen)
        # The highest serial that a machine takes, and the second time something else after it.
        forged = int(time.time()) + _AHEAD + number
        zones.send(machines, zones.changed(spec), forged, thief)
        _wait(machines, domain, f"serial={forged} .*source=mesh")
        if number:
            _send_garbage(machines, thief)

        honest += 1
        public = _new_key(pushers, push, number)
        for machine in machines.values():
            _deploy(machine, spec, honest, public)
        for machine in machines.values():
            machine.succeed("systemctl restart data-mesher.service")
            deployment.restart(machine)
        _check(machines, spec, honest)
        # The stolen key is of no use any more.
        status, _ = pusher.execute(zones.command(zones.changed(spec), forged + 1, thief))
        if status == 0:
            raise AssertionError(f"{pusher.name}: a zone was pushed with the stolen key")
        _wait(machines, domain, f"serial={honest} .*source=mesh")

    for machine in machines.values():
        machine.succeed(f"tac {_FOLDER}/covered | while read -r file; do umount $file; done")
        machine.succeed(f"rm -r {_FOLDER}", "systemctl restart data-mesher.service")
    for machine in machines.values():
        deployment.restart(machine)
    # With the first key, and the zone that was deployed first.
    _wait(machines, domain, f"serial={deployment.serial(pusher)} ")


def _check(machines: Machines, spec: Spec, honest: int) -> None:
    """Check that the honest zone is served, nothing is wrong, and the one before is remembered."""
    _wait(machines, spec["domain"], f"serial={honest} .*source=mesh")
    for machine in machines.values():
        zones.check(machine, spec)
        machine.wait_until_succeeds("systemctl start dm-dns-health.service")
        serials = [entry["serial"] for entry in deployment.history(machine, spec["domain"])]
        if honest - 1 not in serials:
            raise AssertionError(f"{machine.name}: {honest - 1} is not kept, but {serials}")


def _wait(machines: Machines, domain: str, expected: str) -> None:
    for machine in machines.values():
        zones.wait_for(machine, domain, expected)


def _send_garbage(machines: Machines, push: Push) -> None:
    machines[push.machine].succeed(
        f"echo {shlex.quote(_GARBAGE)} > {_FOLDER}/garbage",
        f"data-mesher file update {_FOLDER}/garbage --url http://localhost:7331 --key {push.key}"
        f" --network-id {push.network_id} --name dns/cnames",
    )
    for machine in machines.values():
        machine.wait_until_succeeds(f"grep -qxF {shlex.quote(_GARBAGE)} {zones.MESH}/cnames")


def _new_key(pushers: list[Machine], push: Push, number: int) -> str:
    """Make another key pair, deploy the machines that push with it, and return the public key."""
    folder = f"{_FOLDER}/new-{number}"
    first = next(machine for machine in pushers if machine.name == push.machine)
    first.succeed(f"mkdir {folder}; dm-dns keygen {folder}")
    private = first.succeed(f"cat {folder}/signing.key")
    for machine in pushers:
        machine.succeed(
            f"mkdir -p {folder}; umask 077; printf %s {shlex.quote(private)} > {folder}/signing.key"
        )
        _cover(machine, push.key, f"{folder}/signing.key")
    return first.succeed(f"cat {folder}/signing.pub")


def _deploy(machine: Machine, spec: Spec, serial: int, public: str) -> None:
    """Deploy a machine with another public key, and a zone that is generated now."""
    config = json.loads(machine.succeed("cat /etc/dm-dns/apply.json"))
    (old,) = config["keys"]
    zone_conf = f"{_FOLDER}/{serial}.conf"
    machine.succeed(f"mkdir -p {_FOLDER}", *zones.render(spec, serial, zone_conf))
    _cover(machine, config["deployed"], zone_conf)
    files = ["/etc/dm-dns/apply.json"]
    # data-mesher's configuration has the keys as well, and what pushes has a file with them.
    for unit in ("data-mesher", deployment.UNIT):
        command = machine.succeed(f"systemctl show --property=ExecStart --value {unit}")
        files += [word for word in command.split() if word.startswith("/nix/store/")]
    for number, file in enumerate(dict.fromkeys(files)):
        text, new = _as_json(old), _as_json(public)
        replace = (
            f"import sys; t = open({file!r}).read()\n"
            f"print(t.replace({text!r}, {new!r}).replace({old!r}, {public!r}), end='')"
        )
        machine.succeed(
            f"if grep -qF {shlex.quote(old.split(chr(10))[1])} {file}; then"
            f" python3 -c {shlex.quote(replace)} > {_FOLDER}/{serial}-{number}; fi"
        )
        if machine.execute(f"test -e {_FOLDER}/{serial}-{number}")[0] == 0:
            _cover(machine, file, f"{_FOLDER}/{serial}-{number}")


def _as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _cover(machine: Machine, path: str, other: str) -> None:
    """Mount another file over one in the store, which is read-only; `path` may be a link to it."""
    machine.succeed(
        f"file=$(readlink -f {path}); mount --bind {other} $file; echo $file >> {_FOLDER}/covered"
    )
