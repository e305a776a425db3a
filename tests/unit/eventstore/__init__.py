"""The event store's own rules: the suite that every store passes, and the pure parts."""

import pytest

pytest.register_assert_rewrite("tests.unit.eventstore.suite", "tests.unit.eventstore.suite_over_time")
