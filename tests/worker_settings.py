"""Settings of worker processes that tests start, and kill: short leases, short patience."""

from tests.settings import *  # noqa: F403

ESPUTNIK_CONNECTOR = {
    **ESPUTNIK_CONNECTOR,  # noqa: F405
    "LEASE_SECONDS": 7,
    "DEBOUNCE_SECONDS": 0,
    "DESTINATIONS": {
        "esputnik": {
            "BACKEND": "esputnik_connector.destinations.esputnik.destination.EsputnikDestination",
            "OPTIONS": {
                "connect_timeout": 1,
                "read_timeout": 5,
                "deadline": 6,
                "rate": "200/second",
            },
        }
    },
}
CELERY_BEAT_SCHEDULE = {"sweep": {"task": "esputnik_connector.sweep", "schedule": 1.0}}
