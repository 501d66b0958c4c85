"""The value of a real customer beside each attribute, as a person reads it."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal

import pytest
from django.utils import translation

from esputnik_connector.operations.record.examples import LONGEST, Example
from esputnik_connector.records import AttributeValue

NOON = datetime(2026, 11, 21, 12, 30, 15, 677238, tzinfo=timezone.utc)


def text(value: AttributeValue) -> str:
    return Example(attribute="any", label="Any", value=value, customer="5").text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        ("Олена", "Олена"),
        (0, "0"),
        (Decimal("480.00"), "480.00"),
        (("mugs", "pots"), "mugs, pots"),
        ((), ""),
    ],
)
def test_a_value_is_shown_as_it_is(value, shown):
    assert text(value) == shown


def test_a_moment_is_shown_by_the_clock_of_the_shop(settings):
    settings.TIME_ZONE = "Europe/Kyiv"
    with translation.override("uk"):
        assert text(NOON) == "21.11.2026 14:30"


def test_a_long_value_is_cut():
    shown = text("x" * 500)
    assert len(shown) == LONGEST + 1
    assert shown.endswith("…")
