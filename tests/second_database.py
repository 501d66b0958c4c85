"""A second database beside the test's own, made by copying that one: a tenth of a second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connections

SECOND = "second"


@pytest.fixture(scope="module")
def second_database(django_db_setup: None, django_db_blocker) -> Iterator[str]:
    """Another database with the same tables, known under the alias ``second``."""
    with django_db_blocker.unblock():
        first = connections["default"].creation
        first.clone_test_db(suffix=SECOND, verbosity=0, keepdb=False)
        connections.databases[SECOND] = first.get_test_db_clone_settings(SECOND)
    yield SECOND
    with django_db_blocker.unblock():
        connections[SECOND].close()
        first.destroy_test_db(suffix=SECOND, verbosity=0)
    del connections.databases[SECOND], connections[SECOND]
