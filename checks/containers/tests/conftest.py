from collections.abc import Generator

import pytest

FAILED: pytest.StashKey[bool] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell fixtures whether their test failed."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
