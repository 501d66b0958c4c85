"""What a customer has spent, from the sums of their orders."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal

import pytest

from esputnik_connector.shops.oscar.customers.attributes import summary

WHEN = datetime(2026, 11, 21, tzinfo=timezone.utc)


@pytest.mark.parametrize("summed", ["240", "240.0", "240.00"])  # as databases sum
def test_what_was_spent_is_told_to_the_cent_whatever_the_database(summed: str) -> None:
    row = {"orders": 2, "spent": Decimal(summed), "first": WHEN, "last": WHEN, "currency": "UAH"}
    told = summary([row])
    assert str(told["total_spent"]) == "240.00"
    assert str(told["average_order"]) == "120.00"
