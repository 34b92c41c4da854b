import pytest

pytest.register_assert_rewrite("checks.local.tests.helpers")
