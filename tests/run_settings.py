"""Settings of a process that works without Celery, and that tests stop in the middle of things."""

from tests.worker_settings import *  # noqa: F403

ESPUTNIK_CONNECTOR = {
    **ESPUTNIK_CONNECTOR,  # noqa: F405
    "WAKE": "",
    "DESTINATIONS": {
        "esputnik": {
            **ESPUTNIK_CONNECTOR["DESTINATIONS"]["esputnik"],  # noqa: F405
            "OPTIONS": {"read_timeout": 60, "deadline": 120, "rate": "200/second"},
        }
    },
    "LEASE_SECONDS": 180,
}
