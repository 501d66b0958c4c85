"""The last line of an import: shares that do not lie about the few."""

from __future__ import annotations

import pytest

from esputnik_connector.management.progress import result_text
from esputnik_connector.models import Backfill


def told(**counts: int) -> str:
    total = sum(counts.values())
    return result_text(Backfill(kind="contact", state="finished", counts=counts, total=total))


def test_a_few_refusals_are_not_nothing_and_the_rest_is_not_all():
    text = told(delivered=538, refused=2)
    assert "538 delivered (>99 %)" in text
    assert "2 refused (<1 %)" in text


@pytest.mark.parametrize(
    ("counts", "shares"),
    [
        ({"delivered": 10}, ["(100 %)"]),
        ({"delivered": 2, "refused": 1}, ["(67 %)", "(33 %)"]),
        ({"delivered": 1, "skipped": 1, "refused": 1}, ["(34 %)", "(33 %)", "(33 %)"]),
        ({"delivered": 99000, "skipped": 999, "refused": 1}, ["(99 %)", "(1 %)", "(<1 %)"]),
    ],
)
def test_shares_are_whole_per_cents(counts, shares):
    text = told(**counts)
    for share in shares:
        assert share in text
    assert "(0 %)" not in text
