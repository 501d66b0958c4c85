"""Keys → records: what the shop says now, changed or held back by the shop's own hook."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from logging import getLogger

from django.db import InterfaceError, OperationalError
from django.db import connection as database

from esputnik_connector.destinations.base import Destination, Receipt
from esputnik_connector.exceptions import (
    ConnectorError,
    HookError,
    NotSupportedError,
    Skip,
    Veto,
    without_message,
)
from esputnik_connector.fields import reveal
from esputnik_connector.halving import Halving
from esputnik_connector.models import CartSession, Connection, OutboxMessage, SyncState
from esputnik_connector.pipeline.behaviour.carried import carried
from esputnik_connector.pipeline.erasure.payload import emails_of
from esputnik_connector.pipeline.events.load import events
from esputnik_connector.pipeline.subscriptions import subscriptions
from esputnik_connector.records import (
    Behaviour,
    Cart,
    Erasure,
    Kind,
    OrderDeletion,
    Outcome,
    Reason,
    Record,
)
from esputnik_connector.registry import record_hook
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import ShopAdapter
from esputnik_connector.shops.canonical import canonical
from esputnik_connector.shops.pages import complete

logger = getLogger(__name__)


def is_database_gone(error: Exception) -> bool:
    """Is ``error`` the loss of the whole database? Then no record is to blame for it."""
    is_loss = isinstance(error, (OperationalError, InterfaceError))
    return is_loss and not database.is_usable()


def wanted_attributes(destination: Destination) -> Collection[str] | None:
    """Those of a contact that anybody looks at before it is sent; ``None``: any. The shop's own
    hook may look at any."""
    return None if record_hook() else destination.wanted_attributes()


def read(
    connection: Connection,
    shop: ShopAdapter,
    kind: Kind,
    keys: Sequence[str],
    *,
    attributes: Collection[str] | None = None,
) -> tuple[dict[str, Record], dict[str, Receipt]]:
    """Ask the shop in bulk; halve only when that raises, so that one poison record stands alone.

    :param attributes: see :func:`wanted_attributes`.
    :raises OperationalError, InterfaceError: the database is gone, and no record is to blame.
    """
    records: dict[str, Record] = {}
    broken: dict[str, Receipt] = {}
    parts = Halving(keys)
    for part in parts:
        try:
            found, refused = _ask(connection, shop, kind, part, attributes)
        except NotSupportedError as error:  # the shop's adapter knows no such records
            broken |= {key: _unknown(kind, key, error) for key in part}
        except Exception as error:  # whatever the shop's code raises
            if is_database_gone(error):
                raise
            if not parts.halve(part):
                (key,) = part
                logger.error("%s %s cannot be read: %s", kind.value, key, without_message(error))
                broken[key] = unbuildable(kind, key, error)
        else:
            records |= found
            broken |= refused
    return records, broken


def _ask(
    connection: Connection,
    shop: ShopAdapter,
    kind: Kind,
    keys: Sequence[str],
    attributes: Collection[str] | None,
) -> tuple[dict[str, Record], dict[str, Receipt]]:
    if kind is Kind.ERASURE:
        return _erasures(connection, keys), {}
    if kind is Kind.BEHAVIOUR:
        told = list(carried(connection, keys).values())
        return {each.key: each for each in complete(shop, told)}, {}
    if kind is Kind.EVENT:
        records, refused = reading.checked(kind, keys, events(shop, connection, keys))
    elif kind is Kind.SUBSCRIPTION:
        records, refused = reading.checked(kind, keys, subscriptions(connection, keys))
    else:
        records, refused = reading.records(shop, kind, keys, attributes=attributes)
    for error in refused.values():
        logger.error("%s", error)
    broken = {key: unbuildable(kind, key, error) for key, error in refused.items()}
    return _with_guests(records) if kind is Kind.CART else records, broken


def _erasures(connection: Connection, keys: Sequence[str]) -> dict[str, Record]:
    """Deletions, with the number that the destination gave to whoever it holds, and the e-mails
    that their rows carry.

    :raises DecryptionError: these cannot be read with the present keys.
    """
    held = SyncState.objects.filter(connection=connection, kind=Kind.CONTACT.value)
    numbers = dict(held.filter(key__in=list(keys)).values_list("key", "remote_id"))
    emails: dict[str, list[str]] = {key: [] for key in keys}
    rows = OutboxMessage.objects.of(connection, Kind.ERASURE).filter(key__in=list(keys))
    for key, payload in rows.order_by("pk").values_list("key", "payload"):
        emails[key] += emails_of(payload)
    return {
        key: Erasure(
            key=key, remote_id=numbers.get(key, ""), emails=tuple(dict.fromkeys(emails[key]))
        )
        for key in keys
    }


def _with_guests(records: Mapping[str, Record]) -> dict[str, Record]:
    """Anonymous carts whose shopper told an e-mail at the check-out gate belong to that e-mail."""
    carts = {key: cart for key, cart in records.items() if isinstance(cart, Cart)}
    unknown = [key for key, cart in carts.items() if not cart.contact_key and not cart.email]
    emails = _guest_emails(unknown)
    return {
        key: replace(cart, email=emails[key]) if key in emails else cart
        for key, cart in carts.items()
    }


def _guest_emails(keys: Sequence[str]) -> dict[str, str]:
    """Cart → e-mail that its shopper told last, for those who told one."""
    if not keys:
        return {}
    sessions = CartSession.objects.filter(cart_key__in=keys).order_by("pk")
    return {session.cart_key: reveal(session.email) for session in sessions}


def emptied(
    keys: Sequence[str], present: set[str], states: Mapping[str, SyncState]
) -> dict[str, Record]:
    """Carts that were sent and whose basket the shop has deleted since: empty for their owner, or
    for the guest, as long as it is remembered who that was."""
    gone = [key for key in keys if key not in present and key in states]
    emails = _guest_emails([key for key in gone if not states[key].owner_key])
    return {
        key: Cart(
            key=key, currency="", contact_key=states[key].owner_key, email=emails.get(key, "")
        )
        for key in gone
        if states[key].owner_key or key in emails
    }


def hooked(record: Record, connection: Connection) -> Record:
    """The record as ``RECORD_HOOK`` returns it.

    :raises Skip: the hook held it back. :raises HookError: the hook returned something else.
    """
    hook = record_hook()
    if hook is None or isinstance(record, (Erasure, OrderDeletion)):
        return record
    try:
        answer = hook(record, connection)
    except Veto as veto:
        raise Skip(Reason.VETOED, str(veto)) from veto
    if type(answer) is not type(record) or answer.key != record.key:
        raise HookError(
            f"RECORD_HOOK returned {_shown(answer)} for {_shown(record)}; it must return the "
            "record it was given, changed or not, with the same key"
        )
    if isinstance(answer, Behaviour):  # all of it is the connector's own
        return answer
    return canonical(f"RECORD_HOOK: {_shown(record)}", answer, type(record))


def _shown(value: object) -> str:
    return f"{type(value).__name__} {getattr(value, 'key', '')}".strip()


def _unknown(kind: Kind, key: str, error: NotSupportedError) -> Receipt:
    return Receipt(
        kind=kind, key=key, outcome=Outcome.SKIPPED, reason=Reason.GONE, detail=str(error)
    )


def unbuildable(kind: Kind, key: str, error: Exception) -> Receipt:
    """A refusal that names the type of the exception alone, unless the exception is the
    connector's own: its text may quote personal data."""
    return Receipt(
        kind=kind,
        key=key,
        outcome=Outcome.REJECTED,
        reason=Reason.UNBUILDABLE,
        detail=str(error) if isinstance(error, ConnectorError) else type(error).__name__,
    )
