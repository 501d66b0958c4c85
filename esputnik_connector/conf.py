"""Every setting of the connector: its name, type, default and meaning, in one class.

A project writes a dictionary ``ESPUTNIK_CONNECTOR`` in its Django settings; what it leaves out has
the default below. Read a setting as ``conf.SHOP_URL``. Values are read at each access, so that
``override_settings`` works.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, get_type_hints

from django.conf import settings

DESTINATIONS_DEFAULT: dict[str, dict[str, Any]] = {
    "esputnik": {
        "BACKEND": "esputnik_connector.destinations.esputnik.destination.EsputnikDestination",
        "OPTIONS": {},
    }
}


class Settings:
    """The annotated attributes are the settings; see ``docs/reference/settings.md``."""

    SHOP: str = "esputnik_connector.shops.oscar.adapter.OscarShop"
    """Dotted path of the :class:`~esputnik_connector.shops.base.ShopAdapter` to use."""

    SHOP_OPTIONS: Mapping[str, Any] = {}
    """What that adapter shall do in its own way. Each adapter documents its options."""

    DESTINATIONS: Mapping[str, Mapping[str, Any]] = DESTINATIONS_DEFAULT
    """Name → ``{"BACKEND": dotted path, "OPTIONS": {…}}``."""

    ENCRYPTION_KEYS: list[str] = []
    """Fernet keys for secrets at rest. The first encrypts, all decrypt. Required."""

    RATE_LIMIT_STORAGE: str = ""
    """Where the workers share their pace, e.g. ``redis://…``. Empty: each process on its own."""

    SHOP_URL: str = ""
    """Absolute address of the shop, such as ``https://shop.example``. Empty: the current Site."""

    CONTACT_ATTRIBUTES: Mapping[str, str] = {}
    """Extra contact attributes: name → dotted path of ``callable(users) -> {str(pk): value}``."""

    RECORD_HOOK: str = ""
    """Dotted path of ``callable(record, connection) -> record``; may raise ``Veto(reason)``."""

    CANCELLED_STATUSES: list[str] = []
    """Order statuses that do not count as purchases in a contact's totals."""

    ENVIRONMENT: str = ""
    """Name of this installation. Empty: database address and shop address together."""

    SETTLE_SECONDS: int = 3
    """How long a change rests, so that the steps of one checkout become one delivery."""

    LEASE_SECONDS: int = 180
    """How long a lane stays with a worker that died. Must exceed the HTTP deadline."""

    RETRY_HORIZON_HOURS: int = 72
    """How long a record that fails is tried before it is set aside for a person to see."""

    ATTEMPT_RETENTION_DAYS: int = 30
    """How long the history of deliveries is kept. Nothing unsent is ever removed."""

    REJECTED_RETENTION_DAYS: int = 180
    """How long the history of refused records is kept."""

    EVENT_RETENTION_DAYS: int = 30
    """How long it is remembered which events were sent. An older event is not sent any more."""

    PRICE_DROP_PERCENT: int = 5
    """By how many per cent a price must fall until people are told."""

    RECONCILE_LIMIT: int = 1000
    """How many records of a kind one reconciliation puts in line without a person's word."""

    WAKE: str = "esputnik_connector.tasks.wake"
    """Dotted path of ``callable(connection_id, delay)`` run after a commit. Empty: beat only."""

    CELERY_QUEUE: str = ""
    """Celery queue of the relay tasks. Empty: the default queue."""

    FEED_STORAGE: str = "default"
    """Alias in ``STORAGES`` of the storage that keeps the built product feeds."""

    _PREFIX: ClassVar[str] = "ESPUTNIK_CONNECTOR"

    def __getattribute__(self, name: str) -> Any:
        if name.isupper() and not name.startswith("_"):
            written = getattr(settings, Settings._PREFIX, {})
            if name in written:
                return written[name]
        return super().__getattribute__(name)


conf = Settings()


def setting_types() -> dict[str, Any]:
    """Name → declared type of every setting."""
    hints = get_type_hints(Settings)
    return {name: hint for name, hint in hints.items() if name.isupper() and name[0] != "_"}
