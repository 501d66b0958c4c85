"""What a destination says becomes storable where it becomes a value of ours."""

from __future__ import annotations

import math

import pytest

from esputnik_connector import storable
from esputnik_connector.destinations.base import AccountInfo, Receipt
from esputnik_connector.exceptions import CredentialsError, RejectedError, TemporaryError
from esputnik_connector.halving import Halving
from esputnik_connector.records import Kind, Outcome

ODD = "\ud83d\x00"


@pytest.mark.parametrize("text", ["", "Refused", "Відмовлено 👍", "a\nb"])
def test_what_a_database_stores_stays_as_it_is(text):
    assert storable.words(text) == text
    assert storable.identifier(text) == text


def test_what_no_database_stores_is_replaced_and_long_texts_are_cut():
    assert storable.words(f"bad{ODD} name") == "bad\ufffd\ufffd name"
    assert len(storable.words("x" * 5000)) == storable.WORDS_LENGTH


@pytest.mark.parametrize("value", [ODD, "x" * 101])
def test_an_id_is_never_changed_into_another_one(value):
    assert storable.identifier(value) == ""


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, 0.0])
def test_a_wait_that_is_none_is_zero(value):
    assert storable.seconds(value) == 0.0


@pytest.mark.parametrize("kind", [TemporaryError, CredentialsError, RejectedError])
def test_every_error_of_a_destination_has_a_storable_text(kind):
    assert str(kind(f"no {ODD}", status=500)) == "no \ufffd\ufffd"


def test_receipts_and_accounts_hold_storable_values_only():
    receipt = Receipt(
        kind=Kind.ORDER,
        key="1",
        outcome=Outcome.DELIVERED,
        detail=ODD,
        session=ODD,
        remote_id=ODD,
        retry_after=math.inf,
    )
    assert (receipt.detail, receipt.session, receipt.remote_id) == ("\ufffd\ufffd", "", "")
    assert receipt.retry_after == 0
    assert AccountInfo(organisation=ODD).organisation == "\ufffd\ufffd"


def test_halving_finds_every_culprit_and_keeps_the_order():
    bad, tried, sent = {3, 7}, [], []
    parts = Halving(list(range(10)))
    for part in parts:
        tried.append(list(part))
        if not bad & set(part):
            sent += part
        elif not parts.halve(part):
            assert set(part) <= bad
    assert sent == [0, 1, 2, 4, 5, 6, 8, 9]
    assert max(map(tried.count, tried)) == 1


def test_what_is_left_of_a_batch_is_told_once():
    parts = Halving([1, 2, 3, 4])
    seen = []
    for part in parts:
        if len(part) == 4:
            assert parts.halve(part)
        else:
            seen += part
            assert parts.rest() == [3, 4]
    assert seen == [1, 2]
    assert list(Halving([])) == []
