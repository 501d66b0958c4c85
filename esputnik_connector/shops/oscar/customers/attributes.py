"""What a merchant may segment contacts by: computed for many users in four queries, of which those
are left out whose answer nobody makes use of.

Orders in a status of ``CANCELLED_STATUSES`` do not count, in none of the numbers. Money is in the
currency of most of a customer's orders (of equally many: the one used last); orders in
other currencies count as orders, but their sums are left out, since there is no rate to trust.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from oscar.core.loading import get_model

from esputnik_connector.conf import conf
from esputnik_connector.records import AttributeValue, Contact
from esputnik_connector.shops.bulk import aware, fetched
from esputnik_connector.shops.oscar.catalogue.cards import category_paths

CATEGORIES_PER_CONTACT = 50  # the first by name; a longer list no longer tells people apart
CENT = Decimal("0.01")
ORDER_COLUMNS = ("currency", "total_incl_tax", "date_placed")  # all that is read of an order
CATEGORIES = "purchased_categories"
TOTALS = frozenset(  # one query tells them all
    {"first_order_date", "last_order_date", "order_count", "total_spent", "average_order"}
    | {"currency"}
)

LABELS = {
    "first_name": _("First name"),
    "last_name": _("Last name"),
    "email": _("E-mail"),
    "phone": _("Phone"),
    "language": _("Language"),
    "date_joined": _("Date of registration"),
    "first_order_date": _("Date of the first order"),
    "last_order_date": _("Date of the last order"),
    "order_count": _("Number of orders"),
    "total_spent": _("Total spent"),
    "average_order": _("Average order"),
    "currency": _("Currency of the totals"),
    CATEGORIES: _("Categories of purchased products"),
}

Attributes = dict[str, AttributeValue]


def labels() -> dict[str, str]:
    """Attribute → label in the active language. An extra attribute is called by its name."""
    return {name: name for name in conf.CONTACT_ATTRIBUTES} | {
        name: str(label) for name, label in LABELS.items()
    }


def purchase_attributes(
    user_pks: Sequence[Any], wanted: Collection[str] | None = None
) -> dict[Any, Attributes]:
    """User pk → what the user's orders tell. Every user has every attribute that is wanted.

    :param wanted: ``None``: all.
    """
    found: dict[Any, Attributes] = {pk: {} for pk in user_pks}
    if wanted is None or not TOTALS.isdisjoint(wanted):
        totals = _totals(user_pks)
        for pk, told in found.items():
            told.update(summary(totals.get(pk, [])))
    if wanted is None or CATEGORIES in wanted:
        categories = _categories(user_pks)
        for pk, told in found.items():
            told[CATEGORIES] = categories.get(pk, ())
    return found


def has_extra(wanted: Collection[str] | None = None) -> bool:
    """Does a callable of ``CONTACT_ATTRIBUTES`` have to be asked?"""
    return any(wanted is None or name in wanted for name in conf.CONTACT_ATTRIBUTES)


def extra_attributes(
    users: Sequence[Any], wanted: Collection[str] | None = None
) -> dict[str, Attributes]:
    """Contact key → what the callables of ``CONTACT_ATTRIBUTES`` say, each asked once.

    :param wanted: ``None``: all.
    """
    extra: defaultdict[str, Attributes] = defaultdict(dict)
    for name, path in conf.CONTACT_ATTRIBUTES.items():
        if wanted is not None and name not in wanted:
            continue
        for key, value in import_string(path)(list(users)).items():
            extra[str(key)][name] = value
    return dict(extra)


def profile_attributes(contact: Contact) -> Attributes:
    """The contact's own fields, under the names a mapping may use."""
    return {
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "email": contact.email,
        "phone": contact.phone,
        "language": contact.language,
        "date_joined": contact.joined_at,
    }


def added(contact: Contact, told: Attributes, wanted: Collection[str] | None) -> Contact:
    """The contact with its attributes, those that are wanted.

    :param told: what others say than the contact's own fields.
    """
    known = {**profile_attributes(contact), **told} if wanted is None or wanted else {}
    found = {name: known[name] for name in known if wanted is None or name in wanted}
    return replace(contact, attributes=found) if found else contact


def placed_orders() -> QuerySet[Any]:
    """Orders that count as purchases."""
    orders: QuerySet[Any] = get_model("order", "Order")._base_manager.order_by()
    return orders.exclude(status__in=list(conf.CANCELLED_STATUSES))


def bought_lines() -> QuerySet[Any]:
    """What was bought in them and is still in the catalogue."""
    lines: QuerySet[Any] = get_model("order", "Line")._base_manager.order_by()
    cancelled = list(conf.CANCELLED_STATUSES)
    return lines.filter(product__isnull=False).exclude(order__status__in=cancelled)


def _totals(user_pks: Iterable[Any]) -> dict[Any, list[Mapping[str, Any]]]:
    """User pk → a row per currency."""

    def read(chunk: list[Any]) -> Any:
        grouped = placed_orders().filter(user_id__in=chunk).values("user_id", "currency")
        return grouped.annotate(
            orders=Count("pk"),
            spent=Sum("total_incl_tax"),
            first=Min("date_placed"),
            last=Max("date_placed"),
        )

    totals: defaultdict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for row in fetched(read, user_pks):
        totals[row["user_id"]].append(row)
    return dict(totals)


def summary(totals: Sequence[Mapping[str, Any]]) -> Attributes:
    """The attributes that come from a customer's orders.

    :param totals: a row per currency. SQLite sums to ``240`` what PostgreSQL sums to ``240.00``.
    """
    if not totals:
        return {
            "first_order_date": None,
            "last_order_date": None,
            "order_count": 0,
            "total_spent": Decimal(0),
            "average_order": None,
            "currency": "",
        }
    main = max(totals, key=lambda row: (row["orders"], row["last"], row["currency"]))
    return {
        "first_order_date": aware(min(row["first"] for row in totals)),
        "last_order_date": aware(max(row["last"] for row in totals)),
        "order_count": sum(row["orders"] for row in totals),
        "total_spent": main["spent"].quantize(CENT, ROUND_HALF_UP),
        "average_order": (main["spent"] / main["orders"]).quantize(CENT, ROUND_HALF_UP),
        "currency": main["currency"],
    }


def _categories(user_pks: Iterable[Any]) -> dict[Any, tuple[str, ...]]:
    """User pk → full paths of the categories of what was bought."""
    canonical = Coalesce("product__parent_id", "product_id")  # a variation has no categories

    def read(chunk: list[Any]) -> Any:
        counted = bought_lines().filter(order__user_id__in=chunk)
        return counted.values_list("order__user_id", canonical).distinct()

    bought = list(fetched(read, user_pks))
    with translation.override(settings.LANGUAGE_CODE):
        paths = category_paths(product_pk for _user_pk, product_pk in bought)
    found: defaultdict[Any, set[str]] = defaultdict(set)
    for user_pk, product_pk in bought:
        found[user_pk].update(paths.get(product_pk, ()))
    return {pk: tuple(sorted(names)[:CATEGORIES_PER_CONTACT]) for pk, names in found.items()}
