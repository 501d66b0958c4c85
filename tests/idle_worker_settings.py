"""Settings of a worker that has nothing to do: an hour of its clockwork passes in a minute, and
each statement that goes to the database is a line of the file ``STATEMENTS``."""

import os

from django.db.backends.signals import connection_created

from tests.settings import *  # noqa: F403
from tests.settings import CELERY_BEAT_SCHEDULE as BY_THE_CLOCK

MINUTES = {"esputnik-sweep": 1, "esputnik-feeds": 5, "esputnik-watch": 15}
CELERY_BEAT_SCHEDULE = {
    name: {**BY_THE_CLOCK[name], "schedule": float(minutes)} for name, minutes in MINUTES.items()
}


def _noted(execute, sql, params, many, context):
    with open(os.environ["STATEMENTS"], "a") as file:
        file.write(sql.replace("\n", " ") + "\n")
    return execute(sql, params, many, context)


def _note_all(connection, **_more):
    if _noted not in connection.execute_wrappers:
        connection.execute_wrappers.append(_noted)


connection_created.connect(_note_all, weak=False)
