"""What a merchant may choose of a storefront."""

from __future__ import annotations

from typing import Any

from django.forms import BooleanField, CharField, ChoiceField, Form
from django.utils.translation import gettext_lazy as _

from esputnik_connector.behaviour import (
    ALLOWED_ROUTES,
    DEFAULT_ROUTES,
    BehaviourType,
    Route,
    drawback,
    why_impossible,
)
from esputnik_connector.models import Storefront
from esputnik_connector.models.storefront import FormsChoice
from esputnik_connector.operations.storefront.connect import StorefrontChoices

ROUTES = {
    Route.OFF: _("not told"),
    Route.BROWSER: _("by eSputnik's script in the browser"),
    Route.TRACKER: _("by the shop, to the tracker"),
    Route.EVENT: _("by the shop, as an event of known people"),
}
HINTS = {
    BehaviourType.PRODUCT_UPDATE: _(
        "Price and stock between two reads of the product feed. Each build of the feed finds what "
        "changed: build it more often than eSputnik reads it."
    ),
}


class StorefrontForm(Form):
    """Of a new storefront, or of one that is there."""

    domain = CharField(
        label=_("Domain"),
        required=False,
        max_length=200,
        help_text=_("Host of the shop, such as shop.example. Empty: that of SHOP_URL."),
    )
    is_tracking = BooleanField(label=_("Track visitors"), required=False, initial=True)
    is_push = BooleanField(
        label=_("Web push"), required=False, help_text=_("Needs a shop with https.")
    )
    site_id = CharField(
        label=_("siteId"),
        required=False,
        max_length=50,
        help_text=_("Leave it empty unless eSputnik tells it nowhere."),
    )

    def choices(self) -> StorefrontChoices:
        given = self.cleaned_data
        return StorefrontChoices(
            domain=given["domain"] or None,
            is_tracking=given["is_tracking"],
            is_push=given["is_push"],
            site_id=given["site_id"] or None,
        )

    @classmethod
    def of(cls, storefront: Storefront | None) -> StorefrontForm:
        """As it is now."""
        if storefront is None:
            return cls()
        names = ("domain", "is_tracking", "is_push", "site_id")
        return cls(initial={name: getattr(storefront, name) for name in names})


class BehaviourForm(Form):
    """By which way each type of behaviour is told; only what is possible can be chosen."""

    forms = ChoiceField(label=_("Forms"), choices=FormsChoice.choices)
    loads_before_consent = BooleanField(
        label=_("Load the script before a visitor agreed"),
        required=False,
        help_text=_("Matters where the setting CONSENT names who agreed to what."),
    )
    is_inbox = BooleanField(
        label=_("App inbox"),
        required=False,
        help_text=_("Messages inside of the shop's pages, for customers who are logged in."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for each in BehaviourType:
            possible = [route for route in Route if route in ALLOWED_ROUTES[each]]
            self.fields[each.value] = ChoiceField(
                label=each.value,
                choices=[(route.value, _shown(each, route)) for route in possible],
                help_text=_hint(each),
            )

    @classmethod
    def of(cls, storefront: Storefront) -> BehaviourForm:
        """As it is now."""
        chosen = {
            each.value: storefront.routes.get(each.value, DEFAULT_ROUTES[each].value)
            for each in BehaviourType
        }
        names = ("forms", "loads_before_consent", "is_inbox")
        return cls(initial={**chosen, **{name: getattr(storefront, name) for name in names}})

    def fill(self, storefront: Storefront) -> None:
        """Write it into the row; what is usual is not written, so that it may change with us."""
        given = self.cleaned_data
        storefront.routes = {
            each.value: given[each.value]
            for each in BehaviourType
            if given[each.value] != DEFAULT_ROUTES[each].value
        }
        for name in ("forms", "loads_before_consent", "is_inbox"):
            setattr(storefront, name, given[name])
        storefront.save(update_fields=["routes", "forms", "loads_before_consent", "is_inbox"])


def _hint(each: BehaviourType) -> str:
    """What the merchant gives up with a way, and why one is missing. Each sentence once."""
    found = [str(HINTS[each])] if each in HINTS else []
    for route in Route:
        if cost := drawback(each, route) if route in ALLOWED_ROUTES[each] else "":
            found.append(f"{ROUTES[route]} – {cost}")
    missing = [why_impossible(each, route) for route in (Route.TRACKER, Route.EVENT)]
    return " ".join(dict.fromkeys([*found, *filter(None, missing)]))


def _shown(each: BehaviourType, route: Route) -> Any:
    usual = route is DEFAULT_ROUTES[each]
    return _("%(route)s (usual)") % {"route": ROUTES[route]} if usual else ROUTES[route]
