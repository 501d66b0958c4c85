"""How the benchmarks of pages compare two ways that take turns."""

from __future__ import annotations

import gc
import random
import time

import pytest
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from tests.benchmarks.clocked import Asked, ClockedHandler, Difference, settled, typical


def work(times: int) -> None:
    for _ in range(times):
        len("")


def a_page(_request: HttpRequest) -> HttpResponse:
    work(100)
    return HttpResponse("an answer")


urlpatterns = [path("", a_page)]


def asked(*seconds: float) -> list[Asked]:
    return [Asked(each, each, 1, 0) for each in seconds]


def noisy(more: float, *, pages: int, spread: float) -> Difference:
    """Of pages of 40 ms, one of which takes ``more`` seconds longer, beside a restless neighbour
    who gets slower and slower."""
    chance = random.Random(7)
    slow = [0.04 + 0.0005 * number for number in range(pages)]
    plain = asked(*(each + chance.gauss(0, spread) for each in slow))
    ours = asked(*(each + more + chance.gauss(0, spread) for each in slow))
    return Difference.of(plain, ours)


def test_a_difference_is_that_of_pages_which_took_turns():
    found = Difference.of(asked(0.040, 0.090, 0.041), asked(0.0405, 0.0905, 0.0415))
    assert found.seconds == pytest.approx(0.0005)
    assert found.allowed == pytest.approx(0.041 * 0.03)
    assert found.is_kept


def test_of_a_quick_page_a_millisecond_is_allowed():
    assert Difference.of(asked(0.010), asked(0.011)).allowed == 0.001


def test_what_is_more_than_promised_is_found_among_noise_of_the_same_size():
    assert not noisy(0.006, pages=100, spread=0.004).is_kept
    assert noisy(0.0, pages=100, spread=0.004).is_kept


def test_few_restless_pages_are_not_clear_and_many_are():
    assert not noisy(0.001, pages=10, spread=0.004).is_clear
    assert noisy(0.0, pages=400, spread=0.004).is_clear
    broken = noisy(0.006, pages=400, spread=0.004)
    assert broken.is_clear
    assert not broken.is_kept


def test_the_bounds_hold_what_is_so():
    found = noisy(0.002, pages=200, spread=0.003)
    assert found.least < 0.002 < found.most
    assert found.least < found.seconds < found.most


def test_the_typical_page_is_the_median_of_each_figure():
    some = [Asked(3, 1, 2, 10), Asked(1, 3, 2, 30), Asked(2, 2, 2, 20)]
    assert typical(some) == Asked(2, 2, 2, 20)


@pytest.fixture
def client(settings) -> Client:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    made = Client()
    made.handler = ClockedHandler(is_counting=True)
    return made


def test_what_is_done_after_the_answer_counts_for_the_server_alone(client):
    def late(**_: object) -> None:
        work(1000)
        time.sleep(0.02)

    for _ in range(2):  # the first one loads
        client.get("/")
    plain = client.handler.clocked
    request_finished.connect(late)
    try:
        client.get("/")
    finally:
        request_finished.disconnect(late)
    found = client.handler.clocked
    assert found.answered.calls < plain.answered.calls + 100
    assert found.whole.calls >= found.answered.calls + 1000
    assert found.whole.seconds >= found.answered.seconds + 0.02


def test_memory_is_tidied_up_between_pages_and_not_within(client):
    with settled():
        assert not gc.isenabled()
        before = gc.get_stats()[2]["collections"]
        client.get("/")
        assert gc.get_stats()[2]["collections"] == before + 1
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
