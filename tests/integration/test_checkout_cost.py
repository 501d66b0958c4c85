"""What a check-out costs the shop: one added row per changed record, and nothing else."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext
from oscar.core.loading import get_class
from oscar.test.factories import create_basket, create_order

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.pipeline.capture import capture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Oscar's factories
]

OURS = re.compile(r'(INSERT INTO|UPDATE|DELETE FROM|FROM) "?(esputnik_connector_\w+)')


@pytest.fixture
def shop(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": ""}
    Connection.objects.create(name="main", api_key="a key")
    capture.forget_connections()
    return get_user_model().objects.create_user("olena", "olena@example.com")


def statements(queries: CaptureQueriesContext) -> Counter[tuple[str, ...]]:
    found = (OURS.search(query["sql"]) for query in queries)
    return Counter(match.groups() for match in found if match)


def test_an_order_in_one_transaction_adds_one_row_per_record(shop):
    basket = create_basket()
    basket.owner = shop
    basket.save()
    OutboxMessage.objects.all().delete()
    with CaptureQueriesContext(database) as queries, transaction.atomic():
        order = create_order(basket=basket, user=shop, number="100001")
        basket.submit()
        order.set_status("Paid")
        for line in order.lines.all():
            line.save()
    noted = Counter(OutboxMessage.objects.values_list("kind", "key"))
    assert set(noted) == {
        ("order", "100001"),
        ("contact", str(shop.pk)),
        ("cart", str(basket.pk)),
    }
    assert set(noted.values()) == {1}
    assert statements(queries) == {("INSERT INTO", "esputnik_connector_outboxmessage"): 3}


def test_a_shop_without_a_connection_pays_nothing(shop):
    Connection.objects.all().delete()
    shop.save()  # reads the list of connections, for some seconds
    with CaptureQueriesContext(database) as queries:
        shop.first_name = "Olena"
        shop.save()
    assert statements(queries) == {}


def test_browsing_the_basket_of_a_guest_costs_nothing(shop):
    selector = get_class("partner.strategy", "Selector")
    basket = create_basket(empty=True)
    OutboxMessage.objects.all().delete()
    with CaptureQueriesContext(database) as queries:
        basket.strategy = selector().strategy()
        list(basket.all_lines())
    assert statements(queries) == {}


def test_a_shop_without_transactions_pays_one_statement_for_a_change(shop):
    """``ATOMIC_REQUESTS = False``: what is one row needs no BEGIN and no COMMIT around it."""
    OutboxMessage.objects.all().delete()
    Connection.objects.all().delete()
    capture.forget_connections()
    shop.save()  # reads the list of connections, for some seconds
    with CaptureQueriesContext(database) as without:
        shop.save()
    Connection.objects.create(name="main", api_key="a key")
    capture.forget_connections()
    shop.save()
    OutboxMessage.objects.all().delete()
    with CaptureQueriesContext(database) as with_connector:
        shop.save()
    assert OutboxMessage.objects.values_list("kind", "key").get() == ("contact", str(shop.pk))
    assert len(with_connector) - len(without) == 1


def test_two_connections_of_a_shop_without_transactions_get_both_notes_or_none(shop):
    Connection.objects.create(name="other", api_key="a key")
    capture.forget_connections()
    shop.save()
    OutboxMessage.objects.all().delete()
    with CaptureQueriesContext(database) as queries:
        shop.save()
    assert OutboxMessage.objects.count() == 2
    notes = [one["sql"] for one in queries if "esputnik_connector_outboxmessage" in one["sql"]]
    assert len(notes) == 1  # one statement, which needs no transaction of its own
    assert not any(one["sql"] in ("BEGIN", "COMMIT") for one in queries)
