"""Settings of the worker whose pace is measured: as a shop has them, at another address."""

from tests.settings import *  # noqa: F403

CELERY_BEAT_SCHEDULE = {"sweep": {"task": "esputnik_connector.sweep", "schedule": 60.0}}
