"""What people call records: names from the shop, read in bulk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from logging import getLogger

from esputnik_connector import registry
from esputnik_connector.exceptions import ConnectorError, without_message
from esputnik_connector.records import Contact, Kind, Order
from esputnik_connector.shops import reading

logger = getLogger(__name__)

NAMED = (Kind.CONTACT, Kind.ORDER)


def names_of(records: Iterable[tuple[Kind, str]]) -> dict[tuple[Kind, str], str]:
    """(kind, key) → the person's name; without one, their e-mail. What the shop no longer has, or
    cannot read, is left out. A constant number of queries."""
    keys: defaultdict[Kind, list[str]] = defaultdict(list)
    for kind, key in records:
        shown = Kind.CONTACT if kind is Kind.ERASURE else kind
        if shown in NAMED:
            keys[shown].append(key)
    found: dict[tuple[Kind, str], str] = {}
    for kind, some in keys.items():
        found.update(_read(kind, list(dict.fromkeys(some))))
    return found


def _read(kind: Kind, keys: list[str]) -> dict[tuple[Kind, str], str]:
    try:
        records, _broken = reading.records(registry.shop(), kind, keys, attributes=())
    except ConnectorError:
        return {}
    except Exception as error:  # whatever the shop's code raises: then there are keys alone
        logger.error("no names of %d %s: %s", len(keys), kind.value, without_message(error))
        return {}
    return {
        (kind, key): person_name(record) or record.email
        for key, record in records.items()
        if isinstance(record, (Contact, Order))
    }


def person_name(record: Contact | Order) -> str:
    """First and last name; ``""`` when the shop has neither."""
    return " ".join(part for part in (record.first_name, record.last_name) if part)
