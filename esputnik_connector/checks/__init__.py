"""System checks: what is wrong with the settings, before anything is sent.

None of them ever raises: a check that ends in a traceback says nothing. A setting whose value
cannot be used is reported once, by :func:`check_values`; the others pass over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.conf import conf, faults, setting_types, written
from esputnik_connector.destinations.base import LONGEST_REQUEST, Destination
from esputnik_connector.event_types import event_type, event_types
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.feed.artifact import storage
from esputnik_connector.fields import cipher
from esputnik_connector.models import Connection

from .database import check_databases as check_databases
from .database import check_stored_secrets as check_stored_secrets
from .setting import over_usable_settings

# Names that lead nowhere by RFC 2606, or to the machine itself.
UNREACHABLE = (".example", ".test", ".invalid", "localhost", "127.0.0.1", "::1")


@register(Tags.compatibility)
def check_names(**_options: Any) -> list[CheckMessage]:
    """Every key of ``ESPUTNIK_CONNECTOR`` is one the connector has."""
    known = list(setting_types())
    messages: list[CheckMessage] = []
    for name in written():
        if name not in known:
            near = get_close_matches(str(name), known, n=1)
            hint = _("Did you mean %(name)r?") % {"name": near[0]} if near else None
            text = _("ESPUTNIK_CONNECTOR has no setting %(name)r.") % {"name": name}
            messages.append(Error(text, hint=hint, id="esputnik_connector.E001"))
    return messages


@register(Tags.compatibility)
def check_values(**_options: Any) -> list[CheckMessage]:
    """Every value is of the type and within the range that its setting declares."""
    return [Error(fault, id="esputnik_connector.E006") for _name, fault in faults()]


@register(Tags.compatibility)
def check_paths(**_options: Any) -> list[CheckMessage]:
    """Every dotted path leads to something that can be called."""
    messages: list[CheckMessage] = []
    for setting, path in _paths():
        try:
            if path and not callable(registry.load(path, setting)):
                text = _("ESPUTNIK_CONNECTOR[%(setting)r] names %(path)r, which cannot be called.")
                found = {"setting": setting, "path": path}
                messages.append(Error(text % found, id="esputnik_connector.E002"))
        except ConfigurationError as error:
            messages.append(Error(str(error), id="esputnik_connector.E002"))
    return messages


def _paths() -> Iterator[tuple[str, str]]:
    """Setting → dotted path, of those that can be used."""
    unusable = {name for name, _fault in faults()}
    for setting in ("SHOP", "RECORD_HOOK", "WAKE"):
        if setting not in unusable:
            yield setting, getattr(conf, setting)
    if "CONTACT_ATTRIBUTES" not in unusable:
        yield from (("CONTACT_ATTRIBUTES", path) for path in conf.CONTACT_ATTRIBUTES.values())
    if "DESTINATIONS" not in unusable:
        yield from (("DESTINATIONS", entry["BACKEND"]) for entry in conf.DESTINATIONS.values())


@register(Tags.security)
def check_encryption(**_options: Any) -> list[CheckMessage]:
    """There is a key for secrets at rest."""
    if "ENCRYPTION_KEYS" in dict(faults()):
        return []
    try:
        cipher()
    except ConfigurationError as error:
        hint = _(
            "In every process: one without the keys cannot keep a guest's e-mail, and leaves it to "
            "a worker to remember whom the shop deleted."
        )
        return [Error(str(error), hint=hint, id="esputnik_connector.E003")]
    return []


@register(Tags.compatibility)
@over_usable_settings
def check_times(**_options: Any) -> list[CheckMessage]:
    """The lease outlasts a relay run, and the horizon is not shorter than promised."""
    messages: list[CheckMessage] = []
    backends = _destinations().values()
    longest = max((_longest_request(*each) for each in backends), default=LONGEST_REQUEST)
    if longest >= conf.LEASE_SECONDS:
        messages.append(
            Error(
                _("LEASE_SECONDS (%(lease)s) must exceed the HTTP deadline (%(deadline)s).")
                % {"lease": conf.LEASE_SECONDS, "deadline": longest},
                hint=_("Otherwise two workers may send the same record at the same time."),
                id="esputnik_connector.E004",
            )
        )
    if conf.RETRY_HORIZON_HOURS < 72:
        messages.append(
            Warning(
                _("RETRY_HORIZON_HOURS is below 72: a weekend's outage would set records aside."),
                id="esputnik_connector.W001",
            )
        )
    return messages


@register(Tags.compatibility)
@over_usable_settings
def check_destinations(**_options: Any) -> list[CheckMessage]:
    """Every destination can use the options it is given."""
    return [
        message
        for backend, options in _destinations().values()
        for message in backend.check(options)
    ]


def _destinations() -> dict[str, tuple[type[Destination], Mapping[str, Any]]]:
    """Name → class and options. One that cannot be imported is E002."""
    found = {}
    for name, entry in conf.DESTINATIONS.items():
        with suppress(ConfigurationError, KeyError):
            found[name] = registry.destination_class(name), entry.get("OPTIONS", {})
    return found


def _longest_request(backend: type[Destination], options: Mapping[str, Any]) -> float:
    try:
        return backend.longest_request(options)
    except (TypeError, ValueError):  # no number: E010
        return LONGEST_REQUEST


@register(Tags.compatibility)
@over_usable_settings
def check_events(**_options: Any) -> list[CheckMessage]:
    """The declarations of events make sense."""
    return list(_event_type_messages())


def _event_type_messages() -> Iterator[CheckMessage]:
    """Every switch is a field, and every name in an option is a type."""
    fields = {field.name for field in Connection._meta.get_fields()}
    for each in event_types():
        if each.switch and each.switch not in fields:
            text = _("Event type %(name)r: a connection has no field %(switch)r.")
            values = {"name": str(each.name), "switch": each.switch}
            hint = _("Name a boolean field, or leave “switch” empty.")
            yield Error(text % values, hint=hint, id="esputnik_connector.E032")
    for entry in conf.DESTINATIONS.values():
        named = entry.get("OPTIONS", {}).get("event_keys")
        for name in named if isinstance(named, Mapping) else ():
            try:
                event_type(name)
            except ConfigurationError as error:
                text = _("Option 'event_keys': %(why)s") % {"why": error}
                yield Error(text, id="esputnik_connector.E033")


@register(Tags.compatibility)
@over_usable_settings
def check_shop_url(**_options: Any) -> list[CheckMessage]:
    """Product links can be made absolute."""
    address = urlsplit(conf.SHOP_URL)
    if address.scheme in ("https", "http") and address.hostname not in (None, "example.com"):
        return []
    if not conf.SHOP_URL and "django.contrib.sites" in settings.INSTALLED_APPS:
        if getattr(settings, "SITE_ID", None):
            return []
        text = _("SHOP_URL is empty, and without SITE_ID a worker cannot tell the current Site.")
        hint = _("Links are left out. Write the shop's address into SHOP_URL, or SITE_ID.")
        return [Warning(text, hint=hint, id="esputnik_connector.W002")]
    return [
        Warning(
            _("SHOP_URL is not an absolute address: product links cannot be sent."),
            hint=_("Write the shop's public address, such as 'https://shop.example'."),
            id="esputnik_connector.W002",
        )
    ]


@register(Tags.compatibility, deploy=True)
@over_usable_settings
def check_shop_url_in_public(**_options: Any) -> list[CheckMessage]:
    """Links of a deployed shop lead to an address that customers can reach."""
    host = (urlsplit(conf.SHOP_URL).hostname or "").rstrip(".")
    if not host.endswith(UNREACHABLE):
        return []
    return [
        Warning(
            _("SHOP_URL leads to “%(host)s”, which nobody outside can reach.") % {"host": host},
            hint=_("Write the shop's public address: links in messages and feeds begin with it."),
            id="esputnik_connector.W003",
        )
    ]


@register(Tags.compatibility)
@over_usable_settings
def check_feeds(**_options: Any) -> list[CheckMessage]:
    """The storage of product feeds exists."""
    try:
        storage()
    except ConfigurationError as error:
        return [Error(str(error), id="esputnik_connector.E020")]
    return []


@register(Tags.compatibility)
def check_shop(**_options: Any) -> list[CheckMessage]:
    """The shop's adapter can be made, and finds nothing wrong with its options."""
    try:
        registry.load(conf.SHOP, "SHOP")
    except ConfigurationError:
        return []  # E002 or E006 says so
    try:
        return registry.shop().check()
    except ConfigurationError as error:
        return [Error(str(error), id="esputnik_connector.E024")]
