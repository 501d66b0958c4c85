"""The shop under chaos: a worker's short leases and patience for everybody, and clocks apart."""

import os
from datetime import datetime, timedelta, timezone

if _offset := float(os.environ.get("CHAOS_CLOCK", "0")):  # before anybody binds a clock
    import time_machine

    time_machine.travel(datetime.now(timezone.utc) + timedelta(seconds=_offset), tick=True).start()

from tests.chaos.schedule import LEASE_SECONDS
from tests.worker_settings import *  # noqa: F403

_BACKEND = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"

ESPUTNIK_CONNECTOR = {
    **ESPUTNIK_CONNECTOR,  # noqa: F405
    "ENVIRONMENT": "chaos",
    "LEASE_SECONDS": LEASE_SECONDS,
    "SETTLE_SECONDS": 1,
    "DESTINATIONS": {
        "esputnik": {
            "BACKEND": _BACKEND,
            "OPTIONS": {
                "connect_timeout": 1,
                "read_timeout": 2,
                "deadline": 3,
                "rate": "100/second",
                "bulk_from": 5,  # so that imports are nothing rare
            },
        }
    },
}
OSCAR_SEND_REGISTRATION_EMAIL = False
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
CONN_MAX_AGE = 0
DATABASES["default"]["OPTIONS"] = {  # noqa: F405
    **DATABASES["default"].get("OPTIONS", {}),  # noqa: F405
    "connect_timeout": 5,
}
