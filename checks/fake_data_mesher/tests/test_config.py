import json
from pathlib import Path
from typing import Any

import pytest

from checks.fake_data_mesher import config
from checks.fake_data_mesher.mesh_errors import MeshError
from checks.fake_data_mesher.tests.helpers import NAME, NetworkKeys


def load(network: NetworkKeys, settings: object) -> config.ServerConfig:
    file = network.folder / "config.json"
    file.write_text(json.dumps(settings))
    return config.load(file)


def minimal(network: NetworkKeys, sections: dict[str, Any] | None = None) -> dict[str, Any]:
    own = {"network": {"id": str(network.id_path), "files": network.files}}
    return own | (sections or {})


def test_defaults_are_those_of_clan_core(network: NetworkKeys) -> None:
    loaded = load(network, minimal(network))
    assert loaded.state_dir == Path("/var/lib/data-mesher")
    assert loaded.http == ("127.0.0.1", 7331)
    assert loaded.cluster[1] == 7946
    assert loaded.interval == 30
    assert not loaded.write_in_place
    assert loaded.rules.allowed[NAME] == {bytes(network.signer.verify_key)}


def test_settings_as_clan_core_writes_them_are_accepted(network: NetworkKeys) -> None:
    settings = {
        "log_level": "info",
        "cluster": {
            "port": 7946,
            "interfaces": ["eth1"],
            "bootstrap_peers": ["/dns/kiwi.pin/tcp/7946/p2p/12D3KooW"],
            "push_pull_interval": "30s",
            "identity_key": "/run/secrets/identity.key",
            "identity_cert": "/run/secrets/identity.cert",
            "certificate_authorities": [],
        },
        "network": {"id": str(network.id_path), "files": network.files, "namespaces": ["dns"]},
        "http": {"port": 7331, "interfaces": ["lo"]},
    }
    assert load(network, settings).ignored == (
        "cluster.interfaces",
        "cluster.bootstrap_peers",
        "cluster.identity_key",
        "cluster.identity_cert",
        "network.namespaces",
        "http.interfaces",
    )


def test_peers_may_be_names_and_addresses(network: NetworkKeys) -> None:
    peers = ["127.0.1.2:7946", "kiwi.pin:7946", "[fd00::1]:7946"]
    loaded = load(network, minimal(network, {"cluster": {"peers": peers}}))
    assert loaded.peers == tuple(f"http://{peer}" for peer in peers)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"pear": 1}, "pear: is unknown"),
        ({"cluster": {"pear": 1}}, "cluster.pear: is unknown"),
        ({"cluster": []}, "cluster: must be an object"),
        ({"cluster": {"port": 0}}, "cluster.port: must be a number"),
        ({"cluster": {"port": True}}, "cluster.port: must be a number"),
        ({"cluster": {"push_pull_interval": "30"}}, "cluster.push_pull_interval: '30' is not"),
        ({"cluster": {"peers": ["kiwi"]}}, "cluster.peers: 'kiwi' is not"),
        ({"cluster": {"peers": ["/dns/kiwi/tcp/7946"]}}, "cluster.peers"),
        ({"cluster": {"peers": ["kiwi:7946/path"]}}, "cluster.peers"),
        ({"cluster": {"peers": ["kiwi:99999"]}}, "cluster.peers"),
        ({"cluster": {"peers": "kiwi:7946"}}, "cluster.peers: must be a list"),
        ({"http": {"address": ""}}, "http.address: must be a string"),
        ({"log_level": "loud"}, "log_level: must be one of"),
        ({"write_in_place": 1}, "write_in_place: must be true or false"),
        ({"network": {}}, "network.id: must be a string"),
    ],
)
def test_wrong_setting_is_named(
    network: NetworkKeys, sections: dict[str, Any], message: str
) -> None:
    with pytest.raises(MeshError) as error:
        load(network, minimal(network, sections))
    assert message in str(error.value)
    assert "config.json" in str(error.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"dns:pin": []}, "does not match"),
        ({"a": ["AAAA"]}, "network.files.a: a public key has 32 bytes"),
        ({"a": ["?"]}, "network.files.a: not base64"),
        ({"a": "key"}, "network.files.a: must be a list"),
        ({"a": [], "a/b": []}, "'a' cannot be both a file and a folder"),
    ],
)
def test_wrong_allowlist_is_named(network: NetworkKeys, files: object, message: str) -> None:
    settings = {"network": {"id": str(network.id_path), "files": files}}
    with pytest.raises(MeshError) as error:
        load(network, settings)
    assert message in str(error.value)


def test_file_that_is_not_a_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match=r"absent\.json: cannot read"):
        config.load(tmp_path / "absent.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(MeshError, match=r"bad\.json: not JSON"):
        config.load(tmp_path / "bad.json")
