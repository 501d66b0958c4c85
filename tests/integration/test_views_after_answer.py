"""What a visitor only looked at is written down when they have their answer, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.signals import request_finished, request_started
from django.db import connection as database
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import path

from esputnik_connector.behaviour import (
    VIEWS,
    Behaviour,
    BehaviourType,
    ViewedProduct,
    Visitor,
)
from esputnik_connector.models import OutboxMessage, SkippedBehaviour, Wake
from esputnik_connector.pipeline import after_answer
from esputnik_connector.pipeline.behaviour.carried import opened
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.wake import forget_wakes
from esputnik_connector.tracking.record import behaviour, record
from tests.served import Server, happened, served, served_by_asgi
from tests.tracked import AGENT, HOST, SC, storefront

pytestmark = pytest.mark.django_db(transaction=True)

T = BehaviourType
AT_ONCE = (T.CUSTOMER_DATA, T.ADD_TO_WISHLIST)
refused: list[int] = []  # requests of visitors who took back what they had allowed


class Undo(Exception):
    pass


def allowed(request: HttpRequest) -> list[BehaviourType] | None:
    return [] if id(request) in refused else None


def remember(_connection_id: int, _delay: float) -> None:
    happened.append("woken")


def see(request: HttpRequest, what: str) -> None:
    record(request, behaviour(T.SEARCH_REQUEST, search=what, is_found=True))


def one_view(request: HttpRequest) -> HttpResponse:
    see(request, request.GET.get("q", "spoon"))
    happened.append("viewed")
    return HttpResponse("an answer")


def many_views(request: HttpRequest) -> HttpResponse:
    for number in range(5):
        see(request, str(number))
    happened.append("viewed")
    return HttpResponse("an answer")


def some_taken_back(request: HttpRequest) -> HttpResponse:
    see(request, "before")
    try:
        with transaction.atomic():
            see(request, "taken back")
            raise Undo
    except Undo:
        see(request, "behind")
    return HttpResponse("an answer")


def all_taken_back(request: HttpRequest) -> HttpResponse:
    see(request, "spoon")
    transaction.set_rollback(True)
    return HttpResponse("an answer")


def a_failure(request: HttpRequest) -> HttpResponse:
    see(request, "spoon")
    raise ValueError("of the shop's own")


def a_stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        yield b"an "
        see(request, "spoon")
        yield b"answer"

    return StreamingHttpResponse(parts())


def a_change_of_mind(request: HttpRequest) -> HttpResponse:
    see(request, "allowed")
    refused.append(id(request))
    see(request, "refused")
    return HttpResponse("an answer")


def a_farewell(request: HttpRequest) -> HttpResponse:
    request.user = get_user_model().objects.get()
    see(request, "as a customer")
    request.user = AnonymousUser()
    request.COOKIES["sc"] = "somebody-else"
    return HttpResponse("an answer")


def a_tag(request: HttpRequest) -> HttpResponse:
    tags = {"colour": ("red",)}
    product = ViewedProduct(product_key="7", price=Decimal(10), currency="UAH", tags=tags)
    record(request, replace(behaviour(T.PRODUCT_PAGE), product=product))
    tags["colour"] = ("blue",)
    return HttpResponse("an answer")


def by_hand(request: HttpRequest) -> HttpResponse:
    transaction.set_autocommit(False)
    try:
        see(request, "committed")
        transaction.commit()
        see(request, "taken back")
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    return HttpResponse("an answer")


def an_act(request: HttpRequest) -> HttpResponse:
    capture.behaviour_recorded(
        Behaviour(
            type=T(request.GET["type"]),
            key=T(request.GET["type"]).new_key(),
            visitor=Visitor(cookie=SC, page_url=f"http://{HOST}/"),
        )
    )
    happened.append("viewed")
    return HttpResponse("an answer")


urlpatterns = [
    path("one/", one_view),
    path("many/", many_views),
    path("some/", some_taken_back),
    path("all/", all_taken_back),
    path("failure/", a_failure),
    path("stream/", a_stream),
    path("mind/", a_change_of_mind),
    path("farewell/", a_farewell),
    path("tag/", a_tag),
    path("hand/", by_hand),
    path("act/", an_act),
]


@pytest.fixture
def shop(settings) -> Iterator[None]:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    settings.ALLOWED_HOSTS = ["*"]
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "CONNECTIONS_TTL": 3600,
        "CONSENT": f"{__name__}.allowed",
        "DEBOUNCE_SECONDS": 0,
        "WAKE": f"{__name__}.remember",
    }
    storefront(script="", routes=dict.fromkeys((*VIEWS, *AT_ONCE), "tracker"))
    capture.behaviour_recorded(  # reads what a process reads once in CONNECTIONS_TTL
        Behaviour(type=T.SEARCH_REQUEST, key="SearchRequest:warm", visitor=Visitor(cookie=SC))
    )
    OutboxMessage.objects.all().delete()
    Wake.objects.all().delete()
    forget_wakes()
    happened.clear()
    refused.clear()
    with database.execute_wrapper(listen):
        yield


def listen(execute: Any, sql: str, *rest: Any) -> Any:
    if "INSERT INTO" in sql and OutboxMessage._meta.db_table in sql:
        happened.append("noted")
    return execute(sql, *rest)


@pytest.fixture(params=[True, False], ids=["atomic", "without transactions"])
def either(request, shop, monkeypatch) -> bool:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", request.param)
    return request.param


@pytest.fixture
def atomic(shop, monkeypatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)


@pytest.fixture
def client() -> Client:
    made = Client(headers={"user-agent": AGENT})
    made.cookies["sc"] = SC
    made.handler = Server(enforce_csrf_checks=False)
    return made


def views() -> list[Behaviour]:
    rows = OutboxMessage.objects.filter(kind="behaviour").order_by("pk")
    return [opened(row.key, row.payload) for row in rows]


def seen() -> list[str]:
    return [each.search for each in views()]


def notes() -> list[str]:
    return [each for each in happened if each != "woken"]


def request_of_nobody() -> HttpRequest:
    request = RequestFactory(headers={"user-agent": AGENT}).get("/")
    request.COOKIES["sc"] = SC
    return request


# --- when -----------------------------------------------------------------------------------------


def test_the_answer_is_sent_before_the_row_is_written(either):
    rows: list[int] = []
    assert served("/one/", when_sent=lambda: rows.append(OutboxMessage.objects.count())) != b""
    assert rows == [0]
    assert seen() == ["spoon"]
    assert notes() == ["viewed", "sent", "noted", "ended"]


def test_a_worker_is_woken_for_it_then(shop):
    served("/one/")
    assert happened.index("woken") > happened.index("noted")


def test_the_test_client_of_the_shop_finds_it(either, client):
    client.get("/one/")
    assert notes() == ["viewed", "answered", "noted"]
    assert seen() == ["spoon"]


@pytest.mark.django_db
def test_so_does_a_test_in_a_transaction_that_is_never_committed(shop, client):
    assert database.in_atomic_block
    client.get("/one/")
    assert seen() == ["spoon"]


def test_what_a_stream_says_on_its_way_is_written_at_its_end(shop):
    assert served("/stream/") == b"an answer"
    assert happened[:2] == ["sent", "noted"]
    assert seen() == ["spoon"]


def test_under_asgi_the_answer_is_sent_before_too(shop):
    assert served_by_asgi("/one/?q=first", "/one/?q=second") == [b"an answer"] * 2
    assert sorted(seen()) == ["first", "second"]
    assert happened.index("sent") < happened.index("woken")  # and woken is who has something to do


def test_outside_of_a_request_it_is_written_at_once(shop):
    see(request_of_nobody(), "of a command")
    assert seen() == ["of a command"]


@pytest.mark.parametrize("told", AT_ONCE)
def test_what_the_shop_or_its_session_remembers_is_written_with_it(either, told):
    served(f"/act/?type={told.value}")
    assert notes() == ["noted", "viewed", "sent", "ended"]


def test_the_count_of_who_is_not_told_of_is_written_then_too(shop):
    counts: list[int] = []
    request_started.send(sender=None, environ={})
    see(RequestFactory(headers={"user-agent": "Googlebot/2.1"}).get("/"), "spoon")
    counts.append(SkippedBehaviour.objects.count())
    request_finished.send(sender=None)
    assert [*counts, SkippedBehaviour.objects.count()] == [0, 1]


# --- what -----------------------------------------------------------------------------------------


def test_it_tells_of_the_visitor_and_the_moment_of_the_view(shop):
    customer = get_user_model().objects.create_user("olena", "olena@example.com")
    OutboxMessage.objects.all().delete()
    moments: list[datetime] = []
    served("/farewell/", when_sent=lambda: moments.append(datetime.now(timezone.utc)))
    (told,) = views()
    assert (told.visitor.contact_key, told.visitor.cookie) == (str(customer.pk), SC)
    assert told.visitor.page_url == f"http://{HOST}/farewell/"
    assert told.happened_at is not None
    assert told.happened_at < moments[0]


def test_what_the_shop_changes_afterwards_changes_nothing(shop):
    served("/tag/")
    assert views()[0].product.tags == {"colour": ("red",)}


def test_what_was_seen_before_a_visitor_said_no_is_told_and_nothing_after(either):
    served("/mind/")
    assert seen() == ["allowed"]


def test_views_of_a_visitor_keep_their_order(either):
    for number in range(3):
        served(f"/one/?q={number}")
    served("/many/")
    assert seen() == ["0", "1", "2", "0", "1", "2", "3", "4"]


def test_a_page_that_tells_without_end_is_written_as_it_goes_on(either, monkeypatch):
    monkeypatch.setattr(after_answer, "MOST_NOTES", 2)
    served("/many/")
    assert seen() == ["0", "1", "2", "3", "4"]
    assert notes() == ["noted"] * 4 + ["viewed", "sent", "noted", "ended"]


def test_nothing_is_written_twice(either):
    served("/one/", when_sent=lambda: request_finished.send(sender=None))
    request_finished.send(sender=None)
    served("/one/?q=next")
    assert seen() == ["spoon", "next"]


# --- transactions ---------------------------------------------------------------------------------


def test_what_the_shop_took_back_was_not_seen(atomic):
    served("/all/")
    served("/failure/")
    assert seen() == []


def test_of_a_savepoint_too(either):
    served("/some/")
    assert seen() == ["before", "behind"]


def test_what_was_seen_before_is_not_taken_back_although_the_page_tells_without_end(
    either, monkeypatch
):
    """It is written as the page goes on, but not within what may be taken back alone."""
    monkeypatch.setattr(after_answer, "MOST_NOTES", 2)
    served("/some/")
    assert sorted(seen()) == ["before", "behind"]


def test_nor_when_the_end_of_the_request_is_not_waited_for_any_more(shop, monkeypatch):
    request_started.send(sender=None, environ={})
    see(request_of_nobody(), "before")
    monkeypatch.setattr(after_answer, "LONGEST_REQUEST", 0.0)
    with suppress(Undo), transaction.atomic():
        see(request_of_nobody(), "taken back")
        raise Undo
    see(request_of_nobody(), "behind")
    assert seen() == ["before", "behind"]


def test_a_savepoint_that_tells_without_end_is_written_as_it_goes_on(shop, monkeypatch):
    monkeypatch.setattr(after_answer, "MOST_NOTES", 3)
    counts: list[int] = []
    request_started.send(sender=None, environ={})
    with transaction.atomic():
        see(request_of_nobody(), "0")
        with transaction.atomic():
            for number in range(1, 6):
                see(request_of_nobody(), str(number))
                counts.append(OutboxMessage.objects.count())
    request_finished.send(sender=None)
    assert counts == [0, 2, 2, 4, 4]
    assert sorted(seen()) == ["0", "1", "2", "3", "4", "5"]


def test_without_transactions_a_view_that_fails_has_shown_something(shop):
    served("/failure/")
    assert seen() == ["spoon"]


def test_a_project_that_commits_by_hand_commits_views_too(shop):
    served("/hand/")
    assert seen() == ["committed"]


# --- what goes wrong ------------------------------------------------------------------------------


def end_the_line() -> None:
    """What a database that crashes leaves of a line to it."""
    database.ensure_connection()
    other = database.copy()
    with other.cursor() as cursor:
        pid = database.connection.info.backend_pid
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()


def test_a_database_that_goes_away_after_the_answer_costs_the_page_nothing(either, caplog):
    assert served("/one/", when_sent=end_the_line) == b"an answer"
    assert "changes are not noted" in caplog.text
    served("/one/?q=next")
    assert seen() == ["next"]


def test_a_failure_of_ours_ends_the_request_all_the_same(either, caplog, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("olena@example.com")

    with monkeypatch.context() as patched:
        patched.setattr("esputnik_connector.pipeline.capture.sealed_behaviour", broken)
        assert served("/one/") == b"an answer"
        patched.setattr(after_answer.Note, "write", broken)
        assert served("/one/") == b"an answer"
    assert happened.count("ended") == 2
    assert "could not note" in caplog.text
    assert "what happened in a request is not noted" in caplog.text
    assert "olena" not in caplog.text
    served("/one/?q=next")
    assert seen() == ["next"]


def test_a_request_whose_end_nobody_told_is_made_up_for_by_the_next(shop):
    request_started.send(sender=None, environ={})
    see(request_of_nobody(), "first")
    assert seen() == []
    served("/one/?q=second")
    assert seen() == ["first", "second"]


def test_a_request_without_an_end_keeps_nothing_back(shop, monkeypatch):
    request_started.send(sender=None, environ={})
    see(request_of_nobody(), "first")
    monkeypatch.setattr(after_answer, "LONGEST_REQUEST", 0.0)
    see(request_of_nobody(), "second")
    assert seen() == ["first", "second"]
