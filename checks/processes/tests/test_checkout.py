# ruff: noqa: E501 - messages stand here as they are printed
"""`dm-dns push --flake DIR --via HOST`: real ssh, secret stores and unbound."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from dm_dns.push import keys
from inline_snapshot import snapshot

from checks.processes import sshd, unbound
from checks.processes.tests import stores
from checks.processes.tests.admin import UNPRIVILEGED, Admin
from checks.processes.tests.helpers import (
    DOMAIN,
    failed,
    processes_with,
    served,
    source,
    zone_conf,
)
from checks.processes.wait import until

Make = Callable[..., Admin]


@pytest.fixture
def make() -> Iterator[Make]:
    """What makes an admin's machine with its clan, which runs; the key is in a file."""
    if unbound.find() is None:
        pytest.skip(unbound.MISSING)
    if sshd.find() is None:
        pytest.skip(sshd.MISSING)
    made: list[Admin] = []

    def start(*, only_sshd: bool = False, **options: str) -> Admin:
        admin = Admin(**options)
        made.append(admin)
        admin.zone(zone_conf(5))
        admin.start(only_sshd=only_sshd)
        return admin

    yield start
    for admin in made:
        admin.__exit__()
        assert not ssh_processes(admin)


@pytest.fixture
def admin(make: Make) -> Admin:
    return make()


@pytest.fixture
def idle(make: Make) -> Admin:
    """An admin of a machine of which only sshd runs."""
    return make(only_sshd=True)


def ssh_processes(admin: Admin) -> list[str]:
    """Return the command lines of the ssh processes that a push has started and left."""
    return processes_with(str(admin.temporary))


def with_key(admin: Admin) -> list[str]:
    return ["--key", str(admin.network.signing_key)]


def said(admin: Admin, text: str) -> str:
    """Return a message with what differs from run to run replaced."""
    for path, name in ((admin.machine.directory, "NODE"), (admin.directory, "ADMIN")):
        text = text.replace(str(path), name)
    return re.sub(r"\b127\.\d+\.\d+\.\d+( port |:)\d+", r"ADDRESS", text)


def test_a_push_takes_the_key_from_the_store_and_the_name_resolves(admin: Admin) -> None:
    admin.store(stores.sops)  # the others: test_checkout_key.py
    done = admin.run("push")
    assert (done.returncode, said(admin, done.stdout)) == snapshot(
        (
            0,
            "pushed pin: serial 5, 3 records, 3 added, in kiwi:NODE/mesh/files/home/dns/cnames\n",
        )
    )
    assert done.stderr.splitlines()[-1] == "pin: 3 added, 0 unchanged; serial none -> 5"
    until(lambda: source(admin.machine) == ("mesh", "5"), "the machine serves the zone")
    assert served(admin.machine, f"irc.{DOMAIN}") == ["AAAA fd00::1"]
    assert list(admin.temporary.iterdir()) == []


@pytest.mark.parametrize("store", stores.STORES, ids=lambda store: store.__name__)
def test_a_key_command_can_open_the_store_itself(idle: Admin, store: stores.Fill) -> None:
    idle.store(store)
    done = idle.run("push", "--key-command", idle.opens(store), "--dry-run")
    assert (done.returncode, done.stdout.split(",")[0]) == (2, "would push pin: serial 5")


def test_what_is_there_already_is_not_sent_again_and_plan_says_so(admin: Admin) -> None:
    assert admin.run("plan").returncode == 2
    assert admin.run("push", *with_key(admin), "--dry-run").returncode == 2
    assert not admin.machine.mesh_file.exists()
    assert admin.run("push", *with_key(admin)).returncode == 0
    again = admin.run("push", *with_key(admin))
    assert again.stdout == "nothing to do for pin: the mesh has the same names with serial 5\n"
    assert admin.run("plan").returncode == 0


def test_an_outdated_checkout_is_refused_and_a_rollback_is_from_the_machines_history(
    admin: Admin,
) -> None:
    assert admin.run("push", *with_key(admin)).returncode == 0
    until(lambda: source(admin.machine) == ("mesh", "5"), "the machine serves the zone")
    admin.zone(zone_conf(4, {"old.pin": "kiwi.pin"}))
    message = failed(admin.run("push", *with_key(admin)))
    assert "its serial 4 is older than the mesh's, 5" in message
    missing = failed(admin.run("push", *with_key(admin), "--rollback", "3"))
    assert said(admin, missing) == snapshot(
        "dm-dns: kiwi:NODE/state/history/3.conf: no zone with this serial is kept. The serials kept are: 5. Machines with the role default keep the zones that came over the mesh, and no others.\n"
    )
    admin.zone(zone_conf(6, {"new.pin": "kiwi.pin"}))
    assert admin.run("push", *with_key(admin)).returncode == 0
    assert admin.run("push", *with_key(admin), "--rollback", "5").returncode == 0
    assert admin.machine.mesh_file.read_text().splitlines()[2:] == zone_conf(5).splitlines()[2:]


def test_a_deletion_goes_through_ssh(admin: Admin) -> None:
    assert admin.run("push", *with_key(admin)).returncode == 0
    done = admin.run("push", *with_key(admin), "--delete")
    assert done.stdout.startswith("deleted dns/cnames (serial 5, "), done.stderr
    assert not admin.machine.mesh_file.exists()
    again = admin.run("push", *with_key(admin), "--delete")
    assert said(admin, again.stdout) == snapshot(
        "nothing to do for pin: kiwi:NODE/mesh/files/home/dns/cnames does not exist\n"
    )


def test_a_key_that_is_not_the_clans_is_refused_before_anything_is_sent(idle: Admin) -> None:
    keys.generate(idle.user / "stranger")
    command = f"cat {idle.user}/stranger/signing.key"
    message = failed(idle.run("push", "--key-command", command))
    assert said(idle, message) == snapshot(
        "dm-dns: the key that --key-command printed does not belong to ADMIN/checkout/vars/shared/dm-dns-signing-key/signing.pub/value: no machine would accept what it signs. Use the key and the public key of one generation; check that the checkout is the newest.\n"
    )
    assert not idle.machine.mesh_file.exists()


def test_a_zone_of_another_clan_is_refused(idle: Admin) -> None:
    idle.machine.config.write_text(idle.machine.config.read_text().replace('"pin"', '"other"'))
    messages = [said(idle, failed(idle.run("push", *with_key(idle), "--force")))]
    messages += [said(idle, failed(idle.run("plan")))]
    assert messages == snapshot(
        [
            "dm-dns: the zone's domain is pin, but the machine's is other (kiwi:NODE/apply.json). Nothing was sent. Name a machine of the zone's clan with --via, or that machine's checkout with --flake; --force does not override this.\n",
            "dm-dns: the zone's domain is pin, but the machine's is other (kiwi:NODE/apply.json). Nothing was sent. Name a machine of the zone's clan with --via, or that machine's checkout with --flake; --force does not override this.\n",
        ]
    )
    assert not idle.machine.mesh_file.exists()


def test_where_dm_dns_is_not_configured_the_meshs_copy_says_the_clan(idle: Admin) -> None:
    idle.machine.config.unlink()
    idle.machine.mesh_file.write_text('local-zone: "other." transparent\n')
    assert said(idle, failed(idle.run("plan"))) == snapshot(
        "dm-dns: the zone's domain is pin, but the machine's is other (kiwi:NODE/mesh/files/home/dns/cnames). Nothing was sent. Name a machine of the zone's clan with --via, or that machine's checkout with --flake; --force does not override this.\n"
    )


@pytest.fixture
def stranger(make: Make) -> Admin:
    """An admin whose mesh file is root's on a machine where they are not root."""
    if os.geteuid() != 0:
        pytest.skip("needs root, so that ssh can log in as somebody else than the mesh's owner")
    admin = make(sshd_options=UNPRIVILEGED)
    (admin.machine.mesh_file.parents[1]).chmod(0o700)
    return admin


def test_without_root_there_what_is_served_stands_for_the_meshs_copy(stranger: Admin) -> None:
    machine = stranger.machine
    stranger.zone(zone_conf(5))
    # Nothing is served yet: there is nothing to compare with, and nothing is sent.
    message = failed(stranger.run("push", *with_key(stranger)))
    assert said(stranger, message) == snapshot(
        "dm-dns: --mesh-file kiwi:NODE/mesh/files/home/dns/cnames: Permission denied. Log in there as root: --via root@kiwi.\n"
    )
    # What was deployed says which names there are, and not that the mesh has them.
    machine.deployed.write_text(zone_conf(5))
    machine.apply()
    assert source(machine) == ("deployed", "5")
    plan = stranger.run("plan")
    assert (plan.returncode, said(stranger, plan.stdout), said(stranger, plan.stderr)) == snapshot(
        (
            2,
            "pin: no name changes, 3 unchanged; serial 5 -> 5\n",
            "Only root may read kiwi:NODE/mesh/files/home/dns/cnames. The zone is compared with the one that kiwi serves, kiwi:NODE/state/kept.conf: the mesh's copy is older, or missing\n",
        )
    )
    first = stranger.run("push", *with_key(stranger))
    assert said(stranger, first.stdout) == snapshot(
        "pushed pin: serial 5, 3 records, no name changes, in kiwi:NODE/state/kept.conf\n"
    )
    assert source(machine) == ("mesh", "5")
    # Now the mesh's copy is served.
    again = stranger.run("push", *with_key(stranger))
    assert again.stdout == "nothing to do for pin: the mesh has the same names with serial 5\n"
    stranger.zone(zone_conf(4, {"old.pin": "kiwi.pin"}))
    message = failed(stranger.run("push", *with_key(stranger)))
    assert "its serial 4 is older than the mesh's, 5" in message
    deleted = stranger.run("push", *with_key(stranger), "--delete")
    assert deleted.returncode == 0, deleted.stderr
    assert source(machine) == ("deployed", "5")


def test_without_root_there_a_deletion_that_cannot_be_seen_is_not_reported(
    stranger: Admin,
) -> None:
    machine = stranger.machine
    stranger.zone(zone_conf(5))
    machine.deployed.write_text(zone_conf(4))
    machine.apply()
    delete = ("push", *with_key(stranger), "--delete")
    assert stranger.run("push", *with_key(stranger)).returncode == 0
    assert source(machine) == ("mesh", "5")
    # Newer than what the mesh has, which then cannot be seen.
    machine.deployed.write_text(zone_conf(6))
    machine.apply()
    assert source(machine) == ("deployed", "6")
    dry = stranger.run(*delete, "--dry-run")
    assert (dry.returncode, said(stranger, dry.stdout)) == snapshot(
        (
            2,
            "would delete dns/cnames, if it is there: only root may read kiwi:NODE/mesh/files/home/dns/cnames\n",
        )
    )
    assert machine.mesh_file.exists()
    for _ in range(2):
        done = stranger.run(*delete)
        assert (done.returncode, said(stranger, done.stdout)) == snapshot(
            (
                0,
                "asked the mesh to delete dns/cnames; not confirmed: only root may read kiwi:NODE/mesh/files/home/dns/cnames. See what machines serve with `dm-dns status --all`\n",
            )
        )
    until(lambda: not machine.mesh_file.exists(), "the zone is withdrawn")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            "HostName kiwi.invalid",
            snapshot(
                "dm-dns: ssh to kiwi failed: Could not resolve hostname kiwi.invalid: Name or service not known. Check the name. --via takes what ssh takes: a Host of ~/.ssh/config, or USER@ADDRESS.\n"
            ),
        ),
        (
            "Port 1",
            snapshot(
                "dm-dns: ssh to kiwi failed: connect to host ADDRESS: Connection refused. Check that the machine is up and its sshd runs, or name another machine of the clan.\n"
            ),
        ),
        (
            "UserKnownHostsFile none",
            snapshot(
                "dm-dns: ssh to kiwi failed: Host key verification failed. Log in once with `ssh kiwi`, and compare the host key it shows with the machine's.\n"
            ),
        ),
        (
            "User nobody-of-this-name",
            snapshot(
                "dm-dns: ssh to kiwi failed: nobody-of-this-name@ADDRESS: Permission denied (publickey,keyboard-interactive). Check that `ssh kiwi` logs in; --via USER@HOST takes another user.\n"
            ),
        ),
    ],
    ids=["unknown name", "refused", "unknown host key", "not let in"],
)
def test_what_keeps_ssh_from_logging_in_is_one_message(
    make: Make, options: str, expected: str
) -> None:
    admin = make(only_sshd=True, ssh_options=options)
    message = failed(admin.run("push", *with_key(admin)))
    assert re.sub(r"@127\.[\d.]+", "@ADDRESS", said(admin, message)) == expected
    assert list(admin.temporary.iterdir()) == []


def test_a_machine_that_forwards_nothing_is_named(make: Make) -> None:
    admin = make(only_sshd=True, sshd_options="AllowTcpForwarding no")
    message = failed(admin.run("push", *with_key(admin), "--wait", "0"))
    assert re.sub(r"\([A-Z][^)]*\)", "(REASON)", said(admin, message)) == snapshot(
        "dm-dns: http://ADDRESS did not answer within 0 s (REASON). See `systemctl status data-mesher` on kiwi, and check that its sshd has AllowTcpForwarding.\n"
    )
    assert not admin.machine.mesh_file.exists()


def test_a_login_shell_that_prints_something_disturbs_nothing(make: Make) -> None:
    admin = make(
        only_sshd=True, sshd_options='ForceCommand echo hello; eval "$SSH_ORIGINAL_COMMAND"'
    )
    admin.machine.mesh_file.write_text(zone_conf(5))
    assert admin.run("plan").stdout == "pin: no name changes, 3 unchanged; serial 5 -> 5\n"


def test_settings_of_ssh_for_the_machine_do_not_disturb(make: Make) -> None:
    taken = (
        "127.0.0.1:1"  # a port that not every user may listen on, for a server that is not there
    )
    settings = (
        f"ControlMaster auto\nControlPath none\nRemoteCommand false\nLocalForward {taken} {taken}"
    )
    admin = make(ssh_options=f"{settings}\nExitOnForwardFailure yes")
    done = admin.run("push", *with_key(admin))
    assert (done.returncode, done.stdout.split(",")[0]) == (0, "pushed pin: serial 5")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_push_that_is_ended_leaves_no_connection(idle: Admin, number: signal.Signals) -> None:
    waits = idle.command("push", "--key-command", f"touch {idle.user}/asked; sleep 60")
    process = subprocess.Popen(waits, env=idle.environment, start_new_session=True)
    until((idle.user / "asked").exists, "the key is asked for, over an open connection")
    assert ssh_processes(idle)
    process.send_signal(number)
    process.wait()
    until(lambda: not ssh_processes(idle), "ssh has ended")
    left = [path.name for path in idle.temporary.iterdir()]
    assert left == [] or (number == signal.SIGKILL and len(left) == 1)


def test_prompts_are_the_users(make: Make) -> None:
    admin = make(only_sshd=True, ssh_options="BatchMode no")
    protect = [
        "ssh-keygen",
        "-q",
        "-p",
        "-P",
        "",
        "-N",
        "ssh's word",
        "-f",
        str(admin.sshd.identity),
    ]
    subprocess.run(protect, check=True)
    asks = "printf 'Key: ' >/dev/tty; read -r word </dev/tty; [ \"$word\" = 'the word' ] && cat"
    command = admin.command(
        "push", "--dry-run", "--key-command", f"{asks} {admin.network.signing_key}"
    )
    main, ours = os.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command],
        env=admin.environment,
        stdin=ours,
        stdout=ours,
        stderr=ours,
    )
    os.close(ours)
    seen = ""

    def shown(text: str) -> None:
        nonlocal seen
        while text not in seen:
            seen += os.read(main, 1000).decode()

    shown("Enter passphrase for key")
    time.sleep(0.2)  # ssh drops what was typed before it asked
    os.write(main, b"ssh's word\n")
    shown("Key: ")
    os.write(main, b"the word\n")
    shown("would push pin: serial 5")
    assert process.wait() == 2
    os.close(main)
