"""The one bad record of a batch is found by halving, and none is tried less or more often."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esputnik_connector.halving import Halving, halves

BATCHES = st.lists(st.integers(), unique=True, max_size=60)


def sent_with(batch: list[int], bad: set[int]) -> tuple[list[int], list[int], int]:
    """(accepted, refused, requests) when a request with a bad record is refused as a whole."""
    accepted: list[int] = []
    refused: list[int] = []
    requests = 0
    parts = Halving(batch)
    for part in parts:
        requests += 1
        if not bad & set(part):
            accepted += part
        elif not parts.halve(part):
            refused += part
    return accepted, refused, requests


@given(BATCHES)
def test_the_halves_are_the_batch_and_the_second_is_never_the_smaller(batch):
    first, second = halves(batch)
    assert [*first, *second] == batch
    assert len(first) <= len(second) <= len(first) + 1


@given(BATCHES, st.data())
def test_each_record_is_accepted_or_refused_once_and_in_order(batch, data):
    bad = set(data.draw(st.lists(st.sampled_from(batch), unique=True))) if batch else set()
    accepted, refused, _requests = sent_with(batch, bad)
    assert accepted == [one for one in batch if one not in bad]
    assert refused == [one for one in batch if one in bad]


def test_a_good_batch_is_one_request_and_an_empty_one_none():
    assert sent_with(list(range(100)), set())[2] == 1
    assert sent_with([], set())[2] == 0


def test_one_culprit_costs_a_number_of_requests_that_grows_with_the_logarithm():
    assert sent_with(list(range(64)), {17})[2] == 2 * 6 + 1
    assert sent_with(list(range(1024)), {17})[2] == 2 * 10 + 1


def test_what_was_not_tried_is_left_and_then_nothing_is():
    parts = Halving([1, 2, 3, 4])
    seen = []
    for part in parts:
        seen.append(list(part))
        if len(seen) == 1:
            assert parts.halve(part)
        elif len(seen) == 2:
            assert parts.rest() == [3, 4]
    assert seen == [[1, 2, 3, 4], [1, 2]]
    assert parts.rest() == []


def test_a_single_record_cannot_be_halved():
    parts = Halving(["only"])
    assert [parts.halve(part) for part in parts] == [False]
