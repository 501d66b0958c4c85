"""Records of the shop as eSputnik spells them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from esputnik_connector.destinations.base import Delivered
from esputnik_connector.destinations.esputnik.calls import contacts_body
from esputnik_connector.destinations.esputnik.contacts.field_values import plain_text
from esputnik_connector.destinations.esputnik.contacts.payload import (
    contact_envelope,
    erasure_envelope,
)
from esputnik_connector.destinations.esputnik.events.identity import EVENT_LIMIT
from esputnik_connector.destinations.esputnik.events.payload import cart_envelope, event_envelope
from esputnik_connector.destinations.esputnik.orders.payload import order_envelope
from esputnik_connector.event_types import event_type as declared_type
from esputnik_connector.exceptions import Skip
from esputnik_connector.records import Address, CartItem, Contact, Erasure, Note, Reason
from esputnik_connector.testing.fake_esputnik import contract
from tests.unit.samples import ACCOUNT, BACK_IN_STOCK, CART, CONTACT, ORDER, PRICE_DROP

GOLDEN = Path(__file__).parents[1] / "golden"
EVENTS = replace(ACCOUNT, order_route="events")
SENT = Delivered(digest="something")


def golden(name: str) -> object:
    """A payload reviewed by hand. When one of these fails, read both before changing either."""
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def order(account=ACCOUNT, last=None, **changes):
    return order_envelope(replace(ORDER, **changes), account=account, last=last)


def cart(last=None, **changes):
    return cart_envelope(replace(CART, **changes), account=ACCOUNT, last=last)


def contact(last=None, account=ACCOUNT, **changes):
    return contact_envelope(replace(CONTACT, **changes), account=account, last=last)


def product_event(event=BACK_IN_STOCK, *, event_type="ProductBackInStock", **changes):
    """With the parameters that its type declares, as the relay hands it over."""
    changed = replace(event, **changes)
    params = declared_type(event.name).params_of(changed)
    return event_envelope(replace(changed, params=params), event_type=event_type)


def skipped(make, *args, **kwargs) -> Reason:
    with pytest.raises(Skip) as caught:
        make(*args, **kwargs)
    return caught.value.reason


# Golden payloads


def test_a_contact_with_everything():
    assert contact().payload["contact"] == golden("contact_full")


def test_an_order_with_everything():
    assert order().payload["order"] == golden("order_full")


def test_an_order_with_everything_as_an_event():
    assert order(EVENTS).payload["event"] == golden("order_event")


def test_a_cart():
    assert cart().payload["event"] == golden("cart")


def test_an_emptied_cart():
    assert cart(SENT, items=()).payload["event"] == golden("cart_emptied")


def test_back_in_stock():
    assert product_event().payload["event"] == golden("event_back_in_stock")


def test_a_price_drop():
    envelope = product_event(PRICE_DROP, event_type="ProductPriceDrop")
    assert envelope.payload["event"] == golden("event_price_drop")


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("event_back_in_stock", "EventV3"),
        ("event_price_drop", "EventV3"),
        ("contact_full", "Contact"),
        ("order_full", "Order"),
        ("order_event", "EventV3"),
        ("cart", "EventV3"),
        ("cart_emptied", "EventV3"),
    ],
)
def test_golden_payloads_keep_the_contract(name, schema):
    assert contract.schema_problem(schema, golden(name)) == ""


def test_the_parameters_of_an_order_event_keep_the_contract():
    assert contract.schema_problem("OrderEventParams", golden("order_event")["params"]) == ""


# Contacts


def test_a_contact_without_a_channel_is_skipped():
    assert skipped(contact, email="", phone="") is Reason.NO_CONTACT_DATA


def test_what_the_shop_does_not_know_is_left_out():
    bare = Contact(key="7", email="a@example.com", attributes={"loyalty": None, "tags": ()})
    assert contact_envelope(bare, account=ACCOUNT, last=None).payload == {
        "contact": {
            "externalCustomerId": "7",
            "channels": [{"type": "email", "value": "a@example.com"}],
        }
    }


def test_an_envelope_names_exactly_the_fields_that_carry_a_value():
    envelope = contact(last_name="", address=Address(town="Lviv"), attributes={"loyalty": "gold"})
    assert envelope.fields == {"firstName", "languageCode", "email", "sms", "town", "field:17"}


def test_a_field_that_became_empty_is_cleared():
    last = Delivered(fields=frozenset({"email", "sms", "firstName", "field:17"}))
    envelope = contact(last, phone="", attributes={})
    assert envelope.clears == {"sms", "field:17"}


def test_a_field_that_is_no_longer_mapped_is_left_to_the_merchant():
    last = Delivered(fields=frozenset({"email", "field:99"}))
    assert contact(last).clears == frozenset()


def test_a_first_delivery_clears_nothing():
    assert contact(phone="").clears == frozenset()


def test_a_changed_locator_makes_a_contact_replacing():
    assert contact(Delivered(locators=frozenset({"email"}))).is_replacing
    assert not contact(Delivered()).is_replacing
    assert not contact().is_replacing


def test_an_import_names_the_fields_it_owns_and_no_others():
    last = Delivered(fields=frozenset({"email", "sms", "lastName", "field:18"}))
    envelope = contact(last, phone="", last_name="", attributes={"loyalty": "gold"})
    body = contacts_body([envelope])
    assert body["contactFields"] == [
        "address", "email", "firstName", "languageCode", "lastName", "postcode", "region", "sms",
        "town",
    ]  # fmt: skip
    assert body["customFieldsIDs"] == [17, 18]
    assert body["dedupeOn"] == "externalCustomerId"
    assert body["restoreDeleted"] is True
    assert set(body) == {
        "contacts", "dedupeOn", "contactFields", "customFieldsIDs", "restoreDeleted",
    }  # fmt: skip
    assert contract.schema_problem("ContactsBulkRequest", body) == ""


def test_an_upload_finds_a_new_customer_by_a_channel_and_gives_them_the_id():
    by_email, by_phone = contacts_body([contact()]), contacts_body([contact(email="")])
    assert (by_email["dedupeOn"], by_phone["dedupeOn"]) == ("email", "sms")
    assert all("externalCustomerId" in one["contactFields"] for one in (by_email, by_phone))
    assert contract.schema_problem("ContactsBulkRequest", by_email) == ""


def test_an_import_without_additional_fields_does_not_mention_them():
    assert "customFieldsIDs" not in contacts_body([contact(attributes={})])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("gold", "gold"),
        (5, "5"),
        (10**18 + 1, "1000000000000000001"),
        (Decimal("123.45"), "123.45"),
        (Decimal("1E+3"), "1000"),
        (("a", "b"), "a, b"),
        (datetime(2026, 1, 31, 23, 59), "2026-01-31"),
    ],
)
def test_an_attribute_becomes_text(value, expected):
    assert plain_text(value) == expected


def test_a_moment_becomes_its_date_in_the_shops_time_zone(settings):
    settings.TIME_ZONE = "Europe/Kyiv"
    settings.USE_TZ = True
    assert plain_text(datetime(2026, 1, 31, 23, 0, tzinfo=timezone.utc)) == "2026-02-01"


def test_a_text_that_is_cut_carries_a_note():
    envelope = contact(address=Address(line="x" * 300))
    assert len(envelope.payload["contact"]["address"]["address"]) == 255
    assert Note.TEXT_CUT in envelope.notes
    assert Note.TEXT_CUT not in contact().notes


def test_equal_records_have_equal_digests_and_others_do_not():
    assert contact().digest == contact(SENT).digest
    assert contact().digest != contact(first_name="Ольга").digest


def test_the_representation_of_an_envelope_hides_the_person():
    assert "olena" not in repr(contact())


def test_an_erasure_says_whether_to_erase():
    mark = erasure_envelope(Erasure(key="42"), account=replace(ACCOUNT, erase_mode="deactivate"))
    assert mark.payload == {"externalCustomerId": "42", "erase": False}


# Orders


def test_a_guest_order_goes_out_without_a_customer_id():
    assert "externalCustomerId" not in order(contact_key="").payload["order"]


def test_an_order_of_nobody_is_skipped():
    assert skipped(order, contact_key="", email="", phone="") is Reason.NO_CONTACT_DATA


@pytest.mark.parametrize("account", [ACCOUNT, EVENTS])
def test_a_status_mapped_to_nothing_is_skipped(account):
    assert skipped(order, account, status="Draft") is Reason.STATUS_NOT_SENT


def test_an_unmapped_status_falls_back_with_a_note():
    envelope = order(status="Odd")
    assert envelope.payload["order"]["status"] == "INITIALIZED"
    assert envelope.payload["order"]["statusDescription"] == "Odd"
    assert Note.STATUS_UNMAPPED in envelope.notes


def test_a_default_status_of_nothing_skips_what_is_not_mapped():
    account = replace(ACCOUNT, default_status="")
    assert skipped(order, account, status="Odd") is Reason.STATUS_NOT_SENT


def test_an_order_without_a_status_has_no_description():
    assert "statusDescription" not in order(status="").payload["order"]


def test_a_moment_without_a_time_zone_is_a_bug():
    with pytest.raises(ValueError, match="100012: placed_at has no time zone"):
        order(placed_at=datetime(2026, 3, 1))


def test_a_currency_outside_the_documented_ones_carries_a_note():
    assert Note.CURRENCY_UNUSUAL in order(currency="PLN").notes
    assert Note.CURRENCY_UNUSUAL not in order().notes


def test_nothing_is_said_about_amounts_of_zero():
    body = order(
        shipping=Decimal(0),
        surcharges=Decimal(0),
        discount=Decimal(0),
        taxes=None,
        total=Decimal(1000),
    ).payload["order"]
    assert not {"shipping", "discount", "taxes", "additionalInfo"} & set(body)


def test_an_order_of_zero_still_says_its_total():
    assert order(total=Decimal(0)).payload["order"]["totalCost"] == 0.0


@pytest.mark.parametrize(
    ("status", "last", "expected"),
    [
        ("Paid", None, "orderCreated"),
        ("Sent", None, "orderCreated"),
        ("Sent", Delivered(is_certain=False), "orderCreated"),
        ("Paid", SENT, "orderUpdated"),
        ("Sent", SENT, "orderDelivered"),
        ("Void", SENT, "orderCancelled"),
    ],
)
def test_the_type_of_an_order_event_follows_what_was_sent_before(status, last, expected):
    assert order(EVENTS, last, status=status).payload["event"]["eventTypeKey"] == expected


def test_an_unchanged_order_event_has_the_digest_of_the_one_before():
    assert order(EVENTS).digest == order(EVENTS, SENT).digest


@pytest.mark.parametrize("missing", ["name", "category", "url", "image_url"])
@pytest.mark.parametrize("route", ["events", "past_events"])
def test_an_item_that_would_cost_an_event_its_order_is_left_out_and_its_money_stays(route, missing):
    """eSputnik would silently make no order of it."""
    incomplete = replace(ORDER.items[0], **{missing: ""})
    account = replace(ACCOUNT, order_route=route)
    envelope = order(account, items=(incomplete, ORDER.items[1]))
    (event,) = envelope.payload.values()
    params = event["params"]
    assert contract.schema_problem("OrderEventParams", params) == ""
    assert [item["externalItemId"] for item in params["items"]] == ["302"]
    assert params["additionalInfo"] == {"adjustment": "100.00"}
    assert params["totalCost"] == 1065.0
    assert Note.ITEM_INCOMPLETE in envelope.notes


def test_an_order_event_has_its_moment_in_the_shops_zone_without_an_offset():
    moment = datetime(2024, 7, 1, 21, 30, 59, tzinfo=timezone.utc)
    params = order(EVENTS, placed_at=moment).payload["event"]["params"]
    assert params["date"] == "2024-07-02T00:30:59"  # Kyiv in summer


def test_what_is_told_beside_an_order_is_text():
    info = order(total=Decimal("1000.50")).payload["order"]["additionalInfo"]
    assert info == {"adjustment": "-64.50"}


def test_an_order_event_above_the_limit_goes_without_items():
    envelope = order(EVENTS, items=ORDER.items * 100, total=Decimal(1))
    assert "items" not in envelope.payload["event"]["params"]
    assert Note.DETAILS_DROPPED in envelope.notes


# Whose event it is


@pytest.mark.parametrize(
    "event",
    [
        lambda **who: cart(**who).payload["event"],
        lambda **who: product_event(**who).payload["event"],
        lambda **who: order(EVENTS, **who).payload["event"],
    ],
    ids=["cart", "event", "order"],
)
def test_an_event_names_its_person_by_what_it_may_carry(event):
    """An apostrophe in an address is a 400 for the whole event."""
    known = event(email="o'neil@example.com")
    assert known["keyValue"] == "42"
    assert "email" not in known["params"]
    by_phone = event(contact_key="", email="o'neil@example.com")
    assert by_phone["keyValue"] == by_phone["params"]["phone"] == "380501234567"


@pytest.mark.parametrize("make", [cart, product_event, lambda **who: order(EVENTS, **who)])
@pytest.mark.parametrize("email", ["o'neil@example.com", "a" * 300 + "@example.com"])
def test_an_event_of_somebody_it_cannot_name_is_skipped_with_the_reason(make, email):
    nobody = {"contact_key": "", "phone": "", "email": email}
    assert skipped(make, **nobody) is Reason.NO_IDENTIFIER


def test_an_order_itself_may_carry_any_address():
    assert order(email="o'neil@example.com").payload["order"]["email"] == "o'neil@example.com"


# Carts


def test_an_anonymous_cart_is_skipped():
    assert skipped(cart, contact_key="", email="", phone="") is Reason.ANONYMOUS


def test_an_empty_cart_that_was_never_sent_is_skipped():
    assert skipped(cart, items=()) is Reason.NEVER_SENT


def test_an_emptied_cart_is_sent_after_a_try_whose_answer_was_lost():
    lost = Delivered(is_certain=False)
    assert cart(lost, items=()).payload["event"] == golden("cart_emptied")


def test_a_cart_put_aside_is_skipped_unless_it_was_sent_before():
    assert skipped(cart, is_live=False) is Reason.NOT_LIVE
    assert cart(SENT, is_live=False).payload["event"] == golden("cart_emptied")


def test_a_large_cart_goes_without_details():
    item = replace(CART.items[0], name="Носки " * 40)
    envelope = cart(items=(item,) * 60)
    products = envelope.payload["event"]["params"]["products"]
    assert [set(product) for product in products] == [{"productId", "quantity", "price"}] * 60
    assert Note.DETAILS_DROPPED in envelope.notes
    assert len(json.dumps(envelope.payload)) < EVENT_LIMIT


def test_a_line_without_pieces_leaves_the_cart():
    envelope = cart(
        items=(*CART.items, CartItem(product_key="9", quantity=0, unit_price=Decimal(1)))
    )
    assert len(envelope.payload["event"]["params"]["products"]) == 2
    assert Note.ITEM_DROPPED in envelope.notes


# Events of a product


def test_an_event_is_the_same_one_whatever_the_product_costs_by_then():
    assert product_event().digest == product_event(price=Decimal(1), url="", email="").digest
    assert product_event().digest != product_event(key="back_in_stock:8").digest


def test_an_event_for_nobody_is_skipped():
    assert skipped(product_event, contact_key="", email="", phone="") is Reason.NO_CONTACT_DATA


def test_what_is_not_known_of_a_product_is_left_out_and_zero_is_known():
    bare = product_event(contact_key="", phone="", price=None, currency="", url="", image_url="")
    assert bare.payload["event"]["params"] == {
        "email": "olena@example.com",
        "productId": "301",
        "name": "Socks",
        "isInStock": True,
    }
    assert product_event(price=Decimal(0)).payload["event"]["params"]["price"] == 0


def test_a_long_name_of_a_product_is_cut_with_a_warning():
    envelope = product_event(product_name="x" * 300)
    assert len(envelope.payload["event"]["params"]["name"]) == 255
    assert envelope.notes == (Note.TEXT_CUT,)
