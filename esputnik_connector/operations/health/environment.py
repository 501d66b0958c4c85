"""The installation itself: addresses, shared pace, clock, time zone and money.

What is wrong with them shows late and far from its cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.apps import apps
from django.conf import settings
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.conf import conf
from esputnik_connector.destinations.base import AccountInfo
from esputnik_connector.destinations.throttle import limiter
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import Connection
from esputnik_connector.shops.base import (
    Capability,
    SupportsCarts,
    SupportsCurrencies,
    SupportsEvents,
    SupportsFeed,
    SupportsHistory,
    SupportsReconciliation,
)

from .findings import Finding, ok, problem, warning

# Others are told where they matter: of statuses, fields and currencies below.
NOTEWORTHY: tuple[type[Capability], ...] = (
    SupportsCarts,
    SupportsHistory,
    SupportsReconciliation,
    SupportsFeed,
    SupportsEvents,
)

SKEW = 60.0  # seconds; an HTTP date has whole ones, and a request takes some
GREAT_SKEW = 600.0  # leases, retries and past events go wrong


def findings() -> Iterator[Finding]:
    """Of the installation, whatever its connections are."""
    yield shop_address()
    yield pace_storage()
    yield time_zone()
    yield from shop()
    yield currencies()


def shop_address() -> Finding:
    subject = "SHOP_URL"
    remedy = _("Write the shop's public address, such as 'https://shop.example', into SHOP_URL.")
    if conf.SHOP_URL:
        if "example.com" in conf.SHOP_URL:
            return warning(
                "shop_url_example", subject, _("It is only an example: links lead nowhere."), remedy
            )
        if conf.SHOP_URL.startswith(("https://", "http://")):
            return ok(
                "shop_url_absolute",
                subject,
                _("Links start with %(url)s.") % {"url": conf.SHOP_URL},
            )
        return problem(
            "shop_url_not_absolute",
            subject,
            _("It is not an absolute address; links would be broken."),
            remedy,
        )
    if "django.contrib.sites" in settings.INSTALLED_APPS:
        return _current_site(subject, remedy)
    return problem(
        "shop_url_missing",
        subject,
        _("It is empty and there are no Sites: links cannot be sent."),
        remedy,
    )


def _current_site(subject: str, remedy: str) -> Finding:
    """The Site that a worker takes, which has no request to tell it by."""
    number = getattr(settings, "SITE_ID", "")
    if not number:
        text = _("It is empty, and there is no SITE_ID to tell the Site by: links are left out.")
        return problem("shop_url_no_site_id", subject, text, remedy)
    site = apps.get_model("sites", "Site").objects.filter(pk=number).first()
    if site is None:
        text = _("It is empty, and there is no Site %s, as SITE_ID says: links are left out.")
        return problem("shop_url_no_site", subject, text % number, remedy)
    text = _("Links start with %(url)s.") % {"url": f"https://{site.domain}"}
    return ok("shop_url_of_site", subject, text)


def pace_storage() -> Finding:
    subject = "RATE_LIMIT_STORAGE"
    if not conf.RATE_LIMIT_STORAGE:
        return warning(
            "pace_not_shared",
            subject,
            _("It is empty: each worker process keeps a pace of its own."),
            _("With more than one worker, write a Redis address there."),
        )
    try:
        answers = limiter(conf.RATE_LIMIT_STORAGE).storage.check()
    except ConfigurationError as error:
        return problem("pace_storage_wrong", subject, str(error), _("Correct the setting."))
    if answers:
        return ok("pace_storage_answers", subject, _("The storage of the shared pace answers."))
    return warning(
        "pace_storage_away",
        subject,
        _("The storage of the shared pace does not answer: each worker keeps a pace of its own."),
        _("Start it, or correct the address."),
    )


def clock(connection: Connection, info: AccountInfo) -> Finding | None:
    """Our clock beside the destination's. ``None``: it did not tell the time."""
    name = connection.name
    if info.clock_ahead is None:
        return None
    seconds = round(abs(info.clock_ahead))
    told = {
        "destination": registry.destination_label(connection.destination),
        "seconds": seconds,
    }
    if seconds < SKEW:
        return ok(
            "clock_agrees", name, _("This machine's clock agrees with %(destination)s's.") % told
        )
    find = problem if seconds >= GREAT_SKEW else warning
    return find(
        "clock_differs",
        name,
        _("This machine's clock and %(destination)s's are %(seconds)s seconds apart.") % told,
        _("Let the machine set its clock by NTP."),
        seconds=seconds,
    )


def time_zone() -> Finding:
    if not settings.USE_TZ:
        return warning(
            "time_zone_off",
            "USE_TZ",
            _("It is off: moments are read in TIME_ZONE, and twice a year an hour is in doubt."),
            _("Set USE_TZ = True."),
        )
    return ok(
        "time_zone_on",
        "TIME_ZONE",
        _("Moments have a time zone; days are those of %s.") % settings.TIME_ZONE,
    )


def shop() -> Iterator[Finding]:
    """The shop's adapter, and what it leaves out of that a merchant may look for."""
    adapter = registry.shop()
    name = type(adapter).__name__
    left_out = [one for one in NOTEWORTHY if not isinstance(adapter, one)]
    for capability in left_out:
        yield ok("capability_missing", _("shop"), str(capability.missing))
    if not left_out:
        yield ok(
            "shop_supports_all",
            _("shop"),
            _("%(shop)s supports all that the connector can do.") % {"shop": name},
        )


def _unusual(destination: str, codes: Sequence[str]) -> list[str]:
    """The currencies among these that a destination of the settings does not document."""
    try:
        known = registry.destination_class(destination).currencies
    except ConfigurationError:  # E002
        return []
    return [code for code in codes if known and code.upper() not in known]


def currencies() -> Finding:
    """What a destination does not document it may not count; reports of revenue are in one."""
    adapter = registry.shop()
    if not isinstance(adapter, SupportsCurrencies):
        return ok("currencies_not_supported", _("currencies"), str(SupportsCurrencies.missing))
    found = sorted(adapter.currencies())
    for name in conf.DESTINATIONS:
        if unusual := _unusual(name, found):
            told = {"destination": registry.destination_label(name), "codes": ", ".join(unusual)}
            return warning(
                "currencies_undocumented",
                _("currencies"),
                _("Orders in currencies that %(destination)s does not document: %(codes)s") % told,
                _("They are sent as they are. Ask %(destination)s whether its reports count them.")
                % told,
            )
    if len(found) > 1:
        return warning(
            "currencies_several",
            _("currencies"),
            _("Orders in several currencies: %s") % ", ".join(found),
            _("Reports of revenue may count only the currency that the account is set to."),
        )
    return ok(
        "currency_one", _("currencies"), _("Orders are in %s.") % (found[0] if found else "–")
    )
