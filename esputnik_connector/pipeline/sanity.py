"""Clock, time zone and money: what is wrong with them shows late and far from its cause."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.destinations.base import AccountInfo

from .findings import Finding, ok, problem, warning

SKEW = 60.0  # seconds; an HTTP date has whole ones, and a request takes some
GREAT_SKEW = 600.0  # leases, retries and past events go wrong
USUAL_CURRENCIES = ("EUR", "UAH", "USD")  # the documented ones (contract 3.4)


def clock(name: str, info: AccountInfo) -> Finding | None:
    """Our clock beside the destination's. ``None``: it did not tell the time."""
    if info.clock_ahead is None:
        return None
    seconds = round(abs(info.clock_ahead))
    if seconds < SKEW:
        return ok(name, _("This machine's clock agrees with eSputnik's."))
    find = problem if seconds >= GREAT_SKEW else warning
    return find(
        name,
        _("This machine's clock and eSputnik's are %s seconds apart.") % seconds,
        _("Let the machine set its clock by NTP."),
    )


def time_zone() -> Finding:
    if not settings.USE_TZ:
        return warning(
            "USE_TZ",
            _("It is off: moments are read in TIME_ZONE, and twice a year an hour is in doubt."),
            _("Set USE_TZ = True."),
        )
    return ok(
        "TIME_ZONE", _("Moments have a time zone; days are those of %s.") % settings.TIME_ZONE
    )


def currencies() -> Finding:
    """Revenue reports of eSputnik count only orders in the account's own currency."""
    found = sorted(registry.shop().currencies())
    unusual = [code for code in found if code.upper() not in USUAL_CURRENCIES]
    if unusual:
        return warning(
            _("currencies"),
            _("Orders in currencies that eSputnik does not document: %s") % ", ".join(unusual),
            _("They are sent as they are. Ask eSputnik whether its reports count them."),
        )
    if len(found) > 1:
        return warning(
            _("currencies"),
            _("Orders in several currencies: %s") % ", ".join(found),
            _("eSputnik's revenue reports count only the currency that its account is set to."),
        )
    return ok(_("currencies"), _("Orders are in %s.") % (found[0] if found else "–"))
