"""The key of a price drop, and what counts as one."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esputnik_connector.event_names import BACK_IN_STOCK
from esputnik_connector.exceptions import Skip
from esputnik_connector.models import Connection
from esputnik_connector.pipeline.delivery.prepare.eligibility import check_still_true
from esputnik_connector.pipeline.events.price_drops import is_drop
from esputnik_connector.records import Event, Reason
from esputnik_connector.shops.base import PriceDrop

WORD = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
PRICE = st.decimals(min_value=Decimal("0.0001"), max_value=Decimal(10**12), places=4)


@given(wish=WORD, product=WORD, price=PRICE, currency=WORD, day=st.dates())
def test_a_key_tells_all_that_went_into_it(wish, product, price, currency, day):
    drop = PriceDrop(wish=wish, day=day, product_key=product, price_before=price, currency=currency)
    assert PriceDrop.from_key(drop.key) == drop
    assert drop.key.isascii()


def test_a_key_can_be_read_by_a_person():
    drop = PriceDrop(
        wish="9", day=date(2026, 11, 21), product_key="302", price_before=Decimal("500.00"),
        currency="UAH",
    )  # fmt: skip
    assert drop.key == "price_drop:9:2026-11-21:302:500:UAH"


@pytest.mark.parametrize(
    ("before", "price", "answer"),
    [
        ("100", "95", True),
        ("100", "95.01", False),
        ("100", "100", False),
        ("100", "120", False),
        ("0.20", "0.19", True),
        ("100", "0", False),  # nobody gives it away: somebody forgot the price
        ("100", None, False),
        (None, "95", False),
    ],
)
def test_a_drop_is_five_per_cent(before, price, answer):
    values = [None if value is None else Decimal(value) for value in (before, price)]
    assert is_drop(*values) is answer


def test_a_shop_may_want_more_of_a_drop(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "PRICE_DROP_PERCENT": 20}
    assert not is_drop(Decimal(100), Decimal(81))
    assert is_drop(Decimal(100), Decimal(80))


@pytest.mark.parametrize("has_zones", [True, False])
def test_what_happened_too_long_ago_is_not_told(settings, has_zones):
    settings.USE_TZ = has_zones
    connection = Connection(send_back_in_stock=True)

    def told(days: int) -> None:
        moment = datetime.now(timezone.utc) - timedelta(days=days)
        event = Event(
            key="back_in_stock:1",
            name=BACK_IN_STOCK,
            product_key="1",
            is_in_stock=True,
            happened_at=moment,
        )
        check_still_true(event, connection)

    told(days=29)
    with pytest.raises(Skip) as caught:
        told(days=31)
    assert caught.value.reason is Reason.TOO_LATE
