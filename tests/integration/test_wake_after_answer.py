"""Workers are woken when the shopper has their answer, and not while the shopper waits for it."""

from __future__ import annotations

import asyncio

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.db import connection as database
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path

from esputnik_connector.models import Connection, Wake
from esputnik_connector.pipeline import after_answer
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.wake import forget_wakes
from tests.served import Server, happened, served, served_by_asgi

pytestmark = pytest.mark.django_db(transaction=True)

delays: list[float] = []


def remember(connection_id: int, delay: float) -> None:
    happened.append("woken")
    delays.append(delay)


def fail(connection_id: int, delay: float) -> None:
    raise OSError("olena@example.com")


def one_change(_request: HttpRequest) -> HttpResponse:
    capture.order_changed("100")
    happened.append("viewed")
    return HttpResponse("an answer")


def many_changes(_request: HttpRequest) -> HttpResponse:
    """As with ``ATOMIC_REQUESTS = False``: each is committed by itself."""
    capture.contact_changed("5")
    with transaction.atomic():
        capture.order_changed("100")
    capture.event_happened("back_in_stock:1")
    happened.append("viewed")
    return HttpResponse("an answer")


def a_failure(_request: HttpRequest) -> HttpResponse:
    capture.order_changed("100")
    happened.append("viewed")
    raise ValueError("of the shop's own")


def a_stream(_request: HttpRequest) -> StreamingHttpResponse:
    capture.order_changed("100")
    happened.append("viewed")
    return StreamingHttpResponse(iter([b"an ", b"answer"]))


async def an_async_view(_request: HttpRequest) -> HttpResponse:
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    happened.append("viewed")
    return HttpResponse("an answer")


urlpatterns = [
    path("one/", transaction.non_atomic_requests(one_change)),
    path("many/", transaction.non_atomic_requests(many_changes)),
    path("failure/", transaction.non_atomic_requests(a_failure)),
    path("stream/", transaction.non_atomic_requests(a_stream)),
    path("async/", an_async_view),
]


@pytest.fixture
def shop(settings, connection) -> Connection:
    happened.clear()
    delays.clear()
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    settings.ALLOWED_HOSTS = ["*"]
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DEBOUNCE_SECONDS": 3,
        "WAKE": f"{__name__}.remember",
    }
    connection.send_back_in_stock = True
    connection.save()
    return connection


@pytest.fixture
def client() -> Client:
    made = Client()
    made.handler = Server(enforce_csrf_checks=False)
    return made


# --- when -----------------------------------------------------------------------------------------


def test_a_worker_is_woken_after_the_answer(shop, client):
    client.get("/one/")
    assert happened == ["viewed", "answered", "woken"]


def test_no_statement_about_the_waking_is_waited_for(shop, client):
    capture.order_changed("1")  # warms up
    Wake.objects.all().delete()
    forget_wakes()
    during: list[int] = []

    class Counting(Server):
        def get_response(self, request: HttpRequest) -> HttpResponse:
            with CaptureQueriesContext(database) as queries:
                answer = super().get_response(request)
            during.append(len([one for one in queries if "_wake" in one["sql"]]))
            return answer

    client.handler = Counting(enforce_csrf_checks=False)
    with CaptureQueriesContext(database) as queries:
        client.get("/one/")
    assert during == [0]
    assert [one for one in queries if "_wake" in one["sql"]] != []
    assert Wake.objects.get().connection_id == shop.pk


def test_a_server_has_sent_it_by_then(shop):
    assert served("/one/") == b"an answer"
    assert happened == ["viewed", "sent", "woken", "ended"]


def test_so_has_one_that_streams(shop):
    assert served("/stream/") == b"an answer"
    assert happened == ["viewed", "sent", "woken", "ended"]


def as_django_starts() -> None:
    """Its own receiver comes first. Its client for tests puts it behind all others."""
    request_finished.disconnect(dispatch_uid="esputnik_connector.after_answer")
    request_finished.disconnect(close_old_connections)
    request_finished.connect(close_old_connections)


def test_the_line_to_the_database_is_the_requests_own(shop, settings):
    """By default Django closes it at the end of a request: a new one would cost milliseconds."""
    opened: list[str] = []
    connect = database.get_new_connection

    def count(parameters: dict) -> object:
        opened.append("opened")
        return connect(parameters)

    as_django_starts()
    after_answer.connect()
    database.close()
    database.get_new_connection = count
    try:
        served("/one/")
        assert database.connection is None  # and closed it is
    finally:
        del database.get_new_connection
    assert happened == ["viewed", "sent", "woken", "ended"]
    assert opened == ["opened"]


def test_to_connect_twice_is_to_connect_once(shop):
    after_answer.connect()
    served("/one/")
    assert happened.count("woken") == 1
    finished = [one[1]() for one in request_finished.receivers]
    assert finished.count(close_old_connections) == 1


def test_a_project_that_keeps_its_lines_open_goes_on_doing_so(shop):
    as_django_starts()
    request_finished.disconnect(close_old_connections)
    try:
        after_answer.connect()
        finished = [one[1]() for one in request_finished.receivers]
        assert close_old_connections not in finished
        assert after_answer.finish in finished
    finally:
        as_django_starts()
        after_answer.connect()


def test_outside_of_a_request_it_is_woken_at_once(shop):
    capture.order_changed("100")
    assert happened == ["woken"]


def test_a_request_that_is_over_leaves_nothing_behind(shop, client):
    client.get("/one/")
    happened.clear()
    forget_wakes()
    Wake.objects.all().delete()
    capture.order_changed("100")
    assert happened == ["woken"]


# --- how often ------------------------------------------------------------------------------------


def test_the_commits_of_one_request_wake_one_worker_for_the_earliest(shop, client):
    client.get("/many/")
    assert happened == ["viewed", "answered", "woken"]
    assert delays == [0.0]  # of the event, which has nothing to gather


def test_the_records_of_one_transaction_wake_one_worker_for_the_earliest(shop):
    with transaction.atomic():
        capture.contact_changed("5")
        capture.event_happened("back_in_stock:1")
        capture.order_changed("100")
    assert delays == [0.0]


def test_a_request_that_changes_nothing_wakes_nobody(shop, client):
    Connection.objects.update(is_enabled=False)
    capture.forget_connections()
    client.get("/one/")
    assert happened == ["viewed", "answered"]


# --- what goes wrong ------------------------------------------------------------------------------


def test_a_view_that_fails_after_its_commit_has_changed_something_all_the_same(shop, client):
    client.raise_request_exception = False
    assert client.get("/failure/").status_code == 500
    assert happened == ["viewed", "answered", "woken"]


def test_a_request_whose_end_nobody_told_is_made_up_for_by_the_next(shop):
    request_started.send(sender=None, environ={})
    capture.order_changed("100")
    assert happened == []
    request_started.send(sender=None, environ={})
    after_answer.finish()
    assert happened == ["woken"]


def test_a_request_without_an_end_keeps_nobody_waiting(shop, monkeypatch):
    monkeypatch.setattr(after_answer, "LONGEST_REQUEST", 0.0)
    request_started.send(sender=None, environ={})
    capture.order_changed("100")
    assert happened == ["woken"]


def test_waking_that_fails_ends_the_request_all_the_same(shop, settings, caplog, monkeypatch):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "WAKE": f"{__name__}.fail",
    }
    assert served("/one/") == b"an answer"
    assert happened == ["viewed", "sent", "ended"]
    assert "olena" not in caplog.text
    forget_wakes()

    def break_down(*_: object) -> None:
        raise RuntimeError("olena@example.com")

    monkeypatch.setattr(after_answer, "wake_now", break_down)
    served("/one/")
    assert "no worker was woken" in caplog.text
    assert "olena" not in caplog.text


# --- ASGI -----------------------------------------------------------------------------------------


def test_a_server_of_asgi_has_sent_the_answer_by_then_too(shop):
    assert served_by_asgi("/one/") == [b"an answer"]
    assert happened == ["viewed", "sent", "woken"]


def test_requests_of_one_loop_keep_apart(shop):
    assert served_by_asgi("/one/", "/async/", "/async/") == [b"an answer"] * 3
    assert sorted(happened) == ["sent"] * 3 + ["viewed"] * 3 + ["woken"]
    forget_wakes()
    Wake.objects.all().delete()
    capture.order_changed("200")  # of no request
    assert happened.count("woken") == 2
