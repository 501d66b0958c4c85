"""What needs a person: grouped by cause, tried again, skipped, and as a file."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from oscar.test import factories

from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.models import (
    Attempt,
    Connection,
    OutboxMessage,
    OutcomeCount,
    OutcomeHour,
)
from esputnik_connector.operations.problems.causes import count_problems, problems, words_of
from esputnik_connector.operations.problems.remedies import LASTED, REMEDIES, UNKNOWN, remedy_of
from esputnik_connector.records import Kind, Reason
from tests.integration.admin.test_lists import main, root, texts  # noqa: F401
from tests.integration.admin.test_search import member
from tests.oscar_rows import OSCAR_WARNINGS

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]

STATUS = "Refused with 400: order %s has the unknown status NONSENSE"
woken: list[int] = []


def wake(connection_id: int, delay: float) -> None:
    woken.append(connection_id)


@pytest.fixture(autouse=True)
def _settings(settings) -> None:
    woken.clear()
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": f"{__name__}.wake"}


def set_aside(connection: Connection, key: str, detail: str = "", **values: Any) -> OutboxMessage:
    given = {"kind": "order", "reason": "refused", "attempts": 1, **values}
    made: OutboxMessage = OutboxMessage.objects.create(
        connection=connection, key=key, detail=detail, is_dead=True, **given
    )
    return made


def page(client: Client) -> str:
    response = client.get(reverse("admin:esputnik_connector_problems"))
    assert response.status_code == 200
    return response.content.decode()


def act(client: Client, **values: Any) -> Any:
    return client.post(reverse("admin:esputnik_connector_problems_act"), values, follow=True)


def causes() -> list[tuple[str, int]]:
    return [(cause.words, len(cause.rows)) for cause in problems().causes]


def test_rows_of_a_deleted_connection_are_no_problem_of_anybody(root, main) -> None:  # noqa: F811
    """A process that noted a change at that moment leaves them until the night."""
    gone = Connection.objects.create(name="gone", api_key="a key")
    set_aside(main, "1")
    set_aside(gone, "2")
    Connection.objects.filter(pk=gone.pk).delete()
    set_aside(gone, "3")
    assert count_problems() == 1
    assert len(causes()) == 1


# --- causes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("detail", "key", "expected"),
    [
        ("order 100002 is bad", "100002", "order … is bad"),
        ("Refused with 400: at 2026-05-01T12:30:00", "7", "Refused with 400: at …T…"),
        ("item 12 of order 5", "A-1", "item … of order …"),
        ("id 0b8e7a52-1111-2222-3333-444455556666 unknown", "1", "id … unknown"),
        ("", "1", ""),
    ],
)
def test_the_words_of_a_cause_are_without_what_is_each_records_own(detail, key, expected):
    assert words_of(detail, key) == expected


def test_records_that_were_refused_alike_are_one_cause(main):  # noqa: F811
    for number in range(100001, 100008):
        set_aside(main, str(number), STATUS % number)
    set_aside(main, "7", "phone is wrong", kind="contact")
    set_aside(main, "9", STATUS % 9, reason="unbuildable")
    assert [count for _words, count in causes()] == [7, 1, 1]
    assert problems().count == 9


def test_what_waits_is_no_problem(main):  # noqa: F811
    OutboxMessage.objects.create(connection=main, kind="order", key="1", reason="busy")
    assert causes() == []


def test_each_reason_has_a_meaning_and_something_to_do():
    for remedy in REMEDIES:
        assert str(remedy.meaning).endswith(".")
        word = remedy.words.split("|")[0].replace("\\b", "").replace("?", "")
        assert remedy_of(remedy.reason.value, word) is remedy
    assert remedy_of(Reason.UNREACHABLE.value, "") is LASTED
    assert remedy_of("of a later version", "") is UNKNOWN


def test_the_words_of_a_refusal_lead_to_its_remedy():
    assert "Map the shop's status" in str(remedy_of("refused", "unknown status NEW").action)
    assert "mapping of fields" in str(remedy_of("refused", "Field 17 is gone").action)
    assert "sent by itself" in str(remedy_of("refused", "bad phone").action)


@pytest.mark.parametrize("reason", Reason)
def test_a_remedy_names_the_destination_that_refused(main, settings, reason):  # noqa: F811
    destinations = {"esputnik": {"BACKEND": f"{__name__}.OtherName", "OPTIONS": {}}}
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DESTINATIONS": destinations}
    for words in ("", "status", "field", "phone"):
        said = " ".join(remedy_of(reason.value, words).for_people(main))
        assert "eSputnik" not in said
        assert "%" not in said
    told = remedy_of("refused", "unknown status").for_people(main)
    assert told[0] == "Yespo does not know the status of these orders."
    assert "to one of Yespo's" in told[1]


class OtherName(EsputnikDestination):
    label = "Yespo"


# --- the page -------------------------------------------------------------------------------------


def test_a_cause_says_what_it_means_what_to_do_and_whom_it_concerns(root, main):  # noqa: F811
    user = factories.UserFactory(first_name="Олена", last_name="Шевченко", email="o@x.com")
    factories.OrderFactory(number="100001", user=user)
    OutboxMessage.objects.all().delete()
    set_aside(main, "100001", STATUS % 100001)
    text = page(root)
    assert "eSputnik does not know the status of these orders." in text
    assert "Map the shop&#x27;s status" in text
    assert "the destination refused it" in text
    assert "unknown status NONSENSE" in text
    assert "Order № 100001 · " in text
    assert "/search/order/100001/" in text
    assert f"/settings/statuses/?connection={main.name}" in text


def test_nothing_to_do_is_said_so(root, main):  # noqa: F811
    assert "Nothing needs you" in page(root)


def test_the_menu_counts_them(root, main):  # noqa: F811
    set_aside(main, "1")
    set_aside(main, "2")
    assert "(2)" in page(root).split("esputnik-menu")[1].split("</nav>")[0]


def test_html_in_a_refusal_is_only_text(root, main):  # noqa: F811
    set_aside(main, "1", "<script>alert(1)</script>" + "x" * 5000)
    text = page(root)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_a_record_that_the_shop_no_longer_has_is_named_by_its_key(root, main):  # noqa: F811
    set_aside(main, "999", kind="contact")
    set_aside(main, "back_in_stock:7", kind="event")
    set_aside(main, "998", kind="erasure", reason="still_there")
    text = page(root)
    assert "Customer 999" in text
    assert "Event back_in_stock:7" in text
    assert "Deletion of customer 998" in text
    assert "/search/contact/998/" in text


@pytest.mark.parametrize("kind", Kind)
def test_a_record_of_each_kind_is_shown_and_may_be_skipped(root, main, kind):  # noqa: F811
    """Also what has no page that answers about it: it is named, and leads nowhere."""
    row = set_aside(main, "k:7", "nobody knows why", kind=kind.value)
    text = page(root)
    assert re.search(r"[A-Z][^<>]* k:7( |<)", text)
    for address in set(re.findall(r'href="([^"]*/search/[^"]+)"', text)):
        assert root.get(address).status_code == 200, address
    asked = act(root, row=row.pk, skip="rows")
    assert "Skip 1 record" in asked.content.decode()
    said = texts(act(root, row=row.pk, skip="rows", why="known"))
    assert ("a deletion cannot be skipped" if kind is Kind.ERASURE else "was left out") in said


@pytest.mark.parametrize("kind", [Kind.SUBSCRIPTION, Kind.BEHAVIOUR])
def test_what_nobody_can_be_answered_about_leads_nowhere(root, main, kind):  # noqa: F811
    set_aside(main, "k:7", kind=kind.value)
    assert f"/search/{kind.value}/" not in page(root)


def test_the_page_can_be_read_in_both_languages(root, main):  # noqa: F811
    for reason in Reason:
        set_aside(main, reason.value, reason=reason.value)
    for language in ("en", "uk"):
        with translation.override(language):
            page(root)


# --- try again ------------------------------------------------------------------------------------


def cause_id(number: int = 0) -> str:
    return str(problems().causes[number].id)


def test_a_whole_cause_is_tried_again_and_traced(
    root,  # noqa: F811
    main,  # noqa: F811
    django_capture_on_commit_callbacks,
):
    for number in range(30):
        set_aside(main, f"A{number}", "status is wrong")
    other = set_aside(main, "7", kind="contact")
    with django_capture_on_commit_callbacks(execute=True):
        response = act(root, cause=cause_id())
    assert "30 records are in line again" in texts(response)
    assert list(OutboxMessage.objects.dead()) == [other]
    assert woken == [main.pk]
    entry = LogEntry.objects.get()
    assert entry.change_message.startswith("Tried again (30): Order № A29")


def test_single_records_are_tried_again(root, main):  # noqa: F811
    one, two = set_aside(main, "1", "x"), set_aside(main, "2", "x")
    act(root, row=[one.pk], **{"try": "rows"})
    assert list(OutboxMessage.objects.dead()) == [two]


def test_what_cannot_be_tried_again_is_left_out_and_told(root, main):  # noqa: F811
    off = Connection.objects.create(name="old", api_key="k", is_enabled=False)
    set_aside(off, "1")
    said = texts(act(root, cause=cause_id()))
    assert "1 record was not touched: the connection is off." in said
    assert OutboxMessage.objects.dead().count() == 1
    assert not LogEntry.objects.exists()


def test_nothing_chosen_does_nothing(root, main):  # noqa: F811
    set_aside(main, "1")
    for values in ({}, {"row": "x"}, {"cause": "no-such"}, {"row": "999999999999999999999"}):
        assert "nothing was done" in texts(act(root, **values))
    assert OutboxMessage.objects.dead().count() == 1


# --- skip -----------------------------------------------------------------------------------------


def test_to_skip_asks_why_and_then_keeps_it_in_the_history(root, main):  # noqa: F811
    for number in range(12):
        set_aside(main, f"A{number}", "status is wrong")
    asked = act(root, whole=cause_id(), skip="cause").content.decode()
    assert "Skip 12 records" in asked
    assert "and 2 more" in asked
    assert OutboxMessage.objects.dead().count() == 12

    said = texts(act(root, whole=cause_id(), skip="cause", why="test orders of May"))

    assert "12 records were left out." in said
    assert not OutboxMessage.objects.exists()
    attempt = Attempt.objects.filter(key="A3").get()
    assert (attempt.outcome, attempt.reason) == ("skipped", "left_out")
    assert attempt.detail == "test orders of May"
    assert OutcomeCount.objects.get(reason="left_out").records == 12
    assert OutcomeHour.objects.get(reason="left_out").records == 12
    assert "test orders of May" in LogEntry.objects.get().change_message
    url = reverse("admin:esputnik_connector_record", args=["order", "A3"])
    assert "left out by a person; the detail says why: test orders of May" in (
        root.get(url).content.decode()
    )


def test_to_skip_without_a_reason_does_nothing(root, main):  # noqa: F811
    row = set_aside(main, "1")
    assert "nothing was done" in texts(act(root, row=row.pk, skip="rows", why="  "))
    assert OutboxMessage.objects.dead().count() == 1


def test_a_deletion_is_never_skipped(root, main):  # noqa: F811
    row = set_aside(main, "7", kind="erasure", reason="still_there")
    said = texts(act(root, row=row.pk, skip="rows", why="because"))
    assert "a deletion cannot be skipped" in said
    assert OutboxMessage.objects.dead().count() == 1


# --- as a file ------------------------------------------------------------------------------------


def test_the_file_has_a_row_per_record_and_no_formula(root, main):  # noqa: F811
    set_aside(main, "100001", "=HYPERLINK(1)")
    set_aside(main, "7", "phone; with, signs\nand lines", kind="contact")
    response = root.post(reverse("admin:esputnik_connector_problems_file"))
    assert "attachment" in response["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert len(rows) == 3
    assert {row[2] for row in rows[1:]} == {"100001", "7"}
    assert "'=HYPERLINK(1)" in {row[5] for row in rows[1:]}


# --- who may, and what it costs -------------------------------------------------------------------


def test_each_right_opens_its_part(main):  # noqa: F811
    row = set_aside(main, "1")
    set_aside(main, "2")
    viewer, operator = member("eSputnik: see"), member("eSputnik: operate")
    assert 'type="checkbox"' not in page(viewer)
    assert act(viewer, row=row.pk).status_code == 403
    assert 'type="checkbox"' in page(operator)
    assert "Open the settings" not in page(operator)
    assert act(operator, row=row.pk).status_code == 200
    url = reverse("admin:esputnik_connector_problems_act")
    assert operator.get(url).status_code == 405


def test_the_page_takes_as_many_queries_for_many_records_as_for_a_few(root, main):  # noqa: F811
    def add(number: int) -> None:
        user = factories.UserFactory(username=f"u{number}", email=f"u{number}@x.com")
        factories.OrderFactory(number=f"N{number}", user=user)
        set_aside(main, f"N{number}", f"refused for {chr(97 + number % 26)}{'z' * number}")
        set_aside(main, str(user.pk), "phone", kind="contact")

    def cost() -> int:
        with CaptureQueriesContext(database) as captured:
            page(root)
        return len(captured)

    add(0)
    few = cost()
    for number in range(1, 25):
        add(number)
    assert cost() == few <= 35
