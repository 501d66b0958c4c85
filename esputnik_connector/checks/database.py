"""Checks of where things are stored, and whether what is stored can be opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, router, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.conf import faults
from esputnik_connector.exceptions import DecryptionError
from esputnik_connector.fields import reveal
from esputnik_connector.models import Connection, OutboxMessage, Salt

from .setting import over_usable_settings


@register(Tags.compatibility)
@over_usable_settings
def check_databases(**_options: Any) -> list[CheckMessage]:
    """What reports a change lives in the outbox's own database: one transaction holds both."""
    outbox = router.db_for_write(OutboxMessage)
    torn = _elsewhere(outbox, apps.get_app_config("esputnik_connector").get_models())
    messages: list[CheckMessage] = []
    if torn:
        text = _("DATABASE_ROUTERS writes %(models)s elsewhere than the outbox (“%(outbox)s”).")
        messages.append(
            Error(
                text % {"models": _labels(torn), "outbox": outbox},
                hint=_("All tables of esputnik_connector must be in one database."),
                id="esputnik_connector.E005",
            )
        )
    for alias, models in _elsewhere(outbox, registry.shop().models()).items():
        messages.append(
            Warning(
                _("%(models)s are in the database “%(alias)s”, and the outbox is in “%(outbox)s”.")
                % {"models": _labels({alias: models}), "alias": alias, "outbox": outbox},
                hint=_(
                    "Their changes are noted just after they are committed. If the process dies in "
                    "between, the next reconciliation finds them: let beat run it every night."
                ),
                id="esputnik_connector.W004",
            )
        )
    return messages


def _elsewhere(outbox: str, models: Iterable[type[Model]]) -> Mapping[str, list[str]]:
    """Alias → labels of the models that are written there, and not beside the outbox."""
    found: dict[str, list[str]] = {}
    for model in models:
        if model._meta.managed and (alias := router.db_for_write(model)) != outbox:
            found.setdefault(alias, []).append(model._meta.label)
    return found


def _labels(found: Mapping[str, list[str]]) -> str:
    return ", ".join(sorted(label for labels in found.values() for label in labels))


@register(Tags.database)
@over_usable_settings
def check_stored_secrets(databases: Iterable[str] = (), **_options: Any) -> list[CheckMessage]:
    """What is stored can be opened with the keys of this process: they are not those of another
    shop. Runs in ``migrate`` and ``check --database``."""
    alias = router.db_for_read(Connection)
    if alias not in (databases or ()):
        return []
    unreadable = list(_unreadable_secrets(alias))
    if not unreadable or "ENCRYPTION_KEYS" in dict(faults()):
        return []
    text = _("ENCRYPTION_KEYS do not open what is stored: %(names)s.")
    return [
        Error(
            text % {"names": ", ".join(unreadable)},
            hint=_(
                "These are not the keys it was stored with. Bring those back: without them nothing "
                "is sent, and deleted customers are not recognised."
            ),
            id="esputnik_connector.E007",
        )
    ]


def _unreadable_secrets(alias: str) -> Iterator[str]:
    """Names of secrets that no present key opens; none while the tables are not there."""
    try:
        with transaction.atomic(using=alias):
            stored = [
                (f"{name}: {what}", value)
                for name, api_key, salt in Connection.objects.using(alias)
                .order_by("name")
                .values_list("name", "api_key", "salt")
                for what, value in ((_("API key"), api_key), (_("salt"), salt))
            ]
            salts = Salt.objects.using(alias).order_by("pk").values_list("pk", "value")
            stored += [(_("salt %s of the shop") % pk, value) for pk, value in salts]
    except DatabaseError:
        return
    for name, value in stored:
        try:
            reveal(value)
        except DecryptionError:
            yield name
