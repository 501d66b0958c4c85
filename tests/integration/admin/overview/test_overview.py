"""The Overview under the verdict: sums, chart, rows, steps, what needs somebody, the footer."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.admin.overview.chart import DAYS, HOURS, chart
from esputnik_connector.models import (
    Attempt,
    Backfill,
    Connection,
    FieldMapping,
    Heartbeat,
    Lane,
    OutboxMessage,
    OutcomeCount,
    OutcomeHour,
    Reconciliation,
    StatusMapping,
    SyncState,
)
from esputnik_connector.models.outcome_hour import hour_of
from esputnik_connector.records import Kind

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Oscar's factories
]

OVERVIEW = "admin:esputnik_connector_overview"


@pytest.fixture
def merchant() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("merchant"))
    return client


@pytest.fixture
def main() -> Connection:
    connection = Connection.objects.create(
        name="main", api_key="a key", created_at=timezone.now() - timedelta(days=90)
    )
    connection.accept_key("Kobzar", "1")
    Heartbeat.beat("sweep")
    return connection


def order(number: int, *, days_ago: float = 0) -> str:
    key = str(100_000 + number)
    factories.create_order(number=key)
    moment = timezone.now() - timedelta(days=days_ago)
    get_model("order", "Order").objects.filter(number=key).update(date_placed=moment)
    return key


def page(client: Client, **query: str) -> Any:
    return client.get(reverse(OVERVIEW), query)


def numbers(response: Any) -> list[list[int]]:
    return [
        [period.taken.count, *(number.count for number in period.numbers)]
        for period in response.context["periods"]
    ]


# --- the shop beside eSputnik ---------------------------------------------------------------------


def test_each_number_adds_up_and_leads_to_exactly_its_orders(merchant, main) -> None:
    arrived, waiting, refused, skipped = (order(number) for number in range(4))
    last_week, last_month = order(5, days_ago=5), order(6, days_ago=20)
    for key in (arrived, last_week, last_month):
        SyncState.objects.create(
            connection=main, kind="order", key=key, delivered_at=timezone.now()
        )
    OutboxMessage.objects.filter(kind="order").delete()  # what Oscar's signals noted
    OutboxMessage.objects.create(connection=main, kind="order", key=waiting)
    OutboxMessage.objects.create(
        connection=main, kind="order", key=refused, is_dead=True, reason="refused"
    )
    Attempt.objects.create(
        connection=main, kind="order", key=skipped, outcome="skipped", reason="status_not_sent"
    )

    response = page(merchant)

    assert numbers(response) == [[4, 1, 1, 1, 1], [5, 2, 1, 1, 1], [6, 3, 1, 1, 1]]
    week = response.context["periods"][1]
    for number in (week.taken, *week.numbers):
        listed = merchant.get(number.url).context
        assert listed["count"] == number.count
        assert len(listed["rows"]) == number.count
    rules = merchant.get(week.numbers[-1].url).content.decode()
    assert skipped in rules
    assert "mapped to “do not send”" in rules
    assert arrived not in rules


def test_a_number_of_a_period_that_there_is_not_is_not_found(merchant, main) -> None:
    for period, fate in (("year", "taken"), ("week", "lost")):
        url = reverse("admin:esputnik_connector_orders", args=[main.pk, period, fate])
        assert merchant.get(url).status_code == 404


def test_a_shop_that_does_not_tell_when_has_no_such_block(merchant, main, settings) -> None:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "SHOP": "tests.plainshop.adapter.PlainShop",
    }
    response = page(merchant)
    assert response.status_code == 200
    assert response.context["periods"] == []
    assert not response.context["chart"].has_line


# --- the chart ------------------------------------------------------------------------------------


def counted(connection: Connection, outcome: str, records: int, *, reason: str = "", **ago) -> None:
    OutcomeHour.objects.create(
        connection=connection, kind="order", outcome=outcome, reason=reason, records=records,
        hour=hour_of(timezone.now() - timedelta(**ago)),
    )  # fmt: skip


def test_the_chart_counts_what_was_settled_in_each_hour(main) -> None:
    now = timezone.now()
    counted(main, "delivered", 30)
    counted(main, "accepted", 4)
    counted(main, "rejected", 3)
    counted(main, "skipped", 2, reason="status_not_sent")
    counted(main, "skipped", 500, reason="unchanged")  # had arrived before
    counted(main, "delivered", 7, hours=23)
    counted(main, "delivered", 99, hours=24)

    placed = [now, now - timedelta(hours=1), now - timedelta(days=3)]
    drawn = chart(main, placed, now=now, is_daily=False)

    assert len(drawn.buckets) == HOURS
    last = drawn.buckets[-1]
    assert (last.arrived, last.refused, last.skipped, last.taken) == (34, 3, 2, 1)
    assert (drawn.buckets[0].arrived, drawn.buckets[-2].taken) == (7, 1)
    assert "41 arrived, 2 skipped, 3 refused; the shop took 2" in drawn.summary
    assert drawn.top == 39


KYIV = ZoneInfo("Europe/Kyiv")


@pytest.mark.parametrize(
    ("noon", "repeated"),
    [(datetime(2026, 10, 25, 12, tzinfo=KYIV), 2), (datetime(2026, 3, 29, 12, tzinfo=KYIV), 0)],
    ids=["clocks go back", "clocks go on"],
)
def test_each_hour_has_a_bar_of_its_own_on_the_day_the_clocks_change(
    main, settings, noon, repeated
) -> None:
    """On such a day the hour after three has the same name twice, or none at all."""
    settings.TIME_ZONE = "Europe/Kyiv"
    with timezone.override(KYIV):
        hours = [noon.astimezone(ZoneInfo("UTC")) - timedelta(hours=back) for back in range(HOURS)]
        OutcomeHour.objects.bulk_create(
            OutcomeHour(
                connection=main, kind="order", outcome="delivered", records=1, hour=hour_of(hour)
            )
            for hour in hours
        )
        drawn = chart(main, hours, now=noon, is_daily=False)
    assert [(bucket.arrived, bucket.taken) for bucket in drawn.buckets] == [(1, 1)] * HOURS
    assert [bucket.begins.hour for bucket in drawn.buckets].count(3) == repeated


def test_the_chart_of_days_holds_thirty(main) -> None:
    now = timezone.now()
    counted(main, "delivered", 5, days=29)
    counted(main, "delivered", 6, days=31)
    drawn = chart(main, [], now=now, is_daily=True)
    assert len(drawn.buckets) == DAYS
    assert sum(bucket.arrived for bucket in drawn.buckets) == 5


def test_no_bar_leaves_the_picture_and_one_refusal_among_thousands_is_seen(main) -> None:
    counted(main, "delivered", 40_000)
    counted(main, "rejected", 1)
    drawn = chart(main, [timezone.now()], now=timezone.now(), is_daily=False)
    assert {bar.kind for bar in drawn.bars} == {"arrived", "refused"}
    assert all(bar.height >= 2 and bar.y >= 0 for bar in drawn.bars)
    assert all(0 <= bar.x < bar.x + bar.width <= drawn.width for bar in drawn.bars)


def test_the_page_draws_without_a_style_or_script_that_a_strict_policy_refuses(
    merchant, main
) -> None:
    counted(main, "delivered", 5)
    for query in ({}, {"chart": "days"}):
        own = page(merchant, **query).content.decode().split('<div class="esputnik">')[1]
        own = own.split("</footer>")[0]
        assert "<svg" in own
        assert "<rect" in own
        assert " style=" not in own
        assert "<style" not in own
        assert not re.search(r" on\w+=", own)
        assert own.count("<table") == 3  # the shop beside, the chart's numbers, the rows


# --- rows, steps, needs, footer -------------------------------------------------------------------


def test_a_row_says_when_the_last_arrived_what_waits_and_what_is_usual(merchant, main) -> None:
    now = timezone.now()
    OutcomeCount.objects.create(
        connection=main, kind="order", outcome="delivered", records=9,
        last_at=now - timedelta(minutes=3),
    )  # fmt: skip
    OutcomeHour.objects.create(
        connection=main, kind="order", outcome="delivered", records=4, timed=4, seconds=48,
        hour=hour_of(now),
    )  # fmt: skip
    OutboxMessage.objects.create(
        connection=main, kind="order", key="1", captured_at=now - timedelta(minutes=2)
    )
    Lane.objects.create(
        connection=main, kind="cart", paused_until=now + timedelta(minutes=9), pause_detail="429"
    )
    Connection.objects.update(sync_contacts=False)

    found = {row.name: row for row in page(merchant).context["rows"]}

    assert list(found) == ["customers", "orders", "carts", "behaviour", "feeds"]
    orders = found["orders"]
    assert (orders.last, orders.usual) == ("3 min ago", "12 s")
    assert orders.waiting == "1, the oldest for 2 min"
    assert found["carts"].resting.endswith(": 429")
    assert not found["customers"].is_on


def test_a_running_import_is_shown(merchant, main) -> None:
    Backfill.objects.create(connection=main, kind="order", total=1200, counts={"delivered": 340})
    assert "Orders: 340 of 1200, running" in page(merchant).content.decode()


def test_the_checklist_leads_to_the_next_step_and_folds_when_all_is_done(
    merchant, main, settings
) -> None:
    def undone() -> list[str]:
        steps = page(merchant).context["steps"]
        return [step.name for step in steps if not step.is_done and not step.is_optional]

    assert undone() == ["statuses", "history", "feed", "first_order", "alerts"]
    assert "Until everything is set up" in page(merchant).content.decode()

    StatusMapping.objects.create(connection=main, shop_status="New", status="INITIALIZED")
    FieldMapping.objects.create(connection=main, attribute="email", field_id="1")
    Backfill.objects.create(connection=main, kind="order", state="finished", is_open=None)
    OutcomeCount.objects.create(
        connection=main, kind="order", outcome="delivered", records=1, live_at=timezone.now()
    )
    assert undone() == ["feed", "alerts"]
    make_feed(fetched_at=timezone.now())
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "ALERT_EMAILS": ["olena@example.com"],
    }

    assert undone() == []
    shown = page(merchant).content.decode()
    assert "Until everything is set up" not in shown
    assert "Set-up: everything is done" in shown


def make_feed(**values: Any) -> None:
    from esputnik_connector.models import Feed

    Feed.objects.create(name="shop", built_at=timezone.now(), **values)


def test_history_alone_is_no_live_order(merchant, main) -> None:
    OutcomeCount.objects.create(connection=main, kind="order", outcome="delivered", records=9)
    steps = {step.name: step for step in page(merchant).context["steps"]}
    assert not steps["first_order"].is_done


def test_a_refused_key_is_the_first_step_again(merchant, main) -> None:
    main.pause("Refused with 401")
    assert not page(merchant).context["steps"][0].is_done


def test_at_most_five_causes_need_you_each_with_names_and_remedy(merchant, main) -> None:
    olena = get_user_model().objects.create_user(
        "olena", "olena@example.com", first_name="Olena", last_name="<i>Pchilka</i>"
    )
    OutboxMessage.objects.all().delete()
    reasons = ["refused", "unbuildable", "too_large", "unreachable", "busy", "unconfirmed"]
    for many, reason in enumerate(reasons, start=1):
        for number in range(many):
            OutboxMessage.objects.create(
                connection=main, kind="order", key=f"10000{number}", is_dead=True, reason=reason
            )
    for _again in range(9):
        OutboxMessage.objects.create(
            connection=main, kind="contact", key=str(olena.pk), is_dead=True, reason="refused"
        )

    response = page(merchant)

    groups = response.context["needs"]
    assert [need.count for need in groups] == [9, 6, 5, 4, 3]
    assert [each.title for each in groups[0].examples] == ["Olena <i>Pchilka</i>"]
    last = ["Order № 100005", "Order № 100004", "Order № 100003"]
    assert [each.title for each in groups[1].examples] == last
    assert all(need.remedy and need.url for need in groups)
    shown = response.content.decode()
    assert "&lt;i&gt;Pchilka" in shown
    assert "<i>Pchilka" not in shown
    assert merchant.get(groups[0].url).status_code == 200
    assert 'search/order/100005/">Order № 100005</a>, <a' in shown
    for need in groups:
        assert all(merchant.get(each.url).status_code == 200 for each in need.examples)


def test_records_that_need_you_are_named_for_those_alone_who_may_see_them(main) -> None:
    """Whoever only keeps the connection sees that something is wrong, and not of whom."""
    olena = get_user_model().objects.create_user("olena", "olena@example.com", first_name="Olena")
    OutboxMessage.objects.all().delete()
    OutboxMessage.objects.create(
        connection=main, kind="contact", key=str(olena.pk), is_dead=True, reason="refused"
    )
    keeper = get_user_model().objects.create_user("keeper", is_staff=True)
    keeper.user_permissions.add(Permission.objects.get(codename="view_connection"))
    client = Client()
    client.force_login(keeper)

    response = page(client)

    (need,) = response.context["needs"]
    assert [(each.title, each.url) for each in need.examples] == [(f"Customer {olena.pk}", "")]
    assert "Olena" not in response.content.decode()


@pytest.mark.parametrize("kind", Kind)
def test_a_record_of_each_kind_may_need_you(merchant, main, kind) -> None:
    OutboxMessage.objects.create(
        connection=main, kind=kind.value, key="k:7", is_dead=True, reason="refused"
    )
    (need,) = page(merchant).context["needs"]
    assert need.examples[0].title.endswith(" k:7")


def test_the_footer_says_what_the_last_reconciliation_found(merchant, main) -> None:
    assert "Nothing was reconciled yet" in page(merchant).content.decode()
    Reconciliation.objects.create(
        connection=main, kind="order", counts={"unchanged": 2498, "missing": 3, "differs": 2},
        finished_at=timezone.now() - timedelta(hours=8),
    )  # fmt: skip
    shown = page(merchant).content.decode()
    assert re.search(r"8 h ago, “order”: 2.?498 of 2.?503 matched", shown)
    assert "Worker and beat were seen" in shown


# --- what it costs --------------------------------------------------------------------------------


def test_the_page_takes_the_same_queries_however_much_there_is(merchant, main) -> None:
    def fill(start: int, count: int) -> None:
        for number in range(start, start + count):
            key = order(number, days_ago=number % 30)
            common = {"connection": main, "kind": "order", "key": key}
            SyncState.objects.create(**common, delivered_at=timezone.now())
            OutboxMessage.objects.create(**common, is_dead=number % 2 == 0, reason="refused")
            Attempt.objects.create(**common, outcome="delivered")
            counted(main, "delivered", 1, days=number)
            skipped = order(1000 + number)
            Attempt.objects.create(
                connection=main, kind="order", key=skipped, outcome="skipped", reason="vetoed"
            )

    def asked() -> int:
        with CaptureQueriesContext(database) as queries:
            assert page(merchant).status_code == 200
        return len(queries)

    fill(0, 2)
    page(merchant)
    few = asked()
    fill(2, 12)
    Connection.objects.create(name="second", api_key="another key")
    assert asked() == few
    assert few <= 45
