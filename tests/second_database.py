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
        _end_other_sessions()
        first.clone_test_db(suffix=SECOND, verbosity=0, keepdb=False)
        connections.databases[SECOND] = first.get_test_db_clone_settings(SECOND)
    yield SECOND
    with django_db_blocker.unblock():
        connections[SECOND].close()
        first.destroy_test_db(suffix=SECOND, verbosity=0)
    del connections.databases[SECOND], connections[SECOND]


def _end_other_sessions() -> None:
    """PostgreSQL copies no database while a thread of an earlier test is still connected to it."""
    default = connections["default"]
    if default.vendor == "postgresql":
        with default.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
