"""What doctor finds in the files that decide whom programs ask."""

from pathlib import Path

import pytest

from dm_dns.inspect.doctor import programs


def hosts_line(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the verdict about a line of nsswitch.conf."""
    path = tmp_path / "nsswitch.conf"
    path.write_text(f"passwd: files\n{text}\n")
    monkeypatch.setattr(programs, "NSSWITCH", path)
    return programs.nsswitch().verdict


@pytest.mark.parametrize(
    "line",
    [
        "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns",
        "hosts:files resolve",
        "hosts: mymachines mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return] dns",
        "hosts: files [SUCCESS=return] resolve # [NOTFOUND=return]",
    ],
)
def test_programs_get_as_far_as_resolve(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hosts_line(line, tmp_path, monkeypatch) == "ok"


@pytest.mark.parametrize(
    "line",
    [
        "hosts: files dns",
        "hosts: files [NOTFOUND=return] resolve",
        "hosts: files dns [!unavail=return] resolve",
        "hosts: files [TRYAGAIN=continue !SUCCESS=return] resolve",
        "networks: resolve",
    ],
)
def test_programs_do_not_get_as_far_as_resolve(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hosts_line(line, tmp_path, monkeypatch) == "fault"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nameserver 127.0.0.53\noptions edns0\n", "names systemd-resolved"),
        ("nameserver 127.0.0.53\nnameserver 9.9.9.9\n", "names 9.9.9.9 beside systemd-resolved:"),
        ("nameserver 9.9.9.9\nnameserver 1.1.1.1\n", "names 9.9.9.9, 1.1.1.1: programs"),
        ("search pin\n", "names no server: programs"),
    ],
)
def test_servers_beside_systemd_resolved_are_named(
    text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text(text)
    monkeypatch.setattr(programs, "RESOLV_CONF", path)
    assert expected in programs.resolv_conf().text


def test_a_file_that_systemd_resolved_has_written_is_not_to_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stub").write_text("nameserver 9.9.9.9\n")
    (tmp_path / "resolv.conf").symlink_to("stub")
    monkeypatch.setattr(programs, "RESOLV_CONF", tmp_path / "resolv.conf")
    monkeypatch.setattr(programs, "_STUB_RESOLV_CONF", tmp_path / "stub")
    found = programs.resolv_conf()
    assert "DNSStubListener" in found.text
    assert "DNSStubListener" in (found.remedy or "")
