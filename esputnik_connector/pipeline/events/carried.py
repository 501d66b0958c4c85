"""What only a moment knew: the outbox row carries the record until it is sent.

The record names a person, so the row holds nothing but ciphertext, made with ``ENCRYPTION_KEYS``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.utils import timezone

from esputnik_connector.event_names import EventName
from esputnik_connector.exceptions import DecryptionError, UnreadableEventError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.fields import decrypt, encrypt
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.records import Event, JSONObject, JSONValue, Kind, Note, Subscription

Carried = TypeVar("Carried", Event, Subscription)

RECORD = "record"  # in the payload: the ciphertext
TAG = "$"  # marks, in the JSON, what JSON has no type for

UNTAGGED: Mapping[str, Callable[[Any], Any]] = {
    "decimal": Decimal,
    "moment": datetime.fromisoformat,
    "mapping": lambda inner: {name: _untagged(value) for name, value in inner.items()},
}


def sealed(record: Event | Subscription) -> JSONObject:
    """The payload of a row that carries this record.

    :raises ConfigurationError: there is no key to encrypt with.
    :raises TypeError, ValueError: the record holds something that is no
        :data:`~esputnik_connector.records.EventValue`.
    """
    values = {
        field.name: _tagged(value)
        for field in fields(record)
        if (value := getattr(record, field.name)) != _default(field)
    }
    return {RECORD: encrypt(json.dumps(values, allow_nan=False, separators=(",", ":")))}


def sealed_with_moment(event: Event) -> JSONObject:
    """As :func:`sealed`, with its moment: now, unless it has one. It was asked for in that moment,
    too."""
    moment = event.happened_at or aware_now()
    return sealed(replace(event, happened_at=moment, asked_at=event.asked_at or moment))


def aware_now() -> datetime:
    """Now, with a zone: a record's moments always have one."""
    now = timezone.now()
    return now if timezone.is_aware(now) else timezone.make_aware(now)


def opened(key: str, payload: JSONValue) -> Event:
    """The event that a row carries.

    :raises UnreadableEventError: no present key opens it, or it is damaged. The text says which.
    """
    return opened_by(_event_of, key, payload)


def opened_by(build: Callable[[dict[str, Any]], Carried], key: str, payload: JSONValue) -> Carried:
    """The record that a row carries.

    :param build: makes it of the values of its fields; whatever it raises means damage.
    :raises UnreadableEventError: no present key opens it, or it is damaged. The text says which.
    """
    text = plain_text(payload)
    try:
        record = build({name: _untagged(value) for name, value in json.loads(text).items()})
    except Exception as error:  # in whatever way a damaged text fails
        raise damaged() from error
    if record.key != key:
        raise damaged()
    return record


def _event_of(values: dict[str, Any]) -> Event:
    notes = tuple(Note(note) for note in values.get("notes", ()))
    return Event(**{**values, "name": EventName(values["name"]), "notes": notes})


def resealed(payload: JSONValue) -> JSONObject:
    """The same payload, encrypted with the first of ``ENCRYPTION_KEYS``.

    :raises UnreadableEventError: no present key opens it.
    """
    return {RECORD: encrypt(plain_text(payload))}


def plain_text(payload: JSONValue) -> str:
    """What the row holds, decrypted: the text of a record.

    :raises UnreadableEventError: no present key opens it, or nothing is there.
    """
    stored = payload.get(RECORD) if isinstance(payload, dict) else None
    if not isinstance(stored, str):
        raise damaged()
    try:
        return decrypt(stored)
    except DecryptionError as error:
        raise UnreadableEventError(
            _(
                "The event is encrypted, and none of ESPUTNIK_CONNECTOR['ENCRYPTION_KEYS'] opens "
                "it. Bring the old key back, then try again."
            )
        ) from error


def carried(connection: Connection, keys: Sequence[str]) -> dict[str, Event]:
    """Key → the event in the oldest row of it. One query. A key without a row has none.

    :raises UnreadableEventError: one of them cannot be read.
    """
    rows = OutboxMessage.objects.of(connection, Kind.EVENT).filter(key__in=keys).order_by("-pk")
    payloads = dict(rows.values_list("key", "payload"))
    return {key: opened(key, payload) for key, payload in payloads.items()}


def damaged() -> UnreadableEventError:
    """What is raised of a row that cannot be understood."""
    return UnreadableEventError(_("The record of the event is damaged or was removed."))


def _default(field: Any) -> object:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _tagged(value: Any) -> JSONValue:
    """``value`` as JSON from which :func:`_untagged` makes the same again."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Decimal):
        return {TAG: "decimal", "value": str(value)}
    if isinstance(value, datetime):
        return {TAG: "moment", "value": value.isoformat()}
    if isinstance(value, (tuple, list)):
        return [_tagged(inner) for inner in value]
    if isinstance(value, Mapping):
        inner: JSONObject = {name: _tagged(each) for name, each in value.items()}
        return {TAG: "mapping", "value": inner} if TAG in inner else inner
    raise TypeError(f"{type(value).__name__} is nothing that an event can hold")


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_untagged(inner) for inner in value)
    if not isinstance(value, dict):
        return value
    return UNTAGGED[value.get(TAG, "mapping")](value["value"] if TAG in value else value)
