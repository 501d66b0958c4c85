"""Store a key that the destination accepts, and make this installation the one that sends."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.conf import conf
from esputnik_connector.destinations.base import Account, AccountField, AccountInfo
from esputnik_connector.destinations.deadline import patience
from esputnik_connector.exceptions import BadRequestError, DecryptionError, TemporaryError
from esputnik_connector.fields import reveal
from esputnik_connector.models import Connection
from esputnik_connector.pipeline.wake import wake

from . import statuses
from .account import fields_of, keep_fields
from .verify import accept

PATIENCE = 5.0  # seconds that a person or a deployment waits for the destination


@dataclass(frozen=True, kw_only=True)
class Connected:
    """What became of it."""

    connection: Connection
    is_new: bool
    changed: tuple[str, ...]  # names of fields
    info: AccountInfo | None  # None: the destination did not answer, so the key is not checked
    doubt: str = ""
    is_another_organisation: bool = False


def connect(
    name: str,
    key: str,
    *,
    destination: str | None = None,
    api_url: str | None = None,
    tracker_url: str | None = None,
    may_bind: bool = False,
) -> Connected:
    """Make or change a connection so that it sends with this key. The same again changes nothing.

    :param destination, api_url, tracker_url: ``None`` leaves what is stored, or the default.
    :param may_bind: this installation sends from now on, also when another one did.
    :raises CredentialsError, RejectedError: the key or the address is wrong; nothing is stored.
    :raises BadRequestError: a value is wrong, or the connection is another installation's.
    :raises ConfigurationError: the settings do not have the destination.
    """
    stored = Connection.objects.filter(name=name).first()
    connection = stored or Connection(name=name)
    given = {
        "destination": destination or (stored.destination if stored else _first_destination()),
        "api_url": connection.api_url if api_url is None else api_url,
        "tracker_url": connection.tracker_url if tracker_url is None else tracker_url,
    }
    changed = [field for field, value in given.items() if getattr(connection, field) != value]
    for field, value in given.items():
        setattr(connection, field, value)
    _demand_usable(connection, may_bind=may_bind, is_new=stored is None)
    answer = _asked(connection, key)
    if stored is None or _stored_key(stored) != key:
        connection.api_key = key
        changed.append("api_key")
    former = connection.organisation_id
    changed = _store(connection, answer, changed, may_bind=may_bind, is_new=stored is None)
    wake(connection.pk)
    return Connected(
        connection=connection,
        is_new=stored is None,
        changed=tuple(changed),
        info=answer.info,
        doubt=answer.doubt,
        is_another_organisation=bool(former and former != connection.organisation_id),
    )


def _demand_usable(connection: Connection, *, may_bind: bool, is_new: bool) -> None:
    try:
        connection.full_clean(exclude=["api_key", "salt"], validate_unique=is_new)
    except ValidationError as error:
        texts = [f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items()]
        raise BadRequestError(" ".join(texts)) from error
    if not connection.is_bound_here and not may_bind:
        raise BadRequestError(
            _(
                "Connection “%s” belongs to another installation; this may be a copy of its "
                "database. If this one should send from now on, add --bind."
            )
            % connection.name
        )
    if not is_new:
        try:
            reveal(connection.salt)
        except DecryptionError as error:
            raise BadRequestError(
                _("The salt of connection “%s” cannot be read. Paste the key in the admin.")
                % connection.name
            ) from error


@dataclass(frozen=True)
class _Answer:
    info: AccountInfo | None = None
    fields: Sequence[AccountField] | None = None
    doubt: str = ""


def _asked(connection: Connection, key: str) -> _Answer:
    """Whose key it is. Waits for HTTP, so not in a transaction."""
    backend = registry.destination_class(connection.destination)
    account = Account(
        name=connection.name,
        api_key=key,
        api_url=(connection.api_url or backend.default_api_url).rstrip("/"),
        tracker_url=connection.tracker_url.rstrip("/"),
        rate_limit_storage=conf.RATE_LIMIT_STORAGE,
    )
    try:
        with (
            closing(registry.destination_for(connection.destination, account)) as live,
            patience(PATIENCE),
        ):
            return _Answer(live.verify(), fields_of(live))
    except TemporaryError as error:
        return _Answer(doubt=str(error).replace(key, "…"))


def _store(
    connection: Connection, answer: _Answer, changed: list[str], *, may_bind: bool, is_new: bool
) -> list[str]:
    """All of it, or nothing; names of what changed."""
    with transaction.atomic():
        if changed:
            connection.verified_at, connection.organisation = None, ""
            connection.forget_pause()
            connection.save()
        if may_bind and not connection.is_bound_here:
            connection.bind()
            changed = [*changed, "environment"]
        if answer.info is not None:
            accept(connection, answer.info)
            keep_fields(connection, answer.fields)
        if is_new:
            statuses.add_proposed(connection, statuses.of_shop())
    return changed


def _stored_key(connection: Connection) -> str:
    try:
        return reveal(connection.api_key)
    except DecryptionError:
        return ""


def _first_destination() -> str:
    return next(iter(conf.DESTINATIONS), "")
