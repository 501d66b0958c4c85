"""What a record is called in a title or a list, and the address of its answer page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from esputnik_connector.admin.pages import url_of
from esputnik_connector.records import Kind

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

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
    title = str(TITLES[kind]) % {"key": key}
    return f"{title} · {name}" if name else title


def record_url(request: HttpRequest, kind: Kind, key: str) -> str:
    """Where the answer about this record is. Of a deletion: the customer's."""
    shown = Kind.CONTACT if kind is Kind.ERASURE else kind
    return url_of("record", request, kind=shown.value, key=key)
