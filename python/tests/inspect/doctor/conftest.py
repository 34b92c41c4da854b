import pytest


@pytest.fixture(autouse=True)
def _sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let remedies have sudo, also where root runs the tests."""
    monkeypatch.setenv("SUDO_USER", "kim")
