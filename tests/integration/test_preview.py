"""``esputnik_preview``: the exact request, where each value comes from, and nothing is sent."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.destinations.esputnik.contacts.sources import SOURCES as PATHS
from esputnik_connector.destinations.http import HttpClient
from esputnik_connector.event_types import PRODUCT_PARAMS
from esputnik_connector.models import Attempt, Connection, FieldMapping, OutboxMessage, SyncState
from esputnik_connector.operations.record.preview import INDEX, Standing, leaves, preview
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Kind, Reason
from esputnik_connector.shops.oscar.field_origins import SOURCES as ORIGINS
from esputnik_connector.testing.fake_esputnik import FakeEsputnik

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

KEY = "0123456789ABCDEF0123456789ABCDEF"


@pytest.fixture
def fake():
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def main(fake, settings) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0, "WAKE": "", "RATE_LIMIT_STORAGE": "",
    }  # fmt: skip
    made = Connection.objects.create(name="main", api_key=KEY, api_url=fake.api_url)
    FieldMapping.objects.create(connection=made, attribute="order_count", field_id=17)
    return made


@pytest.fixture
def buyer(main) -> Any:
    user = factories.UserFactory(email="ada@example.com", first_name="Ada", last_name="Lovelace")
    address = factories.ShippingAddressFactory(phone_number="+380501234567")
    order = factories.OrderFactory(
        user=user, number="1001", total_incl_tax=Decimal("20.00"), currency="UAH",
        total_excl_tax=Decimal("20.00"), shipping_address=address, shipping_method="Post",
    )  # fmt: skip
    order.sources.create(source_type=get_model("payment", "SourceType").objects.create(name="Visa"))
    product = factories.ProductFactory()
    get_model("catalogue", "ProductImage").objects.create(product=product, original="a.jpg")
    factories.OrderLineFactory(order=order, product=product)
    basket = factories.BasketFactory(owner=user)
    basket.add_product(product)
    alerts = get_model("customer", "ProductAlert").objects
    wish = factories.WishListFactory(owner=user).lines.create(product=product, title="x")
    user.basket_key = str(basket.pk)
    user.alert_key = f"back_in_stock:{alerts.create(user=user, product=product).pk}"
    user.drop_key = f"price_drop:{wish.pk}:{timezone.localdate()}:{product.pk}:999:GBP"
    return user


def command(*arguments: str) -> tuple[str, int]:
    output, code = io.StringIO(), 0
    try:
        call_command("esputnik_preview", *arguments, stdout=output, no_color=True)
    except SystemExit as end:
        code = int(end.code or 0)
    return output.getvalue(), code


def shown(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(command(*arguments, "--json")[0])
    return found


def send(connection: Connection) -> None:
    connection.refresh_from_db()
    Relay(connection).run()


# -- what is shown ---------------------------------------------------------------------------------


def test_a_preview_is_exactly_what_is_sent_then(main, buyer, fake):
    kinds = {"contact": str(buyer.pk), "order": "1001", "cart": buyer.basket_key}
    previews = {kind: shown(kind, key)["request"] for kind, key in kinds.items()}
    assert fake.log == []
    send(main)
    sent = {entry.path: entry.body for entry in fake.log if entry.method == "POST"}
    for request in previews.values():
        path = request["url"].removeprefix(fake.url)
        assert request["method"] == "POST"
        assert sent[path] == request["body"], path


def test_nothing_is_sent_and_nothing_is_written(main, buyer, fake, monkeypatch):
    rows = OutboxMessage.objects.count()

    def no_request(*_args: object) -> None:
        raise AssertionError("a preview sends nothing")

    monkeypatch.setattr(HttpClient, "send", no_request)
    for kind, key in (("contact", buyer.pk), ("order", "1001"), ("cart", buyer.basket_key)):
        command(kind, str(key))
    assert OutboxMessage.objects.count() == rows
    assert not SyncState.objects.exists()
    assert not Attempt.objects.exists()
    assert fake.log == []


def test_the_key_is_nowhere(main, buyer):
    for arguments in (["order", "1001"], ["order", "1001", "--json"]):
        output = command(*arguments)[0]
        assert KEY not in output
        assert "Authorization" not in output


@pytest.mark.parametrize("what", ["contact", "order", "cart", "event", "event of a price"])
def test_every_value_says_where_it_comes_from(main, buyer, what):
    Connection.objects.update(send_back_in_stock=True, send_price_drop=True)
    key = {
        "contact": str(buyer.pk), "order": "1001", "cart": buyer.basket_key,
        "event": buyer.alert_key, "event of a price": buyer.drop_key,
    }[what]  # fmt: skip
    kind = what.partition(" ")[0]
    fields = shown(kind, key)["fields"]
    assert fields
    known = dict(PATHS[Kind(kind)])
    if kind == "event":
        known |= {f"params.{name}": field for name, field in PRODUCT_PARAMS.items()}
    for field in fields:
        path = INDEX.sub("[]", field["path"])
        assert path in known, path
        for name in filter(None, known[path].split(", ")):
            assert f"{name} ← {ORIGINS[Kind(kind)][name]}" in field["source"]


# What only the moment knew: the outbox row carries it, and the shop is not asked.
CARRIED = {Kind.SUBSCRIPTION, Kind.BEHAVIOUR}


@pytest.mark.parametrize("kind", sorted(set(PATHS) - CARRIED), ids=lambda kind: kind.value)
def test_every_source_of_esputnik_has_an_origin_in_oscar(kind):
    for path, names in PATHS[kind].items():
        for name in filter(None, names.split(", ")):
            assert name in ORIGINS[kind], path


def test_a_bulk_contact_and_an_order_event_have_sources_too(main, buyer):
    send(main)
    SyncState.objects.filter(kind="contact").update(fields=["firstName", "town", "email"])
    found = preview(main, Kind.CONTACT, str(buyer.pk))
    assert found.request.url.endswith("/v1/contacts")
    assert found.clears == ("town",)
    main.order_route = "events"
    main.save()
    event = preview(main, Kind.ORDER, "1001")
    assert event.request.url.endswith("/v3/event")
    for each in (found, event):
        for field in each.fields:
            assert INDEX.sub("[]", field.path) in PATHS[each.kind], field.path


def test_the_text_names_the_source(main, buyer):
    output, code = command("contact", str(buyer.pk))
    assert '  firstName = "Ada"  ← first_name ← user.first_name' in output
    assert f"POST {main.api_url}/v1/contact" in output
    assert "never delivered" in output
    assert code == 0


# -- how it stands to the last delivery ------------------------------------------------------------


def test_unchanged_changed_and_unknown(main, buyer):
    key = str(buyer.pk)
    assert preview(main, Kind.CONTACT, key).standing is Standing.NEVER
    assert preview(main, Kind.CONTACT, key).waiting == "waiting"
    send(main)
    found = preview(main, Kind.CONTACT, key)
    assert (found.standing, found.reason) == (Standing.UNCHANGED, Reason.UNCHANGED)
    assert found.request is not None
    assert found.delivered_at is not None
    type(buyer).objects.filter(pk=buyer.pk).update(last_name="King")
    found = preview(main, Kind.CONTACT, key)
    assert (found.standing, found.reason) == (Standing.CHANGED, None)
    SyncState.objects.update(digest="")
    assert preview(main, Kind.CONTACT, key).standing is Standing.UNKNOWN
    assert "it is not known what arrived" in command("contact", key)[0]


def test_fields_that_would_be_emptied(main, buyer):
    send(main)
    type(buyer).objects.filter(pk=buyer.pk).update(last_name="")
    output = command("contact", str(buyer.pk))[0]
    assert "Would be emptied there: lastName" in output
    assert "Last delivery: 20" in output


def test_warnings_are_sentences(main, buyer):
    get_model("order", "Order").objects.update(currency="GBP", total_incl_tax=Decimal(999))
    output = command("order", "1001")[0]
    assert "Warning: This currency is not documented there" in output
    assert "Warning: The lines and the shipping do not add up" in output


# -- why not ---------------------------------------------------------------------------------------


def test_a_record_that_would_be_skipped_says_why(main, buyer):
    main.sync_orders = False
    main.save()
    output, code = command("order", "1001")
    assert "Would not be sent: switched off in the connection" in output
    assert "POST" not in output
    assert code == 0


def test_a_record_that_is_not_there(main):
    output, code = command("order", "nobody")
    assert "no longer in the shop" in output
    assert code == 1
    assert shown("cart", "not a number")["skipped"] == "gone"


def test_an_event_that_is_switched_off_is_told_honestly(main):
    assert "Would not be sent: switched off in the connection" in command("event", "1")[0]


def test_a_row_that_is_set_aside_is_told(main, buyer):
    OutboxMessage.objects.update(is_dead=True)
    assert "In the outbox: set aside" in command("order", "1001")[0]


def test_which_connection(main, buyer):
    Connection.objects.create(name="second", api_key=KEY, api_url=main.api_url)
    with pytest.raises(CommandError, match="there are: main, second"):
        command("order", "1001")
    assert "1001" in command("order", "1001", "--connection", "second")[0]


def test_leaves_of_a_body():
    body = {"a": {"b": [1, {"c": None}]}, "d": [], "e": ""}
    assert list(leaves(body)) == [("a.b[0]", 1), ("a.b[1].c", None), ("d", []), ("e", "")]
