# ruff: noqa: E501 - messages stand here as they are printed
"""`dm-dns push --flake DIR` and `dm-dns plan --flake DIR`, without ssh."""

import os
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from dm_dns.access import checkout
from dm_dns.cli import main
from dm_dns.push import keys
from dm_dns.zone import conf

KEY = keys.private_pem(bytes(range(32)))
PUBLIC = keys.public_pem(keys.public_from_seed(bytes(range(32))))
OTHER = keys.private_pem(bytes(range(1, 33)))


def zone_conf(serial: int, domain: str = "pin") -> str:
    cnames = {f"irc.{domain}": f"kiwi.{domain}"}
    return conf.render(conf.Zone(domain, serial, cnames, {f"kiwi.{domain}": ("fd00::1",)}))


def var(name: str, text: str) -> Path:
    path = Path("clan/vars/shared") / name / "value"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def program(name: str, script: str) -> None:
    path = Path("bin") / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a checkout, a `clan` that prints the key, and a data-mesher."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CLAN_DIR", "/somewhere/else")
    Path("bin").mkdir()
    var("dm-dns/zone.conf", zone_conf(7))
    var("data-mesher-network/network.pub", PUBLIC)
    var("dm-dns-signing-key/signing.pub", PUBLIC)
    program("clan", f"printf '%s' '{KEY}'; echo $PWD ${{CLAN_DIR-unset}} $* >{tmp_path}/asked")
    # As data-mesher may, it opens the key more than once.
    program(
        "data-mesher",
        f'cat "$7" "$7" >{tmp_path}/got; printf "%s\\n" "$@" >{tmp_path}/arguments; cp "$3" {tmp_path}/mesh',
    )


def run(*more: str, command: str = "push") -> int:
    where = ["--flake", "clan", "--mesh-file", "mesh", "--config", "apply.json"]
    return main([command, *where, *(["--wait", "0"] if command == "push" else []), *more])


def dry(*more: str) -> int:
    return run("--machine", "kiwi", "--dry-run", *more)


@pytest.fixture
def failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> "Failure":
    return Failure(tmp_path, capsys)


class Failure:
    """Runs what must fail, and returns its message."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.capsys = capsys

    def __call__(self, *more: str, command: str = "push") -> str:
        status = run(*more, command=command)
        out, err = self.capsys.readouterr()
        assert (status, out) == (1, "")
        assert not Path("arguments").exists()
        assert KEY.split("\n")[1][-40:] not in err
        assert OTHER.split("\n")[1][-40:] not in err
        return err.replace(str(self.directory), "HERE")

    def of_key(self, printed: str) -> str:
        Path("printed").write_text(printed)
        return self("--key-command", "cat printed")


class Misuse:
    """Runs a command that must be misuse, and returns the last line of its message."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *argv: str) -> str:
        with pytest.raises(SystemExit) as caught:
            main(list(argv))
        assert caught.value.code == 2
        return self.capsys.readouterr().err.splitlines()[-1]


@pytest.fixture
def misuse(capsys: pytest.CaptureFixture[str]) -> Misuse:
    return Misuse(capsys)


def test_all_is_taken_from_the_checkout(url: str, tmp_path: Path) -> None:
    assert run("--machine", "kiwi", "--url", url) == 0
    assert Path("mesh").read_text() == zone_conf(7)
    assert Path("got").read_text() == KEY + KEY
    arguments = Path("arguments").read_text().split()
    assert arguments[2] == f"{tmp_path}/clan/vars/shared/dm-dns/zone.conf/value"
    assert arguments[6].startswith("/dev/fd/")
    assert arguments[8] == f"{tmp_path}/clan/vars/shared/data-mesher-network/network.pub/value"
    assert not any(part in Path("arguments").read_text() for part in KEY.split("\n")[:2])


def test_clan_runs_in_the_checkout_and_takes_no_other_for_it(tmp_path: Path) -> None:
    assert dry() == 2
    asked = Path("asked").read_text()
    assert asked == f"{tmp_path}/clan unset vars get kiwi dm-dns-signing-key/signing.key\n"


def test_what_is_given_wins(url: str) -> None:
    Path("zone.conf").write_text(zone_conf(9))
    Path("signing.key").write_text(OTHER)
    Path("signing.pub").write_text(keys.public_pem(keys.public_from_seed(bytes(range(1, 33)))))
    Path("network.pub").write_text(PUBLIC)
    given = ["--key", "signing.key", "--public-key", "signing.pub", "--network-id", "network.pub"]
    assert run("zone.conf", *given, "--url", url) == 0
    assert Path("mesh").read_text() == zone_conf(9)
    arguments = Path("arguments").read_text().split()
    assert (arguments[2], arguments[6], arguments[8]) == ("zone.conf", "signing.key", "network.pub")
    assert not Path("asked").exists()


def test_a_domain_that_is_given_must_be_the_zones(failure: Failure) -> None:
    assert failure("--machine", "kiwi", "--domain", "other") == snapshot(
        "HERE/clan/vars/shared/dm-dns/zone.conf/value:5: expected 'local-zone: \"other.\" transparent', found 'local-zone: \"pin.\" transparent'\n"
    )


def test_plan_needs_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    program("clan", "exit 1")
    assert run(command="plan") == 2
    assert capsys.readouterr().out.splitlines()[-1] == snapshot(
        "pin: 2 added, 0 unchanged; serial none -> 7"
    )
    Path("mesh").write_text(zone_conf(7))
    assert run(command="plan") == 0


def test_a_deletion_needs_no_zone_where_the_domain_is_given(
    capsys: pytest.CaptureFixture[str], failure: Failure
) -> None:
    Path("mesh").write_text(zone_conf(7))
    Path("clan/vars/shared/dm-dns/zone.conf/value").unlink()
    assert dry("--delete", "--domain", "pin") == 2
    assert capsys.readouterr().out == snapshot(
        "would delete dns/cnames (serial 7, 2 records, sha256 6e42ba9e661b)\n"
    )
    assert "has no vars/shared/dm-dns/zone.conf/value" in failure("--delete")


@pytest.mark.parametrize(
    "name",
    ["dm-dns/zone.conf", "data-mesher-network/network.pub", "dm-dns-signing-key/signing.pub"],
)
def test_a_var_that_the_checkout_lacks_is_named(failure: Failure, name: str) -> None:
    var(name, "").unlink()
    message = failure("--machine", "kiwi")
    assert message.replace(name, "NAME") == snapshot(
        "dm-dns: --flake HERE/clan has no vars/shared/NAME/value. Check that it is the directory with the clan's vars and that the clan has a push machine, then run `clan vars generate`.\n"
    )


def test_a_directory_that_is_not_a_checkout_is_refused(failure: Failure) -> None:
    assert failure("--flake", "missing", command="plan") == snapshot(
        "dm-dns: --flake HERE/missing has no vars/shared/dm-dns/zone.conf/value. Check that it is the directory with the clan's vars and that the clan has a push machine, then run `clan vars generate`.\n"
    )


@pytest.mark.parametrize("text", ["", "no zone\n", 'local-zone: "a b." transparent\n'])
def test_a_zone_without_a_domain_is_refused(failure: Failure, text: str) -> None:
    var("dm-dns/zone.conf", text)
    assert failure("--machine", "kiwi").split(": ", 1)[1] in snapshot(
        [
            "the file is empty; a zone.conf has at least its local-zone line\n",
            "expected 'local-zone: \"DOMAIN.\" transparent', found 'no zone'\n",
            "the domain 'a b' is not a valid name: ' ' is not allowed in a name; use letters, digits, '-' and '_'\n",
        ]
    )


def test_a_zone_that_does_not_check_is_refused(failure: Failure) -> None:
    var("dm-dns/zone.conf", zone_conf(7)[:-1])
    assert failure("--machine", "kiwi") == snapshot(
        "HERE/clan/vars/shared/dm-dns/zone.conf/value:7: the last line has no newline: it was cut short or changed; send it again\n"
    )


def test_a_machine_of_another_clan_is_refused(failure: Failure) -> None:
    unbound = '{"control": "/c", "address": "127.0.0.1", "port": 1}'
    Path("apply.json").write_text(
        f'{{"domain": "other", "mesh": "/m", "hosts": "/h", "state": "/s", "unbound": {unbound}}}'
    )
    assert failure("--machine", "kiwi") == snapshot(
        "dm-dns: the zone's domain is pin, but the machine's is other (apply.json). Nothing was sent. Name a machine of the zone's clan with --via, or that machine's checkout with --flake; --force does not override this.\n"
    )


def test_a_mesh_of_another_clan_is_refused(failure: Failure) -> None:
    Path("mesh").write_text(zone_conf(9, "other"))
    assert failure("--machine", "kiwi", "--force") == snapshot(
        "dm-dns: the zone's domain is pin, but the machine's is other (mesh). Nothing was sent. Name a machine of the zone's clan with --via, or that machine's checkout with --flake; --force does not override this.\n"
    )


def test_a_key_of_another_clan_is_refused(failure: Failure) -> None:
    assert failure.of_key(OTHER) == snapshot(
        "dm-dns: the key that --key-command printed does not belong to HERE/clan/vars/shared/dm-dns-signing-key/signing.pub/value: no machine would accept what it signs. Use the key and the public key of one generation; check that the checkout is the newest.\n"
    )


def test_what_is_not_a_key_is_refused_without_showing_it(failure: Failure) -> None:
    messages = [
        failure.of_key(printed)
        for printed in (
            "hello\n",
            PUBLIC,
            KEY.replace("MC4CAQAw", "MC4CAQAx"),
            KEY.replace("\n", "\r\n"),
            KEY + KEY,
            KEY[:-30],
            "\n \n",
            "x" * 5000,
        )
    ]
    assert messages == snapshot(
        [
            "(output of --key-command):1: expected '-----BEGIN PRIVATE KEY-----'. It must print the clan's signing.key, and nothing else.\n",
            "(output of --key-command):1: expected '-----BEGIN PRIVATE KEY-----'. It must print the clan's signing.key, and nothing else.\n",
            "(output of --key-command):2: not an Ed25519 private key (RFC 8410). It must print the clan's signing.key, and nothing else.\n",
            "(output of --key-command):1: expected '-----BEGIN PRIVATE KEY-----'. It must print the clan's signing.key, and nothing else.\n",
            "(output of --key-command):3: expected a newline and the file's end. It must print the clan's signing.key, and nothing else.\n",
            "(output of --key-command):2: not an Ed25519 private key (RFC 8410). It must print the clan's signing.key, and nothing else.\n",
            "dm-dns: --key-command printed nothing. It must print the clan's signing.key, and nothing else.\n",
            "dm-dns: --key-command printed more than 4096 bytes, which is not a key. It must print the clan's signing.key, and nothing else.\n",
        ]
    )


@pytest.mark.parametrize("printed", [KEY[:-1], KEY, f"{KEY}\n", f"\n {KEY} \r\n"])
def test_white_space_around_the_key_does_not_matter(printed: str) -> None:
    Path("printed").write_text(printed)
    assert run("--key-command", "cat printed", "--dry-run") == 2


def test_a_key_command_is_a_shells(url: str) -> None:
    Path("printed").write_text(KEY)
    assert run("--key-command", "cat <printed | cat", "--url", url) == 0
    assert Path("got").read_text() == KEY + KEY


def test_a_command_that_fails_is_refused(failure: Failure) -> None:
    program("clan", "echo no such var >&2; exit 3")
    messages = [failure("--machine", "kiwi")]
    messages += [failure("--key-command", "kill $$"), failure("--key-command", "no-such-program")]
    assert messages == snapshot(
        [
            "dm-dns: `clan vars get kiwi dm-dns-signing-key/signing.key` failed with exit status 3; its own message is above. Run it in HERE/clan, in its development shell: it must print the key. You can name another machine that has the role push with --machine, or another command that prints the key with --key-command.\n",
            "dm-dns: --key-command failed by signal 15; its own message is above. It must print the clan's signing.key, and nothing else.\n",
            "dm-dns: --key-command failed with exit status 127; its own message is above. It must print the clan's signing.key, and nothing else.\n",
        ]
    )


def test_a_command_that_prints_on_and_on_is_refused(failure: Failure) -> None:
    assert failure("--key-command", "yes") == snapshot(
        "dm-dns: --key-command printed more than 4096 bytes, which is not a key. It must print the clan's signing.key, and nothing else.\n"
    )


def test_a_missing_clan_is_named(failure: Failure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert failure("--machine", "kiwi") == snapshot(
        "dm-dns: `clan vars get kiwi dm-dns-signing-key/signing.key` cannot be run: No such file or directory. Run it in HERE/clan, in its development shell: it must print the key. You can name another machine that has the role push with --machine, or another command that prints the key with --key-command.\n"
    )


def test_a_system_without_memory_files_is_told_so(
    failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    assert failure("--machine", "kiwi") == snapshot(
        "dm-dns: this system does not have the anonymous memory files (memfd_create(2), Linux) in which data-mesher gets the key. Push from Linux, or name a file with --key.\n"
    )


def test_the_machine_is_found_where_sops_keeps_the_key() -> None:
    folder = Path("clan/vars/shared/dm-dns-signing-key/signing.key/machines")
    folder.mkdir(parents=True)
    for name in ("kiwi", "apple"):
        (folder / name).symlink_to(f"../../../../../sops/machines/{name}")
    assert run("--dry-run") == 2
    assert "vars get apple dm-dns-signing-key" in Path("asked").read_text()


def test_the_machine_is_found_where_age_keeps_the_key() -> None:
    secrets = Path("clan/secrets")
    secret = secrets / "clan-vars/shared/dm-dns-signing-key/signing.key/signing.key.age.recipients"
    secret.parent.mkdir(parents=True)
    secret.write_text("age1kiwi\n")
    for name in ("apple", "kiwi"):
        (secrets / "age-keys/machines" / name).mkdir(parents=True)
        (secrets / "age-keys/machines" / name / "pub").write_text(f"age1{name}\n")
    assert run("--dry-run") == 2
    assert "vars get kiwi dm-dns-signing-key" in Path("asked").read_text()


def test_where_the_checkout_shows_no_machine_one_is_asked_for(failure: Failure) -> None:
    assert failure() == snapshot(
        "dm-dns: --flake HERE/clan does not show which machines have the private key, as the secret stores sops and age do. Name one that has the role push with --machine NAME.\n"
    )


def test_the_memory_file_cannot_be_changed_and_is_gone_afterwards(url: str) -> None:
    program(
        "data-mesher",
        f'echo x >"$7" && exit 0; cat "$7" >{Path.cwd()}/got; cp "$3" {Path.cwd()}/mesh',
    )
    before = set(Path("/proc/self/fd").iterdir())
    assert run("--machine", "kiwi", "--url", url) == 0
    assert Path("got").read_text() == KEY
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_misuse_is_told(misuse: Misuse) -> None:
    key = KEY.replace("\n", " ")
    messages = [
        misuse("push", "zone.conf"),
        misuse("push", "zone.conf", "--domain", "pin", "--key", "k"),
        misuse("push", "--machine", "kiwi", "--delete", "--domain", "pin"),
        misuse("push", "--flake", ".", "--key", "k", "--key-command", "c"),
        misuse("push", "--flake", ".", "--machine=-x"),
        misuse("push", "--flake", ".", "--via=-oProxyCommand=x"),
        misuse("push", "--flake", ".", "--via", "a b"),
        misuse("push", "--flake", ".", "--via", ""),
        misuse("push", "--flake", ".", "--key-command", f"echo '{key}'"),
        misuse("plan"),
        misuse("plan", "zone.conf"),
    ]
    assert messages == snapshot(
        [
            "dm-dns push: error: without --flake, these are required: --domain, --key or --key-command, --network-id",
            "dm-dns push: error: without --flake, these are required: --network-id",
            "dm-dns push: error: --machine needs --flake",
            "dm-dns push: error: argument --key-command: not allowed with argument --key",
            "dm-dns push: error: argument --machine: '-x' is not the name of a machine",
            "dm-dns push: error: argument --via: '-oProxyCommand=x' is not a host: give HOST or USER@HOST",
            "dm-dns push: error: argument --via: 'a b' is not a host: give HOST or USER@HOST",
            "dm-dns push: error: argument --via: '' is not a host: give HOST or USER@HOST",
            "dm-dns push: error: argument --key-command: takes a command, but got a private key. Every user of this machine could read it in the process list: make a new key with `dm-dns keygen`.",
            "dm-dns plan: error: ZONE.conf is missing; name it, or a checkout with --flake",
            "dm-dns plan: error: without --flake, --domain is required",
        ]
    )


def test_a_checkout_may_have_any_name() -> None:
    assert checkout.Checkout(Path("-x")).directory == Path.cwd() / "-x"
