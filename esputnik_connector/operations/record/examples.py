"""What the shop knows of a real customer, so that a person sees what each attribute is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from logging import getLogger

from django.utils.formats import date_format

from esputnik_connector import registry
from esputnik_connector.exceptions import ConnectorError, without_message
from esputnik_connector.models import Connection, SyncState
from esputnik_connector.models.timezones import local_time
from esputnik_connector.records import AttributeValue, Contact, Kind
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import SupportsContactAttributes, SupportsHistory

CUSTOMERS = 5  # are looked at: the newest one often has no value yet
LONGEST = 80  # characters of a value that are shown

logger = getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Example:
    """An attribute, and its value for one customer.

    :param value: ``None`` where none of those who were looked at has one.
    """

    attribute: str
    label: str
    value: AttributeValue = None
    customer: str = ""  # key

    @property
    def text(self) -> str:
        """As a person reads it: a moment by the clock of the shop."""
        value = _text(self.value)
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"


def _text(value: AttributeValue) -> str:
    if isinstance(value, datetime):
        return date_format(local_time(value), "SHORT_DATETIME_FORMAT")
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else str(value)


def examples(connection: Connection) -> dict[str, Example]:
    """Attribute → example, in the shop's own order; empty where its adapter has no attributes.
    A constant number of queries."""
    shop = registry.shop()
    if not isinstance(shop, SupportsContactAttributes):
        return {}
    labels = {name: str(label) for name, label in shop.attributes().items()}
    found = {name: Example(attribute=name, label=label) for name, label in labels.items()}
    for contact in _customers(connection, list(labels)):
        for name, label in labels.items():
            value = contact.attributes.get(name)
            if value not in (None, "", ()) and found[name].value is None:
                found[name] = Example(
                    attribute=name, label=label, value=value, customer=contact.key
                )
    return found


def _customers(connection: Connection, attributes: list[str]) -> list[Contact]:
    """Some who were sent lately; of a new connection, whoever is in the shop."""
    shop = registry.shop()
    sent = SyncState.objects.filter(connection=connection, kind=Kind.CONTACT.value)
    keys = list(sent.order_by("-pk").values_list("key", flat=True)[:CUSTOMERS])
    try:
        if not keys and isinstance(shop, SupportsHistory):
            keys = list(shop.keys(Kind.CONTACT, limit=CUSTOMERS).keys)
        records, _refused = reading.records(shop, Kind.CONTACT, keys, attributes=attributes)
    except ConnectorError as error:
        logger.error("no example of a customer: %s", without_message(error))
        return []
    return [records[key] for key in keys if isinstance(records.get(key), Contact)]  # type: ignore[misc]
