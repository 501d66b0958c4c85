"""What the outbox row of a deletion carries besides its key.

Salted hashes of all that named the person become tombstones, by the first worker that sees them.
The e-mails stay until the person is deleted: whoever is known at the destination from an order
alone has no other name there. They are personal data, so the row holds nothing but ciphertext, made
with ``ENCRYPTION_KEYS``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from logging import getLogger

from django.db.models import QuerySet

from esputnik_connector.exceptions import ConnectorError, DecryptionError
from esputnik_connector.fields import decrypt, encrypt, reveal
from esputnik_connector.identity import fingerprint
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.records import JSONObject, JSONValue, Kind

from . import secret_key

logger = getLogger(__name__)

FINGERPRINTS, EMAILS, LOCATORS = "fingerprints", "emails", "locators"  # in the payload


def erasure_payload(connection: Connection, key: str, locators: Sequence[str]) -> JSONValue:
    """The payload of a deletion that is noted now.

    A process that lacks the encryption keys, or has wrong ones, can make no hash that anybody would
    recognise: it leaves the locators to the worker, encrypted with Django's ``SECRET_KEY``.

    :param locators: e-mails, phones and marks of orders.
    """
    try:
        return sealed(key, locators, salt=reveal(connection.salt))
    except ConnectorError as error:  # its frame holds the locators, which no log may have
        logger.error("the deletion of contact %s is left to a worker to hash: %s", key, error)
        return {FINGERPRINTS: [], LOCATORS: secret_key.encrypted(locators)}


def take_over(rows: Iterable[OutboxMessage], *, salt: str) -> None:
    """Hash, unsaved, what processes without the encryption keys left to us. What cannot be read any
    more is lost; the key of the customer is known all the same."""
    for row in rows:
        stored = row.payload.get(LOCATORS) if isinstance(row.payload, dict) else None
        if not isinstance(stored, str):
            continue
        try:
            row.payload = sealed(row.key, secret_key.decrypted(stored), salt=salt)
        except DecryptionError as error:
            logger.error("what else named deleted contact %s is lost: %s", row.key, error)


def sealed(
    key: str, locators: Iterable[str], *, salt: str, hashes: Iterable[str] = ()
) -> JSONObject:
    """As :func:`erasure_payload`, of what is plain and what is hashed already.

    :raises ConfigurationError: there is no key to encrypt with.
    """
    names = list(dict.fromkeys([key, *locators]))
    prints = dict.fromkeys([*(fingerprint(name, salt=salt) for name in names), *hashes])
    payload: JSONObject = {FINGERPRINTS: [*prints]}
    emails = [name for name in names[1:] if "@" in name]
    return {**payload, EMAILS: encrypt(json.dumps(emails))} if emails else payload


def emails_of(payload: JSONValue) -> list[str]:
    """The e-mails that a deletion carries.

    :raises DecryptionError: no present key opens them.
    """
    stored = payload.get(EMAILS) if isinstance(payload, dict) else None
    return [str(email) for email in json.loads(decrypt(stored))] if isinstance(stored, str) else []


def resealed(payload: JSONValue) -> JSONValue:
    """The same payload, encrypted with the first of ``ENCRYPTION_KEYS``.

    :raises DecryptionError: no present key opens it.
    """
    emails = emails_of(payload)
    if not (emails and isinstance(payload, dict)):
        return payload
    return {**payload, EMAILS: encrypt(json.dumps(emails))}


def fingerprints_of(payload: JSONValue) -> list[str]:
    """The hashes that are not tombstones yet."""
    found = payload.get(FINGERPRINTS) if isinstance(payload, dict) else None
    return [str(print_) for print_ in found] if isinstance(found, list) else []


def unburied(rows: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
    """Deletions whose hashes are not tombstones yet."""
    return rows.filter(kind=Kind.ERASURE.value, payload__has_key=FINGERPRINTS)


def note_burial(rows: Sequence[OutboxMessage]) -> None:
    """The hashes of these rows are tombstones now; what is left is for the deletion itself."""
    left = []
    for row in rows:
        if isinstance(row.payload, dict) and EMAILS in row.payload:
            row.payload = {EMAILS: row.payload[EMAILS]}
            left.append(row)
    OutboxMessage.objects.bulk_update(left, ["payload"], batch_size=200)
    pks = {row.pk for row in rows} - {row.pk for row in left}
    OutboxMessage.objects.filter(pk__in=pks).update(payload=None)
