"""Dotted paths and connections → live objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, cast

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from .behaviour import BehaviourType
from .conf import conf, demand_usable
from .destinations.base import (
    DO_NOT_SEND,
    Account,
    AccountField,
    Destination,
    EraseMode,
    OrderRoute,
)
from .event_types import event_keys
from .exceptions import ConfigurationError
from .fields import reveal
from .models import Connection, Storefront
from .records import Record
from .shops.base import ShopAdapter

RecordHook = Callable[[Record, Connection], Record]


def load(dotted_path: str, setting: str) -> Any:
    """The object a setting names.

    :raises ConfigurationError: nothing is there; the message names the setting.
    """
    try:
        return import_string(dotted_path)
    except (ImportError, TypeError, ValueError) as error:  # the latter two: ".Thing", "..Thing"
        raise ConfigurationError(
            f"ESPUTNIK_CONNECTOR[{setting!r}] names {dotted_path!r}, which cannot be imported: "
            f"{error}"
        ) from error


@lru_cache(maxsize=1)
def shop() -> ShopAdapter:
    """The adapter of this project's shop, made with ``SHOP_OPTIONS``.

    :raises ConfigurationError: it cannot be imported or made; the message names the setting.
    """
    adapter = load(conf.SHOP, "SHOP")
    try:
        return cast(ShopAdapter, adapter(conf.SHOP_OPTIONS))
    except TypeError as error:  # an abstract method is missing, or __init__ takes no options
        raise ConfigurationError(
            f"ESPUTNIK_CONNECTOR['SHOP'] names {conf.SHOP!r}, which cannot be made: {error}"
        ) from error


@lru_cache(maxsize=1)
def record_hook() -> RecordHook | None:
    """The project's last word on every record, or ``None``."""
    return cast(RecordHook, load(conf.RECORD_HOOK, "RECORD_HOOK")) if conf.RECORD_HOOK else None


def destination_class(name: str) -> type[Destination]:
    """The code that speaks to a destination of the settings. What its merchant may choose, and what
    it can do at all, stands in its attributes.

    :param name: a key of ``DESTINATIONS``, as a connection stores it.
    :raises ConfigurationError: the settings have no such destination, or it cannot be imported.
    """
    backend = load(_entry(name)["BACKEND"], "DESTINATIONS")
    if not (isinstance(backend, type) and issubclass(backend, Destination)):
        raise ConfigurationError(
            f"ESPUTNIK_CONNECTOR['DESTINATIONS'][{name!r}] "
            f"names {backend!r}, which is no Destination"
        )
    return backend


def destination_label(name: str) -> str:
    """What people call a destination of the settings: "eSputnik". Its bare name when it is gone
    from the settings or cannot be imported: a page must show itself all the same."""
    try:
        return destination_class(name).label or name
    except ConfigurationError:
        return name


def account(connection: Connection) -> Account:
    """A connection as plain values, secrets opened, with the destination's own defaults for what
    the merchant left open.

    :raises DecryptionError: a secret cannot be read with the present keys.
    :raises ConfigurationError: the settings have no such destination.
    """
    backend = destination_class(connection.destination)
    mapped = connection.status_mappings.values_list("shop_status", "status")
    status = connection.default_status
    return Account(
        name=connection.name,
        api_key=reveal(connection.api_key),
        api_url=(connection.api_url or backend.default_api_url).rstrip("/"),
        tracker_url=(connection.tracker_url or backend.default_tracker_url).rstrip("/"),
        order_route=connection.order_route or default_of(backend.order_routes),
        erase_mode=connection.erase_mode or default_of(backend.erase_modes),
        consent_policy=connection.consent_policy if backend.consent_policies else "",
        fields=tuple(connection.field_mappings.values_list("attribute", "field_id")),
        known_fields={field.id: field for field in known_fields(connection)},
        statuses={shop_status: _wire_status(status) for shop_status, status in mapped},
        default_status=_wire_status(status) if status else backend.default_status,
        salt=reveal(connection.salt),
        rate_limit_storage=conf.RATE_LIMIT_STORAGE,
        event_keys=event_keys(),
        **_site(connection),
    )


def _site(connection: Connection) -> dict[str, Any]:
    """The site of this connection's storefront, and how behaviour travels there."""
    storefront = Storefront.objects.filter(connection=connection).first()
    if storefront is None:
        return {}
    routes = {each: storefront.route_of(each) for each in BehaviourType}
    return {"site_id": storefront.site_id, "routes": routes}


def known_fields(connection: Connection) -> list[AccountField]:
    """The additional fields as the account described them last; none while it was never asked."""
    return [
        AccountField(**{**values, "allowed": tuple(values.get("allowed", ()))})
        for values in connection.known_fields
    ]


def default_of(choices: Sequence[OrderRoute] | Sequence[EraseMode]) -> str:
    """The choice that applies when a connection has none: the first."""
    return choices[0].value if choices else ""


def destination(connection: Connection, *, order_route: str = "") -> Destination:
    """A live destination of this connection; close it after use.

    :param order_route: another route for its orders than the connection's own, for history.
    :raises ConfigurationError: the connection names a destination that the settings do not have.
    """
    plain = account(connection)
    if order_route:
        plain = replace(plain, order_route=order_route)
    return destination_for(connection.destination, plain)


def destination_for(name: str, account: Account) -> Destination:
    """A live destination for an account that need not be stored yet.

    :raises ConfigurationError: there is none of that name, or a setting cannot be used.
    """
    demand_usable()
    return destination_class(name)(account, _entry(name).get("OPTIONS", {}))


def _entry(name: str) -> Mapping[str, Any]:
    try:
        return conf.DESTINATIONS[name]
    except KeyError as error:
        raise ConfigurationError(
            f"No destination {name!r} in ESPUTNIK_CONNECTOR['DESTINATIONS']; there are: "
            f"{', '.join(conf.DESTINATIONS)}"
        ) from error


def _wire_status(status: str) -> str:
    return "" if status == DO_NOT_SEND else status


def _forget(*, setting: str, **_: object) -> None:
    if setting == "ESPUTNIK_CONNECTOR":
        shop.cache_clear()
        record_hook.cache_clear()


setting_changed.connect(_forget, dispatch_uid="esputnik_connector.registry")
