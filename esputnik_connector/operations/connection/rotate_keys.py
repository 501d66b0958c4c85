"""Seal every stored secret anew with the first of ``ENCRYPTION_KEYS``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from esputnik_connector.exceptions import DecryptionError, UnreadableEventError
from esputnik_connector.fields import EncryptedText, reveal
from esputnik_connector.models import (
    CartSession,
    CartVisitor,
    Connection,
    Feed,
    OutboxMessage,
    Salt,
)
from esputnik_connector.pipeline.erasure import payload as erasures
from esputnik_connector.pipeline.events.carried import resealed
from esputnik_connector.records import Kind


@dataclass
class Rotation:
    """How many secrets were sealed anew, and names of those that no key opens."""

    sealed: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate() -> Rotation:
    """Decrypt each secret with whatever key opens it and encrypt it with the first one.

    A secret that somebody replaces at the same moment is left as they wrote it.

    :raises ConfigurationError: there is no usable key at all.
    """
    rotation = Rotation()
    for name, model, pk, column, stored in _secrets():
        try:
            plain = reveal(stored)
        except DecryptionError:
            rotation.unreadable.append(name)
            continue
        rows = model._default_manager.filter(pk=pk, **{column: stored})
        rotation.sealed += rows.update(**{column: plain})
    _rotate_events(rotation)
    _rotate_erasures(rotation)
    return rotation


def _rotate_events(rotation: Rotation) -> None:
    """What waits in the outbox with its record. One that is sent meanwhile is gone."""
    carried = [Kind.EVENT.value, Kind.SUBSCRIPTION.value, Kind.BEHAVIOUR.value]
    rows = OutboxMessage.objects.filter(kind__in=carried, payload__isnull=False)
    for row in rows.order_by("pk").iterator(chunk_size=1000):
        try:
            payload = resealed(row.payload)
        except UnreadableEventError:
            rotation.unreadable.append(f"{row.get_kind_display()} {row.key}")
            continue
        rotation.sealed += OutboxMessage.objects.filter(pk=row.pk).update(payload=payload)


def _rotate_erasures(rotation: Rotation) -> None:
    """Deletions that wait in the outbox with the e-mails of whom they mean."""
    rows = OutboxMessage.objects.filter(kind=Kind.ERASURE.value, payload__has_key=erasures.EMAILS)
    for row in rows.order_by("pk").iterator(chunk_size=1000):
        try:
            payload = erasures.resealed(row.payload)
        except DecryptionError:
            rotation.unreadable.append(_("deletion of customer %s") % row.key)
            continue
        rotation.sealed += OutboxMessage.objects.filter(pk=row.pk).update(payload=payload)


def _secrets() -> Iterator[
    tuple[
        str,
        type[Connection] | type[CartSession] | type[CartVisitor] | type[Feed] | type[Salt],
        int,
        str,
        EncryptedText,
    ]
]:
    for connection in Connection.objects.order_by("pk"):
        for column, what in (("api_key", _("API key")), ("salt", _("salt"))):
            stored = getattr(connection, column)
            if stored:
                name = f"{connection.name}: {what}"
                yield name, Connection, connection.pk, column, stored
    for salt in Salt.objects.order_by("pk"):
        yield _("salt %s of the shop") % salt.pk, Salt, salt.pk, "value", EncryptedText(salt.value)
    for feed in Feed.objects.exclude(auth_password="").order_by("pk"):
        name = _("feed %s: password") % feed.name
        yield name, Feed, feed.pk, "auth_password", EncryptedText(feed.auth_password)
    sessions = CartSession.objects.exclude(email="").order_by("pk")
    for session in sessions.iterator(chunk_size=1000):
        name = _("guest of cart %s") % session.cart_key
        yield name, CartSession, session.pk, "email", EncryptedText(session.email)
    for row in CartVisitor.objects.order_by("pk").iterator(chunk_size=1000):
        name = _("visitor of cart %s") % row.cart_key
        yield name, CartVisitor, row.pk, "visitor", EncryptedText(row.visitor)
