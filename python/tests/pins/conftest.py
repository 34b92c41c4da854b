import pytest

from .nix_outputs import Replay


@pytest.fixture
def nix(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Replay:
    """A Nix that prints what it is told to."""
    return Replay(tmp_path_factory.mktemp("nix"), monkeypatch)
