"""A merchant's screens of historical imports: choose, look ahead, start, watch, intervene."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone as clock
from django.utils.html import escape

from esputnik_connector.destinations.base import Receipt
from esputnik_connector.exceptions import Veto
from esputnik_connector.models import Backfill, Connection, Heartbeat, Lane, OutboxMessage
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.records import Contact, Kind, Order, Outcome, Reason

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2025, 11, 21, 12, tzinfo=timezone.utc)
LOUD = {"what": "orders", "route": "orders"}
QUIET = {"what": "all", "route": "past_events"}


@pytest.fixture(autouse=True)
def woken(monkeypatch) -> list[int]:
    """Runs that a worker was told of, instead of a broker."""
    told: list[int] = []
    monkeypatch.setattr("esputnik_connector.admin.backfill.views.wake_backfill", told.append)
    return told


def but_not_the_ninth(record: Any, _connection: Connection) -> Any:
    if record.key == "9":
        raise Veto("wholesale")
    return record


@pytest.fixture
def people(plain_shop, settings) -> list[str]:
    """150 customers, one of whom the shop holds back, and three orders."""
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "RECORD_HOOK": f"{__name__}.but_not_the_ninth"
    }  # fmt: skip
    for number in range(150):
        email = f"buyer{number}@example.com"
        plain_shop.people[str(number)] = Contact(key=str(number), email=email, joined_at=NOW)
    for number in range(3):
        plain_shop.purchases[f"10{number}"] = Order(
            key=f"10{number}", placed_at=NOW, status="New", currency="UAH", total=Decimal(10),
            contact_key="1", email="buyer1@example.com",
        )  # fmt: skip
    return list(plain_shop.people)


def staff(*permissions: str, **traits: Any) -> Any:
    user = get_user_model().objects.create_user("staff", is_staff=True, **traits)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


@pytest.fixture
def merchant(client: Client) -> Client:
    """May change connections, and nothing else."""
    client.force_login(staff("change_connection", "view_connection"))
    return client


@pytest.fixture
def support(client: Client) -> Client:
    """May look at imports and at unsent changes."""
    client.force_login(staff("view_backfill", "view_outboxmessage"))
    return client


@pytest.fixture
def run(connection: Connection, people: list[str]) -> Backfill:
    return control.start(connection, Kind.CONTACT)[0]


def url(view: str, *arguments: Any) -> str:
    return reverse(f"admin:esputnik_connector_backfill_{view}", args=arguments)


def texts(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def page_of(client: Client, *address: Any, **query: Any) -> str:
    response = client.get(url(*address), query)
    assert response.status_code == 200
    return str(response.content.decode())


def work(run: Backfill, seconds: float = 0) -> None:
    BackfillWorker(Backfill.objects.get(pk=run.pk)).work(seconds=seconds)
    run.refresh_from_db()


def refuse(*keys: str) -> Callable[..., Any]:
    def answer(envelopes: Any) -> list[Receipt]:
        return [
            Receipt(kind=one.kind, key=one.key, outcome=Outcome.REJECTED, reason=Reason.REFUSED)
            if one.key in keys
            else Receipt(kind=one.kind, key=one.key, outcome=Outcome.DELIVERED)
            for one in envelopes
        ]

    return staticmethod(answer)


# -- choosing --------------------------------------------------------------------------------------


def test_the_connection_leads_to_its_first_import(merchant, connection, people):
    change = reverse("admin:esputnik_connector_connection_change", args=[connection.pk])
    assert url("page", connection.pk) in merchant.get(change).content.decode()
    response = merchant.get(url("page", connection.pk))
    assert response.headers["Location"] == url("new", connection.pk)


def test_no_route_is_preselected_and_each_says_what_it_does(merchant, connection, people):
    page = page_of(merchant, "new", connection.pk)
    routes = [part for part in page.split("<input") if 'name="route"' in part]
    assert len(routes) == 2
    assert not any("checked" in part.split(">")[0] for part in routes)
    assert "however old it is" in page
    assert "no workflow starts: try a single day first" in page


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"what": "orders"}, "Choose how orders shall travel."),
        ({"what": "all"}, "Choose how orders shall travel."),
        ({"what": "contacts", "since": "2999-01-01"}, "in the future"),
        ({"what": "contacts", "since": "2024-02-01", "until": "2024-01-01"}, "before the first"),
        ({"what": "carts"}, "not one of the available choices"),
        ({"what": "contacts", "since": "yesterday"}, "valid date"),
        ({"what": "contacts", "since": "0001-01-01"}, "between 1900 and 2999"),
        ({"what": "contacts", "until": "9999-12-31"}, "between 1900 and 2999"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_choice_that_cannot_be_is_explained_at_its_field(
    merchant, connection, people, choice, words, method
):
    response = getattr(merchant, method)(url("new", connection.pk), choice)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not Backfill.objects.exists()


@pytest.mark.parametrize("day", ["1900-01-01", "2999-12-31"])
def test_the_outermost_days_can_be_chosen(merchant, connection, people, day):
    name = "since" if day < "2000" else "until"
    choice = {"what": "contacts", name: day}
    assert merchant.get(url("new", connection.pk), choice).status_code == 200
    response = merchant.post(url("new", connection.pk), choice, follow=True)
    assert "Customers: running" in response.content.decode()
    assert Backfill.objects.get().total == 150


# -- looking ahead ---------------------------------------------------------------------------------


def test_the_forecast_says_who_is_sent_and_who_is_skipped_and_sends_nothing(
    merchant, recording, connection, people
):
    page = page_of(merchant, "new", connection.pk, **QUIET)
    assert "150" in page
    assert "149" in page
    assert "1 held back by the shop" in page
    assert "Quiet" not in page
    assert "segmentation" in page
    assert not Backfill.objects.exists()
    assert recording.calls == []


def test_the_loud_route_is_a_warning_on_the_forecast(merchant, connection, people):
    page = page_of(merchant, "new", connection.pk, **LOUD)
    warning = page.split('class="errornote"')[1]
    assert "starts for every old order" in warning.split("</p>")[0]


def test_a_changed_mind_comes_back_to_the_filled_in_form(merchant, connection, people):
    page = page_of(merchant, "new", connection.pk, **LOUD, since="2024-01-01", back="1")
    assert 'value="2024-01-01"' in page
    assert "See what would be sent" in page
    (loud,) = (
        part for part in page.split("<input") if 'name="route"' in part and 'value="orders"' in part
    )
    assert "checked" in loud.split(">")[0]


# -- starting --------------------------------------------------------------------------------------


def test_confirming_starts_customers_and_orders_and_wakes_a_worker(
    merchant, connection, people, woken
):
    Heartbeat.beat("sweep")
    choice = {**QUIET, "since": "2024-01-01", "until": "2025-12-31", "newest_first": "on"}
    response = merchant.post(url("new", connection.pk), choice, follow=True)
    contacts, orders = Backfill.objects.order_by("kind")
    assert (contacts.kind, contacts.route) == ("contact", "")
    assert (orders.kind, orders.route, orders.newest_first) == ("order", "past_events", True)
    zone = clock.get_current_timezone()
    assert clock.localtime(orders.since, zone).date() == date(2024, 1, 1)
    last = clock.localtime(orders.until - timedelta(seconds=1), zone)
    assert last.date() == date(2025, 12, 31)  # that day is included
    assert woken == [contacts.pk, orders.pk]
    page = response.content.decode()
    assert "Customers: running" in page
    assert "Quiet: dated events of the past" in page
    assert "Waits until the import of customers has ended." in page
    assert LogEntry.objects.filter(change_message="Started.").count() == 2


def test_an_import_that_runs_already_is_shown_and_not_doubled(merchant, connection, run, woken):
    response = merchant.post(url("new", connection.pk), {"what": "contacts"}, follow=True)
    assert "under way already" in texts(response)
    assert list(Backfill.objects.all()) == [run]
    assert woken == []
    assert "An import is under way" in page_of(merchant, "new", connection.pk)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"is_enabled": False}, "Off"),
        ({"paused_at": NOW, "pause_detail": "wrong key"}, "wrong key"),
        ({"environment": "elsewhere"}, "Bound to another installation"),
        ({"api_key": ""}, "Not connected"),
    ],
)
def test_a_connection_that_sends_nothing_starts_nothing(
    merchant, connection, people, run, state, words
):
    for name, value in state.items():
        setattr(connection, name, value)
    connection.save()
    for response in (
        merchant.get(url("new", connection.pk)),
        merchant.post(url("new", connection.pk), LOUD),
        merchant.post(url("do", run.pk, "restart"), follow=True),
    ):
        assert words in response.content.decode()
    assert Backfill.objects.count() == 1


def test_one_start_begins_all_of_it_or_nothing(
    merchant, connection, people, plain_shop, woken, monkeypatch
):
    count = plain_shop.count

    def but_no_orders(shop: Any, kind: Kind, **range_: Any) -> int:
        if kind is Kind.ORDER:
            raise OperationalError("statement timeout")
        return int(count(shop, kind, **range_))

    monkeypatch.setattr(plain_shop, "count", but_no_orders)
    with pytest.raises(OperationalError):
        merchant.post(url("new", connection.pk), QUIET)
    assert not Backfill.objects.exists()
    assert not LogEntry.objects.exists()
    assert woken == []


# -- in a shop that keeps naive times --------------------------------------------------------------


@pytest.fixture
def naive(settings: Any) -> None:
    settings.USE_TZ = False


@pytest.mark.usefixtures("naive")
@pytest.mark.parametrize("days", [{}, {"since": "2025-11-21"}, {"until": "2025-11-21"}])
def test_without_time_zones_an_import_is_foretold_started_and_shown(
    merchant, recording, connection, people, woken, days
):
    foretold = page_of(merchant, "new", connection.pk, **QUIET, **days)
    assert "150" in foretold
    response = merchant.post(url("new", connection.pk), {**QUIET, **days}, follow=True)
    contacts, orders = Backfill.objects.order_by("kind")
    assert woken == [contacts.pk, orders.pk]
    assert (contacts.total, orders.total) == (150, 3)
    for name, wanted in (("since", datetime(2025, 11, 21)), ("until", datetime(2025, 11, 22))):
        assert getattr(orders, name) == (wanted if name in days else None)
    assert ("to 11/21/2025" in response.content.decode()) == ("until" in days)
    work(contacts)
    assert contacts.counts["delivered"] == 99
    assert "Customers: running" in page_of(merchant, "page", connection.pk)
    asked = f"{contacts.pk}:{clock.now().timestamp() - 10}:0"
    (told,) = merchant.get(url("progress"), {"run": asked}).json()["runs"]
    assert told["pace"] == "10 a second, about 0:05 to go"


@pytest.mark.usefixtures("naive")
def test_without_time_zones_a_range_is_started_again(merchant, connection, people):
    choice = {"what": "contacts", "since": "2025-11-21", "until": "2025-11-21"}
    merchant.post(url("new", connection.pk), choice)
    run = Backfill.objects.get()
    assert "on its way" in press(merchant, run, "restart")
    again = Backfill.objects.open().get()
    assert (again.since, again.until) == (datetime(2025, 11, 21), datetime(2025, 11, 22))


@pytest.mark.usefixtures("naive")
def test_without_time_zones_a_choice_is_checked_as_well(merchant, connection, people):
    choice = {"what": "contacts", "since": "2999-01-01"}
    response = merchant.post(url("new", connection.pk), choice)
    assert "in the future" in response.content.decode()


@pytest.mark.usefixtures("naive")
def test_without_time_zones_changes_and_lanes_are_shown(client, connection):
    client.force_login(staff("view_outboxmessage", "view_lane"))
    soon = clock.now() + timedelta(hours=1)
    OutboxMessage.objects.create(
        connection=connection, kind="order", key="100", attempts=1, due_at=soon
    )
    Lane.objects.create(connection=connection, kind="order", paused_until=soon)
    for model, words in (("outboxmessage", "trying again at"), ("lane", "paused until")):
        page = client.get(reverse(f"admin:esputnik_connector_{model}_changelist"))
        assert words in page.content.decode()


# -- watching --------------------------------------------------------------------------------------


def test_the_page_tells_what_became_of_every_record(support, recording, connection, run):
    recording.answer = refuse("3", "4")
    work(run)
    page = page_of(support, "page", connection.pk)
    rows = {
        part.split('"')[0]: part.split('data-part="count"')[1].split(">")[1].split("<")[0]
        for part in page.split('data-row="')[1:]
    }
    assert rows == {
        "delivered": "97", "accepted": "0", "skipped": "1", "refused": "2", "retrying": "0",
        "left": "50",
    }  # fmt: skip
    assert "1 held back by the shop" in page
    aside = reverse("admin:esputnik_connector_outboxmessage_changelist")
    link = f"{aside}?connection__id__exact={connection.pk}&kind__exact=contact&is_dead__exact=1"
    assert escape(link) in page
    assert OutboxMessage.objects.dead().count() == 2
    assert support.get(link).status_code == 200
    (told,) = support.get(url("progress"), {"run": run.pk}).json()["runs"]
    assert link in [row["url"] for row in told["rows"]]


def test_nobody_is_sent_to_a_list_that_is_closed_to_them(merchant, recording, connection, run):
    recording.answer = refuse("3", "4")
    work(run)
    assert "outboxmessage" not in page_of(merchant, "page", connection.pk)
    (told,) = merchant.get(url("progress"), {"run": run.pk}).json()["runs"]
    assert {row["url"] for row in told["rows"]} == {""}


def test_the_script_gets_numbers_and_a_pace_in_words(merchant, recording, run):
    began = clock.now() - timedelta(seconds=10)
    work(run)
    answer = merchant.get(url("progress"), {"run": f"{run.pk}:{began.timestamp()}:0"})
    (told,) = answer.json()["runs"]
    assert (told["state"], told["done"], told["total"]) == ("running", 100, 150)
    assert told["share"] == "66 % of 150"
    assert told["pace"] == "10 a second, about 0:05 to go"
    (first,) = merchant.get(url("progress"), {"run": run.pk}).json()["runs"]
    assert first["pace"] == ""


@pytest.mark.parametrize(
    "asked",
    ["x", "1:2", "1:x:3", "1:2:3:4", "1:nan:0", "1:inf:0", "1:-inf:0", "1:-1e308:0", "1:1:-1"],
)
def test_nonsense_in_the_address_is_no_server_error(merchant, run, asked):
    assert merchant.get(url("progress"), {"run": asked}).status_code == 400


@pytest.mark.parametrize("done", [10**400, 10**26], ids=["huge", "big"])
def test_a_number_beyond_all_measure_has_no_pace(merchant, recording, run, done):
    work(run)
    (told,) = merchant.get(url("progress"), {"run": f"{run.pk}:1:{done}"}).json()["runs"]
    assert told["pace"] == ""


def test_the_script_asks_about_nobody_else(merchant, run):
    assert merchant.get(url("progress"), {"run": run.pk + 1}).json() == {"runs": []}


def test_the_script_can_read_the_page_where_numbers_are_grouped(
    merchant, connection, run, settings
):
    settings.USE_THOUSAND_SEPARATOR = True
    Backfill.objects.filter(pk=run.pk).update(id=12345, total=6789)
    page = page_of(merchant, "change", 12345)
    assert 'data-run="12345"' in page
    assert 'max="6789"' in page
    assert "6,789" in page  # for people


def test_the_pages_need_no_inline_script_or_style(merchant, connection, run):
    for page in (
        page_of(merchant, "page", connection.pk),
        page_of(merchant, "new", connection.pk),
        page_of(merchant, "new", connection.pk, **LOUD),
    ):
        content = page.split('id="content"')[1]
        assert "<script" not in content
        assert "style=" not in content
        assert "onclick" not in content
        assert "esputnik_connector/progress.js" in page


def alerts(client: Client, run: Backfill) -> str:
    (told,) = client.get(url("progress"), {"run": run.pk}).json()["runs"]
    return " ".join(told["alerts"])


def test_a_worker_that_nobody_has_seen_is_said(merchant, run, recording):
    assert "No worker has been seen yet." in alerts(merchant, run)
    Heartbeat.objects.create(name="sweep", beaten_at=clock.now() - timedelta(minutes=12))
    assert "No worker has been seen for 12" in alerts(merchant, run)
    Heartbeat.beat("sweep")
    assert alerts(merchant, run) == ""


def test_whoever_works_without_beat_is_not_called_dead(merchant, run):
    later = clock.now() + timedelta(seconds=60)
    Backfill.objects.update(holder="somebody", leased_until=later)
    assert alerts(merchant, run) == ""
    Backfill.objects.update(holder="", leased_until=None, wake_at=clock.now())
    assert alerts(merchant, run) == ""


def test_a_resting_lane_and_a_paused_connection_are_said(merchant, connection, run):
    Heartbeat.beat("sweep")
    lane = Lane.objects.create(connection=connection, kind="contact")
    lane.pause(until=clock.now() + timedelta(minutes=5), detail="429 too many", failures=1)
    assert "429 too many" in alerts(merchant, run)
    connection.pause("the key was refused")
    assert "the key was refused" in alerts(merchant, run)


def test_the_list_shows_all_imports_and_leads_to_each(merchant, connection, run):
    control.cancel(run)
    newer, _ = control.start(connection, Kind.CONTACT)
    page = page_of(merchant, "changelist")
    assert page.count("0 / 150") == 2
    old = page_of(merchant, "change", run.pk)
    assert "Customers: cancelled" in old
    assert f'data-run="{newer.pk}"' not in old
    assert merchant.get(url("change", 999)).status_code == 404


# -- intervening -----------------------------------------------------------------------------------


def deeds(client: Client, run: Backfill) -> set[str]:
    page = page_of(client, "change", run.pk)
    return {part.split('/"')[0] for part in page.split(f"/{run.pk}/do/")[1:]}


def press(client: Client, run: Backfill, deed: str) -> str:
    response = client.post(url("do", run.pk, deed), follow=True)
    assert response.status_code == 200
    run.refresh_from_db()
    return texts(response)


def test_the_buttons_follow_the_state(merchant, recording, connection, run, woken):
    assert deeds(merchant, run) == {"pause", "cancel"}
    assert "Paused" in press(merchant, run, "pause")
    assert run.state == "paused"
    assert "Paused by hand." in page_of(merchant, "page", connection.pk)
    assert deeds(merchant, run) == {"resume", "restart", "cancel"}
    assert woken == []
    assert "goes on" in press(merchant, run, "resume")
    assert (run.state, woken) == ("running", [run.pk])
    assert "Cancelled" in press(merchant, run, "cancel")
    assert run.state == "cancelled"
    assert deeds(merchant, run) == {"restart"}
    assert "on its way" in press(merchant, run, "restart")
    assert Backfill.objects.open().get() != run


def test_a_button_that_comes_too_late_changes_nothing(merchant, run):
    control.cancel(run)
    assert "in another state already" in press(merchant, run, "pause")
    assert run.state == "cancelled"


def test_what_was_refused_goes_again(merchant, recording, run):
    recording.answer = refuse("3", "4")
    work(run, seconds=60)
    assert run.state == "finished"
    assert deeds(merchant, run) == {"restart", "retry"}
    press(merchant, run, "retry")
    again = Backfill.objects.open().get()
    assert again.keys == ["3", "4"]
    assert "only chosen records" in page_of(merchant, "change", again.pk)


def test_refused_orders_go_again_by_the_route_they_came(merchant, recording, connection, people):
    run, _ = control.start(connection, Kind.ORDER, route="past_events")
    recording.answer = refuse("101")
    work(run, seconds=60)
    press(merchant, run, "retry")
    assert Backfill.objects.open().get().route == "past_events"


def test_an_unknown_button_is_not_found(merchant, run):
    assert merchant.post(url("do", run.pk, "explode")).status_code == 404


# -- who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["page", "new", "progress", "changelist", "change", "do"])
def test_staff_without_permissions_sees_nothing(client, connection, run, view):
    client.force_login(staff())
    arguments = {
        "page": [connection.pk], "new": [connection.pk], "change": [run.pk],
        "do": [run.pk, "pause"],
    }.get(view, [])  # fmt: skip
    ask = client.post if view == "do" else client.get
    assert ask(url(view, *arguments)).status_code == 403
    run.refresh_from_db()
    assert run.state == "running"


def test_a_viewer_watches_and_presses_nothing(client, connection, run):
    client.force_login(staff("view_backfill"))
    page = page_of(client, "page", connection.pk)
    assert "Customers: running" in page
    assert "/do/" not in page
    assert "Start another import" not in page
    assert client.get(url("progress"), {"run": run.pk}).status_code == 200
    assert client.get(url("new", connection.pk)).status_code == 403
    assert client.post(url("new", connection.pk), QUIET).status_code == 403
    assert client.post(url("do", run.pk, "cancel")).status_code == 403
    run.refresh_from_db()
    assert run.state == "running"


def test_nobody_signed_in_is_sent_to_the_door(client, connection, run):
    for address in (url("page", connection.pk), url("progress"), url("new", connection.pk)):
        assert "/login/" in client.get(address).headers["Location"]


def test_buttons_are_pressed_by_post_and_not_by_a_forged_request(merchant, connection, run):
    assert merchant.get(url("do", run.pk, "cancel")).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(get_user_model().objects.get())
    assert strict.post(url("do", run.pk, "cancel")).status_code == 403
    assert strict.post(url("new", connection.pk), QUIET).status_code == 403
    run.refresh_from_db()
    assert run.state == "running"


def test_a_connection_that_is_gone_is_not_found(merchant, run):
    assert merchant.get(url("page", 999)).status_code == 404
    assert merchant.post(url("do", 999, "pause")).status_code == 404
