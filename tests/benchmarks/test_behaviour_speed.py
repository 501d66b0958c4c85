"""Two hundred page views a second: into the outbox and out of it, and whom they hold back.

Measured from outside, as ``test_live_pace``: a real PostgreSQL, a real Redis, one worker, and a
tracker that needs 150 ms ± 100 for an answer, one page view in a request.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from esputnik_connector.behaviour import Behaviour, BehaviourType, ViewedProduct, Visitor
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.pipeline.capture import capture
from tests.benchmarks.test_live_pace import (
    WARM_UP,
    Measured,
    answers,
    log,  # noqa: F401  a fixture
    measure,
    people,
    report,
    shop,  # noqa: F401  a fixture
    word,
    worker,  # noqa: F401  a fixture
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

RATE = 200


@pytest.fixture
def storefront(shop: Connection) -> Storefront:  # noqa: F811
    shop.tracker_url = f"{shop.api_url}/v2"
    shop.save()
    routes = {"ProductPage": "tracker"}
    return Storefront.objects.create(
        connection=shop, domain="shop.example", site_id="8A412DC", routes=routes
    )


def view(number: int) -> Behaviour:
    return Behaviour(
        type=BehaviourType.PRODUCT_PAGE,
        key=BehaviourType.PRODUCT_PAGE.new_key(),
        visitor=Visitor(
            cookie=str(uuid4()),
            user_agent="Mozilla/5.0 (X11; Linux x86_64)",
            page_url="https://shop.example/catalogue/socks/",
            language="uk",
        ),
        product=ViewedProduct(
            product_key=str(number), price=Decimal("33.40"), currency="UAH", is_in_stock=True
        ),
    )


def look(number: int) -> tuple[str, str]:
    capture.behaviour_recorded(view(number))
    return str(number), ""


def both(first: Callable[[int], object], second: Callable[[int], object]) -> Callable:
    """Page views, and now and then a customer who changes something."""

    def change(number: int) -> tuple[str, str]:
        found = first(number)
        if number % RATE == 0:
            second(number // RATE)
        return found  # type: ignore[return-value]

    return change


def test_two_hundred_page_views_a_second_are_sustained(storefront, worker, log, results):  # noqa: F811
    found = measure(f"{RATE} page views a second", RATE, look, log, worker)
    said = report(found)
    results.add("page views, 95 of 100 within so many answers", answers(found), size=RATE)
    assert len(found.times) == found.committed, said
    assert found.waiting < RATE * 5, said  # the lane keeps up: it does not grow with the time


def test_customers_do_not_wait_for_page_views(storefront, worker, log, results):  # noqa: F811
    users = people(50)
    accepted: list[tuple[float, str]] = []
    counted_from = time.time() + WARM_UP

    def edit(number: int) -> None:
        pk = users[number % len(users)]
        with transaction.atomic():
            get_user_model().objects.filter(pk=pk).update(first_name=word(number))
            capture.contact_changed(str(pk))
        if time.time() >= counted_from:
            accepted.append((time.time(), str(pk)))

    found = measure("the same, and a customer a second", RATE, both(look, edit), log, worker)
    waited = customers(log, accepted)
    said = report(found, Measured("customers among them", len(accepted), waited, 0, 0, 0))
    assert len(waited) == len(accepted), said
    results.add("customers among page views, 95 of 100", at(waited, 0.95) / 0.15, size=RATE)
    assert at(waited, 0.95) < 5, said


def customers(log: Path, changes: list[tuple[float, str]]) -> list[float]:  # noqa: F811
    """Seconds from each change to the acceptance of that customer."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    taken = [(when, key) for when, kind, key, _what in lines if kind == "contact"]
    found = []
    for at_, key in changes:
        later = [when for when, which in taken if which == key and when >= at_]
        found += [min(later) - at_] if later else []
    return found


def at(times: list[float], share: float) -> float:
    ordered = sorted(times) or [float("inf")]
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
