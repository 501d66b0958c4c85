"""Every setting of the connector: its name, type, default and meaning, in one class.

A project writes a dictionary ``ESPUTNIK_CONNECTOR`` in its Django settings; what it leaves out has
the default below. Read a setting as ``conf.SHOP_URL``. Values are read at each access, so that
``override_settings`` works.

The annotation is the whole check of a value: its type, and what is said beside it in ``Annotated``
(see :mod:`.setting_values`). A number that is wrong counts as not written, and so does another
setting that is marked ``OrDefault``: a slip of the pen must not cost a change of the shop. Any
other one raises, because a default in its place would send what nobody wanted sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from logging import getLogger
from typing import Annotated, Any, ClassVar, get_type_hints

from django.conf import settings
from django.utils.translation import gettext as _

from .exceptions import ConfigurationError
from .setting_values import Address, Entry, Filled, OrDefault, Range, Secret, falls_back, fault_of

logger = getLogger(__name__)

DESTINATIONS_DEFAULT: dict[str, dict[str, Any]] = {
    "esputnik": {
        "BACKEND": "esputnik_connector.destinations.esputnik.destination.EsputnikDestination",
        "OPTIONS": {},
    }
}


class Settings:
    """The annotated attributes are the settings; see ``docs/reference/settings.md``."""

    SHOP: Annotated[str, Filled()] = "esputnik_connector.shops.oscar.adapter.OscarShop"
    """Dotted path of the :class:`~esputnik_connector.shops.base.ShopAdapter` to use."""

    SHOP_OPTIONS: Mapping[str, Any] = {}
    """What that adapter shall do in its own way. Each adapter documents its options."""

    DESTINATIONS: Annotated[
        Mapping[str, Mapping[str, Any]],
        Filled(),
        Entry(
            required={"BACKEND": Annotated[str, Filled()]}, optional={"OPTIONS": Mapping[str, Any]}
        ),
    ] = DESTINATIONS_DEFAULT
    """Name → ``{"BACKEND": dotted path, "OPTIONS": {…}}``."""

    ENCRYPTION_KEYS: list[str] | str = []
    """Fernet keys for secrets at rest. The first encrypts, all decrypt. Required. Keys in one text
    are separated by commas or spaces."""

    RATE_LIMIT_STORAGE: Annotated[str, OrDefault()] = ""
    """Where the workers share their pace, e.g. ``redis://…``. Empty: each process on its own."""

    PLAIN_HTTP_HOSTS: list[str] = []
    """Hosts of the developer's own network that a connection may reach without TLS."""

    SHOP_URL: Annotated[str, Address()] = ""
    """Absolute address of the shop, such as ``https://shop.example``. Empty: the current Site."""

    CONTACT_ATTRIBUTES: Mapping[str, str] = {}
    """Extra contact attributes: name → dotted path of ``callable(users) -> {str(pk): value}``."""

    RECORD_HOOK: str = ""
    """Dotted path of ``callable(record, connection) -> record``; may raise ``Veto(reason)``."""

    CANCELLED_STATUSES: list[str] = []
    """Order statuses that do not count as purchases in a contact's totals."""

    ENVIRONMENT: str = ""
    """Name of this installation. Empty: database address and shop address together."""

    DEBOUNCE_SECONDS: Annotated[int, Range(0, 3600)] = 3
    """How long a change rests, so that the steps of one checkout become one delivery."""

    CONNECTIONS_TTL: Annotated[int, Range(0, 3600)] = 5
    """How long a process keeps the list of enabled connections. 0: read it at every change."""

    LEASE_SECONDS: Annotated[int, Range(1, 86_400)] = 180
    """How long a lane stays with a worker that died. Must exceed the HTTP deadline."""

    RETRY_HORIZON_HOURS: Annotated[int, Range(1, 8760)] = 72
    """How long a record that fails is tried before it is set aside for a person to see."""

    ATTEMPT_RETENTION_DAYS: Annotated[int, Range(1, 3650)] = 30
    """How long the history of deliveries is kept. Nothing unsent is ever removed."""

    REJECTED_RETENTION_DAYS: Annotated[int, Range(1, 3650)] = 180
    """How long the history of refused records is kept."""

    EVENT_RETENTION_DAYS: Annotated[int, Range(1, 3650)] = 30
    """How long it is remembered which events were sent. An older event is not sent any more."""

    BEHAVIOUR_BACKLOG: Annotated[int, Range(1, 10_000_000)] = 50_000
    """How much behaviour may wait in line. What comes beyond is counted, and not sent."""

    BEHAVIOUR_LIFETIME_HOURS: Annotated[int, Range(1, 8760)] = 24
    """How long after it happened behaviour is still sent. Purchases: the retry horizon."""

    PRICE_DROP_PERCENT: Annotated[int, Range(1, 99)] = 5
    """By how many per cent a price must fall until people are told."""

    RECONCILE_LIMIT: Annotated[int, Range(0, 10_000_000)] = 1000
    """How many records of a kind one reconciliation puts in line without a person's word."""

    WAKE: Annotated[str, OrDefault()] = "esputnik_connector.tasks.wake"
    """Dotted path of ``callable(connection_id, delay)`` run after a commit. Empty: beat only."""

    CELERY_QUEUE: Annotated[str, OrDefault()] = ""
    """Celery queue of the relay tasks. Empty: the default queue."""

    FEED_STORAGE: Annotated[str, Filled()] = "default"
    """Alias in ``STORAGES`` of the storage that keeps the built product feeds."""

    RETIRED_PUSH_WORKERS: Annotated[list[str], OrDefault()] = []
    """Paths at which visitors' browsers may hold a service worker that is to unregister itself,
    such as ``/push/esputnik/sw.js`` of a database that was lost."""

    ALERT_EMAILS: Annotated[list[str], OrDefault()] = []
    """Who gets a mail of each problem that ``esputnik_doctor --alert`` finds."""

    ALERT_AFTER_SECONDS: Annotated[int, Range(5, 86_400)] = 300
    """How long the sweep, or a change that is due, may be late until somebody is told; problems are
    looked for as often."""

    SILENT_ORDERS: Annotated[int, Range(0, 1_000)] = 3
    """How many orders the shop takes, none of which arrives, until somebody is told. 0: nobody is.
    See ``SILENT_ORDERS_MINUTES``."""

    SILENT_ORDERS_MINUTES: Annotated[int, Range(1, 10_080)] = 180
    """In how many minutes they were taken."""

    SUBSCRIBE_PER_ADDRESS: Annotated[int, Range(0, 1_000_000)] = 3
    """How many times an hour one address is taken from the subscription form. ``0``: any."""

    SUBSCRIBE_PER_CLIENT: Annotated[int, Range(0, 1_000_000)] = 20
    """How many times an hour one client may send that form. ``0``: any."""

    TRUSTED_PROXIES: Annotated[int, Range(0, 100)] = 0
    """How many proxies of your own a request comes through before it is here."""

    HEALTH_TOKEN: Annotated[str, Secret(20), OrDefault()] = ""
    """The secret of the health and metrics addresses. Empty: they answer 404."""

    CONSENT: str = ""
    """Dotted path of ``callable(request) -> types``: what of its behaviour a visitor allows to be
    told. Empty: everything."""

    HONOUR_PRIVACY_SIGNALS: bool = True
    """Is a visitor left alone whose browser sends Global Privacy Control or Do-Not-Track?"""

    CACHED_PAGES: bool = False
    """Does a cache keep whole pages of the shop? Then the page's script tells that it was seen."""

    _PREFIX: ClassVar[str] = "ESPUTNIK_CONNECTOR"

    def __getattribute__(self, name: str) -> Any:
        if name.isupper() and not name.startswith("_") and name in (given := written()):
            value = given[name]
            if (fault := _fault(name, value)) is None:
                return value
            if not falls_back(declarations()[name]):
                raise ConfigurationError(fault)
            _say(fault)
        return super().__getattribute__(name)


conf = Settings()


def written() -> Mapping[str, Any]:
    """What the project wrote; nothing, when that is no dictionary."""
    given = getattr(settings, Settings._PREFIX, {})
    return given if isinstance(given, Mapping) else {}


@cache
def declarations() -> dict[str, Any]:
    """Name → annotation of every setting."""
    hints = get_type_hints(Settings, include_extras=True)
    return {name: hint for name, hint in hints.items() if name.isupper() and name[0] != "_"}


def setting_types() -> dict[str, Any]:
    """Name → declared type of every setting."""
    hints = get_type_hints(Settings)
    return {name: hints[name] for name in declarations()}


def faults() -> Iterator[tuple[str, str]]:
    """Settings whose value cannot be used, each with a sentence for the developer."""
    given = getattr(settings, Settings._PREFIX, {})
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        yield "", _("ESPUTNIK_CONNECTOR is of type %s; it must be a dictionary.") % kind
    for name, value in written().items():
        if name in declarations() and (fault := _fault(name, value)) is not None:
            yield name, fault


def demand_usable() -> None:
    """Before anything is sent: no setting is wrong that decides what is sent.

    :raises ConfigurationError: one is.
    """
    for name, fault in faults():
        if name and not falls_back(declarations()[name]):
            raise ConfigurationError(fault)


_judged: dict[str, tuple[Any, str | None]] = {}  # setting → the value last seen, and its fault


def _fault(name: str, value: Any) -> str | None:
    if name not in _judged or _judged[name][0] is not value:
        known = declarations().get(name)
        _judged[name] = (value, None if known is None else fault_of(value, known, name))
    return _judged[name][1]


@cache
def _say(fault: str) -> None:
    """Once in each process."""
    logger.error("%s The default is used.", fault)
