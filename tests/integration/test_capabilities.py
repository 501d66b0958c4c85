"""What a shop's adapter leaves out is said in words where somebody meets it, and raises nowhere.

And what an adapter gives wrongly is that one record's trouble, named by record and field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.urls import reverse

from esputnik_connector import registry, tasks
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.feed.links import feed_path
from esputnik_connector.models import (
    Attempt,
    Backfill,
    Feed,
    OutboxMessage,
    Reconciliation,
    SyncState,
)
from esputnik_connector.models.backfill import State
from esputnik_connector.operations.health.environment import shop as shop_findings
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.reconcile.run import reconcile_all
from esputnik_connector.records import (
    Availability,
    Contact,
    Kind,
    Order,
    OrderItem,
    Product,
)
from esputnik_connector.shops.base import (
    CAPABILITIES,
    Capture,
    Page,
    ShopAdapter,
    SupportsCarts,
    SupportsEvents,
    SupportsFeed,
    SupportsHistory,
    SupportsStatuses,
)
from esputnik_connector.shops.oscar.adapter import OscarShop
from tests.memory_shop import MemoryShop

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


class BareShop(ShopAdapter):
    """As little as an adapter can be."""

    people: Mapping[object, object] = {}
    bought: Mapping[object, object] = {}

    def connect(self, capture: Capture) -> None:
        """The tests report changes themselves."""

    def contacts(self, keys: Sequence[str]) -> Mapping[str, Contact]:
        return self.people  # type: ignore[return-value]

    def orders(self, keys: Sequence[str]) -> Mapping[str, Order]:
        return self.bought  # type: ignore[return-value]


class HalfShop(MemoryShop):
    """Names a capability and leaves its method out."""

    statuses = SupportsStatuses.statuses


class WalkedShop(BareShop, SupportsHistory):
    def keys(self, kind: Kind, **_range: object) -> Page:
        return Page(keys=tuple(self.people))

    def count(self, kind: Kind, **_range: object) -> int:
        return len(self.people)


class OldShop(BareShop):
    def __init__(self) -> None:
        super().__init__()


@pytest.fixture
def bare(settings, connection, monkeypatch) -> type[BareShop]:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "SHOP": f"{__name__}.BareShop",
    }  # fmt: skip
    monkeypatch.setattr(BareShop, "people", {})
    monkeypatch.setattr(BareShop, "bought", {})
    return BareShop


@pytest.fixture
def merchant(client):
    client.force_login(get_user_model().objects.create_superuser("merchant"))
    return client


def said(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out, stderr=out)
    return out.getvalue()


def order(**values: object) -> Order:
    usual = {"key": "7", "placed_at": NOON, "status": "New", "currency": "UAH"}
    common = {"total": Decimal(10), "email": "a@example.com", "contact_key": "1"}
    return Order(**{**usual, **common, **values})


def test_oscar_supports_everything():
    assert all(isinstance(OscarShop(), capability) for capability in CAPABILITIES)


def test_a_capability_is_taken_or_missed_in_words():
    assert SupportsFeed.of(shop := OscarShop()) is shop
    for capability in CAPABILITIES:
        with pytest.raises(ConfigurationError, match="The adapter of this shop"):
            capability.of(BareShop())


@pytest.mark.parametrize("name", ["HalfShop", "OldShop"])
def test_an_adapter_that_cannot_be_made_is_an_error_of_the_settings(settings, name):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP": f"{__name__}.{name}"}
    with pytest.raises(ConfigurationError, match=f"{name}.*cannot be made"):
        registry.shop()


# What is left out


def test_the_doctor_tells_what_the_shop_leaves_out(bare):
    texts = [finding.text for finding in shop_findings()]
    for capability in (SupportsCarts, SupportsHistory, SupportsFeed, SupportsEvents):
        assert str(capability.missing) in texts
    assert str(SupportsHistory.missing) in said("esputnik_doctor", "--offline")


def test_the_import_page_says_that_there_is_no_history(bare, connection, merchant):
    page = reverse("admin:esputnik_connector_backfill_new", args=[connection.pk])
    shown = merchant.get(page)
    assert str(SupportsHistory.missing) in shown.content.decode().replace("&#x27;", "'")
    merchant.post(page, {"what": "contacts"})
    assert not Backfill.objects.exists()


def test_the_import_command_says_that_there_is_no_history(bare):
    with pytest.raises(CommandError, match="cannot walk over its history"):
        said("esputnik_backfill", "contacts", "--yes")


def test_a_worker_meets_no_import_that_was_never_possible(bare, connection):
    """An adapter may lose its history while an import is open."""
    run = Backfill.objects.create(connection=connection, kind="contact", total=1)
    tasks.backfill(run.pk)
    run.refresh_from_db()
    assert run.state == State.PAUSED
    assert "cannot walk over its history" in run.detail


def test_reconciliation_says_that_there_is_no_history(bare):
    with pytest.raises(CommandError, match="cannot walk over its history"):
        said("esputnik_reconcile")
    assert not reconcile_all(seconds=9)
    assert not Reconciliation.objects.exists()


def test_reconciliation_by_history_alone_builds_all_and_deletes_nobody(bare, settings, connection):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "SHOP": f"{__name__}.WalkedShop",
    }  # fmt: skip
    bare.people = {"1": Contact(key="1", email="a@example.com", joined_at=NOON)}
    capture.contact_changed("1")
    Relay(connection).run()
    bare.people = {}
    assert "deleted customers and missed carts are not found" in said("esputnik_reconcile")
    assert not OutboxMessage.objects.exists()


def test_a_cart_of_a_shop_without_carts_is_skipped_in_words(bare, connection):
    capture.cart_changed("5")
    assert dict(Relay(connection).run()) == {"skipped": 1}
    attempt = Attempt.objects.get()
    assert (attempt.reason, attempt.detail) == ("gone", str(SupportsCarts.missing))


def test_the_feed_pages_say_that_there_is_no_catalogue(bare, merchant):
    feed = Feed.objects.create(name="google", language="en", currency="UAH")
    for page in ("add", "change"):
        arguments = [feed.pk] if page == "change" else []
        shown = merchant.get(reverse(f"admin:esputnik_connector_feed_{page}", args=arguments))
        assert str(SupportsFeed.missing) in shown.content.decode()


def test_a_feed_without_catalogue_is_not_served_and_not_built(bare, client, db):
    feed = Feed.objects.create(name="google", language="en", currency="UAH")
    assert client.get(feed_path(feed)).status_code == 503
    with pytest.raises(CommandError, match="no catalogue"):
        said("esputnik_feed", "build")
    with pytest.raises(SystemExit):
        said("esputnik_feed", "check", "--offline")


def test_the_watch_command_says_that_nobody_waits(bare):
    assert "nobody who waits for a product" in said("esputnik_watch")


def test_the_connection_page_works_without_statuses_and_attributes(bare, connection, merchant):
    page = reverse("admin:esputnik_connector_connection_change", args=[connection.pk])
    assert merchant.get(page).status_code == 200


# What is given wrongly


def test_integer_keys_are_those_that_were_asked_for(bare, connection, recording):
    bare.bought = {7: order(key=7)}
    capture.order_changed("7")
    Relay(connection).run()
    assert SyncState.objects.get(kind="order").key == "7"


def test_a_float_as_money_sets_that_order_aside_and_names_the_field(bare, connection, recording):
    line = OrderItem(product_key="1", quantity=1, total=9.99)
    bare.bought = {"7": order(), "8": order(key="8", items=(line,))}
    for key in bare.bought:
        capture.order_changed(key)
    Relay(connection).run()
    assert SyncState.objects.get(kind="order").key == "7"
    assert OutboxMessage.objects.get().detail == (
        "order 8: items[0].total is of type float; it must be a finite Decimal."
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"7": None}, "order 7 is None; it must be Order."),
        ({"7": order(key="9")}, "order 7 has the key '9'; it must be the one that it is given"),
        (None, "The adapter answered with NoneType for order; it must be a mapping of keys."),
        ([order()], "The adapter answered with list for order; it must be a mapping of keys."),
        ({None: order()}, "None is no key; a key must be text, a whole number or a UUID."),
    ],
)
def test_an_answer_that_is_none_says_what_was_expected(bare, connection, answer, words):
    bare.bought = answer
    capture.order_changed("7")
    Relay(connection).run()
    assert OutboxMessage.objects.get().detail.startswith(words)


def test_what_nobody_asked_for_is_left_out(bare, connection, recording):
    bare.people = {key: Contact(key=key, email=f"{key}@example.com") for key in ("1", "2")}
    capture.contact_changed("1")
    Relay(connection).run()
    assert [state.key for state in SyncState.objects.all()] == ["1"]


def test_integer_keys_of_existing_customers_delete_nobody(connection, recording, monkeypatch):
    MemoryShop.people = {"1": Contact(key="1", email="a@example.com", joined_at=NOON)}
    capture.contact_changed("1")
    Relay(connection).run()
    monkeypatch.setattr(MemoryShop, "existing", lambda self, kind, keys: {int(one) for one in keys})
    said("esputnik_reconcile", "--kind", "contact")
    assert not OutboxMessage.objects.exists()


def test_a_product_with_a_float_as_price_is_named_by_the_build(connection, recording):
    MemoryShop.goods = [
        Product(key="3", title="Cup", url="https://shop.example/3", price=9.99, currency="UAH",
                availability=Availability.IN_STOCK)
    ]  # fmt: skip
    Feed.objects.create(name="google", language="en", currency="UAH")
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("esputnik_feed", "build", stdout=out, stderr=out)
    assert "product 3: price is of type float; it must be a finite Decimal." in out.getvalue()


def discount(record: object, _connection: object) -> object:
    return replace(record, total=float(record.total) * 0.9) if record.key == "8" else record


def test_what_a_hook_makes_of_a_record_is_looked_at_too(bare, connection, recording, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "RECORD_HOOK": f"{__name__}.discount",
    }  # fmt: skip
    bare.bought = {"7": order(), "8": order(key="8")}
    for key in bare.bought:
        capture.order_changed(key)
    Relay(connection).run()
    assert SyncState.objects.get(kind="order").key == "7"
    assert OutboxMessage.objects.get().detail == (
        "RECORD_HOOK: Order 8: total is of type float; it must be a finite Decimal."
    )
