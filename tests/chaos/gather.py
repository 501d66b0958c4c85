"""The evidence at the end: from the shop's database, its audit, the wire and the fake."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import requests
from django.contrib.auth import get_user_model
from oscar.core.loading import get_model

from esputnik_connector import identity
from esputnik_connector.fields import reveal
from esputnik_connector.models import Backfill, CartState, Connection

from . import audit, quiet
from .driver import Storm
from .evidence import Erased, Evidence, Held, ImportRun, Leap, Person, ShopCart, ShopOrder

User = get_user_model()


def evidence(storm: Storm) -> Evidence:
    found = audit.entries()
    users = audit.of(found, User)
    emails = {str(key): each for key, each in audit.values(users, "email").items()}
    return Evidence(
        people=people(users),
        erased=erased(found),
        orders=orders(audit.of(found, get_model("order", "Order"))),
        carts=carts(),
        rows=audit.outbox_rows(found),
        imports=[
            ImportRun(number=run.pk, kind=run.kind, state=run.state, total=run.total,
                      counts=run.counts, detail=run.detail)
            for run in Backfill.objects.order_by("pk")
        ],
        held=held(storm.scene.fake_url),
        exchanges=storm.scene.wire.exchanges(),
        disturbances=list(storm.disturbances),
        complaints=list(storm.complaints),
        leaps=leaps(storm),
        staff=frozenset(str(user.pk) for user in User.objects.filter(is_staff=True)),
        emails=emails,
    )  # fmt: skip


def leaps(storm: Storm) -> list[Leap]:
    """By the clock of the run."""
    zero = time.monotonic() - storm.clock()
    return [Leap(at=moment - zero, seconds=seconds) for moment, seconds in quiet.passed]


def people(users: Sequence[audit.Entry]) -> list[Person]:
    names = audit.values(users, "first_name")
    phones: defaultdict[int, list[str]] = defaultdict(list)
    addresses = get_model("address", "UserAddress").objects
    for user_id, phone in addresses.values_list("user_id", "phone_number"):
        phones[user_id].append(digits(phone))
    return [
        Person(
            key=str(user.pk), email=user.email, first_name=user.first_name,
            last_name=user.last_name, names=names.get(user.pk, []),
            phone=phones[user.pk][0] if len(phones[user.pk]) == 1 else "",
        )
        for user in User.objects.order_by("pk")
    ]  # fmt: skip


def erased(found: Sequence[audit.Entry]) -> list[Erased]:
    users = audit.of(found, User)
    emails = audit.values(users, "email")
    phones: defaultdict[int, set[str]] = defaultdict(set)
    for entry in audit.of(found, get_model("address", "UserAddress")):
        row = entry.new or entry.old or {}
        phones[row["user_id"]].add(digits(row["phone_number"]))
    gone = [(entry.old or {})["id"] for entry in users if entry.op == "DELETE"]
    return [Erased(key=str(pk), emails=emails[pk], phones=sorted(phones[pk] - {""})) for pk in gone]


def digits(phone: object) -> str:
    """As eSputnik has it: the international number without its plus."""
    return str(getattr(phone, "as_e164", None) or phone or "").lstrip("+")


def orders(entries: Sequence[audit.Entry]) -> list[ShopOrder]:
    statuses = audit.values(entries, "status")
    found = []
    for order in (
        get_model("order", "Order")
        .objects.prefetch_related("lines", "shipping_address")
        .order_by("pk")
    ):
        items: dict[str, int] = {}
        for line in order.lines.all():
            key = str(line.product_id)
            items[key] = items.get(key, 0) + line.quantity
        found.append(
            ShopOrder(
                number=order.number, status=order.status, total=Decimal(order.total_incl_tax),
                items=items, owner=str(order.user_id or ""), email=order.email or "",
                phone=digits(getattr(order.shipping_address, "phone_number", "")),
                statuses=statuses.get(order.pk, []),
            )
        )  # fmt: skip
    return found


def carts() -> list[ShopCart]:
    model = get_model("basket", "Basket")
    connection = Connection.objects.get()
    salt = reveal(connection.salt)
    guids: defaultdict[str, list[str]] = defaultdict(list)
    for state in CartState.objects.filter(connection=connection).order_by("pk"):
        guids[state.cart_key].append(state.guid)
    found = []
    for basket in model.objects.prefetch_related("lines").order_by("pk"):
        items: dict[str, int] = {}
        if basket.status in (model.OPEN, model.FROZEN):
            for line in basket.lines.all():
                key = str(line.product_id)
                items[key] = items.get(key, 0) + line.quantity
        owner = str(basket.owner_id or "")
        if items or owner:
            key = str(basket.pk)
            told = guids.get(key, [])
            token = told[-1] if told else identity.cart_token(key, salt=salt)
            found.append(ShopCart(key=key, token=token, owner=owner, items=items, guids=told))
    return found


def held(fake_url: str) -> Held:
    answer = requests.get(f"{fake_url}/_fake/state", timeout=30)
    answer.raise_for_status()
    state = json.loads(answer.text)
    return Held(
        contacts=state["contacts"],
        writes=state["contact_writes"],
        orders=state["orders"],
        carts=state["carts"],
        events=state["events"],
        violations=state["violations"],
    )
