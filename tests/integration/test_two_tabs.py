"""One cart, two requests at once: two tabs, or a button that was pressed twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client

from esputnik_connector.models import CartState
from tests.integration.test_visits import add, browser, product
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import ask, storefront

pytestmark = [pytest.mark.django_db(transaction=True), *OSCAR_WARNINGS]

STATES = "esputnik_connector_cartstate"
LONGEST = 20  # seconds


class Stop:
    """Holds a thread before its first statement that looks like this, until it may go on."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.is_reached, self.goes_on = Event(), Event()

    def __call__(self, execute: Any, sql: str, *given: Any) -> Any:
        if all(word in sql for word in self.words) and not self.is_reached.is_set():
            self.is_reached.set()
            assert self.goes_on.wait(LONGEST)
        return execute(sql, *given)


@pytest.fixture
def tabs() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture(autouse=True)
def site():
    return storefront(routes={"StatusCart": "browser"})


def another_tab(visitor: Client) -> Client:
    """The same browser: its cookies, and so its session and its cart."""
    other = browser()
    for name, morsel in visitor.cookies.items():
        other.cookies[name] = morsel.value
    return other


def told_in_a_thread(client: Client, before: Callable[[], object] | None = None) -> dict[str, Any]:
    try:
        if before is not None:
            before()
        return ask(client).json()["cart"]
    finally:
        database.close()


def told_slowly(client: Client, stop: Stop) -> dict[str, Any]:
    """The cart as a tab is told it whose request is held on its way."""
    with database.execute_wrapper(stop):
        return told_in_a_thread(client)


def amounts(told: dict[str, Any]) -> list[str]:
    return [item["quantity"] for item in told["call"][2]["StatusCart"]]


def test_two_tabs_that_ask_at_once_say_one_guid(tabs):
    visitor, thing = browser(), product()
    for _round in range(5):
        add(visitor, thing)
        start = Barrier(2)
        asked = [
            tabs.submit(told_in_a_thread, another_tab(visitor), start.wait) for _tab in range(2)
        ]
        first, second = (tab.result(LONGEST) for tab in asked)
        assert first["id"] == second["id"]
    assert len(set(CartState.objects.values_list("guid", flat=True))) == 5


@pytest.mark.parametrize(
    "held_at",
    [
        pytest.param(("SELECT", STATES), id="after it read the cart"),
        pytest.param(("INSERT", STATES), id="before it notes the state"),
    ],
)
def test_a_button_pressed_twice_makes_no_second_guid_of_the_last_state(tabs, held_at):
    visitor, thing = browser(), product()
    add(visitor, thing)
    stop = Stop(*held_at)
    slow = tabs.submit(told_slowly, another_tab(visitor), stop)
    assert stop.is_reached.wait(LONGEST)
    add(visitor, thing)
    quick = ask(visitor).json()["cart"]
    stop.goes_on.set()
    late = slow.result(LONGEST)
    assert amounts(quick) == amounts(late) == ["2"]
    assert late["id"] == quick["id"]
    assert ask(visitor).json()["cart"]["id"] == quick["id"]
    key = CartState.objects.first().cart_key
    state = CartState.objects.order_by("pk").last()
    assert CartState.objects.last_guid(state.connection_id, key) == quick["id"]


def test_what_was_noted_late_does_not_become_the_last_state(tabs):
    visitor, mug, tea = browser(), product(), product()
    add(visitor, mug)
    stop = Stop("INSERT", STATES)
    slow = tabs.submit(told_slowly, another_tab(visitor), stop)
    assert stop.is_reached.wait(LONGEST)
    ask(visitor)
    add(visitor, tea)
    newest = ask(visitor).json()["cart"]
    stop.goes_on.set()
    assert slow.result(LONGEST)["id"] == newest["id"]
    state = CartState.objects.order_by("pk").last()
    assert CartState.objects.last_guid(state.connection_id, state.cart_key) == newest["id"]


def test_nobody_waits_for_a_tab_that_is_held(tabs):
    visitor, thing = browser(), product()
    add(visitor, thing)
    stop = Stop("INSERT", STATES)
    slow = tabs.submit(told_slowly, another_tab(visitor), stop)
    assert stop.is_reached.wait(LONGEST)
    with database.execute_wrapper(_impatient):
        assert amounts(ask(visitor).json()["cart"]) == ["1"]
    assert not slow.done()
    stop.goes_on.set()
    slow.result(LONGEST)


def _impatient(execute: Any, sql: str, *given: Any) -> Any:
    assert "FOR UPDATE" not in sql
    assert "ON CONFLICT" not in sql
    return execute(sql, *given)
