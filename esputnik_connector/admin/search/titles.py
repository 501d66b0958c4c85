"""What a record is called in a title or a list, and the address of its answer page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from esputnik_connector.admin.pages import link_to, url_of
from esputnik_connector.models.labels import KINDS
from esputnik_connector.records import Kind

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

ANSWERED = (Kind.CONTACT, Kind.ORDER, Kind.CART, Kind.EVENT)  # kinds that have an answer page
TITLES: dict[Kind, Lazy] = {
    Kind.CONTACT: _("Customer %(key)s"),
    Kind.ORDER: _("Order № %(key)s"),
    Kind.CART: _("Cart № %(key)s"),
    Kind.EVENT: _("Event %(key)s"),
    Kind.ERASURE: _("Deletion of customer %(key)s"),
}


def title_of(kind: Kind, key: str, name: str = "") -> str:
    """“Order № 100002 · Олена Шевченко”; of a customer the name alone, if there is one."""
    if kind is Kind.CONTACT and name:
        return name
    known = TITLES.get(kind)  # nobody gives a name to a subscription, or to what a visitor did
    title = str(known) % {"key": key} if known else f"{str(KINDS[kind]).capitalize()} {key}"
    return f"{title} · {name}" if name else title


def record_url(request: HttpRequest, kind: Kind, key: str) -> str:
    """Where the answer about this record is. Of a deletion: the customer's."""
    return url_of("record", request, kind=_answered(kind).value, key=key)


def record_link(request: HttpRequest, kind: Kind, key: str) -> str:
    """The same for whoever may open it; ``""`` for others, and for what has no such page."""
    shown = _answered(kind)
    return link_to("record", request, kind=shown.value, key=key) if shown in ANSWERED else ""


def _answered(kind: Kind) -> Kind:
    return Kind.CONTACT if kind is Kind.ERASURE else kind
