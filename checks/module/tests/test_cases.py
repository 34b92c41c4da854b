"""What the module yields, by its snapshots."""

import argparse
import hashlib
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dm_dns.commands import push
from dm_dns.inspect import clan
from dm_dns.inspect.doctor.units import sockets_of_unbound
from dm_dns.node import state
from dm_dns.node.config import Config
from dm_dns.node.hook_names import UNAVAILABLE
from dm_dns.zone import conf, spec
from dm_dns.zone.local_lines import Local
from dm_dns.zone.networks import Network

from checks.containers import nixos
from checks.module.snapshot import MachineSnapshot, load, read
from checks.module.sources import ROOT

GENERATOR = "clan.core.vars.generators.dm-dns"
KEY_GENERATOR = "clan.core.vars.generators.dm-dns-signing-key"
FULL = ("no-push", "public", "pushers", "spell", "three", "two")
EARLY: dict[str, Any] = {
    "after": ["systemd-sysusers.service", "userborn.service", "systemd-tmpfiles-setup.service"],
    "before": ["network-online.target", "nss-lookup.target", "shutdown.target"],
    "conflicts": ["shutdown.target"],
    "unitConfig": {"DefaultDependencies": False},
}
"""Of services that start before others may."""
EXAMPLE = json.loads((ROOT / "checks/demo/spell.json").read_bytes())


def all_machines() -> list[tuple[str, str]]:
    return [(case, machine) for case in FULL for machine in load(case)]


def zone_spec(case: str) -> Any:  # noqa: ANN401 - JSON
    """The zone spec of a case, which is the same on all of its machines."""
    specs = [machine[GENERATOR]["validation"]["zoneContent"] for machine in load(case).values()]
    assert all(other == specs[0] for other in specs)
    return specs[0]


def zone_of(case: str) -> conf.Zone:
    made, warnings = spec.to_zone(spec.from_json(zone_spec(case)), serial=1)
    assert warnings == []
    return made


def delegate(machine: MachineSnapshot) -> str:
    text = machine["environment.etc.systemd/dns-delegate.d/dm-dns.dns-delegate"]["text"]
    assert isinstance(text, str)
    return text


def apply_config(machine: MachineSnapshot) -> Any:  # noqa: ANN401 - JSON
    return json.loads(machine["environment.etc.dm-dns/apply.json"]["text"])


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_a_machine_fails_no_assertion_and_warns_of_nothing(case: str, name: str) -> None:
    machine = load(case)[name]
    assert machine["assertions"] == []
    assert machine["warnings"] == []


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_unbound_serves_the_zone_and_refuses_all_else(case: str, name: str) -> None:
    domain = zone_spec(case)["domain"]
    unbound = load(case)[name]["services.unbound"]
    assert unbound["enable"] is True
    assert unbound["resolveLocalQueries"] is False
    assert unbound["settings"] == {
        "auth-zone": [
            {
                "name": f'"{domain}."',
                "zonefile": f'"/var/lib/dm-dns/{domain}.zone"',
                "for-downstream": True,
                "for-upstream": True,
                "fallback-enabled": False,
            }
        ],
        "server": {
            "access-control": ["127.0.0.0/8 allow", "::1 allow"],
            "interface": ["127.0.0.1", "::1@553"],
            "hide-identity": True,
            "hide-version": True,
            "ip-freebind": True,
            "local-zone": [
                f'"{domain}." transparent',
                '"." refuse',
                *(
                    f'"{name}." refuse'
                    for name in (
                        "127.in-addr.arpa",
                        "home.arpa",
                        "invalid",
                        "localhost",
                        "onion",
                        "test",
                    )
                    if name != domain
                ),
            ],
            "module-config": '"iterator"',
            "port": 5353,
            "unblock-lan-zones": True,
            "use-systemd": True,
        },
    }


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_what_the_hook_does_not_answer_leads_nowhere(case: str, name: str) -> None:
    machine = load(case)[name]
    domain = zone_spec(case)["domain"] if apply_config(machine)["wholeDomain"] else UNAVAILABLE
    assert delegate(machine) == (
        f"[Delegate]\nDNS=255.255.255.255\nDomains=~{domain}\nDefaultRoute=no\n"
    )
    assert machine["services.resolved"] == {"enable": True}
    source = machine["environment.etc.systemd/dns-delegate.d/dm-dns.dns-delegate"]["source"]
    assert machine["systemd.services.systemd-resolved"] == {"reloadTriggers": [source]}


def test_reverse_names_are_given_where_that_is_wanted() -> None:
    for case, expected in (("three", False), ("public", True), ("spell", True)):
        assert {apply_config(found)["reverse"] for found in load(case).values()} == {expected}


def test_reverse_names_without_an_address_that_may_have_one_are_a_warning() -> None:
    machines = load("nothing-to-reverse")
    assert machines["off"]["warnings"] == []
    (warning,) = machines["on"]["warnings"]
    assert "the setting reverse of 'on' has no effect, unless /etc/hosts has other" in warning
    assert "\nno address that services export or settings have is private, " in warning
    assert "roles.default.machines.<machine>.settings.addresses" in warning
    # Where there is one, nothing is to be warned of.
    assert load("shared-domain")["certified"]["warnings"] == []


def test_the_whole_domain_is_the_clans_unless_that_is_denied() -> None:
    for case, expected in (("three", True), ("public", False)):
        assert {apply_config(found)["wholeDomain"] for found in load(case).values()} == {expected}


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_systemd_holds_the_sockets_that_resolved_and_unbound_are_asked_on(
    case: str, name: str
) -> None:
    machine = load(case)[name]
    assert machine["systemd.sockets.dm-dns-hook"]["listenStreams"] == [
        apply_config(machine)["hook"]
    ]
    unbound = machine["systemd.sockets.unbound"]
    asked = ["127.0.0.1:5353", "[::1]:553"]
    assert unbound["listenStreams"] == unbound["listenDatagrams"] == asked
    # A switch restarts services before it starts sockets that are new to the machine.
    assert machine["systemd.services.dm-dns"]["wants"] == ["dm-dns-hook.socket"]
    assert "unbound.socket" in machine["systemd.services.unbound"]["wants"]


def test_a_switch_to_another_port_brings_another_socket() -> None:
    """It does not change sockets, and unbound answers at that of systemd."""
    machine = load("other-port")["server"]
    assert "systemd.sockets.unbound" not in machine
    held = machine["systemd.sockets.unbound-5354"]
    assert held["listenStreams"] == held["listenDatagrams"] == ["127.0.0.1:5354", "[::1]:553"]
    assert held["socketConfig"]["Service"] == "unbound.service"
    service = machine["systemd.services.unbound"]
    assert "unbound-5354.socket" in service["wants"]
    assert "unbound-5354.socket" in service["after"]
    assert service["stopIfChanged"] is False
    port = apply_config(machine)["unbound"]["port"]
    assert "unbound-5354.socket" in sockets_of_unbound(port)


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_apply_has_the_paths_and_the_port_that_unbound_has(case: str, name: str) -> None:
    machine = load(case)[name]
    unbound = machine["services.unbound"]
    values = apply_config(machine)
    assert values["domain"] == zone_spec(case)["domain"]
    assert values["unbound"] == {
        "address": "127.0.0.1",
        "control": unbound["localControlSocketPath"],
        "port": unbound["settings"]["server"]["port"],
        "privileged": {"address": "::1", "port": 553},
    }
    (auth_zone,) = unbound["settings"]["auth-zone"]
    assert auth_zone["zonefile"] == f'"{values["state"]}/{values["domain"]}.zone"'
    assert values["mesh"] == "/var/lib/data-mesher/files/home/dns/cnames"


def test_without_ipv6_unbound_is_asked_where_everybody_may_bind() -> None:
    machine = load("web")["four"]
    assert apply_config(machine)["unbound"]["privileged"] is None
    assert machine["services.unbound"]["settings"]["server"]["interface"] == ["127.0.0.1"]
    assert machine["systemd.sockets.unbound"]["listenDatagrams"] == ["127.0.0.1:5353"]


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_apply_reads_its_configuration(case: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "apply.json"
    path.write_text(load(case)[name]["environment.etc.dm-dns/apply.json"]["text"])
    assert Config.read(path).domain == zone_spec(case)["domain"]


@pytest.mark.parametrize("case", FULL)
def test_every_machine_has_the_same_clan_file(case: str) -> None:
    machines = load(case).values()
    entries = [machine["environment.etc.dm-dns/clan.json"] for machine in machines]
    assert all(entry == entries[0] for entry in entries)
    values = json.loads(entries[0]["text"])
    assert values["spec"] == zone_spec(case)
    known = clan.parse(entries[0]["text"].encode(), "clan.json")
    assert known.serving.keys() == load(case).keys()


def test_the_clan_file_says_where_machines_answer_others() -> None:
    text = load("listen")["server"]["environment.etc.dm-dns/clan.json"]["text"]
    assert clan.parse(text.encode(), "clan.json").serving == {
        "client": (),
        "server": ("192.0.2.1", "2001:db8::1"),
    }


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_nothing_restarts_when_only_the_clan_file_changes(case: str, name: str) -> None:
    machine = load(case)[name]
    path = machine["environment.etc.dm-dns/clan.json"]["source"]
    users = [key for key, value in machine.items() if path in json.dumps(value)]
    assert users == ["environment.etc.dm-dns/clan.json"]


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_no_burst_of_changes_stops_the_units(case: str, name: str) -> None:
    machine = load(case)[name]
    path = machine["systemd.paths.dm-dns-health"]
    assert path["startLimitIntervalSec"] == path["pathConfig"]["TriggerLimitIntervalSec"] == 0
    units = ["services.dm-dns", "services.dm-dns-health", "services.dm-dns-hook-retry"]
    # Where a socket fails, unbound takes its port itself from then on.
    sockets = [
        key.removeprefix("systemd.") for key in machine if key.startswith("systemd.sockets.")
    ]
    assert "sockets.dm-dns-hook" in sockets
    for unit in [*units, *sockets]:
        assert machine[f"systemd.{unit}"]["startLimitIntervalSec"] == 0


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_a_hook_that_cannot_start_is_taken_away_until_it_can(case: str, name: str) -> None:
    machine = load(case)[name]
    sockets = [key for key in machine if key.startswith("systemd.sockets.dm-dns-hook")]
    for socket in sockets:
        assert machine[socket]["socketConfig"]["RemoveOnStop"] is True
    hook = machine["systemd.services.dm-dns-hook"]
    assert hook["startLimitBurst"] > 0
    assert hook["startLimitIntervalSec"] > 0
    retry = machine["systemd.services.dm-dns-hook-retry"]
    assert machine["systemd.sockets.dm-dns-hook"]["onFailure"] == ["dm-dns-hook-retry.timer"]
    assert retry["onFailure"] == ["dm-dns-hook-retry.timer"]
    assert retry["onSuccess"] == ["dm-dns-hook.service"]
    # Otherwise a timer that has elapsed is not started again.
    timer = machine["systemd.timers.dm-dns-hook-retry"]["timerConfig"]
    assert timer["RemainAfterElapse"] is False
    # What may be wrong with the one is wrong with the other.
    tried, used = retry["serviceConfig"], hook["serviceConfig"]
    assert tried["ExecStart"] == f"{used['ExecStart']} --check"
    assert tried.keys() - used.keys() == {"LogLevelMax", "SyslogLevel", "Type"}
    kept = {"FileDescriptorStoreMax", "NotifyAccess"}
    assert used.keys() - tried.keys() == {"Restart", "RestartSec", *kept}
    assert {key for key in tried.keys() & used.keys() if tried[key] != used[key]} == {"ExecStart"}


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_what_resolved_asks_is_there_as_long_as_resolved(case: str, name: str) -> None:
    machine = load(case)[name]
    sockets = [key for key in machine if key.startswith("systemd.sockets.")]
    services = [f"systemd.services.{each}" for each in ("dm-dns", "dm-dns-hook", "unbound")]
    for key in (*sockets, *services):
        unit = machine[key]
        assert unit["unitConfig"]["DefaultDependencies"] is False
        assert unit["conflicts"] == ["shutdown.target"]
        assert "shutdown.target" in unit["before"]
        # NetworkManager and others start late; local file systems do not wait for the network.
        assert not {"network.target", "basic.target", "sysinit.target"} & set(unit["after"])
    for key in sockets:
        assert machine[key]["wantedBy"] == ["sysinit.target"]
        assert {"systemd-resolved.service", "sysinit.target"} <= set(machine[key]["before"])
    # The boot does not wait for what waits for file systems.
    early = [key for key in services if "sysinit.target" in machine[key]["before"]]
    assert early == ["systemd.services.dm-dns-hook"]
    assert "systemd-tmpfiles-setup.service" not in machine[early[0]]["after"]


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_what_the_server_finds_is_judged_by_the_unit_that_can_fail(case: str, name: str) -> None:
    machine = load(case)[name]
    path = machine["systemd.paths.dm-dns-health"]["pathConfig"]
    server = machine["systemd.services.dm-dns"]
    health = machine["systemd.services.dm-dns-health"]
    for units in (path, machine["systemd.timers.dm-dns-health"]["timerConfig"]):
        assert "Unit" not in units  # it starts the service of its own name
    assert server["wantedBy"] == ["multi-user.target"]
    assert server["serviceConfig"]["Restart"] == "always"
    apply = server["serviceConfig"]["ExecStart"].removesuffix(" --watch")
    assert health["serviceConfig"]["ExecStart"] == f"{apply} --check"
    assert path["PathChanged"] == f"/run/{server['serviceConfig']['RuntimeDirectory']}/state.json"
    assert path["PathChanged"] == str(state.DIRECTORY / state.NAME)
    assert server["serviceConfig"]["RuntimeDirectoryPreserve"] is True


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_only_the_server_writes_and_talks_to_unbound(case: str, name: str) -> None:
    machine = load(case)[name]
    server = machine["systemd.services.dm-dns"]["serviceConfig"]
    health = machine["systemd.services.dm-dns-health"]["serviceConfig"]
    assert server["StateDirectory"] == "dm-dns"
    assert "unbound" in server["SupplementaryGroups"]
    assert not health.keys() & {"StateDirectory", "RuntimeDirectory"}
    # For the metric of the certificate, which only this unit can read.
    assert health["ReadWritePaths"] == f"-{state.DIRECTORY}"
    assert "unbound" not in health.get("SupplementaryGroups", [])


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_the_unit_that_judges_gets_the_certificate_of_the_mesh(case: str, name: str) -> None:
    machine = load(case)[name]
    path = apply_config(machine).get("certificate")
    health = machine["systemd.services.dm-dns-health"]["serviceConfig"]
    given = (health.get("LoadCredential"), health.get("SetCredential"))
    # systemd falls back to the second where there is no such file.
    expected = (f"certificate:{path}", "certificate:missing") if path else (None, None)
    assert given == expected
    has_mesh = machine["services.data-mesher.settings.network.files"] is not None
    assert (path is not None) == has_mesh


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_a_check_that_finds_nothing_leaves_no_line_in_the_journal(case: str, name: str) -> None:
    health = load(case)[name]["systemd.services.dm-dns-health"]["serviceConfig"]
    # What systemd says of a unit that fails has the levels err and below.
    assert health["LogLevelMax"] == health["SyslogLevel"] == "crit"
    assert health["NotifyAccess"] == "main"


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_a_switch_restarts_what_has_read_the_old_configuration(case: str, name: str) -> None:
    machine = load(case)[name]
    config_file = machine["environment.etc.dm-dns/apply.json"]["source"]
    service = machine["systemd.services.dm-dns"]
    assert config_file in service["restartTriggers"]
    assert service["stopIfChanged"] is False


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_unbound_starts_after_the_zone_is_there_and_also_without_it(case: str, name: str) -> None:
    machine = load(case)[name]
    assert machine["systemd.services.unbound"] == {
        "after": ["unbound.socket", *EARLY["after"], "dm-dns.service"],
        "before": EARLY["before"],
        "conflicts": EARLY["conflicts"],
        "unitConfig": EARLY["unitConfig"],
        "wants": ["unbound.socket", "dm-dns.service"],
        "serviceConfig": {
            "RestartMaxDelaySec": "5s",
            "RestartSec": "10ms",
            "RestartSteps": 50,
        },
        "startLimitIntervalSec": 0,
        "stopIfChanged": False,
    }
    service = machine["systemd.services.dm-dns"]
    assert service["before"] == ["unbound.service", *EARLY["before"]]
    assert service["after"] == EARLY["after"]
    # It is ready once it has written the zone file, or soon without one.
    assert service["serviceConfig"]["Type"] == "notify"


@pytest.mark.parametrize(("case", "name"), all_machines())
@pytest.mark.parametrize("unit", ["dm-dns", "dm-dns-health"])
def test_what_reads_the_zone_runs_as_its_own_user(case: str, name: str, unit: str) -> None:
    machine = load(case)[name]
    service = machine[f"systemd.services.{unit}"]["serviceConfig"]
    assert service["User"] == "dm-dns"
    assert service["Group"] == "dm-dns"
    assert service["CapabilityBoundingSet"] == ""
    assert service["ProtectSystem"] == "strict"
    assert service["IPAddressDeny"] == "any"
    assert machine["users.users.dm-dns"]["isSystemUser"] is True
    assert machine["users.groups.dm-dns"] == {}


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_the_generator_renders_the_spec_that_its_validation_has(case: str, name: str) -> None:
    generator = load(case)[name][GENERATOR]
    assert generator["share"] is True
    assert generator["files"] == {"zone.conf": {"deploy": True, "secret": False}}
    made = json.dumps(zone_spec(case), sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(made.encode()).hexdigest()[:32]
    assert generator["script"] == (
        f'dm-dns render /nix/store/{digest}-dm-dns-zone-spec.json -o "$out/zone.conf"'
        # The zone in the checkout, than which the new one must be newer.
        f" --previous {apply_config(load(case)[name])['deployed']}\n"
    )


def test_two_machines_have_the_name_of_the_service_on_one() -> None:
    assert zone_of("two").cnames == {"chat.test": "server.test"}


def test_only_the_machine_that_sends_has_the_key() -> None:
    machines = load("two")
    assert machines["server"][KEY_GENERATOR] == {
        "files": {
            "signing.key": {"deploy": True, "secret": True},
            "signing.pub": {"deploy": True, "secret": False},
        },
        "runtimeInputs": ["/nix/store/dm-dns"],
        "script": 'dm-dns keygen "$out"\n',
        "share": True,
    }
    assert KEY_GENERATOR not in machines["client"]
    assert "environment.systemPackages.dm-send-dns" not in machines["client"]


def test_dm_send_dns_is_told_where_the_key_is_and_not_the_key() -> None:
    text = load("two")["server"]["environment.systemPackages.dm-send-dns"]["text"]
    assert "--key /run/secrets/shared/dm-dns-signing-key/signing.key" in text
    assert text.startswith("exec dm-dns push /nix/store/")
    assert text.endswith(' "$@"\n')


PUSH_UNITS = ("systemd.paths", "systemd.services", "systemd.timers")


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_machines_with_the_role_push_push_automatically_unless_told_otherwise(
    case: str, name: str
) -> None:
    machine = load(case)[name]
    units = [f"{kind}.dm-dns-push" in machine for kind in PUSH_UNITS]
    has_role = "environment.systemPackages.dm-send-dns" in machine
    is_automatic = case not in {"public", "three"}
    assert units == [has_role and is_automatic] * 3


def test_without_automatic_a_zone_is_sent_by_hand_only() -> None:
    server = load("three")["server"]
    assert "environment.systemPackages.dm-send-dns" in server
    assert KEY_GENERATOR in server
    assert not [key for key in server if key.endswith(".dm-dns-push")]


def test_before_the_first_vars_generate_there_is_nothing_to_push_automatically() -> None:
    server = load("key-not-generated")["server"]
    assert not [key for key in server if key.endswith(".dm-dns-push")]


def push_units() -> list[tuple[str, str]]:
    return [
        (case, name)
        for case, name in all_machines()
        if "systemd.services.dm-dns-push" in load(case)[name]
    ]


def test_some_machines_push_automatically() -> None:
    assert {("pushers", "server"), ("pushers", "third"), ("two", "server")} <= set(push_units())


@pytest.mark.parametrize(("case", "name"), push_units())
def test_an_automatic_push_is_as_one_by_hand(case: str, name: str) -> None:
    machine = load(case)[name]
    by_hand = shlex.split(machine["environment.systemPackages.dm-send-dns"]["text"])
    command = machine["systemd.services.dm-dns-push"]["serviceConfig"]["ExecStart"].split()
    key = by_hand.index("--key") + 1
    by_hand[key] = "%d/signing.key"
    assert command[0].endswith("/bin/dm-dns")
    assert by_hand[1:3] == ["dm-dns", "push"]
    assert command[2:] == [
        *by_hand[3:-1],
        *("--automatic", "--state", "%t/dm-dns-push"),
        *("--interval", machine["services.data-mesher.settings.cluster.push_pull_interval"]),
    ]
    packages = machine["environment.systemPackages.dm-send-dns"]["runtimeInputs"]
    assert set(machine["systemd.services.dm-dns-push"]["path"]) <= set(packages)


def test_metrics_are_handed_to_node_exporter_where_that_is_wanted() -> None:
    flags = "services.prometheus.exporters.node.extraFlags"
    assert load("package")["server"][flags] == ["--collector.textfile.directory=/run/dm-dns*"]
    assert load("two")["server"][flags] == []


@pytest.mark.parametrize(("case", "name"), push_units())
def test_the_command_line_of_the_unit_is_understood(case: str, name: str) -> None:
    command = load(case)[name]["systemd.services.dm-dns-push"]["serviceConfig"]["ExecStart"]
    parser = argparse.ArgumentParser()
    push.add_arguments(parser)
    args = parser.parse_args(command.split()[2:])
    assert args.automatic
    assert args.interval == {"2s": 2, "5s": 5, "30s": 30}[command.split()[-1]]
    assert str(args.mesh_file) == apply_config(load(case)[name])["mesh"]


@pytest.mark.parametrize(("case", "name"), push_units())
def test_the_unit_gets_the_key_as_a_credential(case: str, name: str) -> None:
    machine = load(case)[name]
    service = machine["systemd.services.dm-dns-push"]["serviceConfig"]
    key = "/run/secrets/shared/dm-dns-signing-key/signing.key"
    assert service["LoadCredential"] == f"signing.key:{key}"
    assert key not in service["ExecStart"]
    # Nothing in a snapshot, which is all in the store, has a private key.
    assert "PRIVATE KEY" not in json.dumps(machine)
    assert "MC4CAQAwBQYDK2Vw" not in json.dumps(machine)


@pytest.mark.parametrize(("case", "name"), push_units())
def test_the_unit_has_the_sandbox_of_apply(case: str, name: str) -> None:
    machine = load(case)[name]
    service = machine["systemd.services.dm-dns-push"]["serviceConfig"]
    apply = machine["systemd.services.dm-dns"]["serviceConfig"]
    assert service["User"] == service["Group"] == "dm-dns-push"
    assert service["SupplementaryGroups"] == ["data-mesher"]
    other = ("Exec", "Group", "OOM", "Restart", "Runtime", "State", "Supplementary", "Timeout")
    sandbox = {
        name
        for name in apply
        if not name.startswith(other) and name not in {"TasksMax", "Type", "UMask", "User"}
    }
    assert len(sandbox) > 20
    differences = {name for name in sandbox if service[name] != apply[name]}
    assert differences == {"RestrictAddressFamilies"}


def test_units_start_where_nobody_may_have_a_user_namespace() -> None:
    for case, private in (("no-user-namespaces", False), ("two", True)):
        services = [
            value["serviceConfig"]
            for key, value in load(case)["server"].items()
            if key.startswith("systemd.services.dm-dns")
        ]
        assert len(services) == 5
        assert {service["PrivateUsers"] for service in services} == {private}


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_units_have_limits_that_a_run_which_is_killed_for_them_does_not_end(
    case: str, name: str
) -> None:
    machine = load(case)[name]
    for unit in ("dm-dns", "dm-dns-health", "dm-dns-hook", "dm-dns-push"):
        key = f"systemd.services.{unit}"
        if key in machine:
            assert {"MemoryMax", "TasksMax"} <= machine[key]["serviceConfig"].keys()
    # The run is a child of the server.
    assert machine["systemd.services.dm-dns"]["serviceConfig"]["OOMPolicy"] == "continue"


@pytest.mark.parametrize(("case", "name"), push_units())
def test_a_boot_and_each_switch_start_the_unit_and_do_not_wait_for_it(case: str, name: str) -> None:
    machine = load(case)[name]
    unit = machine["systemd.services.dm-dns-push"]
    assert unit["wantedBy"] == ["multi-user.target"]
    assert unit["serviceConfig"]["Type"] == "exec"
    assert "RemainAfterExit" not in unit["serviceConfig"]
    assert "restartIfChanged" not in unit
    # The path of zone.conf has its hash, so the unit changes with the zone.
    assert apply_config(machine)["deployed"] in unit["serviceConfig"]["ExecStart"]


@pytest.mark.parametrize(("case", "name"), push_units())
def test_the_unit_looks_again_when_the_mesh_changes(case: str, name: str) -> None:
    machine = load(case)[name]
    assert machine["systemd.paths.dm-dns-push"]["pathConfig"] == {
        "PathChanged": str(Path(apply_config(machine)["mesh"]).parent),
        "TriggerLimitIntervalSec": 0,
    }
    assert machine["systemd.paths.dm-dns-push"]["startLimitIntervalSec"] == 0
    assert machine["systemd.services.dm-dns-push"]["startLimitIntervalSec"] == 0


def test_all_data_meshers_accept_the_zone_from_the_one_key() -> None:
    key = EXAMPLE["signing_pub"]
    for case in ("pushers", "spell", "three", "two"):
        for machine in load(case).values():
            files = machine["services.data-mesher.settings.network.files"]
            assert files == {"dns/cnames": [key]}
            assert machine["services.data-mesher.pluginDirectories"] == ["dns"]


def test_the_example_clan_has_the_names_it_had() -> None:
    made = zone_of("spell")
    newest = EXAMPLE["zones"][-1]
    assert made.cnames == {
        endpoint["host"]: f"{endpoint['machine']}.spell" for endpoint in newest["endpoints"]
    }
    lines = conf.render(made).splitlines()
    assert [line for line in lines if line.startswith("local-zone:") or "CNAME" in line] == (
        newest["zone_conf"].splitlines()
    )


def test_the_example_clans_machines_have_their_addresses() -> None:
    found = {name: machine["addresses"] for name, machine in zone_spec("spell")["machines"].items()}
    assert found == EXAMPLE["machines"]


def test_the_example_clan_has_a_printer() -> None:
    assert zone_spec("spell")["devices"] == EXAMPLE["devices"]
    assert zone_of("spell").addresses["printer.spell"] == ("192.168.1.20",)


def test_the_example_clan_has_all_settings_of_a_clan_on_its_nodes() -> None:
    spec = zone_spec("nodes")
    assert spec["localNetworks"]["home"]["router"] == {
        "address": nixos.GATEWAY,
        "linkAddress": nixos.GATEWAY_LINK,
    }
    assert spec["devices"]["printer"]["addresses"] == ["192.168.1.20@home"]
    # The address of its link there, and those that it has in the case `spell`.
    number = list(spec["machines"]).index("nephtear") + 1
    assert spec["machines"]["nephtear"]["addresses"] == [
        f"{nixos.link_address(number)}@home",
        *EXAMPLE["machines"]["nephtear"],
    ]
    for name, machine in load("nodes").items():
        config = apply_config(machine)
        assert config["reverse"]
        assert config["search"]
        assert not config["wholeDomain"]
        assert machine["assertions"] == []
        # Devices miss the public names of the domain, unless they ask for the clan's only.
        assert len(machine["warnings"]) == (name == "zoltraak")
        assert ("allow" in config) == (name == "zoltraak")


def test_a_machine_of_the_example_clan_answers_its_lan_and_a_vpn() -> None:
    server = load("lan")["zoltraak"]["services.unbound"]["settings"]["server"]
    assert server["interface"] == [
        "127.0.0.1",
        "::1@553",
        "192.168.1.4@53",
        "fd35:f254:ab26:d7ec:8d99:931b:b832:28fb@53",
    ]
    assert server["access-control"] == [
        "127.0.0.0/8 allow",
        "::1 allow",
        "192.168.1.0/24 allow",
        "fd35:f254:ab26:d7ec:8d99:9300::/88 allow",
    ]


def test_both_push_machines_of_the_example_clan_can_send() -> None:
    senders = [
        name
        for name, machine in load("spell").items()
        if "environment.systemPackages.dm-send-dns" in machine
    ]
    assert senders == EXAMPLE["push_machines"]


def test_the_settings_names_are_exported_for_other_services() -> None:
    exports = read("three")["exports"]
    assert exports["exports.dm-dns:dm-dns:default:third"] == {
        "endpoints": {"hosts": ["*.pages.test", "shared.test"]}
    }
    assert "exports.dm-dns:dm-dns:default:client" not in exports


def test_without_push_role_and_mesh_names_resolve_as_they_were_deployed() -> None:
    machine = load("no-push")["server"]
    assert zone_of("no-push").cnames == {"chat.test": "server.test"}
    assert apply_config(machine)["deployed"].endswith("zone.conf")
    groups = machine["systemd.services.dm-dns"]["serviceConfig"]["SupplementaryGroups"]
    assert groups == ["unbound"]
    assert machine["services.data-mesher.settings.network.files"] is None
    assert read("no-push")["exports"] == {}


def test_before_the_first_vars_generate_the_generators_can_be_had() -> None:
    machine = load("key-not-generated")["server"]
    assert zone_of("key-not-generated").cnames == {"chat.test": "server.test"}
    assert machine[KEY_GENERATOR]["script"] == 'dm-dns keygen "$out"\n'
    assert "--previous" not in machine[GENERATOR]["script"]
    assert apply_config(machine)["deployed"] is None


def test_without_the_key_the_message_says_which_command_makes_it() -> None:
    exports = read("key-not-generated")["exports"]
    assert exports["exports.dm-dns:dm-dns:push:server"] == {
        "throws": (
            "dm-dns: the key that signs the zone is not generated yet.\n"
            "Run 'clan vars generate server -g dm-dns-signing-key'."
        )
    }


def test_sending_a_zone_that_was_not_generated_says_what_to_run() -> None:
    text = load("key-not-generated")["server"]["environment.systemPackages.dm-send-dns"]["text"]
    done = subprocess.run(["bash", "-euc", text], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "dm-dns: when 'server' was deployed, the zone was not generated yet.\n"
        "Run 'clan vars generate server' and deploy it again.\n"
    )


def test_a_host_of_two_machines_has_the_addresses_of_both() -> None:
    made = zone_of("duplicates")
    assert made.addresses["shared.test"] == ("fd00::1", "fd00::2")
    assert "shared.test" not in made.cnames


def test_a_host_of_two_services_of_one_machine_is_one_alias() -> None:
    hosts = [endpoint["host"] for endpoint in zone_spec("duplicates")["endpoints"]]
    assert hosts.count("twice.test") == 1
    assert zone_of("duplicates").cnames == {"twice.test": "server.test"}


def test_a_host_of_two_machines_without_address_stops_the_evaluation() -> None:
    message = load("duplicate-without-address")["server"][GENERATOR]["throws"]
    for machine in ("client", "server"):
        assert (
            "host \"shared.test\" of service 'endpoints', instance 'chat', role 'default'"
            f" on machine '{machine}'"
        ) in message
    assert "Remedy: set roles.default.machines.<machine>.settings.addresses" in message


def test_virtual_hosts_of_exported_names_listen_on_the_clans_addresses_only() -> None:
    machine = load("listen")["server"]
    internal = {"listenAddresses": ["[fd00::1]", "10.0.0.1", "127.0.0.1", "[::1]"]}
    assert machine["services.caddy.virtualHosts"] == {"git.test": internal}
    assert machine["services.nginx.virtualHosts"] == {
        "chat.test": internal,
        # exported by another machine
        "client-only.test": {},
        "merged.test": internal,
        # decided by the user
        "set.test": {"listenAddresses": ["0.0.0.0"]},  # noqa: S104
        # outside the domain
        "www.example.org": {},
    }


INTERNAL = ["[fd00::1]", "10.0.0.1", "127.0.0.1", "[::1]"]
"""Where restricted virtual hosts of `server` in the case virtual-hosts listen."""


def listening(service: str) -> dict[str, list[str]]:
    """Where each virtual host of that machine listens; nowhere stands for the web server's own."""
    virtual_hosts = load("virtual-hosts")["server"][f"services.{service}.virtualHosts"]
    return {name: host.get("listenAddresses", []) for name, host in virtual_hosts.items()}


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("nginx", "Capitals.TEST"),
        ("nginx", "alias"),  # serverAliases
        ("nginx", "chat"),  # serverName
        ("nginx", "files.test"),  # with more names: of the clan, and a single label
        ("caddy", "git.test:8080, http://files.test/files"),
        ("caddy", "http://chat.test:8080"),
        ("caddy", "wiki"),  # hostName
        ("nginx", "wiki"),  # without the domain
        ("caddy", "http://alias"),
    ],
)
def test_a_virtual_host_is_the_clans_by_any_of_its_names(service: str, name: str) -> None:
    assert listening(service)[name] == INTERNAL


EVERYWHERE = {"caddy": ['""'], "nginx": ["0.0.0.0", "[::0]"]}  # noqa: S104


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("nginx", "mixed.test"),
        ("nginx", "www.example.com"),
        ("caddy", ":8080"),
        ("caddy", "mixed.test"),
        ("caddy", "www.example.com"),
    ],
)
def test_a_site_with_a_name_outside_the_clan_stays_public(service: str, name: str) -> None:
    assert listening(service)[name] == [*INTERNAL, *EVERYWHERE[service]]


def test_a_site_listens_where_the_caddyfile_says_as_far_as_that_is_known() -> None:
    virtual_hosts = load("virtual-hosts")["bound"]["services.caddy.virtualHosts"]
    assert virtual_hosts["bound.web.test"]["listenAddresses"] == ["10.0.0.9", "127.0.0.1", "[::1]"]
    assert "listenAddresses" not in virtual_hosts["mixed.web.test"]


def test_a_virtual_host_is_known_by_its_server_name_and_not_by_that_of_its_attribute() -> None:
    assert listening("nginx")["git.test"] == []


def test_a_single_label_that_the_clan_does_not_have_is_left_alone() -> None:
    assert listening("nginx")["box"] == []


@pytest.mark.parametrize("service", ["caddy", "nginx"])
def test_a_definition_of_whatever_priority_stays_and_is_restricted(service: str) -> None:
    virtual_hosts = load("virtual-hosts")["server"][f"services.{service}.virtualHosts"]
    assert virtual_hosts["forced.test"] == {"listenAddresses": INTERNAL}
    content = {"caddy": {"extraConfig": "respond default"}, "nginx": {"root": "/srv"}}[service]
    assert virtual_hosts["default.test"] == {"listenAddresses": INTERNAL, **content}


def test_where_a_virtual_host_listens_is_its_owners_decision() -> None:
    virtual_hosts = load("virtual-hosts")["server"]["services.nginx.virtualHosts"]
    assert virtual_hosts["set-default.test"] == {"listenAddresses": ["192.0.2.1"]}
    assert virtual_hosts["set-forced.test"] == {"listenAddresses": ["192.0.2.1"]}
    assert virtual_hosts["listen.test"] == {"listen": [{"addr": "192.0.2.1"}]}


def test_a_machines_own_name_answers_where_nixos_has_it_in_etc_hosts() -> None:
    assert listening("nginx")["server.test"] == [*INTERNAL, "127.0.0.2"]


def test_a_machine_without_ipv6_has_no_loopback_address_of_it() -> None:
    four = load("virtual-hosts")["four"]["services.nginx.virtualHosts"]["four.web.test"]
    assert four["listenAddresses"] == ["10.0.0.4", "127.0.0.1"]


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("bound", {"net.ipv4.ip_nonlocal_bind": 1}),
        ("four", {"net.ipv4.ip_nonlocal_bind": 1}),
        ("server", {"net.ipv4.ip_nonlocal_bind": 1, "net.ipv6.ip_nonlocal_bind": 1}),
        ("set", {"net.ipv6.ip_nonlocal_bind": 0}),  # by its owner
        ("six", {"net.ipv6.ip_nonlocal_bind": 1}),  # for caddy alone
        ("stopped", {}),
        ("unrestricted", {}),
    ],
)
def test_a_web_server_that_is_restricted_need_not_wait_for_its_addresses(
    machine: str, expected: dict[str, int]
) -> None:
    sysctl = load("virtual-hosts")[machine]["boot.kernel.sysctl"]
    assert {key: value for key, value in sysctl.items() if "nonlocal" in key} == expected


def test_unbound_answers_the_lan_on_port_53_where_it_is_told_to() -> None:
    machine = load("listen")["server"]
    server = machine["services.unbound"]["settings"]["server"]
    assert server["interface"] == ["127.0.0.1", "::1@553", "192.0.2.1@53", "2001:db8::1@53"]
    assert server["access-control"] == [
        "127.0.0.0/8 allow",
        "::1 allow",
        "192.0.2.0/24 allow",
        "2001:db8::/64 allow",
    ]
    assert server["port"] == 5354
    # unbound would take the first socket of systemd's for each of its addresses.
    assert server["use-systemd"] is False
    assert "systemd.sockets.unbound" not in machine
    assert apply_config(machine)["unbound"]["port"] == 5354
    assert machine["assertions"] == []


def test_addresses_are_those_of_all_networks_within_the_clan() -> None:
    machines = zone_spec("networks")["machines"]
    # A network has a host name and link-local addresses for it, and the service `internet` leads
    # outside: none of these counts.
    assert machines["server"]["addresses"] == ["10.2.0.2", "192.0.2.1", "fd01::2"]


def test_the_setting_networks_chooses() -> None:
    assert zone_spec("networks")["machines"]["client"] == {"addresses": ["fd02::1"]}


def test_what_needs_addresses_that_are_not_generated_waits_for_them() -> None:
    assert zone_spec("networks")["machines"]["new"] == {"addresses": []}
    assert zone_of("networks").cnames == {"chat.test": "server.test"}


def test_a_wildcard_an_underscore_and_a_name_that_is_not_ascii_are_aliases() -> None:
    assert zone_of("wildcard").cnames == dict.fromkeys(
        ["*.pages.test", "_matrix.test", "xn--bcher-kva.test"], "server.test"
    )


def test_a_thousand_machines_have_ten_names_each() -> None:
    machine = load("many")["m500"][GENERATOR]
    found = machine["validation"]["zoneContent"]
    assert (found["machines"], found["endpoints"]) == (1000, 10_000)
    endpoints = sorted(
        (
            {
                "host": f"s{name}-m{number}.test",
                "instance": "web",
                "machine": f"m{number}",
                "role": "default",
                "service": "endpoints",
            }
            for number in range(1000)
            for name in range(10)
        ),
        key=lambda endpoint: endpoint["host"],
    )
    machines: dict[str, dict[str, list[str]]] = {
        f"m{number}": {"addresses": []} for number in range(1000)
    }
    whole = {"domain": "test", "endpoints": endpoints, "machines": machines}
    made = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    assert found["sha256"] == hashlib.sha256(made.encode()).hexdigest()


def test_wrong_settings_stop_the_evaluation_with_all_that_is_wrong() -> None:
    message = load("wrong-settings")["server"][GENERATOR]["throws"]
    assert "setting addresses of machine 'server':\n  \"192.0.2.1/24\": no local network" in message
    assert "setting networks of machine 'server':\n  no instance \"vpn2\" exports" in message
    assert "setting names of machine 'server':\n  \"git.example.org\" is not below" in message
    assert "machine 'server':\n  the name has 2001 addresses; a name has at most 2000" in message
    assert "name \"all.test\" in the setting names of machine 'server'" in message
    assert "of machine 'server':\n  the name has 2002 addresses; a name has at most" in message
    assert message.count("Remedy: ") == 5


@pytest.mark.parametrize(
    ("case", "name"), [("search", "on"), ("search", "other-domain"), ("spell", "zoltraak")]
)
def test_short_names_have_a_hook_of_their_own(case: str, name: str) -> None:
    machine = load(case)[name]
    socket = machine["systemd.sockets.dm-dns-hook-search"]
    assert socket["listenStreams"] == [apply_config(machine)["search"]]
    assert socket["socketConfig"]["Service"] == "dm-dns-hook.service"
    assert socket["wantedBy"] == ["sysinit.target"]
    service = machine["systemd.services.dm-dns-hook"]
    # In a switch a restart of the service starts the socket, which it cannot while that is running.
    assert service["wants"] == ["dm-dns-hook-search.socket"]
    assert "dm-dns-hook-search.socket" in service["after"]
    # It is not a search domain: nothing else may change for other names.
    assert f"Domains=~{zone_spec(case)['domain']}\n" in delegate(machine)
    assert machine["services.resolved"] == {"enable": True}


def test_short_names_and_reverse_names_need_not_have_the_whole_domain() -> None:
    found = load("shared-domain")["certified"]
    values = apply_config(found)
    assert values["search"]
    assert values["reverse"] is True
    assert values["wholeDomain"] is False
    assert found["assertions"] == found["warnings"] == []


def test_without_the_setting_nothing_is_there_for_short_names() -> None:
    without = [(case, name) for case, name in all_machines() if case != "spell"]
    for case, name in [*without, ("search", "off"), ("search", "same-domain")]:
        machine = load(case)[name]
        assert apply_config(machine)["search"] is None
        assert "systemd.sockets.dm-dns-hook-search" not in machine
        assert "wants" not in machine["systemd.services.dm-dns-hook"]


def test_a_search_domain_that_has_no_effect_is_a_warning() -> None:
    machines = load("search")
    assert {name: len(machine["warnings"]) for name, machine in machines.items()} == {
        "off": 0,
        "on": 0,
        "other-domain": 0,
        "same-domain": 1,
    }
    (warning,) = machines["same-domain"]["warnings"]
    assert warning.startswith(
        "dm-dns: networking.search on 'same-domain' has the clan's domain, but systemd-resolved"
    )
    assert "roles.default.settings.search of dm-dns" in warning


def test_devices_are_in_the_zone_with_all_of_their_names() -> None:
    zone = zone_of("devices")
    assert zone.addresses["printer.test"] == ("192.168.1.20", "fd00::20")
    assert zone.addresses["nas.test"] == ("192.168.1.30",)
    # One that a machine exports as well.
    assert zone.addresses["files.test"] == ("192.168.1.2", "192.168.1.30")
    assert zone.cnames == {"print.test": "printer.test", "*.nas.test": "nas.test"}


def test_the_clan_file_says_who_sets_a_device() -> None:
    for machine in load("devices").values():
        entry = machine["environment.etc.dm-dns/clan.json"]
        found = clan.parse(entry["text"].encode(), "clan.json")
        assert found.devices == {"nas": ("client", "server"), "printer": ()}
        assert found.spec == spec.from_json(zone_spec("devices"))


def test_wrong_devices_stop_the_evaluation_with_where_each_is_set() -> None:
    message = load("wrong-devices")["server"][GENERATOR]["throws"]
    assert (
        "device 'printer':\n  machines set it differently:"
        ' addresses ["192.168.1.20","192.168.1.21"] and names [] in the settings of machine'
        " 'server'; addresses [\"192.168.1.20\"] and names [] in the settings of machines 'client',"
        " 'third'\n  Remedy: set it once, in roles.default.settings.devices of dm-dns"
    ) in message
    assert "device 'camera':\n  machines set it differently: addresses" in message
    assert "devices 'Phone', 'phone':\n  they differ only in case" in message
    of_role, of_server = "the role default", "machine 'server'"
    for subject, rule in (
        (f"device 'nothing' in the setting devices of {of_role}", "it has no address"),
        (f"device 'many' in the setting devices of {of_role}", "the name has 2001 addresses"),
        (
            f"device 'third' in the setting devices of {of_role}",
            "it has the name of machine 'third'",
        ),
        (f"device 'nas' in the setting devices of {of_server}", '"nas.lan" is not an IP address'),
        (
            f"name \"files\" of device 'nas' in the setting devices of {of_server}",
            "it is not below",
        ),
        (
            f"name \"third.test\" of device 'nas' in the setting devices of {of_server}",
            "it is the name of machine 'third'",
        ),
    ):
        assert f"{subject}:\n  {rule}" in message
    assert message.count("Remedy: ") == 9


def test_local_networks_and_addresses_there_are_in_the_zone() -> None:
    local = zone_of("local-networks").local
    home = Network("192.168.1.0/24", "192.168.1.1", "52:54:00:12:34:56")
    assert local == Local(
        {
            "home": home,
            "parents": home._replace(link_address="52:54:00:12:34:57"),
            "office": Network("fd00:1::/64", "fd00:1::1", "52:54:00:ab:cd:ef", only=True),
        },
        {
            "laptop.test": (("office", "fd00:1::10"),),
            "nas.test": (("home", "192.168.1.10"), ("parents", "192.168.1.11")),
            "printer.test": (("home", "192.168.1.20"),),
            "router.test": (("home", "192.168.1.1"),),
        },
    )
    assert zone_of("local-networks").shared == {"www.test": ("laptop.test", "nas.test")}


def test_an_address_in_a_local_network_may_be_valid_elsewhere_as_well() -> None:
    own = zone_of("local-networks").addresses["nas.test"]
    assert own == ("192.168.1.12", "fd00:1::12", "fd09::2")


ITSELF = "write the address of the machine or device itself"
OTHER = "write an address that other machines reach, such as one in a LAN or a VPN"


def problems(case: str) -> list[str]:
    """What stopped the evaluation: of each problem the subject, the rule and the remedy."""
    _heading, *found = load(case)["server"][GENERATOR]["throws"].split("\n\n")
    assert all(problem.count("\n  Remedy: ") == 1 for problem in found)
    return list(found)


@pytest.mark.parametrize(
    ("address", "rule", "remedy"),
    [
        ("0.0.0.0", "stands for all addresses", OTHER),  # noqa: S104
        ("0.0.0.1", "is a multicast or reserved address", OTHER),
        ("127.0.0.2", "is a loopback address", OTHER),
        ("169.254.1.1", "is link-local", OTHER),
        ("224.0.0.251", "is a multicast or reserved address", OTHER),
        ("240.0.0.1", "is a multicast or reserved address", OTHER),
        ("::", "stands for all addresses", OTHER),
        ("::1", "is a loopback address", OTHER),
        ("::1/128", "is a loopback address", OTHER),
        ("::ffff:c0a8:101", "is an IPv4 address in IPv6 notation", "write the IPv4 address"),
        ("FF02::1", "is a multicast or reserved address", OTHER),
        ("fe80::1", "is link-local", OTHER),
        ("fe80::1%eth0", "is link-local", OTHER),
        (
            "10.4.1.1",
            "is in the prefix of localNetworks.n4, and machines elsewhere",
            'write "10.4.1.1/16" if it is valid there only, or "10.4.1.1/32" if',
        ),
        (
            "FD00:1::10",
            "is in the prefix of localNetworks.office, and machines elsewhere",
            'write "fd00:1::10/64" if it is valid there only, or "fd00:1::10/128" if',
        ),
        ("10.4.255.255", "is the broadcast address of 10.4.0.0/16", f"{ITSELF}, with /16 after it"),
        (
            "192.168.1.0",
            "is the address of the network 192.168.1.0/24 itself",
            f"{ITSELF}, with /24@home after it",
        ),
        (
            "FD00:1::",
            "is the address of the network fd00:1::/64 itself",
            f"{ITSELF}, with /64 after it",
        ),
        (
            # A host in the wider of two networks may have the broadcast address of the other.
            "172.16.1.255",
            "is in the prefix of localNetworks.corporate and localNetworks.lab, and machines",
            'write "172.16.1.255/12@corporate" if it is valid there only, or "172.16.1.255/32" if',
        ),
        (
            # With "10.4.1.10" alone, the next evaluation would stop.
            "10.4.1.10/24",
            ": no local network 10.4.1.0/24 is declared, and the address is in localNetworks.n4",
            'write "10.4.1.10/16" if it is valid there only, or "10.4.1.10/32" if',
        ),
        (
            # With its prefix length, it is a broadcast address.
            "10.4.1.255/24",
            ": no local network 10.4.1.0/24 is declared, and the address is in localNetworks.n4",
            'write "10.4.1.255/16" if it is valid there only, or "10.4.1.255/32" if',
        ),
        (
            "10.4.1.127/25@n4",
            ": local network 'n4' has the prefix 10.4.0.0/16, not 10.4.1.0/25",
            'write "10.4.1.127/16" if it is valid there only, or "10.4.1.127/32" if',
        ),
        (
            "192.168.1.10/25",
            ": no local network 192.168.1.0/25 is declared, and the address is in",
            'write "192.168.1.10/24@home" if it is valid there only, or "192.168.1.10/32" if',
        ),
        (
            "192.168.1.255/16",
            ": no local network 192.168.0.0/16 is declared, and 192.168.1.255 is the broadcast",
            f"{ITSELF}, with /24@home after it, or declare that network, in",
        ),
        (
            "FD00:1::10/56",
            ": no local network fd00:1:0:0::/56 is declared, and the address is in",
            'write "fd00:1::10/64" if it is valid there only, or "fd00:1::10/128" if',
        ),
    ],
)
def test_an_address_that_leads_nowhere_or_astray_stops_the_evaluation(
    address: str, rule: str, remedy: str
) -> None:
    (found,) = [
        problem
        for problem in problems("wrong-addresses")
        if f'"{address}"{"" if rule.startswith(":") else " "}{rule}' in problem
    ]
    assert found.startswith("setting addresses of machine 'server':\n  ")
    assert f"\n  Remedy: {remedy}" in found


@pytest.mark.parametrize(
    ("subject", "rule", "remedy"),
    [
        (
            "device 'printer' in the setting devices of the role default",
            '"192.168.1.20" is in the prefix of localNetworks.home and localNetworks.parents, and',
            'write "192.168.1.20/24@home" if it is valid there only, or "192.168.1.20/32" if',
        ),
        (
            "device 'phone' in the setting devices of the role default",
            '"127.0.0.1" is a loopback address, which each machine has itself',
            OTHER,
        ),
        (
            "of device 'printer' in the setting devices of the role default",
            '":" is not allowed in a name',
            "give the device another name",
        ),
        (
            "in the setting names of machine 'server'",
            '":" is not allowed in a name',
            "write git.test, without a port or a path",
        ),
        (
            "setting localNetworks of the role default",
            "it has 101 networks; a clan has at most 100",
            "remove some of them",
        ),
    ],
)
def test_what_else_is_wrong_there_is_told_once(subject: str, rule: str, remedy: str) -> None:
    expected = f"{subject}:\n  {rule}"
    (found,) = [problem for problem in problems("wrong-addresses") if expected in problem]
    assert f"\n  Remedy: {remedy}" in found


def test_all_that_is_wrong_there_is_known() -> None:
    assert len(problems("wrong-addresses")) == 25 + 5


def test_the_server_may_ask_routers_and_nothing_else_may() -> None:
    for name, machine in load("local-networks").items():
        prefixes = ["192.168.1.0/24", "fd00:1::/64"]
        server = machine["systemd.services.dm-dns"]["serviceConfig"]
        assert server["IPAddressAllow"] == ["localhost", *prefixes], name
        assert server["IPAddressDeny"] == "any"
        for unit in ("dm-dns-health", "dm-dns-hook"):
            config = machine[f"systemd.services.{unit}"]["serviceConfig"]
            assert config["IPAddressAllow"] == "localhost"


@pytest.mark.parametrize(("case", "name"), all_machines())
def test_without_local_networks_the_server_reaches_nothing(case: str, name: str) -> None:
    server = load(case)[name]["systemd.services.dm-dns"]["serviceConfig"]
    has_networks = "localNetworks" in zone_spec(case)
    assert (server["IPAddressAllow"] == "localhost") != has_networks


def test_who_answers_others_knows_whom() -> None:
    allow = {
        name: apply_config(machine).get("allow") for name, machine in load("local-networks").items()
    }
    assert allow == {
        "laptop": None,
        "nas": ["192.168.1.0/24", "fd09::/64"],
        "router": ["192.168.1.0/24"],
    }


def test_wrong_local_networks_stop_the_evaluation_with_what_to_write() -> None:
    message = load("wrong-local-networks")["server"][GENERATOR]["throws"]
    declare = """\
declare that network, in the settings of the role default:
    localNetworks.<name> = {
      prefix = "{prefix}";
      router = { address = "{first}"; linkAddress = "<link address>"; };
    };
  with the address of a host that is always there, and its link address: on a machine in that \
network, `ip neigh show {first}` prints the router's, after lladdr
"""
    for address, prefix, first in (
        ("10.1.2.3", "10.1.0.0/16", "10.1.0.1"),
        ("fd00:1:2:3::4", "fd00:1:2:3::/64", "fd00:1:2:3::1"),
    ):
        remedy = declare.replace("{prefix}", prefix).replace("{first}", first)
        text = f'Remedy: write "{address}" if it is valid everywhere, or {remedy}'
        assert f"no local network {prefix} is declared, so nobody can tell" in message
        assert text in message
    of_nothing = "setting localNetworks.nothing of the role default:\n  "
    problems = [
        "setting localNetworks.mine of the role default:\n  machines set it differently",
        f'{of_nothing}prefix "" is not an address with a prefix length',
        f'{of_nothing}router.address "" is not an IP address',
        f'{of_nothing}router.linkAddress "" is not a link address, such as 52:54:00:12:34:56',
        "settings localNetworks.home and localNetworks.mine:\n  they have the same router",
        '"fe80::1/64" is not an address that a host can have on a local network',
        "\"192.168.178.10/24@cafe\": there is no local network 'cafe'\n  Remedy: use 'home' or",
        '"192.168.178.10@home" has no prefix length, as an address of a local network has',
        '"192.168.178.10/33@home": its prefix length is 33, and that of a network with IPv4 is',
        '"192.168.178.10/0": its prefix length is 0, and that of a network with IPv4 is from',
        "\"10.1.2.3/24@home\": local network 'home' has the prefix 192.168.178.0/24, not 10.1",
        '"nas/24" is not an IP address with a prefix length',
        "\"192.168.178.20/24\": the local networks 'home' and 'mine' and 'parents' have this",
    ]
    assert [problem for problem in problems if problem not in message] == []
    assert message.count("Remedy: ") == len(problems) + 2
    assert 'Remedy: write which one it is, such as "192.168.178.20/24@home"' in message


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (
            "forwarder",
            [
                (
                    "in services.unbound:\n"
                    "  enable, in option machines.forwarder\n"
                    "  settings.forward-zone, in option machines.forwarder\n"
                    "  settings.server.ip-freebind, in option machines.forwarder\n"
                    "  settings.server.local-zone, in option machines.forwarder\n"
                    "  settings.server.port, in option machines.forwarder\n"
                )
            ],
        ),
        (
            "handwritten",
            [
                (
                    "in services.unbound:\n"
                    "  localControlSocketPath, in option machines.handwritten\n"
                    "  resolveLocalQueries, in option machines.handwritten\n"
                    "  settings.remote-control.control-interface, in option machines.handwritten\n"
                    "  settings.rpz, in option machines.handwritten\n"
                    "  settings.server.access-control-view, in option machines.handwritten\n"
                    "  settings.server.do-tcp, in option machines.handwritten\n"
                    "  settings.server.local-data, in option machines.handwritten\n"
                    "  settings.view, in option machines.handwritten\n"
                    "Remove these definitions"
                )
            ],
        ),
        ("tuner", []),
        ("half-open", ["'half-open' sets listen and not allow"]),
        ("listener", ["in its setting listen:", "192.168.1.0/99, fd00::/129, 1.2.3."]),
        ("old", ["hooks of systemd-resolved need systemd 259; 'old' has 257.9."]),
        (
            "unresolved",
            [
                "in services.unbound:\n  enableRootTrustAnchor, in option machines.unresolved\n",
                "services.resolved.enable is false",
            ],
        ),
        ("sender", ["'sender' has the role push but not the role default", "no data-mesher"]),
    ],
)
def test_a_misconfigured_machine_is_told_what_is_wrong(machine: str, expected: list[str]) -> None:
    assertions = load("misconfigured")[machine]["assertions"]
    assert len(assertions) == len(expected)
    for message, part in zip(assertions, expected, strict=True):
        assert part in message


STUB = '"/run/systemd/resolve/stub-resolv.conf"'


@pytest.mark.parametrize(
    ("machine", "options"),
    [
        ("container", ["networking.useHostResolvConf must be false: "]),
        ("file", [f'environment.etc."resolv.conf".source must be {STUB}: ']),
        (
            "forced",
            [
                'networking.networkmanager.dns must be "systemd-resolved": ',
                "networking.resolvconf.enable must be false: ",
            ],
        ),
        ("manager", ['networking.networkmanager.dns must be "systemd-resolved": ']),
        ("stub", ["services.resolved.settings.Resolve.DNSStubListener must be true: "]),
        ("stub-tcp", ["services.resolved.settings.Resolve.DNSStubListener must be true: "]),
    ],
)
def test_what_conflicts_with_nixos_stops_the_evaluation_with_the_remedy(
    machine: str, options: list[str]
) -> None:
    message = load("conflicts")[machine]["assertions"]["throws"]
    assert message.startswith(f"dm-dns: programs on '{machine}' must ask systemd-resolved")
    found = [line.strip() for line in message.splitlines() if " must be " in line]
    assert [line.partition("otherwise ")[0] for line in found] == options
    assert "Remove your definitions of them, or take the machine out of the role" in message


def test_what_nixos_itself_sets_for_systemd_resolved_stops_nothing() -> None:
    assert load("conflicts")["usual"]["assertions"] == []


@pytest.mark.parametrize(
    ("machine", "addresses"),
    [
        ("everywhere", ["all addresses", "all addresses", None, "all addresses"]),
        (
            "same",
            [
                "::1, 192.168.1.1",
                "127.0.0.1, FD00::1",
                "fd00::1, FD00::1, 192.168.1.1",
                "192.168.1.1",
            ],
        ),
    ],
)
def test_another_dns_server_on_the_addresses_of_unbound_stops_the_evaluation(
    machine: str, addresses: list[str | None]
) -> None:
    (message,) = load("other-servers")[machine]["assertions"]
    assert "unbound listens on 192.168.1.1, fd00::1 (setting listen)" in message
    found = dict(re.findall(r"^  services\.(\w+)\S* \((.+)\)$", message, re.MULTILINE))
    servers = ["dnsmasq", "blocky", "resolved", "adguardhome"]
    assert {server: found.get(server) for server in servers} == dict(
        zip(servers, addresses, strict=True)
    )
    for setting in (
        'dnsmasq.settings.server = [ "/test/127.0.0.1#5353" ]',
        'blocky.settings.conditional.mapping."test" = "127.0.0.1:5353"',
        'adguardhome.settings.dns.upstream_dns = [ "[/test/]127.0.0.1:5353" ]',
    ):
        assert f"  services.{setting}\n" in message


def test_resolved_on_an_address_of_unbound_stops_the_evaluation() -> None:
    (message,) = load("other-servers")["one"]["assertions"]
    assert "  services.resolved.settings.Resolve.DNSStubListenerExtra (192.168.1.1)\n" in message
    assert "  services.resolved: it resolves the clan's names already, and all others\n" in message


@pytest.mark.parametrize("machine", ["other", "unknown", "port", "alone"])
def test_another_dns_server_elsewhere_stops_nothing(machine: str) -> None:
    assert load("other-servers")[machine]["assertions"] == []


def test_another_dns_server_gets_all_names_of_a_domain_that_others_have_as_well() -> None:
    (message,) = load("shared-domain")["filtered"]["assertions"]
    for setting in (
        'dnsmasq.settings.server = [ "/example.org/127.0.0.53" ]',
        'blocky.settings.conditional.mapping."example.org" = "127.0.0.53"',
        'adguardhome.settings.dns.upstream_dns = [ "[/example.org/]127.0.0.53" ]',
    ):
        assert f"  services.{setting}\n" in message
    assert message.endswith(
        "It must not be in networking.nameservers then: each would ask the other.\n"
    )


def test_who_answers_other_devices_is_told_that_they_miss_names_of_others() -> None:
    machines = load("shared-domain")
    (warning,) = machines["listener"]["warnings"]
    assert "'listener' answers other devices (setting listen), and they get NXDOMAIN" in warning
    assert "services.resolved.settings.Resolve.DNSStubListenerExtra" in warning
    assert machines["listener"]["assertions"] == []
    assert load("lan")["zoltraak"]["warnings"] == []


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (
            "by-dns",
            [
                "by a DNS challenge below example.org",
                "security.acme.certs:\ngit.example.org, pages.",
            ],
        ),
        (
            "by-http",
            ["service exports them: blog.example.org, example.org, www.example.org."],
        ),
        ("private", []),
        ("well", []),
    ],
)
def test_certificates_show_that_a_domain_is_public(machine: str, expected: list[str]) -> None:
    found = load("whole-domain")[machine]
    assert found["assertions"] == []
    text = "".join(found["warnings"])
    assert len(found["warnings"]) == bool(expected)
    for part in (*expected, *(["roles.default.settings.wholeDomain = false"] if expected else [])):
        assert part in text


def test_where_others_have_names_as_well_a_certificate_is_nothing_to_warn_of() -> None:
    assert load("shared-domain")["certified"]["warnings"] == []


def test_a_name_that_takes_all_names_of_others_is_a_warning() -> None:
    machine = load("shared-wildcard")["server"]
    assert machine["assertions"] == []
    (warning,) = machine["warnings"]
    assert "has the name *.example.org, so all names below example.org are the clan's" in warning


def test_a_mac_asks_for_the_clans_names_only_where_others_have_names_as_well() -> None:
    macbook = load("shared-domain")["macbook"]
    prefix = "environment.etc.resolver/"
    files = {key.removeprefix(prefix): text for key, text in macbook.items() if prefix in key}
    own = ["certified", "filtered", "listener", "macbook", "git.app", "pages", "printer"]
    assert files.keys() == {f"{name}.example.org" for name in own}
    assert all("nameserver 192.168.1.1\n" in file["text"] for file in files.values())


def test_a_site_with_a_name_of_others_in_the_domain_stays_public() -> None:
    sites = load("shared-domain")["certified"]["services.nginx.virtualHosts"]
    internal = ["10.0.0.1", "127.0.0.1", "[::1]"]
    assert sites["git.app.example.org"]["listenAddresses"] == internal
    both = sites["b\u00fccher.example.org"]["listenAddresses"]
    assert both == [*internal, "0.0.0.0", "[::0]"]  # noqa: S104


def test_machines_must_agree_on_whose_the_domain_is() -> None:
    for machine in load("mixed-domain").values():
        (message,) = machine["assertions"]
        assert "machines differ in it:\n  false: kiwi\n  true: fig, plum\n" in message
        assert "roles.default.settings.wholeDomain" in message


def test_the_dead_end_must_be_outside_of_the_domain() -> None:
    (message,) = load("dead-end")["kiwi"]["assertions"]
    assert "wholeDomain = false does not work with the domain 'internal'" in message


def test_each_address_that_takes_the_names_away_is_named_with_the_reason() -> None:
    message, _allow = load("misconfigured")["listener"]["assertions"]
    reasons = dict(re.findall(r"^  (\S+): (.+)$", message, re.MULTILINE))
    assert {address: reason.split(",")[0] for address, reason in reasons.items()} == {
        "0.0.0.0": "it stands for all addresses",  # noqa: S104
        "0.0.0.1": "it is a multicast or reserved address",
        "::": "it stands for all addresses",
        "127.0.0.53": "it is a loopback address",
        "::1": "it is a loopback address",
        "1.2.3": "it is not an IP address",
        "fe80::1": "it is link-local",
        "fe80::1%eth0": "it is link-local",
        "FF02::1": "it is a multicast or reserved address",
        "224.0.0.251": "it is a multicast or reserved address",
        "::ffff:c0a8:101": "it is an IPv4 address in IPv6 notation",
    }


def test_a_second_instance_is_refused() -> None:
    (message,) = load("two-instances")["server"]["assertions"]
    assert "two instances, 'dm-dns' and 'more-dns'" in message
    assert message in load("mac-alone")["macbook"]["assertions"]


def test_a_mac_asks_where_an_address_means_the_same_everywhere_first() -> None:
    mac = load("mac-local")["macbook"]
    assert mac["assertions"] == mac["warnings"] == []
    assert mac["environment.etc.resolver/test"]["text"].splitlines()[1:] == [
        "nameserver fd00::2",
        "nameserver fd00::3",
        "nameserver 192.168.1.2",
        "flags a aaaa",
    ]


@pytest.mark.parametrize("machine", ["macbook", "mini"])
def test_a_mac_asks_machines_in_turns(machine: str) -> None:
    mac = load("mac")[machine]
    # Not `silent`, which has no `allow`, nor another Mac; and macOS ignores a fourth line.
    assert mac["environment.etc.resolver/test"]["text"].splitlines()[1:] == [
        "nameserver 192.0.2.1",  # of gateway
        "nameserver fd00::1",  # of server
        "nameserver 198.51.100.1",  # of gateway
        "flags a aaaa",
    ]
    assert mac["system.activationScripts.etc"] == {"text": "touch -h /etc/resolver/test\n"}
    assert mac["assertions"] == []
    assert mac["warnings"] == []
    assert not [key for key in mac if "generators" in key]


def test_a_mac_is_in_the_zone_as_any_machine_and_serves_none() -> None:
    machines = load("mac")
    spec = machines["server"][GENERATOR]["validation"]["zoneContent"]
    assert spec["machines"]["macbook"] == {"addresses": ["fd00::10"]}
    assert [endpoint["machine"] for endpoint in spec["endpoints"]] == ["server", "macbook"]
    text = machines["server"]["environment.etc.dm-dns/clan.json"]["text"]
    found = clan.parse(text.encode(), "clan.json")
    assert set(found.serving) == {"gateway", "server", "silent"}


@pytest.mark.parametrize(
    ("case", "machine", "part"),
    [
        (
            "mac",
            "unsuitable",
            "on which these settings have no effect:\nallow, listen, port, reverse, search.\n",
        ),
        ("mac", "pushing", "'pushing' is a Mac, and has the role push"),
        ("mac-alone", "mini", "on which these settings have no effect:\nallow, listen.\n"),
        ("mac-refused", "macbook", "the setting listen answer nobody: one, two.\nSet allow"),
    ],
)
def test_a_mac_that_could_not_resolve_a_name_or_push_is_told_why(
    case: str, machine: str, part: str
) -> None:
    assertions = load(case)[machine]["assertions"]
    assert part in assertions[0]
    assert all(message.startswith("dm-dns: a clan has one zone") for message in assertions[1:])


def test_a_mac_that_nobody_answers_is_warned_and_left_as_it_is() -> None:
    # The second instance of that clan stops it.
    macbook = load("mac-alone")["macbook"]
    (warning,) = macbook["warnings"]
    assert "the setting listen, so the Mac resolves no name of the clan" in warning
    (assertion,) = macbook["assertions"]
    assert assertion.startswith("dm-dns: a clan has one zone")
    assert [key for key in macbook if "resolver" in key or "activation" in key] == []


@pytest.mark.parametrize("machine", ["macbook", "server"])
def test_a_domain_of_multicast_dns_is_warned_of(machine: str) -> None:
    (local,) = load("mdns")[machine]["warnings"]
    (below,) = load("mdns-below")[machine]["warnings"]
    assert "the clan's domain, local, is one that RFC 6762 reserves" in local
    assert "the clan's domain, home.local, is one that RFC 6762 reserves" in below
    assert "such as printer.local" in local
    assert "printer" not in below
    assert "While unbound is stopped" in local


@pytest.mark.parametrize("machine", ["macbook", "server"])
def test_where_others_names_are_looked_up_multicast_dns_has_its_own(machine: str) -> None:
    (shared,) = (
        warning for warning in load("mdns-shared")[machine]["warnings"] if "RFC 6762" in warning
    )
    assert "printer.local" not in shared
    assert "While unbound is stopped" not in shared


def test_names_without_an_address_are_listed_where_etc_hosts_has_none_either() -> None:
    machines = load("addresses")
    (text,) = (text for text in machines["bare"]["warnings"] if " have no " in text)
    assert "exports one: a.bare.test, b.bare.test, c.bare.test, d.bare.test, e.bare.test" in text
    assert ", and 2 more.\n" in text
    for name in ("extra", "hosts", "named"):
        assert machines[name]["warnings"] == [], name


def test_an_address_that_several_have_is_told_once() -> None:
    machines = load("addresses")
    shared = {
        name: text.split("\n")
        for name, machine in machines.items()
        for text in machine["warnings"]
        if "several have" in text
    }
    assert {name: [lines[0].split(",")[0], *lines[2:4]] for name, lines in shared.items()} == {
        # the first of all machines, as those that have it are devices
        "bare": [
            "dm-dns: several have the address 192.168.1.30 on local network 'home'",
            "  device 'camera' in the setting devices of the role default",
            "  device 'door' in the setting devices of the role default",
        ],
        "nas": [
            "dm-dns: several have the address fd00::2",
            "  machine 'nas'",
            "  machine 'twin'",
        ],
    }
    # Public ones may be of a router, and each network has such an address.
    for name in ("behind", "elsewhere", "twin"):
        assert machines[name]["warnings"] == [], name


def test_an_address_to_listen_on_is_not_another_machines() -> None:
    (text,) = load("addresses")["second"]["warnings"]
    assert text.startswith("dm-dns: 'second' listens on 192.168.1.10 for other devices")
    assert "an address of\nmachine 'nas'.\n" in text


def settings_in(path: str) -> list[str]:
    """The examples of settings of the roles in a document, without blanks and comments."""
    blocks = re.findall(r"^```nix\n(.*?)^```$", (ROOT / path).read_text(), re.MULTILINE | re.DOTALL)
    found = re.findall(r"^roles\..*?;$(?=\n\S|\Z)", "".join(blocks), re.MULTILINE | re.DOTALL)
    return [normalized(example) for example in found]


def normalized(nix: str) -> str:
    return re.sub(r"\s", "", re.sub(r"#.*", "", nix))


EXAMPLES_OF_SETTINGS = [
    *settings_in("modules/dm-dns/README.md"),
    *settings_in("docs/devices-and-phones.md"),
]


@pytest.mark.parametrize("example", EXAMPLES_OF_SETTINGS)
def test_each_documented_example_of_settings_is_evaluated(example: str) -> None:
    cases = ROOT / "checks/module/cases"
    evaluated = [
        normalized((cases / f"{name}.nix").read_text())
        for name in ("documented", "documented-local")
    ]
    assert any(example in text for text in evaluated)


def test_the_documented_settings_yield_the_names_that_they_are_for() -> None:
    zone = zone_of("documented")
    assert zone.cnames == {
        "*.nas.clan.lol": "nas.clan.lol",
        "files.clan.lol": "nas.clan.lol",
        "git.clan.lol": "server.clan.lol",
    }
    local = zone_of("documented-local")
    assert local.addresses["nas.clan.lol"] == ("fd09::2",)
    assert local.local.addresses["nas.clan.lol"] == (("home", "192.168.1.10"),)
    assert local.local.addresses["printer.clan.lol"] == (("home", "192.168.1.20"),)


def test_the_documented_settings_fail_no_assertion() -> None:
    for case in ("documented", "documented-local"):
        for name, machine in load(case).items():
            assert machine["assertions"] == [], name
            # It answers devices in a domain that others use too, or outside of a local network that
            # there is. Each is an example of its own in the documents, which say so.
            assert len(machine["warnings"]) == (name == "server"), name


def test_a_machine_on_a_local_network_that_answers_devices_elsewhere_is_warned_of_that() -> None:
    machines = load("local-networks")
    told = [re.findall(r"on local network '(\w+)'", text) for text in machines["nas"]["warnings"]]
    assert told == [["home"], ["parents"]]
    assert machines["laptop"]["warnings"] == machines["router"]["warnings"] == []


def test_who_tunes_units_needs_no_priority_for_limits_and_can_have_all_by_force() -> None:
    units = {
        key.removeprefix("systemd.services."): unit for key, unit in load("tuned")["server"].items()
    }
    tuned: dict[str, dict[str, Any]] = {
        "dm-dns": {"MemoryMax": "2G", "RestartSec": "1s", "TasksMax": 32},
        "dm-dns-health": {"MemoryMax": "512M"},
        "dm-dns-hook": {"LimitNOFILE": 32768, "MemoryMax": "512M"},
        "dm-dns-push": {"MemoryMax": "2G", "RestartMaxDelaySec": "1min", "TasksMax": 512},
        "unbound": {"RestartMaxDelaySec": "30s", "RestartSec": "1s"},
    }
    for name, values in tuned.items():
        assert values.items() <= units[name]["serviceConfig"].items(), name
    assert units["dm-dns-hook"]["startLimitIntervalSec"] == 30
    assert units["unbound"]["startLimitIntervalSec"] == 30
    # The default, which snapshots leave out.
    assert "stopIfChanged" not in units["unbound"]
    assert load("two")["server"]["systemd.services.unbound"]["stopIfChanged"] is False
