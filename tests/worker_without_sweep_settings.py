"""A worker whose beat never sweeps: only the wake-up after a commit can start a relay."""

from tests.worker_settings import *  # noqa: F403

CELERY_BEAT_SCHEDULE = {}
