import pytest

pytest.register_assert_rewrite("checks.processes.tests.helpers")
