from hashlib import blake2b

from django.db.models import Q

from esputnik_connector.records import Kind
from esputnik_connector.shops.base import (
    Match,
    Page,
    ShopAdapter,
    SupportsCarts,
    SupportsContactAttributes,
    SupportsHistory,
    SupportsReconciliation,
    SupportsSearch,
    SupportsStatuses,
    values_of,
)

from . import receivers
from .models import Cart, Customer, Order
from .records import cart_of, contact_of, order_of

MODELS = {Kind.CONTACT: Customer, Kind.ORDER: Order, Kind.CART: Cart}
KEYS = {Kind.CONTACT: "pk", Kind.ORDER: "number", Kind.CART: "pk"}
MOMENTS = {Kind.CONTACT: "joined_at", Kind.ORDER: "placed_at"}


class PlainShop(
    ShopAdapter,
    SupportsCarts,
    SupportsHistory,
    SupportsReconciliation,
    SupportsStatuses,
    SupportsContactAttributes,
    SupportsSearch,
):
    def connect(self, capture):
        receivers.connect(capture)

    def contacts(self, keys):
        return {str(row.pk): contact_of(row) for row in rows(Kind.CONTACT, keys)}

    def orders(self, keys):
        found = rows(Kind.ORDER, keys).select_related("customer")
        return {row.number: order_of(row) for row in found}

    def carts(self, keys):
        found = rows(Kind.CART, keys).select_related("customer")
        return {str(row.pk): cart_of(row) for row in found}

    # SupportsHistory

    def keys(self, kind, *, after="", since=None, until=None, limit, newest_first=False):
        """By primary key: what is deleted or added meanwhile neither skips nor repeats a record."""
        found = history(kind, since, until)
        if after:
            found = found.filter(**{"pk__lt" if newest_first else "pk__gt": after})
        ordered = found.order_by("-pk" if newest_first else "pk")
        page = list(ordered.values_list("pk", KEYS[kind])[:limit])
        cursor = str(page[-1][0]) if len(page) == limit else ""
        return Page(keys=tuple(str(key) for _pk, key in page), cursor=cursor)

    def count(self, kind, *, since=None, until=None):
        return history(kind, since, until).count()

    # SupportsReconciliation

    def versions(self, kind, keys):
        """A hash over all that a record is made of; of an order, its customer's e-mail too."""
        names = [field.name for field in MODELS[kind]._meta.concrete_fields]
        if kind is not Kind.CONTACT:
            names.append("customer__email")
        found = rows(kind, keys).values_list(KEYS[kind], *names)
        return {str(row[0]): blake2b(repr(row).encode()).hexdigest() for row in found}

    def existing(self, kind, keys):
        return {str(key) for key in rows(kind, keys).values_list(KEYS[kind], flat=True)}

    def fresh_carts(self, *, after="", since, limit):
        found = Cart.objects.filter(updated_at__gte=since, pk__gt=after or 0).order_by("pk")
        keys = [str(pk) for pk in found.values_list("pk", flat=True)[:limit]]
        return Page(keys=tuple(keys), cursor=keys[-1] if len(keys) == limit else "")

    # SupportsStatuses, SupportsContactAttributes

    def statuses(self):
        used = Order.objects.order_by().values_list("status", flat=True).distinct()
        return sorted({"New", "Sent", "Cancelled", *used})

    def attributes(self):
        return {"full_name": "Full name"}

    # SupportsSearch

    def search(self, wanted, *, limit=20):
        found = Customer.objects.order_by("-pk")
        if wanted.email:
            found = found.filter(email__iexact=wanted.email)
        elif wanted.phone:
            found = found.filter(phone=wanted.phone)
        for part in wanted.name:
            found = found.filter(Q(first_name__istartswith=part) | Q(last_name__istartswith=part))
        return [
            Match(
                kind=Kind.CONTACT,
                key=str(row.pk),
                name=f"{row.first_name} {row.last_name}".strip(),
                email=row.email,
            )
            for row in found[:limit]
        ]

    def belongings(self, key, *, limit=20):
        mine = Order.objects.filter(customer_id__in=values_of(Customer._meta.pk, [key]))
        numbers = mine.order_by("-pk").values_list("number", flat=True)[:limit]
        return [Match(kind=Kind.ORDER, key=number) for number in numbers]


def rows(kind, keys):
    """The rows of these records. A key that cannot be one of this shop is left out."""
    model, name = MODELS[kind], KEYS[kind]
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    return model.objects.filter(**{f"{name}__in": values_of(field, keys)})


def history(kind, since, until):
    """Customers or orders of a time; of nothing else there is a history."""
    if kind not in MOMENTS:
        return MODELS[kind].objects.none()
    found = MODELS[kind].objects.all()
    if since is not None:
        found = found.filter(**{f"{MOMENTS[kind]}__gte": since})
    return found.filter(**{f"{MOMENTS[kind]}__lt": until}) if until is not None else found
