"""`dm-dns doctor` names each broken link between the mesh and programs, and what repairs it.

Each link is broken in turn, on whichever machine is free. Nothing else may be found wrong, and a
machine that is repaired has no fault.
"""

import json
import shlex
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple

from checks.scenarios import deployment, zones
from checks.scenarios.faults import TurnClock
from checks.scenarios.machine import Machine
from checks.scenarios.zones import Machines, Push, Spec

_STATE: Final = "/var/lib/dm-dns"
_FOUND: Final = "/run/dm-dns/state.json"
_FOLDER: Final = "/run/dm-dns-scenario"
_COPY: Final = f"{zones.MESH}/cnames"
_DROP_INS: Final = "/run/systemd/system"
_HOOKS: Final = "/run/systemd/resolve.hook"
_CONTROL: Final = f"{_DROP_INS}.control"
_NOBODY: Final = "setpriv --reuid=65534 --regid=65534 --clear-groups"
_SEEN_BY_OTHERS: Final = {"hook-answers": "resolved-answers"}
"""Where others cannot ask, what they find instead; nothing if there is nothing here."""
_HOLD: Final = (
    f"systemd-run --unit=holder flock {_STATE}/lock sleep 600;"
    " until pgrep --parent $(systemctl show --property=MainPID --value holder); do sleep 0.1; done"
)
"""Takes the lock of `dm-dns apply`, once nobody else has it: then flock(1) starts its command."""
_REPAIRS: Final = 3
"""How many remedies may have to follow one another."""
_RESTARTED: Final = (
    "dm-dns.service",
    "unbound.service",
    "dm-dns-hook.service",
    "systemd-resolved.service",
    "data-mesher.service",
)


class _Fault(NamedTuple):
    """A link, and how to break it."""

    title: str
    check: str
    """The check that must find it."""
    text: str
    """Part of what it must say."""
    commands: tuple[str, ...]
    repair: tuple[str, ...] | None = None
    """None: what doctor says to type."""
    name: str = ""
    """What doctor is asked about."""


def run(machines: Machines, spec: Spec, push: Push, turn_clock: TurnClock) -> None:
    """Run the scenario.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: the zone spec that they were deployed with.
        push: how to send another zone.
        turn_clock: how to set a machine's clock.

    """
    prepare(machines, spec, push)
    faults = {machine.name: _faults(machine, spec) for machine in machines.values()}
    numbers = range(len(next(iter(faults.values()))))
    _share(
        machines.values(),
        [
            lambda machine: _check_clock(machine, turn_clock),
            *(lambda machine, unit=unit: _check_restart(machine, unit) for unit in _RESTARTED),
            *(
                lambda machine, number=n: _try(machine, faults[machine.name][number])
                for n in numbers
            ),
        ],
    )
    # Alone: the other machine gets no answer either, and must not be asked about a name meanwhile.
    machine = next(iter(machines.values()))
    _try(machine, _silent(machine, spec))
    _check_zones(machines, spec, push)


def _share(machines: Iterable[Machine], tasks: Iterable[Callable[[Machine], None]]) -> None:
    """Do all tasks, each on the next machine that has nothing to do."""
    waiting: SimpleQueue[Callable[[Machine], None]] = SimpleQueue()
    for task in tasks:
        waiting.put(task)

    def work(machine: Machine) -> None:
        try:
            while True:
                waiting.get_nowait()(machine)
        except Empty:
            return
        except Exception:
            while not waiting.empty():  # there is no use in going on
                waiting.get_nowait()
            raise

    _everywhere(machines, work)


def _everywhere(machines: Iterable[Machine], task: Callable[[Machine], None]) -> None:
    """Do something on each of these machines at the same time."""
    machines = list(machines)
    with ThreadPoolExecutor(len(machines)) as pool:
        for _ in pool.map(task, machines):
            pass


def well(machines: Machines, spec: Spec, *, names: bool = True, network: str | None = None) -> None:
    """Check that doctor finds nothing on machines that are well, whoever asks, nor of any name.

    Args:
        machines: all of the clan, by name; they are booting or up.
        spec: what they serve.
        names: whether to ask about each name; then each machine must reach all others.
        network: the local network that all machines are on.

    """

    def check(machine: Machine) -> None:
        zones.wait_for(machine, spec["domain"], "serial=")
        _is_well(machine)
        _is_well(machine, f"{_NOBODY} dm-dns doctor")
        for name in zones.expected(spec).keys() - zones.of_devices(spec) if names else ():
            _is_well(machine, f"dm-dns doctor {name}")

    _everywhere(machines.values(), check)
    if names:
        for machine in machines.values():
            _check_devices(machine, spec, network)


def _check_devices(machine: Machine, spec: Spec, network: str | None) -> None:
    """Check that doctor finds nothing of a device, but that it is off.

    One machine after the other is the device: all others reach it then.
    """
    devices = zones.of_devices(spec)
    for name in devices:
        said = _report(machine.succeed(f"dm-dns doctor --json {name} || test $? = 1"))
        checks = {each["check"]: each for each in said["checks"]}
        if said["fault"] != "name-reached" or "the device" not in checks["name-reached"]["text"]:
            raise AssertionError(f"{machine.name}: {name}: {said}")
        if "setting devices of the role default" not in checks["name-exported"]["text"]:
            raise AssertionError(f"{machine.name}: {name}: {checks['name-exported']}")
    addresses = {address for name in devices for address in zones.expected(spec, network)[name]}
    for address in sorted(addresses):
        machine.succeed(f"ip address add {address} dev lo")
    for name in devices:
        _is_well(machine, f"dm-dns doctor {name}")
    for address in sorted(addresses):
        machine.succeed(f"ip address delete {address} dev lo")


def prepare(machines: Machines, spec: Spec, push: Push) -> None:
    """Check that doctor finds nothing on any machine, with a zone of the mesh and without one."""
    serial = 0
    for each in machines.values():
        serial = max(serial, zones.wait_for(each, spec["domain"], "source=deployed"))
        # Of other scenarios, newer than what is served.
        each.succeed(f"rm -rf {_STATE}/history; mkdir -p {_FOLDER}")
    well(machines, spec, names=False)
    zones.send(machines, spec, serial + 1, push)

    def check(machine: Machine) -> None:
        zones.wait_for(machine, spec["domain"], f"serial={serial + 1} ")
        _is_well(machine)
        _is_well(machine, f"{_NOBODY} dm-dns doctor")

    _everywhere(machines.values(), check)
    _withdraw(machines, spec, push)


def _withdraw(machines: Machines, spec: Spec, push: Push) -> None:
    """Take the zone out of the mesh, which is not a fault."""
    zones.withdraw(machines, spec, push)
    _everywhere(machines.values(), _is_well)


def _try(machine: Machine, fault: _Fault) -> None:
    with _noting(machine, fault):
        if fault.commands:
            machine.succeed("\n".join(fault.commands))
        found = _finds(machine, fault)
        if fault.repair is None:
            _repair(machine, fault.name, found)
        else:
            if fault.repair:
                machine.succeed("\n".join(fault.repair))
            _is_well(machine)


@contextmanager
def _noting(machine: Machine, fault: _Fault) -> Iterator[None]:
    """Let an error say which fault it is about, and what doctor says last."""
    try:
        yield
    except Exception as error:
        error.add_note(f"The fault was, on {machine.name}: {fault.title}")
        error.add_note(machine.execute(f"dm-dns doctor {fault.name}")[1])
        raise


def _finds(machine: Machine, fault: _Fault, through: str = "") -> dict[str, Any]:
    """Check that doctor, run ``through`` another command, finds the fault and nothing else.

    It may take a moment until something is broken, and until dm-dns.service has noticed what is;
    from then on whoever asks finds it.

    Returns:
        What root finds.

    """
    doctor = f"{through}dm-dns doctor --json {fault.name}"
    found = _report(
        machine.wait_until_succeeds(
            f"report=$({doctor} || test $? = 1)\n"
            f'grep -qF \'"fault": "{fault.check}"\' <<< $report\n'
            f"grep -qF {shlex.quote(json.dumps(fault.text)[1:-1])} <<< $report\n"
            'printf %s "$report"'
        )
    )
    faults = [each for each in found["checks"] if each["verdict"] == "fault"]
    if [each["check"] for each in faults] != [fault.check]:
        raise AssertionError(f"{fault.title}: {faults}, and not {fault.check} alone")
    if fault.text not in faults[0]["text"]:
        raise AssertionError(f"{fault.title}: {faults[0]['text']!r} is without {fault.text!r}")
    if not through:  # it may not be for others
        others = _report(machine.succeed(f"{_NOBODY} {doctor} || test $? = 1"))
        if others["fault"] not in {fault.check, _SEEN_BY_OTHERS.get(fault.check)}:
            raise AssertionError(f"{fault.title}: others are told of {others['fault']}: {others}")
    return found


def _report(printed: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(printed)
    return report


def _repair(machine: Machine, name: str, found: dict[str, Any]) -> None:
    """Type what doctor says, until it finds no fault; at first it has ``found`` one."""
    for _ in range(_REPAIRS):
        (remedy,) = {each["remedy"] for each in found["checks"] if each["check"] == found["fault"]}
        machine.succeed(f'sudo() {{ "$@"; }}; {remedy}')
        found = _report(machine.succeed(f"dm-dns doctor --json {name} || test $? = 1"))
        if found["fault"] is None:
            _check_well(machine, found)
            return
    raise AssertionError(f"{_REPAIRS} remedies later there is a fault: {found}")


def _is_well(machine: Machine, doctor: str = "dm-dns doctor") -> None:
    _check_well(machine, _report(machine.wait_until_succeeds(f"{doctor} --json")))


def _check_well(machine: Machine, found: dict[str, Any]) -> None:
    verdicts = {each["verdict"] for each in found["checks"]}
    if found["fault"] is not None or not verdicts <= {"ok", "not asked"}:
        raise AssertionError(f"{machine.name}: {found}")


def _check_restart(machine: Machine, unit: str) -> None:
    """Check that doctor finds nothing while a unit restarts, whenever it looks."""
    for seconds in (0, 0.1):
        machine.succeed(f"systemctl restart {unit} & sleep {seconds}; dm-dns doctor; wait $!")


def _faults(machine: Machine, spec: Spec) -> list[_Fault]:
    return [
        *_unit_faults(),
        *_found_faults(),
        *_place_faults(),
        *_copy_faults(machine, spec),
        *_disk_faults(spec),
        *_unbound_faults(spec),
        *_resolved_faults(),
        *_name_faults(machine, spec),
    ]


def _unit_faults() -> Iterator[_Fault]:
    for unit, check, sockets in (
        ("dm-dns.service", "server", ()),
        ("data-mesher.service", "data-mesher", ()),
        ("unbound.service", "unbound", ("unbound.socket",)),
        ("dm-dns-hook.service", "hook", ("dm-dns-hook.socket",)),
    ):
        both = " ".join([*sockets, unit])
        yield _Fault(f"{both} stopped", check, "does not run", (f"systemctl stop {both}",))
        stop = f"systemctl kill --signal=STOP --kill-whom=main {unit}"
        yield _Fault(f"{unit} hangs", check, "SIGSTOP", (stop,))
        masked = f"{_CONTROL}/{unit}"
        yield _Fault(
            f"{unit} masked",
            check,
            "is masked",
            (
                f"systemctl stop {both}",
                f"mkdir -p {_CONTROL} && ln -s /dev/null {masked} && systemctl daemon-reload",
            ),
        )
        folder = f"{_DROP_INS}/{unit}.d"
        lines = "[Service]\\nExecStartPre=\\nExecStart=\\nExecStart=/bin/false\\nType=simple\\n"
        kinds = {f"{unit} fails": "Restart=no\\n"}
        if unit in {"dm-dns.service", "unbound.service"}:
            kinds[f"{unit} is restarted again and again"] = ""
            yield _Fault(f"{unit} is frozen", check, "frozen", (f"systemctl freeze {unit}",))
        for title, more in kinds.items():
            yield _Fault(
                title,
                check,
                f"{unit} ",  # failed, or a query is about to start it, and it will fail again
                (
                    f"mkdir -p {folder} && printf '{lines}{more}' > {folder}/broken.conf",
                    f"systemctl daemon-reload; systemctl restart {both} || true",
                ),
                (
                    f"rm -r {folder} && systemctl daemon-reload",
                    f"systemctl stop {both}; systemctl reset-failed {both}; systemctl start {both}",
                ),
            )
    yield _Fault(
        "nobody judges what is served",
        "monitoring",
        "dm-dns-health.timer does not run",
        ("systemctl stop dm-dns-health.timer",),
    )
    yield _Fault(
        "the configuration is not valid",
        "configuration",
        "not JSON",
        _covered("/etc/dm-dns/apply.json", "echo nonsense"),
        (_uncover("/etc/dm-dns/apply.json"),),
    )


def _covered(path: str, command: str) -> tuple[str, ...]:
    """Return the commands that mount what a command prints over a file in the store."""
    other = f"{_FOLDER}/{path.rpartition('/')[2]}"
    return (f"{{ {command}; }} > {other}", f"mount --bind {other} $(readlink -f {path})")


def _uncover(path: str) -> str:
    return f"umount $(readlink -f {path})"


def _found_faults() -> Iterator[_Fault]:
    # The server cannot write where the temporary file should be.
    block = f"mkdir {_FOUND}.new"
    unblock = (f"rmdir {_FOUND}.new", "systemctl restart dm-dns")
    for title, text, command in (
        ("state.json missing", "does not exist", f"rm {_FOUND}"),
        ("state.json not valid", "not JSON", f"echo nonsense > {_FOUND}"),
        ("the server hangs", "hangs", f'sed -i \'s/"written": .*/"written": 1,/\' {_FOUND}'),
        (
            "the server is gone",
            "no longer runs",
            f'sed -i \'s/"pid": .*/"pid": 4194303,/\' {_FOUND}',
        ),
    ):
        yield _Fault(title, "state", text, (block, command), unblock)


def _place_faults() -> Iterator[_Fault]:
    folder = _FOUND.rpartition("/")[0]
    yield _Fault(
        "/run is full",
        "state",
        "full",
        # Elsewhere first: dm-dns.service writes its state as soon as it is gone.
        (
            "mkdir /tmp/full && mount -t tmpfs -o size=64k,mode=0755 full /tmp/full",
            "chown dm-dns: /tmp/full; cat /dev/zero > /tmp/full/filler || true",
            f"mount --bind /tmp/full {folder} && umount /tmp/full && rmdir /tmp/full",
        ),
        (f"umount --lazy {folder}", "systemctl restart dm-dns"),
    )
    yield _Fault(
        "unbound may not read the zone file",
        "state-directory",
        "others may not enter",
        (f"chmod 700 {_STATE}", "systemctl restart unbound"),
    )
    yield _Fault(
        "lo is down",
        "loopback",
        "does not arrive",
        ("ip link set lo down",),
        ("ip link set lo up",),
    )


def _copy_faults(machine: Machine, spec: Spec) -> Iterator[_Fault]:
    remove = (f"rm -rf {_COPY} {_STATE}/history", "systemctl restart dm-dns")
    deployed = json.loads(machine.succeed("cat /etc/dm-dns/apply.json"))["deployed"]
    newer = f"sed 's/^# serial: .*/# serial: {deployment.serial(machine) + 1}/' {deployed}"
    for title, text, command in (
        ("the mesh copy is not valid", "cnames:1", f"echo nonsense > {_COPY}"),
        ("the mesh copy is too large", "limit", f"truncate -s 100M {_COPY}"),
        ("the mesh copy is a pipe", "pipe", f"mkfifo {_COPY}"),
        (
            "the mesh copy is of another clan",
            "cnames:",
            f"sed 's/{spec['domain']}/other/' {deployed} > {_COPY}",
        ),
    ):
        yield _Fault(title, "mesh-copy", text, (command,), remove)
    yield _Fault(
        "data-mesher's folder is closed",
        "mesh-copy",
        "Permission denied",
        ("chmod 700 /var/lib/data-mesher", "systemctl restart dm-dns"),
    )
    yield _Fault(
        "the mesh copy is newer than what is served",
        "mesh-copy",
        "has changed",
        (
            _HOLD,
            f"{newer} > {_COPY}",
        ),
        (
            "systemctl stop holder",
            f"until test -e {_STATE}/history; do sleep 0.1; done",
            *remove,
        ),
    )
    yield _Fault(
        "the deployed copy is not valid",
        "deployed-copy",
        "zone.conf:1",
        (*_covered(deployed, "echo nonsense"), "systemctl restart dm-dns"),
        (_uncover(deployed), "systemctl restart dm-dns"),
    )
    yield _Fault(
        "the deployed copy is missing",
        "deployed-copy",
        "does not exist",
        _covered(
            "/etc/dm-dns/apply.json",
            f"sed 's|{deployed}|/nix/store/missing|' /etc/dm-dns/apply.json",
        ),
        (_uncover("/etc/dm-dns/apply.json"),),
    )
    yield _Fault(
        "/etc/hosts has a name that no zone can have",
        "hosts",
        "is left out",
        (
            *_covered(
                "/etc/hosts",
                f"printf 'fd00::%x many.{spec['domain']}\\n' $(seq 2001); cat /etc/hosts",
            ),
            "systemctl restart dm-dns",
        ),
        (_uncover("/etc/hosts"), "systemctl restart dm-dns"),
    )


def _disk_faults(spec: Spec) -> Iterator[_Fault]:
    yield _Fault(
        "the disk is full",
        "state-directory",
        "is full",
        (
            f"mount -t tmpfs -o size=32k,mode=0755 full {_STATE} && chown dm-dns: {_STATE}",
            f"cat /dev/zero > {_STATE}/filler || true",
            "systemctl restart dm-dns",
        ),
        (f"umount --lazy {_STATE}", "systemctl restart dm-dns"),
    )
    yield _Fault(
        "the disk is read-only",
        "state-directory",
        "read-only",
        (f"mount --bind {_STATE} {_STATE} && mount -o remount,bind,ro {_STATE}",),
        (f"umount --lazy {_STATE}", "systemctl restart dm-dns"),
    )
    zone = f"{_STATE}/{spec['domain']}.zone"
    yield _Fault(
        "there is no zone file",
        "zone-file",
        "does not exist",
        (_HOLD, f"rm {zone}"),
        ("systemctl stop holder", "systemctl restart dm-dns"),
    )
    yield _Fault(
        "somebody has changed the zone file",
        "zone-file",
        "was changed",
        (f"sed -i '3i new.{spec['domain']}. A 192.0.2.1' {zone}",),
    )


def _unbound_faults(spec: Spec) -> Iterator[_Fault]:
    zone = f"{_STATE}/{spec['domain']}.zone"
    load = f"unbound-control -s /run/unbound/unbound.ctl auth_zone_reload {spec['domain']}"
    empty = "".join(f' {key}: \\"\\"\\n' for key in ("chroot", "pidfile", "username"))
    settings = f"server:\\n interface: 127.0.0.1@5353\\n{empty}"
    yield _Fault(
        "another program has the port",
        "port",
        "thief.service",
        (
            "systemctl stop unbound.socket unbound.service",
            f'printf "{settings}" > {_FOLDER}/thief.conf',
            f"systemd-run --unit=thief $(command -v unbound) -d -c {_FOLDER}/thief.conf",
            f"until {zones.UNBOUND} .; do sleep 0.1; done",
        ),
    )
    folder = f"{_DROP_INS}/unbound.service.d"
    lines = "[Service]\\nExecStart=\\nExecStart=/bin/sleep 600\\nType=simple\\n"
    yield _Fault(
        "unbound runs and does not answer",
        "unbound-answers",
        "timed out",
        (
            f"mkdir -p {folder} && printf '{lines}' > {folder}/silent.conf",
            "systemctl daemon-reload && systemctl restart unbound",
        ),
        (f"rm -r {folder}", "systemctl daemon-reload && systemctl restart unbound"),
    )
    for title, text, change in (
        ("unbound serves another zone", "unbound serves", "s/serial=[0-9]*/serial=1/g"),
        ("unbound has no zone", "has no zone", "s/ SOA .*/ nonsense/"),
    ):
        yield _Fault(
            title,
            "unbound-serves",
            text,
            (
                f"cp -a {zone} {zone}.right",
                f"sed '{change}' {zone}.right > {zone}",
                f"{load} || true; mv {zone}.right {zone}",
            ),
        )


def _resolved_faults() -> Iterator[_Fault]:
    yield _Fault(
        "the hook's socket is gone",
        "hook",
        "does not exist",
        (f"rm {_HOOKS}/dm-dns",),
    )
    yield _Fault(
        "the hook's socket is closed", "hook", "may not ask", (f"chmod 000 {_HOOKS}/dm-dns",)
    )
    # systemd-resolved does not try a hook again to which it could not connect, so the socket is
    # moved there when it listens.
    hang = (
        "import os, socket, time; hook = socket.socket(socket.AF_UNIX);"
        f" os.umask(0); hook.bind('{_FOLDER}/aaa'); hook.listen();"
        f" os.rename('{_FOLDER}/aaa', '{_HOOKS}/aaa'); time.sleep(600)"
    )
    yield _Fault(
        "another hook does not answer",
        "resolved-answers",
        "waits for the hook",
        (
            f'systemd-run --unit=hanging python3 -c "{hang}"',
            f"until test -e {_HOOKS}/aaa; do sleep 0.1; done",
        ),
        ("systemctl stop hanging.service", f"rm {_HOOKS}/aaa"),
    )
    folder = f"{_DROP_INS}/dm-dns-hook.service.d"
    lines = "[Service]\\nExecStart=\\nExecStart=/bin/sleep 600\\n"
    yield _Fault(
        "the hook runs and does not answer",
        "hook-answers",
        "does not answer",
        (
            f"mkdir -p {folder} && printf '{lines}' > {folder}/silent.conf",
            "systemctl daemon-reload && systemctl restart dm-dns-hook",
        ),
        (f"rm -r {folder}", "systemctl daemon-reload && systemctl restart dm-dns-hook"),
    )
    masked = f"{_CONTROL}/systemd-resolved.service"
    yield _Fault(
        "systemd-resolved masked",
        "resolved",
        "is masked",
        (
            f"mkdir -p {_CONTROL} && ln -s /dev/null {masked} && systemctl daemon-reload",
            "systemctl stop systemd-resolved",
        ),
    )
    yield _Fault(
        "systemd-resolved hangs",
        "resolved",
        "SIGSTOP",
        ("systemctl kill --signal=STOP systemd-resolved",),
    )
    folder = f"{_DROP_INS}/systemd-resolved.service.d"
    lines = "[Service]\\nEnvironment=SYSTEMD_RESOLVED_HOOK=0\\n"
    yield _Fault(
        "systemd-resolved asks no hooks",
        "resolved-answers",
        "SYSTEMD_RESOLVED_HOOK=0",
        (
            f"mkdir -p {folder} && printf '{lines}' > {folder}/without-hooks.conf",
            "systemctl daemon-reload && systemctl restart systemd-resolved",
        ),
    )
    yield _Fault(
        "resolv.conf names another server",
        "resolv-conf",
        "192.0.2.53",
        (
            f"echo nameserver 192.0.2.53 > {_FOLDER}/resolv.conf",
            f"ln -sfn {_FOLDER}/resolv.conf /etc/resolv.conf",
        ),
    )
    off = "/run/systemd/resolved.conf.d/scenario.conf"
    yield _Fault(
        "systemd-resolved does not listen for DNS queries",
        "resolv-conf",  # it has written another server into its file
        "DNSStubListener",
        (
            f"mkdir -p {off.rpartition('/')[0]}",
            f"printf '[Resolve]\\nDNSStubListener=no\\n' > {off}",
            "systemctl restart systemd-resolved",
        ),
        (f"rm {off}", "systemctl restart systemd-resolved"),
    )
    yield _Fault(
        "systemd-resolved does not listen, and resolv.conf is a file",
        "stub",
        "DNSStubListener",
        (
            f"mkdir -p {off.rpartition('/')[0]}",
            f"printf '[Resolve]\\nDNSStubListener=no\\n' > {off}",
            f"echo nameserver 127.0.0.53 > {_FOLDER}/resolv.conf",
            f"ln -sfn {_FOLDER}/resolv.conf /etc/resolv.conf",
            "systemctl restart systemd-resolved",
        ),
        (
            f"rm {off}",
            "ln -sfn ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf",
            "systemctl restart systemd-resolved",
        ),
    )
    yield _Fault(
        "nsswitch.conf ends before resolve",
        "nsswitch",
        "files [NOTFOUND=return]",
        _covered(
            "/etc/nsswitch.conf",
            "sed 's/^hosts:.*/hosts: files [NOTFOUND=return] resolve/' /etc/nsswitch.conf",
        ),
        (_uncover("/etc/nsswitch.conf"),),
    )
    yield _Fault(
        "nsswitch.conf without resolve",
        "nsswitch",
        "without the service resolve",
        _covered(
            "/etc/nsswitch.conf", "sed 's/resolve \\[!UNAVAIL=return\\]//' /etc/nsswitch.conf"
        ),
        (_uncover("/etc/nsswitch.conf"),),
    )


def _name_faults(machine: Machine, spec: Spec) -> Iterator[_Fault]:
    domain = spec["domain"]
    endpoint = next(
        each
        for each in spec["endpoints"]
        if "*" not in each["host"] and each["machine"] != machine.name
    )
    host = endpoint["host"]
    short = host.removesuffix(f".{domain}")
    yield _Fault("a mistyped name", "name-known", f"did you mean {host}", (), (), f"{short}x")
    clan = "/etc/dm-dns/clan.json"
    deployed = json.loads(machine.succeed(f"cat {clan}"))

    def with_endpoints(endpoints: list[Any]) -> str:
        other = {**deployed, "spec": {**deployed["spec"], "endpoints": endpoints}}
        return f"printf %s {shlex.quote(json.dumps(other))}"

    endpoints = deployed["spec"]["endpoints"]
    new = {**endpoint, "host": f"brand-new.{domain}"}
    yield _Fault(
        "a name that is exported and not in the zone",
        "name-known",
        "is exported by service",
        _covered(clan, with_endpoints([*endpoints, new])),
        (_uncover(clan),),
        new["host"],
    )
    yield _Fault(
        "a name that nobody exports any more",
        "name-exported",
        "any more",
        _covered(clan, with_endpoints([each for each in endpoints if each["host"] != host])),
        (_uncover(clan),),
        host,
    )
    yield _Fault(
        "/etc/hosts has the name",
        "name-hosts",
        "/etc/hosts has",
        (
            *_covered("/etc/hosts", f"echo 192.0.2.66 {host}; cat /etc/hosts"),
            "systemctl restart dm-dns",
        ),
        (_uncover("/etc/hosts"), "systemctl restart dm-dns"),
        host,
    )
    yield _Fault(
        "/etc/hosts has the name without the domain",
        "name-short",
        f"/etc/hosts has {short}, which programs get",
        _covered("/etc/hosts", f"echo 192.0.2.66 {short}; cat /etc/hosts"),
        (_uncover("/etc/hosts"),),
        short,
    )
    yield _Fault(
        "somebody has told unbound otherwise",
        "name-unbound",
        "192.0.2.66",
        (
            f"unbound-control local_zone {host}. redirect",
            f"unbound-control local_data '{host}. A 192.0.2.66'",
            "resolvectl flush-caches",
        ),
        None,
        host,
    )


def _silent(machine: Machine, spec: Spec) -> _Fault:
    """Return the fault that another machine does not answer."""
    # Not a name that several machines share: this machine may be one of them, and reaches itself.
    other, known = next(
        (name, known["addresses"])
        for name, known in spec["machines"].items()
        if name != machine.name and known["addresses"]
    )
    return _Fault(
        "nobody answers at the address",
        "name-reached",
        "nothing answers",
        tuple(f"ip route add unreachable {address}" for address in known),
        tuple(f"ip route delete unreachable {address}" for address in known),
        other,
    )


def _check_clock(machine: Machine, turn_clock: TurnClock) -> None:
    with _turned(machine, turn_clock, -3):
        # On containers: what systemd has in its environment, so that one clock only is turned.
        through = "env FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 "
        _finds(machine, _Fault("the clock is behind", "clock", "2 d before", ()), through)
    _is_well(machine)


@contextmanager
def _turned(
    machine: Machine, turn_clock: Callable[[Machine, int], None], days: int
) -> Iterator[None]:
    turn_clock(machine, days)
    try:
        yield
    finally:
        turn_clock(machine, -days)


def _check_zones(machines: Machines, spec: Spec, push: Push) -> None:
    """Check a name of a machine without an address, and that what heals is not warned of."""
    machine = next(machine for name, machine in machines.items() if name != push.machine)
    other = next(name for name in spec["machines"] if name != machine.name)
    without = {**spec["machines"], other: {"addresses": []}}
    serial = deployment.serial(machine) + 1
    zones.send(machines, {**spec, "machines": without}, serial, push)
    zones.wait_for(machine, spec["domain"], f"serial={serial} ")
    _finds(machine, _Fault("no address is known", "name-address", other, (), None, other))
    _withdraw(machines, spec, push)
