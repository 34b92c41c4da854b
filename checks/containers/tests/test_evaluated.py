import pytest

from checks.containers import evaluated
from checks.containers.container_errors import ContainerError
from checks.containers.evaluated import UNITS
from checks.module import snapshot

SERVER = snapshot.load("three")["server"]


def test_a_unit_has_all_settings_of_the_snapshot() -> None:
    unit = evaluated.files(SERVER)[f"{UNITS}/dm-dns-health.service"].splitlines()

    settings = SERVER["systemd.services.dm-dns-health"]["serviceConfig"]
    assert f"ExecStart={settings['ExecStart']}" in unit
    assert "NoNewPrivileges=true" in unit
    assert [line for line in unit if line.startswith("SystemCallFilter=")] == [
        f"SystemCallFilter={entry}" for entry in settings["SystemCallFilter"]
    ]
    assert len(unit) >= sum(
        len(value) if isinstance(value, list) else 1 for value in settings.values()
    )


def test_a_unit_finds_the_programs_on_its_path() -> None:
    pusher = snapshot.load("pushers")["server"]
    unit = evaluated.files(pusher)[f"{UNITS}/dm-dns-push.service"].splitlines()

    (package,) = pusher["systemd.services.dm-dns-push"]["path"]
    assert f"Environment=PATH={package}/bin:/usr/bin:/bin" in unit


def test_settings_of_a_unit_of_nixos_become_a_drop_in() -> None:
    unit = evaluated.files(SERVER)[f"{UNITS}/unbound.service.d/dm-dns.conf"]

    for wanted in SERVER["systemd.services.unbound"]["wants"]:
        assert wanted in unit.partition("Wants=")[2].splitlines()[0].split()


def test_units_are_enabled_where_the_snapshot_wants_them() -> None:
    links = evaluated.links(SERVER)

    assert links[f"{UNITS}/paths.target.wants/dm-dns-health.path"] == f"{UNITS}/dm-dns-health.path"
    assert f"{UNITS}/timers.target.wants/dm-dns-health.timer" in links


def test_files_of_etc_are_links_to_the_store() -> None:
    source = evaluated.links(SERVER)["/etc/dm-dns/apply.json"]

    assert source.startswith("/nix/store/")
    assert evaluated.files(SERVER)[source] == SERVER["environment.etc.dm-dns/apply.json"]["text"]


def test_unbound_is_configured_as_evaluated() -> None:
    lines = evaluated.unbound_conf(SERVER["services.unbound"]).splitlines()

    assert '  zonefile: "/var/lib/dm-dns/test.zone"' in lines
    assert "  fallback-enabled: no" in lines
    # Of one that can be repeated, each.
    assert [line for line in lines if line.startswith("  local-zone:")][:3] == [
        '  local-zone: "test." transparent',
        '  local-zone: "." refuse',
        '  local-zone: "127.in-addr.arpa." refuse',
    ]


def test_what_another_service_configures_is_known_too() -> None:
    files = evaluated.files(
        {
            **SERVER,
            "services.resolved": {"settings": {"Resolve": {"DNS": ["192.0.2.1", "192.0.2.2"]}}},
            "systemd.services.unbound": {"serviceConfig": {"BindReadOnlyPaths": ["/srv"]}},
            "users.users.unbound": {"extraGroups": ["data-mesher"]},
        }
    )

    assert (
        files["/etc/systemd/resolved.conf.d/nixos.conf"] == "[Resolve]\nDNS=192.0.2.1 192.0.2.2\n"
    )
    assert files[f"{UNITS}/unbound.service.d/dm-dns.conf"].endswith(
        "[Service]\nBindReadOnlyPaths=/srv\n"
    )
    assert "m unbound data-mesher\n" in files["/etc/sysusers.d/dm-dns.conf"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("systemd.mounts.dm-dns-health", {}),
        ("systemd.services.dm-dns-health", {"bindsTo": ["x.service"], "serviceConfig": {}}),
    ],
)
def test_what_would_be_left_out_is_an_error(name: str, value: dict[str, object]) -> None:
    with pytest.raises(ContainerError, match="know"):
        evaluated.files({**SERVER, name: value})
