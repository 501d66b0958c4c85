"""Whoever has no cookie yet and runs no script of ours is counted with the others."""

from __future__ import annotations

import pytest
from django.test import Client

from esputnik_connector.models import OutboxMessage, OutcomeCount, SkippedBehaviour
from esputnik_connector.operations.sweep import what_is_due
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import AGENT, block, product, storefront

pytestmark = [pytest.mark.django_db(transaction=True), *OSCAR_WARNINGS]

ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture(autouse=True)
def by_tracker(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": ""}
    return storefront(routes={"ProductPage": "tracker"})


def opened(**headers):
    """A page, by somebody who was never here."""
    client = Client(headers={"user-agent": AGENT, **headers})
    return client.get(product().get_absolute_url())


def skipped() -> list[tuple[str, int]]:
    list(what_is_due())  # the sweep
    found = OutcomeCount.objects.filter(kind="behaviour", outcome="skipped")
    return [(each.reason, each.records) for each in found]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"user-agent": ROBOT}, "robot"),
        ({"user-agent": ""}, "robot"),
        ({"sec-gpc": "1"}, "no_consent"),
        ({"dnt": "1"}, "no_consent"),
    ],
)
def test_a_stranger_of_whom_nothing_is_told_is_counted(headers, reason):
    assert "seen" not in block(opened(**headers))
    assert skipped() == [(reason, 1)]
    assert not OutboxMessage.objects.exists()


def test_a_visitor_whose_cookie_is_still_to_come_is_not():
    assert block(opened())["seen"]
    assert skipped() == []


def test_a_page_that_a_cache_keeps_is_the_same_for_a_robot(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CACHED_PAGES": True}
    page = opened(**{"user-agent": ROBOT})
    assert block(page)["seen"]
    assert not SkippedBehaviour.objects.exists()


def test_a_page_that_is_fetched_ahead_is_not_counted_before_somebody_sees_it():
    assert block(opened(**{"sec-gpc": "1", "sec-purpose": "prefetch"}))["seen"]
    assert not SkippedBehaviour.objects.exists()
